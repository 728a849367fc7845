//! All recorded functions on one page, ranked by what there is to save: the overview of a server, of what was recorded. One
//! file that needs nothing else, as the report of one function is, and nothing in it is executed.

use super::POLICY;
use super::document::Document;
use super::prose::prose;
use super::wide::wide;
use crate::clean::clean;
use crate::fleet::Fleet;
use crate::pages::{FunctionNow, OWN_STYLE, Sums, bar, exact, fleet as overview};
use crate::show::{count, percent, round_size, size, usd};
use crate::words;
use maud::{Markup, html};
use trace::Bytes;

/// The page. `functions` are shown in their order.
pub fn fleet_html(functions: &[Fleet]) -> String {
    let document = Document {
        title: "All functions",
        policy: POLICY,
        style: OWN_STYLE,
        class: Some("served"),
    };
    let now: Vec<FunctionNow> = functions.iter().map(Fleet::now).collect();
    document.page(
        &html! {
            header {
                p.eyebrow { "Fathom report" }
                h1 { "All functions" }
                (sum(&now))
            }
        },
        &html! {
            @if functions.is_empty() { p.lead { "No call is recorded." } } @else {
                (table(functions, &now))
                (each(functions))
            }
        },
        &Markup::default(),
    )
}

/// All together.
fn sum(functions: &[FunctionNow]) -> Markup {
    let all = Sums::of(functions);
    html! {
        dl.tiles {
            div { dt { "Functions" } dd { (count(functions.len())) } }
            div { dt { "Calls" } dd { (count(all.calls as usize)) } }
            div { dt { "Did not succeed" } dd.bad[all.failures > 0] { (count(all.failures as usize)) } }
            div {
                dt { "Could be given back" }
                dd {
                    @if let Some(share) = all.savable_share() { (percent(share)) small { "of the memory held, times time" } }
                    @else { small { "not enough data" } }
                }
            }
        }
    }
}

fn table(functions: &[Fleet], now: &[FunctionNow]) -> Markup {
    let axis = bar::Axis::of(now.iter());
    html! {
        section {
            div.legend aria-hidden="true" { (overview::legend("today")) }
            (wide("Functions", &html! {
                table.fleet {
                    caption.unseen { "Functions, those that save most first" }
                    thead {
                        tr {
                            th scope="col" { "Function" }
                            th.number scope="col" { "Calls" }
                            th.number scope="col" { "Failed" }
                            (overview::axis_head(axis))
                            th.number scope="col" { "Today" }
                            th.number scope="col" { "Recommended" }
                            th.number scope="col" { "Saving" }
                            th.number scope="col" { "Held for nothing" }
                            th scope="col" { "The bill" }
                        }
                    }
                    tbody {
                        @for (function, now) in functions.iter().zip(now) {
                            tr {
                                th scope="row" { (named(function)) }
                                td.number { (count(now.calls as usize)) }
                                td.number.bad[now.failures() > 0] { (count(now.failures() as usize)) }
                                td.memory { (bar::bar(now, axis)) }
                                td.number { @if now.limit > Bytes(0) { (exact::chosen(now.limit)) } @else { "-" } }
                                td.number { (overview::recommended(now)) }
                                td.number { (overview::saving(now)) }
                                td.number { (overview::byte_seconds(now.savable_byte_seconds())) }
                                td.why { (bill(function)) }
                            }
                        }
                    }
                }
            }))
            p.note {
                "Ranked by memory held for nothing: what today's size is beyond the one recommended, times the recorded calls, times their median time. Of the bills the one that changes most is told."
            }
        }
    }
}

fn named(function: &Fleet) -> Markup {
    let name = clean(&function.profile.function.name);
    html! { @match &function.report { Some(path) => a href=(path) { (name) }, None => (name) } }
}

fn bill(function: &Fleet) -> Markup {
    html! {
        @match function.profile.recommendation.as_ref().and_then(words::best_bill) {
            None => "-",
            Some(bill) if bill.usd_saving_share < words::NO_SAVING => small { "no smaller one without being slower" },
            Some(bill) => {
                (usd(bill.baseline_usd_per_million)) " \u{2192} " (usd(bill.usd_per_million)) " USD a million"
                br; small { (clean(&bill.name)) }
            }
        }
    }
}

/// What to do about each, in a sentence or two.
fn each(functions: &[Fleet]) -> Markup {
    html! {
        section {
            h2 { "Each in words" }
            @for function in functions {
                h3 { (named(function)) }
                @match &function.profile.recommendation {
                    None => p { (prose(&words::headline(&function.profile))) },
                    Some(r) => {
                        p {
                            "Give each call " @if words::is_lower_bound(r) { "at least " }
                            strong { (size(r.allocation_bytes)) } " (today " (round_size(r.baseline_bytes)) "). "
                            (prose(&words::sentence(&words::backed(&function.profile, r))))
                        }
                        @for said in words::why(&function.profile).iter().take(1) { p { (prose(&words::sentence(said))) } }
                    }
                }
            }
        }
    }
}
