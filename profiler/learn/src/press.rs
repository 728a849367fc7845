//! How well a least-squares model predicts each row from all others, in closed form (PRESS: Allen 1974). It judges
//! thousands of candidates; the models that are kept are fitted by linfa, in `fit`.

use crate::data::Data;
use std::borrow::Cow;

/// Most terms a model may have, the intercept apart.
pub(crate) const MOST_TERMS: usize = 6;

/// An error of more than this counts as this: one wild row must not decide a comparison.
const WORST: f64 = 2.0;

/// A problem with some of its sampled rows held out.
pub(crate) struct Training<'a> {
    pub(crate) data: &'a Data<'a>,
    /// Per sampled row: 1 / scale^2, or 0 where it is held out.
    pub(crate) weight: Vec<f64>,
    /// The target over the sample.
    pub(crate) y: Vec<f64>,
    /// Rows not held out.
    pub(crate) rows: usize,
    /// Where the target is a logarithm: what it is of, in units of the scale.
    of: Option<Vec<f64>>,
}

impl<'a> Training<'a> {
    /// All sampled rows but those for which `held_out` says so.
    pub(crate) fn without(data: &'a Data<'a>, held_out: impl Fn(usize) -> bool) -> Training<'a> {
        let weight = |&row: &usize| {
            if held_out(row) {
                0.0
            } else {
                data.scale[row].powi(-2)
            }
        };
        let weight: Vec<f64> = data.sample.iter().map(weight).collect();
        Training {
            data,
            y: data.sample.iter().map(|&row| data.y[row]).collect(),
            rows: weight.iter().filter(|w| **w > 0.0).count(),
            weight,
            of: None,
        }
    }

    /// The same with only those rows that `belong`, of which the position in the sample is told.
    pub(crate) fn only(&self, belong: impl Fn(usize) -> bool) -> Training<'a> {
        let weight = self.weight.iter().enumerate();
        let weight = weight.map(|(p, w)| if belong(p) { *w } else { 0.0 });
        let weight: Vec<f64> = weight.collect();
        Training {
            data: self.data,
            rows: weight.iter().filter(|w| **w > 0.0).count(),
            y: self.y.clone(),
            weight,
            of: self.of.clone(),
        }
    }

    /// The same with the logarithm of the target, of which errors weigh the same everywhere; losses stay those of the target.
    pub(crate) fn of_logarithms(&self) -> Training<'a> {
        let even = |w: &f64| if *w > 0.0 { 1.0 } else { 0.0 };
        Training {
            data: self.data,
            rows: self.rows,
            y: self
                .y
                .iter()
                .map(|y| y.max(f64::MIN_POSITIVE).ln())
                .collect(),
            weight: self.weight.iter().map(even).collect(),
            of: Some(
                self.y
                    .iter()
                    .zip(&self.weight)
                    .map(|(y, w)| y * w.sqrt())
                    .collect(),
            ),
        }
    }

    /// Positions in the sample of the rows that are not held out.
    pub(crate) fn kept(&self) -> impl Iterator<Item = usize> {
        (0..self.weight.len()).filter(|&p| self.weight[p] > 0.0)
    }

    /// Mean over the rows that are not held out.
    pub(crate) fn mean(&self, of_rows: &[f64]) -> f64 {
        let kept = of_rows.iter().zip(&self.weight).filter(|(_, w)| **w > 0.0);
        kept.map(|(v, _)| v).sum::<f64>() / self.rows as f64
    }

    /// Relative absolute error, made comparable: at most [`WORST`], 0 for rows held out.
    pub(crate) fn loss(&self, position: usize, error: f64) -> f64 {
        // NaN and infinities count as the worst.
        let relative = match &self.of {
            None => (error * self.weight[position].sqrt()).abs(),
            Some(of) => (of[position] * (1.0 - (-error).exp())).abs(),
        };
        if relative < WORST { relative } else { WORST }
    }
}

/// Per sampled row, the relative error of the model fitted without that row: intercept and the given columns, rows weighted
/// by their relative error. `None` where the columns do not determine a model: too few rows, too many columns, or collinear.
pub(crate) fn losses(training: &Training, columns: &[Cow<[f64]>]) -> Option<Vec<f64>> {
    // Sizes known to the compiler, because this is where the time goes.
    match columns.len() {
        0 => sized::<1>(training, columns),
        1 => sized::<2>(training, columns),
        2 => sized::<3>(training, columns),
        3 => sized::<4>(training, columns),
        4 => sized::<5>(training, columns),
        5 => sized::<6>(training, columns),
        MOST_TERMS => sized::<{ MOST_TERMS + 1 }>(training, columns),
        _ => None,
    }
}

type Matrix<const SIDE: usize> = [[f64; SIDE]; SIDE];

/// The losses of a model of `SIDE` coefficients, the intercept among them.
fn sized<const SIDE: usize>(training: &Training, columns: &[Cow<[f64]>]) -> Option<Vec<f64>> {
    if training.rows <= SIDE {
        return None;
    }
    let row = |p: usize| {
        let mut z = [1.0; SIDE];
        for (slot, column) in z[1..].iter_mut().zip(columns) {
            *slot = column[p];
        }
        z
    };
    let mut gram: Matrix<SIDE> = [[0.0; SIDE]; SIDE];
    let mut moment = [0.0; SIDE];
    for (p, &w) in training.weight.iter().enumerate() {
        let z = row(p);
        for a in 0..SIDE {
            let weighted = w * z[a];
            moment[a] += weighted * training.y[p];
            for b in 0..=a {
                gram[a][b] += weighted * z[b];
            }
        }
    }
    // With gram = L L', coefficients are L'^-1 L^-1 moment, so a fitted value is (L^-1 z) . (L^-1 moment), and a leverage
    // the square of L^-1 z.
    let root = inverse_root(&gram)?;
    let solved = times(&root, &moment);
    let loss = |p: usize, w: f64| {
        if w == 0.0 {
            return 0.0;
        }
        let z = times(&root, &row(p));
        let (mut fitted, mut leverage) = (0.0, 0.0);
        for a in 0..SIDE {
            fitted += z[a] * solved[a];
            leverage += w * z[a] * z[a];
        }
        let left = 1.0 - leverage;
        // A row that alone determines a coefficient is not predicted by the others at all.
        let error = if left > 1e-9 {
            (training.y[p] - fitted) / left
        } else {
            f64::INFINITY
        };
        training.loss(p, error)
    };
    let rows = training.weight.iter().enumerate();
    Some(rows.map(|(p, &w)| loss(p, w)).collect())
}

/// A lower triangular matrix times a vector.
fn times<const SIDE: usize>(lower: &Matrix<SIDE>, v: &[f64; SIDE]) -> [f64; SIDE] {
    let mut out = [0.0; SIDE];
    for a in 0..SIDE {
        for b in 0..=a {
            out[a] += lower[a][b] * v[b];
        }
    }
    out
}

/// The inverse of Cholesky's factor L of a symmetric positive definite matrix given by its lower triangle; `None` where a
/// pivot is lost to rounding: the columns are collinear.
#[expect(
    clippy::needless_range_loop,
    reason = "the index runs over rows and columns of two matrices at once"
)]
fn inverse_root<const SIDE: usize>(gram: &Matrix<SIDE>) -> Option<Matrix<SIDE>> {
    let mut lower: Matrix<SIDE> = [[0.0; SIDE]; SIDE];
    for a in 0..SIDE {
        for b in 0..=a {
            let dot: f64 = (0..b).map(|c| lower[a][c] * lower[b][c]).sum();
            let rest = gram[a][b] - dot;
            if a != b {
                lower[a][b] = rest / lower[b][b];
            } else if rest > 1e-9 * gram[a][a] {
                lower[a][a] = rest.sqrt();
            } else {
                return None;
            }
        }
    }
    let mut inverse: Matrix<SIDE> = [[0.0; SIDE]; SIDE];
    for a in 0..SIDE {
        inverse[a][a] = 1.0 / lower[a][a];
        for b in 0..a {
            let dot: f64 = (b..a).map(|c| lower[a][c] * inverse[c][b]).sum();
            inverse[a][b] = -dot / lower[a][a];
        }
    }
    Some(inverse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::data::About;
    use crate::data::Columns;
    use crate::fit::{Shape, fit};
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use trace::Transform;

    #[test]
    fn the_closed_form_is_what_leaving_each_row_out_gives() {
        let mut rng = SmallRng::seed_from_u64(2);
        let x: Vec<f64> = (0..25).map(|_| rng.gen_range(1.0..1e5)).collect();
        let y: Vec<f64> = x
            .iter()
            .map(|x| 1e6 + 86.0 * x * rng.gen_range(0.8..1.2))
            .collect();
        let data = Data::new(
            vec![Cow::Owned(x)],
            vec![About::default()],
            Cow::Owned(y),
            1,
        );
        let x = Columns::One(0);
        let terms = vec![(x, Transform::Identity), (x, Transform::Square)];
        let all = Training::without(&data, |_| false);
        let columns = terms.iter().map(|&(j, t)| data.shaped(j, t).unwrap());
        let columns: Vec<Cow<[f64]>> = columns.collect();
        let closed = losses(&all, &columns).unwrap();
        for (position, &out) in data.sample.iter().enumerate() {
            let rows: Vec<usize> = (0..data.rows()).filter(|&row| row != out).collect();
            let fitted = fit(&data, &Shape::Terms(terms.clone()), &rows);
            let error = ((data.y[out] - fitted.predict(&data, out)) / data.scale[out]).abs();
            assert!(
                (closed[position] - error).abs() < 1e-8,
                "{out}: {} {error}",
                closed[position]
            );
        }
    }

    #[test]
    fn collinear_columns_determine_nothing() {
        let x: Vec<f64> = (0..9).map(f64::from).collect();
        let twice = x.iter().map(|x| 2.0 * x).collect();
        let data = Data::new(
            vec![Cow::Borrowed(&x), Cow::Owned(twice)],
            vec![About::default(); 2],
            Cow::Owned(vec![1.0; 9]),
            1,
        );
        let all = Training::without(&data, |_| false);
        let columns: Vec<Cow<[f64]>> = (0..2)
            .map(|j| data.shaped(Columns::One(j), Transform::Identity).unwrap())
            .collect();
        assert!(losses(&all, &columns[..1]).is_some() && losses(&all, &columns).is_none());
    }
}
