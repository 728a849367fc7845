//! The charts of one function: which of them there is something for. What is said beside them is not here.

use super::{Chart, Theme, allocation, bill, calls, recent, relation, timeline};
use trace::{Profile, Trace};

/// The names of all charts of a function, in the order in which they are shown.
pub const NAMES: [&str; 6] = [
    "timeline",
    "calls",
    "recent",
    "relation",
    "allocation",
    "bill",
];

/// All charts of a function that there is something for. `call` is the label of the input whose call is drawn in
/// detail, else it is the most telling one. Of calls that were recorded elsewhere nothing is known over time; of those
/// that nobody served, nothing recent.
pub fn of_function<'d>(
    profile: &'d Profile,
    traces: &'d [Trace],
    call: Option<&str>,
    theme: &'d Theme,
) -> Vec<Chart<'d>> {
    let mut charts = Vec::new();
    if !profile.function.is_imported() {
        let call = telling(traces, call);
        charts.extend(call.map(|call| timeline(call, profile, theme)));
        charts.push(calls(profile, traces, theme));
    }
    if traces.iter().any(|trace| trace.served.is_some()) {
        charts.push(recent(Some(profile), traces, theme));
    }
    charts.push(relation(profile, traces, theme));
    charts.push(allocation(profile, traces, theme));
    charts.push(bill(profile, theme));
    charts
}

/// The call asked for, else the one whose picture tells most: one that succeeded, with several hits, and of those the one
/// that needed most.
pub(crate) fn telling<'a>(traces: &'a [Trace], asked: Option<&str>) -> Option<&'a Trace> {
    traces.iter().max_by_key(|t| {
        let hits = t.observations.iter().map(|o| o.hits.len()).max();
        let asked = asked == Some(t.input.label.as_str());
        (
            asked,
            t.is_measurement(),
            hits.unwrap_or(0) >= 3,
            t.needed(),
        )
    })
}
