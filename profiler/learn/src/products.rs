//! Products of two features, as pixels are width times height: which pairs are tried, and which product is worth it. Not
//! products of three, and not of two features of one variable, which are its square by other names.
//!
//! The pairs are chosen anew wherever features are: in every fold, and for every shuffle of the permutation test.

use crate::data::{Columns, Data, FEWEST, SHAPES};
use crate::fit::Shape;
use crate::needed::{last_is_needed, residuals};
use crate::press::Training;
use crate::scored::Scored;
use crate::select::{explained, select_one, settled};
use crate::several::GOOD_ENOUGH;
use crate::statistics::dot;
use std::cmp::Reverse;
use trace::Transform;

/// A transformed column or product.
type Term = (Columns, Transform);

/// Features that are multiplied with each other, of all that are screened.
const FACTORS: usize = 8;

/// Products looked at closely, of all pairs of those.
const TRIED: usize = 3;

/// Of the variance that the best feature leaves unexplained, a product must leave less than this share: with more it cannot
/// be clearly better.
const STILL_LEFT: f64 = 0.9;

/// A correlation above which the rows cannot tell two columns apart.
const SAME: f64 = 0.999;

/// The pairs of columns to multiply: all of those, of different variables, that follow the target most closely, by
/// `follows`. A product is a sum of logarithms, so it is the logarithms that should follow each other.
pub(crate) fn pairs(
    data: &Data,
    allowed: &[usize],
    follows: impl Fn(usize) -> f64,
) -> Vec<(usize, usize)> {
    let may = allowed.iter().filter(|&&j| data.family(j).is_some());
    let mut ranked: Vec<(i64, usize)> = may.map(|&j| (settled(follows(j)), j)).collect();
    // A stable sort: among equals the preferred column stays first.
    ranked.sort_by_key(|r| Reverse(r.0));
    let mut factors: Vec<usize> = Vec::new();
    for (_, j) in ranked {
        if factors.len() == FACTORS {
            break;
        }
        let known = |&k: &usize| data.family(k) == data.family(j) || move_together(data, j, k);
        if !factors.iter().any(known) {
            factors.push(j);
        }
    }
    // The preferred columns first; within a pair, as they were observed: width times height.
    factors.sort_unstable();
    let all = factors.iter().enumerate();
    let pairs = all.flat_map(|(i, &a)| factors[i + 1..].iter().map(move |&b| (a, b)));
    pairs.map(|pair| as_observed(data, pair)).collect()
}

fn as_observed(data: &Data, (a, b): (usize, usize)) -> (usize, usize) {
    if data.family(b) < data.family(a) {
        (b, a)
    } else {
        (a, b)
    }
}

/// Whether the rows cannot tell two columns apart, in the large or in the small.
fn move_together(data: &Data, a: usize, b: usize) -> bool {
    [Transform::Identity, Transform::Log].iter().any(|&t| {
        let [a, b] = [a, b].map(|j| data.shaped(Columns::One(j), t));
        // Both have mean 0 and deviation 1.
        matches!((a, b), (Some(a), Some(b)) if dot(&a, &b).abs() > SAME * a.len() as f64)
    })
}

/// Another product that the rows cannot tell from a term that is one, or from a square: the pixels of pictures of one format
/// are a product, and the square of the width.
pub(crate) fn alike(data: &Data, shape: &Shape) -> Option<Columns> {
    let Shape::Terms(terms) = shape else {
        return None;
    };
    let (a, b) = terms
        .iter()
        .find_map(|&(columns, transform)| match columns {
            Columns::Product(a, b) => Some((a, b)),
            Columns::One(a) => (transform == Transform::Square).then_some((a, a)),
        })?;
    let like = |j: usize| {
        let all = data.usable.iter().copied();
        all.filter(move |&k| data.family(k).is_some() && (k == j || move_together(data, j, k)))
    };
    let mut pairs = like(a).flat_map(|a| like(b).map(move |b| as_observed(data, (a, b))));
    let known = data.sampled(Columns::Product(a, b));
    // One thing under two names is not two that agree.
    let another = |&(a, b): &(usize, usize)| {
        data.family(a) != data.family(b)
            && data.sampled(Columns::One(a)) != data.sampled(Columns::One(b))
            && data.sampled(Columns::Product(a, b)) != known
    };
    let (a, b) = pairs.find(another)?;
    Some(Columns::Product(a, b))
}

/// The best model with a product, alone or beside the best feature, where that is clearly better than the feature without it
/// and the product is more than the sum of its own two.
pub(crate) fn best(training: &Training, single: &Scored, allowed: &[usize]) -> Option<Scored> {
    let Shape::Terms(terms) = &single.shape else {
        return None;
    };
    if single.mean < GOOD_ENOUGH || training.rows < 2 * FEWEST {
        return None;
    }
    let pairs = following(training, allowed);
    if pairs.is_empty() {
        return None;
    }
    let y = &training.y;
    let explained = |&term: &Term| explained_by(training, y, term);
    let left = 1.0 - terms.first().map_or(0.0, explained);
    let alone = found(training, single, &pairs, &[], y, 1.0 - STILL_LEFT * left);
    let y = &residuals(training, terms);
    let beside = found(training, single, &pairs, terms, y, 1.0 - STILL_LEFT);
    match (alone, beside) {
        (Some(alone), Some(beside)) if !beside.preferred_to(&alone, training) => Some(alone),
        (alone, beside) => beside.or(alone),
    }
}

/// The pairs to multiply, by how closely the logarithms of the rows that are not held out follow each other.
fn following(training: &Training, allowed: &[usize]) -> Vec<(usize, usize)> {
    let data = training.data;
    let even = training.weight.iter();
    let even: Vec<f64> = even.map(|w| if *w > 0.0 { 1.0 } else { 0.0 }).collect();
    let log_y: Vec<f64> = data.sample.iter().map(|&r| data.scale[r].ln()).collect();
    pairs(data, allowed, |j| {
        let log = data.shaped(Columns::One(j), Transform::Log);
        log.map_or(0.0, |x| explained(&even, &log_y, &x))
    })
}

/// Weighted share of the variance of `y` that a line in a term explains.
fn explained_by(training: &Training, y: &[f64], (columns, transform): Term) -> f64 {
    let x = training.data.shaped(columns, transform);
    x.map_or(0.0, |x| explained(&training.weight, y, &x))
}

/// The best model of the given terms and one product: of the few products that explain most of what the terms leave of the
/// target, and more than the least share.
fn found(
    training: &Training,
    single: &Scored,
    pairs: &[(usize, usize)],
    terms: &[Term],
    left: &[f64],
    least: f64,
) -> Option<Scored> {
    let products = pairs.iter().map(|&(a, b)| Columns::Product(a, b));
    let share = |c: Columns| (explained_by(training, left, (c, Transform::Identity)), c);
    let mut ranked: Vec<(f64, Columns)> = products.map(share).filter(|r| r.0 > least).collect();
    ranked.sort_by_key(|r| Reverse(settled(r.0)));
    let models = ranked.iter().take(TRIED).filter_map(|&(_, product)| {
        if terms.is_empty() {
            return select_one(training, product);
        }
        let all = SHAPES.map(|t| [terms, &[(product, t)]].concat());
        let models = all
            .iter()
            .filter_map(|terms| Scored::terms(training, terms));
        models.min_by(|a, b| a.mean.total_cmp(&b.mean))
    });
    models
        .filter(|model| model.clearly_better_than(single, training))
        .filter(|model| is_needed(training, model, pairs.len() * SHAPES.len()))
        .min_by(|a, b| a.mean.total_cmp(&b.mean))
}

/// Whether the product explains what the other terms and the sum of its own features leave, by more than chance.
fn is_needed(training: &Training, model: &Scored, tried: usize) -> bool {
    let Shape::Terms(terms) = &model.shape else {
        return false;
    };
    let product = terms.iter().find_map(|&term| match term.0 {
        Columns::Product(a, b) => Some((term, [a, b])),
        Columns::One(_) => None,
    });
    let Some((product, own)) = product else {
        return false;
    };
    let own = own.map(|j| (Columns::One(j), Transform::Identity));
    let others = terms.iter().filter(|t| t.0 != product.0).copied();
    let missing = own.into_iter().filter(|t| !terms.contains(t));
    let all: Vec<Term> = others.chain(missing).chain([product]).collect();
    last_is_needed(training, &all, tried)
}
