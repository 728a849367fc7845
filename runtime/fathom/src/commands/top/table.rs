//! The functions as a table: which columns there are, how rows are ordered and chosen, and what fits into a width. Nothing of a
//! terminal here: text comes out, which the screen colours and `--once` prints as it is.

use super::sample::Row;
use clap::ValueEnum;
use report::clean;
use std::cmp::Ordering;
use trace::Bytes;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Between two columns.
const GAP: usize = 2;

/// A name is cut to no less than so much for the sake of other columns.
const NAME: usize = 20;

/// A column, in the order in which they are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(super) enum Column {
    /// Name of the function
    Function,
    /// Learning, selective or stale
    Phase,
    /// Calls since the server began
    Calls,
    /// Calls that have ended a second, now
    CallsPerSecond,
    /// Calls that did not succeed
    Failed,
    /// Calls under way
    Running,
    /// Memory that half of the calls needed
    P50,
    /// Memory that 99 % of the calls needed
    P99,
    /// The most that a call needed
    Max,
    /// The limit of a call
    Limit,
    /// What is recommended
    Recommended,
    /// Memory held for nothing now: byte-seconds a second
    Waste,
    /// Of what is granted now
    WasteShare,
    /// What the recommendation would save of the limit
    Saving,
}

/// Columns from the one that is kept longest where there is little room; the one that is sorted by is kept before these.
const IMPORTANCE: [Column; 14] = [
    Column::Function,
    Column::Waste,
    Column::CallsPerSecond,
    Column::Limit,
    Column::Recommended,
    Column::P99,
    Column::Saving,
    Column::Running,
    Column::Failed,
    Column::Calls,
    Column::WasteShare,
    Column::Max,
    Column::Phase,
    Column::P50,
];

/// By what rows are ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) by: Column,
    pub(super) reversed: bool,
}

/// A table that fits.
pub(super) struct Table {
    columns: Vec<(Column, usize)>,
    order: Order,
}

impl Column {
    /// Its head.
    pub(super) fn title(self) -> &'static str {
        match self {
            Column::Function => "FUNCTION",
            Column::Phase => "PHASE",
            Column::Calls => "CALLS",
            Column::CallsPerSecond => "CALLS/S",
            Column::Failed => "FAILED",
            Column::Running => "RUNNING",
            Column::P50 => "P50",
            Column::P99 => "P99",
            Column::Max => "MAX",
            Column::Limit => "LIMIT",
            Column::Recommended => "RECOMMENDED",
            Column::Waste => "WASTE",
            Column::WasteShare => "WASTE %",
            Column::Saving => "SAVING",
        }
    }

    /// The key that sorts by it.
    pub(super) fn key(self) -> char {
        match self {
            Column::Function => 'n',
            Column::Phase => 'h',
            Column::Calls => 'c',
            Column::CallsPerSecond => 's',
            Column::Failed => 'f',
            Column::Running => 'u',
            Column::P50 => '5',
            Column::P99 => '9',
            Column::Max => 'm',
            Column::Limit => 'l',
            Column::Recommended => 'e',
            Column::Waste => 'w',
            Column::WasteShare => '%',
            Column::Saving => 'v',
        }
    }

    fn is_text(self) -> bool {
        matches!(self, Column::Function | Column::Phase)
    }

    /// What a row has there; `None` where it is not known.
    fn number(self, row: &Row) -> Option<f64> {
        let function = &row.function;
        let lately = row.lately.as_ref();
        match self {
            Column::Function | Column::Phase => None,
            Column::Calls => Some(function.calls as f64),
            Column::CallsPerSecond => lately.map(|lately| lately.calls_per_second),
            Column::Failed => Some(row.failures() as f64),
            Column::Running => Some(function.running as f64),
            Column::P50 => function.needed_bytes.median.map(Bytes::as_f64),
            Column::P99 => function.needed_bytes.p99.map(Bytes::as_f64),
            Column::Max => function.needed_bytes.max.map(Bytes::as_f64),
            Column::Limit => Some(function.memory_limit_bytes.as_f64()),
            Column::Recommended => function.recommended_bytes.map(Bytes::as_f64),
            Column::Waste => lately.map(|lately| lately.waste.as_f64()),
            Column::WasteShare => lately.and_then(|lately| lately.waste_share),
            Column::Saving => function.memory_saving_share,
        }
    }

    fn cell(self, row: &Row) -> String {
        match self {
            Column::Function => return clean(&row.function.name),
            Column::Phase => return clean(&row.function.phase),
            _ => {}
        }
        let Some(number) = self.number(row) else {
            return "-".to_owned();
        };
        match self {
            Column::CallsPerSecond => rate(number),
            Column::WasteShare | Column::Saving => percent(number),
            Column::Function | Column::Phase | Column::Calls | Column::Failed | Column::Running => {
                format!("{number:.0}")
            }
            Column::P50
            | Column::P99
            | Column::Max
            | Column::Limit
            | Column::Recommended
            | Column::Waste => Bytes::from_f64(number).to_string(),
        }
    }

    /// The next one, or the one before.
    pub(super) fn beside(self, steps: isize) -> Column {
        let all = Column::value_variants();
        let place = all.iter().position(|column| *column == self).unwrap_or(0);
        let place = (place as isize + steps).rem_euclid(all.len() as isize);
        all[place as usize]
    }
}

/// `0.4`, `12`.
pub(super) fn rate(per_second: f64) -> String {
    match per_second {
        few if few < 10.0 => format!("{few:.1}"),
        many => format!("{many:.0}"),
    }
}

/// `99.6 %`.
pub(super) fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

impl Order {
    /// Numbers from the largest, names from the first one, unless reversed; what is not known comes last. Where that is the
    /// same, what has wasted most so far, then the name.
    fn compare(self, a: &Row, b: &Row) -> Ordering {
        let turned = |order: Ordering| match self.reversed {
            true => order.reverse(),
            false => order,
        };
        let text = |row: &Row| match self.by {
            Column::Phase => row.function.phase.clone(),
            _ => row.function.name.clone(),
        };
        let by = match (self.by.number(a), self.by.number(b)) {
            _ if self.by.is_text() => turned(text(a).cmp(&text(b))),
            (Some(a), Some(b)) => turned(b.total_cmp(&a)),
            (a, b) => b.is_some().cmp(&a.is_some()),
        };
        let so_far = |row: &Row| row.function.waste_byte_seconds;
        by.then_with(|| so_far(b).total_cmp(&so_far(a)))
            .then_with(|| a.function.name.cmp(&b.function.name))
    }

    /// The rows whose name contains the filter, whatever its case, in order.
    pub(super) fn of(self, mut rows: Vec<Row>, filter: &str) -> Vec<Row> {
        let wanted = filter.to_lowercase();
        rows.retain(|row| row.function.name.to_lowercase().contains(&wanted));
        rows.sort_by(|a, b| self.compare(a, b));
        rows
    }
}

impl Table {
    /// Of the columns that fit into a width beside each other; all of them where it is `None`.
    pub(super) fn of(rows: &[Row], order: Order, width: Option<usize>) -> Table {
        let natural = |column: Column| {
            let cells = rows.iter().map(|row| column.cell(row).width());
            let head = head(column, order).width();
            cells.max().unwrap_or(0).max(head)
        };
        let name = natural(Column::Function);
        let width = width.unwrap_or(usize::MAX);
        let mut columns = vec![(Column::Function, name.min(NAME).min(width))];
        let mut left = width - columns[0].1;
        let first = [order.by].into_iter().chain(IMPORTANCE);
        for column in first {
            if columns.iter().any(|(known, _)| *known == column) {
                continue;
            }
            let wide = natural(column);
            if wide + GAP > left {
                break;
            }
            left -= wide + GAP;
            columns.push((column, wide));
        }
        columns[0].1 = columns[0].1.saturating_add(left).min(name);
        columns.sort_by_key(|(column, _)| *column);
        Table { columns, order }
    }

    /// The line above the rows.
    pub(super) fn head(&self) -> String {
        self.line(|column| head(column, self.order))
    }

    /// The line of a row.
    pub(super) fn row(&self, row: &Row) -> String {
        self.line(|column| column.cell(row))
    }

    fn line(&self, cell: impl Fn(Column) -> String) -> String {
        let cells = self.columns.iter().map(|(column, wide)| {
            let text = fit(&cell(*column), *wide);
            let empty = " ".repeat(wide.saturating_sub(text.width()));
            match column.is_text() {
                true => text + &empty,
                false => empty + &text,
            }
        });
        let line = cells.collect::<Vec<_>>().join(&" ".repeat(GAP));
        line.trim_end().to_owned()
    }
}

/// The title, with an arrow where it is sorted by.
fn head(column: Column, order: Order) -> String {
    let title = column.title();
    match order.by == column {
        true if order.reversed != column.is_text() => format!("▲{title}"),
        true => format!("▼{title}"),
        false => title.to_owned(),
    }
}

/// As much of a text as fits, with `…` at its end where that is not all.
pub(super) fn fit(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut wide = 0;
    for c in text.chars() {
        wide += c.width().unwrap_or(0);
        if wide + 1 > width {
            break;
        }
        cut.push(c);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::super::sample::Lately;
    use super::super::sample::tests::{between, function};
    use super::*;

    fn order(by: Column) -> Order {
        Order {
            by,
            reversed: false,
        }
    }

    fn names(by: Column, reversed: bool, filter: &str) -> Vec<String> {
        let rows = Order { by, reversed }.of(between(), filter);
        rows.into_iter().map(|row| row.function.name).collect()
    }

    #[test]
    fn rates_are_what_has_happened_between_two_answers() {
        let rows = between();
        // 20 calls and 4 MiB seconds wasted of 16 in 2 s.
        let lately = Lately {
            calls_per_second: 10.0,
            waste: Bytes::mib(2),
            waste_share: Some(0.25),
        };
        assert_eq!(rows[0].lately, Some(lately));
        // Nothing was granted; and of what was not there before nothing is known.
        assert_eq!(rows[1].lately.unwrap().waste_share, None);
        assert_eq!(rows[2].lately, None);
    }

    #[test]
    fn rows_are_ordered_and_chosen() {
        assert_eq!(
            names(Column::Waste, false, ""),
            ["alpha", "beta", "new-one"]
        );
        // What is not known is last, whatever the direction.
        assert_eq!(names(Column::Waste, true, ""), ["beta", "alpha", "new-one"]);
        assert_eq!(
            names(Column::Limit, false, ""),
            ["beta", "new-one", "alpha"]
        );
        assert_eq!(
            names(Column::Function, true, ""),
            ["new-one", "beta", "alpha"]
        );
        assert_eq!(names(Column::Function, false, "BET"), ["beta"]);
        assert!(names(Column::Function, false, "x").is_empty());
    }

    #[test]
    fn a_narrow_table_has_fewer_columns_and_no_line_is_too_long() {
        let rows = order(Column::Waste).of(between(), "");
        let table = |width| Table::of(&rows, order(Column::Waste), width);
        assert_eq!(
            table(None).head(),
            "FUNCTION  PHASE     CALLS  CALLS/S  FAILED  RUNNING      P50      P99      MAX      LIMIT  RECOMMENDED   ▼WASTE  WASTE %  SAVING"
        );
        assert_eq!(
            table(None).row(&rows[0]),
            "alpha     learning     30       10       3        1  1.0 MiB  2.0 MiB  3.0 MiB    8.0 MiB      4.0 MiB  2.0 MiB   25.0 %  50.0 %"
        );
        assert_eq!(
            table(Some(40)).head(),
            "FUNCTION  CALLS/S      LIMIT   ▼WASTE"
        );
        assert_eq!(table(Some(18)).head(), "FUNCTION   ▼WASTE");
        assert_eq!(table(Some(5)).row(&rows[2]), "new-…");
        for width in 0..140 {
            let table = table(Some(width));
            for line in rows.iter().map(|row| table.row(row)).chain([table.head()]) {
                assert!(line.width() <= width, "{width}: {line}");
            }
        }
    }

    #[test]
    fn a_name_that_is_no_name_does_no_harm() {
        let mut row = between().remove(0);
        row.function = function("\u{1b}[31m名前\u{7}\nlong-enough-to-be-cut-somewhere", 1);
        let table = Table::of(&[row.clone()], order(Column::Waste), Some(30));
        let line = table.row(&row);
        assert!(
            !line.chars().any(char::is_control) && line.width() <= 30,
            "{line}"
        );
        // A character that is two columns wide is not cut in half.
        assert_eq!(fit("名前が", 4), "名…");
        assert_eq!(fit("名前", 4), "名前");
    }
}
