//! A call that was recorded elsewhere, and the rows that were none.

use super::{
    mapping::{Column, MappingArgs},
    quantity,
    words::Words,
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};
use trace::{
    Bytes, FunctionId, Imported, Input, LeftOut as Part, Limits, Nanos, Observed, Outcome, Refusal,
    Trace,
};

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
#[derive(Clone, Debug, PartialEq, Eq)]
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
    rows: Vec<Kept>,
    /// Those that Fathom has recorded, elsewhere.
    whole: Vec<Trace>,
    /// Of those, how many lack a part of their record.
    pub(crate) lacking: BTreeMap<Part, usize>,
    pub(crate) left_out: Vec<LeftOut>,
    /// Columns with so many different words that they are names: none is recorded.
    pub(crate) too_many_words: BTreeSet<String>,
    /// How often the same identity was seen, by its digest: two calls may say the same.
    identities: HashMap<Sha, u32>,
    /// Names that many rows have.
    names: HashSet<Arc<str>>,
}

type Sha = [u8; 32];

/// A row until it is a call: a file has many, and a call is many times as large.
struct Kept {
    function: Arc<str>,
    began: f64,
    used: Bytes,
    configured: Option<Bytes>,
    took: Nanos,
    outcome: Outcome,
    features: Box<[(Arc<str>, f64)]>,
    input: Option<Box<str>>,
    label: Box<str>,
    /// What tells it from other calls of its function.
    row: Sha,
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
            lacking: BTreeMap::new(),
            left_out: Vec::new(),
            too_many_words: BTreeSet::new(),
            identities: HashMap::new(),
            names: HashSet::new(),
        }
    }

    /// A row, or why it is none.
    pub(crate) fn add(&mut self, line: usize, row: Result<Row, NoCall>) {
        let NoCall { why, text } = match row {
            Ok(row) => {
                self.keep(line, row);
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

    /// A call that Fathom has recorded, elsewhere, and what its record lacks.
    pub(crate) fn take(&mut self, call: Trace, lacks: &BTreeSet<Part>) {
        for part in lacks {
            *self.lacking.entry(*part).or_default() += 1;
        }
        self.whole.push(call);
    }

    fn keep(&mut self, line: usize, row: Row) {
        let identity: Sha = Sha256::digest(&row.identity).into();
        let seen = self.identities.entry(identity).or_default();
        *seen += 1;
        let row_of = format!("{} {seen}", row.identity);
        let label = match row.label.is_empty() {
            true => format!("line {line}"),
            false => row.label,
        };
        let features = row.features.into_iter();
        let kept = Kept {
            row: digest(&[&row.function, &row_of]),
            function: self.name(row.function),
            // Those whose time is not known stay as they were written.
            began: row.began.unwrap_or(0.0),
            used: row.used,
            configured: row.configured,
            took: row.took,
            outcome: row.outcome,
            features: features
                .map(|(name, value)| (self.name(name), value))
                .collect(),
            input: row.input.map(String::into_boxed_str),
            label: label.into_boxed_str(),
        };
        self.rows.push(kept);
    }

    /// The same name is kept once.
    fn name(&mut self, name: String) -> Arc<str> {
        if let Some(known) = self.names.get(name.as_str()) {
            return known.clone();
        }
        let name: Arc<str> = name.into();
        self.names.insert(name.clone());
        name
    }

    /// How many calls there are.
    pub(crate) fn number(&self) -> usize {
        self.rows.len() + self.whole.len()
    }

    /// The calls, in their order, each made when it is asked for.
    pub(crate) fn calls(mut self) -> impl Iterator<Item = Trace> {
        // Stable sorts: those that began together stay as they were written.
        self.rows.sort_by(|a, b| a.began.total_cmp(&b.began));
        self.whole.sort_by_key(|call| call.started_unix_ms);
        let form = self.form;
        let names = self.too_many_words;
        let is_a_name = move |name: &str| {
            name.split_once('=')
                .is_some_and(|(column, _)| names.contains(column))
        };
        let rows = self.rows.into_iter().map(move |mut row| {
            if row.features.iter().any(|(name, _)| is_a_name(name)) {
                let told = row.features.into_iter();
                row.features = told.filter(|(name, _)| !is_a_name(name)).collect();
            }
            row.call(form)
        });
        rows.chain(self.whole)
    }
}

fn digest(parts: &[&str]) -> Sha {
    Sha256::digest(parts.join("\0")).into()
}

/// A digest as it is recorded.
fn written(digest: &Sha) -> String {
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

impl Kept {
    fn call(self, form: &str) -> Trace {
        let function = FunctionId {
            name: self.function.to_string(),
            digest: FunctionId::IMPORTED.to_owned(),
        };
        let told = self
            .features
            .iter()
            .map(|(name, value)| match name.contains('=') {
                true => name.to_string(),
                false => format!("{name}={value}"),
            });
        let told: Vec<String> = told.collect();
        let row = written(&self.row);
        let input = Input {
            // Two functions may have been given the same.
            digest: match &self.input {
                Some(input) => written(&digest(&[input])),
                None => row.clone(),
            },
            label: match (self.input, told.is_empty()) {
                (Some(input), _) => input.into_string(),
                (None, false) => told.join(" "),
                (None, true) => self.label.into_string(),
            },
        };
        // Nothing is configured to have nothing.
        let configured = self.configured.filter(|bytes| bytes.0 > 0);
        let limits = Limits {
            memory: configured.unwrap_or_default(),
            timeout: Nanos(0),
        };
        let mut call = Trace::nothing_measured(function, input, limits);
        call.started_unix_ms = self.began as u64;
        call.outcome = self.outcome;
        call.committed_peak = self.used;
        if self.outcome == Outcome::Limited {
            // Use is sampled: who was stopped at a limit has reached it.
            let limit = configured.unwrap_or(self.used);
            call.committed_peak = limit;
            call.refused_count = 1;
            call.refusals = vec![Refusal {
                at: self.took,
                asked: self.used.max(limit),
            }];
        }
        call.wall = self.took;
        // How much of it the processor was busy is not known: bills take it as all.
        call.cpu = self.took;
        let features = self.features.into_iter();
        call.observations = features
            .map(|(name, value)| Observed::before_the_call(&*name, value))
            .collect();
        call.imported = Some(Imported {
            form: form.to_owned(),
            configured,
            row,
        });
        call
    }
}

/// The call that a row of a table says, by the mapping; `get` gives the text of a column.
pub(crate) fn mapped<'r>(
    mapping: &MappingArgs,
    words: &mut Words,
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
        Some(column) => {
            let text = text(&column);
            ended(&text).ok_or_else(|| none("outcome", &column, &text))?
        }
    };
    let size = |column: &Column| {
        let text = text(column);
        quantity::size(&text, column.unit).ok_or_else(|| none("size", column, &text))
    };
    let number = |column: &Column| {
        let text = text(column);
        let value = quantity::number(&text, column.unit);
        let value = value.ok_or_else(|| none("number", column, &text))?;
        Ok((column.name.clone(), value))
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
            .filter_map(|column| match words.variable(&column.name, &text(column)) {
                Some(word) => word.map(|word| Ok((word, 1.0))),
                None => Some(number(column)),
            })
            .collect::<Result<_, NoCall>>()?,
        input: of(&mapping.input).map(|column| text(&column).into_owned()),
        label: String::new(),
        identity,
    })
}

/// Words by which others say that a call has succeeded, that it was stopped for want of memory, and at its deadline.
const SUCCEEDED: [&str; 10] = [
    "0",
    "ok",
    "success",
    "succeeded",
    "completed",
    "complete",
    "true",
    "done",
    "cached",
    "finished",
];
const OUT_OF_MEMORY: [&str; 9] = [
    "137",
    "oom",
    "oomkilled",
    "out of memory",
    "out_of_memory",
    "out_of_me+",
    "outofmemory",
    "memory limit exceeded",
    "runtime.outofmemory",
];
const TIMED_OUT: [&str; 8] = [
    "124",
    "408",
    "504",
    "timeout",
    "timed out",
    "timed_out",
    "timedout",
    "deadline exceeded",
];

/// How a call has ended, as others say it: a word, the code of an answer, or that of a process, of which 200 to 206 are taken as
/// those of answers. `None` for nothing said.
pub(crate) fn ended(text: &str) -> Option<Outcome> {
    let text = text.trim().to_lowercase();
    let is = |words: &[&str]| words.contains(&text.as_str());
    let code: Option<u16> = text.parse().ok();
    let is_answer =
        code.is_some_and(|code| (200..=206).contains(&code) || (300..=308).contains(&code));
    Some(match () {
        () if text.is_empty() => return None,
        () if is(&SUCCEEDED) || is_answer => Outcome::Succeeded,
        () if is(&OUT_OF_MEMORY) => Outcome::Limited,
        () if is(&TIMED_OUT) => Outcome::TimedOut,
        () => Outcome::Failed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_told_by_whole_words_and_by_codes() {
        use Outcome::{Failed, Limited, Succeeded, TimedOut};
        for (text, outcome) in [
            ("", None),
            ("COMPLETED", Some(Succeeded)),
            ("0", Some(Succeeded)),
            ("204", Some(Succeeded)),
            ("302", Some(Succeeded)),
            ("247", Some(Failed)),
            ("255", Some(Failed)),
            ("500", Some(Failed)),
            ("RUNNING", Some(Failed)),
            ("OUT_OF_ME+", Some(Limited)),
            ("out of memory", Some(Limited)),
            ("137", Some(Limited)),
            ("in-memory run", Some(Failed)),
            ("timeout", Some(TimedOut)),
            ("no timeout", Some(Failed)),
        ] {
            assert_eq!(ended(text), outcome, "{text}");
        }
    }
}
