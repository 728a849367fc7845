//! Questions that may part calls into kinds: which word was said, whether a size is below a threshold. Which one is asked is decided
//! in `split`.

use crate::data::{Columns, FEWEST};
use crate::fit::Test;
use crate::press::Training;
use crate::statistics::between;

/// Rows that each side of a threshold must have: it was chosen among many.
const ROWS_OF_A_RANGE: usize = 2 * FEWEST;

/// Words that have a part of their own, the most frequent ones; the rest is another one.
const MOST_WORDS: usize = 6;

/// Thresholds tried of a column at first.
const THRESHOLDS: usize = 8;

/// Thresholds tried next to the best of those.
const FINER: usize = 24;

/// A way to part all rows.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// What holds in each part. They do not overlap, and every row is in one.
    pub(crate) parts: Vec<Vec<Test>>,
    range: Option<Range>,
}

/// A threshold of a column, and the thresholds before and after it that were tried.
#[derive(Clone, Copy, Debug)]
struct Range {
    column: usize,
    before: f64,
    after: f64,
}

/// All questions: of words, and of the columns that explain most or have few values.
pub(crate) fn questions(
    training: &Training,
    best: &[Columns],
    first: Option<Columns>,
) -> Vec<Question> {
    let data = training.data;
    let mut all = words(training);
    let switches = data.switches.iter().filter(|&&j| data.word_of(j).is_none());
    let switches = switches.map(|&j| Columns::One(j));
    let mut asked: Vec<Columns> = best.iter().copied().chain(first).chain(switches).collect();
    asked.sort_unstable();
    asked.dedup();
    for columns in asked {
        if let Columns::One(column) = columns {
            let places = places(training, column);
            all.extend(ranges(column, &evenly(&places, THRESHOLDS)));
        }
    }
    all
}

/// The same question with thresholds next to its own; none of words.
pub(crate) fn finer(training: &Training, question: &Question) -> Vec<Question> {
    let Some(Range {
        column,
        before,
        after,
    }) = question.range
    else {
        return Vec::new();
    };
    let mut places = places(training, column);
    places.retain(|at| (before..=after).contains(at));
    ranges(column, &evenly(&places, FINER))
}

/// For each variable of which words are said: a part for each word that is frequent, and one for all others.
fn words(training: &Training) -> Vec<Question> {
    let data = training.data;
    let said = |column: usize| {
        let is_said = |&p: &usize| data.value(Columns::One(column), data.sample[p]) > 0.5;
        training.kept().filter(is_said).count()
    };
    let mut variables: Vec<usize> = data
        .switches
        .iter()
        .filter_map(|&j| data.word_of(j))
        .collect();
    variables.sort_unstable();
    variables.dedup();
    let of = |variable: usize| {
        let words = data.switches.iter().copied();
        let words = words.filter(|&j| data.word_of(j) == Some(variable));
        let mut words: Vec<(usize, usize)> = words.map(|j| (said(j), j)).collect();
        words.retain(|(rows, _)| *rows >= FEWEST);
        words.sort_by_key(|&(rows, j)| (std::cmp::Reverse(rows), j));
        words.truncate(MOST_WORDS);
        let is = |&(_, column): &(usize, usize)| Test {
            column,
            from: Some(0.5),
            below: None,
        };
        let is_not = |&(_, column): &(usize, usize)| Test {
            column,
            from: None,
            below: Some(0.5),
        };
        // One input may have been called with two words.
        let of_words = words.iter().map(|(rows, _)| rows).sum();
        let others = training.rows.saturating_sub(of_words);
        let mut parts: Vec<Vec<Test>> = words.iter().map(|word| vec![is(word)]).collect();
        // A few are of no part: nothing is known of them, nor of a word that nobody has said yet.
        if others >= FEWEST {
            parts.push(words.iter().map(is_not).collect());
        }
        (parts.len() > 1).then_some(Question { parts, range: None })
    };
    variables.into_iter().filter_map(of).collect()
}

fn ranges(column: usize, thresholds: &[f64]) -> Vec<Question> {
    let test = |from, below| {
        vec![Test {
            column,
            from,
            below,
        }]
    };
    let of = |(i, &at): (usize, &f64)| Question {
        parts: vec![test(None, Some(at)), test(Some(at), None)],
        range: Some(Range {
            column,
            before: thresholds[i.saturating_sub(1)],
            after: thresholds[(i + 1).min(thresholds.len() - 1)],
        }),
    };
    thresholds.iter().enumerate().map(of).collect()
}

/// All places at which a column may be parted: between two values, so that there are enough rows on both sides.
fn places(training: &Training, column: usize) -> Vec<f64> {
    let data = training.data;
    let values = training
        .kept()
        .map(|p| data.value(Columns::One(column), data.sample[p]));
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    let last = sorted.len().saturating_sub(ROWS_OF_A_RANGE);
    let places = (ROWS_OF_A_RANGE..=last).filter_map(|at| {
        let (below, above) = (*sorted.get(at.checked_sub(1)?)?, *sorted.get(at)?);
        // Where many rows have one value, they are on one side together.
        (below < above).then(|| between(below, above))
    });
    places.collect()
}

/// So many of the values, evenly by rank.
fn evenly(values: &[f64], most: usize) -> Vec<f64> {
    let picked = most.min(values.len());
    let at = |i: usize| values[(2 * i + 1) * values.len() / (2 * picked)];
    (0..picked).map(at).collect()
}
