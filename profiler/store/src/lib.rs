//! Traces in and out of SQLite. Nothing else in the workspace touches a database.
//!
//! One row per call, appended in a transaction of its own and never changed afterwards; only [`Store::prune`] and
//! [`Store::fold`] remove rows. Beside them are the changes of functions from phase to phase. What is learned from the traces is
//! not stored: it is cheaper to learn again than to keep in step.
//!
//! # Safety of the data
//! The write-ahead log with `synchronous = NORMAL`: a killed process loses nothing that [`Store::append`] has
//! returned, a power failure at most the last calls, neither damages the file. Several processes may append to and
//! read one file at the same time; a writer waits for another one up to ten seconds. A file that is damaged, is not
//! a database, belongs to another program or was written by a newer version is refused and left as it is.
//!
//! # Accuracy
//! Every integer and every floating-point value comes back exactly as it was, infinities and NaN included.

mod append;
mod error;
mod facts;
mod filter;
mod fold;
mod open;
mod phases;
mod places;
mod prune;
mod read;
mod schema;
mod shared;
mod spans;
mod stacks;
mod wire;

pub use error::{AppendError, OpenError, PruneError, ReadError};
pub use filter::{Detail, Filter};
pub use fold::{Folded, Stay};
pub use open::Store;
pub use prune::Keep;
pub use read::{RecordedFunction, Summary};

/// The number of a recorded call. Ascending in the order of recording, never given twice in one file.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(transparent)]
pub struct TraceId(pub i64);

impl std::fmt::Display for TraceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
