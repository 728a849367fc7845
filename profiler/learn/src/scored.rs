//! A model that was tried, and how it compares with others. Which ones are tried is decided in `select` and `several`.

use crate::data::Columns;
use crate::fit::{Shape, fit};
use crate::forest;
use crate::press::{MOST_TERMS, Training, losses};
use std::borrow::Cow;
use std::cmp::Ordering;
use trace::Transform;

/// A difference in mean relative error below half a percentage point is no difference to anyone, however certain.
pub(crate) const NO_DIFFERENCE: f64 = 5e-3;

/// What a product costs beyond a sum of its two features: as much as a curve.
const MULTIPLIED: usize = 1;

/// What a power law costs beyond the features it is of: it is no sum any more.
const POWER: usize = 3;

/// A model that was tried, and how well it predicts each row from the others.
#[derive(Clone, Debug)]
pub(crate) struct Scored {
    pub(crate) shape: Shape,
    /// Per sampled row, relative error, 0 where held out.
    pub(crate) losses: Vec<f64>,
    pub(crate) mean: f64,
}

impl Scored {
    pub(crate) fn new(training: &Training, shape: Shape, losses: Vec<f64>) -> Scored {
        Scored {
            mean: training.mean(&losses),
            shape,
            losses,
        }
    }

    /// A sum of transformed columns, judged in closed form; `None` where the rows cannot determine it.
    pub(crate) fn terms(training: &Training, terms: &[(Columns, Transform)]) -> Option<Scored> {
        // Three rows per coefficient and one to spare, or the errors say nothing.
        if terms.len() > MOST_TERMS || training.rows < 3 * terms.len() + 1 {
            return None;
        }
        let columns = terms.iter().map(|&(j, t)| training.data.shaped(j, t));
        let columns: Vec<Cow<[f64]>> = columns.collect::<Option<_>>()?;
        let losses = losses(training, &columns)?;
        Some(Scored::new(training, Shape::Terms(terms.to_vec()), losses))
    }

    /// A shape judged by leaving out fifths of the rows, where there is no closed form; `None` where one of them cannot be fitted.
    pub(crate) fn by_folds(training: &Training, shape: Shape) -> Option<Scored> {
        const FOLDS: usize = 5;
        let data = training.data;
        let kept: Vec<usize> = training.kept().collect();
        let mut losses = vec![0.0; training.y.len()];
        for fold in 0..FOLDS {
            let positions = kept.iter().enumerate();
            let (out, within): (Vec<_>, Vec<_>) = positions.partition(|(i, _)| i % FOLDS == fold);
            let rows: Vec<usize> = within.iter().map(|&(_, &p)| data.sample[p]).collect();
            let fitted = fit(data, &shape, &rows);
            if fitted.shape != shape {
                return None;
            }
            for (_, &p) in out {
                losses[p] = training.loss(p, training.y[p] - fitted.predict(data, data.sample[p]));
            }
        }
        Some(Scored::new(training, shape, losses))
    }

    /// A forest, each row judged by the trees that have not seen it.
    pub(crate) fn forest(training: &Training, columns: Vec<Columns>) -> Scored {
        let data = training.data;
        let kept: Vec<usize> = training.kept().collect();
        let of = |values: &[f64]| kept.iter().map(|&p| values[p]).collect::<Vec<f64>>();
        let x: Vec<Vec<f64>> = columns.iter().map(|&j| of(&data.sampled(j))).collect();
        let scale: Vec<f64> = data.sample.iter().map(|&row| data.scale[row]).collect();
        let grown = forest::grow(&x, &of(&training.y), &of(&scale));
        let mut losses = vec![0.0; training.y.len()];
        for (&p, predicted) in kept.iter().zip(grown.out_of_bag) {
            losses[p] = training.loss(p, training.y[p] - predicted);
        }
        Scored::new(training, Shape::Forest(columns), losses)
    }

    /// Sums before steps and steps before forests, fewer features and parts before more, straight lines before curves, a sum of two
    /// before their product.
    pub(crate) fn complexity(&self) -> (usize, usize) {
        complexity(&self.shape)
    }

    /// Simplest first, then by error.
    pub(crate) fn order(&self, other: &Scored) -> Ordering {
        let simpler = self.complexity().cmp(&other.complexity());
        simpler.then(self.mean.total_cmp(&other.mean))
    }

    /// Smallest error first. Whatever has buckets must be better by what anybody would notice ([`NO_DIFFERENCE`]): a hash
    /// table is as large as a vector but for the last eighth below each power of two, and vectors are more common.
    pub(crate) fn by_error(&self, other: &Scored) -> Ordering {
        let error = |scored: &Scored| match &scored.shape {
            Shape::Terms(terms) if terms.iter().any(|t| t.1 == Transform::Buckets) => {
                scored.mean + NO_DIFFERENCE
            }
            _ => scored.mean,
        };
        error(self).total_cmp(&error(other))
    }

    /// The same sum with a hash table for a vector, or a vector for a hash table; `None` where it has neither.
    pub(crate) fn with_other_capacity(&self) -> Option<Shape> {
        let Shape::Terms(terms) = &self.shape else {
            return None;
        };
        let other = |transform| match transform {
            Transform::Pow2Ceil => Transform::Buckets,
            Transform::Buckets => Transform::Pow2Ceil,
            _ => transform,
        };
        let others = terms.iter().map(|&(columns, t)| (columns, other(t)));
        let others: Vec<(Columns, Transform)> = others.collect();
        (others != *terms).then_some(Shape::Terms(others))
    }

    /// Whether `self` is to be taken instead of `other`: clearly better, or simpler and not clearly worse.
    pub(crate) fn preferred_to(&self, other: &Scored, training: &Training) -> bool {
        if self.complexity() < other.complexity() {
            !other.clearly_better_than(self, training)
        } else {
            self.clearly_better_than(other, training)
        }
    }

    /// Whether `self` predicts better than `simpler`, so that anybody would notice ([`NO_DIFFERENCE`]): by a tenth, and by
    /// more than two standard errors of the difference, row by row. Two and not one, because `self` is the best of many.
    pub(crate) fn clearly_better_than(&self, simpler: &Scored, training: &Training) -> bool {
        let gain = simpler.mean - self.mean;
        let kept = self
            .losses
            .iter()
            .zip(&simpler.losses)
            .zip(&training.weight);
        let spread: f64 = kept
            .filter(|(_, w)| **w > 0.0)
            .map(|((a, b), _)| (b - a - gain).powi(2))
            .sum();
        let n = training.rows as f64;
        let error = (spread / (n * (n - 1.0).max(1.0))).sqrt();
        gain > (2.0 * error).max(0.1 * simpler.mean).max(NO_DIFFERENCE)
    }
}

fn complexity(shape: &Shape) -> (usize, usize) {
    match shape {
        Shape::Constant => (0, 0),
        Shape::Terms(terms) => {
            let costs = terms.iter().map(|&(columns, transform)| {
                // A threshold is one more number that was chosen, and buckets are a second try at the steps of a vector.
                let curved = match transform {
                    Transform::Identity => 0,
                    Transform::Hinge { .. } | Transform::Buckets => 2,
                    _ => 1,
                };
                match columns {
                    Columns::One(_) => (1, curved),
                    Columns::Product(..) => (2, curved + MULTIPLIED),
                }
            });
            costs.fold((0, 0), |sum, cost| (sum.0 + cost.0, sum.1 + cost.1))
        }
        Shape::Glm(columns) => (columns.len(), POWER),
        Shape::Isotonic(_) => (MOST_TERMS + 1, 0),
        // Each part, and each question that leads to one.
        Shape::Split(parts) => {
            let costs = parts.iter().map(|part| complexity(&part.shape));
            let all = costs.fold((0, 0), |sum, cost| (sum.0 + cost.0, sum.1 + cost.1));
            (all.0 + parts.len() - 1, all.1 + parts.len() - 1)
        }
        Shape::Forest(_) => (usize::MAX, 0),
    }
}
