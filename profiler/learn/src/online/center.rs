//! What a call is expected to need, in the middle: the same as others, or what a model says. Both follow the calls as they
//! come, but for steps and trees, which are learned anew. How far a call may lie above it is the margin's (`expert`).

use super::Known;
use crate::formula::formula;
use crate::margin::widening;
use trace::{Condition, Feature, Model, ModelKind, Target, Transform, Tree};

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

/// How the coefficients of a model follow the calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Follows {
    /// As of a sum with a constant.
    Sum,
    /// As of sums in parts, each with a constant of its own.
    Parts,
    /// As of a sum with a constant that is the logarithm of the need.
    Logarithm,
    /// Not at all.
    Nothing,
}

impl Follows {
    fn of(kind: ModelKind) -> Follows {
        match kind {
            ModelKind::None | ModelKind::Isotonic | ModelKind::Forest => Follows::Nothing,
            ModelKind::Split => Follows::Parts,
            ModelKind::Glm => Follows::Logarithm,
            ModelKind::Constant
            | ModelKind::Linear
            | ModelKind::Transformed
            | ModelKind::Multiple => Follows::Sum,
        }
    }
}

/// A model whose coefficients follow the calls: weighted least squares over all that were shown to it.
#[derive(Clone, Debug)]
pub(super) struct Line {
    model: Model,
    terms: Vec<Term>,
    follows: Follows,
    /// Of `[1, terms...]`, without the 1 where parts have constants of their own: sums of products, and of products with the need,
    /// each call weighted by its relative error.
    products: Vec<Vec<f64>>,
    with_need: Vec<f64>,
    coefficients: Vec<f64>,
}

/// A term by the positions of its features.
#[derive(Clone, Debug, PartialEq)]
struct Term {
    feature: usize,
    times: Option<usize>,
    when: Vec<(usize, Condition)>,
    /// Which of the model's parts it is of.
    part: usize,
    transform: Transform,
    /// By what its values are divided, so that the sums are of one order.
    unit: f64,
}

impl Line {
    /// The model, as it was fitted; `None` where it is of a feature that is not told of each call.
    pub(super) fn new(model: Model, features: &[Feature]) -> Option<Line> {
        let position = |feature: &Feature| features.iter().position(|f| f == feature);
        let parts = model.parts().enumerate();
        let parts = parts.flat_map(|(part, (_, terms))| terms.iter().map(move |term| (part, term)));
        let terms = parts.map(|(part, term)| {
            let times = term.predictor.times.as_ref();
            let range = model.range(&term.predictor);
            let largest = range.map_or(1.0, |seen| term.transform.apply(seen.max).abs());
            let when = term.when.iter();
            let when =
                when.map(|condition| Some((position(&condition.feature)?, condition.clone())));
            Some(Term {
                when: when.collect::<Option<_>>()?,
                part,
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
        let follows = Follows::of(model.kind);
        let constant = (follows != Follows::Parts).then_some(model.intercept);
        let slopes = model.terms.iter().zip(&terms);
        let slopes = slopes.map(|(term, at)| term.coefficient * at.unit);
        let coefficients: Vec<f64> = constant.into_iter().chain(slopes).collect();
        let side = coefficients.len();
        Some(Line {
            follows,
            coefficients,
            products: vec![vec![0.0; side]; side],
            with_need: vec![0.0; side],
            terms,
            model,
        })
    }

    /// Whether both are the same sum of the same terms. Steps and trees that are learned anew are others than those before.
    pub(super) fn is_like(&self, other: &Line) -> bool {
        let same = |(a, b): (&Term, &Term)| {
            let of = |term: &Term| (term.feature, term.times, term.transform);
            of(a) == of(b) && a.when == b.when
        };
        self.follows == other.follows
            && self.follows != Follows::Nothing
            && self.terms.len() == other.terms.len()
            && self.terms.iter().zip(&other.terms).all(same)
    }

    /// Whether both are steps, or trees: what the calls since have shown of how far they may be trusted holds of the other too.
    pub(super) fn is_kin(&self, other: &Line) -> bool {
        self.follows == Follows::Nothing && self.model.kind == other.model.kind
    }

    /// The model as it is now: with what the calls since have made of its coefficients, and the range that they have seen.
    pub(super) fn model(&self) -> Model {
        let mut model = self.model.clone();
        if self.follows == Follows::Nothing {
            return model;
        }
        let (constant, slopes) = self.parted();
        model.intercept = constant;
        let slopes = slopes.iter().zip(&self.terms);
        for (term, (slope, at)) in model.terms.iter_mut().zip(slopes) {
            term.coefficient = slope / at.unit;
        }
        model.formula = formula(&model, Target::Committed);
        model
    }

    /// Seconds since the call began when all that is needed to predict is known.
    pub(super) fn known_at(&self, known: &[Known]) -> f64 {
        let features = self.terms.iter().flat_map(|t| [Some(t.feature), t.times]);
        let asked = self
            .terms
            .iter()
            .flat_map(|t| t.when.iter().map(|when| when.0));
        let at = features
            .flatten()
            .chain(asked)
            .map(|feature| known[feature].at_seconds);
        at.fold(0.0, f64::max)
    }

    /// By what the margin grows for a call outside what was seen; `None` inside it.
    pub(super) fn widening(&self, known: &[Known], features: &[Feature]) -> Option<f64> {
        widening(&self.model, &|feature| value_of(feature, known, features))
    }

    /// Takes in that a call with these values was seen.
    pub(super) fn stretch(&mut self, known: &[Known], features: &[Feature]) {
        for seen in &mut self.model.seen {
            if let Some(x) = seen.predictor.value(|f| value_of(f, known, features))
                && seen.is_of(|f| value_of(f, known, features))
            {
                seen.min = seen.min.min(x);
                seen.max = seen.max.max(x);
            }
        }
    }

    /// What is predicted; NaN where nothing is.
    pub(super) fn predict(&self, known: &[Known]) -> f64 {
        self.predicted(known).unwrap_or(f64::NAN)
    }

    fn predicted(&self, known: &[Known]) -> Option<f64> {
        if self.follows == Follows::Nothing {
            let values = self.terms.iter().map(|term| term.raw(known));
            let values: Vec<f64> = values.collect();
            if !values.iter().all(|value| value.is_finite()) {
                return None;
            }
            return match self.model.kind {
                ModelKind::Forest => Tree::median(&self.model.trees, &values),
                _ => self.model.predict(|_| values.first().copied()),
            };
        }
        let (constant, slopes) = self.parted();
        let terms = self.values(known)?.into_iter().zip(slopes);
        let sum = constant + terms.map(|(value, slope)| value * slope).sum::<f64>();
        Some(match self.follows {
            Follows::Logarithm => sum.exp(),
            Follows::Sum | Follows::Parts | Follows::Nothing => sum,
        })
    }

    /// The values of the terms, 0 of those of other parts; `None` where one is not known, or no part is for the call.
    fn values(&self, known: &[Known]) -> Option<Vec<f64>> {
        let part = self.terms.iter().find(|term| term.holds(known))?.part;
        let value = |term: &Term| match term.part == part {
            true => term.value(known),
            false => 0.0,
        };
        let values: Vec<f64> = self.terms.iter().map(value).collect();
        values
            .iter()
            .all(|value| value.is_finite())
            .then_some(values)
    }

    /// The constant, 0 where parts have their own, and the slopes.
    fn parted(&self) -> (f64, &[f64]) {
        match self.follows {
            Follows::Parts => (0.0, &self.coefficients),
            _ => (self.coefficients[0], &self.coefficients[1..]),
        }
    }

    /// Follows a call. `scale` is what counts as an error of 100 %.
    pub(super) fn see(&mut self, known: &[Known], need: f64, scale: f64) {
        let constant = match self.follows {
            Follows::Nothing => return,
            Follows::Parts => None,
            Follows::Sum | Follows::Logarithm => Some(1.0),
        };
        // Errors of a logarithm are relative as they are.
        let (need, scale) = match self.follows {
            Follows::Logarithm => (need.max(1.0).ln(), 1.0),
            _ => (need, scale),
        };
        let Some(values) = self.values(known) else {
            return;
        };
        let row: Vec<f64> = constant.into_iter().chain(values).collect();
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

    fn holds(&self, known: &[Known]) -> bool {
        let mut when = self.when.iter();
        when.all(|(at, condition)| condition.holds(known[*at].value))
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
