//! Recorded calls as data and as tables: CSV and JSON for other programs, a list and a full view for people.

use crate::Style;
use crate::account::account;
use crate::clean::{clean, csv_text};
use crate::layout::{Cell, Tone, left, right, shorten, table};
use crate::show::{seconds, size, utc};
use crate::stacks::{Merged, Who, who_text};
use serde_json::json;
use std::collections::BTreeSet;
use trace::{Breakpoint, Heap, Observed, Outcome, Trace};

/// Columns that every call has.
const FIXED: [&str; 23] = [
    "function",
    "digest",
    "input",
    "input_digest",
    "started_unix_ms",
    "outcome",
    "exit_code",
    "failure",
    "memory_limit_bytes",
    "timeout_seconds",
    "committed_start_bytes",
    "committed_peak_bytes",
    "needed_bytes",
    "live_peak_bytes",
    "allocated_bytes",
    "allocations",
    "growths",
    "growths_refused",
    "wall_seconds",
    "cpu_seconds",
    "bytes_in",
    "bytes_out",
    "contended",
];

/// One variable at one breakpoint: the key of its columns.
type Key = (Breakpoint, String);

/// One row per call (RFC 4180, UTF-8): what was recorded, then every variable.
///
/// An input feature is one column named after it; a variable at a breakpoint has six, `lines@set:LINES.max` and so on
/// for count, first, last, min, max and sum. Text that a spreadsheet would take for a formula begins with `'`.
pub fn traces_csv(traces: &[Trace]) -> Vec<u8> {
    let observed = traces.iter().flat_map(|t| &t.observations);
    let keys: BTreeSet<Key> = observed.map(key).collect();
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(Vec::new());
    let fixed = FIXED.iter().map(|name| (*name).to_owned());
    let header: Vec<String> = fixed.chain(keys.iter().flat_map(column_names)).collect();
    let rows = traces.iter().map(|t| row(t, &keys));
    for record in std::iter::once(header).chain(rows) {
        // Writing to memory cannot fail, and all rows have as many fields as the header.
        let written = writer.write_record(&record);
        debug_assert!(written.is_ok());
    }
    writer.into_inner().unwrap_or_default()
}

fn key(observed: &Observed) -> Key {
    (observed.breakpoint.clone(), observed.variable.clone())
}

fn column_names((breakpoint, variable): &Key) -> Vec<String> {
    match breakpoint {
        Breakpoint::Input => vec![csv_text(variable)],
        _ => ["count", "first", "last", "min", "max", "sum"]
            .iter()
            .map(|part| csv_text(&format!("{variable}@{breakpoint}.{part}")))
            .collect(),
    }
}

fn row(trace: &Trace, keys: &BTreeSet<Key>) -> Vec<String> {
    let mut fields = fixed_fields(trace);
    for wanted in keys {
        let found = trace.observations.iter().find(|o| key(o) == *wanted);
        fields.extend(column_values(&wanted.0, found));
    }
    fields
}

fn fixed_fields(trace: &Trace) -> Vec<String> {
    let (allocated, allocations) = match trace.heap {
        Heap::Live { allocations, .. } => (None, Some(allocations)),
        Heap::AllocatedOnly { total, allocations } => (Some(total.0), Some(allocations)),
        Heap::Unknown => (None, None),
    };
    let optional = |n: Option<u64>| n.map_or(String::new(), |n| n.to_string());
    vec![
        csv_text(&trace.function.name),
        csv_text(&trace.function.digest),
        csv_text(&trace.input.label),
        csv_text(&trace.input.digest),
        trace.started_unix_ms.to_string(),
        outcome_key(trace.outcome).to_owned(),
        trace.exit_code.map_or(String::new(), |c| c.to_string()),
        csv_text(trace.failure.as_deref().unwrap_or_default()),
        trace.limits.memory.0.to_string(),
        trace.limits.timeout.as_seconds().to_string(),
        trace.committed_start.0.to_string(),
        trace.committed_peak.0.to_string(),
        trace.needed().0.to_string(),
        optional(trace.heap.live_peak().map(|b| b.0)),
        optional(allocated),
        optional(allocations),
        trace.growths.len().to_string(),
        trace.refused_count.to_string(),
        trace.wall.as_seconds().to_string(),
        trace.cpu.as_seconds().to_string(),
        trace.bytes_in.to_string(),
        trace.bytes_out.to_string(),
        trace.contended.to_string(),
    ]
}

/// The outcome as JSON has it too.
fn outcome_key(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Succeeded => "succeeded",
        Outcome::Failed => "failed",
        Outcome::Limited => "limited",
        Outcome::TimedOut => "timed_out",
    }
}

fn column_values(breakpoint: &Breakpoint, found: Option<&Observed>) -> Vec<String> {
    let columns = if *breakpoint == Breakpoint::Input {
        1
    } else {
        6
    };
    let Some(o) = found else {
        return vec![String::new(); columns];
    };
    if columns == 1 {
        return vec![o.last.to_string()];
    }
    let values = [o.first, o.last, o.min, o.max, o.sum].map(|v| v.to_string());
    std::iter::once(o.count.to_string()).chain(values).collect()
}

/// All that was recorded, samples and hits included: `{"schema": "fathom.traces/1", "traces": [...]}`.
pub fn traces_json(traces: &[Trace]) -> String {
    pretty(&json!({ "schema": "fathom.traces/1", "traces": traces }))
}

pub(crate) fn pretty(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// Calls as a list, one line each, with the number under which each is stored.
pub fn trace_list<'a>(calls: impl IntoIterator<Item = (i64, &'a Trace)>, style: Style) -> String {
    let header = vec![
        right("id"),
        left("function"),
        left("input"),
        right("needed"),
        right("live peak"),
        right("wall"),
        left("started"),
        left("outcome"),
    ];
    let mut rows: Vec<Vec<Cell>> = vec![header.into_iter().map(|c| c.tone(Tone::Faint)).collect()];
    rows.extend(calls.into_iter().map(|(id, trace)| list_row(id, trace)));
    if rows.len() == 1 {
        return "no calls recorded\n".to_owned();
    }
    table(style, &rows).join("\n") + "\n"
}

fn list_row(id: i64, trace: &Trace) -> Vec<Cell> {
    let at_least = if trace.outcome == Outcome::Limited {
        ">= "
    } else {
        ""
    };
    let tone = match trace.outcome {
        Outcome::Succeeded => Tone::Plain,
        Outcome::Failed | Outcome::Limited | Outcome::TimedOut => Tone::Bad,
    };
    vec![
        right(id.to_string()),
        left(shorten(&clean(&trace.function.name), 20)),
        left(shorten(&clean(&trace.input.label), 24)),
        right(format!("{at_least}{}", size(trace.needed()))),
        right(trace.heap.live_peak().map_or("-".to_owned(), size)),
        right(seconds(trace.wall.as_seconds())),
        left(utc(trace.started_unix_ms)),
        left(trace.outcome.to_string()).tone(tone),
    ]
}

/// One call in full: its account, who held its memory where that was recorded, then every growth.
pub fn trace_text(trace: &Trace) -> String {
    let mut text = format!("\tStarted: {}\n", utc(trace.started_unix_ms));
    text += &account(trace);
    let who = Merged::of([trace]).and_then(|merged| Who::of(&merged));
    if let Some(who) = who {
        let style = Style {
            color: false,
            width: 200,
        };
        let lines = who_text(&who, style);
        text.extend(lines.lines().map(|line| format!("\t{line}\n")));
    }
    let granted = trace.growths.iter().map(|g| (g.at, g.to, ""));
    let refused = trace.refusals.iter().map(|r| (r.at, r.asked, "refused"));
    let mut growths: Vec<_> = granted.chain(refused).collect();
    growths.sort_by_key(|(at, ..)| *at);
    if !growths.is_empty() {
        text += "\tGrowth of memory:\n";
    }
    for (at, to, refused) in growths {
        let line = format!(
            "\t    {:>10}   {:>10}   {refused}",
            at.to_string(),
            size(to)
        );
        text += line.trim_end();
        text.push('\n');
    }
    text
}
