//! A call that was recorded elsewhere, and the rows that were none.

use super::{
    mapping::{Column, MappingArgs},
    quantity,
};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use trace::{Bytes, FunctionId, Imported, Input, Limits, Nanos, Observed, Outcome, Refusal, Trace};

/// What stands for the digest of a module where there is none.
const DIGEST: &str = "imported";

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) function: String,
    /// Milliseconds since 1970-01-01 UTC, or whatever orders the calls.
    pub(crate) began: Option<f64>,
    /// What it has used at most; where it was stopped for want of memory, what it would have needed at least.
    pub(crate) used: Bytes,
    pub(crate) configured: Option<Bytes>,
    pub(crate) took: Nanos,
    pub(crate) outcome: Outcome,
    pub(crate) features: Vec<(String, f64)>,
    /// Which input it had, where that is known.
    pub(crate) input: Option<String>,
    /// What a person recognises it by: its id, its line.
    pub(crate) label: String,
    /// What tells it from other calls. Only its digest is kept.
    pub(crate) identity: String,
}

/// Rows that were no calls, for one reason.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct LeftOut {
    /// Such as: no size in `peak_rss`.
    pub(crate) why: String,
    /// How many.
    pub(crate) rows: usize,
    /// The first of them: its line.
    pub(crate) first_line: usize,
    /// What stood there.
    pub(crate) first_text: String,
}

/// What was read of a file.
pub(crate) struct Rows {
    form: &'static str,
    rows: Vec<Row>,
    /// Those that Fathom has recorded, elsewhere.
    whole: Vec<Trace>,
    pub(crate) left_out: Vec<LeftOut>,
    /// How often the same identity was seen: two calls may say the same.
    identities: HashMap<String, usize>,
}

/// Why a row is no call, and what stood there.
pub(crate) struct NoCall {
    pub(crate) why: String,
    pub(crate) text: String,
}

impl NoCall {
    pub(crate) fn new(why: impl Into<String>, text: impl Into<String>) -> NoCall {
        NoCall {
            why: why.into(),
            text: text.into(),
        }
    }
}

impl Rows {
    pub(crate) fn new(form: &'static str) -> Rows {
        Rows {
            form,
            rows: Vec::new(),
            whole: Vec::new(),
            left_out: Vec::new(),
            identities: HashMap::new(),
        }
    }

    /// A row, or why it is none.
    pub(crate) fn add(&mut self, line: usize, row: Result<Row, NoCall>) {
        let NoCall { why, text } = match row {
            Ok(mut row) => {
                let seen = self.identities.entry(row.identity.clone()).or_default();
                *seen += 1;
                row.identity = format!("{} {seen}", row.identity);
                if row.label.is_empty() {
                    row.label = format!("line {line}");
                }
                self.rows.push(row);
                return;
            }
            Err(none) => none,
        };
        match self
            .left_out
            .iter_mut()
            .find(|left_out| left_out.why == why)
        {
            Some(left_out) => left_out.rows += 1,
            None => self.left_out.push(LeftOut {
                why,
                rows: 1,
                first_line: line,
                first_text: text.chars().take(80).collect(),
            }),
        }
    }

    /// A call that Fathom has recorded, elsewhere.
    pub(crate) fn take(&mut self, call: Trace) {
        self.whole.push(call);
    }

    /// The calls, in their order.
    pub(crate) fn calls(mut self) -> Vec<Trace> {
        // A stable sort: those that began together stay as they were written.
        self.rows
            .sort_by(|a, b| a.began.unwrap_or(0.0).total_cmp(&b.began.unwrap_or(0.0)));
        let form = self.form;
        let mut calls: Vec<Trace> = self.rows.into_iter().map(|row| row.call(form)).collect();
        self.whole.sort_by_key(|call| call.started_unix_ms);
        calls.append(&mut self.whole);
        calls
    }
}

impl Row {
    fn call(self, form: &str) -> Trace {
        let function = FunctionId {
            name: self.function,
            digest: DIGEST.to_owned(),
        };
        let told = self
            .features
            .iter()
            .map(|(name, value)| format!("{name}={value}"));
        let told: Vec<String> = told.collect();
        let digest = |of: &str| {
            let bytes = Sha256::digest([form, "\0", &function.name, "\0", of].concat());
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("sha256:{hex}")
        };
        let input = Input {
            digest: digest(self.input.as_deref().unwrap_or(&self.identity)),
            label: match (&self.input, told.is_empty()) {
                (Some(input), _) => input.clone(),
                (None, false) => told.join(" "),
                (None, true) => self.label,
            },
        };
        let limits = Limits {
            memory: self.configured.unwrap_or_default(),
            timeout: Nanos(0),
        };
        let mut call = Trace::nothing_measured(function, input, limits);
        call.started_unix_ms = self.began.unwrap_or(0.0) as u64;
        call.outcome = self.outcome;
        call.committed_peak = self.used;
        if self.outcome == Outcome::Limited {
            call.committed_peak = self.configured.unwrap_or(self.used).min(self.used);
            call.refused_count = 1;
            call.refusals = vec![Refusal {
                at: self.took,
                asked: self.used,
            }];
        }
        call.wall = self.took;
        // How much of it the processor was busy is not known: bills take it as all.
        call.cpu = self.took;
        let features = self.features.into_iter();
        call.observations = features
            .map(|(name, value)| Observed::before_the_call(name, value))
            .collect();
        call.imported = Some(Imported {
            form: form.to_owned(),
            configured: self.configured,
        });
        call
    }
}

/// The call that a row of a table says, by the mapping; `get` gives the text of a column.
pub(crate) fn mapped<'r>(
    mapping: &MappingArgs,
    get: impl Fn(&str) -> Option<std::borrow::Cow<'r, str>>,
    identity: String,
) -> Result<Row, NoCall> {
    let text = |column: &Column| get(&column.name).unwrap_or_default();
    let of = |column: &Option<Column>| column.clone();
    let none = |what: &str, column: &Column, text: &str| {
        NoCall::new(format!("no {what} in `{column}`"), text)
    };
    let function = match (&mapping.function, of(&mapping.function_column)) {
        (Some(name), _) => name.clone(),
        (None, Some(column)) => match text(&column).trim() {
            "" => return Err(none("name", &column, "")),
            name => name.to_owned(),
        },
        (None, None) => return Err(NoCall::new("no function", "")),
    };
    let outcome = match of(&mapping.outcome) {
        None => Outcome::Succeeded,
        Some(column) => ended(&text(&column)),
    };
    let size = |column: &Column| {
        let text = text(column);
        quantity::size(&text, column.unit).ok_or_else(|| none("size", column, &text))
    };
    let target = of(&mapping.target).ok_or_else(|| NoCall::new("no target", ""))?;
    Ok(Row {
        function,
        outcome,
        used: size(&target)?,
        configured: of(&mapping.configured)
            .map(|column| size(&column))
            .transpose()?,
        took: match of(&mapping.duration) {
            None => Nanos(0),
            Some(column) => {
                let text = text(&column);
                quantity::time(&text, column.unit).ok_or_else(|| none("time", &column, &text))?
            }
        },
        began: match of(&mapping.order) {
            None => None,
            Some(column) => {
                let text = text(&column);
                let moment = quantity::moment(&text, column.unit);
                Some(moment.ok_or_else(|| none("time or number", &column, &text))?)
            }
        },
        features: mapping
            .features
            .iter()
            .map(|column| {
                let text = text(column);
                let value = quantity::number(&text, column.unit);
                let value = value.ok_or_else(|| none("number", column, &text))?;
                Ok((column.name.clone(), value))
            })
            .collect::<Result<_, NoCall>>()?,
        input: of(&mapping.input).map(|column| text(&column).into_owned()),
        label: String::new(),
        identity,
    })
}

/// How a call has ended, as others say it.
pub(crate) fn ended(text: &str) -> Outcome {
    let text = text.trim().to_lowercase();
    let succeeded = [
        "",
        "0",
        "ok",
        "success",
        "succeeded",
        "completed",
        "complete",
        "true",
        "done",
        "cached",
    ];
    let status: Option<u16> = text.parse().ok();
    let has = |part: &str| text.contains(part);
    match () {
        () if succeeded.contains(&text.as_str()) => Outcome::Succeeded,
        () if status.is_some_and(|status| (200..400).contains(&status)) => Outcome::Succeeded,
        () if text == "137" || has("memory") || has("oom") => Outcome::Limited,
        () if text == "124" || has("timeout") || has("timed out") => Outcome::TimedOut,
        () => Outcome::Failed,
    }
}
