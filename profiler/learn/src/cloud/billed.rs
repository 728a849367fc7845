//! Which times there are billed: those of the calls of the log where that has all of them, else those of the distributions, of which
//! it is known how many calls lie in each bucket. Failed calls are billed as all others are.

use super::Line;
use super::points::{Joined, Local};
use super::tiers::CallThere;
use trace::{Deployed, Distribution};

/// The calls, and one sentence that says by what they are known, where that is to be said.
pub(super) struct Calls {
    pub(super) calls: Vec<CallThere>,
    pub(super) by: Option<String>,
}

pub(super) fn calls(
    local: &Local,
    joined: &Joined,
    deployed: &Deployed,
    seen: &Distribution,
    line: Option<&Line>,
) -> Calls {
    let on_line = |digest: &str| Some(line?.at(local.memory(digest)?).value);
    let mean_memory = (seen.count > 0).then_some(seen.mean);
    let known = joined.calls.iter().chain(&joined.failed);
    let known: Vec<CallThere> = known
        .filter_map(|call| {
            let digest = call.digest.as_deref();
            Some(CallThere {
                weight: 1,
                seconds: call.seconds?,
                used: call
                    .memory
                    .or_else(|| digest.and_then(on_line))
                    .or(mean_memory),
                cpu_share: digest.and_then(|digest| local.cpu_share(digest)),
            })
        })
        .collect();
    let times = Distribution::merged(deployed.times.iter().map(|measured| &measured.values));
    let told = known.len() as u64;
    if times.count == 0 || (told > 0 && told >= times.count) {
        return Calls {
            by: (told > 0).then(|| format!("billed by the times of {told} calls in the log")),
            calls: known,
        };
    }
    let buckets = times.buckets.iter().map(|bucket| CallThere {
        weight: bucket.count,
        // Never less than it was, unless there is no upper bound.
        seconds: match bucket.to.is_finite() {
            true => bucket.to.max(0.0) / 1e9,
            false => bucket.from.max(0.0) / 1e9,
        },
        used: mean_memory,
        cpu_share: None,
    });
    Calls {
        calls: buckets.collect(),
        by: Some(format!(
            "billed by {} times of Cloud Monitoring, each for the upper bound of its bucket: the log has {told} of them",
            times.count
        )),
    }
}
