//! `fathom compare gcf`: our own calls in Google's form, exported answers of Google's beside them, and a server that stands in for
//! Google. Nothing here has asked Google itself.

mod offline;
mod online;
mod stand_in;
mod tokens;

use crate::support::{Place, printed};
use assert_cmd::Command;
use serde_json::{Value, json};

const MIB: f64 = 1_048_576.0;

/// 2026-11-20 10:00 UTC, where minutes of Google's begin.
const TEN: u64 = 1_795_168_800_000;

/// Forty calls here: input `iN` needs N + 2 MiB in a second.
fn here(place: &Place) {
    let rows = (1..=40).map(|n| format!("{n},{} MiB,256 MiB,1,i{n}\n", n + 2));
    place.import_calls("f", &rows.collect::<String>());
}

/// `fathom compare gcf ARGS`, with nothing of the caller's Google.
fn compare(place: &Place, args: &[&str]) -> Command {
    let all = [&["compare", "gcf", "--db", "calls.db"], args].concat();
    let mut command = place.fathom(all);
    for name in [
        "GOOGLE_CLOUD_PROJECT",
        "GOOGLE_APPLICATION_CREDENTIALS",
        "GCE_METADATA_HOST",
    ] {
        command.env_remove(name);
    }
    command.env("CLOUDSDK_CONFIG", place.path("no-gcloud"));
    command
}

fn compared(place: &Place, args: &[&str]) -> Value {
    let (code, text, said) = printed(&mut compare(place, &[args, &["--json"]].concat()));
    assert_eq!(code, 0, "{args:?}: {said}");
    serde_json::from_str(&text).expect("JSON")
}

/// A moment after ten as Google writes it.
fn moment(minutes: u64, seconds: u64) -> String {
    format!("2026-11-20T10:{minutes:02}:{seconds:02}Z")
}

/// A series of distributions.
fn series(metric: &str, name: (&str, &str), points: &[Value]) -> Value {
    json!({
        "metric": { "type": metric, "labels": { "memory": "256", "trigger_type": "HTTP_TRIGGER" } },
        "resource": { "type": "of Google's", "labels": { name.0: name.1 } },
        "metricKind": "DELTA", "valueType": "DISTRIBUTION", "points": points,
    })
}

/// A minute in which one call ended.
fn one(minute: u64, value: f64) -> Value {
    json!({
        "interval": { "startTime": moment(minute, 0), "endTime": moment(minute + 1, 0) },
        "value": { "distributionValue": { "count": "1", "mean": value } },
    })
}

/// What Google's log says of a call that ended.
fn ended(execution: &str, minute: u64, milliseconds: u64) -> Value {
    json!({
        "labels": { "execution_id": execution },
        "logName": "projects/p/logs/cloudfunctions.googleapis.com%2Fcloud-functions",
        "resource": { "labels": { "function_name": "f" }, "type": "cloud_function" },
        "textPayload": format!("Function execution took {milliseconds} ms, finished with status code: 200"),
        "timestamp": moment(minute, 30),
    })
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// An estimate that is what it has to be, and the interval around it.
fn is(estimate: &Value, truth: f64, tolerance: f64) {
    let of = |end: &str| number(&estimate[end]);
    assert!(
        (of("value") - truth).abs() <= tolerance,
        "{truth}: {estimate}"
    );
    assert!(
        of("low") <= of("value") && of("value") <= of("high"),
        "{estimate}"
    );
}
