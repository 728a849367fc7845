//! The drift of a function's plan: from phase to phase, when and why, and what speaks against the plan now.

use crate::clean::clean;
use crate::context::Style;
use crate::html::{prose, wide};
use crate::plan::drift_text;
use crate::show::utc_seconds;
use maud::{Markup, html};
use trace::{Drift, PhaseChange};

/// Changes shown, the newest.
const SHOWN: usize = 30;

pub(super) fn history(changes: &[PhaseChange], drift: Option<&Drift>) -> Markup {
    html! {
        section #drift {
            h2 { "Drift" }
            @match drift {
                Some(drift) => p { (prose(&one_line(&drift_text(drift, Style::default())))) },
                None => p { "No plan is being judged: one is, call by call, while a function is selective." },
            }
            @if changes.is_empty() {
                p.note { "It has not gone from one phase to another yet." }
            } @else {
                (wide("Phases", &html! {
                    table {
                        caption.unseen { "Phases, newest first" }
                        thead { tr { th scope="col" { "When" } th scope="col" { "Became" } th scope="col" { "Why" } } }
                        tbody {
                            @for change in changes.iter().rev().take(SHOWN) {
                                tr {
                                    td { (utc_seconds(change.unix_ms)) }
                                    th scope="row" { (clean(&change.to)) }
                                    td { (prose(&clean(&change.why))) }
                                }
                            }
                        }
                    }
                }))
            }
        }
    }
}

/// Text that was laid out for a terminal, as a paragraph.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<&str>>().join(" ")
}
