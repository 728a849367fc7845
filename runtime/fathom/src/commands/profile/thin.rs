//! Observing everything costs more than a call itself where something is hit all the time. What is hit most is left out
//! until a call takes at most twice its time, measured on one input. Not for breakpoints that somebody has named.

use super::{ProfileArgs, bench::Bench};
use crate::{guest::Guest, output, progress};
use host::Event;
use std::collections::HashMap;
use trace::{Breakpoint, Outcome, PlannedPlace, Selection, Trace};

/// What observing may cost, as a multiple of the call's own time, that of counting live bytes included.
const MOST_COST: f64 = 0.9;
/// What is aimed at where it costs more: the next measurement may say otherwise.
const AIMED_COST: f64 = 0.6;
/// Seconds a call that nobody notices.
const UNNOTICED: f64 = 0.005;
/// Times that something is left out, and looked at again.
const ROUNDS: usize = 4;
/// A call of the host costs as much as so many hits without one, and each of the first hits of a place has one.
const HITS_PER_HOST_CALL: u64 = 25;
const FIRST_HITS: u64 = 200;
/// What is hit as often but for this factor is left out together: it must not depend on chance which of them is.
const ALIKE: u64 = 4;

impl Bench {
    /// The same bench without what is hit too often.
    pub(super) async fn thinned(
        self,
        guest: &Guest,
        args: &ProfileArgs,
        events: &[Event],
    ) -> anyhow::Result<Bench> {
        // Of inputs from small to large a rather large one: that is where the time goes.
        let Some(event) = events.get(events.len() * 3 / 4) else {
            return Ok(self);
        };
        let spinner = progress::spinner("looking for what is hit too often".to_owned());
        let thinned = self.thinned_on(event, guest, args).await;
        spinner.finish_and_clear();
        let (bench, left_out) = thinned?;
        if let Some(note) = left_out.note() {
            output::note(note);
        }
        Ok(bench)
    }

    async fn thinned_on(
        mut self,
        event: &Event,
        guest: &Guest,
        args: &ProfileArgs,
    ) -> anyhow::Result<(Bench, LeftOut)> {
        let mut left_out = LeftOut::default();
        let nothing = Selection {
            breakpoints: vec!["input".to_owned()],
            ..self.loaded.selection.clone()
        };
        let alone = Bench::arm(guest, args, nothing, None)?;
        let Some(alone) = alone.quickest(event).await? else {
            return Ok((self, left_out));
        };
        let own = alone.cpu.as_seconds();
        for _ in 0..ROUNDS {
            let Some(observed) = self.quickest(event).await? else {
                break;
            };
            let cost = observed.cpu.as_seconds() - own;
            if cost <= (MOST_COST * own).max(UNNOTICED) {
                break;
            }
            let weights = weights(&observed);
            let all: u64 = weights.values().sum();
            let most = most_weight(&weights, (all as f64 * AIMED_COST * own / cost) as u64);
            let (kept, hot): (Vec<PlannedPlace>, Vec<PlannedPlace>) = armed(&observed)
                .partition(|place| weights.get(place).is_none_or(|weight| *weight <= most));
            if kept.is_empty() || hot.is_empty() {
                break;
            }
            left_out.add(hot, &kept, &weights);
            let fewer = Selection {
                only: kept,
                ..self.loaded.selection.clone()
            };
            self = Bench::arm(guest, args, fewer, None)?;
        }
        Ok((self, left_out))
    }

    /// The quickest of some calls; `None` where one does not succeed.
    async fn quickest(&self, event: &Event) -> anyhow::Result<Option<Trace>> {
        const MOST_CALLS: usize = 3;
        const ENOUGH_SECONDS: f64 = 0.2;
        let mut quickest: Option<Trace> = None;
        for _ in 0..MOST_CALLS {
            let trace = self.try_out(event.clone()).await?;
            if trace.outcome != Outcome::Succeeded {
                return Ok(None);
            }
            let enough = trace.cpu.as_seconds() > ENOUGH_SECONDS;
            if quickest.as_ref().is_none_or(|known| trace.cpu < known.cpu) {
                quickest = Some(trace);
            }
            if enough {
                break;
            }
        }
        Ok(quickest)
    }
}

/// Places that were left out.
#[derive(Default)]
struct LeftOut {
    places: usize,
    kept: usize,
    /// The one that was hit most.
    hottest: Option<PlannedPlace>,
}

impl LeftOut {
    fn add(
        &mut self,
        hot: Vec<PlannedPlace>,
        kept: &[PlannedPlace],
        weights: &HashMap<PlannedPlace, u64>,
    ) {
        self.places += hot.len();
        self.kept = kept.len();
        // What is left out first is hotter than all that is left out later.
        let hottest = hot
            .into_iter()
            .max_by_key(|place| weights.get(place).copied());
        self.hottest = self.hottest.take().or(hottest);
    }

    fn note(&self) -> Option<String> {
        let hottest = self.hottest.as_ref()?;
        Some(format!(
            "note: {} of {} places are left out, `{}` at {} among them: they are hit so often that learning would take more \
             than twice the time of the calls; named by --break they are observed all the same",
            self.places,
            self.places + self.kept,
            hottest.variable,
            hottest.breakpoint
        ))
    }
}

/// The places that have a probe, or are read by the host.
fn armed(trace: &Trace) -> impl Iterator<Item = PlannedPlace> {
    let probes = trace.armed.iter();
    let probes = probes.filter(|p| !matches!(p.breakpoint, Breakpoint::Input | Breakpoint::Open));
    probes.map(|probe| PlannedPlace {
        breakpoint: probe.breakpoint.clone(),
        variable: probe.variable.clone(),
    })
}

/// What each place costs, in hits.
fn weights(trace: &Trace) -> HashMap<PlannedPlace, u64> {
    let observed = trace.observations.iter();
    observed
        .map(|observed| {
            let place = PlannedPlace {
                breakpoint: observed.breakpoint.clone(),
                variable: observed.variable.clone(),
            };
            let host_calls = observed.count.min(FIRST_HITS);
            (place, observed.count + HITS_PER_HOST_CALL * host_calls)
        })
        .collect()
}

/// The largest weight that a place may have, so that all that are left have no more than what is allowed together.
fn most_weight(weights: &HashMap<PlannedPlace, u64>, allowed: u64) -> u64 {
    let mut sorted: Vec<u64> = weights.values().copied().collect();
    sorted.sort_unstable();
    let mut sum = 0u64;
    let over = sorted.iter().find(|weight| {
        sum = sum.saturating_add(**weight);
        sum > allowed
    });
    match over {
        None => u64::MAX,
        Some(first) => sorted
            .iter()
            .copied()
            .filter(|weight| weight.saturating_mul(ALIKE) <= *first)
            .max()
            .unwrap_or(0),
    }
}
