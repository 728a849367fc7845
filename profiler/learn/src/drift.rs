//! Whether a plan still holds: a sequential test on its misses, call by call, in constant time and space.
//!
//! A call misses if it needs more than the plan's bound, or does not reach what the plan reads. The plan allows a share of
//! misses: the failure rate asked for, or 1 in n + 1 where n inputs back no less. How the evidence against that is weighed is said in
//! `evidence`: while calls miss with no more, it ever reaches 1,000 with a probability of at most 1 / 1,000.
//!
//! A plan of few inputs may have had an unlucky bound from the beginning. It is found out as well, and called stale: what
//! helps is the same, to learn again with the calls made since.

use crate::evidence::Evidence;
use crate::margin::{Rule, size};
use serde::{Deserialize, Serialize};
use trace::{Aggregate, Bytes, Drift, Feature, PredictivePlan, Stale, StaleReason, Trace};

/// From this e-value on a plan is stale.
const ALARM: f64 = 1_000.0;

/// What has been seen of a plan since it was learned: a few numbers, whatever the number of calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct DriftState {
    calls: u64,
    misses: Misses,
    /// Calls outside the range, missed or not.
    outside: u64,
    evidence: Evidence,
    stale: Option<Stale>,
}

/// Misses by their kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Misses {
    /// Outside the range that was learned.
    outside: u64,
    /// A planned breakpoint was not reached.
    unreached: u64,
    /// More than the bound, with values like those learned.
    inside: u64,
}

impl Misses {
    fn all(self) -> u64 {
        self.outside + self.unreached + self.inside
    }
}

/// What a plan says of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Predicted {
    /// The prediction.
    pub predicted: Bytes,
    /// What the call is expected not to exceed.
    pub bound: Bytes,
}

/// What the plan says of a call, from what was observed of it; `None` where something it reads was not observed.
pub fn predict(plan: &PredictivePlan, trace: &Trace) -> Option<Predicted> {
    let rule = Rule {
        factor: plan.bound.margin,
        bounds: plan.bound.call_bounds(),
        from: None,
    };
    let value_of = |feature: &Feature| value(plan, trace, feature);
    let (predicted, bound) = size(&plan.model, &rule, &value_of)?;
    Some(Predicted {
        predicted: Bytes::from_f64(predicted),
        bound,
    })
}

/// A breakpoint that was not always reached was reached 0 times, and no larger value than 0 was seen there.
fn value(plan: &PredictivePlan, trace: &Trace, feature: &Feature) -> Option<f64> {
    let may_be_missing = || {
        let counted = matches!(
            feature.aggregate,
            Aggregate::Count | Aggregate::Sum | Aggregate::Max
        );
        let mut planned = plan.variables.iter().filter(|v| v.feature() == *feature);
        (counted && planned.any(|v| !v.always_reached)).then_some(0.0)
    };
    trace.value_of(feature).or_else(may_be_missing)
}

impl DriftState {
    /// Nothing seen yet.
    pub fn new() -> DriftState {
        DriftState::default()
    }

    /// Takes in one call made after the plan was learned. Calls that did not run to their own end count only where they
    /// had taken more than the bound by then. After the plan has become stale, calls are counted and no more is decided.
    pub fn see(&mut self, plan: &PredictivePlan, trace: &Trace) {
        if trace.function.digest != plan.function.digest {
            self.calls += 1;
            self.become_stale(
                trace,
                StaleReason::NewModule,
                format!(
                    "the module is {}, the plan is for {}",
                    trace.function.digest, plan.function.digest
                ),
            );
            return;
        }
        if !trace.had_fresh_sandbox() {
            return;
        }
        let predicted = predict(plan, trace);
        let exceeds = predicted.is_some_and(|p| trace.needed() > p.bound);
        if !trace.is_measurement() && !exceeds {
            return;
        }
        let outside = is_outside(plan, trace);
        self.calls += 1;
        self.outside += u64::from(outside);
        match predicted {
            None => self.misses.unreached += 1,
            Some(_) if exceeds && outside => self.misses.outside += 1,
            Some(_) if exceeds => self.misses.inside += 1,
            Some(_) => {}
        }
        let missed = exceeds || predicted.is_none();
        self.evidence.see(plan.bound.backed_rate, missed);
        if self.evidence.e_value() >= ALARM {
            let (reason, why) = self.why(plan);
            self.become_stale(trace, reason, why);
        }
    }

    fn become_stale(&mut self, trace: &Trace, reason: StaleReason, why: String) {
        if self.stale.is_none() {
            self.stale = Some(Stale {
                since_call: self.calls,
                input: trace.input.label.clone(),
                reason,
                why,
            });
        }
    }

    /// The reason is what most misses have in common.
    fn why(&self, plan: &PredictivePlan) -> (StaleReason, String) {
        let Misses {
            outside,
            unreached,
            inside,
        } = self.misses;
        let misses = self.misses.all();
        let of = |part: u64| format!("{part} of {misses} misses");
        if outside >= unreached && outside >= inside {
            let ranges = plan.model.ranges();
            let ranges: Vec<String> = ranges
                .iter()
                .map(|s| format!("`{}` {}..{}", s.predictor, s.min, s.max))
                .collect();
            let why = format!(
                "{} lie outside what was learned, {}",
                of(outside),
                ranges.join(", ")
            );
            (StaleReason::NewRange, why)
        } else if unreached >= inside {
            let places = plan.places().into_iter();
            let places: Vec<String> = places
                .map(|p| format!("`{}` at {}", p.variable, p.breakpoint))
                .collect();
            let why = format!(
                "in {} what the plan reads, {}, was not reached",
                of(unreached),
                places.join(", ")
            );
            (StaleReason::OtherPath, why)
        } else {
            let why = format!(
                "{} need more than the bound with values like those learned from: by another way through the code, or too few \
                 inputs were learned from",
                of(inside)
            );
            (StaleReason::OtherPath, why)
        }
    }

    /// What has been seen so far.
    pub fn drift(&self, plan: &PredictivePlan) -> Drift {
        Drift {
            calls: self.calls,
            misses: self.misses.all(),
            outside: self.outside,
            allowed_rate: plan.bound.backed_rate,
            e_value: self.evidence.e_value(),
            alarm_at: ALARM,
            stale: self.stale.clone(),
        }
    }
}

/// Whether some variable of the call lies outside the range that was learned.
fn is_outside(plan: &PredictivePlan, trace: &Trace) -> bool {
    let outside = |seen: &trace::SeenRange| {
        let x = seen.predictor.value(|f| value(plan, trace, f));
        x.is_some_and(|x| !seen.holds(x)) && seen.is_of(|f| value(plan, trace, f))
    };
    plan.model.seen.iter().any(outside)
}
