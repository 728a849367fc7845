//! Powers of sizes: whether a power law in the best feature, or in the two best, is closer than every sum. How one is fitted is said
//! by `glm`; what is tried is judged by least squares of logarithms, which is next to it, in closed form.

use crate::data::{Columns, FEWEST};
use crate::fit::Shape;
use crate::press::{Training, losses};
use crate::scored::Scored;
use crate::several::GOOD_ENOUGH;
use std::borrow::Cow;
use trace::Transform;

/// Features of which powers are tried.
const TRIED: usize = 2;

/// The best power law in the columns, which come best first, where that is clearly better than the best sum.
pub(crate) fn best(training: &Training, than: &Scored, columns: &[Columns]) -> Option<Scored> {
    let is_positive = training.kept().all(|p| training.y[p] > 0.0);
    if than.mean < GOOD_ENOUGH || training.rows < 2 * FEWEST || !is_positive {
        return None;
    }
    let columns = &columns[..columns.len().min(TRIED)];
    let alone = columns.iter().map(|&j| vec![j]);
    let together = (columns.len() > 1).then(|| columns.to_vec());
    let logarithms = training.of_logarithms();
    let judged = |columns: Vec<Columns>| {
        let terms = columns
            .iter()
            .map(|&j| training.data.shaped(j, Transform::Log));
        let terms: Vec<Cow<[f64]>> = terms.collect::<Option<_>>()?;
        let losses = losses(&logarithms, &terms)?;
        Some(Scored::new(training, Shape::Glm(columns), losses))
    };
    alone
        .chain(together)
        .filter_map(judged)
        .filter(|powers| powers.clearly_better_than(than, training))
        .min_by(|a, b| a.mean.total_cmp(&b.mean))
}
