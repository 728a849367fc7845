//! Whether a further term of a model is worth having: it must be more than chance, given how many were tried, and it must
//! be more than nothing. Not which one.

use crate::data::Columns;
use crate::fit::{Shape, fit};
use crate::press::Training;
use crate::statistics::student_two_sided;
use trace::Transform;

/// A further term must be this unlikely to help so much by chance, all that were tried taken together (Bonferroni). Strict:
/// with 200 candidates some always seems to help, and terms that are really there stand far above this.
const BY_CHANCE: f64 = 0.001;

/// A term that nowhere adds this share of the target is nothing to anyone, however certain.
const NOTHING: f64 = 0.01;

/// Whether the last term explains more of what the others leave than the best of so many would by chance (partial t-test).
pub(crate) fn last_is_needed(
    training: &Training,
    terms: &[(Columns, Transform)],
    tried: usize,
) -> bool {
    let Some((_, others)) = terms.split_last() else {
        return false;
    };
    let (with, without) = (left(training, terms), left(training, others));
    let freedom = training.rows.saturating_sub(terms.len() + 1);
    if !adds(training, terms) {
        return false;
    }
    let t = ((without - with).max(0.0) / with.max(f64::MIN_POSITIVE) * freedom as f64).sqrt();
    student_two_sided(t, freedom) * (tried as f64) < BY_CHANCE
}

/// Whether somewhere the last term makes a difference, against its least value seen, of a share of the target.
fn adds(training: &Training, terms: &[(Columns, Transform)]) -> bool {
    let data = training.data;
    let rows: Vec<usize> = training.kept().map(|p| data.sample[p]).collect();
    let fitted = fit(data, &Shape::Terms(terms.to_vec()), &rows);
    let (Some(&(column, transform)), Some(slope)) = (terms.last(), fitted.slopes.last()) else {
        return false;
    };
    let term = |&row: &usize| slope * transform.apply(data.value(column, row));
    // The slope's sign decides which value is the least.
    let values: Vec<f64> = rows.iter().map(term).collect();
    let least = values
        .iter()
        .copied()
        .min_by(|a, b| a.abs().total_cmp(&b.abs()));
    let share =
        |(value, &row): (&f64, &usize)| (value - least.unwrap_or(0.0)).abs() / data.scale[row];
    values.iter().zip(&rows).map(share).any(|s| s >= NOTHING)
}

/// Weighted sum of squared errors of least squares.
fn left(training: &Training, terms: &[(Columns, Transform)]) -> f64 {
    let errors = residuals(training, terms);
    let squares = errors.iter().zip(&training.weight);
    squares.map(|(e, w)| w * e * e).sum()
}

/// Errors of least squares over the sample, fitted on the rows that are not held out.
pub(crate) fn residuals(training: &Training, terms: &[(Columns, Transform)]) -> Vec<f64> {
    let data = training.data;
    let rows: Vec<usize> = training.kept().map(|p| data.sample[p]).collect();
    let fitted = fit(data, &Shape::Terms(terms.to_vec()), &rows);
    let error = |&row: &usize| data.y[row] - fitted.predict(data, row);
    data.sample.iter().map(error).collect()
}
