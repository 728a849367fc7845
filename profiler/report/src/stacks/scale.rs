//! Columns and rows of a heatmap: those of FlameScope (<https://github.com/Netflix/flamescope>) are seconds and
//! fiftieths of one, which are too long for calls of milliseconds. Here they are chosen from how long all of it is, and
//! are never shorter than what can be told apart.

use std::fmt;

/// Columns at most: still some pixels wide on a telephone.
const MOST_COLUMNS: u64 = 50;

/// What a column may last, in powers of ten, and in how many rows it may be divided, the most first: cells too last 1, 2
/// or 5 of something.
const STEPS: [(u64, [u64; 3]); 3] = [(1, [20, 10, 5]), (2, [20, 10, 5]), (5, [25, 10, 5])];

/// How long columns and cells are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Scale {
    /// Of all columns together, nanoseconds; the last may reach beyond.
    pub(crate) span: u64,
    /// Nanoseconds.
    pub(crate) column: u64,
    /// Cells of a column.
    pub(crate) rows: u64,
}

impl Scale {
    /// The shortest columns with which there are not too many of them.
    pub(super) fn of(span: u64, finest: u64) -> Scale {
        let powers = (3..19).map(|power| 10_u64.pow(power));
        let steps =
            powers.flat_map(|unit| STEPS.map(|(times, rows)| (unit.checked_mul(times), rows)));
        let all = steps.filter_map(|(column, rows)| Some((column?, rows)));
        let few = |column: u64| span.div_ceil(column) <= MOST_COLUMNS;
        let fine = |column: u64, rows: u64| {
            (column.is_multiple_of(rows) && column / rows >= finest).then_some(rows)
        };
        let mut some = all
            .filter(|(column, _)| few(*column))
            .filter_map(|(column, rows)| {
                let rows = rows.into_iter().find_map(|rows| fine(column, rows))?;
                Some(Scale { span, column, rows })
            });
        // Where not even the longest are long enough, centuries, there is one cell for all.
        some.next().unwrap_or(Scale {
            span,
            column: span.max(1),
            rows: 1,
        })
    }

    /// How long a cell is, nanoseconds.
    pub(crate) fn cell(&self) -> u64 {
        self.column / self.rows
    }

    /// Cells, the last of which may reach beyond the end.
    pub(crate) fn cells(&self) -> u64 {
        self.span.div_ceil(self.cell()).max(1)
    }

    /// Columns.
    pub(crate) fn columns(&self) -> u64 {
        self.cells().div_ceil(self.rows)
    }

    /// The unit in which its times are told.
    pub(crate) fn clock(&self) -> Clock {
        let units = [("s", 1_000_000_000), ("ms", 1_000_000), ("us", 1_000)];
        let fits = |(_, nanos): &(_, u64)| self.span >= *nanos;
        let (unit, nanos) = units.into_iter().find(fits).unwrap_or(("us", 1_000));
        let is_exact = |digits: &u32| (self.cell() * 10_u64.pow(*digits)).is_multiple_of(nanos);
        let digits = (0..9).find(is_exact).unwrap_or(9);
        Clock {
            unit,
            nanos,
            digits,
        }
    }
}

/// A unit of time, and the digits after the point that make cells' ends exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Clock {
    pub(crate) unit: &'static str,
    pub(crate) nanos: u64,
    pub(crate) digits: u32,
}

impl Clock {
    /// A time without its unit.
    pub(crate) fn number(&self, nanos: u64) -> impl fmt::Display {
        let digits = self.digits as usize;
        format!("{:.digits$}", nanos as f64 / self.nanos as f64)
    }

    /// `12.5 to 13.0 ms`.
    pub(crate) fn range(&self, from: u64, to: u64) -> String {
        format!("{} to {} {}", self.number(from), self.number(to), self.unit)
    }

    /// `0.5 ms`: a length, in the largest unit in which it is no fraction less than a tenth.
    pub(crate) fn length(nanos: u64) -> String {
        match nanos {
            n if n >= 100_000_000 => format!("{} s", n as f64 / 1e9),
            n if n >= 100_000 => format!("{} ms", n as f64 / 1e6),
            n => format!("{} us", n as f64 / 1e3),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_short_as_may_be_and_cells_no_shorter_than_what_is_told_apart() {
        const MS: u64 = 1_000_000;
        for (span, finest, column, cell, said) in [
            (80 * MS, 1_000, "2 ms", "0.1 ms", "0.1 to 0.2 ms"),
            (80 * MS, MS, "5 ms", "1 ms", "1 to 2 ms"),
            (MS / 2, 1_000, "10 us", "1 us", "1 to 2 us"),
            (120_000 * MS, MS, "5 s", "0.2 s", "0.2 to 0.4 s"),
            (30_000 * MS, 250 * MS, "2 s", "0.4 s", "0.4 to 0.8 s"),
            (1, 1_000, "5 us", "1 us", "1 to 2 us"),
        ] {
            let scale = Scale::of(span, finest);
            assert_eq!(Clock::length(scale.column), column);
            assert_eq!(Clock::length(scale.cell()), cell);
            assert_eq!(scale.clock().range(scale.cell(), 2 * scale.cell()), said);
            assert!(
                scale.columns() <= MOST_COLUMNS && scale.columns() * scale.rows >= scale.cells()
            );
        }
        for (span, finest) in [(0, 1_000), (u64::MAX, u64::MAX), (u64::MAX, 1)] {
            let scale = Scale::of(span, finest);
            assert!(
                scale.cell() > 0 && scale.columns() <= MOST_COLUMNS,
                "{scale:?}"
            );
        }
    }
}
