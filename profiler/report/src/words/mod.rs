//! The sentences: what a profile says, in the words that screen, Markdown and HTML share.
//!
//! Plain text, names between backticks, already cleaned of control characters. No layout, no colours, and no claim
//! that the profile does not back.

mod headline;
mod sure;
mod unknown;
mod when;
mod why;

pub(crate) use headline::{confidence, headline, is_lower_bound, outcome, problems_title, tally};
pub(crate) use sure::{backed, lower_bound, replayed, sure, surer, verified};
pub(crate) use unknown::{changes, else_explains, unknown};
pub(crate) use when::{outside_seen, when};
pub(crate) use why::{error, formula, seen, why, within_call};

use crate::clean::{clean, quoted};
use trace::{Breakpoint, Candidate, Feature, Profile};

/// A feature and where it is observed: `` `lines` at set:LINES``, `` `stdin_bytes` ``.
pub(crate) fn place(feature: &Feature) -> String {
    match &feature.breakpoint {
        Breakpoint::Input => quoted(&feature.to_string()),
        breakpoint => format!(
            "{} at {}",
            quoted(&feature.variable),
            clean(&breakpoint.to_string())
        ),
    }
}

/// The ranked candidate that is the given feature.
pub(crate) fn candidate<'a>(profile: &'a Profile, feature: &Feature) -> Option<&'a Candidate> {
    profile.variables.iter().find(|c| feature_of(c) == *feature)
}

/// The feature that a candidate is.
pub(crate) fn feature_of(candidate: &Candidate) -> Feature {
    Feature {
        variable: candidate.variable.clone(),
        breakpoint: candidate.breakpoint.clone(),
        aggregate: candidate.aggregate,
    }
}

/// Whether a candidate is another variable than those in the model, not one of them seen elsewhere.
pub(crate) fn is_another(profile: &Profile, candidate: &Candidate) -> bool {
    let mut terms = profile.model.terms.iter();
    terms.all(|t| t.feature.variable != candidate.variable)
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

/// The text with a capital letter and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let mut text = clean(text.trim());
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    if !text.ends_with(['.', '!', '?', ':']) {
        text.push('.');
    }
    text
}
