//! What a part of a model is for: calls of which a word was said, or of which a size lies in a range.

use crate::Feature;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A range of a feature. A word is in it or not: see [`Feature::word`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// What is asked for.
    #[serde(flatten)]
    pub feature: Feature,
    /// The smallest value in it; `None`: as small as may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<f64>,
    /// The smallest value above it; `None`: as large as may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub below: Option<f64>,
}

impl Condition {
    /// Whether a value of the feature lies in the range.
    pub fn holds(&self, value: f64) -> bool {
        self.from.is_none_or(|from| value >= from) && self.below.is_none_or(|below| value < below)
    }

    /// Whether it is that a word was not said.
    pub fn is_otherwise(&self) -> bool {
        self.feature.word().is_some() && self.from.is_none()
    }
}

impl fmt::Display for Condition {
    /// `mode is gray`, `mode is not gray`, `lines < 10`, `10 <= lines < 20`: as it stands in a formula.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((name, word)) = self.feature.word() {
            let is = if self.is_otherwise() { "is not" } else { "is" };
            return write!(f, "{name} {is} {word}");
        }
        let x = &self.feature;
        match (self.from, self.below) {
            (Some(from), Some(below)) => write!(f, "{from} <= {x} < {below}"),
            (Some(from), None) => write!(f, "{x} >= {from}"),
            (None, Some(below)) => write!(f, "{x} < {below}"),
            (None, None) => write!(f, "any {x}"),
        }
    }
}
