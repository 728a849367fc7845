//! What two versions of a function differ by, as Markdown for a pull request and as text for a terminal: the same table.

use crate::Style;
use crate::clean::{clean, markdown as escape};
use crate::layout::{Cell, Tone, left, right, table, wrap};
use crate::markdown::rows_as_table;
use crate::show::{counted, megabytes, number, percent, size, usd};
use trace::{Both, Bytes, Difference, Estimate, FunctionId};

/// A row: what, of the old version, of the new one, and the change.
type Row = [String; 4];

/// The difference as Markdown, with a level-2 heading. `broken`: the limits that the new version does not keep, a sentence each.
pub fn difference_markdown(difference: &Difference, broken: &[String]) -> String {
    let title = format!("## Memory of {}", escape(&difference.function.new.name));
    let rows: Vec<Vec<String>> = rows(difference).into_iter().map(Vec::from).collect();
    let mut blocks = vec![title];
    blocks.extend(broken.iter().map(|limit| format!("**{}**", escape(limit))));
    blocks.push(rows_as_table(&["", "old", "new", "change"], &rows));
    blocks.push(escape(&below(difference)));
    blocks.join("\n\n") + "\n"
}

/// The same for a terminal.
pub fn difference_text(difference: &Difference, broken: &[String], style: Style) -> String {
    let header = ["", "old", "new", "change"].map(|name| right(name).tone(Tone::Faint));
    let rows = rows(difference)
        .into_iter()
        .map(|[what, old, new, change]| {
            let change = match change.starts_with('+') {
                true => right(change).tone(Tone::Warn),
                false => right(change),
            };
            vec![left(what), right(old), right(new), change]
        });
    let rows: Vec<Vec<Cell>> = std::iter::once(header.into()).chain(rows).collect();
    let mut lines = table(style, &rows);
    lines.push(String::new());
    lines.extend(wrap(&below(difference), style.width));
    let broken = broken
        .iter()
        .map(|limit| style.paint(Tone::Bad, &clean(limit)));
    lines.extend(broken);
    lines.join("\n") + "\n"
}

fn rows(difference: &Difference) -> Vec<Row> {
    let bytes = |what: &str, of: Both<Bytes>| -> Row {
        let change = change(of.old.as_f64(), of.new.as_f64());
        [what.to_owned(), size(of.old), size(of.new), change]
    };
    let mut rows = vec![
        bytes("largest need", difference.peak_bytes),
        bytes("give each call", difference.allocation_bytes),
    ];
    if let Some(relation) = &difference.relation {
        let of = |what: String, of: Both<Estimate>, unit: &str| -> Row {
            let overlap = of.old.high >= of.new.low && of.new.high >= of.old.low;
            let change = match overlap {
                true => "not told apart".to_owned(),
                false => change(of.old.value, of.new.value),
            };
            [what, estimate(of.old, unit), estimate(of.new, unit), change]
        };
        rows.push(of("constant".to_owned(), relation.constant, "bytes"));
        let what = format!("for each {}", clean(&relation.of));
        rows.push(of(what, relation.coefficient, "per"));
    }
    for bill in &difference.bills {
        let of = bill.usd_per_million;
        let at =
            |usd_per_million: f64, mb: u64| format!("{} ({})", usd(usd_per_million), megabytes(mb));
        rows.push([
            format!("USD/million, {}", clean(&bill.name)),
            at(of.old, bill.size_mb.old),
            at(of.new, bill.size_mb.new),
            change(of.old, of.new),
        ]);
    }
    rows
}

/// `86 B (-0.2..+0.3 %)`: the ends of the interval against the value.
fn estimate(estimate: Estimate, unit: &str) -> String {
    let told = match unit {
        "bytes" if estimate.value >= 0.0 => size(Bytes::from_f64(estimate.value)),
        "bytes" => format!("-{}", size(Bytes::from_f64(-estimate.value))),
        _ => format!("{} B", number((estimate.value * 1e3).round() / 1e3)),
    };
    if estimate.value == 0.0 || estimate.high - estimate.low <= 1e-6 * estimate.value.abs() {
        return told;
    }
    if estimate.value == 0.0 || estimate.high - estimate.low <= 1e-6 * estimate.value.abs() {
        return told;
    }
    let against = |end: f64| {
        let share = (end - estimate.value) / estimate.value.abs();
        number((share * 1e3).round() / 10.0)
    };
    format!(
        "{told} ({}..+{} %)",
        against(estimate.low),
        against(estimate.high)
    )
}

/// `+5.1 %`, `-3 %`, `the same`.
fn change(old: f64, new: f64) -> String {
    if old == new {
        return "the same".to_owned();
    }
    if old <= 0.0 {
        return "new".to_owned();
    }
    let share = new / old - 1.0;
    let sign = if share > 0.0 { "+" } else { "-" };
    format!("{sign}{}", percent(share.abs()))
}

fn formula(formula: &str) -> String {
    match formula {
        "" => "explained by nothing".to_owned(),
        formula => clean(formula),
    }
}

fn below(difference: &Difference) -> String {
    let version = |id: &FunctionId| {
        let hex = id.digest.trim_start_matches("sha256:");
        let short: String = hex.chars().take(12).collect();
        format!("{}@{}", clean(&id.name), clean(&short))
    };
    let paired = match difference.paired {
        None => "no input in common".to_owned(),
        Some(paired) => format!(
            "on {} that both have the new one needs {} times what the old one does in the middle case ({} to {})",
            counted(paired.inputs, "input"),
            number((paired.median_ratio * 1e4).round() / 1e4),
            number((paired.least * 1e4).round() / 1e4),
            number((paired.most * 1e4).round() / 1e4),
        ),
    };
    let formulas = match &difference.relation {
        None if difference.formula.old != difference.formula.new => format!(
            " No coefficients are compared: memory was {}, and is {}.",
            formula(&difference.formula.old),
            formula(&difference.formula.new)
        ),
        _ => String::new(),
    };
    format!(
        "{} ({}) against {} ({}); {paired}.{formulas} Memory is measured, bills are estimated; in brackets what numbers lie in with 95 % \
         confidence.",
        version(&difference.function.new),
        counted(difference.inputs.new, "input"),
        version(&difference.function.old),
        counted(difference.inputs.old, "input"),
    )
}
