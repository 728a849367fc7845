//! Sentences about the data itself: what was left out, and what makes a number doubtful. No advice.

use crate::features::{LeftOut, Table};
use std::collections::BTreeSet;
use trace::{Breakpoint, Heap, InvocationCounts, Outcome, Trace};

/// Variables named in one sentence; more are counted.
const NAMED: usize = 2;

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
        "call was stopped at its deadline: what it had reached is a lower bound, not learned from",
        "calls were stopped at their deadline: what they had reached is a lower bound, not learned from",
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
    notes.extend(not_everywhere(table));
    notes
}

/// Variables that some inputs have no value of, all in one sentence.
fn not_everywhere(table: &Table) -> Option<String> {
    let name = |l: &LeftOut| match l.breakpoint {
        Breakpoint::Input => format!("`{}`", l.variable),
        _ => format!("`{}` at {}", l.variable, l.breakpoint),
    };
    match table.left_out.as_slice() {
        [] => None,
        [only] => Some(format!(
            "{} was not seen in {} of {} inputs: {}",
            name(only),
            only.missing,
            table.rows.len(),
            if only.breakpoint == Breakpoint::Input {
                "left out"
            } else {
                "taken as 0 there"
            }
        )),
        several => Some(format!(
            "{} were not seen in every input: left out, or taken as 0",
            listed(&several.iter().map(name).collect::<Vec<String>>())
        )),
    }
}

/// `a`, `a and b`, `a, b and 2 more`.
fn listed(names: &[String]) -> String {
    match names {
        [one] => one.clone(),
        [first @ .., last] if names.len() <= NAMED => format!("{} and {last}", first.join(", ")),
        _ => format!(
            "{} and {} more",
            names[..NAMED.min(names.len())].join(", "),
            names.len().saturating_sub(NAMED)
        ),
    }
}

fn heap(traces: &[Trace]) -> Option<String> {
    let measured = || traces.iter().filter(|t| t.is_measurement());
    measured().next()?;
    if measured().all(|t| t.function.is_imported()) {
        return Some(
            "calls recorded elsewhere: what took their memory is not known, nor how busy the processor was, so times at providers              take all of their time as a whole processor's"
                .to_owned(),
        );
    }
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

/// Variables that were read by the timeline alone: nothing is learned from them across calls.
fn sampled(traces: &[Trace]) -> Option<String> {
    let observed = || traces.iter().flat_map(|t| &t.observations);
    let (mut sampled, mut elsewhere) = (BTreeSet::new(), BTreeSet::new());
    for one in observed() {
        let of = if one.breakpoint == Breakpoint::Sample {
            &mut sampled
        } else {
            &mut elsewhere
        };
        of.insert(one.variable.as_str());
    }
    let only: Vec<String> = sampled
        .difference(&elsewhere)
        .map(|name| format!("`{name}`"))
        .collect();
    (!only.is_empty()).then(|| {
        format!(
            "{} read only when the timeline took a sample, which depends on timing: not learned from across calls",
            listed(&only)
        )
    })
}
