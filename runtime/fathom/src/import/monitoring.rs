//! What Google's Cloud Monitoring has of functions, as `timeSeries.list` answers: for each minute a distribution of the memory
//! that calls have used at most, and of the time they took. A call is one value of it: exact where it was the only one of its
//! minute, else the upper bound of its bucket. Which call took how long is not known: each is taken to have taken the mean. Of
//! Cloud Run it has a share of the limit, sampled of instances: no calls, and read only to compare distributions.

use super::{
    distribution, json_lines,
    mapping::MappingArgs,
    quantity,
    row::{NoCall, Row, Rows},
};
use serde_json::Value;
use std::collections::HashMap;
use trace::{Bytes, Measured, Nanos, Outcome};

/// Bytes that a call has used at most.
pub(crate) const MEMORY: &str = "cloudfunctions.googleapis.com/function/user_memory_bytes";
/// Nanoseconds.
pub(crate) const TIMES: &str = "cloudfunctions.googleapis.com/function/execution_times";
/// The share of the limit that an instance uses.
pub(crate) const RUN_MEMORY: &str = "run.googleapis.com/container/memory/utilizations";
/// Milliseconds.
pub(crate) const RUN_TIMES: &str = "run.googleapis.com/request_latencies";

/// Bytes of one of Google's MB.
const MB: f64 = 1_048_576.0;

/// Whether a file is such an answer.
pub(super) fn is_likely(text: &str) -> bool {
    text.contains("\"timeSeries\"") || text.contains("\"distributionValue\"")
}

pub(super) fn read(text: &str, mapping: &MappingArgs, rows: &mut Rows) -> anyhow::Result<()> {
    mapping.check_none("Cloud Monitoring")?;
    let series = series(text);
    let times: HashMap<(String, String), f64> = series
        .iter()
        .filter(|series| series["metric"]["type"] == TIMES)
        .flat_map(|series| points(series).map(|point| (key(series, point), mean(point))))
        .collect();
    for (at, series) in series.iter().enumerate() {
        let line = at + 1;
        match kind(series) {
            MEMORY => {
                for point in points(series) {
                    let took = times.get(&key(series, point)).copied();
                    of_point(series, point, took.unwrap_or(0.0), mapping, line, rows);
                }
            }
            TIMES => {}
            other => rows.add(line, Err(NoCall::new("not of the memory of calls", other))),
        }
    }
    Ok(())
}

/// All series of all pages: an answer, several in an array or one a line, or the series themselves.
pub(crate) fn series(text: &str) -> Vec<Value> {
    let pages = match serde_json::from_str::<Value>(text) {
        Ok(Value::Array(pages)) => pages,
        Ok(page) => vec![page],
        Err(_) => json_lines::objects(text)
            .filter_map(|(_, page)| page.ok())
            .collect(),
    };
    let mut all = Vec::new();
    for page in pages {
        match page.get("timeSeries") {
            Some(Value::Array(series)) => all.extend(series.iter().cloned()),
            Some(_) => {}
            None => all.push(page),
        }
    }
    all
}

fn points(series: &Value) -> impl Iterator<Item = &Value> {
    series["points"].as_array().into_iter().flatten()
}

/// The function, or of Cloud Run the service.
pub(crate) fn name(series: &Value) -> Option<&str> {
    let labels = &series["resource"]["labels"];
    ["function_name", "service_name"]
        .into_iter()
        .find_map(|name| labels[name].as_str())
}

/// What is measured.
pub(crate) fn kind(series: &Value) -> &str {
    series["metric"]["type"].as_str().unwrap_or_default()
}

/// The distributions of a series as they are; points that are none are left out.
pub(crate) fn measured(series: &Value) -> impl Iterator<Item = Measured> + '_ {
    let configured = series["metric"]["labels"]["memory"].as_str();
    let configured_mb = configured.and_then(|mb| mb.parse().ok());
    let succeeded = succeeded(series);
    points(series).filter_map(move |point| {
        let at = |end: &str| quantity::moment(point["interval"][end].as_str()?, None);
        let to = at("endTime")?;
        Some(Measured {
            from_unix_ms: at("startTime").unwrap_or(to) as u64,
            to_unix_ms: to as u64,
            configured_mb,
            succeeded,
            values: distribution::read(&point["value"]["distributionValue"])?,
        })
    })
}

/// Whether the calls of a series succeeded, where it says how they ended: `status` of Cloud Functions, the class of the answer of
/// Cloud Run.
fn succeeded(series: &Value) -> Option<bool> {
    let labels = &series["metric"]["labels"];
    if let Some(status) = labels["status"].as_str() {
        return Some(status == "ok");
    }
    let class = labels["response_code_class"].as_str()?;
    Some(matches!(class, "1xx" | "2xx" | "3xx"))
}

/// How many points of a series are no distributions.
pub(crate) fn no_distributions(series: &Value) -> usize {
    points(series).count() - measured(series).count()
}

fn ended(point: &Value) -> &str {
    point["interval"]["endTime"].as_str().unwrap_or_default()
}

fn key(series: &Value, point: &Value) -> (String, String) {
    (
        name(series).unwrap_or_default().to_owned(),
        ended(point).to_owned(),
    )
}

/// Nanoseconds.
fn mean(point: &Value) -> f64 {
    point["value"]["distributionValue"]["mean"]
        .as_f64()
        .unwrap_or(0.0)
}

fn of_point(
    series: &Value,
    point: &Value,
    took: f64,
    mapping: &MappingArgs,
    line: usize,
    rows: &mut Rows,
) {
    let Some(distribution) = distribution::read(&point["value"]["distributionValue"]) else {
        let text = point["value"].to_string();
        return rows.add(
            line,
            Err(NoCall::new(
                "not a distribution of Cloud Monitoring's",
                text,
            )),
        );
    };
    let Some(function) = mapping.function.as_deref().or_else(|| name(series)) else {
        let text = series["resource"].to_string();
        return rows.add(
            line,
            Err(NoCall::new("no `function_name` in the resource", text)),
        );
    };
    let labels = &series["metric"]["labels"];
    let configured = labels["memory"]
        .as_str()
        .and_then(|mb| mb.parse::<f64>().ok());
    let (values, unbounded) = distribution.values();
    for value in values {
        let at = ended(point);
        rows.add(
            line,
            Ok(Row {
                function: function.to_owned(),
                began: quantity::moment(at, None),
                used: Bytes::from_f64(value),
                configured: configured.map(|mb| Bytes::from_f64(mb * MB)),
                took: Nanos(took.max(0.0) as u64),
                outcome: Outcome::Succeeded,
                features: Vec::new(),
                input: None,
                label: at.to_owned(),
                identity: format!("{function} {at} {value}"),
            }),
        );
    }
    for _ in 0..unbounded.min(1) {
        let why = "above the last bound of a distribution";
        rows.add(
            line,
            Err(NoCall::new(
                why,
                format!("{unbounded} calls until {}", ended(point)),
            )),
        );
    }
}
