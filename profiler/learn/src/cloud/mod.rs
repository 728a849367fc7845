//! A function here and the same one deployed: memory, time, what is billed, and the size to give it there. Which calls belong to
//! each other is worked out in `points`, distributions are compared in `quantiles`, sizes in `tiers`. Collects nothing.

mod points;
mod quantiles;
mod tiers;

use crate::catalogue::Provider;
use crate::data::FEWEST;
use crate::line::{Point, Resampled, fit};
use crate::statistics::{distinct, mean, median, quantile};
use points::{Joined, Local};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::collections::BTreeMap;
use tiers::CallThere;
use trace::{
    Bytes, CloudComparison, CloudCounts, CloudDuration, CloudMemory, CloudPoint, CloudSize,
    Deployed, Distribution, Estimate, FunctionId, JoinedBy, Profile, Trace,
};

/// Resamples of the ratios of times.
const RESAMPLES: usize = 400;

/// Compares recorded calls with what is known of the deployed function. `profile` is what was learned of the recorded calls;
/// the seed decides the resamples.
pub fn compare_cloud(
    function: &FunctionId,
    traces: &[Trace],
    profile: &Profile,
    deployed: &Deployed,
    provider: &Provider,
    seed: u64,
) -> CloudComparison {
    let local = Local::of(traces);
    let joined = points::join(&local, deployed);
    let seen = Distribution::merged(deployed.memory.iter().map(|measured| &measured.values));
    let (joined_by, line, memory_reason) = relation(&local, &joined, deployed, &seen, seed);
    let configured_mb = configured(deployed);
    let times = joined.times(&local);
    let calls = there(&local, &joined, deployed, &seen, line.as_ref());
    let recommendation = line.as_ref().and_then(|line| size(line, profile, provider));
    CloudComparison {
        schema: CloudComparison::SCHEMA.to_owned(),
        function: function.clone(),
        cloud_function: deployed.function.clone(),
        provider: provider.key.clone(),
        provider_name: provider.name.clone(),
        configured_mb,
        counts: CloudCounts {
            local_inputs: local.inputs(),
            known: deployed.calls.len(),
            with_input: joined.calls.iter().filter(|call| call.is_local).count(),
            with_memory: joined.calls.iter().filter(|c| c.memory.is_some()).count(),
            memory_values: seen.count,
            joined_values: joined.values,
        },
        joined_by,
        memory: line.map(|line| line.memory),
        memory_reason,
        quantiles: quantiles::pairs(&local, &seen),
        duration: duration(&local, deployed, &joined, &times, seed),
        tiers: tiers::tiers(provider, &calls, largest(&joined, &seen), configured_mb),
        recommendation,
        notes: notes(&joined, deployed),
        points: joined.points,
        times,
    }
}

/// A fitted line, with what its resamples say.
struct Line {
    memory: CloudMemory,
    resampled: Resampled,
}

impl Line {
    /// Memory there, at a memory here: the best guess and the interval.
    fn at(&self, local: f64) -> Estimate {
        let value = self.memory.offset.value + self.memory.slope.value * local;
        let estimate = self
            .resampled
            .estimate(value, |(offset, slope)| offset + slope * local);
        Estimate { value, ..estimate }
    }
}

/// Offset and slope, by calls where there are enough of them, else by distributions; and what is to be said of it.
fn relation(
    local: &Local,
    joined: &Joined,
    deployed: &Deployed,
    seen: &Distribution,
    seed: u64,
) -> (JoinedBy, Option<Line>, String) {
    let here: Vec<f64> = joined.points.iter().map(|p| p.local_bytes).collect();
    let different = distinct(&here);
    if different >= FEWEST
        && let Some(line) = by_calls(&joined.points, seed)
    {
        let minutes = joined.points.iter().filter(|p| p.calls > 1).count();
        let reason = format!(
            "from {} points: {} of one call each, {minutes} of the means of a minute",
            joined.points.len(),
            joined.points.len() - minutes
        );
        return (JoinedBy::Calls, Some(line), reason);
    }
    let points = format!(
        "not enough data: {different} different memories here with their memory there, at least {FEWEST} are needed"
    );
    if deployed.memory.is_empty() {
        let reason = format!("{points}, and there is no distribution of memory there");
        return (JoinedBy::Nothing, None, reason);
    }
    match quantiles::line(local, seen, seed) {
        Ok((memory, resampled)) => {
            let reason = format!(
                "from quantiles, which holds only if both had the same inputs equally often; of calls, {different} different \
                 memories here are known with their memory there, and {FEWEST} are needed"
            );
            (
                JoinedBy::Quantiles,
                Some(Line { memory, resampled }),
                reason,
            )
        }
        Err(why) => (JoinedBy::Nothing, None, format!("{points}; {why}")),
    }
}

fn by_calls(points: &[CloudPoint], seed: u64) -> Option<Line> {
    let weighted: Vec<Point> = points
        .iter()
        .map(|point| Point {
            x: point.local_bytes,
            y: point.cloud_bytes,
            weight: point.calls as f64,
        })
        .collect();
    let (offset, slope) = fit(&weighted)?;
    let resampled = Resampled::of(&weighted, seed);
    let above = weighted.iter().map(|p| p.y - offset - slope * p.x);
    let memory = CloudMemory {
        offset: resampled.estimate(offset, |line| line.0),
        slope: resampled.estimate(slope, |line| line.1),
        points: points.len(),
        most_above_bytes: above.fold(0.0, f64::max),
        largest_local_bytes: weighted.iter().map(|p| p.x).fold(0.0, f64::max),
    };
    Some(Line { memory, resampled })
}

/// The smallest size that holds what is given to the guest here, as the line takes it there.
fn size(line: &Line, profile: &Profile, provider: &Provider) -> Option<CloudSize> {
    let local = profile.recommendation.as_ref()?.allocation_bytes;
    let upper = line.at(local.as_f64()).high + line.memory.most_above_bytes;
    let needed = Bytes::from_f64(upper);
    let size_mb = provider.size_for(needed.0).map(|size| size.mb);
    let beyond = match local.as_f64() > line.memory.largest_local_bytes {
        true => format!(
            "; the largest memory here that was compared is {}, so the line is extended",
            Bytes::from_f64(line.memory.largest_local_bytes)
        ),
        false => String::new(),
    };
    let fits = match size_mb {
        Some(mb) => format!("{mb} MB is the smallest size that holds it"),
        None => "no size holds it".to_owned(),
    };
    Some(CloudSize {
        size_mb,
        local_allocation_bytes: local,
        needed_bytes: needed,
        reason: format!(
            "{local} for the guest is at most {needed} there with 97.5 % confidence: {fits}{beyond}"
        ),
    })
}

/// What it is configured to have: what somebody says, else the last that the cloud has noted.
fn configured(deployed: &Deployed) -> Option<u64> {
    deployed.configured_mb.or_else(|| {
        let measured = deployed.memory.iter().chain(&deployed.times);
        let noted = measured.filter(|m| m.configured_mb.is_some());
        noted.max_by_key(|m| m.to_unix_ms)?.configured_mb
    })
}

/// Times there against those here: of the calls whose input was timed here, else of the means.
fn duration(
    local: &Local,
    deployed: &Deployed,
    joined: &Joined,
    times: &[(f64, f64)],
    seed: u64,
) -> Option<CloudDuration> {
    if times.len() >= FEWEST {
        let ratios: Vec<f64> = times.iter().map(|(here, there)| there / here).collect();
        return Some(CloudDuration {
            calls: times.len(),
            ratio: middle(&ratios, seed),
            local_mean_seconds: mean(&times.iter().map(|t| t.0).collect::<Vec<f64>>())?,
            cloud_mean_seconds: mean(&times.iter().map(|t| t.1).collect::<Vec<f64>>())?,
        });
    }
    let seen = Distribution::merged(deployed.times.iter().map(|measured| &measured.values));
    let took: Vec<f64> = joined
        .calls
        .iter()
        .filter_map(|call| call.lasted())
        .collect();
    let cloud_mean_seconds = match seen.count {
        0 => mean(&took)?,
        _ => seen.mean / 1e9,
    };
    Some(CloudDuration {
        calls: 0,
        ratio: None,
        local_mean_seconds: mean(&local.seconds()).unwrap_or(0.0),
        cloud_mean_seconds,
    })
}

/// The median, with its interval.
fn middle(values: &[f64], seed: u64) -> Option<Estimate> {
    let value = median(values)?;
    let mut random = SmallRng::seed_from_u64(seed);
    let drawn = (0..RESAMPLES).filter_map(|_| {
        let again = values.iter();
        let again = again.map(|_| values[random.gen_range(0..values.len())]);
        median(&again.collect::<Vec<f64>>())
    });
    let drawn: Vec<f64> = drawn.collect();
    Some(Estimate {
        value,
        low: quantile(&drawn, 0.025)?.min(value),
        high: quantile(&drawn, 0.975)?.max(value),
    })
}

/// The calls there as bills need them: one by one where their times are known, else as the distributions have them.
fn there(
    local: &Local,
    joined: &Joined,
    deployed: &Deployed,
    seen: &Distribution,
    line: Option<&Line>,
) -> Vec<CallThere> {
    let on_line = |digest: &str| Some(line?.at(local.memory(digest)?).value);
    let mean_memory = (seen.count > 0).then_some(seen.mean);
    let calls: Vec<CallThere> = joined
        .calls
        .iter()
        .filter_map(|call| {
            let digest = call.digest.as_deref();
            Some(CallThere {
                seconds: call.seconds?,
                used: call
                    .memory
                    .or_else(|| digest.and_then(on_line))
                    .or(mean_memory),
                cpu_share: digest.and_then(|digest| local.cpu_share(digest)),
            })
        })
        .collect();
    if !calls.is_empty() {
        return calls;
    }
    let mut times: BTreeMap<u64, u64> = BTreeMap::new();
    for measured in &deployed.times {
        for nanos in measured.values.values().0 {
            *times.entry(nanos.max(0.0) as u64).or_default() += 1;
        }
    }
    times
        .into_iter()
        .flat_map(|(nanos, count)| std::iter::repeat_n(nanos, count.min(tiers::MOST) as usize))
        .map(|nanos| CallThere {
            seconds: nanos as f64 / 1e9,
            used: mean_memory,
            cpu_share: None,
        })
        .collect()
}

/// The most that a call has used there: that of the calls where it is known of all, else the upper bound of the last bucket, or,
/// where that has none, the lower one.
fn largest(joined: &Joined, seen: &Distribution) -> Option<f64> {
    let own: Option<Vec<f64>> = joined.calls.iter().map(|call| call.memory).collect();
    let own = own.and_then(|all| all.into_iter().reduce(f64::max));
    own.or_else(|| {
        let (from, to) = seen.quantile(1.0)?;
        Some(if to.is_finite() { to } else { from })
    })
}

fn notes(joined: &Joined, deployed: &Deployed) -> Vec<String> {
    let mut notes = Vec::new();
    let mut say = |of_what: &str, how_many: usize| {
        if how_many > 0 {
            notes.push(format!("{of_what}: {how_many}"));
        }
    };
    say(
        "calls there with inputs that were not measured here, which are left out",
        joined.elsewhere,
    );
    say(
        "calls there that did not succeed, whose memory and times are left out",
        joined.failed,
    );
    say(
        "minutes there whose calls are not all known, so that they belong to no call",
        joined.open_minutes,
    );
    say(
        "calls there whose time is what their caller has waited, network and cold start included, which is not billed",
        joined.timed_by_caller(),
    );
    if joined.calls.iter().all(|call| call.seconds.is_none()) && !deployed.times.is_empty() {
        notes.push(
            "times there are known in buckets: each call is billed for the upper bound of its own"
                .to_owned(),
        );
    }
    if !deployed.memory.is_empty() && !deployed.is_memory_of_calls {
        notes.push(
            "the memory there is sampled of instances, once a minute, whatever they do: no value of it belongs to a call"
                .to_owned(),
        );
    }
    notes
}
