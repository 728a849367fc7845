//! What to allocate, how sure that is, and what it costs. Deciding it is the work of `learn`.

use crate::{Bytes, MarginFrom, Model, Outcome, Predictor, SeenRange};
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// How well the data backs the failure rate that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Fewer than 5 distinct inputs: the largest need seen, widened. No regression.
    None,
    /// The asked rate is not backed by the number of distinct inputs.
    Low,
    /// The asked rate is backed, and replay did not contradict it.
    Good,
    /// The asked rate is backed, and replay proves it with 95 % confidence.
    High,
}

/// What would have happened, had each recorded call been given what was learned from those before it only.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Replay {
    /// Calls that were sized: those with enough others before them.
    pub calls: usize,
    /// Calls that would have been given less than they needed.
    pub failures: usize,
    /// Upper end of the one-sided 95 % interval (Clopper and Pearson, 1934) of the failure rate.
    pub failure_rate_upper95: f64,
    /// Memory given beyond what was needed, over memory needed: 0.2 is 20 % waste.
    pub waste_share: f64,
}

/// What did happen when every input was run again under the recommended limit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Calls run again.
    pub calls: usize,
    /// Calls that failed under the limit though they had succeeded without it.
    pub failures: usize,
    /// Labels of the inputs that failed.
    pub failed_inputs: Vec<String>,
}

/// What one recorded call would be given by the per-call rule.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallAllocation {
    /// The input's label.
    pub input: String,
    /// What tells the input from others; empty in files of before.
    #[serde(default)]
    pub input_digest: String,
    /// How the recorded call ended.
    pub outcome: Outcome,
    /// What it needed (at least, where it was limited).
    pub needed_bytes: Bytes,
    /// The model's central prediction, before the margin.
    pub predicted_bytes: Option<Bytes>,
    /// What it would be given: prediction with margin, in whole pages; the function's allocation where no early
    /// feature predicts.
    pub allocation_bytes: Bytes,
    /// The value of the sizing feature, where there is one.
    pub feature_value: Option<f64>,
}

/// One size of one provider.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeBill {
    /// Size in the provider's own megabytes.
    pub size_mb: u64,
    /// Whether guest allocation and runtime base fit in it.
    pub fits: bool,
    /// Estimated from CPU seconds and the provider's CPU share at that size. An estimate, never a measurement.
    pub estimated_seconds: f64,
    /// For a million calls, request fee included, before free tiers, US dollars.
    pub usd_per_million: f64,
}

/// What a provider would charge.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderBill {
    /// Key in the catalogue: `gcf-gen1`.
    pub provider: String,
    /// For people: `Cloud Functions gen1`.
    pub name: String,
    /// The size recommended: the cheapest that fits and is not much slower than the size used today.
    pub size_mb: u64,
    /// At the size recommended.
    pub usd_per_million: f64,
    /// Against the same provider at the baseline size; 0 where the baseline is kept.
    pub usd_saving_share: f64,
    /// At the size recommended. An estimate from CPU seconds.
    pub estimated_seconds: f64,
    /// The provider's size for the baseline.
    pub baseline_size_mb: u64,
    /// At the baseline size.
    pub baseline_usd_per_million: f64,
    /// One sentence: why this size and not a smaller or larger one.
    pub reason: String,
    /// The same in a few words, for one line of a table: `same price, twice as fast`.
    #[serde(default)]
    pub in_short: String,
    /// Every size of the provider, ascending (for continuous sizes, a selection).
    pub sizes: Vec<SizeBill>,
}

/// What keeps the allocation of a single call within reason, whatever the model predicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallBounds {
    /// No prediction is taken as less: half the smallest need seen, and never below the module's initial memory.
    pub floor: Bytes,
    /// No call inside the seen range is given more: of a sweep the largest need seen + 15 %, of a stream + 10 %, or 5/n where
    /// that is more.
    pub cap: Bytes,
    /// Whether `cap` holds outside the seen range too: in a stream, not in a sweep.
    pub cap_outside: bool,
    /// Added after the factor `margin`, where errors do not grow with the size (page steps); else 0.
    pub added: Bytes,
}

/// What to allocate, per function and per call, with all that is needed to judge it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// For the function as a whole: what every call is given. Whole pages of guest memory.
    pub allocation_bytes: Bytes,
    /// Largest need seen.
    pub largest_need_bytes: Bytes,
    /// The failure rate that was asked for.
    pub failure_rate_target: f64,
    /// The best rate that the number of distinct inputs can back: 1 / (n + 1), or the target where that is larger.
    pub failure_rate_backed: f64,
    /// Distinct inputs still missing before the target is backed.
    pub inputs_needed: usize,
    /// How sure.
    pub confidence: Confidence,
    /// Calls replayed; `None` where nothing was.
    pub calls_replayed: Option<usize>,
    /// Replayed calls that would have failed.
    pub failures_replayed: Option<usize>,
    /// Upper end of the one-sided 95 % interval of the replayed failure rate.
    pub failure_rate_upper95: Option<f64>,
    /// What the function is given today.
    pub baseline_bytes: Bytes,
    /// Memory no longer held, against the baseline: 1 - allocation / baseline.
    pub memory_saving_share: f64,
    /// Memory of the runtime process beside the guest's: added before a provider's size is chosen.
    pub runtime_base_bytes: Bytes,
    /// The model a single call is sized by: early features only. `None` where no early feature predicts.
    pub sizing: Option<Model>,
    /// What `sizing` waits for, a feature or the product of two: that of its first term, or of its first one that is known
    /// only inside the call.
    pub sizing_feature: Option<Predictor>,
    /// Factor from central prediction to allocation, at the asked failure rate.
    pub margin: Option<f64>,
    /// Where `margin`, or what is added in place of it, was taken from.
    #[serde(default)]
    pub margin_from: Option<MarginFrom>,
    /// The other parts of the per-call rule.
    #[serde(default)]
    pub call_bounds: CallBounds,
    /// Replay of the per-function rule.
    pub replay_function: Option<Replay>,
    /// Replay of the per-call rule.
    pub replay_call: Option<Replay>,
    /// One line per recorded call.
    pub calls: Vec<CallAllocation>,
    /// What happened when the inputs were run again under the limit; `None` where that was not asked.
    pub verified: Option<Verification>,
    /// One line per provider.
    pub providers: Vec<ProviderBill>,
    /// Sentences: why this number, what its floor is, what was clipped.
    pub because: Vec<String>,
}

/// Calls whose need is unknown because they were stopped before they had shown it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CutOff {
    /// By the memory limit.
    pub limited: usize,
    /// By the deadline.
    pub timed_out: usize,
}

impl CallAllocation {
    /// What tells its input from others: labels may be the same, as of all calls that were served.
    pub fn identity(&self) -> &str {
        match self.input_digest.as_str() {
            "" => &self.input,
            digest => digest,
        }
    }
}

impl Recommendation {
    /// The range in which `sizing_feature` was seen.
    pub fn sizing_range(&self) -> Option<SeenRange> {
        self.sizing.as_ref()?.range(self.sizing_feature.as_ref()?)
    }

    /// The recorded calls that were cut off; none of them counts whose input succeeded in another call, unless it was
    /// refused more than the largest need seen. Where there are any, the allocation is a lower bound.
    pub fn cut_off(&self) -> CutOff {
        let measured = self
            .calls
            .iter()
            .filter(|c| c.outcome == Outcome::Succeeded);
        let known: HashSet<&str> = measured.map(|c| c.input.as_str()).collect();
        let unknown = |c: &&CallAllocation| {
            c.needed_bytes > self.largest_need_bytes || !known.contains(c.input.as_str())
        };
        let mut cut_off = CutOff::default();
        for call in self.calls.iter().filter(unknown) {
            match call.outcome {
                Outcome::Limited => cut_off.limited += 1,
                Outcome::TimedOut => cut_off.timed_out += 1,
                Outcome::Succeeded | Outcome::Failed => {}
            }
        }
        cut_off
    }
}

impl CutOff {
    /// How many calls.
    pub fn calls(self) -> usize {
        self.limited + self.timed_out
    }
}
