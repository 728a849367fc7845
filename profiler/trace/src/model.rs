//! A fitted relation between features and a number to be explained, with everything needed to judge it.
//! Fitting is the work of `learn`; predicting from a finished model needs only arithmetic, so it is here.

use crate::{Breakpoint, Condition, Observed, Tree};
use serde::{Deserialize, Serialize};
use std::{fmt, iter};

/// What a model explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Target {
    /// Peak of committed memory, bytes. It alone decides allocations: the limiter enforces it.
    Committed,
    /// Peak of live heap bytes. It explains.
    Live,
    /// CPU time, seconds. Bills need it.
    CpuSeconds,
}

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

/// A shape that memory really takes, applied to a predictor before the linear fit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transform {
    /// 1, whatever x is: what is added where a condition holds.
    One,
    /// x
    Identity,
    /// x^2
    Square,
    /// x log2 x
    NLogN,
    /// square root of x
    Root,
    /// log2(1 + x)
    Log,
    /// max(0, x - knot): flat until a threshold, then linear.
    Hinge {
        /// Where the line begins to rise, in units of the predictor.
        knot: f64,
    },
    /// The smallest power of two that is at least x: the capacity of a vector that doubles.
    Pow2Ceil,
    /// The smallest power of two that is at least 8/7 x: the buckets of a hash table that doubles when 7/8 of them are used.
    ///
    /// This is `capacity_to_buckets` of hashbrown, which is Rust's `HashMap`, from two keys on (one has four buckets); one
    /// more than the capacity of an abseil table of at least fifteen slots (`CapacityToGrowth`); and the slots of a Go map of
    /// 16 to 1,024. A larger Go map is many such tables, which fill and split at about the same time, not at once.
    Buckets,
}

impl Transform {
    /// The transformed value. Negative values, which no size has, are taken as 0 by all but `Identity` and `Square`.
    pub fn apply(self, x: f64) -> f64 {
        let positive = x.max(0.0);
        match self {
            Transform::One => 1.0,
            Transform::Identity => x,
            Transform::Square => x * x,
            Transform::NLogN => positive * positive.max(1.0).log2(),
            Transform::Root => positive.sqrt(),
            Transform::Log => (1.0 + positive).log2(),
            Transform::Hinge { knot } => (x - knot).max(0.0),
            Transform::Pow2Ceil if positive <= 1.0 => positive.ceil(),
            Transform::Pow2Ceil => positive.log2().ceil().exp2(),
            // Multiplied first: 8/7 is no floating-point number, and 7/8 of a power of two is exactly full.
            Transform::Buckets => Transform::Pow2Ceil.apply(8.0 * positive / 7.0),
        }
    }

    /// The transform as it stands in a formula, around the predictor.
    pub fn show(self, predictor: &Predictor) -> String {
        let x = predictor.to_string();
        let one = if predictor.times.is_some() {
            format!("({x})")
        } else {
            x.clone()
        };
        match self {
            Transform::One => "1".to_owned(),
            Transform::Identity => x,
            Transform::Square => format!("{one}^2"),
            Transform::NLogN => format!("{one} log2 {one}"),
            Transform::Root => format!("sqrt({x})"),
            Transform::Log => format!("log2(1 + {x})"),
            Transform::Hinge { knot } => format!("max(0, {x} - {knot})"),
            Transform::Pow2Ceil => format!("pow2ceil({x})"),
            Transform::Buckets => format!("buckets({x})"),
        }
    }
}

/// One summand of a model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Term {
    /// A feature, or the product of two.
    #[serde(flatten)]
    pub predictor: Predictor,
    /// Applied to the predictor first.
    pub transform: Transform,
    /// Units of the target per unit of the transformed predictor. Of a model on a logarithmic scale: units of the natural
    /// logarithm. Of a forest: which share of what all its predictors explain this one does.
    pub coefficient: f64,
    /// It counts where all of these hold; always where there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
}

impl Term {
    /// Everything it depends on: its predictor, then what its conditions ask for.
    pub fn features(&self) -> impl Iterator<Item = &Feature> {
        let asked = self.when.iter().map(|condition| &condition.feature);
        self.predictor.features().chain(asked)
    }

    /// Whether it counts for a call; `None` where that is not known.
    pub fn holds(&self, value_of: impl Fn(&Feature) -> Option<f64>) -> Option<bool> {
        self.when.iter().try_fold(true, |holds, condition| {
            Some(holds && condition.holds(value_of(&condition.feature)?))
        })
    }
}

/// The family a model belongs to, simplest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ModelKind {
    /// Nothing can be said; `reason` says why.
    None,
    /// The target does not move.
    Constant,
    /// Linear in one feature.
    Linear,
    /// Linear in one transformed feature.
    Transformed,
    /// Linear in several features, or in the product of two.
    Multiple,
    /// Monotone in one feature, in steps.
    Isotonic,
    /// Another sum in each of several parts: where a word was said, where a size lies in a range.
    Split,
    /// The exponential of a sum: a power of each feature, with errors that grow as it does (a generalised linear model with
    /// a logarithmic link and the variance of a gamma distribution).
    Glm,
    /// The median of regression trees.
    Forest,
}

/// Errors on inputs that the fit, selection of its features included, had not seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeldOut {
    /// Median absolute percentage error, as a share: 0.02 is 2 %.
    pub median_ape: f64,
    /// 95th percentile of the same.
    pub p95_ape: f64,
}

/// The range of a predictor in the data a model was fitted on. Outside it a prediction is an extrapolation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SeenRange {
    /// A feature, or the product of two.
    #[serde(flatten)]
    pub predictor: Predictor,
    /// Smallest value seen.
    pub min: f64,
    /// Largest value seen.
    pub max: f64,
    /// Number of distinct values seen.
    pub distinct: usize,
    /// It is of the calls for which all of these hold: what is large of one kind of calls is not of another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<Condition>,
}

impl SeenRange {
    /// Whether a value of the predictor lies in it.
    pub fn holds(&self, x: f64) -> bool {
        (self.min..=self.max).contains(&x)
    }

    /// Whether it is of a call with these values.
    pub fn is_of(&self, value_of: impl Fn(&Feature) -> Option<f64>) -> bool {
        let holds = |asked: &Condition| value_of(&asked.feature).is_some_and(|x| asked.holds(x));
        self.when.iter().all(holds)
    }
}

/// A fitted relation.
///
/// Justifies the sentence "on inputs it had not seen, among `n` distinct ones, the prediction was off by `median_ape`
/// in the middle case": no more than that, and nothing outside `seen`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// The family.
    pub kind: ModelKind,
    /// For people: `1.1 MiB + 86 B x max(lines)`.
    pub formula: String,
    /// In units of the target, bytes or seconds; of a `glm` its natural logarithm. 0 of a `split`, whose parts have their own.
    pub intercept: f64,
    /// The summands; empty for `none` and `constant`.
    pub terms: Vec<Term>,
    /// For `isotonic`: (value of the predictor, prediction) at each step, ascending; predictions between are interpolated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<(f64, f64)>,
    /// For `forest`: the trees, which ask for the terms' predictors.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trees: Vec<Tree>,
    /// Distinct inputs (across calls) or hits (within a call) it was fitted on.
    pub n: usize,
    /// Share of the variance explained, on the data fitted; `None` where there is no variance to explain.
    pub r2: Option<f64>,
    /// Errors on held-out inputs; `None` where there were too few to hold any out.
    pub held_out: Option<HeldOut>,
    /// Ranges of the terms' predictors, and of both features of a product.
    pub seen: Vec<SeenRange>,
    /// One sentence: why this model and not another.
    pub reason: String,
}

impl Model {
    /// The prediction for the given values of the terms' features, in units of the target; `None` where a value is
    /// missing or the model says nothing, as one of parts does of a call that none of its conditions is for.
    pub fn predict(&self, value_of: impl Fn(&Feature) -> Option<f64>) -> Option<f64> {
        match self.kind {
            ModelKind::None => None,
            ModelKind::Isotonic => {
                let term = self.terms.first()?;
                interpolate(&self.steps, term.predictor.value(value_of)?)
            }
            ModelKind::Constant
            | ModelKind::Linear
            | ModelKind::Transformed
            | ModelKind::Multiple => sum(self.intercept, &self.terms, value_of),
            ModelKind::Split => {
                let mut parts = self.parts();
                let part = parts.find(|(_, terms)| terms[0].holds(&value_of) == Some(true));
                sum(0.0, part?.1, value_of)
            }
            ModelKind::Glm => Some(sum(self.intercept, &self.terms, value_of)?.exp()),
            ModelKind::Forest => {
                let values = self
                    .terms
                    .iter()
                    .map(|term| term.predictor.value(&value_of));
                Tree::median(&self.trees, &values.collect::<Option<Vec<f64>>>()?)
            }
        }
    }

    /// Everything that it depends on, each once, in the order of its terms.
    pub fn features(&self) -> Vec<&Feature> {
        let mut features: Vec<&Feature> = Vec::new();
        for feature in self.terms.iter().flat_map(Term::features) {
            if !features.contains(&feature) {
                features.push(feature);
            }
        }
        features
    }

    /// The predictor that memory follows first: what a split only asks for comes after what its parts are sums of.
    pub fn first_predictor(&self) -> Option<&Predictor> {
        let moves = |term: &&Term| term.transform != Transform::One;
        let first = self.terms.iter().find(moves).or(self.terms.first());
        first.map(|term| &term.predictor)
    }

    /// The range in which a predictor was seen, of all calls; `None` where it is none of the model's.
    pub fn range(&self, predictor: &Predictor) -> Option<SeenRange> {
        let of = self.seen.iter().filter(|seen| seen.predictor == *predictor);
        of.cloned().reduce(|all, other| SeenRange {
            min: all.min.min(other.min),
            max: all.max.max(other.max),
            distinct: all.distinct.max(other.distinct),
            when: Vec::new(),
            ..all
        })
    }

    /// The ranges of all predictors that have one, of all calls.
    pub fn ranges(&self) -> Vec<SeenRange> {
        let mut ranges: Vec<SeenRange> = Vec::new();
        for seen in &self.seen {
            let is_known = ranges.iter().any(|known| known.predictor == seen.predictor);
            ranges.extend(self.range(&seen.predictor).filter(|_| !is_known));
        }
        ranges
    }

    /// The parts of a split: what they are for, and their terms. All of any other model is one part.
    pub fn parts(&self) -> impl Iterator<Item = (&[Condition], &[Term])> {
        let parts = self.terms.chunk_by(|a, b| a.when == b.when);
        parts.filter_map(|terms| Some((terms.first()?.when.as_slice(), terms)))
    }
}

fn sum(constant: f64, terms: &[Term], value_of: impl Fn(&Feature) -> Option<f64>) -> Option<f64> {
    terms.iter().try_fold(constant, |sum, term| {
        let x = term.predictor.value(&value_of)?;
        Some(sum + term.coefficient * term.transform.apply(x))
    })
}

fn interpolate(steps: &[(f64, f64)], x: f64) -> Option<f64> {
    let after = steps.partition_point(|(at, _)| *at < x);
    match (after.checked_sub(1).map(|i| steps[i]), steps.get(after)) {
        (None, None) => None,
        (None, Some(&(_, y))) | (Some((_, y)), None) => Some(y),
        (Some((x0, y0)), Some(&(x1, y1))) => Some(y0 + (y1 - y0) * (x - x0) / (x1 - x0)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_doubling_gives_the_capacity_of_a_vector() {
        for (x, capacity) in [
            (0.0, 0.0),
            (1.0, 1.0),
            (2.0, 2.0),
            (3.0, 4.0),
            (65_536.0, 65_536.0),
            (65_537.0, 131_072.0),
        ] {
            assert_eq!(Transform::Pow2Ceil.apply(x), capacity, "{x}");
        }
    }

    #[test]
    fn buckets_are_those_of_a_hash_table_whatever_its_size() {
        assert_eq!(Transform::Buckets.apply(0.0), 0.0);
        assert_eq!(Transform::Buckets.apply(-1.0), 0.0);
        // A table of its own: it doubles where one more key would leave less than an eighth of its buckets free, or none.
        let mut buckets = 4;
        for keys in 2..=1_000_000 {
            let room = if buckets < 8 { 3 } else { buckets / 8 * 7 };
            if keys > room {
                buckets *= 2;
            }
            assert_eq!(
                Transform::Buckets.apply(f64::from(keys)),
                f64::from(buckets),
                "{keys}"
            );
        }
        for buckets in (3..40).map(|log| 2f64.powi(log)) {
            assert_eq!(Transform::Buckets.apply(buckets / 8.0 * 7.0), buckets);
            assert_eq!(
                Transform::Buckets.apply(buckets / 8.0 * 7.0 + 1.0),
                2.0 * buckets
            );
        }
    }

    fn feature(variable: &str) -> Feature {
        Feature {
            variable: variable.to_owned(),
            breakpoint: Breakpoint::Set(variable.to_owned()),
            aggregate: Aggregate::First,
        }
    }

    fn pixels() -> Predictor {
        Predictor {
            times: Some(feature("height")),
            ..feature("width").into()
        }
    }

    #[test]
    fn a_product_is_written_once_and_is_known_when_both_features_are() {
        let pixels = pixels();
        assert_eq!(pixels.variables(), "width x height");
        for (transform, text) in [
            (Transform::Identity, "first(width) x first(height)"),
            (Transform::Square, "(first(width) x first(height))^2"),
            (
                Transform::Pow2Ceil,
                "pow2ceil(first(width) x first(height))",
            ),
        ] {
            assert_eq!(transform.show(&pixels), text);
        }
        assert_eq!(Transform::Square.show(&feature("n").into()), "first(n)^2");
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
    fn isotonic_predictions_are_interpolated_inside_and_flat_outside() {
        let steps = [(1.0, 10.0), (3.0, 30.0)];
        for (x, y) in [
            (0.0, 10.0),
            (1.0, 10.0),
            (2.0, 20.0),
            (3.0, 30.0),
            (9.0, 30.0),
        ] {
            assert_eq!(interpolate(&steps, x), Some(y));
        }
        assert_eq!(interpolate(&[], 1.0), None);
    }
}
