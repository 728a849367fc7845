//! What calls cost today, and at the size recommended; what of that is for memory that is not used, for time that is rounded up, and
//! because there is no size between; what a month costs; and whether several deployments cost less than one. Which size is
//! recommended is decided in `deploy`.

use crate::bill::{billed_mb, billed_ms, usd_per_call};
use crate::catalogue::{Billed, Catalogue, Provider, Size};
use crate::settings::{CheckedSettings, Settings};
use crate::timing;
use std::collections::BTreeSet;
use trace::{
    Account, Bytes, CallAllocation, Nanos, Predictor, Profile, ProviderAccount, ProviderBill,
    Recommendation, SizeAccount, SizeClass, SizeClasses, Trace,
};

/// Several deployments are told only where they save at least this share of the single one: each is one more thing to keep.
const WORTH_IT: f64 = 0.05;

/// No call may take so many times as long as in a single size, on average over a deployment.
const SLOWER: f64 = 1.5;

/// Deployments at most.
const MOST_CLASSES: usize = 3;

/// Calls from which classes are told.
const FEWEST: usize = 30;

const MILLION: f64 = 1e6;

/// What the calls of a function cost; `None` where none succeeded. `calls_per_month` is how many there will be.
pub fn account(
    profile: &Profile,
    traces: &[Trace],
    settings: &CheckedSettings,
    catalogue: &Catalogue,
    calls_per_month: Option<f64>,
) -> Option<Account> {
    let recommendation = profile.recommendation.as_ref()?;
    let settings = settings.get();
    let calls = billed(traces, &recommendation.calls, settings);
    let accounting = Accounting {
        recommendation,
        settings,
        calls_per_month,
        calls: &calls,
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
        calls_per_month,
        providers: providers.collect(),
    })
}

/// A call that is billed.
struct Call {
    billed: timing::Call,
    /// What it would be given, sized alone, the runtime's included.
    given: Bytes,
    /// What it is sized by, where that is known before it.
    value: Option<f64>,
}

impl Call {
    /// Estimated seconds at a size.
    fn seconds(&self, size: &Size) -> f64 {
        self.billed.seconds(size, 1.0)
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

fn with_runtime(guest: Bytes, settings: &Settings) -> Bytes {
    Bytes(guest.0.saturating_add(settings.runtime_base.0))
}

struct Accounting<'a> {
    recommendation: &'a Recommendation,
    settings: &'a Settings,
    calls_per_month: Option<f64>,
    calls: &'a [Call],
}

impl Accounting<'_> {
    fn of(&self, provider: &Provider, bill: &ProviderBill) -> Option<ProviderAccount> {
        let size = |mb: u64| provider.size_for(mb << 20);
        let recommended = self.at(provider, &size(bill.size_mb)?);
        Some(ProviderAccount {
            provider: provider.key.clone(),
            name: provider.name.clone(),
            dated: provider.dated.clone(),
            today: self.at(provider, &size(bill.baseline_size_mb)?),
            classes: self.classes(provider, &recommended),
            recommended,
        })
    }

    /// The sum of an amount over the calls, for a million of them.
    fn per_million(&self, amount: impl Fn(&Call) -> f64) -> f64 {
        let sum: f64 = self.calls.iter().map(amount).sum();
        sum / self.calls.len().max(1) as f64 * MILLION
    }

    fn at(&self, provider: &Provider, size: &Size) -> SizeAccount {
        let need = with_runtime(self.recommendation.allocation_bytes, self.settings);
        let mb = |bytes: Bytes| bytes.as_f64() / 1_048_576.0;
        let billed_seconds = |call: &Call| billed_ms(provider, time(call, size)) as f64 / 1e3;
        let gb = |call: &Call| billed_mb(provider, size, call.billed.used) as f64 / 1024.0;
        let rate = provider.usd_per_gb_second.as_f64();
        let cpu_rate = size.billed_cpu.as_f64() * provider.usd_per_cpu_second.as_f64();
        // What the smallest size that fits has more than is needed; of memory that is billed as it is used it costs nothing.
        let between = match (provider.billed, provider.size_for(need.0)) {
            (Billed::Size, Some(fits)) if fits.mb <= size.mb => {
                (fits.mb as f64 - mb(need)).max(0.0) / 1024.0
            }
            _ => 0.0,
        };
        let unused = |call: &Call| (gb(call) - mb(call.billed.used) / 1024.0).max(0.0);
        let runs = |call: &Call| call.seconds(size).min(billed_seconds(call));
        SizeAccount {
            size_mb: size.mb,
            fits: need.0.div_ceil(1 << 20) <= size.mb,
            usd_per_million: self.per_million(|call| usd(provider, size, call)),
            memory_wasted_usd: self.per_million(|call| unused(call) * rate * runs(call)),
            granularity_usd: self.per_million(|call| between.min(unused(call)) * rate * runs(call)),
            time_wasted_usd: self.per_million(|call| {
                let idle = billed_seconds(call) - runs(call);
                idle * (gb(call) * rate + cpu_rate)
            }),
            usd_per_month: self.calls_per_month.map(|calls| {
                let of_each = calls / MILLION;
                let gb_seconds = self.per_million(|call| gb(call) * billed_seconds(call)) * of_each;
                let cpu = size.billed_cpu.as_f64();
                let cpu_seconds = self.per_million(|call| cpu * billed_seconds(call)) * of_each;
                let beyond = |used: f64, free: u64| (used - free as f64).max(0.0);
                beyond(calls, provider.free.requests) * provider.usd_per_request.as_f64()
                    + beyond(gb_seconds, provider.free.gb_seconds) * rate
                    + beyond(cpu_seconds, provider.free.cpu_seconds)
                        * provider.usd_per_cpu_second.as_f64()
            }),
        }
    }

    /// The best two or three sizes and the rule that routes calls to them; `None` where they do not cost clearly less than one.
    fn classes(&self, provider: &Provider, single: &SizeAccount) -> Option<SizeClasses> {
        let by = self.recommendation.sizing_feature.as_ref()?;
        if provider.billed != Billed::Size || !by.is_known_before() || self.calls.len() < FEWEST {
            return None;
        }
        // Whatever is larger than all that was seen has as much room as in a single size.
        let need = with_runtime(self.recommendation.allocation_bytes, self.settings);
        let one = provider.size_for(single.size_mb << 20)?;
        let largest = provider.size_for(need.0)?;
        let routed = Routed::of(provider, self.calls, largest, one)?;
        let best = routed.best()?;
        let saving_share = 1.0 - best.usd_per_million / single.usd_per_million;
        (saving_share >= WORTH_IT).then(|| best.told(by, saving_share))
    }
}

fn time(call: &Call, size: &Size) -> Nanos {
    Nanos((call.seconds(size) * 1e9).round() as u64)
}

fn usd(provider: &Provider, size: &Size, call: &Call) -> f64 {
    usd_per_call(provider, size, call.billed.used, time(call, size))
}

/// Calls in the order of what they are sized by, and the sizes that they may be routed to.
struct Routed<'a> {
    provider: &'a Provider,
    calls: Vec<(f64, &'a Call)>,
    sizes: Vec<Size>,
    /// Per size: the first so many calls fit into it, every one.
    fitting: Vec<usize>,
    /// The single size that they are compared with.
    one: Size,
}

/// Deployments, and what they cost.
struct Classes {
    /// Size, the largest value routed to it, and calls.
    classes: Vec<(u64, f64, usize)>,
    calls: usize,
    usd_per_million: f64,
}

impl<'a> Routed<'a> {
    /// `largest` is the least that all calls which are routed to no smaller size are given.
    fn of(
        provider: &'a Provider,
        calls: &'a [Call],
        largest: Size,
        one: Size,
    ) -> Option<Routed<'a>> {
        let mut calls: Vec<(f64, &Call)> = calls
            .iter()
            .map(|call| Some((call.value?, call)))
            .collect::<Option<_>>()?;
        calls.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Where there is a size for every megabyte, those of some of the calls.
        let among = calls.len().div_ceil(8);
        let given = calls.iter().map(|(_, call)| call.given.0);
        let some = given.clone().step_by(among).chain(given.max());
        let mut sizes: BTreeSet<u64> = some
            .map(|bytes| provider.size_for(bytes).map(|size| size.mb))
            .collect::<Option<_>>()?;
        let most = sizes.last().copied().unwrap_or_default().max(largest.mb);
        sizes.insert(most);
        let sizes: Vec<Size> = sizes
            .into_iter()
            .filter_map(|mb| provider.size_for(mb << 20))
            .collect();
        let fitting = sizes.iter().map(|size| {
            let fits = |(_, call): &(f64, &Call)| call.given.0.div_ceil(1 << 20) <= size.mb;
            let first = calls
                .iter()
                .position(|call| !fits(call))
                .unwrap_or(calls.len());
            // Calls with one value go one way.
            let value = calls.get(first).map(|call| call.0);
            let with = |value: f64| calls.iter().position(|call| call.0 >= value);
            value.and_then(with).unwrap_or(calls.len())
        });
        Some(Routed {
            fitting: fitting.collect(),
            one,
            provider,
            sizes,
            calls,
        })
    }

    /// The cheapest two or three sizes, the largest among them.
    fn best(&self) -> Option<Classes> {
        let (largest, smaller) = self.sizes.split_last()?;
        let mut choices: Vec<Vec<usize>> = (0..smaller.len()).map(|one| vec![one]).collect();
        if MOST_CLASSES > 2 {
            let ones = 0..smaller.len();
            let twos = ones.flat_map(|a| (a + 1..smaller.len()).map(move |b| vec![a, b]));
            choices.extend(twos.collect::<Vec<Vec<usize>>>());
        }
        let costs = choices
            .into_iter()
            .filter_map(|choice| self.with(&choice, largest));
        costs.min_by(|a, b| a.usd_per_million.total_cmp(&b.usd_per_million))
    }

    /// Whether calls take not much longer at a size than at the single one: a smaller bill for calls that are slow is none.
    fn are_fast_enough(&self, calls: &[(f64, &Call)], size: &Size) -> bool {
        let all = |size: &Size| {
            calls
                .iter()
                .map(|(_, call)| call.seconds(size))
                .sum::<f64>()
        };
        all(size) <= SLOWER * all(&self.one)
    }

    /// Calls routed to the smallest of these that they fit into; `None` where one would have none.
    fn with(&self, smaller: &[usize], largest: &Size) -> Option<Classes> {
        let mut classes = Vec::new();
        let (mut from, mut sum) = (0, 0.0);
        let ends = smaller.iter().map(|&at| (self.sizes[at], self.fitting[at]));
        for (size, until) in ends.chain([(*largest, self.calls.len())]) {
            let routed = self
                .calls
                .get(from..until)
                .filter(|calls| !calls.is_empty() && self.are_fast_enough(calls, &size))?;
            sum += routed
                .iter()
                .map(|(_, call)| usd(self.provider, &size, call))
                .sum::<f64>();
            classes.push((size.mb, routed[routed.len() - 1].0, routed.len()));
            from = until;
        }
        Some(Classes {
            usd_per_million: sum / self.calls.len() as f64 * MILLION,
            calls: self.calls.len(),
            classes,
        })
    }
}

impl Classes {
    fn told(self, by: &Predictor, saving_share: f64) -> SizeClasses {
        let last = self.classes.len() - 1;
        let calls = self.calls as f64;
        let classes = self.classes.into_iter().enumerate();
        let classes = classes.map(|(at, (size_mb, up_to, routed))| SizeClass {
            size_mb,
            up_to: (at < last).then_some(up_to),
            calls_share: routed as f64 / calls,
        });
        SizeClasses {
            by: by.clone(),
            classes: classes.collect(),
            usd_per_million: self.usd_per_million,
            saving_share,
        }
    }
}
