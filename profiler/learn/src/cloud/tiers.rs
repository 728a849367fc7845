//! What is billed at every size of a provider against what calls use there. Times at sizes other than the configured one are
//! estimates by the share of a CPU, never measurements.

use crate::bill::{billed_mb, billed_ms, usd_per_call};
use crate::catalogue::{Provider, Size};
use trace::{Bytes, Nanos, TierUse};

const GB: f64 = 1_073_741_824.0;

/// A call there, or several alike.
pub(super) struct CallThere {
    /// How many.
    pub(super) weight: u64,
    /// At the size that is configured.
    pub(super) seconds: f64,
    /// Bytes, where something is known of it.
    pub(super) used: Option<f64>,
    /// The share of its time in which it computes, as measured here; all of it where that is not known.
    pub(super) cpu_share: Option<f64>,
}

/// What is known of the memory of calls there, whatever their times.
pub(super) struct Most {
    /// The most that a call has used, bytes.
    pub(super) used: Option<f64>,
    /// The largest limit that a call has exceeded, bytes.
    pub(super) exceeded: Option<Bytes>,
}

impl Most {
    /// Whether it fits into so much; `None` where nothing says so.
    fn fits(&self, given: Bytes) -> Option<bool> {
        if self.exceeded.is_some_and(|limit| given <= limit) {
            return Some(false);
        }
        Some(Bytes::from_f64(self.used?) <= given)
    }
}

/// A line for each size; none where no time is known, or not at which size.
pub(super) fn tiers(
    provider: &Provider,
    calls: &[CallThere],
    most: &Most,
    configured_mb: Option<u64>,
) -> Vec<TierUse> {
    let sizes = provider.listed(&configured_mb.into_iter().collect::<Vec<u64>>());
    let now = configured_mb.and_then(|mb| sizes.iter().find(|size| size.mb == mb).copied());
    // Without the size at which they were timed nothing can be said of another.
    let Some(now) = now.filter(|_| !calls.is_empty()) else {
        return Vec::new();
    };
    sizes
        .iter()
        .map(|size| tier(provider, calls, most, &now, size))
        .collect()
}

fn tier(provider: &Provider, calls: &[CallThere], most: &Most, now: &Size, size: &Size) -> TierUse {
    // A call computes on one CPU at most.
    let cpu = |size: &Size| size.vcpu.as_f64().min(1.0);
    let slower = cpu(now) / cpu(size);
    let timed = || {
        calls.iter().map(|call| {
            let computing = call.cpu_share.unwrap_or(1.0);
            let seconds = call.seconds * (1.0 - computing + computing * slower);
            let used = Bytes::from_f64(call.used.unwrap_or(0.0));
            let time = Nanos((seconds * 1e9).round().max(0.0) as u64);
            (used, time, call.weight as f64)
        })
    };
    let all: f64 = calls.iter().map(|call| call.weight as f64).sum();
    let mean = |of: &dyn Fn(Bytes, Nanos) -> f64| {
        let weighted = timed().map(|(used, time, weight)| of(used, time) * weight);
        weighted.sum::<f64>() / all
    };
    TierUse {
        size_mb: size.mb,
        fits: most.fits(Bytes::mib(size.mb)),
        is_measured: size.mb == now.mb,
        seconds: mean(&|_, time| time.as_seconds()),
        billed_gb_seconds: mean(&|used, time| {
            let mb = billed_mb(provider, size, used) as f64 / 1024.0;
            mb * billed_ms(provider, time) as f64 / 1e3
        }),
        used_gb_seconds: calls
            .iter()
            .all(|call| call.used.is_some())
            .then(|| mean(&|used, time| used.as_f64() / GB * time.as_seconds())),
        usd_per_million: mean(&|used, time| usd_per_call(provider, size, used, time)) * 1e6,
    }
}
