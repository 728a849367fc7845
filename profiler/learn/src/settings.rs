//! What a caller decides before learning, checked once. Not the provider catalogue, which is data of its own.

use thiserror::Error;
use trace::Bytes;

/// In which order recorded calls are replayed, and what is believed about calls still to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The inputs were chosen, so their order means nothing: replay in a seeded random order. A call outside the seen
    /// range is expected, and is given what the formula says, widened.
    Sweep,
    /// The calls came from outside: replay in order of time. No call is given more than the largest need seen and 10 % of it,
    /// or 5/n of it, where they are fewer than 50.
    Stream,
}

/// What a caller decides before learning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Share of calls that may fail for want of memory, above 0 and below 1.
    pub failure_rate: f64,
    /// What the function is given today: savings are told against it.
    pub baseline: Bytes,
    /// Memory of the runtime process beside the guest's, added before a provider's size is chosen.
    pub runtime_base: Bytes,
    /// Decides every shuffle. The same traces, settings and seed give the same profile.
    pub seed: u64,
    /// Order of the recorded calls.
    pub order: Order,
}

impl Default for Settings {
    /// 1 failure in 100, today 256 MiB, no runtime base, seed 0, a sweep.
    fn default() -> Settings {
        Settings {
            failure_rate: 0.01,
            baseline: Bytes::mib(256),
            runtime_base: Bytes(0),
            seed: 0,
            order: Order::Sweep,
        }
    }
}

/// Why settings cannot be used.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum SettingsError {
    /// The failure rate is no share.
    #[error(
        "failure rate {0}: expected a share above 0 and below 1, for example 0.01 for 1 call in 100"
    )]
    FailureRate(f64),
    /// The baseline is nothing.
    #[error("baseline 0 B: expected what the function is given today, for example 256 MiB")]
    Baseline,
}

/// Settings that [`Settings::check`] accepted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CheckedSettings(Settings);

impl CheckedSettings {
    /// The settings.
    pub fn get(&self) -> &Settings {
        &self.0
    }
}

impl Settings {
    /// Accepts the settings, or says what is wrong with them.
    ///
    /// # Errors
    /// The failure rate is not between 0 and 1, or the baseline is zero.
    pub fn check(self) -> Result<CheckedSettings, SettingsError> {
        // Written so that NaN is refused too.
        if !(self.failure_rate > 0.0 && self.failure_rate < 1.0) {
            return Err(SettingsError::FailureRate(self.failure_rate));
        }
        if self.baseline.0 == 0 {
            return Err(SettingsError::Baseline);
        }
        Ok(CheckedSettings(self))
    }
}
