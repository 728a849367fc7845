//! What a report needs beside the profile: how long it took, where things are, which calls failed and why.

use crate::stacks::{Merged, Who};
use std::path::PathBuf;
use trace::{Outcome, Trace};

/// Everything about a report that is not derived from the recorded calls. All of it is optional.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// Wall-clock time of the whole run, seconds; `None` where nothing was run.
    pub elapsed_seconds: Option<f64>,
    /// Where the HTML report was written.
    pub report_path: Option<PathBuf>,
    /// Where the calls are recorded.
    pub database_path: Option<PathBuf>,
    /// The command to run next.
    pub next: Option<String>,
    /// Calls that did not succeed.
    pub problems: Vec<Problem>,
    /// Median wall-clock time of the calls that succeeded, seconds.
    pub wall_seconds: Option<f64>,
    /// Label of the input whose call is drawn in detail; the most telling one where it is `None` or not recorded.
    pub call: Option<String>,
    /// When the last call was recorded, milliseconds since 1970-01-01 UTC.
    pub recorded_unix_ms: Option<u64>,
    /// The stacks of all calls added up.
    pub stacks: Option<Merged>,
}

impl Context {
    /// What the calls themselves tell; the rest is left empty.
    pub fn of_calls(traces: &[Trace]) -> Context {
        Context {
            stacks: Merged::of(traces),
            ..Context::without_stacks(traces)
        }
    }

    /// The same without their stacks, which take longest to be added up.
    pub fn without_stacks(traces: &[Trace]) -> Context {
        let mut walls: Vec<f64> = traces
            .iter()
            .filter(|t| t.is_measurement())
            .map(|t| t.wall.as_seconds())
            .collect();
        walls.sort_by(f64::total_cmp);
        Context {
            problems: traces.iter().filter_map(Problem::of).collect(),
            wall_seconds: walls.get(walls.len() / 2).copied(),
            recorded_unix_ms: traces.iter().map(|t| t.started_unix_ms).max(),
            ..Context::default()
        }
    }

    /// Who held the memory at the peak, where that was recorded.
    pub fn who(&self) -> Option<Who> {
        self.stacks.as_ref().and_then(Who::of)
    }
}

/// A call that did not succeed, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The input's label.
    pub input: String,
    /// How the call ended.
    pub outcome: Outcome,
    /// One sentence.
    pub reason: String,
}

impl Problem {
    /// What went wrong in a call; `None` where nothing did.
    pub fn of(trace: &Trace) -> Option<Problem> {
        (trace.outcome != Outcome::Succeeded).then(|| Problem {
            input: trace.input.label.clone(),
            outcome: trace.outcome,
            reason: trace.failure.clone().unwrap_or_else(|| unexplained(trace)),
        })
    }
}

fn unexplained(trace: &Trace) -> String {
    match (trace.outcome, trace.exit_code) {
        (Outcome::TimedOut, _) => format!("still running after {}", trace.limits.timeout),
        (Outcome::Limited, _) => format!(
            "asked for {}, allowed {}",
            trace.needed(),
            trace.limits.memory
        ),
        (Outcome::Failed | Outcome::Succeeded, Some(code)) => format!("exit code {code}"),
        (Outcome::Failed | Outcome::Succeeded, None) => "no reason recorded".to_owned(),
    }
}

/// How text is shown on a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to colour it, by ANSI escape sequences.
    pub color: bool,
    /// Columns of the terminal. No line is longer, except one that holds a path or a command.
    pub width: usize,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            color: false,
            width: 100,
        }
    }
}
