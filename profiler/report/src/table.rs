//! Several functions in one Markdown table, a row each: what drives the memory of each, how sure that is, what to give
//! it and what that saves. The report of one function is [`crate::markdown()`].

use crate::clean::clean;
use crate::markdown::rows_as_table;
use crate::screen::{change, held};
use crate::show::{number, odds, percent, round_size, share_explained, size};
use crate::words;
use trace::{Model, ModelKind, Outcome, Predictor, Profile, Recommendation};

/// A Markdown table with a row per function, in the order given. Memory and bills are compared with the size that all
/// of them are given today.
pub fn table(profiles: &[Profile]) -> String {
    let today = profiles.iter().find_map(|p| p.recommendation.as_ref());
    let today = today.map_or("today".to_owned(), |r| round_size(r.baseline_bytes));
    let against = format!("against {today}");
    let header = [
        "function",
        "memory of a call",
        "R2",
        "held-out error",
        "variable, and when it is known",
        "give",
        "confidence",
        &against,
    ];
    let rows: Vec<Vec<String>> = profiles.iter().map(row).collect();
    rows_as_table(&header, &rows) + "\n"
}

fn row(profile: &Profile) -> Vec<String> {
    let known = |told: fn(&Profile, &Recommendation) -> String| {
        let recommendation = profile.recommendation.as_ref();
        recommendation.map_or("no call succeeded".to_owned(), |r| told(profile, r))
    };
    vec![
        clean(&profile.function.name),
        memory(profile),
        profile.model.r2.map_or("-".to_owned(), share_explained),
        words::error(&profile.model).unwrap_or("-".to_owned()),
        variable(profile),
        known(|_, r| size(r.allocation_bytes)),
        known(|p, r| {
            let odds = odds(r.failure_rate_backed);
            let inputs = p.invocations.distinct_inputs;
            format!(
                "{}: {odds}, {inputs} inputs",
                words::confidence(r.confidence)
            )
        }),
        known(|_, r| bill(r)),
    ]
}

/// Committed memory that moves by less than this hardly leaves its first pages; live bytes then say what drives it.
const HARDLY: f64 = 10.0;

/// The formula; where committed memory hardly moves that is said, and what live bytes follow.
fn memory(profile: &Profile) -> String {
    let committed = said(&profile.model);
    let live = &profile.models.live;
    match moved(profile) {
        Some(times) if times < HARDLY && !live.terms.is_empty() => {
            let times = number((times * 10.0).round() / 10.0);
            format!(
                "hardly leaves its first pages ({times} times): {committed}; live = {}",
                said(live)
            )
        }
        _ => committed,
    }
}

/// The largest need over the smallest, of the calls that succeeded.
fn moved(profile: &Profile) -> Option<f64> {
    let calls = profile.recommendation.iter().flat_map(|r| &r.calls);
    let measured = calls.filter(|call| call.outcome == Outcome::Succeeded);
    let needs: Vec<f64> = measured.map(|call| call.needed_bytes.as_f64()).collect();
    let smallest = needs.iter().copied().min_by(f64::total_cmp)?;
    let largest = needs.iter().copied().max_by(f64::total_cmp)?;
    (smallest > 0.0).then(|| largest / smallest)
}

fn said(model: &Model) -> String {
    match model.kind {
        ModelKind::None => model.reason.clone(),
        ModelKind::Constant => format!("always {}", model.formula),
        _ => model.formula.clone(),
    }
}

/// What explains and when it is known, and what is known early instead where that is too late.
fn variable(profile: &Profile) -> String {
    let sizing = profile
        .recommendation
        .as_ref()
        .and_then(|r| r.sizing_feature.as_ref());
    let explaining = profile.model.first_predictor();
    match (explaining, sizing) {
        (None, _) => "none".to_owned(),
        (Some(explaining), Some(sizing)) if explaining == sizing => when(profile, sizing),
        (Some(explaining), Some(sizing)) => {
            format!(
                "{} explains; {}",
                words::names(explaining),
                when(profile, sizing)
            )
        }
        (Some(explaining), None) => format!("{}: too late", words::place(explaining)),
    }
}

fn when(profile: &Profile, predictor: &Predictor) -> String {
    let place = words::place(predictor);
    match words::candidate(profile, predictor) {
        _ if predictor.is_known_before() => format!("{place}: before the call"),
        Some(c) => format!("{place}: {} of growth ahead", percent(c.lead)),
        None => place,
    }
}

/// Memory held, and the largest saving of the bills, which also count time: a smaller size that is slower saves nothing.
fn bill(r: &Recommendation) -> String {
    let memory = held(r.memory_saving_share);
    match words::best_bill(r) {
        Some(p) if p.usd_saving_share >= words::NO_SAVING => {
            format!(
                "{memory}; {}, {}",
                change(p.usd_saving_share),
                clean(&p.name)
            )
        }
        Some(_) => format!("{memory}; no smaller bill without being slower"),
        None => memory,
    }
}
