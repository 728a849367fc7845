//! What a server knows at a moment: values, which it fills in. Deliberately not here: how they are counted.

use trace::{Bytes, Confidence};

/// A server.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerNow {
    /// Version of Fathom.
    pub version: &'static str,
    /// Seconds since it began.
    pub up_seconds: f64,
    /// Memory that all calls together may have.
    pub budget: Bytes,
    /// Memory granted to calls and to sandboxes that wait for one.
    pub granted: Bytes,
    /// Calls that have begun and not ended.
    pub running: usize,
    /// Calls that wait for memory.
    pub waiting: usize,
    /// Records of calls that were not written.
    pub records_lost: u64,
}

/// One function of it.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionNow {
    /// Its name.
    pub name: String,
    /// Digest of its module.
    pub digest: String,
    /// `learning`, `selective` or `stale`.
    pub phase: &'static str,
    /// Why it is stale, where it is.
    pub stale_because: Option<String>,
    /// Calls that have ended since the server began.
    pub calls: u64,
    /// Calls that have begun and not ended.
    pub running: usize,
    /// Of the calls, those that failed by themselves.
    pub failed: u64,
    /// Those that failed after a growth was refused.
    pub limited: u64,
    /// Those that were stopped at their deadline.
    pub timed_out: u64,
    /// Those for which code had to be made ready first.
    pub cold: u64,
    /// Those that needed more than was predicted.
    pub mispredicted: u64,
    /// Those that were stopped for want of memory and made once more.
    pub made_again: u64,
    /// What those that succeeded needed; `None` while none has.
    pub needed: Option<Needs>,
    /// What a call may have: its setting.
    pub limit: Bytes,
    /// What decides how much a call is given, in words: `the model, one by one`.
    pub sized_by: &'static str,
    /// What is recommended; `None` while nothing is.
    pub recommended: Option<Recommended>,
    /// Memory granted and not needed, times the time that calls had it: bytes times seconds.
    pub waste_byte_seconds: f64,
    /// Wall-clock time of all calls, seconds.
    pub wall_seconds: f64,
}

/// What calls needed, as committed memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// Half of the calls needed no more, at most a fifth more than it was.
    pub median: Bytes,
    /// 99 of 100 calls needed no more, likewise.
    pub p99: Bytes,
    /// Exact.
    pub max: Bytes,
}

/// What is recommended for a function as a whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recommended {
    /// For each call.
    pub bytes: Bytes,
    /// How sure.
    pub confidence: Confidence,
    /// Calls were cut off before they had shown their need, so it may be more.
    pub is_lower_bound: bool,
}

impl FunctionNow {
    /// Calls that did not succeed.
    pub fn failures(&self) -> u64 {
        self.failed + self.limited + self.timed_out
    }

    /// Share of its setting that a call does not need to be given; `None` while nothing is recommended. Negative where more is
    /// recommended than is set.
    pub fn saving_share(&self) -> Option<f64> {
        let recommended = self.recommended?.bytes.as_f64();
        Some(1.0 - recommended / self.limit.as_f64().max(1.0))
    }

    /// Memory of the setting that calls so far did not need to be given, bytes times seconds; 0 while nothing is known.
    pub fn savable_byte_seconds(&self) -> f64 {
        let spare = self.recommended.map(|r| savable_bytes(self.limit, r.bytes));
        spare.unwrap_or(0.0) * self.wall_seconds
    }
}

/// Bytes of a setting beyond what is recommended; 0 where more is.
pub(crate) fn savable_bytes(setting: Bytes, recommended: Bytes) -> f64 {
    setting.saturating_sub(recommended).as_f64()
}

/// Several functions together.
pub(crate) struct Sums {
    pub(crate) calls: u64,
    /// Calls that did not succeed.
    pub(crate) failures: u64,
    /// What settings hold, times the time of the calls.
    held: f64,
    savable: f64,
}

impl Sums {
    pub(crate) fn of(functions: &[FunctionNow]) -> Sums {
        Sums {
            calls: functions.iter().map(|f| f.calls).sum(),
            failures: functions.iter().map(FunctionNow::failures).sum(),
            held: functions
                .iter()
                .map(|f| f.limit.as_f64() * f.wall_seconds)
                .sum(),
            savable: functions
                .iter()
                .map(FunctionNow::savable_byte_seconds)
                .sum(),
        }
    }

    /// Share of what settings hold that calls did not need to be given; `None` where nothing was held.
    pub(crate) fn savable_share(&self) -> Option<f64> {
        (self.held > 0.0).then(|| self.savable / self.held)
    }
}
