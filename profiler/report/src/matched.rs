//! Recorded calls beside what the recommendation says of each. The recommendation knows labels only.

use std::collections::BTreeMap;
use trace::{CallAllocation, Profile, Trace};

/// Each trace with the line of the recommendation about it: the one at the same place where that has its label, as it
/// has when both come from the same calls, else the last one with its label.
pub(crate) fn matched<'a>(
    profile: &'a Profile,
    traces: &'a [Trace],
) -> Vec<(&'a Trace, Option<&'a CallAllocation>)> {
    let calls = profile
        .recommendation
        .as_ref()
        .map_or(&[][..], |r| &r.calls);
    let by_label: BTreeMap<&str, &CallAllocation> =
        calls.iter().map(|c| (c.input.as_str(), c)).collect();
    traces
        .iter()
        .enumerate()
        .map(|(i, trace)| {
            let label = trace.input.label.as_str();
            let here = calls.get(i).filter(|c| c.input == label);
            (trace, here.or_else(|| by_label.get(label).copied()))
        })
        .collect()
}
