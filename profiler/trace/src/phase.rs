//! A change in the life of a served function, as it is recorded. Which phases there are, and when one follows another, is the
//! server's.

/// A function has gone from one phase to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhaseChange {
    /// Milliseconds since 1970-01-01 UTC.
    pub unix_ms: u64,
    /// The phase it has come to: `learning`, `selective`, `stale`.
    pub to: String,
    /// Why, one sentence.
    pub why: String,
}
