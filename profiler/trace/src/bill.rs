//! What calls of a function cost, and how much of that is for nothing. Working it out is the work of `learn`.

use crate::{Bytes, FunctionId, Predictor};
use serde::{Deserialize, Serialize};

/// What calls cost at one size. Times at sizes are estimated from CPU seconds, so amounts are estimates.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeAccount {
    /// The provider's MB.
    pub size_mb: u64,
    /// Whether what is recommended, and the runtime, fit in it.
    pub fits: bool,
    /// For a million calls, request fee included, before free allowances, US dollars.
    pub usd_per_million: f64,
    /// Of that, for memory that calls do not use while they run.
    pub memory_wasted_usd: f64,
    /// Of that again, because there is no size between: what the smallest size that fits has beyond what is recommended, and the
    /// runtime.
    pub granularity_usd: f64,
    /// Of the bill, for time in which no call runs, because time is rounded up.
    pub time_wasted_usd: f64,
    /// For a month at the asked rate of calls, what is free taken off; `None` where no rate was asked.
    pub usd_per_month: Option<f64>,
}

/// A deployment of the same function for some of its calls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeClass {
    /// The provider's MB.
    pub size_mb: u64,
    /// Calls go here whose value is at most this, and larger than that of the class before; `None` for all others.
    pub up_to: Option<f64>,
    /// Share of the recorded calls.
    pub calls_share: f64,
}

/// Two or three deployments in place of one, each for calls of its size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SizeClasses {
    /// By what is known before a call.
    pub by: Predictor,
    /// The smallest first.
    pub classes: Vec<SizeClass>,
    /// For a million calls, US dollars.
    pub usd_per_million: f64,
    /// Against the recommended single size.
    pub saving_share: f64,
}

/// What one provider charges.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProviderAccount {
    /// Key in the catalogue.
    pub provider: String,
    /// For people.
    pub name: String,
    /// The day of its prices.
    pub dated: String,
    /// The size of today.
    pub today: SizeAccount,
    /// The size recommended.
    pub recommended: SizeAccount,
    /// Only where they cost clearly less than the single size.
    pub classes: Option<SizeClasses>,
}

/// What calls of a function cost: what `fathom bill --json` prints.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Account {
    /// [`Account::SCHEMA`].
    pub schema: String,
    /// The function.
    pub function: FunctionId,
    /// Calls that the amounts are means of.
    pub calls: usize,
    /// Whether it is recorded how long they ran; where not, each is billed as one that took no time.
    pub is_timed: bool,
    /// Memory of the guest that is recommended.
    pub allocation_bytes: Bytes,
    /// What it is given today.
    pub baseline_bytes: Bytes,
    /// Calls in a month, where that was asked.
    pub calls_per_month: Option<f64>,
    /// One per provider.
    pub providers: Vec<ProviderAccount>,
}

impl Account {
    /// Name and version of the JSON form.
    pub const SCHEMA: &'static str = "fathom.bill/1";
}
