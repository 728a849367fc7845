//! Least squares by linfa, on columns standardised before and rows weighted by hand: linfa centres only the target and
//! ignores weights. Fits one given model; which one is the work of `select`.

use crate::data::{Columns, Data};
use crate::forest;
use crate::glm;
use crate::isotonic;
use crate::statistics::{moments, weighted_median};
use linfa::{Dataset, traits::Fit};
use linfa_elasticnet::ElasticNet;
use linfa_linear::LinearRegression;
use ndarray::{Array1, Array2};
use trace::{Transform, Tree};

/// An intercept and one coefficient per column, in the units of the data.
#[derive(Clone, Debug, PartialEq)]
pub struct Coefficients {
    /// Value where all columns are 0.
    pub intercept: f64,
    /// One per column, in their order.
    pub slopes: Vec<f64>,
}

/// Weighted least squares. `None` where linfa finds no solution, or the columns do not move.
///
/// Collinear columns are not noticed: drop them first.
pub fn least_squares(columns: &[Vec<f64>], y: &[f64], weights: &[f64]) -> Option<Coefficients> {
    let standard = Standard::new(columns, weights)?;
    let (mut x, y) = standard.rows(y, 0.0, weights);
    for (row, weight) in weights.iter().enumerate() {
        x[(row, columns.len())] = weight.sqrt();
    }
    // The column of ones is weighted like every other, so linfa must not add its own.
    let model = LinearRegression::new()
        .with_intercept(false)
        .fit(&Dataset::new(x, y))
        .ok()?;
    let slopes = model.params().to_vec();
    standard.undo(*slopes.last()?, &slopes[..columns.len()])
}

/// Elastic net (Zou and Hastie 2005) on standardised columns and target. `penalty` is in units of the target's deviation:
/// 1 and above leaves nothing; `l1_ratio` is 1 for the lasso, 0 for ridge. Coefficients are returned in the data's units,
/// shrunk as the penalty made them.
pub fn elastic_net(
    columns: &[Vec<f64>],
    y: &[f64],
    weights: &[f64],
    penalty: f64,
    l1_ratio: f64,
) -> Option<Coefficients> {
    let standard = Standard::new(columns, weights)?;
    let (mean, deviation) = moments(y, weights)?;
    let scaled: Vec<f64> = y.iter().map(|v| v / deviation).collect();
    // Weights of mean 1, so that the penalty means the same whatever their unit.
    let unit = weights.iter().sum::<f64>() / weights.len() as f64;
    let weights: Vec<f64> = weights.iter().map(|w| w / unit).collect();
    let (x, scaled) = standard.rows(&scaled, mean / deviation, &weights);
    // Everything is centred already; the last column is reserved for ones and stays 0, which linfa skips.
    let model = ElasticNet::params()
        .with_intercept(false)
        .penalty(penalty)
        .l1_ratio(l1_ratio)
        .max_iterations(200)
        .fit(&Dataset::new(x, scaled))
        .ok()?;
    let slopes: Vec<f64> = model.hyperplane().iter().map(|s| s * deviation).collect();
    standard.undo(mean, &slopes[..columns.len()])
}

/// Columns with weighted mean 0 and deviation 1, and how to undo it.
struct Standard<'a> {
    columns: &'a [Vec<f64>],
    moments: Vec<(f64, f64)>,
}

impl<'a> Standard<'a> {
    fn new(columns: &'a [Vec<f64>], weights: &[f64]) -> Option<Standard<'a>> {
        let moments: Option<Vec<_>> = columns.iter().map(|c| moments(c, weights)).collect();
        Some(Standard {
            columns,
            moments: moments?,
        })
    }

    /// Rows scaled by the root of their weight, with a last column left at 0. Columns are stored one after another, as
    /// linfa walks them.
    fn rows(&self, y: &[f64], mean: f64, weights: &[f64]) -> (Array2<f64>, Array1<f64>) {
        use ndarray::ShapeBuilder;
        let mut x = Array2::zeros((y.len(), self.columns.len() + 1).f());
        for (j, (column, (mean, deviation))) in self.columns.iter().zip(&self.moments).enumerate() {
            for (i, (value, weight)) in column.iter().zip(weights).enumerate() {
                x[(i, j)] = (value - mean) / deviation * weight.sqrt();
            }
        }
        let y = y.iter().zip(weights).map(|(v, w)| (v - mean) * w.sqrt());
        (x, y.collect())
    }

    fn undo(&self, at_means: f64, slopes: &[f64]) -> Option<Coefficients> {
        let slopes: Vec<f64> = slopes
            .iter()
            .zip(&self.moments)
            .map(|(s, (_, d))| s / d)
            .collect();
        let shift: f64 = slopes
            .iter()
            .zip(&self.moments)
            .map(|(s, (m, _))| s * m)
            .sum();
        let intercept = at_means - shift;
        let finite = intercept.is_finite() && slopes.iter().all(|s| s.is_finite());
        finite.then_some(Coefficients { intercept, slopes })
    }
}

/// A model that was selected and is not fitted yet.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Shape {
    /// The same for every call.
    Constant,
    /// A sum of transformed columns or products of two.
    Terms(Vec<(Columns, Transform)>),
    /// Monotone in one column.
    Isotonic(Columns),
    /// In each part, which do not overlap, a constant or a sum of its own.
    Split(Vec<Part>),
    /// A power of each of these columns, multiplied.
    Glm(Vec<Columns>),
    /// Trees that ask for these columns.
    Forest(Vec<Columns>),
}

/// A part of the rows, and what it is there.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    /// All of these hold.
    pub(crate) when: Vec<Test>,
    pub(crate) shape: Shape,
}

/// A range of a column: see [`trace::Condition`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Test {
    pub(crate) column: usize,
    pub(crate) from: Option<f64>,
    pub(crate) below: Option<f64>,
}

impl Test {
    pub(crate) fn holds(&self, data: &Data, row: usize) -> bool {
        let x = data.value(Columns::One(self.column), row);
        self.from.is_none_or(|from| x >= from) && self.below.is_none_or(|below| x < below)
    }
}

impl Part {
    pub(crate) fn has(&self, data: &Data, row: usize) -> bool {
        self.when.iter().all(|test| test.holds(data, row))
    }
}

/// A fitted model over the columns of a [`Data`].
#[derive(Clone, Debug)]
pub(crate) struct Fitted {
    pub(crate) shape: Shape,
    pub(crate) intercept: f64,
    /// One per term.
    pub(crate) slopes: Vec<f64>,
    /// For isotonic shapes.
    pub(crate) steps: Vec<(f64, f64)>,
    /// For split shapes, one per part.
    pub(crate) parts: Vec<Fitted>,
    /// For forests.
    pub(crate) trees: Vec<Tree>,
}

/// Fits a shape on the given rows, each weighted by its relative error; falls back to a constant where there is no solution.
pub(crate) fn fit(data: &Data, shape: &Shape, rows: &[usize]) -> Fitted {
    let y: Vec<f64> = rows.iter().map(|&r| data.y[r]).collect();
    let weights: Vec<f64> = rows.iter().map(|&r| data.scale[r].powi(-2)).collect();
    let gather = |columns: Columns, t: Transform| -> Vec<f64> {
        rows.iter()
            .map(|&r| t.apply(data.value(columns, r)))
            .collect()
    };
    let empty = Fitted {
        shape: shape.clone(),
        intercept: 0.0,
        slopes: Vec::new(),
        steps: Vec::new(),
        parts: Vec::new(),
        trees: Vec::new(),
    };
    let fitted = match shape {
        Shape::Constant => None,
        Shape::Terms(terms) => {
            let columns: Vec<Vec<f64>> = terms.iter().map(|&(j, t)| gather(j, t)).collect();
            least_squares(&columns, &y, &weights).map(|c| {
                let c = without_residues(c, &columns, &y);
                Fitted {
                    intercept: c.intercept,
                    slopes: c.slopes,
                    ..empty
                }
            })
        }
        Shape::Isotonic(column) => {
            let x = gather(*column, Transform::Identity);
            isotonic::fit(&x, &y, &weights).map(|steps| Fitted {
                slopes: vec![1.0],
                steps,
                ..empty
            })
        }
        Shape::Split(parts) => {
            let of = |part: &Part| {
                let own = rows.iter().copied().filter(|&row| part.has(data, row));
                let own: Vec<usize> = own.collect();
                // Of a part without rows nothing is known but what all others are.
                fit(data, &part.shape, if own.is_empty() { rows } else { &own })
            };
            Some(Fitted {
                parts: parts.iter().map(of).collect(),
                ..empty
            })
        }
        Shape::Glm(columns) => {
            let x: Vec<Vec<f64>> = columns.iter().map(|&j| gather(j, Transform::Log)).collect();
            glm::fit(&x, &y).map(|c| Fitted {
                intercept: c.intercept,
                slopes: c.slopes,
                ..empty
            })
        }
        Shape::Forest(columns) => {
            let every = rows.len().div_ceil(forest::MOST_ROWS);
            let rows: Vec<usize> = rows.iter().copied().step_by(every.max(1)).collect();
            let of = |columns: Columns| rows.iter().map(|&r| data.value(columns, r)).collect();
            let x: Vec<Vec<f64>> = columns.iter().map(|&j| of(j)).collect();
            let y: Vec<f64> = rows.iter().map(|&r| data.y[r]).collect();
            let scale: Vec<f64> = rows.iter().map(|&r| data.scale[r]).collect();
            let grown = forest::grow(&x, &y, &scale);
            Some(Fitted {
                slopes: grown.importance(),
                trees: grown.trees,
                ..empty
            })
        }
    };
    fitted.unwrap_or_else(|| constant(&y, &weights))
}

/// An intercept, or a term everywhere, below this share of the largest target is what rounding left of 0.
const RESIDUE: f64 = 1e-9;

/// The coefficients with what rounding left of 0 made 0.
fn without_residues(mut c: Coefficients, columns: &[Vec<f64>], y: &[f64]) -> Coefficients {
    let largest = |values: &[f64]| values.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
    let least = RESIDUE * largest(y);
    if c.intercept.abs() < least {
        c.intercept = 0.0;
    }
    for (slope, column) in c.slopes.iter_mut().zip(columns) {
        if (*slope * largest(column)).abs() < least {
            *slope = 0.0;
        }
    }
    c
}

/// The constant with the least mean relative error: a weighted median.
fn constant(y: &[f64], weights: &[f64]) -> Fitted {
    let weights: Vec<f64> = weights.iter().map(|w| w.sqrt()).collect();
    Fitted {
        shape: Shape::Constant,
        intercept: weighted_median(y, &weights).unwrap_or(0.0),
        slopes: Vec::new(),
        steps: Vec::new(),
        parts: Vec::new(),
        trees: Vec::new(),
    }
}

impl Fitted {
    /// What the terms are made of, each once, in their order; what only tells parts apart comes last.
    pub(crate) fn columns(&self) -> Vec<Columns> {
        let mut columns = Vec::new();
        let all = match &self.shape {
            Shape::Constant => Vec::new(),
            Shape::Isotonic(column) => vec![*column],
            Shape::Terms(terms) => terms.iter().map(|(column, _)| *column).collect(),
            Shape::Glm(columns) | Shape::Forest(columns) => columns.clone(),
            Shape::Split(parts) => {
                let tests = parts.iter().flat_map(|part| &part.when);
                let tests = tests.map(|test| Columns::One(test.column));
                self.parts
                    .iter()
                    .flat_map(Fitted::columns)
                    .chain(tests)
                    .collect()
            }
        };
        for column in all {
            if !columns.contains(&column) {
                columns.push(column);
            }
        }
        columns
    }

    /// The prediction for one row of the data.
    pub(crate) fn predict(&self, data: &Data, row: usize) -> f64 {
        match &self.shape {
            Shape::Constant => self.intercept,
            Shape::Isotonic(column) => isotonic::predict(&self.steps, data.value(*column, row)),
            Shape::Split(parts) => {
                let mut parts = parts.iter().zip(&self.parts);
                let part = parts.find(|(part, _)| part.has(data, row));
                part.map_or(f64::NAN, |(_, fitted)| fitted.predict(data, row))
            }
            Shape::Glm(columns) => {
                let terms = columns.iter().zip(&self.slopes);
                let term = |(&j, slope): (&Columns, &f64)| {
                    slope * Transform::Log.apply(data.value(j, row))
                };
                (self.intercept + terms.map(term).sum::<f64>()).exp()
            }
            Shape::Forest(columns) => {
                let values = columns.iter().map(|&j| data.value(j, row));
                let values: Vec<f64> = values.collect();
                Tree::median(&self.trees, &values).unwrap_or(f64::NAN)
            }
            Shape::Terms(terms) => {
                terms
                    .iter()
                    .zip(&self.slopes)
                    .map(|((column, t), slope)| slope * t.apply(data.value(*column, row)))
                    .sum::<f64>()
                    + self.intercept
            }
        }
    }
}
