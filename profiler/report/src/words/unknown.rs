//! Three lines of caution: what else could explain the memory, what would change the answer, what is not known.

use super::{is_another, listed, names, place, sentence};
use crate::Context;
use crate::clean::quoted;
use crate::show::{counted, percent, value_of};
use trace::{Candidate, CandidateNote, ModelKind, Profile};

/// What else could explain it.
pub(crate) fn else_explains(profile: &Profile) -> String {
    if profile.model.kind == ModelKind::Constant {
        return "Nothing has to: the need was the same for every input.".to_owned();
    }
    if profile.invocations.succeeded == 0 {
        return "There is nothing to explain before a call has succeeded.".to_owned();
    }
    let others = || {
        profile
            .variables
            .iter()
            .filter(|c| c.note != CandidateNote::Chosen && is_another(profile, c))
    };
    let as_good: Vec<String> = others()
        .filter(|c| c.note != CandidateNote::Worse)
        .take(4)
        .map(described)
        .collect();
    if !as_good.is_empty() {
        let them = if as_good.len() == 1 { "it" } else { "them" };
        return format!("{}: this data cannot rule {them} out.", listed(&as_good));
    }
    match others().next() {
        Some(next) if profile.model.kind != ModelKind::None => {
            format!(
                "No other variable comes close; the next best is {}.",
                described(next)
            )
        }
        Some(next) => format!("No variable does; the nearest is {}.", described(next)),
        None => "No other variable was observed.".to_owned(),
    }
}

fn described(candidate: &Candidate) -> String {
    let error = percent(candidate.held_out_median_ape);
    let note = match &candidate.note {
        CandidateNote::DoubleOf(of) => format!("moves with {}", quoted(of)),
        CandidateNote::TooLate => "too late".to_owned(),
        CandidateNote::Chosen | CandidateNote::Competitor | CandidateNote::Worse => String::new(),
    };
    let inner = [format!("+-{error}"), note];
    let inner: Vec<String> = inner.into_iter().filter(|p| !p.is_empty()).collect();
    format!("{} ({})", place(&candidate.predictor), inner.join(", "))
}

/// What would change this.
pub(crate) fn changes(profile: &Profile) -> String {
    if profile.invocations.succeeded == 0 {
        return "One call that succeeds.".to_owned();
    }
    let mut causes: Vec<String> = profile
        .model
        .ranges()
        .iter()
        .take(2)
        .map(|s| {
            format!(
                "an input with {} above {}",
                names(&s.predictor),
                value_of(&s.predictor, s.max)
            )
        })
        .collect();
    if causes.is_empty() {
        causes.push("an input unlike those seen".to_owned());
    }
    if !profile.function.is_imported() {
        causes.push("a new build of the guest".to_owned());
    }
    causes.push("another asked failure rate".to_owned());
    causes.push("new prices".to_owned());
    sentence(&listed(&causes))
}

/// What is not known: one sentence each, then what the data itself has to say.
pub(crate) fn unknown(profile: &Profile, context: &Context) -> String {
    let moving = profile.model.kind != ModelKind::Constant;
    let unexplained = profile.model.r2.filter(|_| moving).map(|r2| {
        let rest = percent(1.0 - r2.clamp(0.0, 1.0));
        format!("{rest} of the variance of memory is unexplained.")
    });
    let problems = context.problems.len();
    let failed = (problems > 0).then(|| {
        format!(
            "What {} that did not succeed would have needed.",
            counted(problems, "call")
        )
    });
    let inputs = counted(profile.invocations.distinct_inputs, "distinct input");
    let recommended = profile.recommendation.iter().flat_map(|_| {
        [
            format!("Whether inputs unlike the {inputs} seen behave alike."),
            "Times at the providers: they are estimated from CPU seconds, not measured there."
                .to_owned(),
        ]
    });
    let notes = profile.notes.iter().map(|n| sentence(n));
    let said: Vec<String> = unexplained
        .into_iter()
        .chain(failed)
        .chain(recommended)
        .chain(notes)
        .collect();
    said.join(" ")
}
