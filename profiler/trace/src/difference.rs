//! What two versions of a function differ by, as a pull request asks it. Working it out is the work of `learn`.

use crate::{Bytes, FunctionId};
use serde::{Deserialize, Serialize};

/// A number with the interval that it lies in with 95 % confidence.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The best guess.
    pub value: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// The same of both versions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Both<T> {
    /// Of the old one.
    pub old: T,
    /// Of the new one.
    pub new: T,
}

/// A relation of memory to one variable, in both versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RelationDifference {
    /// The variable, with its transform: `stdin_bytes`.
    pub of: String,
    /// Bytes where it is 0.
    pub constant: Both<Estimate>,
    /// Bytes for each of it.
    pub coefficient: Both<Estimate>,
}

/// What the inputs that both versions were run on needed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct PairedDifference {
    /// Inputs that both have.
    pub inputs: usize,
    /// Need of the new version over that of the old one, in the middle case.
    pub median_ratio: f64,
    /// The smallest such ratio.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

/// The bill of one provider, for both versions.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BillDifference {
    /// For people.
    pub name: String,
    /// Key in the catalogue.
    pub provider: String,
    /// Size recommended, the provider's MB.
    pub size_mb: Both<u64>,
    /// For a million calls at that size, US dollars. Estimated from CPU seconds, so not exact as memory is.
    pub usd_per_million: Both<f64>,
}

/// What two versions differ by: what `fathom diff --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// [`Difference::SCHEMA`].
    pub schema: String,
    /// The functions.
    pub function: Both<FunctionId>,
    /// Distinct inputs that each was learned from.
    pub inputs: Both<usize>,
    /// Formula of the memory of a call; empty where there is none.
    pub formula: Both<String>,
    /// The largest need.
    pub peak_bytes: Both<Bytes>,
    /// What every call is given.
    pub allocation_bytes: Both<Bytes>,
    /// The relation by which single calls are sized, where it is the same in both.
    pub relation: Option<RelationDifference>,
    /// The inputs that both have.
    pub paired: Option<PairedDifference>,
    /// What the new version is given today beyond what is recommended, over what it is given: 1 - allocation / today.
    pub waste_share: f64,
    /// One per provider that both have.
    pub bills: Vec<BillDifference>,
}

impl Difference {
    /// Name and version of the JSON form.
    pub const SCHEMA: &'static str = "fathom.diff/1";
}
