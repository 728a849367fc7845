//! What rules for sizing would have done with recorded calls, each sized only from those before it: the proof that one wastes
//! less than another and fails as rarely. Pure: which calls, and what becomes of the answer, is for the caller.
//!
//! Calls that came from outside are replayed in the order in which they were made; those of a sweep, whose order means
//! nothing, in 20 seeded orders, of which the mean is told. A call of a function of which fewer than five distinct inputs were
//! seen is given what it is given today, by every rule: that counts as waste, and not as a failure. Calls that did not run to
//! their own end, or in what other calls have left, are not counted; rules that can, learn from the former that they needed as much as
//! they had at least.

pub(crate) mod call;
pub(crate) mod fathom;
mod rules;
mod tally;

use crate::features;
use crate::settings::{CheckedSettings, Order, Settings};
use crate::statistics::{binomial_at_least, clopper_pearson_upper};
use call::Call;
use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};
use rules::{Named, OURS, RULES};
use std::collections::HashSet;
use tally::Tally;
use trace::{Bytes, Calibrated, FunctionId, Replayed, RuleReplayed, Trace};

/// Distinct inputs that are given what they are given today.
const FIRST: usize = 5;

/// Orders in which the calls of a sweep are replayed.
const SHUFFLES: usize = 20;

/// What is replayed.
pub struct Replaying<'a> {
    /// The calls of each function; each module is a function of its own.
    pub functions: &'a [(FunctionId, Vec<Trace>)],
    /// The failure rate asked for, what calls are given today where that is not recorded (`baseline`), and the seed.
    pub settings: &'a CheckedSettings,
    /// What every call is given today, whatever is recorded.
    pub preset: Option<Bytes>,
}

/// Replays the calls by every rule. `progress` is told after each function.
pub fn replay(replaying: &Replaying, progress: &dyn Fn()) -> Replayed {
    let settings = replaying.settings.get();
    let tallies = replaying.tallies(&RULES, settings, progress);
    let of_preset = tallies.first().map_or(0.0, Tally::waste);
    let rules = RULES
        .iter()
        .zip(&tallies)
        .map(|(rule, tally)| RuleReplayed {
            rule: rule.name.to_owned(),
            waste_share_of_preset: (of_preset > 0.0).then(|| tally.waste() / of_preset),
            waste_gb_seconds: tally.waste() / 1e9,
            first_try_failures: tally.failure_rate(),
            chance_of_as_many_failures: rule.promises.then(|| {
                let (sized, failures) = tally.sized();
                binomial_at_least(failures, sized, settings.failure_rate)
            }),
            median_allocated_over_used: tally.median_ratio(),
            within_10_percent: tally.within_tenth(),
        });
    let is_told = |trace: &&Trace| trace.is_measurement();
    let has_some = |traces: &[Trace]| traces.iter().any(|trace| trace.is_measurement());
    let functions = || replaying.functions.iter().map(|(_, traces)| traces);
    Replayed {
        schema: Replayed::SCHEMA.to_owned(),
        calls: tallies.first().map_or(0, Tally::calls),
        functions: functions().filter(|traces| has_some(traces)).count(),
        left_out: functions()
            .flatten()
            .filter(|trace| !is_told(trace))
            .count(),
        is_timed: replaying.is_timed(),
        failure_rate: settings.failure_rate,
        rules: rules.collect(),
        calibration: Vec::new(),
    }
}

/// Replays the calls by our rules where so many of them may fail, for each of the rates: what is asked against what is observed.
/// `progress` is told after each function at each rate.
pub fn calibration(replaying: &Replaying, rates: &[f64], progress: &dyn Fn()) -> Vec<Calibrated> {
    let mut calibrated: Vec<Vec<Calibrated>> = OURS.iter().map(|_| Vec::new()).collect();
    for &asked in rates {
        let settings = Settings {
            failure_rate: asked,
            ..*replaying.settings.get()
        };
        let tallies = replaying.tallies(&OURS, &settings, progress);
        for ((rule, tally), of_rule) in OURS.iter().zip(&tallies).zip(&mut calibrated) {
            let (calls, failures) = tally.sized();
            // Of no call nothing is observed.
            if calls == 0 {
                continue;
            }
            of_rule.push(Calibrated {
                rule: rule.name.to_owned(),
                asked,
                calls,
                observed: failures as f64 / calls.max(1) as f64,
                low: 1.0 - clopper_pearson_upper(calls - failures.min(calls), calls, ONE_SIDE),
                high: clopper_pearson_upper(failures, calls, ONE_SIDE),
            });
        }
    }
    calibrated.into_iter().flatten().collect()
}

/// Confidence of one end of an interval of 95 %.
const ONE_SIDE: f64 = 0.975;

impl Replaying<'_> {
    /// What each rule does with the calls.
    fn tallies(&self, rules: &[Named], settings: &Settings, progress: &dyn Fn()) -> Vec<Tally> {
        let mut tallies: Vec<Tally> = rules.iter().map(|_| Tally::default()).collect();
        let is_timed = self.is_timed();
        for (_, traces) in self.functions {
            let features = features::early(traces);
            let preset = |trace: &Trace| {
                let recorded = || trace.preset().unwrap_or(settings.baseline);
                self.preset.unwrap_or_else(recorded)
            };
            let calls = call::calls(traces, &features, preset, is_timed);
            let order = order(traces);
            for ordered in orders(order, &calls, settings.seed) {
                for (rule, tally) in rules.iter().zip(&mut tallies) {
                    let mut rule = (rule.make)(&rules::Of {
                        calls: &calls,
                        features: &features,
                        settings,
                        order,
                    });
                    walk(&calls, &ordered.rows, rule.as_mut(), tally, ordered.weight);
                }
            }
            progress();
        }
        tallies
    }

    /// Whether it is recorded how long calls ran.
    fn is_timed(&self) -> bool {
        let mut all = self.functions.iter().flat_map(|(_, traces)| traces);
        all.any(|trace| trace.is_measurement() && trace.wall.0 > 0)
    }
}

/// One order of the calls, and what it counts.
struct Ordered {
    rows: Vec<usize>,
    weight: f64,
}

fn orders(order: Order, calls: &[Call], seed: u64) -> Vec<Ordered> {
    let rows: Vec<usize> = (0..calls.len()).collect();
    match order {
        Order::Stream => vec![Ordered { rows, weight: 1.0 }],
        Order::Sweep => {
            let mut random = SmallRng::seed_from_u64(seed);
            let shuffled = (0..SHUFFLES).map(|_| {
                let mut rows = rows.clone();
                rows.shuffle(&mut random);
                Ordered {
                    rows,
                    weight: 1.0 / SHUFFLES as f64,
                }
            });
            shuffled.collect()
        }
    }
}

/// What the order of these calls means: a stream is what has mostly come from outside.
pub fn order(traces: &[Trace]) -> Order {
    let outside = traces.iter().filter(|trace| trace.is_of_a_stream()).count();
    if 2 * outside > traces.len() {
        Order::Stream
    } else {
        Order::Sweep
    }
}

/// Sizes the calls one after the other.
fn walk(
    calls: &[Call],
    order: &[usize],
    rule: &mut dyn rules::Rule,
    tally: &mut Tally,
    weight: f64,
) {
    let mut inputs = HashSet::new();
    for call in order.iter().map(|&row| &calls[row]) {
        let is_first = inputs.len() < FIRST;
        let given = match is_first {
            true => rules::Given::all_the_time(call.preset),
            false => rule.size(call),
        };
        if call.ended {
            tally.add(call, given, is_first, weight);
            inputs.insert(call.input);
        }
        rule.see(call, given);
    }
}
