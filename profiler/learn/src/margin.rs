//! From a central prediction to an allocation: the margin that keeps the asked failure rate, and the bounds that keep it
//! within reason. A regression without one fails half of all calls.

use crate::statistics::conformal_rank;
use trace::{
    Bytes, CallBounds, Feature, MarginFrom, Model, ModelKind, Recommendation, Term, Transform,
};

/// Up to here every margin is widened by 1 + 1/n.
pub(crate) const FEW: usize = 30;

/// All that a memory with 32-bit addresses can have, bytes: nobody is given more without having needed it.
pub(crate) const MEMORY: f64 = 4294967296.0;

/// No call inside the seen range, and none in a stream, is given more than the largest need times this.
pub(crate) const CAP: f64 = 1.15;

/// Outside the seen range a margin is at least this much, before it is widened.
pub(crate) const LEAST_OUTSIDE: f64 = 0.02;

/// A variable says something in a forest from this share of what is explained on.
const SAYS: f64 = 0.1;

/// An additive margin replaces the factor where it wastes less than this share of what the factor wastes.
const CLEARLY_LESS: f64 = 0.9;

/// A prediction made before the call was seen, and what the call needed, bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Foretold {
    pub(crate) predicted: f64,
    pub(crate) needed: f64,
}

/// How a prediction becomes an allocation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rule {
    /// The prediction is multiplied by this.
    pub(crate) factor: f64,
    /// Floor, cap, and what is added.
    pub(crate) bounds: CallBounds,
    /// Where factor and summand were taken from, where that is known.
    pub(crate) from: Option<MarginFrom>,
}

/// The rule that would have held the asked failure rate on predictions made before each call was seen: once with each
/// input left out, once one step ahead. The larger bound of the two holds.
///
/// Split conformal (Vovk and others 2005; Lei and others 2018) on the ratio of need to prediction, or on their difference
/// where that wastes clearly less: committed memory grows by pages, whatever its size.
pub(crate) fn rule(
    left_out: &[Foretold],
    ahead: &[Foretold],
    failure_rate: f64,
    bounds: CallBounds,
) -> Rule {
    let few = if left_out.len() < FEW {
        1.0 + 1.0 / left_out.len().max(1) as f64
    } else {
        1.0
    };
    let floor = bounds.floor.as_f64();
    let ratio = |f: &Foretold| f.needed / f.predicted.max(floor);
    let beyond = |f: &Foretold| f.needed - f.predicted.max(floor);
    let bound = |of: &dyn Fn(&Foretold) -> f64, least: f64| {
        let left_out = upper(left_out.iter().map(of).collect(), failure_rate);
        let ahead = upper(ahead.iter().map(of).collect(), failure_rate);
        let from = if ahead > left_out {
            MarginFrom::StepAhead
        } else {
            MarginFrom::LeftOut
        };
        (left_out.max(ahead).max(least), Some(from))
    };
    let (factor, from) = bound(&ratio, 1.0);
    let by_ratio = Rule {
        factor: factor * few,
        bounds,
        from,
    };
    let (added, from) = bound(&beyond, 0.0);
    let by_difference = Rule {
        factor: few,
        bounds: CallBounds {
            added: Bytes::from_f64(added * few),
            ..bounds
        },
        from,
    };
    if by_difference.waste(left_out) < CLEARLY_LESS * by_ratio.waste(left_out) {
        by_difference
    } else {
        by_ratio
    }
}

/// The value at the conformal rank, the largest where the rank is beyond them; -infinity for none.
fn upper(mut values: Vec<f64>, failure_rate: f64) -> f64 {
    values.sort_by(f64::total_cmp);
    let rank = conformal_rank(values.len(), failure_rate).min(values.len());
    rank.checked_sub(1).map_or(f64::NEG_INFINITY, |i| values[i])
}

impl Rule {
    /// The rule of a recommendation; `None` where it sizes no single call.
    pub(crate) fn of(recommendation: &Recommendation) -> Option<Rule> {
        Some(Rule {
            factor: recommendation.margin?,
            bounds: recommendation.call_bounds,
            from: recommendation.margin_from,
        })
    }

    fn waste(&self, calls: &[Foretold]) -> f64 {
        let given = |f: &Foretold| self.allocation(f.predicted, None).as_f64();
        calls.iter().map(|f| (given(f) - f.needed).max(0.0)).sum()
    }

    /// The allocation for a central prediction, in whole pages. `widened`: by what the margin is multiplied, where a
    /// feature lies outside the seen range.
    pub(crate) fn allocation(&self, predicted: f64, widened: Option<f64>) -> Bytes {
        let CallBounds {
            floor,
            cap,
            cap_outside,
            added,
        } = self.bounds;
        // A guest with 64-bit addresses may have had more.
        let most = MEMORY.max(cap.as_f64());
        let base = predicted.max(floor.as_f64()).min(most);
        let given = match widened {
            None => base * self.factor + added.as_f64(),
            Some(by) => {
                // A request may say any number: no infinity, which times nothing would be no number at all.
                let by = by.min(MEMORY);
                base * (1.0 + (self.factor - 1.0).max(LEAST_OUTSIDE) * by) + added.as_f64() * by
            }
        };
        let capped = widened.is_none() || cap_outside;
        let given = if capped {
            given.min(cap.as_f64())
        } else {
            given
        };
        Bytes::from_f64(given.max(floor.as_f64()).min(most).ceil()).round_up_to_pages()
    }
}

/// Central prediction and allocation for a call of which these values are known; `None` where one is missing.
pub(crate) fn size(
    model: &Model,
    rule: &Rule,
    value_of: &dyn Fn(&Feature) -> Option<f64>,
) -> Option<(f64, Bytes)> {
    let mut predicted = model.predict(value_of)?;
    let beyond = widening(model, value_of);
    if matches!(model.kind, ModelKind::Isotonic | ModelKind::Forest) && beyond.is_some() {
        // Steps and trees are flat beyond what they have seen; memory in proportion is the safer guess.
        let beyond = |term: &Term| {
            let x = &term.predictor;
            let seen = model
                .seen
                .iter()
                .find(|seen| seen.predictor == *x && seen.max > 0.0)?;
            Some(x.value(value_of)? / seen.max)
        };
        // What hardly says anything in a forest says nothing of what is beyond either.
        let says = |term: &&Term| model.kind != ModelKind::Forest || term.coefficient >= SAYS;
        let beyond = model.terms.iter().filter(says).filter_map(beyond);
        predicted *= beyond.fold(1.0, f64::max);
    }
    predicted
        .is_finite()
        .then(|| (predicted, rule.allocation(predicted, beyond)))
}

/// By what the margin grows for a call outside the seen range, `None` inside it: the standard error of a prediction there
/// against that at the edge, for inputs spread evenly over the range (leverage 1/n + (x - mean)^2 / Sxx). A product may be
/// inside its range while one of its features is outside its own.
pub(crate) fn widening(model: &Model, value_of: &dyn Fn(&Feature) -> Option<f64>) -> Option<f64> {
    let n = model.n.max(1) as f64;
    let farthest = model
        .seen
        .iter()
        .filter_map(|seen| {
            let x = seen.predictor.value(value_of)?;
            if seen.holds(x) || !seen.is_of(value_of) {
                return None;
            }
            let distance = |transform: Transform| {
                let (low, high) = (transform.apply(seen.min), transform.apply(seen.max));
                let x = transform.apply(x);
                ((low - x).max(x - high) / (high - low).abs().max(f64::MIN_POSITIVE)).max(0.0)
            };
            let terms = model.terms.iter();
            // What only tells parts apart is no size that anything grows with, but far is far.
            let moves = |t: &&Term| t.predictor == seen.predictor && t.transform != Transform::One;
            let terms = terms.filter(moves);
            let distances = terms.map(|t| distance(t.transform));
            // A feature of a product has no term of its own.
            let of_terms = distances.max_by(f64::total_cmp);
            Some(of_terms.unwrap_or_else(|| distance(Transform::Identity)))
        })
        .max_by(f64::total_cmp)?;
    let leverage = |distance: f64| (1.0 + 12.0 * (0.5 + distance).powi(2)) / n;
    Some(((1.0 + leverage(farthest)) / (1.0 + leverage(0.0))).sqrt())
}
