//! Which size to take at each provider, what it costs and how long a call takes there. Times at other sizes are estimates
//! from CPU seconds, never measurements.

use crate::bill::usd_per_million;
use crate::catalogue::{Billed, Catalogue, Provider, Size};
use crate::formula::percent;
use crate::rows::seconds;
use crate::settings::Settings;
use crate::statistics::mean;
use trace::{Bytes, Nanos, ProviderBill, SizeBill, Trace};

/// Slower than this, against the size used today, is slower.
const SLOWER: f64 = 1.10;

/// A slower size must save at least this share, and may not be slower than [`MUCH_SLOWER`].
const WORTH_IT: f64 = 0.20;
const MUCH_SLOWER: f64 = 2.0;

/// Differences in price below this are none.
const SAME_PRICE: f64 = 0.005;

/// What a mean call does.
struct Call {
    cpu: f64,
    /// Time in which the guest waited.
    waiting: f64,
    /// Memory used, runtime base included.
    used: Bytes,
}

impl Call {
    /// Mean over the calls that ran to their end; calls that ran alone if there are any.
    fn of(traces: &[Trace], settings: &Settings) -> Option<Call> {
        let measured: Vec<&Trace> = traces.iter().filter(|t| t.is_measurement()).collect();
        let needs: Vec<f64> = measured.iter().map(|t| t.committed_peak.as_f64()).collect();
        let cpu = seconds(&measured, |t| t.cpu.as_seconds());
        let wall = seconds(&measured, |t| t.wall.as_seconds());
        Some(Call {
            cpu,
            waiting: (wall - cpu).max(0.0),
            used: Bytes(
                Bytes::from_f64(mean(&needs)?)
                    .0
                    .saturating_add(settings.runtime_base.0),
            ),
        })
    }

    /// Estimated seconds at a size. A guest has one thread: more than one CPU makes it no faster than it was measured.
    fn seconds(&self, size: &Size) -> f64 {
        self.cpu / size.vcpu.as_f64().min(1.0) + self.waiting
    }
}

/// One bill per provider, in the catalogue's order; none where no call succeeded.
pub(crate) fn bills(
    traces: &[Trace],
    allocation: Bytes,
    settings: &Settings,
    catalogue: &Catalogue,
) -> Vec<ProviderBill> {
    let Some(call) = Call::of(traces, settings) else {
        return Vec::new();
    };
    let need = Need {
        guest: allocation,
        base: settings.runtime_base,
    };
    let providers = catalogue.providers().iter();
    providers
        .filter_map(|p| bill(p, &call, need, settings.baseline))
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

fn bill(provider: &Provider, call: &Call, need: Need, baseline: Bytes) -> Option<ProviderBill> {
    let today = provider
        .size_for(baseline.0)
        .or_else(|| provider.largest())?;
    let least = provider.size_for(need.total().0);
    let also = [Some(today.mb), least.map(|s| s.mb)];
    let listed = provider.listed(&also.into_iter().flatten().collect::<Vec<u64>>());
    let priced: Vec<SizeBill> = listed
        .iter()
        .map(|s| price(provider, s, call, need))
        .collect();
    let now = price(provider, &today, call, need);
    let (chosen, why) = choose(provider, &priced, &now, need)?;
    Some(ProviderBill {
        provider: provider.key.clone(),
        name: provider.name.clone(),
        size_mb: chosen.size_mb,
        usd_per_million: chosen.usd_per_million,
        usd_saving_share: Yardstick(now).saving(&chosen),
        estimated_seconds: chosen.estimated_seconds,
        baseline_size_mb: now.size_mb,
        baseline_usd_per_million: now.usd_per_million,
        reason: why.reason,
        in_short: why.in_short,
        sizes: priced,
    })
}

fn price(provider: &Provider, size: &Size, call: &Call, need: Need) -> SizeBill {
    let seconds = call.seconds(size);
    let time = Nanos((seconds * 1e9).round() as u64);
    SizeBill {
        size_mb: size.mb,
        fits: size.mb >= need.total().0.div_ceil(1 << 20),
        estimated_seconds: seconds,
        usd_per_million: usd_per_million(provider, size, call.used, time),
    }
}

/// Why a size was chosen: a sentence, and the same in a few words.
struct Why {
    reason: String,
    in_short: String,
}

/// The size, and why.
fn choose(
    provider: &Provider,
    priced: &[SizeBill],
    now: &SizeBill,
    need: Need,
) -> Option<(SizeBill, Why)> {
    let largest = *priced.last()?;
    let Some(&smallest) = priced.iter().find(|s| s.fits) else {
        let why = Why {
            reason: format!(
                "no size fits: {} needed, the largest is {} MB",
                need.text(),
                largest.size_mb
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
    let yardstick = Yardstick(if now.fits { *now } else { smallest });
    let acceptable = || priced.iter().filter(|s| s.fits && yardstick.accepts(s));
    let price = |s: &&SizeBill| s.usd_per_million;
    let cheapest = acceptable().map(|s| price(&s)).min_by(f64::total_cmp)?;
    // Of sizes that cost the same the fastest, of those the smallest; but no move that gains nothing.
    let best = *acceptable()
        .filter(|s| s.usd_per_million <= cheapest * (1.0 + SAME_PRICE))
        .min_by(|a, b| a.estimated_seconds.total_cmp(&b.estimated_seconds))?;
    let gains = yardstick.saving(&best) >= SAME_PRICE || yardstick.slower(&best) < 1.0 / SLOWER;
    let chosen = if gains { best } else { yardstick.0 };
    let why = if now.fits {
        yardstick.why(&chosen, &smallest, need)
    } else {
        Why {
            reason: format!("{} MB is too small: {} needed", now.size_mb, need.text()),
            in_short: format!("{} MB is too small for {}", now.size_mb, need.total()),
        }
    };
    Some((chosen, why))
}

/// The size that others are compared with.
struct Yardstick(SizeBill);

impl Yardstick {
    /// Share of the price that a size saves; negative where it costs more.
    fn saving(&self, size: &SizeBill) -> f64 {
        if self.0.usd_per_million > 0.0 {
            1.0 - size.usd_per_million / self.0.usd_per_million
        } else {
            0.0
        }
    }

    /// Time at a size over time at this one.
    fn slower(&self, size: &SizeBill) -> f64 {
        size.estimated_seconds / self.0.estimated_seconds.max(f64::MIN_POSITIVE)
    }

    fn accepts(&self, size: &SizeBill) -> bool {
        let slower = self.slower(size);
        slower <= SLOWER || (slower <= MUCH_SLOWER && self.saving(size) >= WORTH_IT)
    }

    /// Why `chosen`, where this size fits too.
    fn why(&self, chosen: &SizeBill, smallest: &SizeBill, need: Need) -> Why {
        let stay = self.0.size_mb;
        if chosen.size_mb != stay {
            return Why {
                reason: self.compared(chosen),
                in_short: self.difference(chosen),
            };
        }
        if smallest.size_mb == stay {
            return Why {
                reason: format!("{stay} MB is the smallest size that fits {}", need.text()),
                in_short: format!("stay: the smallest that fits {}", need.total()),
            };
        }
        Why {
            reason: format!("{}: stay at {stay} MB", self.compared(smallest)),
            in_short: format!(
                "stay; {} MB: {}",
                smallest.size_mb,
                self.difference(smallest)
            ),
        }
    }

    /// `-4 %, twice as slow`.
    fn difference(&self, size: &SizeBill) -> String {
        let price = match self.saving(size) {
            s if s >= SAME_PRICE => format!("-{}", percent(s)),
            s if s <= -SAME_PRICE => format!("+{}", percent(-s)),
            _ => "same price".to_owned(),
        };
        format!("{price}, {}", self.speed(size))
    }

    /// `128 MB saves 4 % but is twice as slow`.
    fn compared(&self, size: &SizeBill) -> String {
        let saving = self.saving(size);
        let price = match saving {
            s if s >= SAME_PRICE => format!("saves {}", percent(s)),
            s if s <= -SAME_PRICE => format!("costs {} more", percent(-s)),
            _ => "costs the same".to_owned(),
        };
        // Good news is joined by "and", mixed news by "but".
        let good_price = saving >= SAME_PRICE;
        let join = if good_price && self.slower(size) > 1.01 {
            "but"
        } else {
            "and"
        };
        format!("{} MB {price} {join} is {}", size.size_mb, self.speed(size))
    }

    /// `twice as slow`.
    fn speed(&self, size: &SizeBill) -> String {
        match self.slower(size) {
            s if s > 2.1 => format!("{s:.1} times as slow"),
            s if s > 1.9 => "twice as slow".to_owned(),
            s if s > 1.01 => format!("{} slower", percent(s - 1.0)),
            s if s > 0.99 => "as fast".to_owned(),
            s if s > 1.0 / 1.9 => format!("{} faster", percent(1.0 - s)),
            s if s > 1.0 / 2.1 => "twice as fast".to_owned(),
            s => format!("{:.1} times as fast", 1.0 / s),
        }
    }
}
