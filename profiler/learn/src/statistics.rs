//! Small statistics with a textbook behind them: quantiles, binomial bounds, conformal ranks. No fitting.

/// The value at share `q` (0 to 1) by nearest rank: the smallest value that at least that share does not exceed.
/// `None` for no values.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (q * sorted.len() as f64 - 1e-9).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
}

/// The median, the mean of the two middle values where the number is even; `None` for no values.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    if sorted.len() % 2 == 1 {
        return Some(upper);
    }
    Some((sorted[sorted.len() / 2 - 1] + upper) / 2.0)
}

/// The smallest value with at least half of the weight at or below it; `None` for no values.
pub(crate) fn weighted_median(values: &[f64], weights: &[f64]) -> Option<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let half = weights.iter().sum::<f64>() / 2.0;
    let mut below = 0.0;
    for &i in &order {
        below += weights[i];
        if below >= half {
            return Some(values[i]);
        }
    }
    order.last().map(|&i| values[i])
}

/// Arithmetic mean; `None` for no values.
pub(crate) fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// Sum of the products.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Pearson's correlation; 0 where one of the two does not move.
pub(crate) fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (Some(mean_a), Some(mean_b)) = (mean(a), mean(b)) else {
        return 0.0;
    };
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (x, y) in a.iter().zip(b) {
        let (x, y) = (x - mean_a, y - mean_b);
        ab += x * y;
        aa += x * x;
        bb += y * y;
    }
    if aa > 0.0 && bb > 0.0 {
        ab / (aa * bb).sqrt()
    } else {
        0.0
    }
}

/// Number of different values.
pub(crate) fn distinct(values: &[f64]) -> usize {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.dedup();
    sorted.len()
}

/// Upper end of the one-sided interval of Clopper and Pearson (1934) for a rate, at the given confidence.
///
/// Justifies: "we are 95 % sure that fewer than this share of such calls fail". 0 of 7 gives 0.348, 0 of 299 gives 0.01.
pub fn clopper_pearson_upper(failures: usize, calls: usize, confidence: f64) -> f64 {
    if failures >= calls {
        return 1.0;
    }
    // The rate at which so few failures would be seen with probability 1 - confidence. The probability falls as the
    // rate rises, so bisection finds it; 60 halvings exhaust an f64.
    let (mut low, mut high) = (failures as f64 / calls as f64, 1.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        if binomial_at_most(failures, calls, middle) > 1.0 - confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// Probability of at most `k` successes in `n` trials of probability `p`, summed in logarithms.
fn binomial_at_most(k: usize, n: usize, p: f64) -> f64 {
    if p <= 0.0 {
        return 1.0;
    }
    if p >= 1.0 {
        return 0.0;
    }
    let (ln_p, ln_q) = (p.ln(), (-p).ln_1p());
    let mut ln_choose = 0.0;
    let mut sum = 0.0;
    for i in 0..=k {
        if i > 0 {
            ln_choose += ((n - i + 1) as f64).ln() - (i as f64).ln();
        }
        sum += (ln_choose + i as f64 * ln_p + (n - i) as f64 * ln_q).exp();
    }
    sum.min(1.0)
}

/// Probability of at least `k` successes in `n` trials of probability `p`.
pub fn binomial_at_least(k: usize, n: usize, p: f64) -> f64 {
    match k.checked_sub(1) {
        None => 1.0,
        Some(below) => (1.0 - binomial_at_most(below, n, p)).max(0.0),
    }
}

/// Probability of at least `k` events of a Poisson distribution.
pub(crate) fn poisson_at_least(k: usize, expected: f64) -> f64 {
    let mut term = (-expected).exp();
    let mut below = 0.0;
    for i in 0..k {
        below += term;
        term *= expected / (i + 1) as f64;
    }
    (1.0 - below).max(0.0)
}

/// Probability that a variable of Student's distribution is farther from 0 than `t`, for whole degrees of freedom, by the
/// finite series of Abramowitz and Stegun (1964), 26.7.3 and 26.7.4.
pub fn student_two_sided(t: f64, freedom: usize) -> f64 {
    if freedom == 0 || t.is_nan() {
        return 1.0;
    }
    let nu = freedom as f64;
    let theta = (t.abs() / nu.sqrt()).atan();
    let (sin, cos) = theta.sin_cos();
    let mut term = if freedom % 2 == 1 { cos } else { 1.0 };
    let mut sum = if freedom == 1 { 0.0 } else { term };
    let mut k = if freedom % 2 == 1 { 3 } else { 2 };
    while k < freedom {
        term *= cos * cos * (k - 1) as f64 / k as f64;
        sum += term;
        k += 2;
    }
    let within = if freedom % 2 == 1 {
        std::f64::consts::FRAC_2_PI * (theta + sin * sum)
    } else {
        sin * sum
    };
    (1.0 - within).clamp(0.0, 1.0)
}

/// Rank, from 1, of the calibration value that bounds the next one with the given failure rate (split conformal,
/// Vovk and others 2005): `ceil((n + 1)(1 - rate))`. Above `n` the rate is not backed by `n` values.
pub fn conformal_rank(n: usize, failure_rate: f64) -> usize {
    ((n + 1) as f64 * (1.0 - failure_rate) - 1e-9)
        .ceil()
        .max(1.0) as usize
}

/// The fewest calibration values that back a failure rate: 99 for 1 in 100.
pub fn backing_inputs(failure_rate: f64) -> usize {
    ((1.0 / failure_rate - 1e-9).ceil() as usize).saturating_sub(1)
}

/// Weighted mean and deviation; `None` where the values do not move.
pub(crate) fn moments(values: &[f64], weights: &[f64]) -> Option<(f64, f64)> {
    let total: f64 = weights.iter().sum();
    let mean = values.iter().zip(weights).map(|(v, w)| v * w).sum::<f64>() / total;
    let variance = values
        .iter()
        .zip(weights)
        .map(|(v, w)| w * (v - mean).powi(2))
        .sum::<f64>()
        / total;
    let deviation = variance.sqrt();
    (deviation.is_finite() && deviation > 0.0).then_some((mean, deviation))
}

/// A number above the one and not above the other, with as few digits as there may be: it stands in a formula.
pub(crate) fn between(below: f64, above: f64) -> f64 {
    let middle = below + (above - below) / 2.0;
    let rounded = (1..17).filter_map(|digits| format!("{middle:.digits$e}").parse::<f64>().ok());
    let mut fit = rounded.filter(|at| below < *at && *at <= above);
    fit.next().unwrap_or(above)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn students_distribution_has_the_tabled_quantiles() {
        // Two-sided 5 % and 0.1 % points.
        for (freedom, five, tenth) in [
            (1, 12.706, 636.619),
            (2, 4.303, 31.599),
            (3, 3.182, 12.924),
            (10, 2.228, 4.587),
            (27, 2.052, 3.690),
            (120, 1.980, 3.373),
        ] {
            assert!(
                (student_two_sided(five, freedom) - 0.05).abs() < 5e-5,
                "{freedom}"
            );
            assert!(
                (student_two_sided(tenth, freedom) - 0.001).abs() < 5e-6,
                "{freedom}"
            );
        }
    }

    #[test]
    fn the_upper_bound_of_a_rate_is_that_of_clopper_and_pearson() {
        for (failures, calls, bound) in [
            (0, 7, 0.348),
            (0, 299, 0.009969),
            (1, 7, 0.5207),
            (3, 94, 0.0807),
            (7, 7, 1.0),
        ] {
            let found = clopper_pearson_upper(failures, calls, 0.95);
            assert!(
                (found - bound).abs() < 5e-4,
                "{failures} of {calls}: {found}"
            );
        }
    }

    #[test]
    fn a_rate_is_backed_by_the_known_number_of_inputs() {
        for (rate, inputs) in [(0.01, 99), (0.05, 19), (0.1, 9), (0.5, 1)] {
            assert_eq!(backing_inputs(rate), inputs);
            assert_eq!(conformal_rank(inputs, rate), inputs);
            assert_eq!(conformal_rank(inputs - 1, rate), inputs);
        }
    }

    #[test]
    fn a_poisson_tail_is_summed() {
        assert!((poisson_at_least(0, 2.0) - 1.0).abs() < 1e-12);
        assert!((poisson_at_least(3, 2.0) - 0.3233).abs() < 1e-4);
    }
}
