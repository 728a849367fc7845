//! A single call, at once after it ran: the account on standard error and the record for scripts.

use crate::clean::clean;
use crate::layout::{left, right, table};
use crate::show::{count, counted, number, round_size, seconds, size, value};
use crate::{Problem, Style};
use serde_json::json;
use trace::{Bytes, CpuProfile, Heap, Machine, Nanos, Observed, Outcome, Touched, Trace};

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
    ];
    lines.extend(trace.touched.as_ref().map(touched));
    lines.push(format!(
        "Growths: {} granted, {} refused (limit {})",
        count(trace.growths.len()),
        number(trace.refused_count as f64),
        round_size(trace.limits.memory)
    ));
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
    lines.extend(probes(trace));
    lines.extend(trace.cpu_profile.as_ref().map(cpu_samples));
    if !trace.machine.kernel.is_empty() {
        let Machine {
            processor,
            kernel,
            engine,
        } = &trace.machine;
        lines.push(format!(
            "Machine: {}; {}; {}",
            clean(processor),
            clean(kernel),
            clean(engine)
        ));
    }
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

/// What was armed and what that cost; nothing where nothing was.
fn probes(trace: &Trace) -> Option<String> {
    let armed = count(trace.armed.len());
    let cost = trace.probe_cost;
    if trace.armed.is_empty() {
        return None;
    }
    Some(match (trace.outcome, cost.hits) {
        (Outcome::TimedOut, _) => format!("Probes: {armed} armed, hits not known"),
        (_, 0) => format!("Probes: {armed} armed, none hit that is code"),
        (_, hits) => format!(
            "Probes: {armed} armed, {} hits, {} calls of the host, about {} of CPU",
            number(hits as f64),
            number(cost.host_calls as f64),
            seconds(cost.cpu_seconds)
        ),
    })
}

/// The third of the three numbers: not what was reserved and not what is in use, but what was ever written to.
fn touched(touched: &Touched) -> String {
    match touched {
        Touched::Measured { at_end, .. } => format!(
            "Touched pages, at the end: {} really written to",
            exact(*at_end)
        ),
        Touched::Unavailable { reason } => {
            format!("Touched pages: not available here: {}", clean(reason))
        }
    }
}

/// How much of the time is accounted for, and what asking for it has cost.
fn cpu_samples(profile: &CpuProfile) -> String {
    let sampled: u64 = profile.samples.iter().map(|sample| sample.cpu.0).sum();
    format!(
        "CPU samples: {} of {}, at {}; taking them makes a guest 1.2 to 1.7 times as slow",
        count(profile.samples.len()),
        seconds(Nanos(sampled).as_seconds()),
        counted(profile.table.stacks.len(), "stack")
    )
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
        "touched": trace.touched,
        "growths": trace.growths.len(),
        "growths_refused": trace.refused_count,
        "wall_seconds": trace.wall.as_seconds(),
        "cpu_seconds": trace.cpu.as_seconds(),
        "bytes_in": trace.bytes_in,
        "bytes_out": trace.bytes_out,
        "machine": trace.machine,
        "probes_armed": trace.armed.len(),
        "probe_cost": trace.probe_cost,
        "observations": observations,
        "heap_profile": trace.heap_profile,
    })
}
