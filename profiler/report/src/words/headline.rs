//! The first sentence, with the number in it, and the count of calls above it. Reasons follow in the other files.

use crate::clean::clean;
use crate::show::{count, counted, round_size, seconds, size};
use trace::{CallAllocation, Confidence, InvocationCounts, Outcome, Profile, Recommendation};

/// `12/12 calls, 0 failed, 3.1 s`; limited and timed-out calls only where there are any.
pub(crate) fn tally(counts: &InvocationCounts, elapsed_seconds: Option<f64>) -> String {
    let mut parts = vec![
        format!("{}/{} calls", count(counts.succeeded), count(counts.total)),
        format!("{} failed", count(counts.failed)),
    ];
    if counts.limited > 0 {
        parts.push(format!("{} limited", count(counts.limited)));
    }
    if counts.timed_out > 0 {
        parts.push(format!("{} timed out", count(counts.timed_out)));
    }
    parts.extend(elapsed_seconds.map(seconds));
    parts.join(", ")
}

/// What to do, in one sentence, and what was seen.
pub(crate) fn headline(profile: &Profile) -> String {
    let name = clean(&profile.function.name);
    let counts = &profile.invocations;
    match &profile.recommendation {
        Some(r) => format!(
            "{name}: give each call {}{} of {} (today {}). Largest need seen: {}{}.",
            if is_lower_bound(r) { "at least " } else { "" },
            size(r.allocation_bytes),
            if profile.function.is_imported() {
                "memory"
            } else {
                "guest memory"
            },
            round_size(r.baseline_bytes),
            size(r.largest_need_bytes),
            above(r)
        ),
        None if counts.total == 0 => format!("{name}: nothing to say yet, no call is recorded."),
        None if counts.total == 1 => {
            format!("{name}: no recommendation, the only call did not succeed.")
        }
        None => format!(
            "{name}: no recommendation, none of {} calls succeeded.",
            count(counts.total)
        ),
    }
}

/// How many calls needed more than is recommended: of many a few may.
fn above(recommendation: &Recommendation) -> String {
    let succeeded = |c: &&CallAllocation| c.outcome == Outcome::Succeeded;
    let calls = || recommendation.calls.iter().filter(succeeded);
    let more = calls()
        .filter(|c| c.needed_bytes > recommendation.allocation_bytes)
        .count();
    match more {
        0 => String::new(),
        more => {
            let of = count(calls().count());
            format!("; {} of {of} calls needed more than that", count(more))
        }
    }
}

/// Whether calls were cut off before they had shown their need.
pub(crate) fn is_lower_bound(recommendation: &Recommendation) -> bool {
    recommendation.cut_off().calls() > 0
}

/// The confidence as one word.
pub(crate) fn confidence(confidence: Confidence) -> &'static str {
    match confidence {
        Confidence::None => "NONE",
        Confidence::Low => "LOW",
        Confidence::Good => "GOOD",
        Confidence::High => "HIGH",
    }
}

/// Above the list of calls that did not succeed.
pub(crate) fn problems_title(problems: usize) -> String {
    format!("{} did not succeed", counted(problems, "call"))
}

/// How a call ended, in a table; what is only a lower bound says so.
pub(crate) fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Limited => "limited: at least this".to_owned(),
        other => other.to_string(),
    }
}
