//! A generalised linear model by linfa: the variance of a gamma distribution, which grows with the square of the mean, and a
//! logarithmic link (Nelder and Wedderburn 1972; McCullagh and Nelder 1989, chapter 8). Of logarithms of sizes that is a power law.
//! Which columns those are is chosen in `powers`.

use crate::fit::{Coefficients, least_squares};
use crate::statistics::moments;
use linfa::{Dataset, traits::Fit};
use linfa_linear::{Link, TweedieRegressor};
use ndarray::{Array1, Array2};

/// The power of the mean with which the variance grows: 2 is a gamma distribution.
const VARIANCE: f64 = 2.0;

/// Intercept and slopes of the natural logarithm of the target. `None` where a target is not positive, where a column does not move,
/// and where linfa finds no solution.
///
/// linfa begins its search at 0, from where it does not find targets that span decades. So it is asked for what is left to do
/// when least squares of the logarithm have been done: the deviance of a gamma distribution depends on the ratio of target to mean
/// alone, so the sum of both is the solution.
pub(crate) fn fit(columns: &[Vec<f64>], y: &[f64]) -> Option<Coefficients> {
    if y.iter().any(|y| *y <= 0.0) {
        return None;
    }
    let even = vec![1.0; y.len()];
    let logarithms: Vec<f64> = y.iter().map(|y| y.ln()).collect();
    let near = least_squares(columns, &logarithms, &even)?;
    let of = columns.iter().map(|column| moments(column, &even));
    let of: Vec<(f64, f64)> = of.collect::<Option<_>>()?;
    // Mean 0 and deviation 1: the steps of the search are of that size.
    let x = Array2::from_shape_fn((y.len(), columns.len()), |(row, j)| {
        (columns[j][row] - of[j].0) / of[j].1
    });
    let ratio = |row: usize| {
        let slopes = near.slopes.iter().zip(columns);
        let sum: f64 = slopes.map(|(slope, column)| slope * column[row]).sum();
        (logarithms[row] - near.intercept - sum).exp()
    };
    let ratios: Array1<f64> = (0..y.len()).map(ratio).collect();
    let left = TweedieRegressor::params()
        .power(VARIANCE)
        .link(Link::Log)
        .alpha(0.0)
        .tol(1e-6)
        .fit(&Dataset::new(x, ratios))
        .ok()?;
    let more = left.coef.iter().zip(&of);
    let more: Vec<f64> = more
        .map(|(slope, (_, deviation))| slope / deviation)
        .collect();
    let shift: f64 = more
        .iter()
        .zip(&of)
        .map(|(slope, (mean, _))| slope * mean)
        .sum();
    let intercept = near.intercept + left.intercept - shift;
    let slopes: Vec<f64> = near.slopes.iter().zip(&more).map(|(a, b)| a + b).collect();
    let is_whole = intercept.is_finite() && slopes.iter().all(|slope| slope.is_finite());
    is_whole.then_some(Coefficients { intercept, slopes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn a_power_law_is_found_under_errors_that_grow_with_it() {
        let mut rng = SmallRng::seed_from_u64(3);
        let x: Vec<f64> = (0..200).map(|_| rng.gen_range(5.0..15.0)).collect();
        let noisy = |x: &f64| (3.0 + 0.9 * x).exp() * rng.gen_range(0.7..1.3);
        let y: Vec<f64> = x.iter().map(noisy).collect();
        let fitted = fit(std::slice::from_ref(&x), &y).unwrap();
        // Where the deviance is least, what is left of each ratio adds up to nothing, also weighted by the column.
        let left = |row: usize| y[row] / (fitted.intercept + fitted.slopes[0] * x[row]).exp() - 1.0;
        let sums = [0, 1].map(|power| {
            (0..200)
                .map(|row| left(row) * x[row].powi(power))
                .sum::<f64>()
        });
        assert!(sums.iter().all(|sum| sum.abs() < 1e-3), "{sums:?}");
        // The mean of the factor is 1, its deviation 0.17: of 200 the slope is known to 0.004.
        assert!((fitted.slopes[0] - 0.9).abs() < 0.02, "{fitted:?}");
        assert!((fitted.intercept - 3.0).abs() < 0.2, "{fitted:?}");
        assert_eq!(fit(&[vec![1.0, 2.0, 3.0]], &[1.0, 0.0, 2.0]), None);
    }
}
