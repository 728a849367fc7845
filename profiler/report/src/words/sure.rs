//! How sure: what the number of distinct inputs can back, what replay and verification found, what would help.

use super::{confidence, is_lower_bound, listed};
use crate::Context;
use crate::clean::{clean, quoted};
use crate::show::{count, counted, number, odds, percent};
use trace::{Confidence, CutOff, Profile, Recommendation, Replay, Verification};

/// How sure the recommendation is; one statement per paragraph, the first begins with the confidence word.
pub(crate) fn sure(profile: &Profile, recommendation: &Recommendation) -> Vec<String> {
    let mut said = vec![format!(
        "{}: {}",
        confidence(recommendation.confidence),
        backed(profile, recommendation)
    )];
    said.extend(lower_bound(recommendation));
    said.extend(replayed(recommendation));
    let verified = recommendation.verified.as_ref().map(verified);
    said.extend(verified.map(|said| format!("verified: {said}")));
    said
}

/// Why the allocation is a lower bound, where it is one.
pub(crate) fn lower_bound(recommendation: &Recommendation) -> Option<String> {
    let cut_off = recommendation.cut_off();
    let by = [
        (cut_off.limited, "memory limit"),
        (cut_off.timed_out, "deadline"),
    ];
    let stopped = by.iter().filter(|(calls, _)| *calls > 0);
    let stopped: Vec<String> = stopped
        .map(|(calls, what)| {
            let were = if *calls == 1 { "was" } else { "were" };
            format!("{} {were} cut off by the {what}", counted(*calls, "call"))
        })
        .collect();
    let needs = if cut_off.calls() == 1 {
        "its need is"
    } else {
        "their needs are"
    };
    (!stopped.is_empty()).then(|| {
        format!(
            "only a lower bound: {}, so {needs} unknown and may be larger",
            listed(&stopped)
        )
    })
}

/// What the number of distinct inputs backs, of what was asked.
pub(crate) fn backed(profile: &Profile, r: &Recommendation) -> String {
    let inputs = counted(profile.invocations.distinct_inputs, "distinct input");
    let back = if profile.invocations.distinct_inputs == 1 {
        "backs"
    } else {
        "back"
    };
    let asked = odds(r.failure_rate_target);
    match r.confidence {
        Confidence::None => format!(
            "{inputs}, 5 needed for a formula: the largest need seen, widened; {} more for {asked}",
            count(r.inputs_needed)
        ),
        Confidence::Low if r.inputs_needed > 0 => format!(
            "{inputs} {back} {}; you asked {asked} ({} needed)",
            failures(r.failure_rate_backed),
            counted(r.inputs_needed, "more input")
        ),
        Confidence::Low if is_lower_bound(r) => {
            format!(
                "{inputs} {back} {asked} of calls like those that succeeded, not of larger ones"
            )
        }
        Confidence::Low => format!("{inputs} would back {asked}, but replay does not bear it out"),
        Confidence::Good => format!(
            "{inputs} {back} {}, as asked",
            failures(r.failure_rate_target)
        ),
        Confidence::High => format!(
            "{inputs} {back} {}, as asked, and replay proves it",
            failures(r.failure_rate_target)
        ),
    }
}

/// `1 failure in 13`.
fn failures(rate: f64) -> String {
    match odds(rate).split_once(" in ") {
        Some((one, calls)) => format!("{one} failure in {calls}"),
        None => format!("failures in {}", percent(rate)),
    }
}

/// What replay found, of the rule by which every call is given the same, and of the rule by which calls are sized one by
/// one where there is one: a line each, so that they can be compared.
pub(crate) fn replayed(r: &Recommendation) -> Vec<String> {
    let rules = [
        ("every call the same", &r.replay_function),
        (
            "sized one by one",
            &r.replay_call.filter(|_| r.sizing_feature.is_some()),
        ),
    ];
    let said: Vec<String> = rules
        .iter()
        .filter_map(|(rule, replay)| Some(format!("replay, {rule}: {}", outcome(replay.as_ref()?))))
        .collect();
    if said.is_empty() {
        return vec![
            "replay: nothing yet, a call is sized once enough others came before it".to_owned(),
        ];
    }
    said
}

/// `1 of 9 would fail (95 % sure: under 43 %), 15 % of need wasted`.
fn outcome(replay: &Replay) -> String {
    format!(
        "{} of {} would fail (95 % sure: under {}), {}",
        count(replay.failures),
        count(replay.calls),
        percent(replay.failure_rate_upper95),
        wasted(replay.waste_share)
    )
}

/// Memory given beyond need, against the need.
fn wasted(share: f64) -> String {
    if share >= 2.0 {
        format!("{} x need wasted", number((share * 10.0).round() / 10.0))
    } else {
        format!("{} of need wasted", percent(share))
    }
}

/// What happened when the inputs were run again under the recommended limit.
pub(crate) fn verified(v: &Verification) -> String {
    if v.failures == 0 && v.calls == 1 {
        return "the only call succeeded again under its recommended limit".to_owned();
    }
    if v.failures == 0 {
        return format!(
            "all {} succeeded again under their recommended limit",
            counted(v.calls, "call")
        );
    }
    let mut names: Vec<String> = v.failed_inputs.iter().take(3).map(|n| clean(n)).collect();
    if v.failed_inputs.len() > names.len() {
        names.push("...".to_owned());
    }
    format!(
        "{} of {} FAILED under {} recommended limit: {}",
        count(v.failures),
        counted(v.calls, "call"),
        if v.calls == 1 { "its" } else { "their" },
        names.join(", ")
    )
}

/// What to do to be surer.
pub(crate) fn surer(profile: &Profile, context: &Context) -> String {
    let Some(r) = &profile.recommendation else {
        return match context.problems.is_empty() {
            true => "Record calls: nothing has been run yet.".to_owned(),
            false => "Make one call succeed: the reasons are listed below.".to_owned(),
        };
    };
    let first = if r.verified.as_ref().is_some_and(|v| v.failures > 0) {
        "Calls failed under the recommended limit: profile them again with more inputs like them."
            .to_owned()
    } else if is_lower_bound(r) {
        again(r.cut_off())
    } else if r.inputs_needed > 0 {
        format!(
            "Profile {}, as different as real ones are, and {} is backed.",
            counted(r.inputs_needed, "more distinct input"),
            odds(r.failure_rate_target)
        )
    } else if r.confidence == Confidence::High {
        "Nothing more is needed for the rate asked. Profile again when the guest or its inputs change.".to_owned()
    } else {
        format!(
            "Record more calls: replay without failures has to be long enough to prove {}.",
            odds(r.failure_rate_target)
        )
    };
    match &context.next {
        // What stands behind three spaces says what the command does.
        Some(next) => match next.split_once("   ") {
            Some((command, does)) => format!("{first} Next: {} {}.", quoted(command), clean(does)),
            None => format!("{first} Next: {}", quoted(next)),
        },
        None => first,
    }
}

/// How to learn what the calls that were cut off need.
fn again(cut_off: CutOff) -> String {
    let more = match (cut_off.limited, cut_off.timed_out) {
        (_, 0) => "a larger `--max-memory`",
        (0, _) => "a longer `--timeout`",
        _ => "a larger `--max-memory` and a longer `--timeout`",
    };
    let calls = cut_off.calls();
    let were = if calls == 1 { "was" } else { "were" };
    format!(
        "Profile with {more}: {} {were} cut off.",
        counted(calls, "call")
    )
}
