//! Given and needed per call, with waste as area, told apart twice: memory that was never needed, and memory that was
//! needed but not all the time. At the left every call is equally wide; at the right as wide as it took time, so that
//! an area there is what is paid for: bytes times seconds.
//!
//! The idea of the rectangle with a curve in it is that of J. Spillner, "Resource management for cloud functions with
//! memory tracing, profiling and autotuning", 2020. The axes are linear: an area on a logarithmic one would be a lie.

use super::Theme;
use super::axis::Axis;
use super::canvas::{Area, Chart, Described, Drawn, Plot, WIDTH, empty, panel, sheet};
use super::curve::{Point, area as area_under, committed, end, thinned};
use super::legend::{Mark, legend};
use super::ticks::Unit;
use super::tip::{exact, tips};
use crate::matched::matched;
use crate::show::{count, percent, size};
use plotters::element::{DashedPathElement, PathElement, Polygon, Rectangle};
use plotters::prelude::*;
use trace::{Bytes, CallAllocation, Profile, Recommendation, Trace};

/// Calls drawn one by one; of more, neighbours by need share a place that shows the largest of them.
const PLACES: usize = 400;
/// Calls up to which the curve inside each call is drawn.
const CURVES: usize = 100;

/// Given and needed per call, waste as area, memory and time told apart.
pub fn allocation<'d>(profile: &'d Profile, traces: &'d [Trace], theme: &'d Theme) -> Chart<'d> {
    let sized = sorted(profile, traces);
    let calls: Vec<&Trace> = sized.iter().map(|(trace, _)| *trace).collect();
    let described = Described {
        id: "allocation",
        title: "Memory given and needed per call".to_owned(),
        description: description(profile, &calls),
    };
    let Some(recommendation) = &profile.recommendation else {
        return empty(
            described,
            theme,
            "No call succeeded, so there is nothing to allocate.",
        );
    };
    if calls.is_empty() {
        return empty(described, theme, "No call that succeeded is recorded here.");
    }
    sheet(described, 760, theme, move |area| {
        let top = legend(area, theme, &entries(recommendation, &calls, theme))?;
        let (_, rest) = area.split_vertically(top);
        let (left, right) = rest.split_horizontally(WIDTH / 2 - 10);
        let given = recommendation.allocation_bytes;
        let needs = calls.iter().map(|c| c.committed_peak.as_f64());
        let bytes = Axis::from_zero(Unit::Bytes, needs.chain([given.as_f64()]));
        by_call(&left, theme, recommendation, &sized, &bytes)?;
        by_time(&right, theme, given, &calls, &bytes)
    })
}

/// A call that succeeded, and what it would be given alone.
type Sized<'a> = (&'a Trace, Option<&'a CallAllocation>);

fn sorted<'a>(profile: &'a Profile, traces: &'a [Trace]) -> Vec<Sized<'a>> {
    let mut calls = matched(profile, traces);
    calls.retain(|(trace, _)| trace.is_measurement());
    calls.sort_by_key(|(trace, _)| (trace.committed_peak, &trace.input.label));
    calls
}

/// Where the bytes times seconds that were given went; the three shares add up to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Waste {
    /// Committed by the guest.
    pub(crate) used: f64,
    /// Needed by the same call, but earlier or later.
    pub(crate) time: f64,
    /// Never needed by that call.
    pub(crate) memory: f64,
}

/// The shares over all measured calls, if each is given the same; `None` where no time was measured.
pub(crate) fn waste(given: Bytes, traces: &[&Trace]) -> Option<Waste> {
    let mut sums = [0.0; 3];
    for trace in traces.iter().filter(|t| t.is_measurement()) {
        let (seconds, peak) = (end(trace), trace.committed_peak.as_f64());
        let used = area_under(&committed(trace));
        sums[0] += used;
        sums[1] += peak * seconds - used;
        sums[2] += (given.as_f64() - peak).max(0.0) * seconds;
    }
    let total: f64 = sums.iter().sum();
    (total > 0.0).then(|| Waste {
        used: sums[0] / total,
        time: sums[1] / total,
        memory: sums[2] / total,
    })
}

fn description(profile: &Profile, calls: &[&Trace]) -> String {
    let Some(recommendation) = &profile.recommendation else {
        return "No recommendation.".to_owned();
    };
    let timed = calls.iter().any(|call| call.imported.is_none());
    let shares = waste(recommendation.allocation_bytes, calls).map_or(String::new(), |w| {
        if !timed {
            return format!(
                " Of bytes times seconds {} are needed, {} are never needed.",
                percent(w.used),
                percent(w.memory)
            );
        }
        format!(
            " Of bytes times seconds {} are used, {} are needed at another time, {} are never needed.",
            percent(w.used),
            percent(w.time),
            percent(w.memory)
        )
    });
    format!(
        "{} measured calls, each given {}.{shares}",
        count(calls.len()),
        size(recommendation.allocation_bytes)
    )
}

fn entries(r: &Recommendation, calls: &[&Trace], theme: &Theme) -> Vec<(Mark, String)> {
    let shares = waste(r.allocation_bytes, calls);
    let with = |text: &str, share: Option<f64>| match share {
        Some(share) => format!("{text}: {}", percent(share)),
        None => text.to_owned(),
    };
    // Of calls that were recorded elsewhere nothing is known over time.
    let timed = calls.iter().any(|call| call.imported.is_none());
    let used_name = if timed { "used" } else { "needed" };
    let mut entries = vec![(
        Mark::Fill(used(theme)),
        with(used_name, shares.map(|w| w.used)),
    )];
    if timed {
        entries.push((
            Mark::Fill(theme.waste_time.to_rgba()),
            with("needed at other times", shares.map(|w| w.time)),
        ));
    }
    entries.extend([
        (
            Mark::Fill(theme.waste_memory.to_rgba()),
            with("never needed", shares.map(|w| w.memory)),
        ),
        (
            Mark::Line(theme.given),
            format!("given: {}", size(r.allocation_bytes)),
        ),
    ]);
    if r.sizing_feature.is_some() {
        entries.push((Mark::Dashed(theme.given), "sized one by one".to_owned()));
    }
    entries
}

fn used(theme: &Theme) -> RGBAColor {
    theme.committed.to_rgba()
}

/// Every call equally wide: memory alone.
fn by_call(
    area: &Area<'_>,
    theme: &Theme,
    recommendation: &Recommendation,
    calls: &[Sized<'_>],
    bytes: &Axis,
) -> Drawn {
    let places = calls.len().min(PLACES);
    let x = Axis::until(Unit::Count, places as f64);
    let mut plot = panel(
        area,
        theme,
        (&x.without_ticks(), "calls, smallest need first"),
        (bytes, "memory per call"),
    )?;
    let given = recommendation.allocation_bytes.as_f64();
    ground(&mut plot, theme, x.ends().1, given)?;
    let group = calls.len().div_ceil(places);
    let gap = if places <= 60 { 0.06 } else { 0.0 };
    let needs = calls
        .chunks(group)
        .map(|g| g.last().map_or(0.0, |c| c.0.committed_peak.as_f64()));
    plot.draw_series(needs.enumerate().map(|(i, need)| {
        let corners = [(i as f64 + gap, 0.0), (i as f64 + 1.0 - gap, need)];
        Rectangle::new(corners, used(theme).filled())
    }))?;
    one_by_one(&mut plot, theme, recommendation, calls, group)?;
    let told = calls.chunks(group).enumerate().filter_map(|(i, g)| {
        let (call, alone) = g.last()?;
        let alone = alone.map_or(String::new(), |a| {
            format!(", given alone {}", exact(a.allocation_bytes))
        });
        let (label, needed) = (&call.input.label, exact(call.committed_peak));
        let at = (i as f64 + 0.5, call.committed_peak.as_f64());
        Some((at, format!("{label}: needed {needed}{alone}")))
    });
    tips(&mut plot, &told.collect::<Vec<_>>())?;
    level(&mut plot, theme, x.ends().1, given)
}

/// What each call would be given by the rule per call, as steps.
fn one_by_one(
    plot: &mut Plot<'_>,
    theme: &Theme,
    recommendation: &Recommendation,
    calls: &[Sized<'_>],
    group: usize,
) -> Drawn {
    if recommendation.sizing_feature.is_none() {
        return Ok(());
    }
    let highest = |calls: &[Sized<'_>]| -> Option<f64> {
        let given = calls.iter().filter_map(|(_, allocation)| *allocation);
        given
            .map(|a| a.allocation_bytes.as_f64())
            .max_by(f64::total_cmp)
    };
    let steps: Vec<Point> = calls
        .chunks(group)
        .enumerate()
        .filter_map(|(i, g)| Some((i as f64, highest(g)?)))
        .flat_map(|(i, given)| [(i, given), (i + 1.0, given)])
        .collect();
    plot.draw_series([DashedPathElement::new(
        steps,
        8,
        6,
        theme.given.stroke_width(3),
    )])?;
    Ok(())
}

/// Every call as wide as it took time: memory times time.
fn by_time(area: &Area<'_>, theme: &Theme, given: Bytes, calls: &[&Trace], bytes: &Axis) -> Drawn {
    let total: f64 = calls.iter().map(|c| end(c)).sum();
    let x = Axis::until(Unit::Seconds, total);
    let mut plot = panel(
        area,
        theme,
        (&x, "time, calls end to end"),
        (bytes, "memory times time"),
    )?;
    if total <= 0.0 {
        return Ok(());
    }
    ground(&mut plot, theme, total, given.as_f64())?;
    let mut from = 0.0;
    let mut peaks = Vec::new();
    let mut curves = Vec::new();
    for call in calls {
        let (to, peak) = (from + end(call), call.committed_peak.as_f64());
        peaks.extend([(from, peak), (to, peak)]);
        let inside = if calls.len() <= CURVES {
            committed(call)
        } else {
            // Too narrow for a curve: its mean, so that the area stays true.
            let mean = area_under(&committed(call)) / end(call).max(f64::MIN_POSITIVE);
            vec![(0.0, mean), (end(call), mean)]
        };
        curves.extend(
            thinned(&inside, 100)
                .into_iter()
                .map(|(t, y)| (from + t, y)),
        );
        from = to;
    }
    for (outline, color) in [(peaks, theme.waste_time.to_rgba()), (curves, used(theme))] {
        plot.draw_series([Polygon::new(closed(&thinned(&outline, 2_000)), color)])?;
    }
    level(&mut plot, theme, total, given.as_f64())
}

/// The curve and the axis under it as one outline.
fn closed(points: &[Point]) -> Vec<Point> {
    let down = |p: Option<&Point>| p.map(|p| (p.0, 0.0));
    down(points.first())
        .into_iter()
        .chain(points.iter().copied())
        .chain(down(points.last()))
        .collect()
}

fn ground(plot: &mut Plot<'_>, theme: &Theme, right: f64, given: f64) -> Drawn {
    plot.draw_series([Rectangle::new(
        [(0.0, 0.0), (right, given)],
        theme.waste_memory.filled(),
    )])?;
    Ok(())
}

fn level(plot: &mut Plot<'_>, theme: &Theme, right: f64, given: f64) -> Drawn {
    let line = vec![(0.0, given), (right, given)];
    plot.draw_series([PathElement::new(line, theme.given.stroke_width(5))])?;
    Ok(())
}
