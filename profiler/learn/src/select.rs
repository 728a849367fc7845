//! Which features, in which shape: chosen by the error on rows left out, the simplest preferred unless another is clearly
//! better. Runs the same on all rows and inside every fold, so that held-out errors include the price of choosing.

use crate::data::{Columns, Data, FEWEST, SHAPES};
use crate::doubles::move_together;
use crate::fit::Shape;
use crate::needed::last_is_needed;
use crate::powers;
use crate::press::{Training, losses};
use crate::products;
use crate::scored::{NO_DIFFERENCE, Scored};
use crate::several;
use crate::split;
use crate::statistics::correlation;
use std::borrow::Cow;
use std::cmp::Reverse;
use trace::Transform;

/// Features looked at closely, of all that are screened.
const SHORT_LIST: usize = 10;

/// Features of the short list that are tried with a threshold or a second term, with those that move with them.
const SHORTER_LIST: usize = 3;

/// Error that must be left, and rows that there must be, for a forest to be worth its size.
const LEFT_FOR_A_FOREST: f64 = 0.05;
const ROWS_FOR_A_FOREST: usize = 60;

/// Columns that a forest asks for, at most, and as many of those of few values.
const ASKED: usize = 6;

/// The model for the rows that are not held out, from the allowed columns.
pub(crate) fn select(training: &Training, allowed: &[usize]) -> Scored {
    let Sums { best, groups } = sums(training, allowed);
    let columns: Vec<Columns> = groups
        .iter()
        .filter_map(|tried| first(&tried.first()?.shape))
        .collect();
    let best = powers::best(training, &best, &columns).unwrap_or(best);
    let best = split::best(training, allowed, best);
    let best = or_steps(training, best, &groups);
    match forest(training, allowed, &best) {
        Some(forest) if forest.clearly_better_than(&best, training) => forest,
        _ => best,
    }
}

/// The same without parts, powers and trees.
pub(crate) fn sums_or_steps(training: &Training, allowed: &[usize]) -> Scored {
    let Sums { best, groups } = sums(training, allowed);
    or_steps(training, best, &groups)
}

fn or_steps(training: &Training, best: Scored, groups: &[Vec<Scored>]) -> Scored {
    match steps(training, groups) {
        Some(steps) if steps.clearly_better_than(&best, training) => steps,
        _ => best,
    }
}

/// The best constant or sum, and all sums of one column that were tried: see [`singles`].
pub(crate) struct Sums {
    pub(crate) best: Scored,
    groups: Vec<Vec<Scored>>,
}

/// Constants, and sums of transformed columns and products.
pub(crate) fn sums(training: &Training, allowed: &[usize]) -> Sums {
    let constant = losses(training, &[]).unwrap_or_else(|| vec![1.0; training.y.len()]);
    let constant = Scored::new(training, Shape::Constant, constant);
    let groups = singles(training, &short_list(training, allowed));
    let best = match best_single(training, &groups) {
        Some(single) => best_sum(training, single, &groups, allowed),
        None => constant.clone(),
    };
    let best = if best.clearly_better_than(&constant, training) {
        best
    } else {
        constant
    };
    Sums { best, groups }
}

fn best_sum(
    training: &Training,
    single: Scored,
    singles: &[Vec<Scored>],
    allowed: &[usize],
) -> Scored {
    let mut best = single.clone();
    for other in [
        several::stepwise(training, &single, allowed),
        several::elastic_net(training, singles, allowed.len()),
    ]
    .into_iter()
    .flatten()
    {
        if other.clearly_better_than(&best, training) {
            best = other;
        }
    }
    if let Some(product) = products::best(training, &single, allowed)
        && product.preferred_to(&best, training)
    {
        best = match several::stepwise(training, &product, allowed) {
            Some(more) if more.clearly_better_than(&product, training) => more,
            _ => product,
        };
    }
    best
}

/// A forest, where nothing simpler comes close.
fn forest(training: &Training, allowed: &[usize], than: &Scored) -> Option<Scored> {
    if than.mean < LEFT_FOR_A_FOREST || training.rows < ROWS_FOR_A_FOREST {
        return None;
    }
    let switches = training.data.switches.iter().take(ASKED);
    let mut columns = best_columns(training, allowed, ASKED);
    columns.extend(switches.map(|&j| Columns::One(j)));
    (!columns.is_empty()).then(|| Scored::forest(training, columns))
}

/// The columns that follow the target most closely, best first.
pub(crate) fn best_columns(training: &Training, allowed: &[usize], most: usize) -> Vec<Columns> {
    let all = short_list(training, allowed).into_iter();
    all.take(most).map(Columns::One).collect()
}

/// The model for one column, or one product, only.
pub(crate) fn select_one(training: &Training, columns: Columns) -> Option<Scored> {
    let tried = one_predictor(training, columns, true);
    Some(simplest(training, &tried)?.model.clone())
}

/// Columns by the share of variance that their straight line, root or square explains, best first.
fn short_list(training: &Training, allowed: &[usize]) -> Vec<usize> {
    let mut ranked: Vec<(f64, usize)> = allowed
        .iter()
        .map(|&j| {
            let explained = [Transform::Identity, Transform::Square, Transform::Log]
                .iter()
                .filter_map(|&t| training.data.shaped(Columns::One(j), t))
                .map(|c| explained(&training.weight, &training.y, &c))
                .fold(0.0, f64::max);
            (explained, j)
        })
        .collect();
    // A stable sort: among equals the preferred column stays first.
    ranked.sort_by_key(|r| Reverse(settled(r.0)));
    let ranked: Vec<usize> = ranked.into_iter().map(|r| r.1).collect();
    named(training.data, &ranked)
}

/// The first of the columns. Of those that cannot be told apart the first and the preferred one, or they would be all there is.
fn named(data: &Data, columns: &[usize]) -> Vec<usize> {
    let preference = |j: usize| (data.shown(Columns::One(j)), j);
    let mut alike: Vec<(usize, usize)> = Vec::new();
    for &column in columns {
        let known = alike
            .iter()
            .position(|&(first, _)| move_together(data, first, column));
        match known {
            Some(at) if preference(column) < preference(alike[at].1) => alike[at].1 = column,
            Some(_) => {}
            None if alike.len() == SHORT_LIST => break,
            None => alike.push((column, column)),
        }
    }
    let mut named = Vec::new();
    for (first, preferred) in alike {
        named.push(first);
        if preferred != first {
            named.push(preferred);
        }
    }
    named.truncate(SHORT_LIST);
    named
}

/// Weighted share of the variance of `y` that a line in `x` explains.
pub(crate) fn explained(weight: &[f64], y: &[f64], x: &[f64]) -> f64 {
    let (mut w, mut wx, mut wy, mut wxx, mut wxy, mut wyy) = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0);
    for ((&weight, &y), &x) in weight.iter().zip(y).zip(x) {
        let (vx, vy) = (weight * x, weight * y);
        w += weight;
        wx += vx;
        wy += vy;
        wxx += vx * x;
        wxy += vx * y;
        wyy += vy * y;
    }
    let (sx, sy) = (wxx - wx * wx / w, wyy - wy * wy / w);
    if sx > 0.0 && sy > 0.0 {
        (wxy - wx * wy / w).powi(2) / (sx * sy)
    } else {
        0.0
    }
}

/// All one-feature models tried: every shape of each short-listed column, and thresholds and second terms of the best.
/// Grouped by column, best column first.
fn singles(training: &Training, short_list: &[usize]) -> Vec<Vec<Scored>> {
    let mut groups: Vec<(usize, Vec<Scored>)> = short_list
        .iter()
        .map(|&j| (j, one_predictor(training, Columns::One(j), false)))
        .filter(|(_, tried)| !tried.is_empty())
        .collect();
    let order = |(j, tried): &(usize, Vec<Scored>)| (settled(least(tried)), *j);
    groups.sort_by_key(order);
    let best: Vec<usize> = groups.iter().take(SHORTER_LIST).map(|g| g.0).collect();
    for (j, tried) in &mut groups {
        // Those that cannot be told from one of the best are to be compared with it.
        let alike = |best: &usize| best == j || move_together(training.data, *best, *j);
        if best.iter().any(alike) {
            tried.extend(richer(training, Columns::One(*j)));
        }
    }
    groups.sort_by_key(order);
    groups.into_iter().map(|(_, tried)| tried).collect()
}

/// A number without its rounding errors, so that columns that say the same are equal and the preferred one comes first,
/// in whatever order the rows were added up.
pub(crate) fn settled(share: f64) -> i64 {
    (share * 1e9).round() as i64
}

fn least(tried: &[Scored]) -> f64 {
    tried.iter().map(|s| s.mean).fold(f64::INFINITY, f64::min)
}

fn one_predictor(training: &Training, columns: Columns, rich: bool) -> Vec<Scored> {
    let plain = SHAPES
        .iter()
        .filter_map(|&t| Scored::terms(training, &[(columns, t)]));
    let mut tried: Vec<Scored> = plain.collect();
    if rich {
        tried.extend(richer(training, columns));
    }
    tried
}

/// Thresholds, and a straight line with a second shape of the same predictor: lines cost their bytes and, in a vector that
/// doubles, their capacity; keys cost their bytes and, in a hash table, their buckets.
fn richer(training: &Training, columns: Columns) -> Vec<Scored> {
    let hinges = || {
        training
            .data
            .knots(columns)
            .map(|knot| Transform::Hinge { knot })
    };
    let alone = hinges().map(|h| vec![(columns, h)]);
    let second = [
        Transform::Pow2Ceil,
        Transform::Buckets,
        Transform::Square,
        Transform::NLogN,
    ];
    let both = second
        .into_iter()
        .chain(hinges())
        .map(|t| vec![(columns, Transform::Identity), (columns, t)]);
    alone
        .chain(both)
        .filter_map(|terms| Scored::terms(training, &terms))
        .collect()
}

/// Among columns that cannot be told apart, a model with at most this much more error is about as good.
const ABOUT: f64 = 1.25;

/// The best column's simplest model that no other is clearly better than. Among columns that cannot be told apart, by
/// their values or by how well they predict, one that is shown on purpose, the simplest model, then the preferred column.
fn best_single(training: &Training, groups: &[Vec<Scored>]) -> Option<Scored> {
    let Simplest {
        model: best,
        closest,
    } = simplest(training, groups.first()?)?;
    let equals = groups
        .iter()
        .filter_map(|tried| Some(simplest(training, tried)?.model))
        .filter(|s| !closest.clearly_better_than(s, training))
        .filter(|s| s.mean <= ABOUT * best.mean + NO_DIFFERENCE)
        .filter(|s| is_double(training, &s.shape, &best.shape));
    equals
        .min_by_key(|s| {
            let first = first(&s.shape);
            let shown = first.map(|columns| training.data.shown(columns));
            (shown, s.complexity(), first)
        })
        .cloned()
}

/// A model, and the one that predicts best of those it was chosen from.
struct Simplest<'t> {
    model: &'t Scored,
    closest: &'t Scored,
}

/// Of the models of one column: the simplest that the best is not clearly better than. A second term that chance explains as
/// well is no second term. Of a vector and a hash table the one with the smaller error: where they differ on one row alone,
/// as they do on few, neither would be clearly better.
fn simplest<'t>(training: &Training, tried: &'t [Scored]) -> Option<Simplest<'t>> {
    let outdone = |model: &&Scored| {
        let other = model.with_other_capacity();
        let other = other.and_then(|shape| tried.iter().find(|s| s.shape == shape));
        other.is_some_and(|other| other.by_error(model).is_lt())
    };
    let mut tried: Vec<&Scored> = tried.iter().filter(|s| !outdone(s)).collect();
    loop {
        let closest = *tried.iter().min_by(|a, b| a.mean.total_cmp(&b.mean))?;
        let model = *tried
            .iter()
            .filter(|s| !closest.clearly_better_than(s, training))
            .min_by(|a, b| a.order(b))?;
        match &model.shape {
            Shape::Terms(terms)
                if terms.len() > 1 && !last_is_needed(training, terms, tried.len()) =>
            {
                tried.retain(|s| s.shape != model.shape);
            }
            _ => return Some(Simplest { model, closest }),
        }
    }
}

/// What the first term is made of.
pub(crate) fn first(shape: &Shape) -> Option<Columns> {
    match shape {
        Shape::Constant => None,
        Shape::Terms(terms) => terms.first().map(|t| t.0),
        Shape::Isotonic(column) => Some(*column),
        Shape::Glm(columns) | Shape::Forest(columns) => columns.first().copied(),
        Shape::Split(parts) => parts.iter().find_map(|part| first(&part.shape)),
    }
}

/// Whether two models of one predictor each rest on columns that the rows not held out cannot tell apart: |correlation| above 0.999,
/// raw or as transformed by the models.
pub(crate) fn is_double(training: &Training, a: &Shape, b: &Shape) -> bool {
    let data = training.data;
    let raw = |shape: &Shape| first(shape).and_then(|j| data.shaped(j, Transform::Identity));
    let transformed = |shape: &Shape| match shape {
        Shape::Terms(terms) => terms.first().and_then(|&(j, t)| data.shaped(j, t)),
        _ => raw(shape),
    };
    let kept = |x: &[f64]| training.kept().map(|p| x[p]).collect::<Vec<f64>>();
    let close = |x: Option<Cow<[f64]>>, y: Option<Cow<[f64]>>| match (x, y) {
        (Some(x), Some(y)) => correlation(&kept(&x), &kept(&y)).abs() > 0.999,
        _ => false,
    };
    close(raw(a), raw(b)) || close(transformed(a), transformed(b))
}

/// Steps in the best column, judged by five folds: there is no closed form.
fn steps(training: &Training, groups: &[Vec<Scored>]) -> Option<Scored> {
    let best = groups.first()?;
    if training.rows < 2 * FEWEST || least(best) < 0.01 {
        return None;
    }
    // Of columns that cannot be told apart, the preferred one.
    let closest = &best.first()?.shape;
    let column = groups
        .iter()
        .filter_map(|tried| Some(&tried.first()?.shape))
        .filter(|shape| is_double(training, shape, closest))
        .filter_map(first)
        .min()?;
    Scored::by_folds(training, Shape::Isotonic(column))
}
