//! What AWS Lambda reports of each call: the REPORT lines of its logs, as text in a log stream or in what `aws logs` prints,
//! or as `platform.report` where logs are JSON. Its MB are MiB. Nothing is known of inputs.

use super::{
    json_lines,
    mapping::MappingArgs,
    quantity,
    row::{NoCall, Row, Rows},
};
use serde_json::Value;
use trace::{Bytes, Nanos, Outcome};

/// Of calls whose function is told by nobody.
const UNNAMED: &str = "lambda";

/// Whether a file has such lines.
pub(super) fn is_likely(text: &str) -> bool {
    text.contains("REPORT RequestId:") || text.contains("\"platform.report\"")
}

pub(super) fn read(text: &str, mapping: &MappingArgs, rows: &mut Rows) -> anyhow::Result<()> {
    mapping.check_none("REPORT lines")?;
    for entry in entries(text) {
        let function = mapping.function.clone().or(entry.function);
        let function = function.unwrap_or_else(|| UNNAMED.to_owned());
        if let Some(call) = entry.said.call(function, entry.began) {
            rows.add(entry.line, call);
        }
    }
    Ok(())
}

/// One entry of a log.
struct Entry {
    line: usize,
    function: Option<String>,
    began: Option<f64>,
    said: Said,
}

enum Said {
    Text(String),
    Json(Value),
}

fn entries(text: &str) -> Vec<Entry> {
    // The answer of `aws logs filter-log-events` is one object.
    if let Ok(Value::Object(whole)) = serde_json::from_str::<Value>(text)
        && let Some(Value::Array(events)) = whole.get("events")
    {
        let events = events.iter().enumerate();
        return events
            .map(|(at, event)| entry(at + 1, event.clone()))
            .collect();
    }
    let is_json = text.trim_start().starts_with(['{', '[']);
    if is_json {
        let objects = json_lines::objects(text).into_iter();
        let objects = objects.filter_map(|(line, object)| Some((line, object.ok()?)));
        return objects.map(|(line, object)| entry(line, object)).collect();
    }
    let lines = text.lines().enumerate();
    let entries = lines.map(|(at, line)| Entry {
        line: at + 1,
        function: None,
        // `aws logs tail` puts the time before each line.
        began: line.split_whitespace().next().and_then(at_of_tail),
        said: Said::Text(line.to_owned()),
    });
    entries.collect()
}

fn at_of_tail(word: &str) -> Option<f64> {
    let time = word.split(['+', 'Z']).next()?;
    time.contains('T')
        .then(|| quantity::moment(&format!("{time}Z"), None))?
}

/// An event of CloudWatch, or a line of a log that is JSON.
fn entry(line: usize, object: Value) -> Entry {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let group = text("logGroupName").or_else(|| text("logGroup"));
    let function = group.and_then(|group| Some(group.rsplit_once('/')?.1.to_owned()));
    let began = match object.get("timestamp") {
        Some(Value::Number(number)) => number.as_f64(),
        _ => text("timestamp")
            .or_else(|| text("time"))
            .and_then(|time| quantity::moment(&time, None)),
    };
    let said = match text("message").or_else(|| text("@message")) {
        Some(message) => match serde_json::from_str(&message) {
            Ok(inner @ Value::Object(_)) => Said::Json(inner),
            _ => Said::Text(message),
        },
        None => Said::Json(object),
    };
    Entry {
        line,
        function,
        began,
        said,
    }
}

impl Said {
    /// The call, or why it is none; `None` for what reports none.
    fn call(self, function: String, began: Option<f64>) -> Option<Result<Row, NoCall>> {
        match self {
            Said::Text(text) => {
                let report = text.split_once("REPORT RequestId:")?.1;
                Some(of_text(report, function, began))
            }
            Said::Json(object) => {
                let is_report = object.get("type")?.as_str()? == "platform.report";
                is_report.then(|| of_json(&object, function, began))
            }
        }
    }
}

/// `1f2e... Duration: 18179.84 ms\tBilled Duration: 18180 ms\tMemory Size: 512 MB\tMax Memory Used: 506 MB\t`.
fn of_text(report: &str, function: String, began: Option<f64>) -> Result<Row, NoCall> {
    let after = |name: &str| {
        // `Duration` is the end of `Billed Duration` and of `Init Duration`.
        let mut found = report.match_indices(name);
        let (at, _) = found.find(|(at, _)| {
            let before = report[..*at].trim_end_matches([' ', '\t']);
            !["Billed", "Init", "Restore", "Max"]
                .iter()
                .any(|word| before.ends_with(word))
                || name.starts_with(['B', 'M'])
        })?;
        report[at + name.len()..]
            .split_whitespace()
            .next()?
            .parse::<f64>()
            .ok()
    };
    let no = |what: &str| NoCall::new(format!("no {what} in a REPORT line"), report.trim());
    let id = report.split_whitespace().next().unwrap_or_default();
    let duration = after("Duration:").ok_or_else(|| no("duration"))?;
    let size = after("Memory Size:").ok_or_else(|| no("memory size"))?;
    let used = after("Max Memory Used:").ok_or_else(|| no("memory used"))?;
    let status = report.split_once("Status:").map_or("", |(_, rest)| {
        rest.split(['\t', '\n']).next().unwrap_or_default().trim()
    });
    let error = report.contains("Runtime.OutOfMemory") || report.contains("OutOfMemory");
    let outcome = outcome(status, error, used, size);
    Ok(row(function, began, id, outcome, [duration, size, used]))
}

fn of_json(object: &Value, function: String, began: Option<f64>) -> Result<Row, NoCall> {
    let record = &object["record"];
    let metric = |name: &str| record["metrics"][name].as_f64();
    let no = |what: &str| {
        NoCall::new(
            format!("no `{what}` in platform.report"),
            record.to_string(),
        )
    };
    let duration = metric("durationMs").ok_or_else(|| no("durationMs"))?;
    let size = metric("memorySizeMB").ok_or_else(|| no("memorySizeMB"))?;
    let used = metric("maxMemoryUsedMB").ok_or_else(|| no("maxMemoryUsedMB"))?;
    let id = record["requestId"].as_str().unwrap_or_default();
    let status = record["status"].as_str().unwrap_or_default();
    let error = record["errorType"].as_str().unwrap_or_default();
    let outcome = outcome(status, error.contains("OutOfMemory"), used, size);
    Ok(row(function, began, id, outcome, [duration, size, used]))
}

/// A process that was killed for want of memory is reported as an error, with all of its memory used.
fn outcome(status: &str, out_of_memory: bool, used: f64, size: f64) -> Outcome {
    match status {
        "timeout" => Outcome::TimedOut,
        _ if out_of_memory => Outcome::Limited,
        "" | "success" => Outcome::Succeeded,
        _ if used >= size => Outcome::Limited,
        _ => Outcome::Failed,
    }
}

fn row(
    function: String,
    began: Option<f64>,
    id: &str,
    outcome: Outcome,
    [duration, size, used]: [f64; 3],
) -> Row {
    const MB: f64 = 1_048_576.0;
    Row {
        function,
        began,
        used: Bytes::from_f64(used * MB),
        configured: Some(Bytes::from_f64(size * MB)),
        took: Nanos((duration * 1e6).max(0.0) as u64),
        outcome,
        features: Vec::new(),
        input: None,
        label: id.to_owned(),
        identity: id.to_owned(),
    }
}
