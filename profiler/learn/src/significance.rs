//! Whether the best of many features, and of products of two, explains more than the best would of a shuffled target (a
//! permutation test of the largest correlation: Westfall and Young 1993). The guard against finding drivers in noise:
//! choosing among 1,500 candidates on 12 inputs always finds something.

use crate::data::{Columns, Data, SHAPES, standardised};
use crate::products::pairs;
use crate::statistics::dot;
use ndarray::{Array2, ArrayView1};
use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};
use std::collections::HashMap;
use trace::{Screening, Transform};

/// Rows looked at: what 100 rows do not show is not worth a formula.
const ROWS: usize = 100;

/// How often a shuffled target is followed more closely, by some usable column in some shape or the product of two, than the
/// real one is. Which columns are multiplied is decided by the target, so it is decided again for each shuffle. Ends as soon
/// as chance cannot be ruled out any more.
pub(crate) fn screen(data: &Data, seed: u64) -> Screening {
    let rows = &data.sample[..data.sample.len().min(ROWS)];
    let mut screening = Screening {
        candidates: data.usable.len() + data.switches.len(),
        inputs: rows.len(),
        shuffles: 0,
        better: 0,
    };
    let y = standardised(rows.iter().map(|&r| data.y[r]).collect());
    let log_y = standardised(rows.iter().map(|&r| data.scale[r].ln()).collect());
    let (Some(y), Some(log_y)) = (y, log_y) else {
        return screening;
    };
    let columns = columns(data, rows.len());
    let logs = logs(data, rows.len());
    let best = |target: &[(f64, f64)]| {
        let (y, log_y): (Vec<f64>, Vec<f64>) = target.iter().copied().unzip();
        let alone = columns.dot(&ArrayView1::from(&y));
        let follows = |j: usize| logs.get(&j).map_or(0.0, |log| dot(log, &log_y).abs());
        let products = pairs(data, &data.usable, follows).into_iter();
        let products = products.filter_map(|(a, b)| {
            let value = |&row: &usize| data.value(Columns::Product(a, b), row);
            Some(dot(&standardised(rows.iter().map(value).collect())?, &y))
        });
        let all = alone.iter().copied().chain(products);
        all.fold(0.0, |most: f64, follows| most.max(follows.abs()))
    };
    let mut target: Vec<(f64, f64)> = y.into_iter().zip(log_y).collect();
    let seen = best(&target) * (1.0 + 1e-12);
    let mut rng = SmallRng::seed_from_u64(seed);
    while screening.shuffles < Screening::SHUFFLES && screening.better <= Screening::MAY_DO_BETTER {
        target.shuffle(&mut rng);
        screening.shuffles += 1;
        screening.better += usize::from(best(&target) > seen);
    }
    screening
}

/// Every usable column in every shape, over the first sampled rows, standardised: one per row of the matrix.
fn columns(data: &Data, rows: usize) -> Array2<f64> {
    let shapes = data.usable.iter().flat_map(|&j| SHAPES.map(|t| (j, t)));
    // What has few values is looked at as it is.
    let switches = data.switches.iter().map(|&j| (j, Transform::Identity));
    let columns: Vec<Vec<f64>> = shapes
        .chain(switches)
        .filter_map(|(j, t)| first_rows(data, j, t, rows))
        .collect();
    Array2::from_shape_fn((columns.len(), rows), |(c, r)| columns[c][r])
}

/// The logarithm of every column that may be multiplied, likewise.
fn logs(data: &Data, rows: usize) -> HashMap<usize, Vec<f64>> {
    let usable = data.usable.iter().filter(|&&j| data.family(j).is_some());
    usable
        .filter_map(|&j| Some((j, first_rows(data, j, Transform::Log, rows)?)))
        .collect()
}

fn first_rows(data: &Data, column: usize, transform: Transform, rows: usize) -> Option<Vec<f64>> {
    let shaped = data.shaped(Columns::One(column), transform)?;
    standardised(shaped[..rows].to_vec())
}
