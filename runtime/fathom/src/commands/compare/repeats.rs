//! What was exported twice, or saved and fetched again, is counted once: points of a series, entries of the log, calls of ours.

use super::drive::Driven;
use crate::import::quantity;
use serde_json::Value;
use std::collections::HashSet;

/// Leaves of points with the same metric, labels and interval the first.
pub(super) fn drop_points(series: &mut Vec<Value>) {
    let mut seen = HashSet::new();
    series.retain_mut(|series| {
        let of = |part: &str, name: &str| {
            let part = &series[part];
            format!("{} {}", part[name], labels(&part["labels"]))
        };
        let whose = format!("{} {}", of("metric", "type"), of("resource", "type"));
        let points = series.get_mut("points").and_then(Value::as_array_mut);
        let Some(points) = points else {
            return true;
        };
        let had = points.len();
        points.retain(|point| {
            let at = |end: &str| moment(&point["interval"][end]);
            seen.insert(format!("{whose} {} {}", at("startTime"), at("endTime")))
        });
        had == 0 || !points.is_empty()
    });
}

/// Leaves of entries with the same id the first, and of those without one what is not the same to the last letter.
pub(super) fn drop_entries(entries: &mut Vec<Value>) {
    let mut seen = HashSet::new();
    entries.retain(|entry| {
        seen.insert(match entry["insertId"].as_str() {
            Some(id) => format!("{id} {} {}", moment(&entry["timestamp"]), entry["logName"]),
            None => entry.to_string(),
        })
    });
}

/// Leaves each call of ours once.
pub(super) fn drop_calls(calls: &mut Vec<Driven>) {
    let mut seen = HashSet::new();
    calls.retain(|call| {
        seen.insert((
            call.execution_id.clone(),
            call.trace.clone(),
            call.began_unix_ms,
        ))
    });
}

/// Labels in the order of their names.
fn labels(labels: &Value) -> String {
    let labels = labels.as_object().into_iter().flatten();
    let mut labels: Vec<String> = labels
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    labels.sort();
    labels.join(" ")
}

/// A moment however it is written.
fn moment(at: &Value) -> String {
    let known = at.as_str().and_then(|text| quantity::moment(text, None));
    known.map_or_else(|| at.to_string(), |at| at.to_string())
}
