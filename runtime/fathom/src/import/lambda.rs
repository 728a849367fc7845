//! What AWS Lambda reports of each call: the REPORT lines of its logs, as text in a log stream or in what `aws logs` prints,
//! or as `platform.report` where logs are JSON. Its MB are MiB. Nothing is known of inputs.

use super::{
    mapping::MappingArgs,
    quantity,
    row::{NoCall, Row, Rows},
};
use serde_json::Value;
use trace::{Bytes, Nanos, Outcome};

/// What may be said of a call, in MB or milliseconds: no more than a PB, or some days.
const MEANINGFUL: std::ops::RangeInclusive<f64> = 0.0..=1e9;

/// Of calls whose function is told by nobody.
const UNNAMED: &str = "lambda";

/// What begins a report in text, after what AWS puts before it.
const REPORT: &str = "REPORT RequestId:";

/// What a report in JSON has.
const PLATFORM_REPORT: &str = "\"platform.report\"";

/// Whether a file has such lines.
pub(super) fn is_likely(text: &str) -> bool {
    text.contains(REPORT) || text.contains(PLATFORM_REPORT)
}

pub(super) fn read(text: &str, mapping: &MappingArgs, rows: &mut Rows) -> anyhow::Result<()> {
    mapping.check_none("REPORT lines")?;
    for entry in entries(text) {
        let function = mapping.function.clone().or(entry.function);
        let of = Of {
            function: function.unwrap_or_else(|| UNNAMED.to_owned()),
            ended: entry.ended,
        };
        if let Some(call) = entry.said.call(of) {
            rows.add(entry.line, call);
        }
    }
    Ok(())
}

/// One entry of a log.
struct Entry {
    line: usize,
    function: Option<String>,
    /// When it was written, which is when the call had ended, milliseconds since 1970-01-01 UTC.
    ended: Option<f64>,
    said: Said,
}

enum Said {
    Text(String),
    Json(Value),
}

/// What is known of a call beside its report.
struct Of {
    function: String,
    ended: Option<f64>,
}

fn entries(text: &str) -> Vec<Entry> {
    let whole = serde_json::from_str::<Value>(text).ok();
    let events = whole.and_then(|whole| match whole {
        Value::Array(events) => Some(events),
        // The answer of `aws logs filter-log-events`.
        Value::Object(mut answer) => match answer.remove("events")? {
            Value::Array(events) => Some(events),
            _ => None,
        },
        _ => None,
    });
    if let Some(events) = events {
        let events = events.into_iter().enumerate();
        return events.map(|(at, event)| entry(at + 1, event)).collect();
    }
    let lines = text.lines().enumerate();
    lines.map(|(at, line)| line_of_log(at + 1, line)).collect()
}

/// A line of a log, whatever the others are: an object, or text, before which `aws logs tail` puts the time, and which may be an
/// object again.
fn line_of_log(number: usize, line: &str) -> Entry {
    let object = |text: &str| match serde_json::from_str(text) {
        Ok(object @ Value::Object(_)) => Some(object),
        _ => None,
    };
    if let Some(object) = object(line) {
        return entry(number, object);
    }
    let first = line.split_whitespace().next();
    let time = first.filter(|word| word.contains('T'));
    let inner = line.find('{').and_then(|at| object(&line[at..]));
    Entry {
        line: number,
        function: None,
        ended: time.and_then(|time| quantity::moment(time, None)),
        said: inner.map_or_else(|| Said::Text(line.to_owned()), Said::Json),
    }
}

/// An event of CloudWatch, or a line of a log that is JSON.
fn entry(line: usize, object: Value) -> Entry {
    let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
    let group = text("logGroupName").or_else(|| text("logGroup"));
    let function = group.and_then(|group| Some(group.rsplit_once('/')?.1.to_owned()));
    let ended = match object.get("timestamp") {
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
        ended,
        said,
    }
}

impl Said {
    /// The call, or why it is none; `None` for what reports none.
    fn call(self, of: Of) -> Option<Result<Row, NoCall>> {
        match self {
            Said::Text(text) if text.contains(PLATFORM_REPORT) => {
                Some(Err(NoCall::new("a platform.report that is no JSON", text)))
            }
            Said::Text(text) => Some(of_text(text.split_once(REPORT)?.1, of)),
            Said::Json(object) => {
                let is_report = object.get("type")?.as_str()? == "platform.report";
                is_report.then(|| of_json(&object, of))
            }
        }
    }
}

/// `1f2e... Duration: 18179.84 ms\tBilled Duration: 18180 ms\tMemory Size: 512 MB\tMax Memory Used: 506 MB\t`, with tabs or spaces.
fn of_text(report: &str, of: Of) -> Result<Row, NoCall> {
    let words: Vec<&str> = report.split_whitespace().collect();
    // `Duration:` is that of the call where nothing stands before it that says of what else.
    let after = |name: &str, before: &dyn Fn(&str) -> bool| {
        let mut places = words.windows(3);
        let [_, _, value] = places.find(|w| w[1] == name && before(w[0]))? else {
            return None;
        };
        Some(*value)
    };
    let number = |value: Option<&str>| {
        let number = value?.parse().ok();
        number.filter(|number| MEANINGFUL.contains(number))
    };
    let is_of_call = |before: &str| !["Billed", "Init", "Restore"].contains(&before);
    let no = |what: &str| NoCall::new(format!("no {what} in a REPORT line"), report.trim());
    let duration = number(after("Duration:", &is_of_call)).ok_or_else(|| no("duration"))?;
    let size = number(after("Size:", &|before| before == "Memory"));
    let size = size.ok_or_else(|| no("memory size"))?;
    let used = number(after("Used:", &|before| before == "Memory"));
    let used = used.ok_or_else(|| no("memory used"))?;
    let status = after("Status:", &|_| true).unwrap_or_default();
    let outcome = outcome(status, report.contains("OutOfMemory"), used, size);
    let id = words.first().copied().unwrap_or_default();
    Ok(row(of, id, outcome, [duration, size, used]))
}

fn of_json(object: &Value, of: Of) -> Result<Row, NoCall> {
    let record = &object["record"];
    let no = |what: &str| {
        NoCall::new(
            format!("no `{what}` in platform.report"),
            record.to_string(),
        )
    };
    let metric = |name: &str| {
        let number = record["metrics"][name].as_f64();
        let number = number.filter(|number| MEANINGFUL.contains(number));
        number.ok_or_else(|| no(name))
    };
    let duration = metric("durationMs")?;
    let size = metric("memorySizeMB")?;
    let used = metric("maxMemoryUsedMB")?;
    let id = record["requestId"].as_str().unwrap_or_default();
    let status = record["status"].as_str().unwrap_or_default();
    let error = record["errorType"].as_str().unwrap_or_default();
    let outcome = outcome(status, error.contains("OutOfMemory"), used, size);
    Ok(row(of, id, outcome, [duration, size, used]))
}

/// A process that was killed for want of memory is reported as an error, with all of its memory used; of old without a status.
fn outcome(status: &str, out_of_memory: bool, used: f64, size: f64) -> Outcome {
    match status {
        "timeout" => Outcome::TimedOut,
        "success" => Outcome::Succeeded,
        _ if out_of_memory || used >= size => Outcome::Limited,
        "" => Outcome::Succeeded,
        _ => Outcome::Failed,
    }
}

fn row(of: Of, id: &str, outcome: Outcome, [duration, size, used]: [f64; 3]) -> Row {
    const MB: f64 = 1_048_576.0;
    Row {
        function: of.function,
        began: of.ended.map(|ended| (ended - duration).max(0.0)),
        used: Bytes::from_f64(used * MB),
        configured: Some(Bytes::from_f64(size * MB)),
        took: Nanos((duration * 1e6) as u64),
        outcome,
        features: Vec::new(),
        input: None,
        label: id.to_owned(),
        identity: id.to_owned(),
    }
}
