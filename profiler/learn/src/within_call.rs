//! The relation within a call: a variable's value at each hit against the highest live bytes until the next hit. One call
//! that reads twelve files shows twelve times how `lines` drives memory. Never mixed with the relation across calls.

use crate::candidates::name;
use crate::explain::{Explained, Problem, explain};
use crate::features::{Column, is_candidate, shown};
use crate::lead::Lead;
use crate::statistics::{correlation, distinct, median};
use crate::told::none;
use std::borrow::Cow;
use std::collections::BTreeMap;
use trace::{Aggregate, Breakpoint, Feature, Heap, Hit, Model, ModelKind, Target, Trace};

/// Calls looked at, evenly over all.
const MOST_CALLS: usize = 400;

/// Hits looked at per variable and breakpoint.
const MOST_HITS: usize = 5_000;

/// Variables that are fitted, of all that were hit.
const PROMISING: usize = 5;

/// Fewest distinct values of a variable, over at least this factor from the smallest to the largest: hits are many, and
/// among many pointers and handles a few values always lie on some line.
const FEWEST_VALUES: usize = 10;
const LEAST_RANGE: f64 = 2.0;

/// What is shown on purpose is preferred up to this much more error, or a percent.
const ABOUT: f64 = 1.5;
const ABOUT_SHARE: f64 = 0.01;

/// Below this held-out error no other reading of the hits is tried.
const GOOD: f64 = 0.02;

/// Bytes at the hits themselves are worth a relation if they reach this share of the highest until the next ones: what was
/// there before the memory was taken explains nothing.
const TAKEN: f64 = 0.5;

/// What was seen in less than this share of the calls in which another variable was does not compete with it.
const SELDOM: f64 = 0.5;

/// A hit whose value fell while memory was still held by what came before it says nothing about its own value.
const STILL_HELD: f64 = 0.95;

/// Explains live bytes by the variable that does so best, over all hits of all calls that ran to their end.
pub(crate) fn live(traces: &[Trace], seed: u64) -> Model {
    let measured: Vec<&Trace> = traces.iter().filter(|t| t.is_measurement()).collect();
    if !measured.iter().any(|t| matches!(t.heap, Heap::Live { .. })) {
        return none(0, crate::no_live(&measured));
    }
    let step = measured.len().div_ceil(MOST_CALLS);
    let looked_at: Vec<&Trace> = measured.iter().step_by(step).copied().collect();
    let all = hits(&looked_at);
    let values = |hits: &[Point]| hits.iter().map(|h| h.value).collect::<Vec<f64>>();
    let most = all.values().map(|hits| distinct(&values(hits)));
    let most = most.max().unwrap_or(0);
    let relations = promising(all).into_iter();
    let relations = relations.filter_map(|(feature, hits)| relation(&feature, &hits, seed));
    match best(relations.collect()) {
        Some(model) => model,
        None if most == 0 => none(0, "no breakpoint was hit within a call".to_owned()),
        None if most < FEWEST_VALUES => none(
            most,
            format!(
                "not enough data: {most} distinct {}, {FEWEST_VALUES} needed",
                if most == 1 { "value" } else { "values" }
            ),
        ),
        None => none(
            most,
            "no variable explains live bytes from hit to hit".to_owned(),
        ),
    }
}

/// The relation with the least error; of those with about as little the one of a variable that is shown on purpose, and of a
/// parameter without a name only where nothing else will do.
fn best(relations: Vec<(f64, Model)>) -> Option<Model> {
    let least = relations.iter().map(|r| r.0).fold(f64::INFINITY, f64::min);
    let about = (ABOUT * least).max(least + ABOUT_SHARE);
    let way = |model: &Model| {
        let features = model.terms.iter().map(|t| &t.predictor.feature);
        features.map(shown).max()
    };
    let as_good = relations.into_iter().filter(|(error, _)| *error <= about);
    let best = as_good.min_by(|a, b| way(&a.1).cmp(&way(&b.1)).then(a.0.total_cmp(&b.0)));
    best.map(|(_, model)| model)
}

/// One hit, reduced to what is learned from.
struct Point {
    value: f64,
    /// Highest live bytes until the next hit.
    until_next: f64,
    /// Live bytes at the hit.
    now: f64,
}

/// The usable hits of every variable at every breakpoint inside the call, without those seldom seen.
fn hits(measured: &[&Trace]) -> BTreeMap<Feature, Vec<Point>> {
    let mut all: BTreeMap<Feature, Vec<Point>> = BTreeMap::new();
    let mut calls: BTreeMap<Feature, usize> = BTreeMap::new();
    for observed in measured.iter().flat_map(|t| &t.observations) {
        let inside = !matches!(observed.breakpoint, Breakpoint::Input | Breakpoint::End);
        if inside && is_candidate(&observed.breakpoint) && !observed.hits.is_empty() {
            let feature = Feature {
                variable: observed.variable.clone(),
                breakpoint: observed.breakpoint.clone(),
                aggregate: Aggregate::Value,
            };
            *calls.entry(feature.clone()).or_default() += 1;
            all.entry(feature)
                .or_default()
                .extend(points(&observed.hits));
        }
    }
    let most = calls.values().copied().max().unwrap_or(0);
    all.retain(|feature, _| calls[feature] as f64 >= SELDOM * most as f64);
    for points in all.values_mut() {
        let step = points.len().div_ceil(MOST_HITS);
        let mut index = 0;
        points.retain(|_| {
            index += 1;
            (index - 1) % step == 0
        });
    }
    all
}

/// The hits of one call without leftovers: where the value fell (the next file begins at 0) while the memory of before was
/// still held, the peak until the next hit belongs to before. A fall after the memory was given back is a legal point.
fn points(hits: &[Hit]) -> Vec<Point> {
    let base = hits.iter().filter_map(|h| h.moment.live).next();
    let mut before = f64::NEG_INFINITY;
    let mut points = Vec::new();
    for hit in hits {
        let (Some(until_next), Some(now)) = (hit.live_until_next, hit.moment.live) else {
            continue;
        };
        let fell = hit.value < before;
        before = hit.value;
        let held = now.as_f64() >= STILL_HELD * until_next.as_f64();
        let at_base = base.is_some_and(|b| now.as_f64() <= 1.05 * b.as_f64() + 1024.0);
        if hit.value.is_finite() && !(fell && held && !at_base) {
            points.push(Point {
                value: hit.value,
                until_next: until_next.as_f64(),
                now: now.as_f64(),
            });
        }
    }
    points
}

/// The variables that follow memory most closely, by correlation of the value or its logarithm with the peak until
/// the next hit or the bytes at the hit.
fn promising(all: BTreeMap<Feature, Vec<Point>>) -> Vec<(Feature, Vec<Point>)> {
    let share = |hits: &[Point]| {
        let of = |f: fn(&Point) -> f64| hits.iter().map(f).collect::<Vec<f64>>();
        let values = [of(|p| p.value), of(|p| (1.0 + p.value.max(0.0)).ln())];
        let memory = [of(|p| p.until_next), of(|p| p.now)];
        let pairs = values
            .iter()
            .flat_map(|v| memory.iter().map(move |m| (v, m)));
        pairs
            .map(|(v, m)| correlation(v, m).abs())
            .fold(0.0, f64::max)
    };
    // What has too few values to be fitted must not take the place of what has enough.
    let enough = |hits: &[Point]| {
        let values: Vec<f64> = hits.iter().map(|p| p.value).collect();
        distinct(&values) >= FEWEST_VALUES
    };
    let mut ranked: Vec<_> = all
        .into_iter()
        .filter(|(_, hits)| enough(hits))
        .map(|(f, hits)| (share(&hits), f, hits))
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    ranked.truncate(PROMISING);
    ranked.into_iter().map(|(_, f, hits)| (f, hits)).collect()
}

/// The relation of one variable: its held-out error and its model; `None` where there is none.
fn relation(feature: &Feature, hits: &[Point], seed: u64) -> Option<(f64, Model)> {
    let error = |e: &Explained| e.model.held_out.map_or(f64::INFINITY, |h| h.median_ape);
    let until_next = fitted(feature, hits, |p| p.until_next, seed);
    let good = until_next.as_ref().is_some_and(|e| error(e) < GOOD);
    let highest = |of: fn(&Point) -> f64| hits.iter().map(of).fold(0.0, f64::max);
    let taken = highest(|p| p.now) >= TAKEN * highest(|p| p.until_next);
    let now = if good || !taken {
        None
    } else {
        fitted(feature, hits, |p| p.now, seed)
    };
    // The value may be set after the memory was taken: then the bytes at the hit belong to it, and the peak until the next
    // hit to the next one.
    let (explained, when) = match (until_next, now) {
        (Some(a), Some(b)) if error(&b) < 0.5 * error(&a) => (b, "live bytes at the hit itself"),
        (None, Some(b)) => (b, "live bytes at the hit itself"),
        (Some(a), _) => (a, "highest live bytes until the next hit"),
        (None, None) => return None,
    };
    let error = error(&explained);
    let mut model = explained.model;
    model.reason = format!(
        "{}: {when}, {} hits; {}",
        name(&feature.clone().into()),
        hits.len(),
        model.reason
    );
    Some((error, model))
}

/// Fits one row per distinct value: the median over its hits.
fn fitted(
    feature: &Feature,
    hits: &[Point],
    of: impl Fn(&Point) -> f64,
    seed: u64,
) -> Option<Explained> {
    let mut by_value: Vec<(f64, f64)> = hits.iter().map(|p| (p.value, of(p))).collect();
    by_value.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rows: Vec<(f64, f64)> = by_value
        .chunk_by(|a, b| a.0 == b.0)
        .filter_map(|same| {
            Some((
                same[0].0,
                median(&same.iter().map(|s| s.1).collect::<Vec<f64>>())?,
            ))
        })
        .collect();
    let (x, y): (Vec<f64>, Vec<f64>) = rows.into_iter().unzip();
    let (smallest, largest) = (*x.first()?, *x.last()?);
    // Written so that a range from 0 or from below it is wide enough.
    if x.len() < FEWEST_VALUES || largest < LEAST_RANGE * smallest {
        return None;
    }
    let column = Column {
        feature: feature.clone(),
        family: None,
        values: x,
        lead: Lead::default(),
    };
    let columns = std::iter::once(&column);
    let problem = Problem {
        only_sums: true,
        ..Problem::new(columns, Cow::Borrowed, Cow::Owned(y), Target::Live, seed)
    };
    let explained = explain(&problem);
    let explains = !matches!(explained.model.kind, ModelKind::None | ModelKind::Constant);
    // Rows are in order of the value: the first is the smallest.
    let at_smallest = explained.fitted.as_ref()?.predict(&problem.data, 0);
    (explains && at_smallest >= 0.0).then_some(explained)
}
