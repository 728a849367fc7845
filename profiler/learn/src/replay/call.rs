//! A recorded call, as rules see it. Nothing of a call is known before it has ended but what `known` says.

use crate::lead::Lead;
use crate::online::Known;
use std::collections::HashMap;
use trace::{Aggregate, Breakpoint, Bytes, Feature, Moment, Observed, PAGE, Trace};

/// What counts as a time in milliseconds: from 1973 to 2286. What orders calls beside that counts something else.
const TIMES: std::ops::Range<u64> = 100_000_000_000..10_000_000_000_000;

/// A recorded call.
pub(crate) struct Call {
    /// Which of the distinct inputs it had.
    pub(crate) input: usize,
    /// What it needed, bytes; where it did not end, what it needed at least.
    pub(crate) need: f64,
    /// Whether it ran to its own end.
    pub(crate) ended: bool,
    /// How long it ran, seconds; one where no time of any call is recorded.
    pub(crate) seconds: f64,
    /// What such a call is given today, bytes.
    pub(crate) preset: f64,
    /// When it began, milliseconds since 1970-01-01 UTC; `None` where calls are ordered by something else.
    pub(crate) began: Option<f64>,
    /// What is known of it, in the order of the features.
    pub(crate) known: Vec<Known>,
    /// What it had before it grew, bytes.
    pub(crate) start: f64,
    /// In what steps memory can be given, bytes.
    pub(crate) step: f64,
}

impl Call {
    /// What it had grown to when what is known of it since `at` seconds was known, bytes.
    pub(crate) fn had_at(&self, at: f64) -> f64 {
        let until = self.known.iter().filter(|known| known.at_seconds <= at);
        let had = until.map(|known| self.need - known.ahead * (self.need - self.start));
        had.fold(self.start, f64::max)
    }
}

/// The calls in order of time, and what is known of them. `is_timed`: how long calls ran is recorded.
pub(crate) fn calls(
    traces: &[Trace],
    features: &[Feature],
    preset: impl Fn(&Trace) -> Bytes,
    is_timed: bool,
) -> Vec<Call> {
    let mut by_time: Vec<&Trace> = traces.iter().filter(|trace| is_told(trace)).collect();
    // A stable sort: what began in the same millisecond stays as it was recorded.
    by_time.sort_by_key(|trace| trace.started_unix_ms);
    let mut inputs: HashMap<&str, usize> = HashMap::new();
    let calls = by_time.into_iter().map(|trace| {
        let next = inputs.len();
        Call {
            input: *inputs.entry(&trace.input.digest).or_insert(next),
            need: trace.needed().as_f64(),
            ended: trace.is_measurement(),
            seconds: if is_timed {
                trace.wall.as_seconds()
            } else {
                1.0
            },
            preset: preset(trace).as_f64(),
            began: TIMES
                .contains(&trace.started_unix_ms)
                .then_some(trace.started_unix_ms as f64),
            known: features
                .iter()
                .map(|feature| known(trace, feature))
                .collect(),
            start: trace.committed_start.as_f64(),
            step: match trace.imported {
                // What a process needs comes in no pages of a guest; no provider sells finer than this.
                Some(_) => Bytes::mib(1).as_f64(),
                None => PAGE.as_f64(),
            },
        }
    });
    calls.collect()
}

/// Whether anything can be learned from it.
fn is_told(trace: &Trace) -> bool {
    use trace::Outcome::{Limited, TimedOut};
    let is_bound = matches!(trace.outcome, Limited | TimedOut) && trace.had_fresh_sandbox();
    trace.is_measurement() || is_bound
}

/// What a feature says of a call, and when.
pub(crate) fn known(trace: &Trace, feature: &Feature) -> Known {
    let mut observed = trace.observations.iter();
    let of = |o: &&Observed| o.variable == feature.variable && o.breakpoint == feature.breakpoint;
    let observed = observed.find(of);
    let value = match observed {
        Some(observed) => observed.aggregated(feature.aggregate),
        // A word that nobody has said.
        None => feature.value_in(&[]),
    };
    let moment = observed.and_then(|o| match feature.aggregate {
        Aggregate::First => o.first_moment,
        _ => o.last_moment,
    });
    if feature.breakpoint == Breakpoint::Input {
        return Known {
            value: value.unwrap_or(f64::NAN),
            at_seconds: 0.0,
            ahead: 1.0,
        };
    }
    Known {
        value: value.unwrap_or(f64::NAN),
        at_seconds: moment
            .map_or(trace.wall, |moment: Moment| moment.at)
            .as_seconds(),
        ahead: Lead::at(trace, moment).share,
    }
}
