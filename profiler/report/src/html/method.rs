//! How the answer was found: the rules with their margins, every model, every variable, every size of every provider.

use super::prose::{paragraphs, prose, signs};
use super::wide::wide;
use crate::clean::clean;
use crate::show::{count, megabytes, number, percent, seconds, share_explained, size, usd};
use crate::words;
use maud::{Markup, html};
use trace::{CandidateNote, Model, Profile, Recommendation, Replay};

/// Variables listed.
const VARIABLES: usize = 30;

pub(crate) fn method(profile: &Profile) -> Markup {
    html! {
        section {
            h2 { "Method and margins" }
            @if let Some(recommendation) = &profile.recommendation {
                (paragraphs(&recommendation.because))
                (margins(recommendation))
            }
            p {
                "Models are fitted to distinct inputs and chosen by their error on inputs held out, the choice repeated without those inputs. "
                "Margins come from errors of predictions that were made before the call was seen; replay sizes each call from those before it. "
                "Waste is memory given beyond what was needed."
            }
            p {
                "A held-out error is of a prediction by a model that never saw the input. Up to 30 inputs each is left out alone: "
                "the smallest and the largest are then predicted from beyond the others, and the only input of its kind by a formula "
                "that knows no such kind. Of fewer than 20 inputs the 95th percentile is the worst one, which is given and, where it "
                "is off by 10 % or more, named below."
            }
            h3 { "Models" }
            (models(profile))
            @if !profile.variables.is_empty() { h3 { "Variables" } (variables(profile)) }
            @if let Some(recommendation) = &profile.recommendation {
                @if !recommendation.providers.is_empty() { (sizes(recommendation)) }
            }
        }
    }
}

fn margins(r: &Recommendation) -> Markup {
    let sizing = r.sizing.as_ref().map(words::formula);
    html! {
        dl.facts {
            div { dt { "Asked failure rate" } dd { (percent(r.failure_rate_target)) } }
            div { dt { "Backed failure rate" } dd { (percent(r.failure_rate_backed)) } }
            @if let Some(formula) = sizing { div { dt { "A call alone is sized by" } dd { (signs(&formula)) } } }
            @if let Some(margin) = r.margin { div { dt { "Margin" } dd { "\u{d7} " (number((margin * 1e3).round() / 1e3)) } } }
            @if r.sizing.is_some() {
                div { dt { "Never less than" } dd { (size(r.call_bounds.floor)) } }
                div { dt { "In the seen range never more than" } dd { (size(r.call_bounds.cap)) } }
            }
            @if let Some(replay) = &r.replay_function { div { dt { "Replay, one size for all" } dd { (replayed(replay)) } } }
            @if let Some(replay) = &r.replay_call { div { dt { "Replay, each call alone" } dd { (replayed(replay)) } } }
            @if let Some(verified) = &r.verified { div { dt { "Run again" } dd { (prose(&words::verified(verified))) } } }
        }
    }
}

fn replayed(replay: &Replay) -> String {
    format!(
        "{} of {} would have failed (95 % sure: under {}), {} given beyond need",
        count(replay.failures),
        count(replay.calls),
        percent(replay.failure_rate_upper95),
        percent(replay.waste_share)
    )
}

fn models(profile: &Profile) -> Markup {
    let sizing = profile
        .recommendation
        .as_ref()
        .and_then(|r| r.sizing.as_ref());
    let mut rows: Vec<(&str, &Model)> = vec![
        ("Committed peak", &profile.models.committed),
        ("Live peak", &profile.models.live),
        ("CPU seconds", &profile.models.cpu_seconds),
        ("Live, inside a call", &profile.within_call.live),
    ];
    rows.extend(sizing.map(|model| ("Committed, known early", model)));
    html! {
        (wide("Models", &html! {
            table {
                thead {
                    tr {
                        th scope="col" { "Explained" }
                        th scope="col" { "Formula" }
                        th.number scope="col" { "n" }
                        th.number scope="col" { "R" sup { "2" } }
                        th scope="col" { "Held-out error" }
                        th scope="col" { "Why this one" }
                    }
                }
                tbody { @for (name, model) in rows { (model_row(name, model)) } }
            }
        }))
    }
}

fn model_row(name: &str, model: &Model) -> Markup {
    let formula = if model.formula.is_empty() {
        "-".to_owned()
    } else {
        words::formula(model)
    };
    html! {
        tr {
            th scope="row" { (name) }
            td { (signs(&formula)) @if let Some(seen) = words::seen(model) { br; small { (prose(&seen)) } } }
            td.number { (count(model.n)) }
            td.number { (model.r2.map_or("-".to_owned(), share_explained)) }
            td { (signs(&words::error(model).unwrap_or_else(|| "-".to_owned()))) }
            td { (prose(&model.reason)) }
        }
    }
}

fn variables(profile: &Profile) -> Markup {
    let hidden = profile.variables.len().saturating_sub(VARIABLES);
    html! {
        (wide("Variables", &html! {
            table {
                thead {
                    tr {
                        th scope="col" { "Variable" }
                        th scope="col" { "Breakpoint" }
                        th scope="col" { "As" }
                        th.number scope="col" { "Held-out error" }
                        th.number scope="col" { "Growth still ahead" }
                        th scope="col" { "Note" }
                    }
                }
                tbody {
                    @for c in profile.variables.iter().take(VARIABLES) {
                        tr {
                            th scope="row" { code { (clean(&c.predictor.variables())) } }
                            td { code { (clean(&words::times(&c.predictor, |f| f.breakpoint.to_string()))) } }
                            td { (words::times(&c.predictor, |f| f.aggregate.to_string())) }
                            td.number { "\u{b1}" (percent(c.held_out_median_ape)) }
                            td.number { (percent(c.lead)) }
                            td { (note(&c.note)) }
                        }
                    }
                }
            }
        }))
        @if hidden > 0 { p.note { (hidden) " more are in the JSON below." } }
    }
}

fn note(note: &CandidateNote) -> String {
    match note {
        CandidateNote::Chosen => "chosen".to_owned(),
        CandidateNote::Competitor => "predicts about as well".to_owned(),
        CandidateNote::DoubleOf(of) => format!("moves with {}", clean(of)),
        CandidateNote::TooLate => "explains, but is known too late".to_owned(),
        CandidateNote::Worse => "predicts worse".to_owned(),
    }
}

/// The numbers of the fourth chart.
fn sizes(recommendation: &Recommendation) -> Markup {
    html! {
        details {
            summary { "Every size of every provider" }
            table {
                thead {
                    tr {
                        th scope="col" { "Provider" }
                        th.number scope="col" { "Size" }
                        th.number scope="col" { "USD per million" }
                        th.number scope="col" { "Est. time" }
                        th scope="col" { "" }
                    }
                }
                tbody {
                    @for provider in &recommendation.providers {
                        @for s in &provider.sizes {
                            tr {
                                th scope="row" { (clean(&provider.name)) }
                                td.number { (megabytes(s.size_mb)) }
                                td.number { (usd(s.usd_per_million)) }
                                td.number { (seconds(s.estimated_seconds)) }
                                td {
                                    @if !s.fits { "too small" }
                                    @else if s.size_mb == provider.size_mb { "recommended" }
                                    @else if s.size_mb == provider.baseline_size_mb { "today" }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
