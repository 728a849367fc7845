//! Our own calls twice, over the same memory: above as the buckets of Google's Cloud Monitoring, below each call by itself, at the
//! height of the variable that explains its memory. The first cannot be turned into the second.

use super::Theme;
use super::axis::Axis;
use super::canvas::{Area, Chart, Described, Drawn, empty, panel, sheet};
use super::curve::Point;
use super::legend::{Mark, legend};
use super::subject::Subject;
use super::ticks::Unit;
use crate::show::{counted, size};
use plotters::element::{Circle, Rectangle};
use plotters::prelude::*;
use trace::{AsGoogle, Bytes, Distribution, ExponentialBuckets, Profile, Trace};

/// Buckets above, calls below.
pub fn as_google<'d>(
    view: &'d AsGoogle,
    buckets: ExponentialBuckets,
    profile: &'d Profile,
    traces: &'d [Trace],
    theme: &'d Theme,
) -> Chart<'d> {
    let values: Vec<f64> = view
        .minutes
        .iter()
        .flat_map(|m| m.memory.iter().copied())
        .collect();
    let seen = buckets.distribution(&values);
    let subject = Subject::of(profile);
    let mut measured: Vec<&Trace> = traces.iter().filter(|call| call.is_measurement()).collect();
    measured.sort_by_key(|call| call.committed_peak);
    let calls: Vec<Point> = measured
        .iter()
        .enumerate()
        .filter_map(|(rank, call)| Some((call.committed_peak.as_f64(), subject.x(call, rank)?)))
        .collect();
    let described = Described {
        id: "as-google",
        title: format!("{} as Cloud Monitoring would have it", view.function),
        description: format!(
            "{}, in {} of Google's, from {} to {}.",
            counted(values.len(), "call"),
            counted(seen.buckets.len(), "bucket"),
            extreme(&values, f64::min),
            extreme(&values, f64::max)
        ),
    };
    if values.is_empty() {
        return empty(described, theme, "No call is recorded here.");
    }
    sheet(described, 1_160, theme, move |area| {
        let entries = [
            (
                Mark::Fill(theme.waste_memory.to_rgba()),
                "a bucket of Google's".to_owned(),
            ),
            (Mark::Dot(theme.committed), "a call".to_owned()),
        ];
        let top = legend(area, theme, &entries)?;
        let (_, rest) = area.split_vertically(top);
        let parts = rest.split_evenly((2, 1));
        let ends = bars(&seen).flat_map(|(from, to, _)| [from, to]);
        let x = Axis::around(
            Unit::Bytes,
            ends.chain(values.iter().copied()),
            (0.04, 0.04),
        );
        draw_buckets(&parts[0], theme, &x, &seen)?;
        draw_calls(&parts[1], theme, &x, &subject, &calls)
    })
}

fn extreme(values: &[f64], of: fn(f64, f64) -> f64) -> String {
    let found = values.iter().copied().reduce(of);
    size(Bytes::from_f64(found.unwrap_or(0.0)))
}

/// From, to, and the count; a bucket without a bound is drawn a little beyond the one that it has.
fn bars(seen: &Distribution) -> impl Iterator<Item = (f64, f64, f64)> + '_ {
    seen.buckets.iter().map(|bucket| {
        let from = if bucket.from.is_finite() {
            bucket.from
        } else {
            bucket.to / 2.0
        };
        let to = if bucket.to.is_finite() {
            bucket.to
        } else {
            bucket.from * 1.5
        };
        (from, to, bucket.count as f64)
    })
}

fn draw_buckets(area: &Area<'_>, theme: &Theme, x: &Axis, seen: &Distribution) -> Drawn {
    let y = Axis::from_zero(Unit::Count, bars(seen).map(|bar| bar.2));
    let names = ("memory of a call", "calls in the bucket");
    let mut plot = panel(area, theme, (x, names.0), (&y, names.1))?;
    plot.draw_series(bars(seen).map(|(from, to, count)| {
        Rectangle::new([(from, 0.0), (to, count)], theme.waste_memory.filled())
    }))?;
    plot.draw_series(bars(seen).map(|(from, to, count)| {
        Rectangle::new([(from, 0.0), (to, count)], theme.ink.stroke_width(2))
    }))?;
    Ok(())
}

fn draw_calls(
    area: &Area<'_>,
    theme: &Theme,
    x: &Axis,
    subject: &Subject<'_>,
    calls: &[Point],
) -> Drawn {
    let y = Axis::around(subject.unit(), calls.iter().map(|c| c.1), (0.08, 0.08));
    let name = subject.axis_name();
    let mut plot = panel(area, theme, (x, "memory of a call"), (&y, &name))?;
    plot.draw_series(
        calls
            .iter()
            .map(|call| Circle::new(*call, 9, theme.committed.filled())),
    )?;
    Ok(())
}
