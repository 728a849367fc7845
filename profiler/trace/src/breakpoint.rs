//! Places at which variables are observed, and how they are written on a command line. Whether a guest has such a place,
//! and which ones a name or a pattern means, is found out by `probe`.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A place at which variables are observed.
///
/// Written `input`, `open:`, `entry:NAME`, `exit:NAME`, `set:NAME`, `FILE:LINE`, `end` or `sample`, in JSON too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Breakpoint {
    /// Known before the call begins: size of the body, numeric arguments, sizes of granted files, fields of a JSON body.
    Input,
    /// A file has just been opened by the guest.
    Open,
    /// A function is entered; its parameters are readable.
    Entry(String),
    /// A function returns; its result is readable. Does not fire after a trap or an exit of the whole guest.
    Exit(String),
    /// A variable has just been assigned: a watched or exported one by its name, a local one as `FUNCTION.VARIABLE`.
    Set(String),
    /// A line of the source is about to be executed; the variables that are readable there are.
    Line {
        /// The source file, as much of its path as tells it from others.
        file: String,
        /// From 1.
        line: u32,
    },
    /// The sandbox ends, however it ends; watched and exported variables are readable.
    End,
    /// The timeline took a sample; watched and exported variables are readable. Which values are seen depends on timing.
    Sample,
}

impl fmt::Display for Breakpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Breakpoint::Input => f.write_str("input"),
            Breakpoint::Open => f.write_str("open:"),
            Breakpoint::Entry(name) => write!(f, "entry:{name}"),
            Breakpoint::Exit(name) => write!(f, "exit:{name}"),
            Breakpoint::Set(name) => write!(f, "set:{name}"),
            Breakpoint::Line { file, line } => write!(f, "{file}:{line}"),
            Breakpoint::End => f.write_str("end"),
            Breakpoint::Sample => f.write_str("sample"),
        }
    }
}

/// Text that names no breakpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseBreakpointError {
    text: String,
}

impl fmt::Display for ParseBreakpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a breakpoint: expected input, open:, entry:NAME, exit:NAME, set:NAME, FILE:LINE, end \
             or sample",
            self.text
        )
    }
}

impl std::error::Error for ParseBreakpointError {}

impl FromStr for Breakpoint {
    type Err = ParseBreakpointError;

    fn from_str(text: &str) -> Result<Breakpoint, ParseBreakpointError> {
        let named = |name: &str, make: fn(String) -> Breakpoint| {
            (!name.is_empty()).then(|| make(name.to_owned()))
        };
        let parsed = match text.split_once(':') {
            None => match text {
                "input" => Some(Breakpoint::Input),
                "open" => Some(Breakpoint::Open),
                "end" => Some(Breakpoint::End),
                "sample" => Some(Breakpoint::Sample),
                _ => None,
            },
            Some(("open", "")) => Some(Breakpoint::Open),
            Some(("entry", name)) => named(name, Breakpoint::Entry),
            Some(("exit", name)) => named(name, Breakpoint::Exit),
            Some(("set", name)) => named(name, Breakpoint::Set),
            Some(_) => line_of(text),
        };
        parsed.ok_or_else(|| ParseBreakpointError {
            text: text.to_owned(),
        })
    }
}

/// `src/main.rs:12`.
fn line_of(text: &str) -> Option<Breakpoint> {
    let (file, line) = text.rsplit_once(':')?;
    let line = line.parse().ok().filter(|line| *line > 0)?;
    (!file.is_empty() && !file.ends_with(':')).then(|| Breakpoint::Line {
        file: file.to_owned(),
        line,
    })
}

impl TryFrom<String> for Breakpoint {
    type Error = ParseBreakpointError;

    fn try_from(text: String) -> Result<Breakpoint, ParseBreakpointError> {
        text.parse()
    }
}

impl From<Breakpoint> for String {
    fn from(breakpoint: Breakpoint) -> String {
        breakpoint.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_what_is_parsed() {
        for text in [
            "input",
            "open:",
            "entry:process",
            "exit:a::b",
            "set:LINES",
            "set:reader::process.rows",
            "src/main.rs:12",
            "end",
            "sample",
        ] {
            assert_eq!(text.parse::<Breakpoint>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "entry:",
            "lines",
            "at:main",
            "open:x",
            "main.rs:0",
            ":12",
            "a::12",
        ] {
            assert!(text.parse::<Breakpoint>().is_err(), "{text}");
        }
    }
}
