//! Two or three deployments of a function in place of one, each for calls of its size: which calls go where, and what that costs. What
//! calls cost in one deployment is worked out in `account`.

use crate::account::{Call, MILLION};
use crate::bill::usd_per_call;
use crate::catalogue::{Billed, Provider, Size};
use std::collections::BTreeSet;
use trace::{Bytes, Nanos, Predictor, Recommendation, SizeAccount, SizeClass, SizeClasses};

/// Several deployments are told only where they save at least this share of the single one: each is one more thing to keep.
const WORTH_IT: f64 = 0.05;

/// No call may take so many times as long as in a single size, on average over a deployment.
const SLOWER: f64 = 1.5;

/// Deployments at most.
const MOST_CLASSES: usize = 3;

/// Calls from which classes are told.
const FEWEST: usize = 30;

/// The best two or three sizes and the rule that routes calls to them; `None` where they do not cost clearly less than the single
/// one. `need` is what holds all calls, the runtime's included.
pub(crate) fn classes(
    recommendation: &Recommendation,
    provider: &Provider,
    calls: &[Call],
    need: Bytes,
    single: &SizeAccount,
) -> Option<SizeClasses> {
    let by = recommendation.sizing_feature.as_ref()?;
    // A word has no size up to which calls go to the smaller one.
    let is_size = by.is_known_before() && by.features().all(|f| f.word().is_none());
    if provider.billed != Billed::Size || !is_size || calls.len() < FEWEST {
        return None;
    }
    // Whatever is larger than all that was seen has as much room as in a single size.
    let one = provider.size_for(single.size_mb << 20)?;
    let largest = provider.size_for(need.0)?;
    let routed = Routed::of(provider, calls, largest, one)?;
    let best = routed.best()?;
    let saving_share = 1.0 - best.usd_per_million / single.usd_per_million;
    (saving_share >= WORTH_IT).then(|| best.told(by, saving_share))
}

fn time(call: &Call, size: &Size) -> Nanos {
    Nanos((call.seconds(size, 1.0) * 1e9).round() as u64)
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
                .map(|(_, call)| call.seconds(size, 1.0))
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
