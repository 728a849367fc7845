//! A single call, at once after it ran: the account on standard error and the record for scripts.

use crate::clean::clean;
use crate::layout::{left, right, table};
use crate::show::{count, number, round_size, size, value};
use crate::{Problem, Style};
use serde_json::json;
use trace::{Bytes, Heap, Observed, Outcome, Trace};

/// The account of one call, as `/usr/bin/time -v` gives it: one fact a line, indented by a tab, its unit named.
pub fn account(trace: &Trace) -> String {
    let mut lines = facts(trace);
    if trace.observations.is_empty() {
        lines.push("Variables: none observed".to_owned());
    } else {
        lines.push("Variables:".to_owned());
        let rows = observed_rows(&trace.observations);
        let style = Style {
            color: false,
            width: 200,
        };
        lines.extend(table(style, &rows).into_iter().map(|l| format!("    {l}")));
    }
    lines.iter().map(|line| format!("\t{line}\n")).collect()
}

fn facts(trace: &Trace) -> Vec<String> {
    let mut lines = vec![
        format!(
            "Function: {} ({})",
            clean(&trace.function.name),
            clean(&trace.function.digest)
        ),
        format!("Input: {}", clean(&trace.input.label)),
        format!("Outcome: {}", outcome(trace)),
        format!(
            "Committed memory, peak: {}, {} at the start",
            exact(trace.committed_peak),
            size(trace.committed_start)
        ),
        heap(&trace.heap),
        format!(
            "Growths: {} granted, {} refused (limit {})",
            count(trace.growths.len()),
            number(trace.refused_count as f64),
            round_size(trace.limits.memory)
        ),
    ];
    let contended = if trace.contended {
        ", beside other calls"
    } else {
        ""
    };
    lines.extend([
        format!("Wall clock time: {}{contended}", trace.wall),
        format!("CPU time: {}", trace.cpu),
        format!("Bytes read from input: {}", number(trace.bytes_in as f64)),
        format!(
            "Bytes written to output: {}",
            number(trace.bytes_out as f64)
        ),
        format!("Memory samples: {}", count(trace.samples.len())),
    ]);
    lines
}

fn outcome(trace: &Trace) -> String {
    match Problem::of(trace) {
        Some(problem) => format!("{}: {}", problem.outcome, clean(&problem.reason)),
        None => format!(
            "{} (exit code {})",
            trace.outcome,
            trace.exit_code.unwrap_or(0)
        ),
    }
}

fn heap(heap: &Heap) -> String {
    match heap {
        Heap::Live {
            peak,
            at_end,
            allocations,
        } => format!(
            "Live heap, peak: {}, {} at the end, {} allocations",
            exact(*peak),
            size(*at_end),
            number(*allocations as f64)
        ),
        Heap::AllocatedOnly { total, allocations } => format!(
            "Live heap: unknown, frees cannot be seen; {} handed out by {} allocations",
            exact(*total),
            number(*allocations as f64)
        ),
        Heap::Unknown => "Live heap: unknown, no allocator was found in the guest".to_owned(),
    }
}

fn exact(bytes: Bytes) -> String {
    format!("{} ({} bytes)", size(bytes), number(bytes.as_f64()))
}

/// Variables as a table, header first.
pub(crate) fn observed_rows(observations: &[Observed]) -> Vec<Vec<crate::layout::Cell>> {
    let header = ["variable", "breakpoint"].map(left).into_iter();
    let numbers = ["count", "first", "last", "min", "max"].map(right);
    let mut rows = vec![header.chain(numbers).collect::<Vec<_>>()];
    rows.extend(observations.iter().map(|o| {
        let shown = |x: f64| right(value(&o.variable, x));
        vec![
            left(clean(&o.variable)),
            left(clean(&o.breakpoint.to_string())),
            right(number(o.count as f64)),
            shown(o.first),
            shown(o.last),
            shown(o.min),
            shown(o.max),
        ]
    }));
    rows
}

/// The record of one call for scripts: bytes, seconds and the summaries of all variables.
///
/// `live_peak_bytes` is null where live bytes are not known, `exit_code` where the guest did not exit. A value that is
/// not finite is null, as JSON has no such number.
pub fn run_record(trace: &Trace) -> serde_json::Value {
    let observations: Vec<_> = trace
        .observations
        .iter()
        .map(|o| {
            json!({
                "variable": o.variable, "breakpoint": o.breakpoint, "count": o.count,
                "first": o.first, "last": o.last, "min": o.min, "max": o.max, "sum": o.sum,
            })
        })
        .collect();
    json!({
        "outcome": trace.outcome,
        "exit_code": trace.exit_code,
        "failure": trace.failure,
        "committed_start_bytes": trace.committed_start,
        "committed_peak_bytes": trace.committed_peak,
        "needed_bytes": trace.needed(),
        "needed_is_lower_bound": trace.outcome == Outcome::Limited,
        "live_peak_bytes": trace.heap.live_peak(),
        "growths": trace.growths.len(),
        "growths_refused": trace.refused_count,
        "wall_seconds": trace.wall.as_seconds(),
        "cpu_seconds": trace.cpu.as_seconds(),
        "bytes_in": trace.bytes_in,
        "bytes_out": trace.bytes_out,
        "observations": observations,
        "heap_profile": trace.heap_profile,
    })
}
