//! What would have happened, had each recorded call been given what was learned from those before it only.
//! Never looks ahead; makes no recommendation.

use crate::data::FEWEST;
use crate::explain::{Explained, Problem, explain};
use crate::features::Column;
use crate::margin::{CAP, FEW, Foretold, Rule, rule, size};
use crate::settings::{Order, Settings};
use crate::statistics::{clopper_pearson_upper, conformal_rank};
use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};
use std::borrow::Cow;
use trace::{Bytes, CallBounds, Feature, Model, Replay, Target};

/// The rows in the order of replay.
pub(crate) fn order(started: &[u64], settings: &Settings) -> Vec<usize> {
    let mut rows: Vec<usize> = (0..started.len()).collect();
    match settings.order {
        Order::Sweep => rows.shuffle(&mut SmallRng::seed_from_u64(settings.seed ^ 0x5eed)),
        Order::Stream => rows.sort_by_key(|&row| started[row]),
    }
    rows
}

/// The needs of the inputs seen so far, bytes.
#[derive(Clone, Copy)]
pub(crate) struct Needs {
    inputs: usize,
    smallest: f64,
    pub(crate) largest: f64,
}

impl Needs {
    pub(crate) fn none() -> Needs {
        Needs {
            inputs: 0,
            smallest: f64::INFINITY,
            largest: 0.0,
        }
    }

    pub(crate) fn of(needs: &[f64]) -> Needs {
        let mut seen = Needs::none();
        needs.iter().for_each(|need| seen.add(*need));
        seen
    }

    fn add(&mut self, need: f64) {
        self.inputs += 1;
        self.smallest = self.smallest.min(need);
        self.largest = self.largest.max(need);
    }

    /// Whether many inputs all needed the same: then there is no spread to be careful about.
    pub(crate) fn are_one(&self) -> bool {
        self.inputs >= FEW && self.smallest == self.largest
    }

    /// What every call is given, in bytes: the bound of the next need, which is the largest seen, widened by 1 + 1/n, at
    /// most 15 %, as long as the rate is not backed. Never below the largest need, which is the floor.
    pub(crate) fn bound(&self, failure_rate: f64) -> f64 {
        if self.are_one() || conformal_rank(self.inputs, failure_rate) <= self.inputs {
            self.largest
        } else {
            self.largest * (1.0 + 1.0 / self.inputs.max(1) as f64).min(CAP)
        }
    }
}

/// Counts sized calls.
#[derive(Default)]
pub(crate) struct Tally {
    calls: usize,
    failures: usize,
    waste: f64,
    needed: f64,
}

impl Tally {
    pub(crate) fn add(&mut self, given: Bytes, needed: f64) {
        self.calls += 1;
        self.failures += usize::from(given.as_f64() < needed);
        self.waste += (given.as_f64() - needed).max(0.0);
        self.needed += needed;
    }

    pub(crate) fn replay(&self) -> Option<Replay> {
        (self.calls > 0).then(|| Replay {
            calls: self.calls,
            failures: self.failures,
            failure_rate_upper95: clopper_pearson_upper(self.failures, self.calls, 0.95),
            waste_share: if self.needed > 0.0 {
                self.waste / self.needed
            } else {
                0.0
            },
        })
    }
}

/// Replays the per-function rule; `None` where no call has five before it.
pub(crate) fn function(needs: &[f64], order: &[usize], failure_rate: f64) -> Option<Replay> {
    let mut tally = Tally::default();
    let mut seen = Needs::none();
    for (before, &row) in order.iter().enumerate() {
        if before >= FEWEST {
            let given = seen.bound(failure_rate);
            tally.add(
                Bytes::from_f64(given.ceil()).round_up_to_pages(),
                needs[row],
            );
        }
        seen.add(needs[row]);
    }
    tally.replay()
}

/// What replaying the per-call rule gave.
pub(crate) struct PerCall {
    pub(crate) replay: Option<Replay>,
    /// Predictions made one step ahead, for the margin.
    pub(crate) ahead: Vec<Foretold>,
}

/// What sizes single calls: the columns known early enough, and what the calls needed.
pub(crate) struct Early<'a> {
    pub(crate) columns: Vec<&'a Column>,
    pub(crate) needs: &'a [f64],
    /// The module's initial memory: no call can be given less.
    pub(crate) start: f64,
}

impl Early<'_> {
    fn problem(&self, rows: &[usize], seed: u64) -> Problem<'_> {
        let gather = |values: &[f64]| Cow::Owned(rows.iter().map(|&r| values[r]).collect());
        let columns = self.columns.iter().copied();
        let needs = gather(self.needs);
        Problem::new(columns, gather, needs, Target::Committed, seed)
    }

    fn column(&self, feature: &Feature) -> Option<&Column> {
        self.columns.iter().copied().find(|c| &c.feature == feature)
    }

    /// Share of the growth still ahead when a feature is known.
    pub(crate) fn lead(&self, feature: &Feature) -> Option<f64> {
        Some(self.column(feature)?.lead.share)
    }

    /// The model of the given rows, and the predictions made with each left out.
    pub(crate) fn learn(&self, rows: &[usize], seed: u64) -> Option<(Model, Vec<Foretold>)> {
        let problem = self.problem(rows, seed);
        let Explained {
            model, held_out, ..
        } = explain(&problem);
        let foretold = |(&predicted, &row): (&f64, &usize)| Foretold {
            predicted,
            needed: self.needs[row],
        };
        // Of what nothing is said, a call is given what all are.
        let left_out = held_out.iter().zip(rows).map(foretold);
        let left_out = left_out.filter(|f| f.predicted.is_finite()).collect();
        (!model.terms.is_empty()).then_some((model, left_out))
    }

    /// Floor and cap from the needs of the given rows.
    pub(crate) fn bounds(&self, rows: &[usize], settings: &Settings) -> CallBounds {
        let needs = rows.iter().map(|&r| self.needs[r]);
        let smallest = needs.clone().fold(f64::INFINITY, f64::min);
        let largest = needs.fold(0.0, f64::max);
        CallBounds {
            floor: Bytes::from_f64((smallest / 2.0).max(self.start).ceil()),
            cap: Bytes::from_f64((largest * CAP).ceil()),
            cap_outside: settings.order == Order::Stream,
            added: Bytes(0),
        }
    }
}

/// Replays the per-call rule. Where nothing learned so far predicts, a call is given what the function is given. Learned anew
/// for each of the first 20 calls, then each time the data has grown by a quarter, from 100 on each time it has doubled.
pub(crate) fn per_call(early: &Early, order: &[usize], settings: &Settings) -> PerCall {
    let mut tally = Tally::default();
    let mut ahead = Vec::new();
    let mut learned: Option<(Model, Rule)> = None;
    let mut next = FEWEST;
    let mut seen = Needs::none();
    for (before, &row) in order.iter().enumerate() {
        let needed = early.needs[row];
        if before == next {
            let rows = &order[..before];
            learned = early.learn(rows, settings.seed).map(|(model, left_out)| {
                let bounds = early.bounds(rows, settings);
                let rule = rule(&left_out, one_step(&ahead), settings.failure_rate, bounds);
                (model, rule)
            });
            next = later(before);
        }
        if before >= FEWEST {
            let value_of = |feature: &Feature| Some(early.column(feature)?.values[row]);
            let sized = learned
                .as_ref()
                .and_then(|(model, rule)| size(model, rule, &value_of));
            let function = || Bytes::from_f64(seen.bound(settings.failure_rate).ceil());
            tally.add(
                sized.map_or_else(|| function().round_up_to_pages(), |s| s.1),
                needed,
            );
            ahead.extend(sized.map(|(predicted, _)| Foretold { predicted, needed }));
        }
        seen.add(needed);
    }
    PerCall {
        replay: tally.replay(),
        ahead,
    }
}

/// Predictions one step ahead count once there are five of them.
pub(crate) fn one_step(ahead: &[Foretold]) -> &[Foretold] {
    if ahead.len() < FEWEST { &[] } else { ahead }
}

fn later(before: usize) -> usize {
    match before {
        0..20 => before + 1,
        20..100 => before + before / 4,
        _ => before * 2,
    }
}
