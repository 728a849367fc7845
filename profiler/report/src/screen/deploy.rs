//! What to set where, and what it costs there. Every size of every provider is in the report.

use crate::clean::clean;
use crate::layout::{Cell, Tone, left, right, shorten, table};
use crate::show::{megabytes, percent, round_size, seconds, size, usd};
use crate::{Context, Style};
use trace::{Profile, ProviderBill, Recommendation};

pub(super) fn lines(profile: &Profile, context: &Context, style: Style) -> Vec<String> {
    let Some(recommendation) = &profile.recommendation else {
        return Vec::new();
    };
    let mut rows = vec![header(recommendation), here(recommendation, context)];
    rows.extend(recommendation.providers.iter().map(row));
    table(style, &rows)
}

fn header(recommendation: &Recommendation) -> Vec<Cell> {
    let against = format!(
        "against {} today",
        round_size(recommendation.baseline_bytes)
    );
    [
        left("deploy to"),
        right("size"),
        right("est. time"),
        right("USD/million"),
        left(against),
    ]
    .into_iter()
    .map(|c| c.tone(Tone::Faint))
    .collect()
}

fn here(recommendation: &Recommendation, context: &Context) -> Vec<Cell> {
    vec![
        left("fathom serve"),
        right(size(recommendation.allocation_bytes)),
        right(context.wall_seconds.map_or("-".to_owned(), seconds)),
        right("-"),
        left(held(recommendation.memory_saving_share)),
    ]
}

fn row(bill: &ProviderBill) -> Vec<Cell> {
    vec![
        left(shorten(&clean(&bill.name), 24)),
        right(megabytes(bill.size_mb)),
        right(seconds(bill.estimated_seconds)),
        right(usd(bill.usd_per_million)),
        left(clean(why(bill))),
    ]
}

/// In few words, so that a row is a line; the sentence is in the report.
fn why(bill: &ProviderBill) -> &str {
    if bill.in_short.is_empty() {
        &bill.reason
    } else {
        &bill.in_short
    }
}

/// `90 % less memory held`.
pub(crate) fn held(saving_share: f64) -> String {
    match saving_share {
        s if s >= 0.005 => format!("{} less memory held", percent(s)),
        s if s <= -0.005 => format!("{} more memory held: today's is too small", percent(-s)),
        _ => "the same".to_owned(),
    }
}

/// A saving as the change of the bill: `-4 %`.
pub(crate) fn change(saving_share: f64) -> String {
    match saving_share {
        s if s >= 0.0005 => format!("-{}", percent(s)),
        s if s <= -0.0005 => format!("+{}", percent(-s)),
        _ => "0 %".to_owned(),
    }
}
