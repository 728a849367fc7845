//! A straight line through points, with the interval that it lies in: the points are drawn again and again and fitted each time
//! (bootstrap by the percentile method, Efron 1979).

use crate::fit::least_squares;
use crate::statistics::quantile;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use trace::Estimate;

/// Resamples of the points.
const RESAMPLES: usize = 400;

/// A point, and its weight.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
    pub(crate) weight: f64,
}

/// Lines through resampled points.
pub(crate) struct Resampled {
    lines: Vec<(f64, f64)>,
}

impl Resampled {
    /// Fits the points drawn anew, the same for the same seed.
    pub(crate) fn of(points: &[Point], seed: u64) -> Resampled {
        Resampled::drawn(seed, |random| {
            let drawn = points.iter();
            drawn
                .map(|_| points[random.gen_range(0..points.len())])
                .collect()
        })
    }

    /// Fits what is drawn by somebody who knows more of the points.
    pub(crate) fn drawn(seed: u64, draw: impl Fn(&mut SmallRng) -> Vec<Point>) -> Resampled {
        let mut random = SmallRng::seed_from_u64(seed);
        let lines = (0..RESAMPLES).filter_map(|_| fit(&draw(&mut random)));
        Resampled {
            lines: lines.collect(),
        }
    }

    /// Where a number of the line lies, of which `value` is the best guess.
    pub(crate) fn estimate(&self, value: f64, of: impl Fn((f64, f64)) -> f64) -> Estimate {
        let all: Vec<f64> = self.lines.iter().map(|line| of(*line)).collect();
        Estimate {
            value,
            low: quantile(&all, 0.025).unwrap_or(value).min(value),
            high: quantile(&all, 0.975).unwrap_or(value).max(value),
        }
    }
}

/// Constant and coefficient by weighted least squares; `None` where the points do not move.
pub(crate) fn fit(points: &[Point]) -> Option<(f64, f64)> {
    let of = |get: fn(&Point) -> f64| points.iter().map(get).collect::<Vec<f64>>();
    let fitted = least_squares(&[of(|p| p.x)], &of(|p| p.y), &of(|p| p.weight))?;
    Some((fitted.intercept, fitted.slopes[0]))
}
