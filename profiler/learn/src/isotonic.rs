//! Monotone regression in one feature (pool adjacent violators: Ayer and others 1955). Only increasing: memory that falls as
//! a size grows is no relation to size a call by.
//!
//! Not by linfa: after a merge `linfa_linear::IsotonicRegression` 0.8.1 compares with the block just removed instead of the
//! one before it, and merges blocks that were in order. The test below caught it.

/// Most vertices a fitted curve keeps.
const MOST_STEPS: usize = 64;

/// Values that were pooled: from the first x to the last.
struct Block {
    from: f64,
    to: f64,
    level: f64,
    weight: f64,
}

/// The vertices (feature value, prediction), ascending, between which predictions are interpolated. `None` where no more
/// than one level is left: then nothing rises.
pub(crate) fn fit(x: &[f64], y: &[f64], weights: &[f64]) -> Option<Vec<(f64, f64)>> {
    let mut blocks: Vec<Block> = Vec::new();
    for (x, y, weight) in merged(x, y, weights) {
        let mut block = Block {
            from: x,
            to: x,
            level: y,
            weight,
        };
        while let Some(before) = blocks.pop_if(|before| before.level >= block.level) {
            let weight = before.weight + block.weight;
            block.level = (before.level * before.weight + block.level * block.weight) / weight;
            block.weight = weight;
            block.from = before.from;
        }
        blocks.push(block);
    }
    if blocks.len() < 2 {
        return None;
    }
    let ends = |b: &Block| {
        let ends = [(b.from, b.level), (b.to, b.level)];
        ends.into_iter().take(if b.from == b.to { 1 } else { 2 })
    };
    let vertices: Vec<(f64, f64)> = blocks.iter().flat_map(ends).collect();
    let last = vertices.len() - 1;
    if last < MOST_STEPS {
        return Some(vertices);
    }
    let even = (0..MOST_STEPS).map(|i| vertices[i * last / (MOST_STEPS - 1)]);
    Some(even.collect())
}

/// One point per distinct x, ascending: weighted mean of y, sum of weights.
fn merged(x: &[f64], y: &[f64], weights: &[f64]) -> Vec<(f64, f64, f64)> {
    let mut order: Vec<usize> = (0..x.len()).collect();
    order.sort_by(|&a, &b| x[a].total_cmp(&x[b]));
    let mut points: Vec<(f64, f64, f64)> = Vec::new();
    for i in order {
        match points.last_mut() {
            Some(last) if last.0 == x[i] => {
                let total = last.2 + weights[i];
                last.1 = (last.1 * last.2 + y[i] * weights[i]) / total;
                last.2 = total;
            }
            _ => points.push((x[i], y[i], weights[i])),
        }
    }
    points
}

/// Interpolated between the vertices, flat outside them; the same as [`trace::Model::predict`] does.
pub(crate) fn predict(steps: &[(f64, f64)], x: f64) -> f64 {
    let after = steps.partition_point(|(at, _)| *at < x);
    match (after.checked_sub(1).map(|i| steps[i]), steps.get(after)) {
        (None, None) => f64::NAN,
        (None, Some(&(_, y))) | (Some((_, y)), None) => y,
        (Some((x0, y0)), Some(&(x1, y1))) => y0 + (y1 - y0) * (x - x0) / (x1 - x0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// The largest, over all starts up to a point, of the smallest mean over all ends from it on: the textbook definition.
    fn by_definition(y: &[f64], weights: &[f64]) -> Vec<f64> {
        let mean = |a: usize, b: usize| {
            let weighted = (a..=b).map(|i| y[i] * weights[i]).sum::<f64>();
            weighted / weights[a..=b].iter().sum::<f64>()
        };
        let least = |a: usize, i: usize| {
            (i..y.len())
                .map(|b| mean(a, b))
                .fold(f64::INFINITY, f64::min)
        };
        (0..y.len())
            .map(|i| {
                (0..=i)
                    .map(|a| least(a, i))
                    .fold(f64::NEG_INFINITY, f64::max)
            })
            .collect()
    }

    #[test]
    fn fitted_values_are_those_of_the_definition() {
        let mut rng = SmallRng::seed_from_u64(4);
        for _ in 0..50 {
            let n = rng.gen_range(5..25);
            let x: Vec<f64> = (0..n).map(f64::from).collect();
            let y: Vec<f64> = x.iter().map(|x| x + 6.0 * rng.r#gen::<f64>()).collect();
            let weights: Vec<f64> = x.iter().map(|_| rng.gen_range(0.5..2.0)).collect();
            let steps = fit(&x, &y, &weights).unwrap();
            for (x, expected) in x.iter().zip(by_definition(&y, &weights)) {
                assert!((predict(&steps, *x) - expected).abs() < 1e-9, "{x}");
            }
        }
    }
}
