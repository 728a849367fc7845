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

/// What calls cost where several of them run in an instance at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedAccount {
    /// At a time, at most: what was asked, or what the provider lets, where that is less.
    pub calls: u32,
    /// What an instance has to hold: so many times what is recommended for a call, and the runtime.
    pub need_bytes: Bytes,
    /// The cheapest size that does; `None` where none does.
    pub at: Option<SharedAt>,
}

/// One size whose instances several calls share.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SharedAt {
    /// What calls cost there.
    pub account: SizeAccount,
    /// Of a call on average, which shares the CPU with those beside it. An estimate from CPU seconds.
    pub estimated_seconds: f64,
    /// Of the time that its calls would be billed alone, the part that an instance is billed.
    pub share: f64,
    /// Calls in an instance while there is one, on average.
    pub at_once: f64,
    /// Whether that is by the times at which recorded calls came; else every instance is taken to be full all the time.
    pub is_recorded: bool,
    /// How many recorded calls say so, those that failed included.
    #[serde(default)]
    pub recorded: usize,
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
    /// Only where several calls at a time are asked for and the provider lets them share an instance.
    #[serde(default)]
    pub shared: Option<SharedAccount>,
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
    /// Calls that an instance makes at a time, as was asked.
    #[serde(default = "one")]
    pub calls_at_once: u32,
    /// One per provider.
    pub providers: Vec<ProviderAccount>,
}

fn one() -> u32 {
    1
}

impl Account {
    /// Name and version of the JSON form.
    pub const SCHEMA: &'static str = "fathom.bill/1";
}
