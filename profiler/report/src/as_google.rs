//! Our own calls in Google's form: as `timeSeries.list` of Cloud Monitoring answers, and as a table of what that view cannot show.

use crate::Style;
use crate::clean::clean;
use crate::google_calls;
use crate::layout::{Cell, Tone, labelled, left, right, table, wrap};
use crate::show::{counted, megabytes, percent, size};
use serde_json::{Value, json};
use trace::{AsGoogle, Bytes, ExponentialBuckets, Outcome, Profile, Trace};

/// The answer of `projects.timeSeries.list` about memory and times of the calls, points newest first, 64-bit integers as text.
///
/// Project and region are `local`. How Google calls the trigger of such a function is not verified.
pub fn as_google_series(
    view: &AsGoogle,
    memory: ExponentialBuckets,
    times: ExponentialBuckets,
) -> Value {
    let series = |kind: &str, labels: Value, unit: &str, points: Vec<Value>| {
        json!({
            "metric": { "type": format!("cloudfunctions.googleapis.com/function/{kind}"), "labels": labels },
            "resource": {
                "type": "cloud_function",
                "labels": { "project_id": "local", "region": "local", "function_name": view.function }
            },
            "metricKind": "DELTA",
            "valueType": "DISTRIBUTION",
            "points": points,
            "unit": unit,
        })
    };
    let point = |from: u64, values: &[f64], buckets: ExponentialBuckets| {
        json!({
            "interval": { "startTime": moment(from), "endTime": moment(from + 60_000) },
            "value": { "distributionValue": distribution(values, buckets) },
        })
    };
    let configured = view.configured_mb.to_string();
    let newest_first = || view.minutes.iter().rev();
    let of_memory = newest_first().map(|m| point(m.from_unix_ms, &m.memory, memory));
    let mut all = vec![series(
        "user_memory_bytes",
        json!({ "memory": configured, "trigger_type": "HTTP_TRIGGER" }),
        "By",
        of_memory.collect(),
    )];
    for (outcome, status) in [
        (Outcome::Succeeded, "ok"),
        (Outcome::Failed, "error"),
        (Outcome::Limited, "out of memory"),
        (Outcome::TimedOut, "timeout"),
    ] {
        let points = newest_first().filter_map(|minute| {
            let times_of = minute.times.iter().filter(|(_, ended)| *ended == outcome);
            let values: Vec<f64> = times_of.map(|(nanos, _)| *nanos).collect();
            (!values.is_empty()).then(|| point(minute.from_unix_ms, &values, times))
        });
        let points: Vec<Value> = points.collect();
        if !points.is_empty() {
            let labels =
                json!({ "memory": configured, "status": status, "trigger_type": "HTTP_TRIGGER" });
            all.push(series("execution_times", labels, "ns", points));
        }
    }
    json!({ "timeSeries": all })
}

/// A `distributionValue`.
fn distribution(values: &[f64], buckets: ExponentialBuckets) -> Value {
    let distribution = buckets.distribution(values);
    let squared = |value: &f64| (value - distribution.mean).powi(2);
    let counts = buckets.counts(values);
    let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
    json!({
        "count": distribution.count.to_string(),
        "mean": distribution.mean,
        "sumOfSquaredDeviation": values.iter().map(squared).sum::<f64>(),
        "bucketOptions": { "exponentialBuckets": {
            "numFiniteBuckets": buckets.finite, "growthFactor": buckets.growth, "scale": buckets.scale
        } },
        "bucketCounts": counts,
    })
}

/// A moment as Google writes one.
fn moment(unix_ms: u64) -> String {
    let text = crate::show::utc(unix_ms);
    let text = text.trim_end_matches(" UTC").replace(' ', "T");
    format!("{text}:{:02}Z", unix_ms / 1_000 % 60)
}

/// What Google's view says of the calls, against what they needed; what single ones needed; and by which variable.
pub fn as_google_text(
    view: &AsGoogle,
    buckets: ExponentialBuckets,
    profile: &Profile,
    traces: &[Trace],
    style: Style,
) -> String {
    let calls: usize = view.minutes.iter().map(|minute| minute.memory.len()).sum();
    let title = format!(
        "{}: {} in {}, as Cloud Monitoring would have them and as they were",
        clean(&view.function),
        counted(calls, "call"),
        counted(view.minutes.len(), "minute")
    );
    let mut lines = vec![style.paint(Tone::Strong, &title), String::new()];
    let header = [
        "calls that need no more",
        "Google shows",
        "exact",
        "off by up to",
    ];
    let header = header.iter().enumerate().map(|(at, name)| match at {
        0 => left(*name).tone(Tone::Faint),
        _ => right(*name).tone(Tone::Faint),
    });
    let rows = view.quantiles.iter().map(|seen| {
        let share = match seen.share {
            0.0 => "the smallest".to_owned(),
            1.0 => "all".to_owned(),
            share => percent(share),
        };
        let off = (seen.to - seen.exact)
            .abs()
            .max((seen.exact - seen.from).abs())
            / seen.exact;
        vec![
            left(share),
            right(between(seen.from, seen.to)),
            right(size(Bytes::from_f64(seen.exact))),
            match off.is_finite() {
                true => right(percent(off)).tone(Tone::Warn),
                false => right("-"),
            },
        ]
    });
    let rows: Vec<Vec<Cell>> = std::iter::once(header.collect()).chain(rows).collect();
    lines.extend(table(style, &rows));
    lines.push(String::new());
    lines.extend(google_calls::calls(traces, buckets, profile, style));
    lines.push(String::new());
    lines.extend(labelled(style, "Call", &[per_call(view, calls)]));
    lines.extend(labelled(style, "Why", &[per_variable(profile)]));
    lines.extend(labelled(style, "Size", &[sizes(view)]));
    lines.push(String::new());
    let legend = "The bounds of Google's real buckets are not known: these grow by the factor of --growth. Both are of the guest's \
                  memory; what a runtime at Google adds to it is what `fathom compare gcf` fits.";
    lines.extend(wrap(legend, style.width));
    lines.join("\n") + "\n"
}

fn between(from: f64, to: f64) -> String {
    let of = |bytes: f64| size(Bytes::from_f64(bytes));
    match (from.is_finite(), to.is_finite()) {
        (true, true) if from == to => of(from),
        (true, true) => format!("{} to {}", of(from), of(to)),
        (true, false) => format!("{} and more", of(from)),
        (false, true) => format!("below {}", of(to)),
        (false, false) => "anything".to_owned(),
    }
}

fn per_call(view: &AsGoogle, calls: usize) -> String {
    let alone = match view.alone {
        0 => "of none of them it says which needed how much".to_owned(),
        n if n == calls => {
            "each was alone in its minute, so it says what each needed, not which it was".to_owned()
        }
        n => format!(
            "of {} that were alone in their minute it says what they needed, of the others not",
            counted(n, "call")
        ),
    };
    format!(
        "Google keeps counts of buckets: {alone}. Here the memory of each of {} is known to the byte, with its input.",
        counted(calls, "call")
    )
}

fn per_variable(profile: &Profile) -> String {
    let here = match profile.model.formula.as_str() {
        "" => format!("Here: {}.", clean(&profile.model.reason)),
        formula => format!("Here: peak = {}.", clean(formula)),
    };
    format!(
        "Google has no variable of a function, so no reason why one call needs more than another. {here}"
    )
}

fn sizes(view: &AsGoogle) -> String {
    let told = |mb: Option<u64>| mb.map_or("no size".to_owned(), megabytes);
    let (google, calls) = (told(view.size_by_google_mb), told(view.size_by_calls_mb));
    match google == calls {
        true => format!(
            "{google} holds the guest by the upper bound of Google's last bucket and by the calls."
        ),
        false => format!(
            "By the upper bound of Google's last bucket the guest needs {google}; by what the calls needed {calls}."
        ),
    }
}
