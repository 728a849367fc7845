//! What rules for sizing would have done with calls that were made, each call sized only from those before it. Replaying them
//! is the work of `learn`.

use serde::{Deserialize, Serialize};

/// What one rule would have done.
///
/// What a call is given and does not need is wasted, for the time it runs; a call that is given too little wastes all of it
/// for its whole time, and is made again with twice as much.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RuleReplayed {
    /// Name of the rule: `max15`.
    pub rule: String,
    /// Waste over that of what the calls are given today; `None` where that wastes nothing.
    pub waste_share_of_preset: Option<f64>,
    /// Waste, in 10^9 bytes times seconds.
    pub waste_gb_seconds: f64,
    /// Calls that were given too little at first, over all calls.
    pub first_try_failures: f64,
    /// Probability of at least so many, did each call that the rule has sized fail with the asked rate and independently
    /// (one-sided binomial test): below 0.05 the rule does not hold it. `None` for a rule that promises no rate.
    pub chance_of_as_many_failures: Option<f64>,
    /// What calls were given over what they needed, in the middle case; what changes within a call counts as it is in the end.
    pub median_allocated_over_used: f64,
    /// Share of calls that were given within 10 % of what they needed.
    pub within_10_percent: f64,
}

/// How often calls of one rule would have failed where so many may.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calibrated {
    /// Name of the rule.
    pub rule: String,
    /// Share of calls that may fail.
    pub asked: f64,
    /// Calls that the rule has sized.
    pub calls: usize,
    /// Share of them that would have failed.
    pub observed: f64,
    /// Lower end of the interval that the rate lies in with 95 % confidence (Clopper and Pearson 1934).
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// What every rule would have done with the same calls: what `fathom replay --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replayed {
    /// [`Replayed::SCHEMA`].
    pub schema: String,
    /// Calls replayed: those that ran to their own end.
    pub calls: usize,
    /// Functions they are of.
    pub functions: usize,
    /// Calls that were not, because what they needed is not known: they failed, or were stopped, or were made in a sandbox in which
    /// others had left something.
    pub left_out: usize,
    /// Whether times are recorded; where none is, each call counts as one second.
    pub is_timed: bool,
    /// The failure rate that was asked for.
    pub failure_rate: f64,
    /// One per rule.
    pub rules: Vec<RuleReplayed>,
    /// Our rules at other rates, rule by rule; empty where that was not asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calibration: Vec<Calibrated>,
}

impl Replayed {
    /// Name and version of the JSON form.
    pub const SCHEMA: &'static str = "fathom.replay/1";
}
