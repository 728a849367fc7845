//! Kinds of calls that are each a sum of their own: those of which one word was said and those of which another was, small inputs
//! and large ones (a model tree: Quinlan 1992). Which questions are asked is said by `questions`, how a split is fitted by `fit`.
//!
//! A question is chosen by how close simple lines come on both sides of it; what stands on each side is then chosen as if there were
//! nothing else, and may be split once more.

use crate::data::{Columns, FEWEST};
use crate::fit::{Part, Shape, Test, fit};
use crate::press::{Training, losses};
use crate::questions::{Question, finer, questions};
use crate::scored::Scored;
use crate::select::{best_columns, first, sums};
use trace::Transform;

/// Columns by whose lines questions are compared.
const COMPARED: usize = 3;

/// Lines by which questions are compared.
const LINES: [Transform; 3] = [Transform::Identity, Transform::Pow2Ceil, Transform::Square];

/// So many questions, one after another, lead to a part.
const DEPTH: usize = 2;

/// With a smaller error nobody asks for parts: memory that grows in whole pages has as much of it in small calls.
const CLOSE_ENOUGH: f64 = 0.02;

/// Of the error that is left, a split must take this share away.
const WORTH_IT: f64 = 0.2;

/// What is best without a split, or a split where that is clearly better, chosen again and again without the rows that it is judged
/// by: the best of many questions always looks good on those that it was asked for.
pub(crate) fn best(training: &Training, allowed: &[usize], whole: Scored) -> Scored {
    const FOLDS: usize = 5;
    let split = grown(training, allowed, whole.clone(), DEPTH);
    if !matches!(split.shape, Shape::Split(_)) {
        return whole;
    }
    let data = training.data;
    let mut losses = vec![0.0; training.y.len()];
    for fold in 0..FOLDS {
        let is_out = |p: &usize| p % FOLDS == fold;
        let others = training.only(|p| !is_out(&p));
        let alone = sums(&others, allowed).best;
        let chosen = grown(&others, allowed, alone, DEPTH);
        let rows: Vec<usize> = others.kept().map(|p| data.sample[p]).collect();
        let fitted = fit(data, &chosen.shape, &rows);
        for p in training.kept().filter(is_out) {
            let predicted = fitted.predict(data, data.sample[p]);
            // What no part is for is given what all are.
            losses[p] = match predicted.is_nan() {
                true => whole.losses[p],
                false => training.loss(p, training.y[p] - predicted),
            };
        }
    }
    let proven = Scored::new(training, split.shape, losses);
    if proven.clearly_better_than(&whole, training) {
        proven
    } else {
        whole
    }
}

/// What is best without a split, and with questions one after another, where that is clearly better.
fn grown(training: &Training, allowed: &[usize], whole: Scored, depth: usize) -> Scored {
    if depth == 0 || whole.mean < CLOSE_ENOUGH || training.rows < 2 * FEWEST {
        return whole;
    }
    let Some(question) = promising(training, allowed, &whole) else {
        return whole;
    };
    let mut parts: Vec<Part> = Vec::new();
    let mut all = vec![0.0; training.y.len()];
    for tests in question.parts {
        let side = part_of(training, &tests);
        let alone = sums(&side, allowed).best;
        let found = grown(&side, allowed, alone, depth - 1);
        add(&mut all, &found);
        match found.shape {
            Shape::Split(inner) => parts.extend(inner.into_iter().map(|part| Part {
                when: both(&tests, part.when),
                shape: part.shape,
            })),
            shape => parts.push(Part { when: tests, shape }),
        }
    }
    let is_of_a_part = |p: usize| {
        parts
            .iter()
            .any(|part| part.has(training.data, training.data.sample[p]))
    };
    for p in training.kept().filter(|&p| !is_of_a_part(p)) {
        all[p] = whole.losses[p];
    }
    let parts = without_needless(training, allowed, parts, &mut all);
    let split = Scored::new(training, Shape::Split(parts), all);
    let is_worth_it = split.mean < (1.0 - WORTH_IT) * whole.mean;
    if is_worth_it && split.clearly_better_than(&whole, training) {
        split
    } else {
        whole
    }
}

/// The question on whose sides simple lines come closest, where they come clearly closer than without it.
fn promising(training: &Training, allowed: &[usize], whole: &Scored) -> Option<Question> {
    let simple = best_columns(training, allowed, COMPARED);
    let closest = |questions: Vec<Question>| {
        let judged = questions.into_iter().filter_map(|question| {
            let sides = question.parts.iter().map(|tests| {
                let side = part_of(training, tests);
                Some(roughly(&side, &simple)? * side.rows as f64)
            });
            Some((sides.sum::<Option<f64>>()? / training.rows as f64, question))
        });
        judged.min_by(|a, b| a.0.total_cmp(&b.0))
    };
    let (error, question) = closest(questions(training, &simple, first(&whole.shape)))?;
    let worth_it = (1.0 - WORTH_IT) * roughly(training, &simple)?;
    if error >= worth_it {
        return None;
    }
    match closest(finer(training, &question)) {
        Some((finer, other)) if finer < error => Some(other),
        _ => Some(question),
    }
}

fn add(losses: &mut [f64], of: &Scored) {
    losses
        .iter_mut()
        .zip(&of.losses)
        .for_each(|(sum, loss)| *sum += loss);
}

/// Neighbours made one where they are not clearly better apart: the first threshold of three may stand where the other two leave nothing
/// to part.
fn without_needless(
    training: &Training,
    allowed: &[usize],
    parts: Vec<Part>,
    losses: &mut [f64],
) -> Vec<Part> {
    let mut kept: Vec<Part> = Vec::new();
    for part in parts {
        let together = kept.last().and_then(|before| {
            let when = neighbours(&before.when, &part.when)?;
            let side = part_of(training, &when);
            let one = sums(&side, allowed).best;
            let belongs = |p: usize| side.weight[p] > 0.0;
            let apart = losses.iter().enumerate();
            let apart = apart.map(|(p, loss)| if belongs(p) { *loss } else { 0.0 });
            let apart = Scored::new(&side, Shape::Constant, apart.collect());
            (!apart.clearly_better_than(&one, &side)).then_some((side, when, one))
        });
        let Some((side, when, one)) = together else {
            kept.push(part);
            continue;
        };
        side.kept().for_each(|p| losses[p] = 0.0);
        add(losses, &one);
        kept.pop();
        kept.push(Part {
            when,
            shape: one.shape,
        });
    }
    kept
}

/// The range of two parts together, where they are two neighbouring ranges of one column and else the same.
fn neighbours(lower: &[Test], upper: &[Test]) -> Option<Vec<Test>> {
    let mut differ = lower.iter().zip(upper).filter(|(a, b)| a != b);
    let ((a, b), None) = (differ.next()?, differ.next()) else {
        return None;
    };
    let meet = a.column == b.column && a.below.is_some() && a.below == b.from;
    (meet && lower.len() == upper.len()).then(|| {
        let whole = |test: &Test| match test == a {
            true => Test {
                below: b.below,
                ..*a
            },
            false => *test,
        };
        lower.iter().map(whole).collect()
    })
}

/// The tests of a part and those of a part of it, one for each column: `10 <= lines < 20`.
fn both(outer: &[Test], inner: Vec<Test>) -> Vec<Test> {
    let mut all = outer.to_vec();
    for test in inner {
        match all.iter_mut().find(|known| known.column == test.column) {
            Some(known) => {
                // The inner one was chosen among rows for which the outer one holds: it is narrower.
                known.from = test.from.or(known.from);
                known.below = test.below.or(known.below);
            }
            None => all.push(test),
        }
    }
    all
}

fn part_of<'a>(training: &Training<'a>, tests: &[Test]) -> Training<'a> {
    let data = training.data;
    training.only(|p| tests.iter().all(|test| test.holds(data, data.sample[p])))
}

/// The error of the best constant or line in one of the columns.
fn roughly(side: &Training, columns: &[Columns]) -> Option<f64> {
    let constant = side.mean(&losses(side, &[])?);
    let lines = columns.iter().flat_map(|&j| LINES.map(|t| (j, t)));
    let lines = lines.filter_map(|term| Some(Scored::terms(side, &[term])?.mean));
    Some(lines.fold(constant, f64::min))
}
