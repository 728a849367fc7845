//! When the need is known: before the call, while it runs and memory is still to grow, or too late to be of use.

use super::{candidate, place};
use crate::clean::{clean, quoted};
use crate::show::{percent, size, value};
use trace::{
    Breakpoint, Bytes, CallAllocation, Candidate, CandidateNote, Feature, Model, ModelKind,
    Profile, Recommendation,
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
        Some(feature) => {
            let mut parts = vec![early(profile, feature)];
            parts.extend(explaining(profile, feature));
            let mut said = vec![parts.join("; ")];
            said.extend(per_call(recommendation));
            said
        }
        None => too_late(profile).into_iter().collect(),
    }
}

fn early(profile: &Profile, feature: &Feature) -> String {
    match feature.breakpoint {
        Breakpoint::Input => format!("{} says it before the call", quoted(&feature.variable)),
        _ => format!("{}{}", place(feature), ahead(candidate(profile, feature))),
    }
}

/// The feature that explains, where it is another one than the feature that is known early.
fn explaining(profile: &Profile, sizing: &Feature) -> Option<String> {
    let feature = &profile.model.terms.first()?.feature;
    (feature != sizing).then(|| format!("{}{}", place(feature), ahead(candidate(profile, feature))))
}

fn ahead(candidate: Option<&Candidate>) -> String {
    match candidate {
        Some(c) if c.lead > 0.0 => format!(", {} of growth still ahead", percent(c.lead)),
        Some(_) => ", no growth ahead any more".to_owned(),
        None => String::new(),
    }
}

fn too_late(profile: &Profile) -> Option<String> {
    let feature = match profile.model.terms.first() {
        Some(term) => term.feature.clone(),
        None => {
            let late = |c: &&Candidate| c.note == CandidateNote::TooLate;
            super::feature_of(profile.variables.iter().find(late)?)
        }
    };
    Some(format!(
        "too late: {}{}; every call gets the same",
        place(&feature),
        ahead(candidate(profile, &feature))
    ))
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
pub(crate) fn outside_seen(sizing: &Model, call: &CallAllocation) -> Option<String> {
    let (seen, x) = (sizing.seen.first()?, call.feature_value?);
    (x < seen.min || x > seen.max).then(|| {
        let variable = &seen.feature.variable;
        format!(
            "{}: {} = {} lies outside {}..{}, its size is extrapolated",
            clean(&call.input),
            quoted(variable),
            value(variable, x),
            value(variable, seen.min),
            value(variable, seen.max)
        )
    })
}
