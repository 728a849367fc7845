//! The last calls of a function in a table, each with a link to its own page.

use super::exact::exact;
use crate::clean::clean;
use crate::html::wide;
use crate::show::{seconds, utc_seconds, value_of};
use crate::words;
use maud::{Markup, html};
use trace::{Outcome, Profile, SizedBy, Trace};

/// Calls listed.
const LISTED: usize = 25;

/// `calls` are in order of time.
pub(super) fn recent_calls(profile: &Profile, calls: &[Trace]) -> Markup {
    let by = profile.model.first_predictor();
    html! {
        section #calls {
            h2 { "Last calls" }
            @if calls.is_empty() {
                p { "None is recorded yet." }
            } @else {
                (wide("Last calls", &html! {
                    table {
                        caption.unseen { "The last calls, newest first" }
                        thead {
                            tr {
                                th scope="col" { "Began" }
                                @if let Some(by) = by { th.number scope="col" { code { (clean(&by.variables())) } } }
                                th.number scope="col" { "Needed" }
                                th.number scope="col" { "Granted" }
                                th scope="col" { "By" }
                                th.number scope="col" { "Wall" }
                                th scope="col" { "Outcome" }
                            }
                        }
                        tbody {
                            @for call in calls.iter().rev().take(LISTED) {
                                tr {
                                    th.when scope="row" { (began(call)) }
                                    @if let Some(by) = by {
                                        td.number { (by.value(|f| call.value_of(f)).map_or("-".to_owned(), |x| value_of(by, x))) }
                                    }
                                    td.number { @if call.outcome == Outcome::Limited { "at least " } (exact(call.needed())) }
                                    td.number { (call.served.as_ref().map_or(html! { "-" }, |s| exact(s.granted))) }
                                    td { (call.served.as_ref().map_or("measured", |s| sized_by(s.sized_by))) }
                                    td.number { (seconds(call.wall.as_seconds())) }
                                    td.bad[call.outcome != Outcome::Succeeded] { (words::outcome(call.outcome)) }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

/// When a call began, as a link to its page where it has one.
fn began(call: &Trace) -> Markup {
    let at = utc_seconds(call.started_unix_ms);
    html! {
        @match &call.served {
            Some(served) => a href={ "/calls/" (clean(&served.id)) } { (at) },
            None => (at),
        }
    }
}

/// Who said how much a call was given, in a word or two.
pub(super) fn sized_by(by: SizedBy) -> &'static str {
    match by {
        SizedBy::Setting => "setting",
        SizedBy::Recommendation => "recommendation",
        SizedBy::Model => "model",
        SizedBy::Replay => "made again",
    }
}
