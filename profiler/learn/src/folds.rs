//! Predictions for inputs that neither the fit nor the choice of features and shapes has seen.

use crate::data::Data;
use crate::fit::{Fitted, Shape, fit};
use crate::press::Training;
use crate::scored::Scored;

/// Up to this many rows each is left out alone; above, tenths are left out.
const ALONE: usize = 30;
const TENTHS: usize = 10;

/// Which rows are left out together.
pub(crate) struct Folds {
    of_row: Vec<usize>,
    pub(crate) count: usize,
}

impl Folds {
    /// Every row is one distinct input, so repeats of an input never sit on both sides. The assignment follows the data's
    /// own seeded shuffle.
    pub(crate) fn of(data: &Data) -> Folds {
        Folds::at_most(data, if data.rows() <= ALONE { ALONE } else { TENTHS })
    }

    /// At most so many folds.
    pub(crate) fn at_most(data: &Data, most: usize) -> Folds {
        let count = data.rows().min(most);
        let mut of_row: Vec<usize> = (0..data.rows()).map(|row| row % count.max(1)).collect();
        for (position, &row) in data.sample.iter().enumerate() {
            of_row[row] = position % count.max(1);
        }
        Folds { of_row, count }
    }

    pub(crate) fn of_row(&self, row: usize) -> usize {
        self.of_row[row]
    }
}

/// A prediction for every row, by a model chosen and fitted without the row's fold.
pub(crate) fn held_out(
    data: &Data,
    folds: &Folds,
    choose: impl Fn(&Training) -> Shape,
) -> Vec<f64> {
    let mut predictions = vec![f64::NAN; data.rows()];
    for fold in 0..folds.count {
        let training = Training::without(data, |row| folds.of_row(row) == fold);
        let shape = choose(&training);
        let (out, within): (Vec<usize>, Vec<usize>) =
            (0..data.rows()).partition(|&row| folds.of_row(row) == fold);
        let fitted = fit(data, &shape, &within);
        for row in out {
            predictions[row] = fitted.predict(data, row);
        }
    }
    predictions
}

/// Chooses on all rows, fits on all rows.
pub(crate) fn on_all(data: &Data, choose: impl Fn(&Training) -> Scored) -> (Scored, Fitted) {
    let scored = choose(&Training::without(data, |_| false));
    let rows: Vec<usize> = (0..data.rows()).collect();
    let fitted = fit(data, &scored.shape, &rows);
    (scored, fitted)
}

/// What a row counts as of which nothing is said: twice what it needed.
const NOTHING_SAID: f64 = 2.0;

/// Absolute percentage errors as shares, in units of each row's scale. A prediction that is no number is none.
pub(crate) fn relative_errors(data: &Data, predictions: &[f64]) -> Vec<f64> {
    let error = |row: usize| match ((data.y[row] - predictions[row]) / data.scale[row]).abs() {
        error if error.is_nan() => NOTHING_SAID,
        error => error,
    };
    (0..data.rows()).map(error).collect()
}
