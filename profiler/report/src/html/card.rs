//! The first page: the answer in a card, what did not succeed, and what to set at which provider.

use super::prose::{paragraphs, prose};
use super::wide::wide;
use crate::clean::clean;
use crate::screen::{change, held};
use crate::show::{megabytes, percent, round_size, seconds, size, usd};
use crate::{Context, words};
use maud::{Markup, html};
use trace::{Bytes, Confidence, Profile, Recommendation};

/// Problems listed; the CSV has all of them.
const PROBLEMS: usize = 20;

/// The answer: size, today, saving, confidence, because, what to do to be surer. `action` is what can be done here and now.
pub(crate) fn card(profile: &Profile, context: &Context, action: &Markup) -> Markup {
    let Some(recommendation) = &profile.recommendation else {
        return html! {
            section.card aria-label="Answer" {
                p.lead { (prose(&words::headline(profile))) }
                div.because {
                    h2 { "What to do" }
                    p { (prose(&words::surer(profile, context))) }
                }
            }
        };
    };
    let when = words::when(profile);
    html! {
        section.card aria-label="Answer" {
            div.answer {
                p.label { @if words::is_lower_bound(recommendation) { "Give each call at least" } @else { "Give each call" } }
                p.size { (size(recommendation.allocation_bytes)) }
                p.label { "of " (words::memory(profile)) }
            }
            (facts(profile, recommendation))
            (action)
            div.because {
                h2 { "Because" }
                (paragraphs(&words::why(profile)))
                @if !when.is_empty() { h2 { "When it is known" } (paragraphs(&when)) }
                h2 { "To be surer" }
                p { (prose(&words::surer(profile, context))) }
            }
        }
    }
}

fn facts(profile: &Profile, recommendation: &Recommendation) -> Markup {
    let replays = words::replayed(recommendation).into_iter();
    let bound = words::lower_bound(recommendation).into_iter();
    let mut further: Vec<String> = bound.chain(replays).map(|r| words::sentence(&r)).collect();
    let verified = recommendation.verified.as_ref().map(words::verified);
    further.extend(verified.map(|said| format!("Run again: {said}.")));
    html! {
        dl.facts {
            div { dt { "Today" } dd { (round_size(recommendation.baseline_bytes)) } }
            div { dt { "Largest need seen" } dd { (size(recommendation.largest_need_bytes)) } }
            div { dt { "Saving" } dd { (held(recommendation.memory_saving_share)) @if let Some(bill) = bill_saving(recommendation) { br; small { (bill) } } } }
            div {
                dt { "Confidence" }
                dd {
                    span class={ "badge " (badge(recommendation.confidence)) } {
                        (words::confidence(recommendation.confidence))
                    }
                    " " (prose(&words::backed(profile, recommendation)))
                    @for said in &further { br; small { (prose(said)) } }
                }
            }
        }
    }
}

fn badge(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::None => "bad",
        Confidence::Low => "warn",
        Confidence::Good | Confidence::High => "good",
    }
}

/// A saving of the bill below this share is not worth a word.
const WORTH_TELLING: f64 = 0.01;

/// The largest saving among the providers, which is rarely that of the memory; nothing where it is next to nothing.
fn bill_saving(recommendation: &Recommendation) -> Option<String> {
    match words::best_bill(recommendation) {
        Some(p) if p.usd_saving_share >= WORTH_TELLING => Some(format!(
            "of the bill: up to {} ({})",
            percent(p.usd_saving_share),
            clean(&p.name)
        )),
        Some(_) => None,
        None => Some("of the bill: no provider was computed".to_owned()),
    }
}

/// Calls that did not succeed, each with its reason.
pub(crate) fn problems(context: &Context) -> Markup {
    if context.problems.is_empty() {
        return Markup::default();
    }
    let hidden = context.problems.len().saturating_sub(PROBLEMS);
    html! {
        section {
            h2 { (words::problems_title(context.problems.len())) }
            table {
                thead { tr { th scope="col" { "Input" } th scope="col" { "Outcome" } th scope="col" { "Why" } } }
                tbody {
                    @for problem in context.problems.iter().take(PROBLEMS) {
                        tr {
                            th scope="row" { (clean(&problem.input)) }
                            td.bad { (problem.outcome) }
                            td { (prose(&problem.reason)) }
                        }
                    }
                }
            }
            @if hidden > 0 { p.note { (hidden) " more are in the CSV below." } }
        }
    }
}

/// What to set where, and what it costs.
pub(crate) fn deploy(profile: &Profile, context: &Context) -> Markup {
    let Some(recommendation) = &profile.recommendation else {
        return Markup::default();
    };
    html! {
        section.together {
            h2 { "Deploy to" }
            (wide("Prices", &html! {
                table {
                    thead {
                        tr {
                            th scope="col" { "Provider" }
                            th.number scope="col" { "Size" }
                            th.number scope="col" { "Est. time" }
                            th.number scope="col" { "USD per million" }
                            th.number scope="col" { "Change" }
                            th scope="col" { "Against " (round_size(recommendation.baseline_bytes)) " today" }
                        }
                    }
                    tbody {
                        tr {
                            th scope="row" { code { "fathom serve" } }
                            td.number { (size(recommendation.allocation_bytes)) }
                            td.number { (context.wall_seconds.map_or("-".to_owned(), seconds)) }
                            td.number { "-" }
                            td.number { "-" }
                            td { (held(recommendation.memory_saving_share)) }
                        }
                        @for bill in &recommendation.providers {
                            tr {
                                th.name scope="row" { (clean(&bill.name)) }
                                td.number { (megabytes(bill.size_mb)) }
                                td.number { (seconds(bill.estimated_seconds)) }
                                td.number { (usd(bill.usd_per_million)) }
                                td.number { (change(bill.usd_saving_share)) }
                                td.why { (prose(&bill.reason)) }
                            }
                        }
                    }
                }
            }))
            p.note {
                (beside(recommendation.runtime_base_bytes)) "Prices include the request fee, before free tiers. Times are estimated from CPU seconds and the provider's CPU share; that of fathom serve is the median measured here."
            }
        }
    }
}

/// What a provider's size has to hold beside the guest's memory.
fn beside(runtime: Bytes) -> String {
    match runtime {
        Bytes(0) => "Nothing is added to the guest's memory for the runtime process. ".to_owned(),
        runtime => format!(
            "Sizes of providers hold the guest's memory and {} of the runtime process. ",
            size(runtime)
        ),
    }
}
