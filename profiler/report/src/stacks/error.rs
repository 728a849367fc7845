//! Why stacks cannot be shown.

use super::View;
use thiserror::Error;

/// Stacks were asked for that are not there.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StackError {
    /// No call has a record of its allocations.
    #[error(
        "{which} recorded who allocated its memory: record it with `--heap exact` (every allocation) or \
         `--heap sampled`, as in `fathom profile GUEST --heap exact`{}",
        if *.no_allocator { "; no allocator was found in this guest, so there is nothing to record" } else { "" }
    )]
    NoHeap {
        /// `call 3 has not`, `none of 14 calls has`.
        which: String,
        /// Whether none of the calls knew its allocator either.
        no_allocator: bool,
    },
    /// No call has CPU samples.
    #[error(
        "{which} recorded where its time went: record it with `--cpu`, as in `fathom profile GUEST --cpu`"
    )]
    NoCpu {
        /// `call 3 has not`, `none of 14 calls has`.
        which: String,
    },
    /// The stacks are there and add up to nothing.
    #[error("nothing to show: {}", nothing(*.view))]
    Nothing {
        /// What was asked for.
        view: View,
    },
    /// A viewer's format that has no place for this view.
    #[error("{format} shows {shows}, not `{view}`")]
    NotInFormat {
        /// `perf-script`.
        format: &'static str,
        /// `allocated` or `cpu`.
        shows: &'static str,
        /// What was asked for.
        view: View,
    },
    /// Drawing failed.
    #[error("the flame graph cannot be drawn: {reason}")]
    Drawing {
        /// What the drawing library says.
        reason: String,
    },
}

fn nothing(view: View) -> &'static str {
    match view {
        View::Allocated => "nothing was allocated",
        View::AtPeak => "nothing was held at the peak",
        View::AtEnd => "everything was given back before the end",
        View::Temporary => "nothing was given back right after it was allocated",
        View::Cpu => "no CPU time was sampled",
    }
}

/// `none of 14 calls has`, or of one call `the call has not`.
pub(super) fn which(calls: usize) -> String {
    match calls {
        1 => "the call has not".to_owned(),
        calls => format!("none of {calls} calls has"),
    }
}
