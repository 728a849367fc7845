//! Which variables a call could have observed at all: one that was not armed has no value, which is another thing than a
//! breakpoint that was never reached. A call under a plan observes little, and must not be taken for one where nothing happened.

use crate::data::FEWEST;
use std::collections::{BTreeSet, HashSet};
use trace::{Breakpoint, PlannedProbe, Trace};

/// A place as probes and observations name it.
pub(crate) type Place<'a> = (&'a str, &'a Breakpoint);

/// The places armed in a call; `None` where that was not recorded. That nothing was armed is known of a served call alone:
/// an empty list is also what calls have that were recorded before there were lists.
pub(crate) fn places(trace: &Trace) -> Option<HashSet<Place<'_>>> {
    let is_recorded = !trace.armed.is_empty() || trace.served.is_some();
    is_recorded.then(|| trace.armed.iter().map(place).collect())
}

fn place(probe: &PlannedProbe) -> Place<'_> {
    (probe.variable.as_str(), &probe.breakpoint)
}

/// Whether a place needs a probe: the others are known of every call.
pub(crate) fn needs_probe(breakpoint: &Breakpoint) -> bool {
    !matches!(breakpoint, Breakpoint::Input | Breakpoint::Open)
}

/// The calls that observed most: all that had armed what some five inputs and more had armed, of which that is most. All
/// calls where it was not recorded, or was the same.
pub(crate) fn fullest(traces: &[Trace]) -> Vec<&Trace> {
    let measured: Vec<&Trace> = traces.iter().filter(|t| t.is_measurement()).collect();
    // Calls of one run are neighbours and have the same list.
    let runs: Vec<&[&Trace]> = measured.chunk_by(|a, b| a.armed == b.armed).collect();
    let mut lists: Vec<(HashSet<Place>, BTreeSet<&str>)> = Vec::new();
    for run in &runs {
        let armed: HashSet<Place> = run[0].armed.iter().map(place).collect();
        let inputs = run.iter().map(|t| t.input.digest.as_str());
        match lists.iter_mut().find(|(list, _)| *list == armed) {
            Some((_, known)) => known.extend(inputs),
            None => lists.push((armed, inputs.collect())),
        }
    }
    let enough = lists.iter().filter(|(_, inputs)| inputs.len() >= FEWEST);
    let Some((most, _)) = enough.max_by_key(|(armed, inputs)| (armed.len(), inputs.len())) else {
        return measured;
    };
    let has_all = |run: &&&[&Trace]| {
        let armed: HashSet<Place> = run[0].armed.iter().map(place).collect();
        most.is_subset(&armed)
    };
    runs.iter()
        .filter(has_all)
        .flat_map(|run| run.iter().copied())
        .collect()
}
