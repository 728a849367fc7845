//! Everything derived from the traces of one function: what `fathom profile --json` prints.

use crate::{Bytes, Feature, FunctionId, Model, Predictor, Recommendation};
use serde::{Deserialize, Serialize};

/// How many calls ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InvocationCounts {
    /// All recorded calls.
    pub total: usize,
    /// Ran to their own end with exit code 0.
    pub succeeded: usize,
    /// Trapped or exited with another code.
    pub failed: usize,
    /// Refused a growth, then failed.
    pub limited: usize,
    /// Killed at the deadline.
    pub timed_out: usize,
    /// Different inputs among the calls that succeeded: the `n` of every statement.
    pub distinct_inputs: usize,
}

/// Why a candidate is not the one chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "of")]
pub enum CandidateNote {
    /// The one the model uses.
    Chosen,
    /// Predicts about as well.
    Competitor,
    /// Correlates so closely with the named predictor that the data cannot tell them apart.
    DoubleOf(String),
    /// Explains, but is final only when the memory has already been used.
    TooLate,
    /// Predicts worse.
    Worse,
}

/// One feature, or the product of two, ranked by how well it alone predicts held-out inputs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The feature, or the product of two.
    #[serde(flatten)]
    pub predictor: Predictor,
    /// Median absolute percentage error of committed memory on held-out inputs.
    pub held_out_median_ape: f64,
    /// Share of the growth still ahead when the value is final, median over the calls: 1 before the call, 0 at the end.
    /// Of a product, the smaller of its features'.
    pub lead: f64,
    /// The same in bytes still to grow, median over the calls.
    #[serde(default)]
    pub lead_bytes: Bytes,
    /// Seconds of the call still to run when the value is final, median over the calls.
    #[serde(default)]
    pub lead_seconds: f64,
    /// Features that the data cannot tell from it (a correlation above 0.999 over the inputs), the preferred names first.
    /// Of those that are not the chosen one's, none is listed as a candidate of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub moves_with: Vec<Feature>,
    /// Why it is, or is not, the one chosen.
    pub note: CandidateNote,
}

/// How a choice among many candidates was guarded against chance: the target was shuffled over the inputs, and each time
/// the best of all the same candidates, in all their shapes and products of two, was looked for again.
///
/// Justifies the sentence "a target that has nothing to do with the inputs is followed as closely in `better` of `shuffles`
/// cases". A formula is told where that is at most 1 of 199; the choice of features is repeated inside each fold besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Screening {
    /// Features among which was chosen.
    pub candidates: usize,
    /// Distinct inputs looked at, at most 100.
    pub inputs: usize,
    /// Shuffles made; no more than were needed to see that the data do no better than chance.
    pub shuffles: usize,
    /// Those in which the best candidate followed the shuffled target more closely than the best one follows the real one.
    pub better: usize,
}

impl Screening {
    /// Shuffles at most.
    pub const SHUFFLES: usize = 199;

    /// How many of them may do better: the probability of chance is then at most (1 + 1) / (199 + 1) = 0.01.
    pub const MAY_DO_BETTER: usize = 1;

    /// Whether chance is ruled out.
    pub fn is_convincing(&self) -> bool {
        self.shuffles == Screening::SHUFFLES && self.better <= Screening::MAY_DO_BETTER
    }
}

/// One fitted model per target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Models {
    /// Peak committed memory, bytes.
    pub committed: Model,
    /// Peak live bytes.
    pub live: Model,
    /// CPU seconds.
    pub cpu_seconds: Model,
}

/// Relations between a variable's value at each hit and memory until the next hit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WithinCall {
    /// Highest live bytes until the next hit.
    pub live: Model,
}

/// Everything derived from the traces of one function.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// [`Profile::SCHEMA`].
    pub schema: String,
    /// The function.
    pub function: FunctionId,
    /// How many calls ended how.
    pub invocations: InvocationCounts,
    /// Across calls, committed: the same as `models.committed`.
    pub model: Model,
    /// How `model` was guarded against chance; `None` where it did not come to a choice.
    #[serde(default)]
    pub screening: Option<Screening>,
    /// Across calls, one per target.
    pub models: Models,
    /// Within a call.
    pub within_call: WithinCall,
    /// Features, and products of two that explain as much as what was chosen; best first.
    pub variables: Vec<Candidate>,
    /// What to allocate; `None` where not a single call succeeded.
    pub recommendation: Option<Recommendation>,
    /// Sentences about the data: contention, refused growths, samples, missing allocator.
    pub notes: Vec<String>,
}

impl Profile {
    /// Name and version of the JSON form.
    pub const SCHEMA: &'static str = "fathom.profile/1";
}
