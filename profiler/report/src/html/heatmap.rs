//! When memory was allocated and CPU time used, as heatmaps: pictures and tables without scripts; with `heatmap.js` a
//! range of them can be chosen, and the flame graph of the same view is then of that range.
//!
//! Colours are classes of the style sheet, so that light and dark pages have their own; the page needs no style
//! attributes.

use super::wide::wide;
use crate::show::{counted, percent, whole_number};
use crate::stacks::{Clock, Heatmap, Merged, View};
use maud::{Markup, PreEscaped, html};
use std::fmt::Write;
use trace::{HeapProfile, HeapSampling};

/// Steps of colour for cells in which there is something.
const LEVELS: usize = 7;

/// Numbers under the columns, about.
const NUMBERED: u64 = 5;

/// The heatmap of a view, where calls tell when: of everything allocated, and of CPU time.
pub(crate) fn heatmap(merged: &Merged, view: View) -> Option<Markup> {
    let heatmap = Heatmap::of(merged, view)?;
    let scale = heatmap.scale;
    let (columns, rows) = (scale.columns(), scale.rows);
    let (data, others) = heatmap.data();
    let title = match view {
        View::Cpu => "When CPU time was used",
        _ => "When memory was allocated",
    };
    Some(html! {
        figure.heatmap data-view=(view.name()) {
            h3 { (title) }
            div.tools hidden {
                button type="button" disabled { "Reset range" }
                output {}
            }
            div.plot {
                div.rows aria-hidden="true" {
                    span { (Clock::length(scale.column)) }
                    span { "0" }
                }
                svg.cells viewBox={ "0 0 " (columns) " " (rows) } preserveAspectRatio="none"
                    shape-rendering="crispEdges" role="img" aria-label=(described(&heatmap, title)) {
                    (PreEscaped(cells(&heatmap)))
                }
                svg.columns height="20" width="100%" aria-hidden="true" {
                    @for (share, anchor, number) in numbers(&heatmap) {
                        text x={ (share) "%" } y="14" text-anchor=(anchor) { (number) }
                    }
                }
            }
            (legend(&heatmap))
            figcaption {
                (caption(&heatmap, merged, others))
                span.hint hidden {
                    " Drag over cells, or tap the first and the last, to see the flame graph below of that time alone. "
                    "By keyboard: arrows move, with Shift they choose, Enter opens, Escape resets."
                }
            }
            (table(&heatmap))
            script type="application/json" { (PreEscaped(in_script(&data))) }
        }
    })
}

/// JSON that no name in it can end: `<` is written otherwise.
fn in_script(json: &str) -> String {
    json.replace('<', "\\u003c")
}

/// The level of a cell: none where there is nothing. CPU time is at most the length of a cell, bytes have no such bound
/// and differ widely, so their levels are squares.
fn level(heatmap: &Heatmap, amount: f64) -> Option<usize> {
    let largest = largest(heatmap);
    (amount > 0.0).then(|| {
        let share = match heatmap.view {
            View::Cpu => amount / largest,
            _ => (amount / largest).sqrt(),
        };
        ((share * LEVELS as f64).ceil() as usize).clamp(1, LEVELS)
    })
}

/// The largest amount of a level.
fn up_to(heatmap: &Heatmap, level: usize) -> f64 {
    let share = level as f64 / LEVELS as f64;
    let share = match heatmap.view {
        View::Cpu => share,
        _ => share * share,
    };
    share * largest(heatmap)
}

fn largest(heatmap: &Heatmap) -> f64 {
    heatmap.cells.iter().copied().fold(0.0, f64::max)
}

/// A ground for the cells that there are, and a square for each in which there is something. Columns begin below.
fn cells(heatmap: &Heatmap) -> String {
    let rows = heatmap.scale.rows;
    let count = heatmap.cells.len() as u64;
    let (full, rest) = (count / rows, count % rows);
    // Writing to a string cannot fail.
    let mut svg = format!("<path class=\"l0\" d=\"M0 0h{full}v{rows}h-{full}z");
    if rest > 0 {
        let _ = write!(svg, "M{full} {}h1v{rest}h-1z", rows - rest);
    }
    svg.push_str("\"/>");
    for i in (0..heatmap.cells.len()).filter(|i| is_unknown(heatmap, *i)) {
        let (x, y) = (i as u64 / rows, rows - 1 - i as u64 % rows);
        let _ = write!(
            svg,
            "<rect class=\"unknown\" x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\"/>"
        );
    }
    for (i, amount) in heatmap.cells.iter().enumerate() {
        if let Some(level) = level(heatmap, *amount) {
            let (x, y) = (i as u64 / rows, rows - 1 - i as u64 % rows);
            let said = said(heatmap, i);
            let _ = write!(
                svg,
                "<rect class=\"l{level}\" x=\"{x}\" y=\"{y}\" width=\"1\" height=\"1\"><title>{}</title></rect>",
                html! { (said) }.into_string()
            );
        }
    }
    svg
}

/// Nothing was recorded in the cell, which does not mean that there was nothing.
fn is_unknown(heatmap: &Heatmap, cell: usize) -> bool {
    heatmap.unknown[cell] && heatmap.cells[cell] == 0.0
}

/// `12.5 to 13.0 ms: 1,234 bytes, in 300.txt`.
fn said(heatmap: &Heatmap, cell: usize) -> String {
    let (from, to) = ends(heatmap, cell..cell + 1);
    let time = heatmap.scale.clock().range(from, to);
    let amount = exact(heatmap, heatmap.cells[cell]);
    match heatmap.calls_in(from, to) {
        Some((label, 1)) if heatmap.calls > 1 => format!("{time}: {amount}, in {label}"),
        Some((_, several)) if several > 1 => format!("{time}: {amount}, in {several} calls"),
        _ => format!("{time}: {amount}"),
    }
}

/// Where cells begin and end, nanoseconds.
fn ends(heatmap: &Heatmap, cells: std::ops::Range<usize>) -> (u64, u64) {
    let cell = heatmap.scale.cell();
    (cells.start as u64 * cell, cells.end as u64 * cell)
}

/// An amount to the last byte or microsecond.
fn exact(heatmap: &Heatmap, amount: f64) -> String {
    let (unit, per) = heatmap.unit();
    format!("{} {unit}", whole_number(amount / per as f64))
}

/// An amount as a person says it.
fn about(heatmap: &Heatmap, amount: f64) -> String {
    match heatmap.view {
        View::Cpu => crate::show::seconds(amount / 1e9),
        _ => crate::show::size(trace::Bytes::from_f64(amount)),
    }
}

fn legend(heatmap: &Heatmap) -> Markup {
    html! {
        p.legend {
            span { span.swatch.l0 {} " none" }
            @for level in 1..=LEVELS {
                span { span class={ "swatch l" (level) } {} " " (about(heatmap, up_to(heatmap, level))) }
            }
            span { "a cell, at most" }
            @if (0..heatmap.cells.len()).any(|cell| is_unknown(heatmap, cell)) {
                span { span.swatch.unknown {} " not recorded" }
            }
        }
    }
}

/// Where a number is under the columns, in percent, which of its ends is there, and the number.
fn numbers(heatmap: &Heatmap) -> Vec<(f64, &'static str, String)> {
    let scale = heatmap.scale;
    let columns = scale.columns();
    let every = [1, 2, 5, 10, 20]
        .into_iter()
        .find(|n| columns / n <= NUMBERED);
    let every = every.unwrap_or(columns.max(1)) as usize;
    let clock = scale.clock();
    let at = |column: u64| {
        let time = (column * scale.column) as f64 / clock.nanos as f64;
        let share = 100.0 * column as f64 / columns as f64;
        match column {
            0 => (share, "start", format!("0 {}", clock.unit)),
            _ if share > 97.0 => (share, "end", format!("{time}")),
            _ => (share, "middle", format!("{time}")),
        }
    };
    (0..=columns).step_by(every).map(at).collect()
}

/// The columns, each with what it is of the whole.
struct Column {
    from: u64,
    to: u64,
    amount: f64,
}

fn columns(heatmap: &Heatmap) -> Vec<Column> {
    let rows = heatmap.scale.rows as usize;
    let columns = heatmap.cells.chunks(rows).enumerate();
    let column = |(i, cells): (usize, &[f64])| {
        let (from, to) = ends(heatmap, i * rows..i * rows + cells.len());
        Column {
            from,
            to,
            amount: cells.iter().sum(),
        }
    };
    columns.map(column).collect()
}

fn total(heatmap: &Heatmap) -> f64 {
    heatmap.cells.iter().sum()
}

/// What the picture shows, for those who do not see it.
fn described(heatmap: &Heatmap, title: &str) -> String {
    let clock = heatmap.scale.clock();
    let columns = columns(heatmap);
    let busiest = columns.iter().max_by(|a, b| a.amount.total_cmp(&b.amount));
    let busiest = busiest.map_or(String::new(), |column| {
        format!(
            "; most, {}, from {}",
            percent(column.amount / total(heatmap)),
            clock.range(column.from, column.to)
        )
    });
    format!(
        "{title}: heatmap of {} in {}{busiest}. A table follows.",
        about(heatmap, total(heatmap)),
        Clock::length(heatmap.scale.span)
    )
}

fn caption(heatmap: &Heatmap, merged: &Merged, others: f64) -> String {
    let scale = heatmap.scale;
    let mut said = format!(
        "Each column is {}, its beginning below; each cell {}.",
        Clock::length(scale.column),
        Clock::length(scale.cell())
    );
    if heatmap.calls > 1 {
        said += &format!(
            " {} one after another on one clock; the time between them is left out.",
            counted(heatmap.calls, "call")
        );
    }
    if heatmap.view == View::Cpu {
        said += " The time since the sample before counts where the sample was taken.";
    } else if let Some(HeapSampling::Poisson { mean }) = merged.sampling() {
        said += &format!(" Amounts are estimates: blocks were sampled every {mean} on average.");
    }
    if let Some(whole) = &heatmap.whole {
        let missing = 1.0 - whole.timed / whole.all;
        if missing > 0.000_5 {
            said += &format!(
                " {} of the bytes allocated are not in it: of a call, the time is kept of the first {} allocations and releases.",
                percent(missing),
                crate::show::count(HeapProfile::MAX_EVENTS)
            );
        }
    }
    if others > 0.0 {
        said += &format!(
            " In flame graphs of a range, the smallest stacks, {} of all, are one.",
            percent(others)
        );
    }
    said
}

fn table(heatmap: &Heatmap) -> Markup {
    let clock = heatmap.scale.clock();
    let share = |column: &Column| percent(column.amount / total(heatmap));
    html! {
        details {
            summary { "As a table" }
            (wide("When", &html! {
                table {
                    thead {
                        tr {
                            th scope="col" { "Time, " (clock.unit) }
                            th.number scope="col" { (heatmap.unit().0) }
                            th.number scope="col" { "Share" }
                        }
                    }
                    tbody {
                        @for column in columns(heatmap) {
                            tr {
                                th scope="row" data-from=(column.from / 1_000) data-to=(column.to / 1_000) {
                                    (clock.number(column.from)) " to " (clock.number(column.to))
                                }
                                td.number { (whole_number(column.amount / heatmap.unit().1 as f64)) }
                                td.number { (share(&column)) }
                            }
                        }
                    }
                }
            }))
        }
    }
}
