//! Whether the best of many features explains more than the best would of a shuffled target (a permutation test of the
//! largest correlation: Westfall and Young 1993). The guard against finding drivers in noise: choosing among 1,500
//! candidates on 12 inputs always finds something.

use crate::data::{Data, SHAPES, standardised};
use ndarray::{Array2, ArrayView1};
use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};

/// Rows looked at: what 100 rows do not show is not worth a formula.
const ROWS: usize = 100;

/// Shuffles, and how many of them may do better than the data: p is at most (1 + 1) / (199 + 1) = 0.01.
const SHUFFLES: usize = 199;
const MAY_DO_BETTER: usize = 1;

/// Whether some usable column, in some shape, follows the target more closely than chance would have it.
pub(crate) fn something_explains(data: &Data, seed: u64) -> bool {
    let rows = &data.sample[..data.sample.len().min(ROWS)];
    let Some(mut y) = standardised(rows.iter().map(|&r| data.y[r]).collect()) else {
        return false;
    };
    let columns = columns(data, rows.len());
    let best = |y: &[f64]| {
        let products = columns.dot(&ArrayView1::from(y));
        products.fold(0.0, |most: f64, p| most.max(p.abs()))
    };
    let seen = best(&y) * (1.0 + 1e-12);
    let mut rng = SmallRng::seed_from_u64(seed);
    let mut better = 0;
    for _ in 0..SHUFFLES {
        y.shuffle(&mut rng);
        better += usize::from(best(&y) > seen);
        if better > MAY_DO_BETTER {
            return false;
        }
    }
    true
}

/// Every usable column in every shape, over the first sampled rows, standardised: one per row of the matrix.
fn columns(data: &Data, rows: usize) -> Array2<f64> {
    let shapes = data.usable.iter().flat_map(|&j| SHAPES.map(|t| (j, t)));
    let shaped = shapes.filter_map(|(j, t)| data.shaped(j, t));
    let columns: Vec<Vec<f64>> = shaped
        .filter_map(|c| standardised(c[..rows].to_vec()))
        .collect();
    Array2::from_shape_fn((columns.len(), rows), |(c, r)| columns[c][r])
}
