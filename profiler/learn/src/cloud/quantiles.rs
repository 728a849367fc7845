//! Two distributions beside each other, where no call there is known: the share of calls that need so much here, and the bucket in
//! which the same share lies there. The line goes through the means, which are exact, and as close to the quantiles as it can. Its
//! interval takes both for what they are: samples, of which one is known in buckets alone.

use super::points::Local;
use crate::data::FEWEST;
use crate::line::{Point, Resampled, fit};
use crate::statistics::{distinct, mean, quantile};
use rand::{Rng, rngs::SmallRng};
use trace::{Bucket, CloudMemory, Distribution, QuantilePair};

/// Shares of calls of which both memories are told.
const SHARES: [f64; 7] = [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95];

/// Fewest values there for a line, and fewest buckets that they lie in: three are the least of which a third can contradict two.
const FEWEST_VALUES: u64 = 20;
const FEWEST_BUCKETS: usize = 3;

/// Weight of the means against that of a quantile: so much that a line hardly misses them.
const MEANS: f64 = 100.0;

/// More values than these are not drawn: beyond them only buckets matter.
const MOST_DRAWN: u64 = 2_000;

pub(super) fn pairs(local: &Local, seen: &Distribution) -> Vec<QuantilePair> {
    let here = local.memories();
    let pair = |&share: &f64| {
        let (from, to) = seen.quantile(share)?;
        let finite = |bound: f64| bound.is_finite().then_some(bound);
        Some(QuantilePair {
            share,
            local_bytes: quantile(&here, share)?,
            cloud_from_bytes: finite(from),
            cloud_to_bytes: finite(to),
        })
    };
    SHARES.iter().filter_map(pair).collect()
}

/// Offset and slope through the quantiles, or why there are none.
pub(super) fn line(
    local: &Local,
    seen: &Distribution,
    seed: u64,
) -> Result<(CloudMemory, Resampled), String> {
    let here = local.memories();
    if distinct(&here) < FEWEST {
        return Err(format!(
            "{} different memories are known here, at least {FEWEST} are needed to compare distributions",
            distinct(&here)
        ));
    }
    let bounded: Vec<&Bucket> = seen.buckets.iter().filter(|b| b.to.is_finite()).collect();
    if seen.count < FEWEST_VALUES || bounded.len() < FEWEST_BUCKETS {
        return Err(format!(
            "the distribution there has {} values in {} buckets, at least {FEWEST_VALUES} in {FEWEST_BUCKETS} are needed",
            seen.count,
            bounded.len()
        ));
    }
    let middle: Vec<f64> = SHARES
        .iter()
        .filter_map(|&share| {
            let (from, to) = seen.quantile(share)?;
            Some(if to.is_finite() {
                (from.max(0.0) + to) / 2.0
            } else {
                from
            })
        })
        .collect();
    let through = |here: &[f64], there: &dyn Fn(usize, f64) -> Option<f64>| -> Vec<Point> {
        let points = SHARES.iter().enumerate().filter_map(|(at, &share)| {
            Some(Point {
                x: quantile(here, share)?,
                y: there(at, share)?,
                weight: 1.0,
            })
        });
        let means = mean(here).map(|here| Point {
            x: here,
            y: seen.mean,
            weight: MEANS,
        });
        points.chain(means).collect()
    };
    let (offset, slope) = fit(&through(&here, &|at, _| middle.get(at).copied()))
        .ok_or("the memories here do not move between quantiles")?;
    let resampled = Resampled::drawn(seed, |random| {
        let again: Vec<f64> = here
            .iter()
            .map(|_| here[random.gen_range(0..here.len())])
            .collect();
        let drawn = drawn(seen, random);
        through(&again, &|_, share| quantile(&drawn, share))
    });
    let memory = CloudMemory {
        offset: resampled.estimate(offset, |line| line.0),
        slope: resampled.estimate(slope, |line| line.1),
        points: SHARES.len(),
        most_above_bytes: 0.0,
        largest_local_bytes: here.last().copied().unwrap_or(0.0),
    };
    Ok((memory, resampled))
}

/// As many values as there are, by chance from the buckets by their counts. Where in a bucket its values lie is not known, and it
/// is the same for all of them: drawn one by one they would be in its middle on average, which nobody has said.
fn drawn(seen: &Distribution, random: &mut SmallRng) -> Vec<f64> {
    let places: Vec<f64> = seen
        .buckets
        .iter()
        .map(|bucket| {
            let from = bucket.from.max(0.0);
            // Of what has no upper bound nothing is known but the lower one.
            match bucket.to.is_finite() && bucket.to > from {
                true => random.gen_range(from..bucket.to),
                false => from,
            }
        })
        .collect();
    let total: u64 = seen.buckets.iter().map(|bucket| bucket.count).sum();
    let draw = |_| {
        let mut at = random.gen_range(0..total.max(1));
        for (bucket, place) in seen.buckets.iter().zip(&places) {
            if at < bucket.count {
                return *place;
            }
            at -= bucket.count;
        }
        0.0
    };
    (0..seen.count.min(MOST_DRAWN)).map(draw).collect()
}
