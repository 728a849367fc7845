//! A function here and the same one deployed: memory, time, what is billed, and the size to give it there. Which calls belong to
//! each other is worked out in `points`, distributions are compared in `quantiles`, which times are billed is said in `billed`, what
//! that costs at every size in `tiers`, and the size to take in `size`. Collects nothing.

mod billed;
mod points;
mod quantiles;
mod size;
mod tiers;

use crate::catalogue::Provider;
use crate::data::FEWEST;
use crate::line::{Point, Resampled, fit};
use crate::statistics::{distinct, mean, median, quantile};
use points::{Joined, Local};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use tiers::Most;
use trace::{
    CloudComparison, CloudCounts, CloudDuration, CloudMemory, CloudPoint, Deployed, Distribution,
    Estimate, FunctionId, JoinedBy, Measured, Outcome, Profile, Trace,
};

/// Bytes of a MiB, which Google calls MB.
const MIB: f64 = 1_048_576.0;

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
    let billed = billed::calls(&local, &joined, deployed, &seen, line.as_ref());
    let condition = size::condition(joined_by, deployed);
    let (recommendation, no_size_reason) =
        match size::size(line.as_ref(), profile, provider, condition) {
            Ok(size) => (Some(size), String::new()),
            Err(why) => (None, why),
        };
    let tiers = tiers::tiers(
        provider,
        &billed.calls,
        &most(&joined, deployed),
        configured_mb,
    );
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
        tiers,
        recommendation,
        no_size_reason,
        notes: notes(&joined, deployed, billed.by),
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

/// What it is configured to have: what somebody says, else the last that the cloud has noted.
fn configured(deployed: &Deployed) -> Option<u64> {
    deployed.configured_mb.or_else(|| {
        let measured = deployed.memory.iter().chain(&deployed.times);
        let noted = measured.filter(|m| m.configured_mb.is_some());
        noted.max_by_key(|m| m.to_unix_ms)?.configured_mb
    })
}

/// Times there against those here: of the calls whose input was timed here, else of the means. Only of calls that succeeded: how soon
/// one fails says nothing of how long one takes.
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
    let succeeded = |measured: &&Measured| measured.succeeded != Some(false);
    let times = deployed.times.iter().filter(succeeded);
    let seen = Distribution::merged(times.map(|measured| &measured.values));
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

/// The most that is known of calls there, of whichever kind it is known: their own memory, that of calls that were ended for it, and
/// the bounds of distributions. What was kept of a call that was given so much lies in a bucket that may reach beyond that: the call
/// did not, unless all of the bucket does.
fn most(joined: &Joined, deployed: &Deployed) -> Most {
    let own = joined.calls.iter().chain(&joined.failed);
    let own = own.filter_map(|call| call.memory);
    let bounds = deployed.memory.iter().filter_map(|measured| {
        let values = Distribution::merged([&measured.values]);
        let (from, to) = values.quantile(1.0)?;
        let given = measured
            .configured_mb
            .map_or(f64::INFINITY, |mb| mb as f64 * MIB);
        let to = to.min(given).max(from);
        Some(if to.is_finite() { to } else { from })
    });
    let exceeded = deployed
        .calls
        .iter()
        .filter(|c| c.outcome == Outcome::Limited);
    Most {
        used: own.chain(bounds).reduce(f64::max),
        exceeded: exceeded.filter_map(|call| call.limit).max(),
    }
}

fn notes(joined: &Joined, deployed: &Deployed, billed_by: Option<String>) -> Vec<String> {
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
        "calls there that did not succeed, whose memory and times are left out; they are billed as the others",
        joined.failed.len(),
    );
    say(
        "minutes there whose calls are not all known, so that they belong to no call",
        joined.open_minutes,
    );
    say(
        "calls there whose time is what their caller has waited, network and cold start included, which is not billed",
        joined.timed_by_caller(),
    );
    let failed = deployed.times.iter().filter(|m| m.succeeded == Some(false));
    say(
        "times in Cloud Monitoring of calls that did not succeed, which are billed and not compared",
        failed.map(|m| m.values.count).sum::<u64>() as usize,
    );
    notes.extend(billed_by);
    if !deployed.memory.is_empty() && !deployed.is_memory_of_calls {
        notes.push(
            "the memory there is sampled of instances, once a minute, whatever they do: no value of it belongs to a call"
                .to_owned(),
        );
    }
    notes
}
