//! All calls in a table: what each was given to read, needed, and would be given if it were sized alone.

use super::wide::wide;
use crate::clean::clean;
use crate::matched::matched;
use crate::show::{count, seconds, size, value_of};
use maud::{Markup, html};
use trace::{CallAllocation, Outcome, Predictor, Profile, Trace};

/// Rows shown; the CSV has all of them.
const SHOWN: usize = 1_000;

pub(super) fn calls(profile: &Profile, traces: &[Trace]) -> Markup {
    if traces.is_empty() {
        return Markup::default();
    }
    let recommendation = profile.recommendation.as_ref();
    let sized_by = recommendation.and_then(|r| r.sizing_feature.as_ref());
    let hidden = traces.len().saturating_sub(SHOWN);
    html! {
        section {
            h2 { "All calls" }
            (wide("All calls", &html! {
                table {
                    thead {
                        tr {
                            th scope="col" { "Input" }
                            @if let Some(sized_by) = sized_by { th.number scope="col" { code { (clean(&sized_by.variables())) } } }
                            th.number scope="col" { "Needed" }
                            th.number scope="col" { "Given alone" }
                            th.number scope="col" { "Live peak" }
                            th.number scope="col" { "Wall" }
                            th.number scope="col" { "CPU" }
                            th scope="col" { "Outcome" }
                        }
                    }
                    tbody {
                        @for (trace, allocation) in matched(profile, traces).into_iter().take(SHOWN) {
                            (row(trace, sized_by, allocation))
                        }
                    }
                }
            }))
            @if hidden > 0 { p.note { (count(hidden)) " more are in the CSV below." } }
            @if traces.iter().any(|t| t.contended) {
                p.note { "* other calls ran at the same time, so these times are not to be compared." }
            }
        }
    }
}

fn row(trace: &Trace, sized_by: Option<&Predictor>, allocation: Option<&CallAllocation>) -> Markup {
    let at_least = if trace.outcome == Outcome::Limited {
        "at least "
    } else {
        ""
    };
    let contended = if trace.contended { "*" } else { "" };
    let of = |p: &Predictor| Some(value_of(p, p.value(|f| trace.value_of(f))?));
    let dash = || "-".to_owned();
    html! {
        tr {
            th scope="row" { (clean(&trace.input.label)) }
            @if let Some(sized_by) = sized_by { td.number { (of(sized_by).unwrap_or_else(dash)) } }
            td.number { (at_least) (size(trace.needed())) }
            td.number { (allocation.map_or_else(dash, |a| size(a.allocation_bytes))) }
            td.number { (trace.heap.live_peak().map_or_else(dash, size)) }
            td.number { (seconds(trace.wall.as_seconds())) (contended) }
            td.number { (seconds(trace.cpu.as_seconds())) (contended) }
            td.bad[trace.outcome != Outcome::Succeeded] { (trace.outcome) }
        }
    }
}
