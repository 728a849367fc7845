//! Sentences about the data itself: what was left out, and what makes a number doubtful. No advice.

use crate::features::Table;
use trace::{Breakpoint, Heap, InvocationCounts, Outcome, Trace};

/// Sentences on features left out that are shown one by one; beyond that they are counted.
const FEATURES_NAMED: usize = 3;

/// How the calls ended.
pub(crate) fn counts(traces: &[Trace], distinct_inputs: usize) -> InvocationCounts {
    let ended = |outcome: Outcome| traces.iter().filter(|t| t.outcome == outcome).count();
    InvocationCounts {
        total: traces.len(),
        succeeded: ended(Outcome::Succeeded),
        failed: ended(Outcome::Failed),
        limited: ended(Outcome::Limited),
        timed_out: ended(Outcome::TimedOut),
        distinct_inputs,
    }
}

/// What a reader of the profile must know about the calls it rests on.
pub(crate) fn notes(traces: &[Trace], table: &Table, counts: &InvocationCounts) -> Vec<String> {
    let mut notes = Vec::new();
    let mut note = |count: usize, one: &str, many: &str| {
        if count > 0 {
            let text = if count == 1 { one } else { many };
            notes.push(format!("{count} {text}"));
        }
    };
    note(
        counts.failed,
        "call failed: recorded, not learned from",
        "calls failed: recorded, not learned from",
    );
    note(
        counts.limited,
        "call was refused memory and failed: it counts as needing at least that, never as a measurement",
        "calls were refused memory and failed: they count as needing at least that, never as measurements",
    );
    note(
        counts.timed_out,
        "call was stopped at its deadline: recorded, not learned from",
        "calls were stopped at their deadline: recorded, not learned from",
    );
    let lived_with = traces
        .iter()
        .filter(|t| t.is_measurement() && t.refused_count > 0)
        .count();
    note(
        lived_with,
        "call was refused a growth and succeeded all the same: with more memory it might have taken more",
        "calls were refused a growth and succeeded all the same: with more memory they might have taken more",
    );
    let contended = traces.iter().filter(|t| t.contended).count();
    note(
        contended,
        "call ran beside others: its times are used only where there are no better ones",
        "calls ran beside others: their times are used only where there are no better ones",
    );
    notes.extend(heap(traces));
    notes.extend(sampled(traces));
    let (named, rest) = table
        .left_out
        .split_at(table.left_out.len().min(FEATURES_NAMED));
    notes.extend(named.iter().cloned());
    if !rest.is_empty() {
        notes.push(format!(
            "{} more variables were not seen in every input",
            rest.len()
        ));
    }
    notes
}

fn heap(traces: &[Trace]) -> Option<String> {
    let measured = || traces.iter().filter(|t| t.is_measurement());
    measured().next()?;
    if measured().all(|t| t.heap == Heap::Unknown) {
        return Some(
            "allocator not found: live bytes are unknown, so memory is explained by committed pages only, which grow in steps \
             and are not given back"
                .to_owned(),
        );
    }
    let only = measured().any(|t| matches!(t.heap, Heap::AllocatedOnly { .. }));
    only.then(|| {
        "frees cannot be seen in this guest: allocated bytes are counted, live bytes are unknown"
            .to_owned()
    })
}

fn sampled(traces: &[Trace]) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for observed in traces.iter().flat_map(|t| &t.observations) {
        if observed.breakpoint == Breakpoint::Sample && !names.contains(&observed.variable.as_str())
        {
            names.push(&observed.variable);
        }
    }
    names.sort_unstable();
    (!names.is_empty()).then(|| {
        format!(
            "{} read when the timeline took a sample, which depends on timing: shown, not learned from across calls",
            names.join(", ")
        )
    })
}
