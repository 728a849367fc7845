//! Whether a further term of a model is worth having, given how many were tried. Not which one.

use crate::fit::{Shape, fit};
use crate::press::Training;
use crate::statistics::student_two_sided;
use trace::Transform;

/// A further term must be this unlikely to help so much by chance, all that were tried taken together (Bonferroni). Strict:
/// with 200 candidates some always seems to help, and terms that are really there stand far above this.
const BY_CHANCE: f64 = 0.001;

/// Whether the last term explains more of what the others leave than the best of so many would by chance (partial t-test).
pub(crate) fn last_is_needed(
    training: &Training,
    terms: &[(usize, Transform)],
    tried: usize,
) -> bool {
    let Some((_, others)) = terms.split_last() else {
        return false;
    };
    let (with, without) = (left(training, terms), left(training, others));
    let freedom = training.rows.saturating_sub(terms.len() + 1);
    let t = ((without - with).max(0.0) / with.max(f64::MIN_POSITIVE) * freedom as f64).sqrt();
    student_two_sided(t, freedom) * (tried as f64) < BY_CHANCE
}

/// Weighted sum of squared errors of least squares.
fn left(training: &Training, terms: &[(usize, Transform)]) -> f64 {
    let errors = residuals(training, terms);
    let squares = errors.iter().zip(&training.weight);
    squares.map(|(e, w)| w * e * e).sum()
}

/// Errors of least squares over the sample, fitted on the rows that are not held out.
pub(crate) fn residuals(training: &Training, terms: &[(usize, Transform)]) -> Vec<f64> {
    let data = training.data;
    let rows: Vec<usize> = training.kept().map(|p| data.sample[p]).collect();
    let fitted = fit(data, &Shape::Terms(terms.to_vec()), &rows);
    let error = |&row: &usize| data.y[row] - fitted.predict(data, row);
    data.sample.iter().map(error).collect()
}
