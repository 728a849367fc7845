//! A distribution as clouds keep it: how many values lie in each bucket, and their mean. No value of it is known but by the
//! bounds of its bucket, unless it is the only one. How somebody writes one down is not said here.

/// How many values lie between two bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Not below this; -infinity for what lies below all others.
    pub from: f64,
    /// Below this; infinity for what lies above all others.
    pub to: f64,
    /// How many.
    pub count: u64,
}

/// A distribution.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// Number of values.
    pub count: u64,
    /// Their mean, which is exact.
    pub mean: f64,
    /// The buckets with values in them, ascending.
    pub buckets: Vec<Bucket>,
}

/// Values of one distribution at most.
const MOST: u64 = 1_000_000;

impl Distribution {
    /// Its values, as far as they are known: the only one is the mean, of several each is taken as the upper bound of its
    /// bucket, so never as less than it was. How many have no upper bound is the second.
    pub fn values(&self) -> (Vec<f64>, u64) {
        if self.count == 1 {
            return (vec![self.mean], 0);
        }
        let bounded = self.buckets.iter().filter(|bucket| bucket.to.is_finite());
        let values = bounded.flat_map(|bucket| {
            // What somebody else says is a count is not taken as an amount of memory to reserve.
            std::iter::repeat_n(bucket.to, bucket.count.min(MOST) as usize)
        });
        let values: Vec<f64> = values.take(MOST as usize).collect();
        let unbounded = self.buckets.iter().filter(|bucket| !bucket.to.is_finite());
        (values, unbounded.map(|bucket| bucket.count).sum())
    }

    /// All values of several, whatever buckets each has. The only value of one is known exactly.
    pub fn merged<'a>(all: impl IntoIterator<Item = &'a Distribution>) -> Distribution {
        let mut merged = Distribution::default();
        let mut sum = 0.0;
        for one in all {
            merged.count = merged.count.saturating_add(one.count);
            sum += one.mean * one.count as f64;
            match one.count {
                1 => merged.buckets.push(Bucket {
                    from: one.mean,
                    to: one.mean,
                    count: 1,
                }),
                _ => merged.buckets.extend(&one.buckets),
            }
        }
        if merged.count > 0 {
            merged.mean = sum / merged.count as f64;
        }
        merged
            .buckets
            .sort_by(|a, b| a.from.total_cmp(&b.from).then(a.to.total_cmp(&b.to)));
        merged.buckets.dedup_by(|next, kept| {
            let is_same = (next.from, next.to) == (kept.from, kept.to);
            if is_same {
                kept.count = kept.count.saturating_add(next.count);
            }
            is_same
        });
        merged
    }

    /// The same in another unit: every value times a positive factor.
    pub fn scaled(&self, factor: f64) -> Distribution {
        let buckets = self.buckets.iter().map(|bucket| Bucket {
            from: bucket.from * factor,
            to: bucket.to * factor,
            count: bucket.count,
        });
        Distribution {
            count: self.count,
            mean: self.mean * factor,
            buckets: buckets.collect(),
        }
    }

    /// What the value at a share (0 to 1, by nearest rank) lies between. `None` where there is no value in a bucket.
    pub fn quantile(&self, share: f64) -> Option<(f64, f64)> {
        Some((
            self.ranked(share, |bucket| bucket.from)?,
            self.ranked(share, |bucket| bucket.to)?,
        ))
    }

    /// The bound at a share, were every value at that bound of its bucket.
    fn ranked(&self, share: f64, bound: impl Fn(&Bucket) -> f64) -> Option<f64> {
        let mut bounds: Vec<(f64, u64)> =
            self.buckets.iter().map(|b| (bound(b), b.count)).collect();
        bounds.sort_by(|a, b| a.0.total_cmp(&b.0));
        let total: f64 = bounds.iter().map(|(_, count)| *count as f64).sum();
        let rank = (share * total - 1e-9).ceil().max(1.0);
        let mut below = 0.0;
        let mut found = None;
        for (bound, count) in bounds {
            if count == 0 {
                continue;
            }
            below += count as f64;
            found = Some(bound);
            if below >= rank {
                break;
            }
        }
        found
    }
}

/// Buckets whose bounds grow by a factor: bucket 0 ends at `scale`, the last but one at `scale * growth^finite`, and the last
/// has no end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExponentialBuckets {
    /// Buckets between the first and the last.
    pub finite: u32,
    /// Factor from bound to bound, above 1.
    pub growth: f64,
    /// The first bound.
    pub scale: f64,
}

impl ExponentialBuckets {
    /// Bounds of the bucket at a place; `None` where there is none.
    pub fn bounds(&self, at: u32) -> Option<(f64, f64)> {
        let bound = |power: u32| self.scale * self.growth.powf(f64::from(power));
        let last = self.finite.saturating_add(1);
        if at > last {
            return None;
        }
        Some((
            at.checked_sub(1).map_or(f64::NEG_INFINITY, bound),
            if at == last { f64::INFINITY } else { bound(at) },
        ))
    }

    /// How many of the values lie in each bucket, up to the last that has any.
    pub fn counts(&self, values: &[f64]) -> Vec<u64> {
        let mut counts = Vec::new();
        for value in values {
            let holds = |at: &u32| self.bounds(*at).is_some_and(|(_, to)| *value < to);
            let last = self.finite.saturating_add(1);
            let at = (0..last).find(holds).unwrap_or(last) as usize;
            if counts.len() <= at {
                counts.resize(at + 1, 0);
            }
            counts[at] += 1;
        }
        counts
    }

    /// The distribution of the values in these buckets.
    pub fn distribution(&self, values: &[f64]) -> Distribution {
        let counts = self.counts(values).into_iter().zip(0..);
        let buckets = counts.filter(|(count, _)| *count > 0);
        let buckets = buckets.filter_map(|(count, at)| {
            let (from, to) = self.bounds(at)?;
            Some(Bucket { from, to, count })
        });
        Distribution {
            count: values.len() as u64,
            mean: values.iter().sum::<f64>() / values.len().max(1) as f64,
            buckets: buckets.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOUBLING: ExponentialBuckets = ExponentialBuckets {
        finite: 3,
        growth: 2.0,
        scale: 1.0,
    };

    #[test]
    fn a_quantile_lies_between_the_bounds_of_its_bucket_whatever_is_merged() {
        // Below 1, in 2 to 4 twice, and above 8.
        let one = DOUBLING.distribution(&[0.5, 2.0, 3.9, 8.0]);
        let two = DOUBLING.distribution(&[3.0]);
        assert_eq!(DOUBLING.counts(&[0.5, 2.0, 3.9, 8.0]), [1, 0, 2, 0, 1]);
        assert_eq!(one.quantile(0.5), Some((2.0, 4.0)));
        assert_eq!(one.quantile(1.0), Some((8.0, f64::INFINITY)));
        let both = Distribution::merged([&one, &two]);
        assert_eq!(
            (both.count, both.mean),
            (5, (0.5 + 2.0 + 3.9 + 8.0 + 3.0) / 5.0)
        );
        // The third of five is 2, 3 or 3.9: not below 2, and 4 at most.
        assert_eq!(both.quantile(0.6), Some((2.0, 4.0)));
        assert_eq!(Distribution::default().quantile(0.5), None);
    }
}
