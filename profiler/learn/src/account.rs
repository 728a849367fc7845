//! What calls cost today, and at the size recommended; what of that is for memory that is not used, for time that is rounded up, and
//! because there is no size between; what a month costs; and what they cost where several calls share an instance. Which size is
//! recommended is decided in `deploy`, how calls share an instance in `sharing`, whether several deployments cost less in `classes`.

use crate::bill::{billed_mb, billed_ms, usd_per_shared_call};
use crate::catalogue::{Billed, Catalogue, Provider, Size};
use crate::classes::classes;
use crate::settings::{CheckedSettings, Settings};
use crate::sharing::{Sharing, arrival, as_asked, as_recorded, at_most};
use crate::timing;
use trace::{
    Account, Bytes, CallAllocation, Nanos, Profile, ProviderAccount, ProviderBill, Recommendation,
    SharedAccount, SharedAt, SizeAccount, Trace,
};

pub(crate) const MILLION: f64 = 1e6;

/// So often it is looked how many calls there are at a time, now that they take as long as that makes them ...
const ROUNDS: usize = 50;

/// ... until it changes by less than this share.
const SETTLED: f64 = 1e-3;

/// How often a function is called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Traffic {
    /// Calls in a month, where that is known.
    pub calls_per_month: Option<f64>,
    /// Calls that an instance makes at a time, at least 1.
    pub at_once: u32,
}

/// What the calls of a function cost; `None` where none succeeded.
pub fn account(
    profile: &Profile,
    traces: &[Trace],
    settings: &CheckedSettings,
    catalogue: &Catalogue,
    traffic: Traffic,
) -> Option<Account> {
    let recommendation = profile.recommendation.as_ref()?;
    let settings = settings.get();
    let calls = billed(traces, &recommendation.calls, settings);
    let accounting = Accounting {
        recommendation,
        settings,
        traffic,
        calls: &calls,
        arrivals: &arrivals(traces, settings),
    };
    let providers = catalogue.providers().iter().filter_map(|provider| {
        let mut bills = recommendation.providers.iter();
        let bill = bills.find(|bill| bill.provider == provider.key)?;
        accounting.of(provider, bill)
    });
    Some(Account {
        schema: Account::SCHEMA.to_owned(),
        function: profile.function.clone(),
        calls: calls.len(),
        is_timed: calls.iter().any(|call| call.billed.took_time()),
        allocation_bytes: recommendation.allocation_bytes,
        baseline_bytes: recommendation.baseline_bytes,
        calls_per_month: traffic.calls_per_month,
        calls_at_once: traffic.at_once.max(1),
        providers: providers.collect(),
    })
}

/// A call that is billed.
pub(crate) struct Call {
    pub(crate) billed: timing::Call,
    /// What it would be given, sized alone, the runtime's included.
    pub(crate) given: Bytes,
    /// What it is sized by, where that is known before it.
    pub(crate) value: Option<f64>,
}

impl Call {
    /// Estimated seconds at a size, beside others.
    pub(crate) fn seconds(&self, size: &Size, at_once: f64) -> f64 {
        self.billed.seconds_beside(size, 1.0, at_once)
    }
}

fn billed(traces: &[Trace], allocations: &[CallAllocation], settings: &Settings) -> Vec<Call> {
    let billed = timing::billed(traces).into_iter().filter_map(|at| {
        let allocation = allocations.get(at)?;
        Some(Call {
            billed: timing::Call::of(&traces[at], settings),
            given: with_runtime(allocation.allocation_bytes, settings),
            value: allocation.feature_value,
        })
    });
    billed.collect()
}

/// The calls of which it is known when they came, whatever became of them: one that failed has been in an instance too, and one that
/// ran beside others, by which time is not priced, has come all the same.
fn arrivals(traces: &[Trace], settings: &Settings) -> Vec<(u64, timing::Call)> {
    let came = traces
        .iter()
        .filter_map(|trace| Some((arrival(trace)?, timing::Call::of(trace, settings))));
    came.collect()
}

fn with_runtime(guest: Bytes, settings: &Settings) -> Bytes {
    Bytes(guest.0.saturating_add(settings.runtime_base.0))
}

struct Accounting<'a> {
    recommendation: &'a Recommendation,
    settings: &'a Settings,
    traffic: Traffic,
    calls: &'a [Call],
    /// When calls came, milliseconds since 1970-01-01 UTC, and how long they ran.
    arrivals: &'a [(u64, timing::Call)],
}

/// Nothing is shared.
const ALONE: Sharing = Sharing {
    share: 1.0,
    busy: 1.0,
    at_once: 1.0,
    recorded: 0,
};

impl Accounting<'_> {
    fn of(&self, provider: &Provider, bill: &ProviderBill) -> Option<ProviderAccount> {
        let size = |mb: u64| provider.size_for(mb << 20);
        let recommended = self.at(provider, &size(bill.size_mb)?, 1, ALONE);
        Some(ProviderAccount {
            provider: provider.key.clone(),
            name: provider.name.clone(),
            dated: provider.dated.clone(),
            today: self.at(provider, &size(bill.baseline_size_mb)?, 1, ALONE),
            shared: self.shared(provider),
            classes: classes(
                self.recommendation,
                provider,
                self.calls,
                self.need(1),
                &recommended,
            ),
            recommended,
        })
    }

    /// The sum of an amount over the calls, for a million of them.
    fn per_million(&self, amount: impl Fn(&Call) -> f64) -> f64 {
        let sum: f64 = self.calls.iter().map(amount).sum();
        sum / self.calls.len().max(1) as f64 * MILLION
    }

    /// What an instance has to hold for so many calls at a time, however their needs fall together.
    fn need(&self, calls: u32) -> Bytes {
        let guest = self.recommendation.allocation_bytes.0;
        with_runtime(Bytes(guest.saturating_mul(u64::from(calls))), self.settings)
    }

    /// What calls cost in instances of a size that make so many at a time.
    fn at(&self, provider: &Provider, size: &Size, calls: u32, sharing: Sharing) -> SizeAccount {
        let need = self.need(calls);
        let Sharing {
            share,
            busy,
            at_once,
            ..
        } = sharing;
        let seconds = |call: &Call| call.seconds(size, at_once);
        let mb = |bytes: Bytes| bytes.as_f64() / 1_048_576.0;
        let time = |call: &Call| Nanos((seconds(call) * 1e9).round() as u64);
        let billed_seconds = |call: &Call| billed_ms(provider, time(call)) as f64 / 1e3;
        let gb = |call: &Call| billed_mb(provider, size, call.billed.used) as f64 / 1024.0;
        let rate = provider.usd_per_gb_second.as_f64();
        let cpu = size.billed_cpu.as_f64();
        let cpu_rate = cpu * provider.usd_per_cpu_second.as_f64();
        // Of the instance's time, the call's part; and of that, the part in which a call runs in it.
        let paid = |call: &Call| billed_seconds(call) * share;
        let runs = |call: &Call| match calls {
            1 => seconds(call).min(billed_seconds(call)),
            _ => paid(call) * busy,
        };
        // What the smallest size that fits has more than is needed; of memory that is billed as it is used it costs nothing.
        let between = match (provider.billed, provider.size_for(need.0)) {
            (Billed::Size, Some(fits)) if fits.mb <= size.mb => {
                (fits.mb as f64 - mb(need)).max(0.0) / 1024.0
            }
            _ => 0.0,
        };
        // GB-seconds that nobody uses while a call runs.
        let unused = |call: &Call| {
            let uses = mb(call.billed.used) / 1024.0 * seconds(call).min(billed_seconds(call));
            (gb(call) * runs(call) - uses).max(0.0)
        };
        SizeAccount {
            size_mb: size.mb,
            fits: need.0.div_ceil(1 << 20) <= size.mb,
            usd_per_million: self.per_million(|call| {
                usd_per_shared_call(provider, size, call.billed.used, time(call), share)
            }),
            memory_wasted_usd: self.per_million(|call| unused(call) * rate),
            granularity_usd: self
                .per_million(|call| (between * runs(call)).min(unused(call)) * rate),
            time_wasted_usd: self.per_million(|call| {
                let idle = paid(call) - runs(call);
                idle * (gb(call) * rate + cpu_rate)
            }),
            usd_per_month: self.traffic.calls_per_month.map(|calls| {
                let of_each = calls / MILLION;
                let gb_seconds = self.per_million(|call| gb(call) * paid(call)) * of_each;
                let cpu_seconds = self.per_million(|call| cpu * paid(call)) * of_each;
                let beyond = |used: f64, free: u64| (used - free as f64).max(0.0);
                beyond(calls, provider.free.requests) * provider.usd_per_request.as_f64()
                    + beyond(gb_seconds, provider.free.gb_seconds) * rate
                    + beyond(cpu_seconds, provider.free.cpu_seconds)
                        * provider.usd_per_cpu_second.as_f64()
            }),
        }
    }

    /// The cheapest size whose instances make as many calls at a time as is asked; `None` where that is one, or the provider lets
    /// no more into an instance.
    fn shared(&self, provider: &Provider) -> Option<SharedAccount> {
        let sizes = provider.listed(&[]);
        let asked = self.traffic.at_once;
        let calls = sizes
            .iter()
            .map(|size| at_most(provider, size, asked))
            .max()?;
        if calls <= 1 {
            return None;
        }
        let need_bytes = self.need(calls);
        let fits = |size: &&Size| {
            at_most(provider, size, asked) == calls && need_bytes.0.div_ceil(1 << 20) <= size.mb
        };
        let priced = sizes.iter().filter(fits).map(|size| {
            let sharing = self.sharing(provider, size, calls);
            let seconds = self
                .calls
                .iter()
                .map(|call| call.seconds(size, sharing.at_once));
            SharedAt {
                account: self.at(provider, size, calls, sharing),
                estimated_seconds: seconds.sum::<f64>() / self.calls.len().max(1) as f64,
                share: sharing.share,
                at_once: sharing.at_once,
                is_recorded: sharing.recorded > 0,
                recorded: sharing.recorded,
            }
        });
        let cost = |at: &SharedAt| at.account.usd_per_million;
        Some(SharedAccount {
            calls,
            need_bytes,
            at: priced.min_by(|a, b| cost(a).total_cmp(&cost(b))),
        })
    }

    /// How calls share instances of a size: as they came, where it is known of some when they did.
    fn sharing(&self, provider: &Provider, size: &Size, most: u32) -> Sharing {
        let nanos = |seconds: f64| Nanos((seconds * 1e9).round() as u64);
        if self.arrivals.is_empty() {
            let times = self
                .calls
                .iter()
                .map(|call| nanos(call.seconds(size, f64::from(most))));
            return as_asked(provider, &times.collect::<Vec<Nanos>>(), most);
        }
        let beside = |at_once: f64| {
            let calls = self.arrivals.iter().map(|(came, call)| {
                let seconds = call.seconds_beside(size, 1.0, at_once);
                (*came, nanos(seconds))
            });
            as_recorded(provider, &calls.collect::<Vec<_>>(), most)
        };
        // Calls that share a CPU take longer, and so there are more of them at a time, and so on.
        let mut sharing = ALONE;
        for _ in 0..ROUNDS {
            let next = beside(sharing.at_once).unwrap_or(ALONE);
            let is_settled = (next.at_once - sharing.at_once).abs() < SETTLED * sharing.at_once;
            sharing = next;
            if is_settled {
                break;
            }
        }
        sharing
    }
}
