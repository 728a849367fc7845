//! What two versions of a function differ by. Memory of a guest is exact and repeatable, so inputs that both were run on are
//! compared one by one; of a relation to a variable the interval is told in which its numbers lie.

use crate::allocations::{largest_needs, measured};
use crate::data::FEWEST;
use crate::line::{Point, Resampled};
use crate::statistics::median;
use std::collections::HashMap;
use trace::{
    BillDifference, Both, Bytes, CallAllocation, Difference, Estimate, Model, ModelKind,
    PairedDifference, Profile, Recommendation, RelationDifference,
};

/// Compares two versions; `None` where of one of them nothing was measured. The seed decides the resamples.
pub fn difference(old: &Profile, new: &Profile, seed: u64) -> Option<Difference> {
    let (before, after) = (old.recommendation.as_ref()?, new.recommendation.as_ref()?);
    let both = |of: fn(&Recommendation) -> Bytes| Both {
        old: of(before),
        new: of(after),
    };
    Some(Difference {
        schema: Difference::SCHEMA.to_owned(),
        function: Both {
            old: old.function.clone(),
            new: new.function.clone(),
        },
        inputs: Both {
            old: old.invocations.distinct_inputs,
            new: new.invocations.distinct_inputs,
        },
        formula: Both {
            old: old.model.formula.clone(),
            new: new.model.formula.clone(),
        },
        peak_bytes: both(|r| r.largest_need_bytes),
        allocation_bytes: both(|r| r.allocation_bytes),
        relation: relation(before, after, seed),
        paired: paired(&before.calls, &after.calls),
        waste_share: 1.0 - after.allocation_bytes.as_f64() / after.baseline_bytes.as_f64().max(1.0),
        bills: bills(before, after),
    })
}

/// The relation by which both size single calls, where it is to the same variable in the same shape.
fn relation(old: &Recommendation, new: &Recommendation, seed: u64) -> Option<RelationDifference> {
    let (before, after) = (line(old)?, line(new)?);
    let (of, other) = (&before.terms[0], &after.terms[0]);
    if (&of.predictor, of.transform) != (&other.predictor, other.transform) {
        return None;
    }
    let (old, new) = (Line::of(old, before, seed)?, Line::of(new, after, seed)?);
    Some(RelationDifference {
        of: of.transform.show(&of.predictor),
        constant: Both {
            old: old.constant,
            new: new.constant,
        },
        coefficient: Both {
            old: old.coefficient,
            new: new.coefficient,
        },
    })
}

/// The model of single calls, where it is a line in one variable.
fn line(recommendation: &Recommendation) -> Option<&Model> {
    let model = recommendation.sizing.as_ref()?;
    let is_line = matches!(model.kind, ModelKind::Linear | ModelKind::Transformed);
    (is_line && model.terms.len() == 1).then_some(model)
}

struct Line {
    constant: Estimate,
    coefficient: Estimate,
}

impl Line {
    fn of(recommendation: &Recommendation, model: &Model, seed: u64) -> Option<Line> {
        let term = &model.terms[0];
        let mut points: HashMap<&str, (f64, f64)> = HashMap::new();
        for call in measured(&recommendation.calls) {
            let x = term.transform.apply(call.feature_value?);
            points.insert(call.identity(), (x, call.needed_bytes.as_f64()));
        }
        let mut points: Vec<(f64, f64)> = points.into_values().collect();
        // In an order of their own, so that the same calls give the same interval.
        points.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
        if points.len() < FEWEST {
            return None;
        }
        // Each weighted by its relative error, as models are fitted.
        let points = points.into_iter().map(|(x, y)| Point {
            x,
            y,
            weight: y.max(1.0).powi(-2),
        });
        let resampled = Resampled::of(&points.collect::<Vec<Point>>(), seed);
        Some(Line {
            constant: resampled.estimate(model.intercept, |line| line.0),
            coefficient: resampled.estimate(term.coefficient, |line| line.1),
        })
    }
}

fn paired(old: &[CallAllocation], new: &[CallAllocation]) -> Option<PairedDifference> {
    let (old, new) = (largest_needs(old), largest_needs(new));
    let ratios = old.iter().filter_map(|(input, before)| {
        let after = new.get(input)?;
        (*before > 0.0).then(|| after / before)
    });
    let ratios: Vec<f64> = ratios.collect();
    Some(PairedDifference {
        inputs: ratios.len(),
        median_ratio: median(&ratios)?,
        least: ratios.iter().copied().fold(f64::INFINITY, f64::min),
        most: ratios.iter().copied().fold(0.0, f64::max),
    })
}

fn bills(old: &Recommendation, new: &Recommendation) -> Vec<BillDifference> {
    let bills = old.providers.iter().filter_map(|before| {
        let mut others = new.providers.iter();
        let after = others.find(|bill| bill.provider == before.provider)?;
        Some(BillDifference {
            name: after.name.clone(),
            provider: after.provider.clone(),
            size_mb: Both {
                old: before.size_mb,
                new: after.size_mb,
            },
            usd_per_million: Both {
                old: before.usd_per_million,
                new: after.usd_per_million,
            },
        })
    });
    bills.collect()
}
