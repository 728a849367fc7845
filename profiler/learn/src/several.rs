//! Models of several features: stepwise, and by the features that an elastic net keeps. Both are judged like every other
//! model, by least squares on rows left out; the net's own shrunk coefficients are not used.

use crate::data::{Columns, FEWEST};
use crate::fit;
use crate::fit::Shape;
use crate::needed::{last_is_needed, residuals};
use crate::press::Training;
use crate::scored::{NO_DIFFERENCE, Scored};
use crate::select::{explained, first, settled};
use std::borrow::Cow;
use std::cmp::Reverse;
use trace::Transform;

/// Below this mean relative error one feature is enough: nothing could be clearly better.
pub(crate) const GOOD_ENOUGH: f64 = NO_DIFFERENCE;

/// On more rows than this a term that is there is seen to help even where another is still missing.
const FEW_ROWS: usize = 60;

/// Candidates tried in each step, of all that are screened against what is left to explain.
const TRIED: usize = 5;

/// Shapes in which each of them is tried.
const SHAPES: [Transform; 5] = [
    Transform::Identity,
    Transform::Pow2Ceil,
    Transform::Buckets,
    Transform::NLogN,
    Transform::Square,
];

/// Adds the feature that helps most, as long as it clearly helps. What does not help alone may help with one more: the bytes
/// of a text and the capacity of a vector are both unclear as long as the other is missing.
pub(crate) fn stepwise(training: &Training, single: &Scored, allowed: &[usize]) -> Option<Scored> {
    let mut best = single.clone();
    let mut from = single.clone();
    let mut ahead = false;
    while best.mean > GOOD_ENOUGH {
        let Some(next) = extended(training, &from, allowed) else {
            break;
        };
        let helps = needed(training, &next.shape, allowed.len())
            && next.mean < 0.95 * best.mean
            && next.clearly_better_than(&best, training);
        if helps {
            best = next.clone();
        } else if ahead || training.rows > FEW_ROWS {
            break;
        }
        ahead = !helps;
        from = next;
    }
    let Shape::Terms(terms) = best.shape else {
        return None;
    };
    let best = Scored::terms(training, &pruned(training, terms, allowed.len()))?;
    (best.mean < single.mean - NO_DIFFERENCE).then_some(best)
}

/// The model with the one further term that predicts best.
fn extended(training: &Training, from: &Scored, allowed: &[usize]) -> Option<Scored> {
    let Shape::Terms(terms) = &from.shape else {
        return None;
    };
    let tried = next_columns(training, terms, allowed);
    let new = tried
        .into_iter()
        .flat_map(|j| SHAPES.map(|t| (Columns::One(j), t)));
    new.filter(|new| !terms.contains(new))
        .filter_map(|new| Scored::terms(training, &[terms.as_slice(), &[new]].concat()))
        .min_by(|a, b| a.by_error(b))
}

fn needed(training: &Training, shape: &Shape, candidates: usize) -> bool {
    matches!(shape, Shape::Terms(terms) if last_is_needed(training, terms, candidates * SHAPES.len()))
}

/// Of the variance of one column, the share that a line in another explains where the rows cannot tell the two apart: a
/// correlation of 0.999.
const SAME: f64 = 0.998;

/// Columns that explain most of what the terms leave. A column that the rows cannot tell from one of the terms is that one.
fn next_columns(
    training: &Training,
    terms: &[(Columns, Transform)],
    allowed: &[usize],
) -> Vec<usize> {
    let left = residuals(training, terms);
    let shaped = |c: Columns| training.data.shaped(c, Transform::Identity);
    let used = terms.iter().filter_map(|t| Some((t.0, shaped(t.0)?)));
    let used: Vec<(Columns, Cow<[f64]>)> = used.collect();
    let mut ranked: Vec<(f64, usize)> = allowed
        .iter()
        .filter_map(|&j| {
            let column = shaped(Columns::One(j))?;
            let same = |(k, other): &(Columns, Cow<[f64]>)| {
                *k != Columns::One(j) && explained(&training.weight, other, &column) > SAME
            };
            if used.iter().any(same) {
                return None;
            }
            Some((explained(&training.weight, &left, &column), j))
        })
        .collect();
    ranked.sort_by_key(|r| Reverse(settled(r.0)));
    // Columns with the same values are tried once, by the preferred name: the sort is stable.
    ranked.dedup_by_key(|r| settled(r.0));
    ranked.iter().take(TRIED).map(|r| r.1).collect()
}

/// The short-listed features an elastic net keeps, over a few penalties, refitted without shrinkage.
pub(crate) fn elastic_net(
    training: &Training,
    groups: &[Vec<Scored>],
    allowed: usize,
) -> Option<Scored> {
    const PENALTIES: [f64; 4] = [0.3, 0.1, 0.03, 0.01];
    let columns: Vec<Columns> = groups
        .iter()
        .filter_map(|tried| first(&tried.first()?.shape))
        .collect();
    let good = groups
        .first()
        .is_none_or(|tried| tried.iter().any(|s| s.mean < GOOD_ENOUGH));
    if good || columns.len() < 2 || training.rows < 2 * FEWEST {
        return None;
    }
    let gather = |of: &[f64]| training.kept().map(|p| of[p]).collect::<Vec<f64>>();
    let x: Vec<Vec<f64>> = columns
        .iter()
        .map(|&j| gather(&training.data.sampled(j)))
        .collect();
    let (y, weights) = (gather(&training.y), gather(&training.weight));
    let mut tried: Vec<Vec<(Columns, Transform)>> = Vec::new();
    for penalty in PENALTIES {
        let net = fit::elastic_net(&x, &y, &weights, penalty, 0.9)?;
        let chosen: Vec<_> = columns
            .iter()
            .zip(&net.slopes)
            .filter(|(_, slope)| **slope != 0.0)
            .map(|(&j, _)| (j, Transform::Identity))
            .collect();
        let chosen = pruned(training, chosen, allowed);
        if chosen.len() >= 2 && !tried.contains(&chosen) {
            tried.push(chosen);
        }
    }
    tried
        .iter()
        .filter_map(|terms| Scored::terms(training, terms))
        .min_by(|a, b| a.mean.total_cmp(&b.mean))
}

/// Without the terms that are not needed beside the others; nothing where they are too many or collinear.
fn pruned(
    training: &Training,
    mut terms: Vec<(Columns, Transform)>,
    candidates: usize,
) -> Vec<(Columns, Transform)> {
    if Scored::terms(training, &terms).is_none() {
        return Vec::new();
    }
    let all = terms.clone();
    let mut needed = 0;
    // Each term has its turn as the last one; one that stays goes to the front.
    while needed < terms.len() {
        if last_is_needed(training, &terms, candidates * SHAPES.len()) {
            terms.rotate_right(1);
            needed += 1;
        } else {
            terms.pop();
            needed = 0;
        }
    }
    all.into_iter().filter(|t| terms.contains(t)).collect()
}
