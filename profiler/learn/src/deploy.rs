//! Which size to take at each provider, what it costs and how long a call takes there. Times at other sizes are estimates
//! from CPU seconds, never measurements. How measured times are read is in `timing`, what two sizes say of each other in
//! `compare`.
//!
//! Measured CPU seconds are noisy, advice must not be: a size other than today's is recommended only where it is better
//! by the thresholds of `compare` at every speed that the measurements leave open.

use crate::bill::mean_usd_per_million;
use crate::catalogue::{Billed, Catalogue, Provider, Size};
use crate::compare::{Why, Yardstick};
use crate::settings::Settings;
use crate::timing::Timing;
use trace::{Bytes, Nanos, ProviderBill, SizeBill, Trace};

/// One bill per provider, in the catalogue's order; none where no call succeeded.
pub(crate) fn bills(
    traces: &[Trace],
    allocation: Bytes,
    settings: &Settings,
    catalogue: &Catalogue,
) -> Vec<ProviderBill> {
    let Some(timing) = Timing::of(traces, settings) else {
        return Vec::new();
    };
    let need = Need {
        guest: allocation,
        base: settings.runtime_base,
    };
    let providers = catalogue.providers().iter();
    providers
        .filter_map(|p| bill(p, &timing, need, settings.baseline))
        .collect()
}

/// What must fit.
#[derive(Clone, Copy)]
struct Need {
    guest: Bytes,
    base: Bytes,
}

impl Need {
    fn total(self) -> Bytes {
        Bytes(self.guest.0.saturating_add(self.base.0))
    }

    fn text(self) -> String {
        if self.base.0 == 0 {
            return self.guest.to_string();
        }
        format!(
            "{} (guest {}, runtime {})",
            self.total(),
            self.guest,
            self.base
        )
    }
}

fn bill(provider: &Provider, timing: &Timing, need: Need, baseline: Bytes) -> Option<ProviderBill> {
    let today = provider
        .size_for(baseline.0)
        .or_else(|| provider.largest())?;
    let least = provider.size_for(need.total().0);
    let also = [Some(today.mb), least.map(|s| s.mb)];
    let listed = provider.listed(&also.into_iter().flatten().collect::<Vec<u64>>());
    let priced = |speed: f64| -> Vec<SizeBill> {
        let one = |s: &Size| price(provider, s, timing, need, speed);
        listed.iter().map(one).collect()
    };
    let sizes = priced(1.0);
    let speeds = timing.speeds().map(priced);
    let now = sizes.iter().position(|s| s.size_mb == today.mb)?;
    let (chosen, why) = choose(provider, &sizes, &speeds, now, need)?;
    let (chosen, now) = (sizes[chosen], sizes[now]);
    Some(ProviderBill {
        provider: provider.key.clone(),
        name: provider.name.clone(),
        size_mb: chosen.size_mb,
        usd_per_million: chosen.usd_per_million,
        usd_saving_share: Yardstick::new(now, provider).saving(&chosen),
        estimated_seconds: chosen.estimated_seconds,
        baseline_size_mb: now.size_mb,
        baseline_usd_per_million: now.usd_per_million,
        reason: why.reason,
        in_short: why.in_short,
        sizes,
    })
}

/// The mean of the bills and of the estimated times of all calls, CPU seconds taken as `speed` times those measured.
fn price(provider: &Provider, size: &Size, timing: &Timing, need: Need, speed: f64) -> SizeBill {
    let seconds: Vec<f64> = timing.seconds(size, speed).collect();
    let calls: Vec<(Bytes, Nanos)> = timing
        .used()
        .zip(&seconds)
        .map(|(used, s)| (used, Nanos((s * 1e9).round() as u64)))
        .collect();
    SizeBill {
        size_mb: size.mb,
        fits: size.mb >= need.total().0.div_ceil(1 << 20),
        estimated_seconds: seconds.iter().sum::<f64>() / seconds.len() as f64,
        usd_per_million: mean_usd_per_million(provider, size, &calls),
    }
}

/// The size, as its index, and why. `speeds` are the same sizes at other speeds.
fn choose(
    provider: &Provider,
    sizes: &[SizeBill],
    speeds: &[Vec<SizeBill>],
    now: usize,
    need: Need,
) -> Option<(usize, Why)> {
    let largest = sizes.len().checked_sub(1)?;
    let Some(smallest) = sizes.iter().position(|s| s.fits) else {
        let why = Why {
            reason: format!(
                "no size fits: {} needed, the largest is {} MB",
                need.text(),
                sizes[largest].size_mb
            ),
            in_short: format!("no size fits {}", need.total()),
        };
        return Some((largest, why));
    };
    if provider.billed == Billed::Used {
        let why = Why {
            reason: "bills the memory used, not a limit: a smaller allocation saves nothing"
                .to_owned(),
            in_short: "bills memory used, not a limit".to_owned(),
        };
        return Some((smallest, why));
    }
    // What runs today is the yardstick; where it does not fit, the smallest that does.
    let start = if sizes[now].fits { now } else { smallest };
    let chosen = best(provider, sizes, speeds, start);
    let why = if sizes[now].fits {
        let (smallest, total) = (&sizes[smallest], need.total().to_string());
        Yardstick::new(sizes[now], provider).why(&sizes[chosen], smallest, &need.text(), &total)
    } else {
        let mb = sizes[now].size_mb;
        Why {
            reason: format!("{mb} MB is too small: {} needed", need.text()),
            in_short: format!("{mb} MB is too small for {}", need.total()),
        }
    };
    Some((chosen, why))
}

/// From the size to start from, outwards, first down, then up: each size that is better than the best before it, and than
/// the start, at every speed. As far from the start as it must be and no farther.
fn best(provider: &Provider, sizes: &[SizeBill], speeds: &[Vec<SizeBill>], start: usize) -> usize {
    let better = |size: usize, than: usize| {
        let at = |priced: &Vec<SizeBill>| {
            Yardstick::new(priced[than], provider).is_beaten_by(&priced[size])
        };
        speeds.iter().all(at)
    };
    let outwards = (0..start).rev().chain(start + 1..sizes.len());
    outwards
        .filter(|&size| sizes[size].fits)
        .fold(start, |best, size| {
            if better(size, best) && better(size, start) {
                size
            } else {
                best
            }
        })
}
