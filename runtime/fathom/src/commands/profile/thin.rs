//! Observing everything costs more than a call itself where something is hit all the time. What is hit most is left out
//! until a call takes at most twice its time, measured on one input. Not for breakpoints that somebody has named.

use super::{ProfileArgs, bench::Bench};
use crate::{guest::Guest, output, progress};
use host::{Body, Event};
use std::collections::HashMap;
use trace::{Breakpoint, Nanos, Outcome, PlannedPlace, Selection, Trace};

/// What observing may cost, as a multiple of the call's own time, that of counting live bytes included.
const MOST_COST: f64 = 0.9;
/// What is aimed at where it costs more: the next measurement may say otherwise.
const AIMED_COST: f64 = 0.6;
/// Seconds a call that nobody notices.
const UNNOTICED: f64 = 0.005;
/// Times that something is left out, and looked at again.
const ROUNDS: usize = 4;
/// A call of the host costs about as much as so many hits without one.
const HITS_PER_HOST_CALL: u64 = 25;
/// Hits of a place that are all kept in full, with a call of the host each; see `host`'s recorder.
const KEPT: u64 = 256;
/// An observed call may take so much longer than the call alone before it is given up, whatever the limit is.
const PATIENCE: u64 = 50;
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
        // A rather large input: that is where the time goes.
        let mut by_size: Vec<&Event> = events.iter().collect();
        by_size.sort_by_key(|event| body_bytes(event));
        let Some(event) = by_size.get(by_size.len() * 3 / 4) else {
            return Ok(self);
        };
        let spinner = progress::spinner("looking for what is hit too often".to_owned());
        let thinned = self.thinned_on(event, guest, args).await;
        spinner.finish_and_clear();
        let (bench, left_out) = thinned?;
        bench.forget_calls();
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
        let Some(alone) = alone.quickest(event, None).await? else {
            return Ok((self, left_out));
        };
        let own = alone.cpu.as_seconds();
        let patience = Nanos(alone.wall.0.saturating_mul(PATIENCE));
        for _ in 0..ROUNDS {
            let Some(observed) = self.quickest(event, Some(patience)).await? else {
                break;
            };
            let cost = observed.cpu.as_seconds() - own;
            if cost <= (MOST_COST * own).max(UNNOTICED) {
                break;
            }
            let weights = weights(&observed);
            let all: u64 = weights.values().sum();
            let aimed = AIMED_COST / MOST_COST * (MOST_COST * own).max(UNNOTICED);
            let allowed = (all as f64 * aimed / cost) as u64;
            let (kept, hot) = split(armed(&observed).collect(), &weights, allowed);
            if hot.is_empty() {
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

    /// The quickest of some calls, each of which may take `at_least` so long; `None` where one does not succeed.
    async fn quickest(
        &self,
        event: &Event,
        at_least: Option<Nanos>,
    ) -> anyhow::Result<Option<Trace>> {
        const MOST_CALLS: usize = 3;
        const ENOUGH_SECONDS: f64 = 0.2;
        let mut quickest: Option<Trace> = None;
        for _ in 0..MOST_CALLS {
            let trace = self.try_out(event.clone(), at_least).await?;
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
    probes.map(|probe| PlannedPlace::of(&probe.breakpoint, &probe.variable))
}

/// What each place costs, in hits.
fn weights(trace: &Trace) -> HashMap<PlannedPlace, u64> {
    let observed = trace.observations.iter();
    observed
        .map(|observed| {
            let place = PlannedPlace::of(&observed.breakpoint, &observed.variable);
            // Then every second one is, every fourth, and so on, and the host is called about once more for each.
            let thinned = (observed.count / KEPT).checked_ilog2().map_or(0, u64::from);
            let host_calls = match observed.count {
                0..=KEPT => observed.count,
                _ => 2 * (KEPT + KEPT / 2 * thinned),
            };
            (place, observed.count + HITS_PER_HOST_CALL * host_calls)
        })
        .collect()
}

/// What is kept of the places, and what is not, so that what is kept weighs no more than is allowed. At least one that is hit
/// is kept.
fn split(
    places: Vec<PlannedPlace>,
    weights: &HashMap<PlannedPlace, u64>,
    allowed: u64,
) -> (Vec<PlannedPlace>, Vec<PlannedPlace>) {
    let weight = |place: &PlannedPlace| weights.get(place).copied().unwrap_or(0);
    let is_hit = |place: &PlannedPlace| weight(place) > 0;
    let most = most_weight(weights, allowed);
    let any = places.iter().any(|p| is_hit(p) && weight(p) <= most);
    if any {
        return places.into_iter().partition(|place| weight(place) <= most);
    }
    // They are all alike: as many as there is room for, in the order in which they were found.
    let mut room = allowed;
    let (mut kept, mut hot): (Vec<PlannedPlace>, Vec<PlannedPlace>) =
        places.into_iter().partition(|place| {
            let fits = weight(place) <= room;
            if fits {
                room -= weight(place);
            }
            fits
        });
    if !kept.iter().any(is_hit)
        && let Some(coolest) = (0..hot.len()).min_by_key(|&at| weight(&hot[at]))
    {
        kept.push(hot.remove(coolest));
    }
    (kept, hot)
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

/// Bytes of standard input; 0 where they are not known before they are read.
fn body_bytes(event: &Event) -> u64 {
    match &event.body {
        Body::Bytes(bytes) => bytes.len() as u64,
        Body::File(path) => path.metadata().map_or(0, |file| file.len()),
        Body::Empty | Body::Inherited => 0,
    }
}
