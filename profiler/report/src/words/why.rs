//! Why: which variable memory follows, by which formula, how closely, in which range. What is not known is told
//! apart: too little data, memory that does not move, and variables that explain nothing have their own sentences.

use super::{is_another, listed, name, names, once_each, place, times};
use crate::clean::{clean, quoted};
use crate::show::{count, percent, size, value_of};
use std::collections::BTreeSet;
use trace::{
    Bytes, CallAllocation, Candidate, CandidateNote, Model, ModelKind, Outcome, Profile, Screening,
    Transform,
};

/// Why calls need the memory they need; one sentence per paragraph.
pub(crate) fn why(profile: &Profile) -> Vec<String> {
    let model = &profile.model;
    let mut said = match model.kind {
        ModelKind::None => vec![format!("no formula: {}", clean(&model.reason))],
        ModelKind::Constant => vec![format!(
            "always {}: no variable needed",
            size(Bytes::from_f64(model.intercept))
        )],
        ModelKind::Linear
        | ModelKind::Transformed
        | ModelKind::Multiple
        | ModelKind::Isotonic
        | ModelKind::Split
        | ModelKind::Glm
        | ModelKind::Forest => explained(profile),
    };
    said.extend(within_call(profile));
    said.extend(doubling(profile));
    said.extend(raised(profile));
    said
}

fn explained(profile: &Profile) -> Vec<String> {
    let model = &profile.model;
    // Two terms of one variable are one variable.
    let moving = model.terms.iter().filter(|t| t.transform != Transform::One);
    let followed = once_each(moving.map(|t| names(&t.predictor)));
    let asked = model.terms.iter().flat_map(|t| &t.when);
    let asked = once_each(asked.map(|condition| name(&condition.feature)));
    let relation = match model.kind {
        ModelKind::Isotonic => format!("rises in steps with {}", listed(&followed)),
        ModelKind::Split if followed.is_empty() => format!("is told by {}", listed(&asked)),
        ModelKind::Split if asked == followed => {
            format!("follows {} in several ranges", listed(&followed))
        }
        ModelKind::Split => format!(
            "follows {}, in a way that {} tells",
            listed(&followed),
            listed(&asked)
        ),
        ModelKind::Glm => format!("grows as a power of {}", listed(&followed)),
        _ => format!("follows {}", listed(&followed)),
    };
    let mut parts = vec![format!("memory {relation}: peak = {}", formula(model))];
    parts.extend(error(model));
    parts.extend(seen(model));
    let mut said = vec![parts.join(", ")];
    said.extend(doubles(profile));
    said.extend(profile.screening.as_ref().and_then(screened));
    said
}

/// From so many candidates on, it is said how chance was ruled out: among few a good fit is no accident.
const MANY: usize = 20;

/// How the choice among many was guarded against chance.
pub(crate) fn screened(screening: &Screening) -> Option<String> {
    let Screening {
        candidates,
        shuffles,
        better,
        ..
    } = *screening;
    (candidates >= MANY && screening.is_convincing()).then(|| {
        format!(
            "the best of {} candidates; with memory shuffled among the inputs the best of them does as well in {} of {} tries",
            count(candidates),
            count(better),
            count(shuffles)
        )
    })
}

/// The formula, as the model shows it.
pub(crate) fn formula(model: &Model) -> String {
    clean(&model.formula)
}

/// Below so many inputs the 95th percentile of their errors is the largest of them.
const FEW: usize = 20;

/// `+-1.4 % (95 of 100: +-4.1 %)`, on inputs that the fit had not seen; of few inputs the worst is named as such.
pub(crate) fn error(model: &Model) -> Option<String> {
    let held_out = model.held_out?;
    // Upwards: an error below 0.1 % is still an error.
    let shown = |share: f64| percent(if share > 0.0 { share.max(0.001) } else { share });
    let (median, p95) = (shown(held_out.median_ape), shown(held_out.p95_ape));
    Some(if median == p95 {
        format!("+-{median}")
    } else if model.n < FEW {
        format!("+-{median} (worst of {}: +-{p95})", model.n)
    } else {
        format!("+-{median} (95 of 100: +-{p95})")
    })
}

/// `seen 1,000..250,000`, of each where there are several.
pub(crate) fn seen(model: &Model) -> Option<String> {
    let seen = model.ranges();
    let ranges: Vec<String> = seen
        .iter()
        .map(|s| {
            let [min, max] = [s.min, s.max].map(|x| value_of(&s.predictor, x));
            match seen.len() {
                1 => format!("{min}..{max}"),
                _ => {
                    let features = times(&s.predictor, |f| quoted(&f.to_string()));
                    format!("{features} {min}..{max}")
                }
            }
        })
        .collect();
    (!ranges.is_empty()).then(|| format!("seen {}", ranges.join(", ")))
}

/// The relation between values and live bytes inside single calls, where one was found.
pub(crate) fn within_call(profile: &Profile) -> Option<String> {
    let model = &profile.within_call.live;
    let found = !matches!(model.kind, ModelKind::None | ModelKind::Constant);
    found.then(|| {
        let mut parts = vec![format!("inside a call: live = {}", formula(model))];
        parts.extend(error(model));
        parts.push(format!("{} values", count(model.n)));
        parts.join(", ")
    })
}

/// What `pow2ceil` and `buckets` in the formulas mean, each said once.
fn doubling(profile: &Profile) -> Vec<String> {
    let of = |transform| {
        let models = [&profile.model, &profile.within_call.live].into_iter();
        let mut terms = models.flat_map(|m| &m.terms);
        let term = terms.find(|t| t.transform == transform)?;
        Some(names(&term.predictor))
    };
    let vector = of(Transform::Pow2Ceil).map(|x| {
        format!(
            "a vector that doubles: its capacity is {x} rounded up to a power of two (pow2ceil)"
        )
    });
    let table = of(Transform::Buckets).map(|x| {
        format!("a hash table: {x} and room to spare, rounded up to a power of two (buckets)")
    });
    vector.into_iter().chain(table).collect()
}

/// Why more is given than the largest need seen, where a call that was cut off had asked for more than that or reached it.
fn raised(profile: &Profile) -> Option<String> {
    let recommendation = profile.recommendation.as_ref()?;
    let cut_off = |c: &&CallAllocation| {
        matches!(c.outcome, Outcome::Limited | Outcome::TimedOut)
            && c.needed_bytes > recommendation.largest_need_bytes
    };
    let calls = recommendation.calls.iter().filter(cut_off);
    let call = calls.max_by_key(|c| c.needed_bytes)?;
    let (input, needed) = (quoted(&call.input), size(call.needed_bytes));
    let how = match call.outcome {
        Outcome::TimedOut => format!("had taken {needed} at its deadline"),
        Outcome::Limited | Outcome::Failed | Outcome::Succeeded => {
            format!("was refused {needed} and failed")
        }
    };
    Some(format!(
        "{input} {how}: it needs at least that, more than the largest need seen"
    ))
}

/// Candidates that the data cannot tell from the chosen one: a few by name, the others counted.
fn doubles(profile: &Profile) -> Option<String> {
    let doubles: Vec<&Candidate> = profile
        .variables
        .iter()
        .filter(|c| matches!(c.note, CandidateNote::DoubleOf(_)) && is_another(profile, c))
        .take(3)
        .collect();
    let mut names: Vec<String> = doubles.iter().map(|c| place(&c.predictor)).collect();
    let more = more_doubles(profile, &doubles);
    if more > 0 && !names.is_empty() {
        names.push(format!("{} more", count(more)));
    }
    let moves = if names.len() == 1 { "moves" } else { "move" };
    (!names.is_empty()).then(|| format!("{} {moves} with it and would do as well", listed(&names)))
}

/// Variables that move with the chosen one, neither of the model nor named.
fn more_doubles(profile: &Profile, named: &[&Candidate]) -> usize {
    let named = named.iter().flat_map(|c| c.predictor.features());
    let known = profile.model.features().into_iter().chain(named);
    let known: BTreeSet<&str> = known.map(|f| f.variable.as_str()).collect();
    let chosen = profile.variables.iter().take(1);
    let others = chosen
        .flat_map(|c| &c.moves_with)
        .map(|f| f.variable.as_str());
    others
        .filter(|v| !known.contains(v))
        .collect::<BTreeSet<&str>>()
        .len()
}
