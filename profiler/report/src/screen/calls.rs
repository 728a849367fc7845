//! A few calls with their need as bars: the smallest, the largest and some between. All of them are in the report.

use crate::clean::clean;
use crate::layout::{Cell, Tone, left, right, shorten, table};
use crate::show::{count, size, value_of};
use crate::{Style, words};
use trace::{Bytes, CallAllocation, Outcome, Profile, Recommendation};

/// Calls shown.
const SHOWN: usize = 5;
/// Columns of a bar that stands for the whole allocation.
const BAR: usize = 26;

pub(super) fn lines(profile: &Profile, style: Style) -> Vec<String> {
    let Some(recommendation) = &profile.recommendation else {
        return Vec::new();
    };
    let picked = picked(&recommendation.calls);
    if picked.is_empty() || all_alike(&recommendation.calls) {
        return Vec::new();
    }
    let mut rows = vec![header(recommendation, &picked)];
    rows.extend(picked.iter().map(|call| row(recommendation, call)));
    let hidden = recommendation.calls.len() - picked.len();
    let mut lines = table(style, &rows);
    if hidden > 0 {
        let more = format!("{} more: fathom traces list", count(hidden));
        lines.push(style.paint(Tone::Faint, &more));
    }
    let outside = recommendation.calls.iter();
    let outside = outside
        .filter_map(|c| words::outside_seen(recommendation, c))
        .take(2);
    lines.extend(outside.flat_map(|said| crate::layout::wrap(&said, style.width)));
    lines
}

/// Several calls that all needed the same: a picture of that says nothing.
fn all_alike(calls: &[CallAllocation]) -> bool {
    let same = |c: &CallAllocation| {
        c.needed_bytes == calls[0].needed_bytes && c.outcome == Outcome::Succeeded
    };
    calls.len() > 1 && calls.iter().all(same)
}

/// The smallest, the largest and evenly ranked ones between, ascending by need.
fn picked(calls: &[CallAllocation]) -> Vec<&CallAllocation> {
    // What a failed call had reached says nothing about its need.
    let known = |c: &&CallAllocation| matches!(c.outcome, Outcome::Succeeded | Outcome::Limited);
    let mut sorted: Vec<&CallAllocation> = calls.iter().filter(known).collect();
    sorted.sort_by(|a, b| (a.needed_bytes, &a.input).cmp(&(b.needed_bytes, &b.input)));
    if sorted.len() <= SHOWN + 1 {
        return sorted;
    }
    (0..SHOWN)
        .map(|i| sorted[i * (sorted.len() - 1) / (SHOWN - 1)])
        .collect()
}

fn header(recommendation: &Recommendation, picked: &[&CallAllocation]) -> Vec<Cell> {
    let mut cells = vec![left("input")];
    if let Some(name) = feature_name(recommendation, picked) {
        cells.push(right(shorten(&clean(&name), 20)));
    }
    cells.push(right("needed"));
    cells.push(left(format!(
        "of the {} given",
        size(recommendation.allocation_bytes)
    )));
    cells.into_iter().map(|c| c.tone(Tone::Faint)).collect()
}

/// What calls are sized by, where they have values of it.
fn feature_name(recommendation: &Recommendation, picked: &[&CallAllocation]) -> Option<String> {
    let sized_by = recommendation.sizing_feature.as_ref()?;
    picked
        .iter()
        .any(|c| c.feature_value.is_some())
        .then(|| sized_by.variables())
}

fn row(recommendation: &Recommendation, call: &CallAllocation) -> Vec<Cell> {
    let mut cells = vec![left(shorten(&clean(&call.input), 28))];
    if let Some(sized_by) = &recommendation.sizing_feature {
        cells.push(right(
            call.feature_value
                .map_or("-".to_owned(), |x| value_of(sized_by, x)),
        ));
    }
    let at_least = if call.outcome == Outcome::Limited {
        ">= "
    } else {
        ""
    };
    cells.push(right(format!("{at_least}{}", size(call.needed_bytes))));
    cells.push(match call.outcome {
        Outcome::Succeeded => {
            left(bar(call.needed_bytes, recommendation.allocation_bytes)).tone(Tone::Bar)
        }
        other => left(words::outcome(other)).tone(Tone::Bad),
    });
    cells
}

/// At least one mark; `>` at the end where the need is larger than what is given.
fn bar(needed: Bytes, given: Bytes) -> String {
    let marks = (needed.as_f64() / given.as_f64().max(1.0) * BAR as f64).round();
    if needed > given {
        return "#".repeat(BAR) + ">";
    }
    "#".repeat((marks as usize).clamp(1, BAR))
}
