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
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use trace::{Bytes, LeftOut, LogLine, Nanos, Outcome, Trace};

/// A record whose numbers Cloud Logging has kept as floating-point ones may come back with `.0`: beyond this they are not exact.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Whether a file has such entries.
pub(super) fn is_likely(text: &str) -> bool {
    text.contains("\"logName\"") || text.contains(&format!("\"{}\"", LogLine::CALL))
}

pub(super) fn read(text: &str, mapping: &MappingArgs, rows: &mut Rows) -> anyhow::Result<()> {
    mapping.check_none("a log of Google's")?;
    let log = Log::of(json_lines::objects(text));
    for (line, no) in log.left_out {
        rows.add(line, Err(no));
    }
    for record in log.records {
        let mut trace = record.trace;
        if let Some(name) = &mapping.function {
            trace.function.name.clone_from(name);
        }
        rows.take(trace, &record.lacks);
    }
    for said in log.said {
        let line = said.line;
        rows.add(line, said.row(mapping.function.clone()));
    }
    Ok(())
}

/// What entries say of calls.
pub(crate) struct Log {
    /// By Google, in the order in which calls were first told of.
    pub(crate) said: Vec<Said>,
    /// By Fathom.
    pub(crate) records: Vec<Recorded>,
    /// Entries that are none, by their lines.
    pub(crate) left_out: Vec<(usize, NoCall)>,
}

/// A record of Fathom's, and what its entry says of the call that wrote it.
pub(crate) struct Recorded {
    pub(crate) trace: Trace,
    pub(crate) ids: Vec<String>,
    /// What of it was too long for its line.
    lacks: BTreeSet<LeftOut>,
}

impl Log {
    /// Takes in entries with their lines.
    pub(crate) fn of(entries: impl IntoIterator<Item = (usize, Result<Value, NoCall>)>) -> Log {
        let mut log = Log {
            said: Vec::new(),
            records: Vec::new(),
            left_out: Vec::new(),
        };
        // Several lines of the log are of one call.
        let mut by_call: HashMap<String, usize> = HashMap::new();
        for (line, entry) in entries {
            let entry = match entry {
                Ok(entry) => entry,
                Err(no) => {
                    log.left_out.push((line, no));
                    continue;
                }
            };
            if let Some(record) = field(&entry, LogLine::CALL) {
                match serde_json::from_value::<Trace>(whole(record.clone())) {
                    Ok(trace) => log.records.push(Recorded {
                        trace,
                        ids: ids(&entry),
                        lacks: lacks(&entry),
                    }),
                    Err(error) => log.left_out.push((
                        line,
                        NoCall::new("not a record of Fathom's", error.to_string()),
                    )),
                }
                continue;
            }
            if field(&entry, LogLine::LEFT_OUT).is_some() {
                let why = "its record was too long for a line of the log";
                let text = message(&entry).unwrap_or_default();
                log.left_out.push((line, NoCall::new(why, text)));
                continue;
            }
            let (told, text) = match (message(&entry), request(&entry)) {
                (Some(message), _) => (Told::of(message), message),
                (None, Some((told, latency))) => (told, latency),
                (None, None) => continue,
            };
            if told == Told::Nothing {
                continue;
            }
            let ids = ids(&entry);
            let call = ids
                .first()
                .cloned()
                .unwrap_or_else(|| format!("line {line}"));
            let said = &mut log.said;
            let mut at = *by_call.entry(call.clone()).or_insert_with(|| {
                said.push(Said::new(line, call.clone(), ids.clone(), &entry));
                said.len() - 1
            });
            // One trace goes through several requests, each of which is a call.
            let request = entry.get("httpRequest").and(entry["insertId"].as_str());
            if let Some(request) = request {
                let known = said[at].request.get_or_insert_with(|| request.to_owned());
                if known.as_str() != request {
                    said.push(Said::new(line, call, ids, &entry));
                    at = said.len() - 1;
                    said[at].request = Some(request.to_owned());
                }
            }
            said[at].take(told, text);
        }
        log
    }
}

/// A field of a line, as it was printed or inside an entry.
fn field<'e>(entry: &'e Value, name: &str) -> Option<&'e Value> {
    entry
        .get(name)
        .or_else(|| entry.get("jsonPayload")?.get(name))
}

/// What the line of a record says that it lacks.
fn lacks(entry: &Value) -> BTreeSet<LeftOut> {
    let parts = field(entry, LogLine::LEFT_OUT).and_then(Value::as_array);
    let parts = parts.into_iter().flatten();
    parts
        .filter_map(|part| LeftOut::deserialize(part).ok())
        .collect()
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

/// What tells the call from others: its execution id, and the id of its trace.
fn ids(entry: &Value) -> Vec<String> {
    let execution = entry["labels"]["execution_id"].as_str();
    let of_trace = entry["trace"].as_str();
    let all = execution.into_iter().chain(of_trace);
    all.map(str::to_owned).collect()
}

/// What Cloud Run's log of requests says of one: `"latency": "0.426s"`.
fn request(entry: &Value) -> Option<(Told, &str)> {
    let request = entry.get("httpRequest")?;
    let latency = request["latency"].as_str()?;
    let seconds: f64 = latency.strip_suffix('s')?.parse().ok()?;
    let outcome = super::row::ended(&request["status"].to_string())?;
    let milliseconds = seconds * 1e3;
    Some((
        Told::Ended {
            milliseconds,
            outcome,
        },
        latency,
    ))
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
pub(crate) struct Said {
    line: usize,
    call: String,
    /// Its execution id and the name of its trace, as far as they are said.
    pub(crate) ids: Vec<String>,
    pub(crate) function: Option<String>,
    /// When the first of the lines was written, which are written at its end; milliseconds since 1970-01-01 UTC.
    pub(crate) at: Option<f64>,
    /// What tells the request from others of its trace, where the log is one of requests.
    pub(crate) request: Option<String>,
    /// Milliseconds, and how.
    pub(crate) ended: Option<(f64, Outcome)>,
    /// The limit and what was used, bytes.
    pub(crate) exceeded: Option<(f64, f64)>,
    text: String,
}

impl Said {
    fn new(line: usize, call: String, ids: Vec<String>, entry: &Value) -> Said {
        let labels = &entry["resource"]["labels"];
        let name = ["function_name", "service_name"]
            .into_iter()
            .find_map(|name| labels[name].as_str());
        let time = entry["timestamp"].as_str();
        Said {
            line,
            call,
            ids,
            function: name.map(str::to_owned),
            at: time.and_then(|time| quantity::moment(time, None)),
            request: None,
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
            began: self.at,
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
