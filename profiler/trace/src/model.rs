//! A fitted relation between features and a number to be explained, with everything needed to judge it.
//! Fitting is the work of `learn`; predicting from a finished model needs only arithmetic, so it is here.

use crate::{Condition, Feature, Predictor, Transform, Tree};
use serde::{Deserialize, Serialize};

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
