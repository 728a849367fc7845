//! Why a call could not begin. What a guest does once it runs is an outcome, not an error.

use crate::EventError;
use std::{io, path::PathBuf};

/// A call that could not begin. Nothing of the guest has run.
#[derive(Debug, thiserror::Error)]
pub enum InvokeError {
    /// The input cannot be read.
    #[error(transparent)]
    Event(#[from] EventError),
    /// The body was there a moment ago.
    #[error("cannot open the input `{label}`: {source}")]
    Open {
        /// The event's label.
        label: String,
        /// Why not.
        source: io::Error,
    },
    /// The directory cannot be granted.
    #[error("cannot grant the directory `{}`: {reason}", path.display())]
    Mount {
        /// The directory.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// There is no place for a scratch directory.
    #[error("cannot make a scratch directory: {0}")]
    Scratch(io::Error),
    /// No such export.
    #[error("the guest exports no function `{name}`; it exports {}", candidates.join(", "))]
    NoSuchExport {
        /// What was asked for.
        name: String,
        /// What is there.
        candidates: Vec<String>,
    },
    /// A component that is no command.
    #[error("the component exports no `wasi:cli/run`: expected a command")]
    NoCommand,
    /// An export of a component asked for by name.
    #[error(
        "`{name}` cannot be called: of components only commands are run, through `wasi:cli/run`"
    )]
    NotInComponents {
        /// What was asked for.
        name: String,
    },
    /// The arguments do not fit the export's parameters.
    #[error("`{name}` takes {expected}, but was given {given}")]
    Arguments {
        /// The export.
        name: String,
        /// Types of its parameters.
        expected: String,
        /// The arguments.
        given: String,
    },
    /// The request is none that could be passed on.
    #[error("cannot pass the request on: {0}")]
    Request(String),
    /// The system refused what the host itself needs.
    #[error("cannot set up the sandbox: {0}")]
    Host(io::Error),
}
