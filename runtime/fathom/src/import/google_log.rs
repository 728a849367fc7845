//! Entries of Google's Cloud Logging, as `gcloud logging read --format=json` prints them or a sink writes them. Of a function's
//! own lines nothing is read but the records that Fathom writes where it runs there. Google itself says of a call how long it
//! took and how it ended, and of its memory only that it was exceeded: calls without memory are counted and left out, they are
//! in Cloud Monitoring.

use super::{
    json_lines,
    mapping::MappingArgs,
    quantity,
    row::{NoCall, Row, Rows},
};
use serde_json::Value;
use std::collections::HashMap;
use trace::{Bytes, LogLine, Nanos, Outcome, Trace};

/// A record whose numbers Cloud Logging has kept as floating-point ones may come back with `.0`: beyond this they are not exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether a file has such entries.
pub(super) fn is_likely(text: &str) -> bool {
    text.contains("\"logName\"") || text.contains(&format!("\"{}\"", LogLine::CALL))
}

pub(super) fn read(text: &str, mapping: &MappingArgs, rows: &mut Rows) -> anyhow::Result<()> {
    mapping.check_none("a log of Google's")?;
    // Several lines of the log are of one call.
    let mut said: Vec<Said> = Vec::new();
    let mut by_call: HashMap<String, usize> = HashMap::new();
    for (line, entry) in json_lines::objects(text) {
        let entry = match entry {
            Ok(entry) => entry,
            Err(no) => {
                rows.add(line, Err(no));
                continue;
            }
        };
        if let Some(record) = field(&entry, LogLine::CALL) {
            match serde_json::from_value::<Trace>(whole(record.clone())) {
                Ok(call) => rows.take(call),
                Err(error) => rows.add(
                    line,
                    Err(NoCall::new("not a record of Fathom's", error.to_string())),
                ),
            }
            continue;
        }
        if field(&entry, LogLine::LEFT_OUT).is_some() {
            let why = "its record was too long for a line of the log";
            let text = message(&entry).unwrap_or_default();
            rows.add(line, Err(NoCall::new(why, text)));
            continue;
        }
        let Some(message) = message(&entry) else {
            continue;
        };
        let told = Told::of(message);
        if told == Told::Nothing {
            continue;
        }
        let call = call_of(&entry).unwrap_or_else(|| format!("line {line}"));
        let at = *by_call.entry(call.clone()).or_insert_with(|| {
            said.push(Said::new(line, call, &entry));
            said.len() - 1
        });
        said[at].take(told, message);
    }
    for said in said {
        let line = said.line;
        rows.add(line, said.row(mapping.function.clone()));
    }
    Ok(())
}

/// A field of a line, as it was printed or inside an entry.
fn field<'e>(entry: &'e Value, name: &str) -> Option<&'e Value> {
    entry
        .get(name)
        .or_else(|| entry.get("jsonPayload")?.get(name))
}

fn message(entry: &Value) -> Option<&str> {
    let text = entry.get("textPayload").or_else(|| field(entry, "message"));
    text?.as_str()
}

/// Numbers without a fraction as whole ones, wherever they are.
fn whole(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            Some(exact) if number.is_f64() && exact.fract() == 0.0 && exact.abs() <= EXACT => {
                Value::from(exact as i64)
            }
            _ => Value::Number(number),
        },
        Value::Array(values) => values.into_iter().map(whole).collect(),
        Value::Object(fields) => {
            let fields = fields.into_iter();
            fields.map(|(name, value)| (name, whole(value))).collect()
        }
        other => other,
    }
}

/// What tells the call from others.
fn call_of(entry: &Value) -> Option<String> {
    let of_function = entry["labels"]["execution_id"].as_str();
    let of_run = entry["trace"].as_str();
    of_function.or(of_run).map(str::to_owned)
}

/// What one line says of a call.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Told {
    /// `Function execution took 426 ms, finished with status code: 200`.
    Ended {
        milliseconds: f64,
        outcome: Outcome,
    },
    /// `Memory limit of 1024 MiB exceeded with 1025 MiB used.`
    Exceeded {
        limit: f64,
        used: f64,
    },
    Nothing,
}

impl Told {
    fn of(message: &str) -> Told {
        Told::ended(message)
            .or_else(|| Told::exceeded(message))
            .unwrap_or(Told::Nothing)
    }

    /// Written with a comma or a full stop, a code or a word, in quotes or not.
    fn ended(message: &str) -> Option<Told> {
        let (_, rest) = message.split_once("Function execution took ")?;
        let (milliseconds, rest) = rest.split_once(" ms")?;
        let (_, status) = rest.split_once("inished with status")?;
        let (_, status) = status.split_once(':')?;
        let status = status.trim().trim_matches(['\'', '.', ' ']);
        let outcome = super::row::ended(status)?;
        Some(Told::Ended {
            milliseconds: milliseconds.trim().parse().ok()?,
            outcome,
        })
    }

    fn exceeded(message: &str) -> Option<Told> {
        let (_, rest) = message.split_once("emory limit of ")?;
        let (limit, rest) = rest.split_once(" exceeded with ")?;
        let (used, _) = rest.split_once(" used")?;
        let bytes = |text: &str| Some(quantity::size(text, None)?.as_f64());
        Some(Told::Exceeded {
            limit: bytes(limit)?,
            used: bytes(used)?,
        })
    }
}

/// What all lines of one call say.
struct Said {
    line: usize,
    call: String,
    function: Option<String>,
    began: Option<f64>,
    ended: Option<(f64, Outcome)>,
    exceeded: Option<(f64, f64)>,
    text: String,
}

impl Said {
    fn new(line: usize, call: String, entry: &Value) -> Said {
        let labels = &entry["resource"]["labels"];
        let name = ["function_name", "service_name"]
            .into_iter()
            .find_map(|name| labels[name].as_str());
        let time = entry["timestamp"].as_str();
        Said {
            line,
            call,
            function: name.map(str::to_owned),
            began: time.and_then(|time| quantity::moment(time, None)),
            ended: None,
            exceeded: None,
            text: String::new(),
        }
    }

    fn take(&mut self, told: Told, message: &str) {
        match told {
            Told::Ended {
                milliseconds,
                outcome,
            } => self.ended = Some((milliseconds, outcome)),
            Told::Exceeded { limit, used } => self.exceeded = Some((limit, used)),
            Told::Nothing => return,
        }
        if self.text.is_empty() {
            message.clone_into(&mut self.text);
        }
    }

    fn row(self, function: Option<String>) -> Result<Row, NoCall> {
        let Some((limit, used)) = self.exceeded else {
            let why = "no memory in it: Google has that in Cloud Monitoring";
            return Err(NoCall::new(why, self.text));
        };
        let function = function.or(self.function);
        let function = function.ok_or_else(|| NoCall::new("no name of a function", self.text))?;
        let milliseconds = self.ended.map_or(0.0, |ended| ended.0).max(0.0);
        Ok(Row {
            function,
            began: self.began,
            used: Bytes::from_f64(used),
            configured: Some(Bytes::from_f64(limit)),
            took: Nanos((milliseconds * 1e6) as u64),
            outcome: Outcome::Limited,
            features: Vec::new(),
            input: None,
            label: self.call.clone(),
            identity: self.call,
        })
    }
}
