//! The sentences: what a profile says, in the words that screen, Markdown and HTML share.
//!
//! Plain text, names between backticks, already cleaned of control characters. No layout, no colours, and no claim
//! that the profile does not back.

mod headline;
mod sure;
mod unknown;
mod when;
mod why;

pub(crate) use headline::{
    confidence, headline, is_lower_bound, memory, outcome, problems_title, tally,
};
pub(crate) use sure::{backed, lower_bound, replayed, sure, surer, verified};
pub(crate) use unknown::{changes, else_explains, unknown};
pub(crate) use when::{outside_seen, when};
pub(crate) use why::{error, formula, screened, seen, why, within_call};

use crate::clean::{clean, quoted};
use trace::{Breakpoint, Candidate, Feature, Predictor, Profile, ProviderBill, Recommendation};

/// A saving of a bill below this share is none.
pub(crate) const NO_SAVING: f64 = 0.0005;

/// The bill that falls most, of the providers there are.
pub(crate) fn best_bill(recommendation: &Recommendation) -> Option<&ProviderBill> {
    let bills = recommendation.providers.iter();
    bills.max_by(|a, b| a.usd_saving_share.total_cmp(&b.usd_saving_share))
}

/// A predictor by its variables: `` `lines` ``, `` `width` x `height` ``.
pub(crate) fn names(predictor: &Predictor) -> String {
    times(predictor, name)
}

/// The name of a variable; of a word the variable that it is said of.
pub(crate) fn name(feature: &Feature) -> String {
    quoted(feature.word().map_or(&feature.variable, |(name, _)| name))
}

/// What is said of each feature of a predictor, with a multiplication sign between.
pub(crate) fn times(predictor: &Predictor, said: impl Fn(&Feature) -> String) -> String {
    predictor
        .features()
        .map(said)
        .collect::<Vec<String>>()
        .join(" x ")
}

/// A predictor and where it is observed: `` `lines` at set:LINES``, `` `stdin_bytes` ``,
/// `` `width` x `height` at set:width and set:height``.
pub(crate) fn place(predictor: &Predictor) -> String {
    let mut places: Vec<String> = Vec::new();
    for feature in predictor.features() {
        let place = clean(&feature.breakpoint.to_string());
        if feature.breakpoint != Breakpoint::Input && !places.contains(&place) {
            places.push(place);
        }
    }
    let names = names(predictor);
    if places.is_empty() {
        names
    } else {
        format!("{names} at {}", listed(&places))
    }
}

/// The ranked candidate that is the given predictor.
pub(crate) fn candidate<'a>(profile: &'a Profile, predictor: &Predictor) -> Option<&'a Candidate> {
    let mut candidates = profile.variables.iter();
    candidates.find(|c| c.predictor == *predictor)
}

/// Whether a candidate is of another variable than those in the model, not one of them seen elsewhere.
pub(crate) fn is_another(profile: &Profile, candidate: &Candidate) -> bool {
    let of_model = profile.model.features();
    let known = |f: &Feature| {
        of_model
            .iter()
            .any(|of_model| of_model.variable == f.variable)
    };
    !candidate.predictor.features().all(known)
}

/// Each name where it stands first.
pub(crate) fn once_each(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for name in names {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
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
