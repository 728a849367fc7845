//! Calls that did not succeed, by why: of a server it is not each that matters, but what there are many of.

use crate::Problem;
use crate::clean::clean;
use crate::html::{prose, wide};
use crate::show::{count, utc_seconds};
use crate::words;
use maud::{Markup, html};
use trace::{Outcome, Trace};

/// Kinds listed.
const KINDS: usize = 12;

/// Calls that ended in the same way for the same reason.
struct Kind<'a> {
    outcome: Outcome,
    reason: String,
    calls: usize,
    last: &'a Trace,
}

/// `calls` are in order of time.
pub(super) fn problems(calls: &[Trace]) -> Markup {
    let mut kinds: Vec<Kind<'_>> = Vec::new();
    for call in calls {
        let Some(problem) = Problem::of(call) else {
            continue;
        };
        let same =
            |kind: &&mut Kind<'_>| kind.outcome == problem.outcome && kind.reason == problem.reason;
        match kinds.iter_mut().find(same) {
            Some(kind) => {
                kind.calls += 1;
                kind.last = call;
            }
            None => kinds.push(Kind {
                outcome: problem.outcome,
                reason: problem.reason,
                calls: 1,
                last: call,
            }),
        }
    }
    kinds.sort_by_key(|kind| std::cmp::Reverse(kind.calls));
    let hidden = kinds.len().saturating_sub(KINDS);
    let all: usize = kinds.iter().map(|kind| kind.calls).sum();
    html! {
        section #problems {
            @if !kinds.is_empty() {
                h2 { (words::problems_title(all)) ", of the last " (count(calls.len())) }
                (wide("Calls that did not succeed", &html! {
                    table {
                        caption.unseen { "Calls that did not succeed, by why" }
                        thead { tr { th.number scope="col" { "Calls" } th scope="col" { "Outcome" } th scope="col" { "Why" } th scope="col" { "The last one" } } }
                        tbody {
                            @for kind in kinds.iter().take(KINDS) {
                                tr {
                                    td.number { (count(kind.calls)) }
                                    td.bad { (kind.outcome) }
                                    td { (prose(&kind.reason)) }
                                    td.when { (last(kind.last)) }
                                }
                            }
                        }
                    }
                }))
                @if hidden > 0 { p.note { (count(hidden)) " more reasons are not listed; " code { "fathom logs" } " and the calls have them." } }
            }
        }
    }
}

fn last(call: &Trace) -> Markup {
    let at = utc_seconds(call.started_unix_ms);
    html! {
        @match &call.served {
            Some(served) => a href={ "/calls/" (clean(&served.id)) } { (at) },
            None => (at),
        }
    }
}
