//! Columns that the inputs seen cannot tell apart: each group is named once, by its preferred name. Judges nothing.

use crate::data::{Columns, Data};
use crate::statistics::dot;
use trace::Transform;

/// A correlation above which the inputs cannot tell two columns apart: one is the other, but for a factor and a summand.
const SAME: f64 = 0.999;

/// The usable columns that move with a column, the preferred first, itself left out; none for a product.
pub(crate) fn moving_with(data: &Data, columns: Columns) -> Vec<usize> {
    let Columns::One(column) = columns else {
        return Vec::new();
    };
    let Some(x) = data.shaped(columns, Transform::Identity) else {
        return Vec::new();
    };
    let moves = |&other: &usize| {
        let y = data.shaped(Columns::One(other), Transform::Identity);
        // Both have mean 0 and deviation 1.
        other != column && y.is_some_and(|y| dot(&x, &y).abs() > SAME * x.len() as f64)
    };
    data.usable.iter().copied().filter(moves).collect()
}

/// The preferred one of all that move with a column.
pub(crate) fn named_by(data: &Data, columns: Columns) -> Columns {
    let first = moving_with(data, columns).into_iter().map(Columns::One);
    first.chain([columns]).min().unwrap_or(columns)
}
