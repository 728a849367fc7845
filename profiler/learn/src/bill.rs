//! What a provider charges for calls of a given size, memory and time: whole numbers until the last division, so that the
//! rounding is the provider's and not ours. Which size to take is decided in `deploy`.

use crate::catalogue::{Billed, Decimal, Provider, Size};
use trace::{Bytes, Nanos};

/// Milliseconds billed for a call: rounded up to whole steps, at least the minimum. A call that took no time at all is
/// billed a step.
pub fn billed_ms(provider: &Provider, time: Nanos) -> u64 {
    let ms = time.0.div_ceil(1_000_000).max(provider.minimum_ms).max(1);
    ms.div_ceil(provider.step_ms) * provider.step_ms
}

/// Megabytes billed for a call: the size, or the memory used in whole steps and no more than the size.
pub fn billed_mb(provider: &Provider, size: &Size, used: Bytes) -> u64 {
    match provider.billed {
        Billed::Size => size.mb,
        Billed::Used => {
            let step = provider.used_step_mb;
            let used = used
                .0
                .div_ceil(1 << 20)
                .div_ceil(step)
                .max(1)
                .saturating_mul(step);
            used.min(size.mb)
        }
    }
}

/// US dollars for one call, request fee included, before free tiers.
///
/// `used` counts only where the memory used is billed. Exact: the amount is a fraction of whole numbers, divided once.
pub fn usd_per_call(provider: &Provider, size: &Size, used: Bytes, time: Nanos) -> f64 {
    ratio(amount(provider, size, used, time), UNIT)
}

/// US dollars for one call that shares its instance with others and pays for a part of its time; the request fee is its own. With a
/// part of 1 that of [`usd_per_call`].
pub fn usd_per_shared_call(
    provider: &Provider,
    size: &Size,
    used: Bytes,
    time: Nanos,
    share: f64,
) -> f64 {
    let alone = usd_per_call(provider, size, used, time);
    let not_shared = (1.0 - share).clamp(0.0, 1.0);
    alone - (alone - provider.usd_per_request.as_f64()).max(0.0) * not_shared
}

/// US dollars for a million calls like the given ones, each `(memory used, time)` billed by itself: the mean of bills is
/// not the bill of the mean. 0 where there are none.
pub fn mean_usd_per_million(provider: &Provider, size: &Size, calls: &[(Bytes, Nanos)]) -> f64 {
    let sum = calls.iter().fold(0u128, |sum, (used, time)| {
        sum.saturating_add(amount(provider, size, *used, *time))
    });
    // What the division drops is no part of a dollar that an f64 could hold.
    let mean = sum / (calls.len() as u128).max(1);
    ratio(mean, UNIT / 1_000_000)
}

/// Rates and CPU shares are multiples of 10^-12, so their products are multiples of this part of a dollar ...
const PLACES: u128 = Decimal::ONE as u128;

/// ... and amounts, in MB and ms instead of GB and s, whole multiples of this one.
const UNIT: u128 = PLACES * PLACES * 1024 * 1000;

fn amount(provider: &Provider, size: &Size, used: Bytes, time: Nanos) -> u128 {
    let ms = u128::from(billed_ms(provider, time));
    let mb = u128::from(billed_mb(provider, size, used));
    let memory = mb * u128::from(provider.usd_per_gb_second.units()) * PLACES;
    let cpu = u128::from(size.billed_cpu.units())
        .saturating_mul(u128::from(provider.usd_per_cpu_second.units()))
        .saturating_mul(1024);
    let request = u128::from(provider.usd_per_request.units()) * PLACES * 1024 * 1000;
    ms.saturating_mul(memory.saturating_add(cpu))
        .saturating_add(request)
}

/// The quotient of two whole numbers, off by no more than a unit or two in the last place of an f64.
fn ratio(amount: u128, unit: u128) -> f64 {
    (amount / unit) as f64 + (amount % unit) as f64 / unit as f64
}
