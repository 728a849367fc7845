//! A model that was tried, and how it compares with others. Which ones are tried is decided in `select` and `several`.

use crate::data::Columns;
use crate::fit::Shape;
use crate::press::{MOST_TERMS, Training, losses};
use std::borrow::Cow;
use std::cmp::Ordering;
use trace::Transform;

/// A difference in mean relative error below half a percentage point is no difference to anyone, however certain.
pub(crate) const NO_DIFFERENCE: f64 = 5e-3;

/// What a product costs beyond a sum of its two features: as much as a curve.
const MULTIPLIED: usize = 1;

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

    /// Sums before steps, fewer features before more, straight lines before curves, a sum of two before their product.
    pub(crate) fn complexity(&self) -> (usize, usize) {
        match &self.shape {
            Shape::Constant => (0, 0),
            Shape::Terms(terms) => {
                let costs = terms.iter().map(|&(columns, transform)| {
                    // A threshold is one more number that was chosen.
                    let curved = match transform {
                        Transform::Identity => 0,
                        Transform::Hinge { .. } => 2,
                        _ => 1,
                    };
                    match columns {
                        Columns::One(_) => (1, curved),
                        Columns::Product(..) => (2, curved + MULTIPLIED),
                    }
                });
                costs.fold((0, 0), |sum, cost| (sum.0 + cost.0, sum.1 + cost.1))
            }
            Shape::Isotonic(_) => (MOST_TERMS + 1, 0),
        }
    }

    /// Simplest first, then by error.
    pub(crate) fn order(&self, other: &Scored) -> Ordering {
        let simpler = self.complexity().cmp(&other.complexity());
        simpler.then(self.mean.total_cmp(&other.mean))
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
