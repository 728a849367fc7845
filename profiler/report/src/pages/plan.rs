//! The plan of a function: the few variables that predict, and how much of a call is still ahead when each is known.

use crate::clean::clean;
use crate::html::{prose, wide};
use crate::show::{number, percent, seconds, size};
use crate::words;
use maud::{Markup, html};
use trace::{Breakpoint, PlannedVariable, PredictivePlan};

pub(super) fn plan(plan: Option<&PredictivePlan>) -> Markup {
    html! {
        section #plan {
            h2 { "Plan" }
            @match plan {
                None => p {
                    "None yet: a function is traced deep, one call in four, until a few breakpoints are found that predict within 10 %. It then keeps only those. Not enough is known here so far, or nothing that is known early enough predicts."
                },
                Some(plan) => (found(plan)),
            }
        }
    }
}

fn found(plan: &PredictivePlan) -> Markup {
    html! {
        p { (prose(&format!("Memory is predicted as {}.", words::formula(&plan.model)))) }
        @if plan.variables.is_empty() {
            p { "Every call needs the same, so nothing is watched." }
        } @else {
            (wide("Plan", &html! {
                table {
                    caption.unseen { "What the plan watches" }
                    thead {
                        tr {
                            th scope="col" { "Variable" }
                            th scope="col" { "Known" }
                            th.number scope="col" { "Growth ahead" }
                            th.number scope="col" { "Of it" }
                            th.number scope="col" { "Time ahead" }
                            th.number scope="col" { "Hits a call" }
                            th.number scope="col" { "Cost" }
                        }
                    }
                    tbody { @for variable in &plan.variables { (row(variable)) } }
                }
            }))
            p.note { "Ahead: what is still to come in a call when the value is known, medians over the calls learned from. Cost: share of a call's CPU time that its probe takes." }
        }
        @if let Some(better) = &plan.given_up {
            p.note {
                (prose(&format!(
                    "Given up: {}, off by {} in the middle case{}.",
                    clean(&better.formula),
                    percent(better.median_ape),
                    better.because.as_ref().map_or(", but known later".to_owned(), |why| format!("; {}", clean(why)))
                )))
            }
        }
    }
}

fn row(v: &PlannedVariable) -> Markup {
    html! {
        tr {
            th scope="row" { code { (clean(&v.variable)) } }
            td { @match v.breakpoint { Breakpoint::Input => "before the call", _ => code { (clean(&v.breakpoint.to_string())) } } }
            td.number { (percent(v.ahead.share)) }
            td.number { (size(v.ahead.bytes)) }
            td.number { (seconds(v.ahead.seconds)) }
            td.number { @if v.needs_probe() { (number(v.hits_per_call)) } @else { "no probe" } }
            td.number { @if v.needs_probe() { (percent(v.cost_share)) } @else { "-" } }
        }
    }
}
