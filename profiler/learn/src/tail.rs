//! How far the next value may lie beyond those seen: the bound that it exceeds with an asked probability, from few values.
//! Knows nothing of memory.

/// Values that count as the tail: as many as the root of all, and not fewer than this.
const FEWEST: usize = 3;

/// The value that the next one exceeds with probability `rate`, by those seen, in any order; infinite where there are not
/// even two.
///
/// What lies above the k-th largest of n is taken to fall off exponentially (peaks over threshold, Pickands 1975) on a scale
/// estimated from the k excesses. The scale being an estimate, the next excess follows a Lomax distribution:
/// P(excess > t) = (1 + t / (k m))^-k with their mean m. So values that hardly differ need hardly any margin, however few they
/// are, and where they differ a few of them need a wide one. As long as the rate is not backed by their number, the bound is
/// not below the largest. Where more than k of n may exceed it, it is the conformal rank (Vovk and others 2005).
pub(crate) fn upper(values: &[f64], rate: f64) -> f64 {
    let n = values.len();
    if n < 2 {
        return f64::INFINITY;
    }
    let mut sorted = values.to_vec();
    let tail = FEWEST.max((n as f64).sqrt().ceil() as usize).min(n - 1);
    let may_exceed = (n + 1) as f64 * rate;
    if may_exceed >= tail as f64 {
        // The (n + 1) x rate-th largest.
        let rank = (may_exceed as usize).clamp(1, n) - 1;
        let (_, bound, _) = sorted.select_nth_unstable_by(rank, |a, b| b.total_cmp(a));
        return *bound;
    }
    let (above, threshold, _) = sorted.select_nth_unstable_by(tail, |a, b| b.total_cmp(a));
    let threshold = *threshold;
    let k = tail as f64;
    let mean = above.iter().map(|value| value - threshold).sum::<f64>() / k;
    let bound = threshold + k * mean * ((k / may_exceed).powf(1.0 / k) - 1.0);
    if may_exceed < 1.0 {
        above.iter().fold(bound, |bound, value| bound.max(*value))
    } else {
        bound
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    /// Share of series of `n` values whose next value lies beyond the bound.
    fn exceeded(n: usize, draw: fn(f64) -> f64) -> f64 {
        const SERIES: usize = 20_000;
        let mut rng = SmallRng::seed_from_u64(7);
        let mut value = || draw(rng.gen_range(f64::EPSILON..1.0));
        let beyond = (0..SERIES).filter(|_| {
            let values: Vec<f64> = (0..n).map(|_| value()).collect();
            value() > upper(&values, 0.01)
        });
        beyond.count() as f64 / SERIES as f64
    }

    #[test]
    fn the_asked_rate_is_held_by_few_values_and_by_many() {
        for n in [6, 12, 30, 80, 150, 400] {
            // Exponential, uniform, and as much as a heap grows by pages.
            for draw in [
                (|u| -u.ln()) as fn(f64) -> f64,
                |u| u,
                |u| (u * 8.0).floor(),
            ] {
                let exceeded = exceeded(n, draw);
                assert!(exceeded < 0.0135, "{n}: {exceeded}");
            }
        }
        // And is not held by giving too much.
        assert!(exceeded(400, |u| -u.ln()) > 0.006);
    }

    #[test]
    fn what_never_differs_needs_no_margin() {
        assert_eq!(upper(&[3.0; 5], 0.01), 3.0);
        assert_eq!(upper(&[3.0; 500], 0.01), 3.0);
        assert_eq!(upper(&[3.0], 0.01), f64::INFINITY);
        // All but one of 99 may be exceeded half of the time.
        let values: Vec<f64> = (1..=99).map(f64::from).collect();
        assert_eq!(upper(&values, 0.5), 50.0);
    }
}
