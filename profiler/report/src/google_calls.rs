//! Single calls beside the bucket that Google would have each of them in: what they needed, and the variable that explains it. A few
//! of them, from the smallest need to the largest.

use crate::Style;
use crate::clean::clean;
use crate::layout::{Cell, Tone, left, right, shorten, table};
use crate::show::{size, value_of};
use trace::{Bytes, ExponentialBuckets, Outcome, Predictor, Profile, Trace};

/// Calls that are shown.
const SHOWN: usize = 6;

/// The table, its header first.
pub(crate) fn calls(
    traces: &[Trace],
    buckets: ExponentialBuckets,
    profile: &Profile,
    style: Style,
) -> Vec<String> {
    let by = profile.model.terms.first().map(|term| &term.predictor);
    let mut header = vec![left("call"), right("needed"), right("Google has it in")];
    header.extend(by.map(|by| right(shorten(&clean(&by.variables()), 20))));
    let header: Vec<Cell> = header.into_iter().map(|c| c.tone(Tone::Faint)).collect();
    let rows = picked(traces)
        .into_iter()
        .map(|call| row(call, buckets, by));
    let rows: Vec<Vec<Cell>> = std::iter::once(header).chain(rows).collect();
    table(style, &rows)
}

/// The smallest, the largest and evenly ranked ones between.
fn picked(traces: &[Trace]) -> Vec<&Trace> {
    let mut sorted: Vec<&Trace> = traces.iter().filter(|c| c.had_fresh_sandbox()).collect();
    sorted.sort_by_key(|call| call.committed_peak);
    if sorted.len() <= SHOWN {
        return sorted;
    }
    (0..SHOWN)
        .map(|at| sorted[at * (sorted.len() - 1) / (SHOWN - 1)])
        .collect()
}

fn row(call: &Trace, buckets: ExponentialBuckets, by: Option<&Predictor>) -> Vec<Cell> {
    let kept = buckets.distribution(&[call.committed_peak.as_f64()]);
    let label = shorten(&clean(&call.input.label), 28);
    let mut cells = vec![
        left(match call.outcome {
            Outcome::Succeeded => label,
            other => format!("{label}, {other}"),
        }),
        right(size(call.committed_peak)),
        right(match kept.buckets.first() {
            Some(bucket) if bucket.to.is_finite() => {
                let of = |bytes: f64| size(Bytes::from_f64(bytes.max(0.0)));
                format!("{} to {}", of(bucket.from), of(bucket.to))
            }
            _ => "the last".to_owned(),
        }),
    ];
    cells.extend(by.map(|by| {
        let value = by.value(|feature| call.value_of(feature));
        right(value.map_or("-".to_owned(), |value| value_of(by, value)))
    }));
    cells
}
