//! The numbers of one fitting problem: columns, a target, and the sample of rows among which selection is done.
//! Knows no feature names and no traces.
//!
//! Ranges span decades, so errors are relative: each row's error is measured in units of `scale`, its own target. Selection
//! looks at no more than [`SAMPLE`] rows, chosen by the seed, so that its cost does not grow with the number of calls; the
//! coefficients are then fitted on all rows.

use crate::statistics::distinct;
use rand::{SeedableRng, rngs::SmallRng, seq::SliceRandom};
use std::borrow::Cow;
use std::cell::OnceCell;
use trace::Transform;

/// Rows among which features and shapes are selected.
pub(crate) const SAMPLE: usize = 400;

/// Fewest distinct inputs, and fewest distinct values of a feature, for any regression.
pub(crate) const FEWEST: usize = 5;

/// The transforms without a parameter, in order of preference.
pub(crate) const SHAPES: [Transform; 7] = [
    Transform::Identity,
    Transform::Pow2Ceil,
    Transform::Buckets,
    Transform::NLogN,
    Transform::Square,
    Transform::Root,
    Transform::Log,
];

/// What a term is made of: a column, or the product of two. In order of preference among columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Columns {
    One(usize),
    Product(usize, usize),
}

/// How a variable has come to be looked at, the preferred way first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Shown {
    /// The guest shows it while it runs.
    #[default]
    OnPurpose,
    /// It goes into a function, or comes out of one or of a file.
    BetweenFunctions,
    /// It is a local variable.
    Locally,
    /// It is read when all is over.
    AtTheEnd,
    /// It is the input's: a variable of the guest names the cause better than the size of its input does.
    BeforeTheCall,
    /// It is a parameter without a name, which explains nothing.
    Nameless,
}

/// What is known of a column beside its values.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct About {
    /// The variable that it is of, as far as products with others may be tried.
    pub(crate) family: Option<usize>,
    /// Whether it may be the number of keys of a hash table.
    pub(crate) may_be_keys: bool,
    /// Of which variable it is a word: the words of one part calls among them.
    pub(crate) word_of: Option<usize>,
    /// Of two that explain about as well, what somebody shows on purpose is preferred to what happens to have a name.
    pub(crate) shown: Shown,
}

/// One fitting problem.
pub(crate) struct Data<'a> {
    columns: Vec<Cow<'a, [f64]>>,
    pub(crate) y: Cow<'a, [f64]>,
    /// Per row: what counts as an error of 100 %.
    pub(crate) scale: Vec<f64>,
    /// Rows of the sample, shuffled.
    pub(crate) sample: Vec<usize>,
    /// Columns with enough distinct values to be used, in order of preference.
    pub(crate) usable: Vec<usize>,
    /// Columns of few values, which tell kinds of calls apart.
    pub(crate) switches: Vec<usize>,
    about: Vec<About>,
    /// Per usable column and shape, over the sample: mean 0 and deviation 1; `None` where it does not move.
    shaped: Vec<[Option<Vec<f64>>; SHAPES.len()]>,
    /// Per column, over the sample, a threshold at each of a few values, when first asked for.
    hinges: Vec<OnceCell<Vec<Hinge>>>,
}

/// A threshold, and the column transformed by it, standardised.
struct Hinge {
    knot: f64,
    column: Vec<f64>,
}

impl<'a> Data<'a> {
    /// A problem over the given columns, each as long as `y`, and what is known of each.
    pub(crate) fn new(
        columns: Vec<Cow<'a, [f64]>>,
        mut about: Vec<About>,
        y: Cow<'a, [f64]>,
        seed: u64,
    ) -> Data<'a> {
        let mut sample: Vec<usize> = (0..y.len()).collect();
        sample.shuffle(&mut SmallRng::seed_from_u64(seed));
        sample.truncate(SAMPLE);
        let (mut usable, mut switches) = (Vec::new(), Vec::new());
        let mut shaped = Vec::new();
        for (j, column) in columns.iter().enumerate() {
            let values: Vec<f64> = sample.iter().map(|&row| column[row]).collect();
            // No size is negative, and what is no size is no side of a product.
            if values.iter().any(|v| *v < 0.0) {
                about[j].family = None;
            }
            let different = distinct(&values);
            if different >= FEWEST {
                usable.push(j);
                shaped.push(SHAPES.map(|t| {
                    let applies = t != Transform::Buckets || about[j].may_be_keys;
                    let shaped = || standardised(values.iter().map(|&x| t.apply(x)).collect());
                    applies.then(shaped).flatten()
                }));
            } else {
                let mut as_it_is = [const { None }; SHAPES.len()];
                if different > 1 {
                    switches.push(j);
                    as_it_is[0] = standardised(values);
                }
                shaped.push(as_it_is);
            }
        }
        Data {
            scale: scale(&y),
            hinges: columns.iter().map(|_| OnceCell::new()).collect(),
            columns,
            y,
            sample,
            usable,
            switches,
            about,
            shaped,
        }
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.y.len()
    }

    /// A column, over all rows.
    pub(crate) fn column(&self, column: usize) -> &[f64] {
        &self.columns[column]
    }

    /// The variable that a column is of, where it may be multiplied with columns of others.
    pub(crate) fn family(&self, column: usize) -> Option<usize> {
        self.about[column].family
    }

    /// The variable that it is a word of.
    pub(crate) fn word_of(&self, column: usize) -> Option<usize> {
        self.about[column].word_of
    }

    /// How it has come to be looked at.
    pub(crate) fn shown(&self, columns: Columns) -> Shown {
        match columns {
            Columns::One(a) => self.about[a].shown,
            Columns::Product(a, b) => self.about[a].shown.max(self.about[b].shown),
        }
    }

    /// The value in one row.
    pub(crate) fn value(&self, columns: Columns, row: usize) -> f64 {
        match columns {
            Columns::One(a) => self.columns[a][row],
            Columns::Product(a, b) => self.columns[a][row] * self.columns[b][row],
        }
    }

    /// The values over the sample.
    pub(crate) fn sampled(&self, columns: Columns) -> Vec<f64> {
        let rows = self.sample.iter();
        rows.map(|&row| self.value(columns, row)).collect()
    }

    /// The transformed values over the sample, mean 0 and deviation 1; `None` where they do not move, where the transform
    /// is a threshold that is not among [`Data::knots`], and for the buckets of what is no number of keys, as no product is.
    /// Products are many and most are asked for once, so they are not kept.
    pub(crate) fn shaped(&self, columns: Columns, transform: Transform) -> Option<Cow<'_, [f64]>> {
        let kept = match (columns, transform) {
            (Columns::Product(..), Transform::Buckets) => None,
            (Columns::Product(..), _) => {
                let values = self.sampled(columns).into_iter();
                return standardised(values.map(|x| transform.apply(x)).collect()).map(Cow::Owned);
            }
            (Columns::One(column), Transform::Hinge { knot }) => {
                let hinge = self.hinges(column).iter().find(|h| h.knot == knot)?;
                Some(hinge.column.as_slice())
            }
            (Columns::One(column), _) => {
                let shape = SHAPES.iter().position(|&s| s == transform)?;
                self.shaped[column][shape].as_deref()
            }
        };
        kept.map(Cow::Borrowed)
    }

    /// Places where a line may begin to rise: values seen, evenly by rank, at least one below and three above. None for a
    /// product.
    pub(crate) fn knots(&self, columns: Columns) -> impl Iterator<Item = f64> {
        let hinges = match columns {
            Columns::One(column) => self.hinges(column),
            Columns::Product(..) => &[],
        };
        hinges.iter().map(|h| h.knot)
    }

    fn hinges(&self, column: usize) -> &[Hinge] {
        const MOST: usize = 8;
        self.hinges[column].get_or_init(|| {
            let values = self.sampled(Columns::One(column));
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            sorted.dedup();
            let inner = sorted.len().saturating_sub(4);
            let picked = inner.min(MOST);
            let knots = (0..picked).map(|i| readable(sorted[1 + i * inner / picked]));
            knots
                .filter_map(|knot| {
                    let hinge = Transform::Hinge { knot };
                    let column = standardised(values.iter().map(|&x| hinge.apply(x)).collect())?;
                    Some(Hinge { knot, column })
                })
                .collect()
        })
    }
}

/// Rounded to three digits: a threshold is known no better, and it stands in the formula.
fn readable(knot: f64) -> f64 {
    let places = 2 - knot.abs().max(f64::MIN_POSITIVE).log10().floor() as i32;
    // Divided by a power of ten rather than multiplied by its inverse, which would leave 0.30000000000000004.
    let unit = 10f64.powi(places.abs());
    if places > 0 {
        (knot * unit).round() / unit
    } else {
        (knot / unit).round() * unit
    }
}

/// What counts as an error of 100 % in each row: the target itself, but at least a thousandth of the largest, so that a
/// call that needed next to nothing does not decide everything; where all are 0, anything whose square is still a number.
fn scale(y: &[f64]) -> Vec<f64> {
    let largest = y.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let least = (largest * 1e-3).max(1e-100);
    y.iter().map(|v| v.abs().max(least)).collect()
}

/// Mean 0 and deviation 1; `None` where the values do not move or are not all finite.
pub(crate) fn standardised(mut values: Vec<f64>) -> Option<Vec<f64>> {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let deviation = (values.iter().map(|v| (v - mean).powi(2)).sum::<f64>() / n).sqrt();
    // A relative deviation below rounding error is no movement.
    if !(deviation.is_finite() && deviation > 1e-12 * mean.abs() && deviation > 0.0) {
        return None;
    }
    for v in &mut values {
        *v = (*v - mean) / deviation;
    }
    Some(values)
}
