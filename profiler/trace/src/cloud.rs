//! A function that is deployed at Google beside the same one measured here: what is known of its calls from outside, and what
//! comes of comparing. Collecting it is the work of `fathom`, comparing that of `learn`.

use crate::{Bytes, Distribution, Estimate, FunctionId, Input, Nanos, Outcome};
use serde::{Deserialize, Serialize};

/// One call of a deployed function, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
pub struct DeployedCall {
    /// Its execution id; where none is known its trace, or what else tells it from others.
    pub id: String,
    /// Which input it had, where somebody has noted it; the digest is that of the local calls with it.
    pub input: Option<Input>,
    /// When it ended, milliseconds since 1970-01-01 UTC.
    pub ended_unix_ms: Option<u64>,
    /// The time that is billed, before it is rounded, as the cloud says it.
    pub took: Option<Nanos>,
    /// The time that its caller has waited, network and cold start included.
    pub round_trip: Option<Nanos>,
    /// How it ended.
    pub outcome: Outcome,
    /// What its process has used at most, where that is known of this call alone.
    pub memory: Option<Bytes>,
    /// The limit that it has exceeded, where the cloud says that it has exceeded one.
    pub limit: Option<Bytes>,
}

/// A distribution of the calls that ended in a stretch of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Measured {
    /// After this, milliseconds since 1970-01-01 UTC.
    pub from_unix_ms: u64,
    /// And not after this.
    pub to_unix_ms: u64,
    /// What the function was configured to have, where it is said, the provider's MB.
    pub configured_mb: Option<u64>,
    /// Whether these calls succeeded, where that is said: `false` of those that did not.
    pub succeeded: Option<bool>,
    /// Of bytes, or of nanoseconds.
    pub values: Distribution,
}

/// All that is known of a deployed function.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deployed {
    /// Its name there.
    pub function: String,
    /// Calls that are known one by one.
    pub calls: Vec<DeployedCall>,
    /// Memory, bytes.
    pub memory: Vec<Measured>,
    /// Whether `memory` has one value for each call; where not it is sampled of instances, whatever they do.
    pub is_memory_of_calls: bool,
    /// Times, nanoseconds.
    pub times: Vec<Measured>,
    /// What it is configured to have, where somebody has said it, the provider's MB.
    pub configured_mb: Option<u64>,
}

/// How many of what was compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CloudCounts {
    /// Inputs measured here.
    pub local_inputs: usize,
    /// Calls there that are known one by one.
    pub known: usize,
    /// Those of them with an input that was measured here.
    pub with_input: usize,
    /// Calls there whose own memory is known, be it that it was the only one in a minute.
    pub with_memory: usize,
    /// Values that the cloud has of memory.
    pub memory_values: u64,
    /// Those of them in minutes whose calls are all known with their inputs.
    pub joined_values: u64,
}

/// What the relation of memory here and there was learned from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinedBy {
    /// Calls with the same input, or minutes in which the inputs of all calls are known.
    Calls,
    /// The distributions: quantile against quantile. Holds only if both had the same inputs equally often.
    Quantiles,
    /// Neither: there is not enough data.
    Nothing,
}

/// Memory here and there of one call, or the means of several that ended in one minute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudPoint {
    /// The input, or the minute.
    pub label: String,
    /// How many calls.
    pub calls: u64,
    /// Committed memory of the guest here.
    pub local_bytes: f64,
    /// Memory there.
    pub cloud_bytes: f64,
}

/// The same share of calls here and there.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct QuantilePair {
    /// Share of the calls that need no more, 0 to 1.
    pub share: f64,
    /// Here.
    pub local_bytes: f64,
    /// There: not below this; `None` for no bound.
    pub cloud_from_bytes: Option<f64>,
    /// And below this, or exactly this where both are the same; `None` for no bound.
    pub cloud_to_bytes: Option<f64>,
}

/// Memory there = offset + slope x memory here.
///
/// Justifies: "of lines through points drawn again from those compared, 95 % have such an offset". It says nothing of the farthest
/// call, and from quantiles it holds only if both had the same inputs equally often.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudMemory {
    /// What the runtime there needs for itself, bytes.
    pub offset: Estimate,
    /// Bytes there for each byte here.
    pub slope: Estimate,
    /// Points it was fitted to.
    pub points: usize,
    /// The farthest that a point lies above the line, bytes; from buckets it is not known and 0.
    pub most_above_bytes: f64,
    /// Largest memory here that was compared: beyond it the line is an extrapolation.
    pub largest_local_bytes: f64,
}

/// Time there over time here.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudDuration {
    /// Calls whose input was timed here; 0 where only the means are compared.
    pub calls: usize,
    /// Of the calls the ratio in the middle case; else that of the means. `None` where nothing was timed here.
    pub ratio: Option<Estimate>,
    /// Mean time here, seconds.
    pub local_mean_seconds: f64,
    /// Mean time there, seconds.
    pub cloud_mean_seconds: f64,
}

/// What is billed at one size against what is used.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TierUse {
    /// The size, the provider's MB.
    pub size_mb: u64,
    /// Whether the largest memory that is known there fits; `None` where none is.
    pub fits: Option<bool>,
    /// Whether calls were timed at this size; at others times are estimated by the share of a CPU.
    pub is_measured: bool,
    /// Mean time of a call.
    pub seconds: f64,
    /// Billed for a mean call, GB (2^30 bytes) times seconds.
    pub billed_gb_seconds: f64,
    /// Used by it, likewise; `None` where no memory is known there.
    pub used_gb_seconds: Option<f64>,
    /// For a million calls, request fee included, before free tiers, US dollars.
    pub usd_per_million: f64,
}

/// The size to give the function there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudSize {
    /// The size, the provider's MB; `None` where none is large enough.
    pub size_mb: Option<u64>,
    /// What is given to the guest here.
    pub local_allocation_bytes: Bytes,
    /// What that is there: the upper end of the line, and what the farthest point lies above it; never below what the guest needs.
    pub needed_bytes: Bytes,
    /// One sentence.
    pub reason: String,
}

/// A function here and there: what `fathom compare gcf --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CloudComparison {
    /// [`CloudComparison::SCHEMA`].
    pub schema: String,
    /// The function here.
    pub function: FunctionId,
    /// Its name there.
    pub cloud_function: String,
    /// Key of the provider in the catalogue: `gcf-gen1`.
    pub provider: String,
    /// For people.
    pub provider_name: String,
    /// What it is configured to have there, the provider's MB.
    pub configured_mb: Option<u64>,
    /// How many of what.
    pub counts: CloudCounts,
    /// What `memory` was learned from.
    pub joined_by: JoinedBy,
    /// The runtime's offset and slope; `None` where there is not enough data.
    pub memory: Option<CloudMemory>,
    /// One sentence: what it was learned from, or why there is none.
    pub memory_reason: String,
    /// Calls, or minutes, that were compared.
    pub points: Vec<CloudPoint>,
    /// The distributions beside each other, where there is one of memory there.
    pub quantiles: Vec<QuantilePair>,
    /// Times; `None` where none is known there.
    pub duration: Option<CloudDuration>,
    /// (here, there) in seconds, of each call whose input was timed here.
    pub times: Vec<(f64, f64)>,
    /// Billed against used at every size; empty where no time is known there.
    pub tiers: Vec<TierUse>,
    /// The size to take; `None` where there is not enough data for one.
    pub recommendation: Option<CloudSize>,
    /// One sentence: why there is no recommendation; empty where there is one.
    pub no_size_reason: String,
    /// What else is to be said, a sentence each.
    pub notes: Vec<String>,
}

impl CloudComparison {
    /// Name and version of the JSON form.
    pub const SCHEMA: &'static str = "fathom.compare-gcf/1";
}

/// Calls of one minute as Google would count them.
#[derive(Clone, Debug, PartialEq)]
pub struct GoogleMinute {
    /// When the minute began, milliseconds since 1970-01-01 UTC.
    pub from_unix_ms: u64,
    /// Committed memory of each call that ended in it, bytes.
    pub memory: Vec<f64>,
    /// Time of each, nanoseconds, with how it ended.
    pub times: Vec<(f64, Outcome)>,
}

/// Our own calls in the form in which Google keeps them.
#[derive(Clone, Debug, PartialEq)]
pub struct AsGoogle {
    /// The function.
    pub function: String,
    /// What calls are configured to have, MB of 2^20 bytes.
    pub configured_mb: u64,
    /// The minutes in which calls ended, ascending.
    pub minutes: Vec<GoogleMinute>,
    /// What is seen of it, from smallest to largest.
    pub quantiles: Vec<SeenByGoogle>,
    /// Calls that are the only one of their minute: of them the memory is exact, as the mean.
    pub alone: usize,
    /// What all calls would have to be given by the largest upper bound, in MB of the provider; `None` where none is enough.
    pub size_by_google_mb: Option<u64>,
    /// And by the largest need.
    pub size_by_calls_mb: Option<u64>,
}

/// One quantile of the calls, as Google shows it and as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SeenByGoogle {
    /// Share of the calls that need no more, 0 to 1.
    pub share: f64,
    /// Not below this, bytes.
    pub from: f64,
    /// Below this, bytes.
    pub to: f64,
    /// What it is, bytes.
    pub exact: f64,
}
