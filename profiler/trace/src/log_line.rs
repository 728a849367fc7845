//! One call as a line of structured logging: what `fathom serve --log-calls` writes and `fathom import` reads back. The names
//! of the fields are those that Google's Cloud Logging gives a meaning to; all others arrive in the `jsonPayload` of the entry.
//! Where a line goes, and how long it may be, is not known here.

use crate::{Outcome, Trace};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A line.
#[derive(Clone, Debug, Serialize)]
pub struct LogLine<'call> {
    /// How bad it is.
    pub severity: Severity,
    /// For people: one sentence.
    pub message: String,
    /// Which request it was: `projects/PROJECT/traces/ID`.
    #[serde(
        rename = "logging.googleapis.com/trace",
        skip_serializing_if = "Option::is_none"
    )]
    pub trace: Option<String>,
    /// By what entries are looked for.
    #[serde(rename = "logging.googleapis.com/labels")]
    pub labels: LogLabels<'call>,
    /// The record; `None` where it is too long even without all that can be left out.
    #[serde(rename = "fathom_call", skip_serializing_if = "Option::is_none")]
    pub call: Option<&'call Trace>,
    /// What the record lacks for the line to be short enough.
    #[serde(rename = "fathom_left_out", skip_serializing_if = "<[_]>::is_empty")]
    pub left_out: &'call [LeftOut],
}

impl LogLine<'_> {
    /// The field that has the record.
    pub const CALL: &'static str = "fathom_call";

    /// The field that says what the record lacks.
    pub const LEFT_OUT: &'static str = "fathom_left_out";
}

/// Labels of an entry.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct LogLabels<'call> {
    /// Name of the function.
    pub fathom_function: &'call str,
    /// The call's id, as its caller knows it.
    pub fathom_call_id: &'call str,
}

/// How bad it is, in Cloud Logging's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// The call succeeded.
    Info,
    /// It did not.
    Error,
}

impl Severity {
    /// That of a call that ended so.
    pub fn of(outcome: Outcome) -> Severity {
        match outcome {
            Outcome::Succeeded => Severity::Info,
            Outcome::Failed | Outcome::Limited | Outcome::TimedOut => Severity::Error,
        }
    }
}

/// A part of a record that a line may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// Values that are no numbers, which JSON does not have.
    NotNumbers,
    /// Who allocated the memory, and where the time went.
    Stacks,
    /// Memory over time: samples and growths.
    Timeline,
    /// Single hits of breakpoints; what they came to is there.
    Hits,
    /// The whole of it.
    Record,
    /// What a newer Fathom leaves out, and this one does not know.
    #[serde(other)]
    Other,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            LeftOut::NotNumbers => "values that are no numbers",
            LeftOut::Stacks => "stacks",
            LeftOut::Timeline => "timeline",
            LeftOut::Hits => "single hits of breakpoints",
            LeftOut::Record => "record",
            LeftOut::Other => "parts that this version does not know",
        })
    }
}
