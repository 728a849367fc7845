//! All recorded functions on one page, ranked by what there is to save: the overview of a server, of what was recorded. One
//! file that needs nothing else, as the report of one function is, and nothing in it is executed.

use super::prose::prose;
use super::{POLICY, STYLE, dark};
use crate::chart::Theme;
use crate::clean::clean;
use crate::fleet::Fleet;
use crate::pages::{bar, exact, fleet as overview};
use crate::show::{count, percent, round_size, size, usd};
use crate::words;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use trace::Bytes;

/// The page. `functions` are shown in their order.
pub fn fleet_html(functions: &[Fleet]) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "All functions - Fathom report" }
                style { (PreEscaped(STYLE)) (PreEscaped(crate::pages::OWN_STYLE)) (dark(&Theme::default())) }
            }
            body.served {
                header {
                    p.eyebrow { "Fathom report" }
                    h1 { "All functions" }
                    (sum(functions))
                }
                main {
                    @if functions.is_empty() { p.lead { "No call is recorded." } } @else {
                        (table(functions))
                        (each(functions))
                    }
                }
                footer {
                    p { "Made by Fathom from numbers and lengths only: no body, text or environment value of a call is recorded." }
                }
            }
        }
    };
    page.into_string()
}

/// All together.
fn sum(functions: &[Fleet]) -> Markup {
    let now: Vec<_> = functions.iter().map(Fleet::now).collect();
    let held: f64 = now.iter().map(|f| f.limit.as_f64() * f.wall_seconds).sum();
    let saved: f64 = now.iter().map(|f| f.savable_byte_seconds()).sum();
    let calls: u64 = now.iter().map(|f| f.calls).sum();
    let failures: u64 = now.iter().map(|f| f.failures()).sum();
    html! {
        dl.tiles {
            div { dt { "Functions" } dd { (count(functions.len())) } }
            div { dt { "Calls" } dd { (count(calls as usize)) } }
            div { dt { "Did not succeed" } dd.bad[failures > 0] { (count(failures as usize)) } }
            div {
                dt { "Could be given back" }
                dd {
                    @if held > 0.0 { (percent(saved / held)) small { "of the memory held, times time" } }
                    @else { small { "not enough data" } }
                }
            }
        }
    }
}

fn table(functions: &[Fleet]) -> Markup {
    let now: Vec<_> = functions.iter().map(Fleet::now).collect();
    let axis = bar::Axis::of(now.iter());
    html! {
        section {
            div.legend aria-hidden="true" { (overview::legend("today")) }
            div.wide tabindex="0" role="region" aria-label="Functions, a table that can be scrolled" {
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
                        @for (function, now) in functions.iter().zip(&now) {
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
            }
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
        @match function.best_bill() {
            None => "-",
            Some(bill) if bill.usd_saving_share < 0.0005 => small { "no smaller one without being slower" },
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
