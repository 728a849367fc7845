//! What a call is expected to need, in the middle: the same as others, or what a model says. Both follow the calls as they
//! come. How far a call may lie above it is the margin's (`expert`).

use super::Known;
use crate::formula::formula;
use crate::margin::widening;
use trace::{Feature, Model, ModelKind, Target, Transform};

/// The newest call has at least this weight in the middle of all.
const LEAST_WEIGHT: f64 = 1.0 / 250.0;

/// What a call says of the coefficients counts this share of what the one after it says.
const FADING: f64 = 1.0 - LEAST_WEIGHT;

/// The geometric mean of what calls needed, the newest weighted more.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Middle {
    calls: f64,
    log: f64,
}

impl Middle {
    pub(super) fn see(&mut self, need: f64) {
        self.calls += 1.0;
        self.log += (need.max(1.0).ln() - self.log) * (1.0 / self.calls).max(LEAST_WEIGHT);
    }

    pub(super) fn predict(&self) -> f64 {
        self.log.exp()
    }
}

/// A model whose coefficients follow the calls: weighted least squares over all that were shown to it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    model: Model,
    terms: Vec<Term>,
    /// Of `[1, terms...]`: sums of products, and of products with the need, each call weighted by its relative error.
    products: Vec<Vec<f64>>,
    with_need: Vec<f64>,
    coefficients: Vec<f64>,
}

/// A term by the positions of its features.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Term {
    feature: usize,
    times: Option<usize>,
    transform: Transform,
    /// By what its values are divided, so that the sums are of one order.
    unit: f64,
}

impl Line {
    /// The model, as it was fitted; `None` where it is of a feature that is not told of each call.
    pub(super) fn new(model: Model, features: &[Feature]) -> Option<Line> {
        let position = |feature: &Feature| features.iter().position(|f| f == feature);
        let terms = model.terms.iter().map(|term| {
            let times = term.predictor.times.as_ref();
            let largest = model
                .seen
                .iter()
                .find(|seen| seen.predictor == term.predictor)
                .map_or(1.0, |seen| term.transform.apply(seen.max).abs());
            Some(Term {
                feature: position(&term.predictor.feature)?,
                times: match times {
                    Some(times) => Some(position(times)?),
                    None => None,
                },
                transform: term.transform,
                unit: if largest > 0.0 { largest } else { 1.0 },
            })
        });
        let terms: Vec<Term> = terms.collect::<Option<_>>()?;
        let side = terms.len() + 1;
        let slopes = model.terms.iter().zip(&terms);
        let slopes = slopes.map(|(term, at)| term.coefficient * at.unit);
        Some(Line {
            coefficients: [model.intercept].into_iter().chain(slopes).collect(),
            products: vec![vec![0.0; side]; side],
            with_need: vec![0.0; side],
            terms,
            model,
        })
    }

    /// Whether both are the same sum of the same terms.
    pub(super) fn is_like(&self, other: &Line) -> bool {
        let same = |(a, b): (&Term, &Term)| {
            (a.feature, a.times, a.transform) == (b.feature, b.times, b.transform)
        };
        let kinds = (self.model.kind, other.model.kind);
        let both_steps = kinds == (ModelKind::Isotonic, ModelKind::Isotonic);
        let neither = kinds.0 != ModelKind::Isotonic && kinds.1 != ModelKind::Isotonic;
        (both_steps || neither)
            && self.terms.len() == other.terms.len()
            && self.terms.iter().zip(&other.terms).all(same)
    }

    /// The model as it is now: with what the calls since have made of its coefficients, and the range that they have seen.
    pub(super) fn model(&self) -> Model {
        let mut model = self.model.clone();
        if model.kind == ModelKind::Isotonic {
            return model;
        }
        model.intercept = self.coefficients[0];
        let slopes = self.coefficients[1..].iter().zip(&self.terms);
        for (term, (slope, at)) in model.terms.iter_mut().zip(slopes) {
            term.coefficient = slope / at.unit;
        }
        model.formula = formula(&model, Target::Committed);
        model
    }

    /// Seconds since the call began when all that is needed to predict is known.
    pub(super) fn known_at(&self, known: &[Known]) -> f64 {
        let features = self.terms.iter().flat_map(|t| [Some(t.feature), t.times]);
        let at = features.flatten().map(|feature| known[feature].at_seconds);
        at.fold(0.0, f64::max)
    }

    /// By what the margin grows for a call outside what was seen; `None` inside it.
    pub(super) fn widening(&self, known: &[Known], features: &[Feature]) -> Option<f64> {
        widening(&self.model, &|feature| value_of(feature, known, features))
    }

    /// Takes in that a call with these values was seen.
    pub(super) fn stretch(&mut self, known: &[Known], features: &[Feature]) {
        for seen in &mut self.model.seen {
            if let Some(x) = seen.predictor.value(|f| value_of(f, known, features)) {
                seen.min = seen.min.min(x);
                seen.max = seen.max.max(x);
            }
        }
    }

    pub(super) fn predict(&self, known: &[Known]) -> f64 {
        if self.model.kind == ModelKind::Isotonic {
            let x = self.terms.first().map(|term| term.raw(known));
            return x.map_or(f64::NAN, |x| {
                self.model.predict(|_| Some(x)).unwrap_or(f64::NAN)
            });
        }
        let (intercept, slopes) = (self.coefficients[0], &self.coefficients[1..]);
        let terms = self.terms.iter().zip(slopes);
        intercept
            + terms
                .map(|(term, slope)| slope * term.value(known))
                .sum::<f64>()
    }

    /// Follows a call. Steps do not: they are fitted anew.
    pub(super) fn see(&mut self, known: &[Known], need: f64, scale: f64) {
        if self.model.kind == ModelKind::Isotonic {
            return;
        }
        let row: Vec<f64> = [1.0]
            .into_iter()
            .chain(self.terms.iter().map(|term| term.value(known)))
            .collect();
        if !row.iter().all(|value| value.is_finite()) {
            return;
        }
        let weight = 1.0 / (scale * scale);
        for (products, with_need) in self.products.iter_mut().zip(&mut self.with_need) {
            products.iter_mut().for_each(|product| *product *= FADING);
            *with_need *= FADING;
        }
        for (a, value) in row.iter().enumerate() {
            for (b, other) in row.iter().enumerate() {
                self.products[a][b] += weight * value * other;
            }
            self.with_need[a] += weight * value * need;
        }
        if let Some(solved) = solve(&self.products, &self.with_need) {
            self.coefficients = solved;
        }
    }
}

fn value_of(feature: &Feature, known: &[Known], features: &[Feature]) -> Option<f64> {
    let at = features.iter().position(|f| f == feature)?;
    Some(known[at].value).filter(|value| value.is_finite())
}

impl Term {
    fn raw(&self, known: &[Known]) -> f64 {
        let times = self.times.map_or(1.0, |times| known[times].value);
        known[self.feature].value * times
    }

    fn value(&self, known: &[Known]) -> f64 {
        self.transform.apply(self.raw(known)) / self.unit
    }
}

/// Solves for the coefficients by Cholesky's decomposition; `None` where the calls seen do not determine them.
fn solve(products: &[Vec<f64>], right: &[f64]) -> Option<Vec<f64>> {
    const UNDETERMINED: f64 = 1e-10;
    let side = right.len();
    let mut lower = vec![vec![0.0; side]; side];
    for a in 0..side {
        for b in 0..=a {
            let dot: f64 = (0..b).map(|c| lower[a][c] * lower[b][c]).sum();
            let rest = products[a][b] - dot;
            if a != b {
                lower[a][b] = rest / lower[b][b];
            } else if rest > UNDETERMINED * products[a][a] {
                lower[a][a] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut solved = right.to_vec();
    for a in 0..side {
        let dot: f64 = (0..a).map(|b| lower[a][b] * solved[b]).sum();
        solved[a] = (solved[a] - dot) / lower[a][a];
    }
    for a in (0..side).rev() {
        let dot: f64 = (a + 1..side).map(|b| lower[b][a] * solved[b]).sum();
        solved[a] = (solved[a] - dot) / lower[a][a];
    }
    solved
        .iter()
        .all(|value| value.is_finite())
        .then_some(solved)
}
