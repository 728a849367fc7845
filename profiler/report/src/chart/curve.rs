//! Points to be drawn: memory over time as steps, and long curves made short without losing their peaks.

use trace::{Touched, Trace};

/// A position in the units of the axes.
pub(super) type Point = (f64, f64);

/// Committed memory over time as the corners of a step curve, (seconds, bytes), from the begin to the end of a call.
/// Of a call that was recorded elsewhere its peak, all the time.
pub(super) fn committed(trace: &Trace) -> Vec<Point> {
    if trace.imported.is_some() {
        // Nothing is known of when it needed so much.
        let peak = trace.committed_peak.as_f64();
        return vec![(0.0, peak), (end(trace), peak)];
    }
    let mut level = trace.committed_start.as_f64();
    let mut points = vec![(0.0, level)];
    for growth in &trace.growths {
        let at = growth.at.as_seconds();
        points.push((at, level));
        level = growth.to.as_f64();
        points.push((at, level));
    }
    points.push((end(trace), level));
    points
}

/// Live bytes over time, (seconds, bytes): samples and what was seen at breakpoints, in order of time.
pub(super) fn live(trace: &Trace) -> Vec<Point> {
    let hits = trace
        .observations
        .iter()
        .flat_map(|o| &o.hits)
        .map(|h| &h.moment);
    let mut points: Vec<Point> = trace
        .samples
        .iter()
        .chain(hits)
        .filter_map(|m| Some((m.at.as_seconds(), m.live?.as_f64())))
        .collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    points
}

/// Bytes of the pages written to over time, (seconds, bytes), up to the end of the call; empty where they were not
/// counted.
pub(super) fn touched(trace: &Trace) -> Vec<Point> {
    let Some(Touched::Measured { at_end, samples }) = &trace.touched else {
        return Vec::new();
    };
    let looks = samples
        .iter()
        .map(|(at, bytes)| (at.as_seconds(), bytes.as_f64()));
    looks.chain([(end(trace), at_end.as_f64())]).collect()
}

/// Corners of a curve that keeps each value until the next one is known, and the last one until `end`.
pub(super) fn held(points: &[Point], end: f64) -> Vec<Point> {
    let mut corners: Vec<Point> = points
        .windows(2)
        .flat_map(|w| [w[0], (w[1].0, w[0].1)])
        .collect();
    corners.extend(points.last().into_iter().flat_map(|p| [*p, (end, p.1)]));
    corners
}

/// When the last thing of a call was recorded, seconds: never before its last growth or sample.
pub(super) fn end(trace: &Trace) -> f64 {
    let growth = trace.growths.last().map(|g| g.at);
    let sample = trace.samples.last().map(|s| s.at);
    let last = [Some(trace.wall), growth, sample]
        .into_iter()
        .flatten()
        .max();
    last.map_or(0.0, |at| at.as_seconds())
}

/// At most about `4 x stretches` points of a curve that is ordered by x: of each stretch the first, the lowest, the
/// highest and the last.
pub(super) fn thinned(points: &[Point], stretches: usize) -> Vec<Point> {
    if points.len() <= 4 * stretches {
        return points.to_vec();
    }
    points
        .chunks(points.len().div_ceil(stretches))
        .flat_map(|stretch| {
            let by_height = |a: &&Point, b: &&Point| a.1.total_cmp(&b.1);
            let mut kept: Vec<Point> = [
                stretch.first(),
                stretch.iter().min_by(by_height),
                stretch.iter().max_by(by_height),
                stretch.last(),
            ]
            .into_iter()
            .flatten()
            .copied()
            .collect();
            kept.sort_by(|a, b| a.0.total_cmp(&b.0));
            kept
        })
        .collect()
}

/// The area under a step curve, in units of x times y.
pub(super) fn area(points: &[Point]) -> f64 {
    points.windows(2).map(|w| (w[1].0 - w[0].0) * w[0].1).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_curve_keeps_its_ends_and_its_peak() {
        let mut points: Vec<Point> = (0..10_000).map(|i| (f64::from(i), 1.0)).collect();
        points[6_543].1 = 99.0;
        let thin = thinned(&points, 100);
        assert!(thin.len() <= 400);
        assert_eq!((thin[0], thin[thin.len() - 1]), (points[0], points[9_999]));
        assert!(thin.contains(&(6_543.0, 99.0)));
        assert!(thin.is_sorted_by(|a, b| a.0 <= b.0));
    }

    #[test]
    fn the_area_of_steps_is_length_times_height() {
        assert_eq!(
            area(&[(0.0, 2.0), (3.0, 2.0), (3.0, 5.0), (4.0, 5.0)]),
            11.0
        );
        assert_eq!(area(&[]), 0.0);
    }
}
