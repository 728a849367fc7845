//! What is billed at every size of a provider against what calls use there. Times at sizes other than the configured one are
//! estimates by the share of a CPU, never measurements.

use crate::bill::{billed_mb, billed_ms, mean_usd_per_million};
use crate::catalogue::{Provider, Size};
use trace::{Bytes, Nanos, TierUse};

/// Calls of one time that are billed at most.
pub(super) const MOST: u64 = 100_000;

const GB: f64 = 1_073_741_824.0;

/// A call there.
pub(super) struct CallThere {
    /// At the size that is configured.
    pub(super) seconds: f64,
    /// Bytes, where something is known of it.
    pub(super) used: Option<f64>,
    /// The share of its time in which it computes, as measured here; all of it where that is not known.
    pub(super) cpu_share: Option<f64>,
}

/// A line for each size; none where no time is known, or not at which size. `largest` is the most that a call has used.
pub(super) fn tiers(
    provider: &Provider,
    calls: &[CallThere],
    largest: Option<f64>,
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
        .map(|size| tier(provider, calls, largest, &now, size))
        .collect()
}

fn tier(
    provider: &Provider,
    calls: &[CallThere],
    largest: Option<f64>,
    now: &Size,
    size: &Size,
) -> TierUse {
    // A call computes on one CPU at most.
    let cpu = |size: &Size| size.vcpu.as_f64().min(1.0);
    let slower = cpu(now) / cpu(size);
    let timed: Vec<(Bytes, Nanos)> = calls
        .iter()
        .map(|call| {
            let computing = call.cpu_share.unwrap_or(1.0);
            let seconds = call.seconds * (1.0 - computing + computing * slower);
            (
                Bytes::from_f64(call.used.unwrap_or(0.0)),
                Nanos((seconds * 1e9).round().max(0.0) as u64),
            )
        })
        .collect();
    let of_mean = |sum: f64| sum / timed.len() as f64;
    let billed = |(used, time): &(Bytes, Nanos)| {
        let mb = billed_mb(provider, size, *used) as f64 / 1024.0;
        mb * billed_ms(provider, *time) as f64 / 1e3
    };
    TierUse {
        size_mb: size.mb,
        fits: largest.map(|bytes| Bytes::from_f64(bytes).0 <= size.mb << 20),
        is_measured: size.mb == now.mb,
        seconds: of_mean(timed.iter().map(|(_, time)| time.as_seconds()).sum()),
        billed_gb_seconds: of_mean(timed.iter().map(billed).sum()),
        used_gb_seconds: calls.iter().all(|call| call.used.is_some()).then(|| {
            let used = timed.iter();
            of_mean(
                used.map(|(used, time)| used.as_f64() / GB * time.as_seconds())
                    .sum(),
            )
        }),
        usd_per_million: mean_usd_per_million(provider, size, &timed),
    }
}
