//! Whether a plan still holds: what the calls made since say. Judging them is the work of `learn`.

use serde::{Deserialize, Serialize};
use std::fmt;

/// What the calls made since a plan was learned say of it.
///
/// Justifies the sentence "if the plan still held, an e-value of `alarm_at` or more would ever be seen with a probability of
/// at most 1 / `alarm_at`, however many calls are made" (Ville's inequality).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Drift {
    /// Calls judged.
    pub calls: u64,
    /// Those that needed more than the plan's bound, or did not reach what it reads.
    pub misses: u64,
    /// Calls with a variable outside the range that the plan was learned in, missed or not.
    pub outside: u64,
    /// Share of calls that may miss.
    pub allowed_rate: f64,
    /// The evidence against the plan: 1 is none.
    pub e_value: f64,
    /// From this e-value on the plan is stale.
    pub alarm_at: f64,
    /// When and why it became so; `None` while it holds.
    pub stale: Option<Stale>,
}

/// When and why a plan no longer held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stale {
    /// The call at which it was noticed, counted from 1 among those judged.
    pub since_call: u64,
    /// The input of that call.
    pub input: String,
    /// The kind of reason.
    pub reason: StaleReason,
    /// The reason as a sentence, without a full stop.
    pub why: String,
}

/// Why a plan no longer holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaleReason {
    /// Calls have values outside the range that was learned.
    NewRange,
    /// Values are as before, but calls do not reach a planned breakpoint, or need another amount of memory.
    OtherPath,
    /// The function is another module.
    NewModule,
}

impl fmt::Display for StaleReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            StaleReason::NewRange => "new range",
            StaleReason::OtherPath => "other code path",
            StaleReason::NewModule => "new module",
        })
    }
}
