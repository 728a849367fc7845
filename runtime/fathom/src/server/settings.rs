//! What a server is told: where it listens, what it may use, how long it is patient. Flags, environment and file are put
//! together in the command; here they are values.

use super::sizing::SizeBy;
use crate::{allowance::LimitArgs, analysis::SizingArgs};
use host::Outbound;
use std::{net::SocketAddr, path::PathBuf, time::Duration};
use trace::Bytes;

/// Everything a server is told.
pub(crate) struct Settings {
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Functions that lie in folders; `None` where all are deployed over HTTP.
    pub(crate) folder: Option<PathBuf>,
    /// Where it keeps what it was given over HTTP.
    pub(crate) state: PathBuf,
    /// Where calls are recorded.
    pub(crate) database: PathBuf,
    /// What all calls together may have.
    pub(crate) memory: Bytes,
    /// Calls at the same time, of all functions.
    pub(crate) calls: u32,
    /// Calls of one function at the same time, unless its manifest says otherwise.
    pub(crate) calls_per_function: u32,
    /// Calls that wait.
    pub(crate) queue: usize,
    /// Longest that a call waits.
    pub(crate) patience: Duration,
    /// Largest body of a request, bytes.
    pub(crate) body: usize,
    /// Most bytes of a request's head.
    pub(crate) head: usize,
    /// Longest that the head of a request may take.
    pub(crate) head_timeout: Duration,
    /// Longest silence in the body of a request, and of a client that has an answer to read.
    pub(crate) body_timeout: Duration,
    /// Connections at the same time.
    pub(crate) connections: usize,
    /// Longest that running calls are waited for at the end.
    pub(crate) drain: Duration,
    /// Of each guest's memory so much is cleared in place rather than given back; `None`: by what calls touch.
    pub(crate) keep_resident: Option<Bytes>,
    /// What unloads code that nobody has called for so long.
    pub(crate) idle: Duration,
    /// Compiled codes in memory at the same time.
    pub(crate) loaded: usize,
    /// By what calls are sized, unless a manifest says otherwise.
    pub(crate) size_by: SizeBy,
    /// What calls are allowed.
    pub(crate) limits: LimitArgs,
    /// How is learned.
    pub(crate) learning: SizingArgs,
    /// What the control plane asks for; `None` where everybody who reaches it may use it.
    pub(crate) token: Option<String>,
    /// Hosts that may be told of the end of asynchronous calls.
    pub(crate) callbacks: Outbound,
    /// Whether folders are watched for changes.
    pub(crate) reload: bool,
    /// How long calls are kept, and how large the database may become.
    pub(crate) keep: Option<Duration>,
    pub(crate) store_max: Option<Bytes>,
    /// Whether calls are printed too.
    pub(crate) log_calls: Option<LogCalls>,
}

/// How calls are printed.
#[derive(Clone)]
pub(crate) struct LogCalls {
    /// The project of Google's whose traces requests are of.
    pub(crate) project: Option<String>,
}
