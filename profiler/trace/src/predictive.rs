//! The few variables worth keeping: a plan that predicts memory, learned once and then armed alone. What it takes to judge
//! it is in it. Choosing it is the work of `learn`, its file form that of the command line.

use crate::{
    Aggregate, Breakpoint, Bytes, CallBounds, Feature, FunctionId, Model, PlannedPlace, Screening,
};
use serde::{Deserialize, Serialize};

/// A plan that predicts the memory of a function's calls from a few variables, each known early.
///
/// Justifies the sentence "on inputs it had not seen the prediction was off by `model.held_out` in the middle case, and it
/// is made when `lead` of the growth is still to come". It holds for the module with this digest and no other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PredictivePlan {
    /// [`PredictivePlan::SCHEMA`].
    pub schema: String,
    /// Version of Fathom that learned it.
    pub fathom: String,
    /// The function, by name and by the digest of its module.
    pub function: FunctionId,
    /// The calls it was learned from.
    pub learned: LearnedFrom,
    /// What was asked of it.
    pub asked: AskedOfPlan,
    /// What is still ahead when the last of its variables is known, medians over the calls.
    pub ahead: StillAhead,
    /// How the choice among all candidates was guarded against chance; `None` where there was none to make.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub screening: Option<Screening>,
    /// What would predict better, but later; `None` where nothing does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUp>,
    /// From a prediction to what a call is allowed to need.
    pub bound: PlanBound,
    /// The variables, in the order of the model's terms; none where memory is the same for every call.
    #[serde(default, rename = "variable")]
    pub variables: Vec<PlannedVariable>,
    /// The prediction itself, bytes of peak committed memory.
    pub model: Model,
}

impl PredictivePlan {
    /// Name and version of the file form.
    pub const SCHEMA: &'static str = "fathom.plan/1";

    /// What must be armed in the guest: sizes of the input and of opened files need no probe.
    pub fn places(&self) -> Vec<PlannedPlace> {
        let inside = self.variables.iter().filter(|v| v.needs_probe());
        let mut places: Vec<PlannedPlace> = Vec::new();
        for variable in inside {
            let place = PlannedPlace::of(&variable.breakpoint, &variable.variable);
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }

    /// Whether the held-out error is within what was asked.
    pub fn is_within_asked(&self) -> bool {
        let error = self.model.held_out.map(|e| e.median_ape);
        error.is_some_and(|e| e <= self.asked.error)
    }
}

/// The calls a plan was learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LearnedFrom {
    /// Calls that ran to their own end.
    pub calls: usize,
    /// Distinct inputs among them.
    pub inputs: usize,
    /// Start of the newest of them, milliseconds since 1970-01-01 UTC: later calls can contradict the plan.
    pub newest_unix_ms: u64,
}

/// What was asked of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedOfPlan {
    /// Largest median absolute percentage error on held-out inputs, as a share.
    pub error: f64,
    /// Share of calls that may need more than the bound.
    pub failure_rate: f64,
    /// Largest share of the CPU time of a call that its probes may take.
    pub cost_share: f64,
}

/// What of a call is still to come when a value is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StillAhead {
    /// Share of the growth: 1 before the call.
    pub share: f64,
    /// Bytes still to grow.
    pub bytes: Bytes,
    /// Seconds still to run.
    pub seconds: f64,
}

/// A model that predicts better and is known later.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GivenUp {
    /// Its formula.
    pub formula: String,
    /// Its median absolute percentage error on held-out inputs.
    pub median_ape: f64,
    /// What is still ahead when it is known.
    pub ahead: StillAhead,
    /// Why it was not taken, where that is another reason than being later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
}

/// From a prediction to the most that a call is expected to need.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanBound {
    /// Share of calls that may exceed it, as far as the inputs back it: at least 1 in n + 1.
    pub backed_rate: f64,
    /// Predictions are multiplied by this.
    pub margin: f64,
    /// Added after that.
    pub added: Bytes,
    /// No prediction is taken as less.
    pub floor: Bytes,
    /// Inside the range seen no bound is higher.
    pub cap: Bytes,
    /// What a call gets of which a variable is not known.
    pub otherwise: Bytes,
}

impl PlanBound {
    /// The same as bounds of a single call: outside the range seen nothing is capped.
    pub fn call_bounds(&self) -> CallBounds {
        CallBounds {
            floor: self.floor,
            cap: self.cap,
            cap_outside: false,
            added: self.added,
        }
    }
}

/// One variable of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedVariable {
    /// Where it is observed.
    pub breakpoint: Breakpoint,
    /// Its name there.
    pub variable: String,
    /// How its values become one number.
    pub aggregate: Aggregate,
    /// Hits of its probe per call, mean over the calls it was learned from.
    pub hits_per_call: f64,
    /// Share of the CPU time of a call that these hits take.
    pub cost_share: f64,
    /// Reached in every call it was learned from: one that does not reach it takes another way.
    pub always_reached: bool,
    /// What is still ahead when its value is final.
    pub ahead: StillAhead,
    /// How many other variables moved with it, so that this data cannot tell them apart.
    #[serde(default)]
    pub moves_with: usize,
}

impl PlannedVariable {
    /// As a feature of the model.
    pub fn feature(&self) -> Feature {
        Feature {
            variable: self.variable.clone(),
            breakpoint: self.breakpoint.clone(),
            aggregate: self.aggregate,
        }
    }

    /// Whether the guest must be rewritten for it: what is known before the call, or when a file is opened, is known anyway.
    pub fn needs_probe(&self) -> bool {
        !matches!(self.breakpoint, Breakpoint::Input | Breakpoint::Open)
    }
}
