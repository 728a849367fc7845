//! One small error type per operation. Each message names the file, what was expected, and what to do.

use crate::TraceId;
use std::{io, path::PathBuf};

/// Why a file of recorded calls could not be opened. The file has not been changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Nothing has been recorded there.
    #[error(
        "no recorded calls at {}: `fathom profile GUEST` records some (`--db FILE` names another place)",
        path.display()
    )]
    Missing {
        /// The file looked for.
        path: PathBuf,
    },
    /// The folder of the file could not be made.
    #[error("cannot make the folder {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file could not be read at all.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file could not be made, or may only be read.
    #[error("cannot write to {}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file does not begin as an SQLite database does.
    #[error(
        "{} is not a file of recorded calls, or its beginning is damaged; it was left as it is: \
         move it away or name another place with `--db FILE`",
        path.display()
    )]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// An SQLite database of something else.
    #[error(
        "{} is a database of another program; it was left as it is: name another place with `--db FILE`",
        path.display()
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// Written by a newer version of Fathom.
    #[error(
        "{} has schema version {found}, this fathom knows versions up to {known}; it was left as it is: \
         use a newer fathom or name another place with `--db FILE`",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version it says it has.
        found: u32,
        /// The newest version understood.
        known: u32,
    },
    /// Written by an older version, and it cannot be brought up to date where it is.
    #[error(
        "{} has schema version {found} and cannot be written to bring it to version {known}: copy it to a writable place",
        path.display()
    )]
    OlderReadOnly {
        /// The file.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The version needed.
        known: u32,
    },
    /// A database of recorded calls that is no longer whole.
    #[error(
        "{} is damaged ({what}); it was left as it is: move it away, or rescue what is left with `sqlite3 FILE .recover`",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it, in SQLite's words.
        what: String,
    },
    /// No room left where the file is.
    #[error("no space left for {}", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that SQLite says.
    #[error("cannot open {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// Why calls could not be appended. None of them has been.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// No room left where the file is.
    #[error("no space left to record a call in {}; calls recorded before are kept", path.display())]
    DiskFull {
        /// The file.
        path: PathBuf,
    },
    /// The file, or its folder, may only be read.
    #[error("{} cannot be written to", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Another process kept the file to itself.
    #[error("{} was kept busy by another process for {waited_seconds} s", path.display())]
    Busy {
        /// The file.
        path: PathBuf,
        /// How long was waited.
        waited_seconds: u64,
    },
    /// A value that JSON cannot say.
    #[error("the call of `{function}` cannot be written as JSON")]
    Encode {
        /// The function called.
        function: String,
        /// Why.
        source: serde_json::Error,
    },
    /// Anything else that SQLite says.
    #[error("cannot record a call in {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// Why recorded calls could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// One call does not make sense.
    #[error("call {id} in {} is damaged ({what})", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The call.
        id: TraceId,
        /// What is wrong with it.
        what: String,
    },
    /// Anything else that SQLite says.
    #[error("cannot read recorded calls from {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

/// Why calls could not be removed. None of them has been.
#[derive(Debug, thiserror::Error)]
pub enum PruneError {
    /// The file, or its folder, may only be read.
    #[error("{} cannot be written to", path.display())]
    ReadOnly {
        /// The file.
        path: PathBuf,
    },
    /// Anything else that SQLite says.
    #[error("cannot remove recorded calls from {}", path.display())]
    Database {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}
