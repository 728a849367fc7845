//! When the need is known: before the call, while it runs and memory is still to grow, or too late to be of use.

use super::{candidate, listed, name, names, once_each, place};
use crate::clean::clean;
use crate::show::{percent, seconds, size, value_of};
use trace::{
    Bytes, CallAllocation, Candidate, CandidateNote, ModelKind, Predictor, Profile, Recommendation,
};

/// When the need is known; empty where no variable is needed or none was found.
pub(crate) fn when(profile: &Profile) -> Vec<String> {
    if profile.model.kind == ModelKind::Constant {
        return Vec::new();
    }
    let Some(recommendation) = &profile.recommendation else {
        return Vec::new();
    };
    match &recommendation.sizing_feature {
        Some(sized_by) => {
            let mut parts = vec![early(profile, sized_by)];
            parts.extend(explaining(profile, sized_by));
            let mut said = vec![parts.join("; ")];
            said.extend(per_call(recommendation));
            said
        }
        None => too_late(profile),
    }
}

fn early(profile: &Profile, sized_by: &Predictor) -> String {
    if sized_by.is_known_before() {
        let sizing = profile
            .recommendation
            .as_ref()
            .and_then(|r| r.sizing.as_ref());
        let asked = sizing
            .iter()
            .flat_map(|model| &model.terms)
            .flat_map(|term| &term.when);
        let asked = asked.map(|condition| name(&condition.feature));
        let all = once_each([names(sized_by)].into_iter().chain(asked));
        let say = if all.len() == 1 { "says" } else { "say" };
        format!("{} {say} it before the call", listed(&all))
    } else {
        placed(profile, sized_by)
    }
}

/// What explains, where it is something else than what is known early.
fn explaining(profile: &Profile, sized_by: &Predictor) -> Option<String> {
    let predictor = profile.model.first_predictor()?;
    (predictor != sized_by).then(|| placed(profile, predictor))
}

fn placed(profile: &Profile, predictor: &Predictor) -> String {
    let ahead = growth(candidate(profile, predictor));
    let ahead = ahead.map_or(String::new(), |ahead| format!(", {ahead}"));
    format!("{}{ahead}", place(predictor))
}

/// How much of the growth is still ahead when it is known.
fn growth(candidate: Option<&Candidate>) -> Option<String> {
    let candidate = candidate?;
    if candidate.lead <= 0.0 {
        return Some("no growth ahead any more".to_owned());
    }
    let share = percent(candidate.lead);
    let mut ahead = format!("{share} of growth");
    if candidate.lead_bytes > Bytes(0) {
        ahead = format!("{ahead} ({})", size(candidate.lead_bytes));
    }
    if candidate.lead_seconds > 0.0 {
        ahead = format!("{ahead} and {}", seconds(candidate.lead_seconds));
    }
    Some(format!("{ahead} still ahead"))
}

/// That what explains does not predict, and how far off it is what is known in time.
fn too_late(profile: &Profile) -> Vec<String> {
    let late = |c: &&Candidate| c.note == CandidateNote::TooLate;
    let late = profile.variables.iter().find(late).map(|c| &c.predictor);
    let explaining = profile.model.first_predictor();
    let Some(predictor) = explaining.or(late) else {
        return Vec::new();
    };
    let ahead = growth(candidate(profile, predictor));
    let ahead = ahead.map_or(String::new(), |ahead| format!(": {ahead}"));
    let mut said = vec![format!(
        "{} explains, but is known too late to size a call{ahead}; every call gets the same",
        place(predictor),
    )];
    let mut before = profile.variables.iter();
    let before = before.find(|c| c.predictor.is_known_before());
    said.extend(before.map(|c| {
        format!(
            "{} is known before the call, and off by {} in the middle case",
            names(&c.predictor),
            percent(c.held_out_median_ape)
        )
    }));
    said
}

/// What sizing each call on its own would change.
fn per_call(recommendation: &Recommendation) -> Option<String> {
    recommendation.sizing_feature.as_ref()?;
    let given: Vec<f64> = recommendation
        .calls
        .iter()
        .filter(|c| c.outcome == trace::Outcome::Succeeded)
        .map(|c| c.allocation_bytes.as_f64())
        .collect();
    let mean = given.iter().sum::<f64>() / given.len().max(1) as f64;
    let saving = 1.0 - mean / recommendation.allocation_bytes.as_f64();
    (!given.is_empty() && saving > 0.01).then(|| {
        format!(
            "sized one by one, calls would hold {} on average, {} less",
            size(Bytes::from_f64(mean)),
            percent(saving)
        )
    })
}

/// Where a recorded call lies outside what the sizing model was fitted on, its size is an extrapolation.
pub(crate) fn outside_seen(
    recommendation: &Recommendation,
    call: &CallAllocation,
) -> Option<String> {
    let (seen, x) = (recommendation.sizing_range()?, call.feature_value?);
    (!seen.holds(x)).then(|| {
        let shown = |x: f64| value_of(&seen.predictor, x);
        format!(
            "{}: {} = {} lies outside {}..{}, its size is extrapolated",
            clean(&call.input),
            names(&seen.predictor),
            shown(x),
            shown(seen.min),
            shown(seen.max)
        )
    })
}
