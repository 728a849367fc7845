//! Why a size is what it is, and what would change it. Working it out is the work of `learn`.

use crate::{Bytes, FunctionId};
use serde::{Deserialize, Serialize};

/// From which errors the margin of single calls was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MarginFrom {
    /// Of predictions of each input, made without it.
    LeftOut,
    /// Of predictions of each call, made from those before it.
    StepAhead,
    /// How the largest of the latest errors fall off.
    Tail,
}

/// Something that makes a size larger or smaller.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// Such as: the largest need seen.
    pub what: String,
    /// By how much, bytes.
    pub bytes: i64,
}

/// The margin of single calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallMargin {
    /// The model of the call, for people.
    pub formula: String,
    /// Where it was taken from.
    pub from: Option<MarginFrom>,
    /// The prediction is multiplied by this.
    pub factor: f64,
    /// Then this is added.
    pub added: Bytes,
    /// No prediction is taken as less.
    pub floor: Bytes,
    /// No call inside the range seen is given more.
    pub cap: Bytes,
    /// Recorded calls whose prediction is below the floor.
    pub at_floor: usize,
    /// Recorded calls that are given the cap.
    pub at_cap: usize,
}

/// A recorded call, and how near it comes to what it would be given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Near {
    /// The input's label.
    pub input: String,
    /// What it needed.
    pub needed_bytes: Bytes,
    /// What it would be given: sized alone where calls are, else what every call is given.
    pub given_bytes: Bytes,
    /// Room that is left, over what is given; below 0 where it would have failed.
    pub room_share: f64,
}

/// What one more distinct input would change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OneMore {
    /// Distinct inputs now.
    pub inputs: usize,
    /// The failure rate they back now.
    pub backed_now: f64,
    /// And with one more.
    pub backed_then: f64,
    /// Inputs still missing before the asked rate is backed.
    pub inputs_needed: usize,
    /// What every call would be given, did it need as much as the middle one.
    pub if_usual: Bytes,
    /// What every call would be given, did it need a tenth more than the largest seen.
    pub if_larger: Bytes,
}

/// The next smaller size, and what it would give up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Smaller {
    /// For people: `AWS Lambda x86`.
    pub name: String,
    /// Key in the catalogue; `fathom` for memory of the guest alone, where every size is there.
    pub provider: String,
    /// What is recommended, bytes.
    pub size: Bytes,
    /// The next smaller one, bytes.
    pub smaller: Bytes,
    /// Recorded calls that would not fit into it.
    pub would_fail: usize,
    /// Of so many.
    pub calls: usize,
    /// The inputs of some of them.
    pub inputs: Vec<String>,
    /// What a million calls would cost less, US dollars, failed ones not made again; `None` where nothing is charged.
    pub usd_less_per_million: Option<f64>,
    /// How many times as long calls would take, estimated from CPU seconds.
    pub times_as_long: f64,
}

/// Why a size is what it is: what `fathom explain --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Explanation {
    /// [`Explanation::SCHEMA`].
    pub schema: String,
    /// The function.
    pub function: FunctionId,
    /// What every call is given.
    pub allocation_bytes: Bytes,
    /// What it is made of; the parts add up to it.
    pub parts: Vec<Part>,
    /// The margin of single calls; `None` where they are not sized alone.
    pub call_margin: Option<CallMargin>,
    /// The calls that come nearest to what they would be given, the nearest first; at most ten.
    pub nearest: Vec<Near>,
    /// What one more distinct input would change.
    pub one_more: OneMore,
    /// The next smaller size of every provider.
    pub smaller: Vec<Smaller>,
}

impl Explanation {
    /// Name and version of the JSON form.
    pub const SCHEMA: &'static str = "fathom.explanation/1";
}
