//! Columns that the inputs seen cannot tell apart: each group is named once, by its preferred name. Judges nothing.

use crate::data::{Columns, Data};
use crate::statistics::dot;
use trace::Transform;

/// A correlation above which the inputs cannot tell two columns apart: one is the other, but for a factor and a summand.
const SAME: f64 = 0.999;

/// Whether the inputs cannot tell two columns apart.
pub(crate) fn move_together(data: &Data, a: usize, b: usize) -> bool {
    let shaped = |column| data.shaped(Columns::One(column), Transform::Identity);
    match (shaped(a), shaped(b)) {
        // Both have mean 0 and deviation 1.
        (Some(x), Some(y)) => dot(&x, &y).abs() > SAME * x.len() as f64,
        _ => false,
    }
}

/// The usable columns that move with a column, the preferred first, itself left out; none for a product.
pub(crate) fn moving_with(data: &Data, columns: Columns) -> Vec<usize> {
    let Columns::One(column) = columns else {
        return Vec::new();
    };
    let moves = |&other: &usize| other != column && move_together(data, column, other);
    data.usable.iter().copied().filter(moves).collect()
}

/// The preferred one of all that move with a column.
pub(crate) fn named_by(data: &Data, columns: Columns) -> Columns {
    let first = moving_with(data, columns).into_iter().map(Columns::One);
    first.chain([columns]).min().unwrap_or(columns)
}
