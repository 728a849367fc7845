//! What memory may be explained by: a variable at a breakpoint, made one number per call, and the product of two. Which of them
//! explain it is found by `learn`.

use crate::{Breakpoint, Observed};
use serde::{Deserialize, Serialize};
use std::{fmt, iter};

/// How the values a variable took during a call become one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Aggregate {
    /// The first value: final as soon as the breakpoint is first reached.
    First,
    /// The last value.
    Last,
    /// The largest value.
    Max,
    /// The sum of all values.
    Sum,
    /// How often the breakpoint was reached.
    Count,
    /// The value itself, at one hit: only in the within-call relation.
    Value,
}

impl fmt::Display for Aggregate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Aggregate::First => "first",
            Aggregate::Last => "last",
            Aggregate::Max => "max",
            Aggregate::Sum => "sum",
            Aggregate::Count => "count",
            Aggregate::Value => "value",
        })
    }
}

/// A candidate for explaining memory: a variable at a breakpoint, made one number per call.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Feature {
    /// The variable's name.
    pub variable: String,
    /// Where it is observed.
    pub breakpoint: Breakpoint,
    /// How its values become one number.
    pub aggregate: Aggregate,
}

impl Feature {
    /// Whether the value is final before or at the first time the breakpoint is reached. Only such features may size
    /// a call; the others explain it afterwards.
    pub fn is_early(&self) -> bool {
        self.breakpoint == Breakpoint::Input
            || (self.aggregate == Aggregate::First
                && !matches!(self.breakpoint, Breakpoint::End | Breakpoint::Sample))
    }

    /// What is said of a call in a word, where this is one: `content_type=text/csv` is 1 of calls of which that was said, and
    /// 0 of all others.
    pub fn word(&self) -> Option<(&str, &str)> {
        word(&self.variable, &self.breakpoint)
    }

    /// The value among what was observed of one call; `None` where the breakpoint was never reached. A word that nobody has
    /// said is 0.
    pub fn value_in(&self, observed: &[Observed]) -> Option<f64> {
        let here = |o: &&Observed| o.variable == self.variable && o.breakpoint == self.breakpoint;
        match observed.iter().find(here) {
            Some(observed) => observed.aggregated(self.aggregate),
            None => self.word().map(|_| 0.0),
        }
    }
}

/// The variable that a word is said of, and the word: see [`Feature::word`].
pub fn word<'v>(variable: &'v str, breakpoint: &Breakpoint) -> Option<(&'v str, &'v str)> {
    let said = variable.split_once('=')?;
    let is_whole = !said.0.is_empty() && !said.1.is_empty();
    (*breakpoint == Breakpoint::Input && is_whole).then_some(said)
}

impl fmt::Display for Feature {
    /// `stdin_bytes`, `max(lines)`, `count(open:)`: as it stands in a formula.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.aggregate, &self.breakpoint) {
            (_, Breakpoint::Input) | (Aggregate::Value, _) => f.pad(&self.variable),
            (Aggregate::Count, breakpoint) => f.pad(&format!("count({breakpoint})")),
            (aggregate, _) => f.pad(&format!("{aggregate}({})", self.variable)),
        }
    }
}

/// What a term of a model is made of: a feature, or the product of two, as pixels are of width and height.
///
/// In JSON the fields of the feature, and `times` where there is a second one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Predictor {
    /// The feature; of a product the first.
    #[serde(flatten)]
    pub feature: Feature,
    /// The feature it is multiplied by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Feature>,
}

impl Predictor {
    /// The one or two features.
    pub fn features(&self) -> impl Iterator<Item = &Feature> {
        iter::once(&self.feature).chain(&self.times)
    }

    /// The value, a product of the features' values; `None` where one of them is missing.
    pub fn value(&self, value_of: impl Fn(&Feature) -> Option<f64>) -> Option<f64> {
        self.features().map(value_of).product()
    }

    /// Whether all of it is final early: see [`Feature::is_early`].
    pub fn is_early(&self) -> bool {
        self.features().all(Feature::is_early)
    }

    /// Whether all of it is known before the call.
    pub fn is_known_before(&self) -> bool {
        self.features().all(|f| f.breakpoint == Breakpoint::Input)
    }

    /// The names of the variables alone: `width x height`.
    pub fn variables(&self) -> String {
        product(self.features().map(|f| f.variable.clone()))
    }
}

impl From<Feature> for Predictor {
    fn from(feature: Feature) -> Predictor {
        Predictor {
            feature,
            times: None,
        }
    }
}

impl fmt::Display for Predictor {
    /// `stdin_bytes`, `max(width) x max(height)`: as it stands in a formula.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&product(self.features().map(Feature::to_string)))
    }
}

fn product(factors: impl Iterator<Item = String>) -> String {
    factors.collect::<Vec<String>>().join(" x ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feature(variable: &str) -> Feature {
        Feature {
            variable: variable.to_owned(),
            breakpoint: Breakpoint::Set(variable.to_owned()),
            aggregate: Aggregate::First,
        }
    }

    #[test]
    fn a_product_is_known_when_both_features_are() {
        let pixels = Predictor {
            times: Some(feature("height")),
            ..feature("width").into()
        };
        assert_eq!(pixels.variables(), "width x height");
        let value_of = |f: &Feature| (f.variable == "width").then_some(3.0);
        assert_eq!(pixels.value(value_of), None);
        assert_eq!(pixels.value(|f| value_of(f).or(Some(4.0))), Some(12.0));
        assert!(pixels.is_early());
        let late = Feature {
            aggregate: Aggregate::Max,
            ..feature("height")
        };
        let pixels = Predictor {
            times: Some(late),
            ..pixels
        };
        assert!(!pixels.is_early());
    }

    #[test]
    fn a_word_that_nobody_has_said_is_none() {
        let word = Feature {
            variable: "mode=gray".to_owned(),
            breakpoint: Breakpoint::Input,
            aggregate: Aggregate::First,
        };
        assert_eq!(word.word(), Some(("mode", "gray")));
        let said = [Observed::before_the_call("mode=gray", 1.0)];
        assert_eq!(
            (word.value_in(&said), word.value_in(&[])),
            (Some(1.0), Some(0.0))
        );
        // What a guest calls so is a number like others.
        assert_eq!(feature("mode=gray").word(), None);
        assert_eq!(feature("mode=gray").value_in(&[]), None);
    }
}
