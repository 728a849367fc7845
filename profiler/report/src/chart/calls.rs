//! Several calls side by side: memory of each from its begin to the last sample, taken after the function had returned,
//! so that the drop at the end shows. Each call has a place of the same width and a clock of its own: calls that
//! differ by orders of magnitude would not be seen on one clock. For one call in detail see `timeline`.

use super::Theme;
use super::axis::Axis;
use super::canvas::{At, Chart, Described, Drawn, Plot, empty, letters, panel, sheet};
use super::curve::{Point, committed, end, held, live, thinned};
use super::legend::{Mark, legend};
use super::ticks::Unit;
use crate::clean::clean;
use crate::layout::shorten;
use crate::show::{seconds, size, utc_seconds, value};
use plotters::element::{EmptyElement, PathElement, Text};
use plotters::prelude::*;
use trace::{Feature, Predictor, Profile, Trace};

/// Calls shown: as many as have room for what is written above them.
const CALLS: usize = 6;
/// Letters of what is written above a call.
const LETTERS: usize = 17;
/// Letters of a date before the time of day.
const DATE: usize = "2026-01-01 ".len();
/// Share of a place that the curve takes; the rest keeps neighbours apart.
const USED: f64 = 0.92;

/// Memory of several calls side by side, the last sample of each included.
pub fn calls<'d>(profile: &'d Profile, traces: &'d [Trace], theme: &'d Theme) -> Chart<'d> {
    let shown = spread(traces);
    let described = Described {
        id: "calls",
        title: "Memory of several calls side by side".to_owned(),
        description: description(&shown),
    };
    if shown.len() < 2 {
        return empty(
            described,
            theme,
            "Fewer than two calls that succeeded are recorded here in full.",
        );
    }
    let curves: Vec<Curves> = shown
        .iter()
        .enumerate()
        .map(|(place, call)| Curves::of(call, place))
        .collect();
    sheet(described, 680, theme, move |area| {
        let mut entries = vec![(Mark::Line(theme.committed), "committed memory".to_owned())];
        if curves.iter().any(|c| !c.live.is_empty()) {
            let name = "live bytes, the last sample after the function has returned";
            entries.push((Mark::Line(theme.live), name.to_owned()));
        }
        let top = legend(area, theme, &entries)?;
        let (_, rest) = area.split_vertically(top);
        let levels = curves
            .iter()
            .flat_map(|c| c.committed.iter().chain(&c.live));
        let levels = levels.map(|point| point.1).filter(|level| *level > 0.0);
        // Room at the top for what is written there.
        let bytes = Axis::around(Unit::Bytes, levels.clone(), (0.05, 0.3));
        let bytes = bytes.without_ticks_above(levels.fold(0.0, f64::max));
        let places = Axis::until(Unit::Count, shown.len() as f64).without_ticks();
        let clock = "calls in the order in which they were made, each on a clock of its own";
        let above = profile.model.first_predictor();
        let above = above.map_or(String::new(), |by| format!("; above: {}", by.variables()));
        let clock = format!("{clock}{above}");
        let mut plot = panel(&rest, theme, (&places, &clock), (&bytes, "memory"))?;
        for (place, (call, curves)) in shown.iter().zip(&curves).enumerate() {
            curves.draw(&mut plot, theme, bytes.ends().0)?;
            caption(
                &mut plot,
                theme,
                (place as f64, bytes.ends().1),
                &said(call, profile),
            )?;
        }
        Ok(())
    })
}

/// Measured calls of which a timeline was kept, evenly by need, in the order in which they were made.
fn spread(traces: &[Trace]) -> Vec<&Trace> {
    let kept = |t: &(usize, &Trace)| t.1.is_measurement() && !t.1.samples.is_empty();
    let mut by_need: Vec<(usize, &Trace)> = traces.iter().enumerate().filter(kept).collect();
    by_need.sort_by_key(|(made, trace)| (trace.needed(), *made));
    by_need.dedup_by(|a, b| a.1.input.digest == b.1.input.digest);
    let last = by_need.len().saturating_sub(1);
    let taken = by_need.len().min(CALLS);
    let mut shown: Vec<(usize, &Trace)> = (0..taken)
        .map(|i| by_need[i * last / taken.saturating_sub(1).max(1)])
        .collect();
    shown.sort_by_key(|(made, _)| *made);
    shown.into_iter().map(|(_, trace)| trace).collect()
}

/// Memory of one call, the time stretched over its place.
struct Curves {
    committed: Vec<Point>,
    live: Vec<Point>,
}

impl Curves {
    fn of(call: &Trace, place: usize) -> Curves {
        let end = end(call).max(f64::MIN_POSITIVE);
        let stretched = |points: Vec<Point>| {
            thinned(&points, 200)
                .into_iter()
                .map(|(at, level)| (place as f64 + (1.0 - USED) / 2.0 + USED * at / end, level))
                .collect()
        };
        Curves {
            committed: stretched(committed(call)),
            // Nothing is known between samples: what was live may have gone at any time before the next one.
            live: stretched(held(&live(call), end)),
        }
    }

    fn draw(&self, plot: &mut Plot<'_>, theme: &Theme, low: f64) -> Drawn {
        let steps = self.committed.iter().copied();
        plot.draw_series(AreaSeries::new(steps, low, theme.committed.mix(0.10)))?;
        for (points, color) in [(&self.committed, theme.committed), (&self.live, theme.live)] {
            plot.draw_series([PathElement::new(points.clone(), color.stroke_width(4))])?;
        }
        Ok(())
    }
}

/// What is written above a call: its input, what explains its memory, how long it took.
fn said(call: &Trace, profile: &Profile) -> Vec<String> {
    let explaining = profile.model.first_predictor();
    let value = explaining.and_then(|predictor| explained(call, predictor));
    let took = seconds(call.wall.as_seconds());
    let label = match &call.served {
        // All requests have the same label.
        Some(_) => utc_seconds(call.started_unix_ms).split_off(DATE),
        None => call.input.label.clone(),
    };
    let label = std::iter::once(label);
    label.chain(value).chain([took]).collect()
}

fn explained(call: &Trace, predictor: &Predictor) -> Option<String> {
    let of = |feature: &Feature| Some(value(&feature.variable, call.value_of(feature)?));
    let first = of(&predictor.feature)?;
    match &predictor.times {
        // There is no room for two names beside two numbers.
        Some(second) => Some(format!("{first} x {}", of(second)?)),
        // The name is below all of them.
        None => Some(first),
    }
}

fn caption(plot: &mut Plot<'_>, theme: &Theme, (x, y): Point, lines: &[String]) -> Drawn {
    for (row, line) in (0..).zip(lines) {
        let style = letters(if row == 0 { theme.ink } else { theme.faint }, At::Middle);
        let line = clean(&shorten(line, LETTERS));
        let text = Text::new(line, (0, 8 + 32 * row), style);
        plot.draw_series([EmptyElement::at((x + 0.5, y)) + text])?;
    }
    Ok(())
}

fn description(shown: &[&Trace]) -> String {
    if shown.is_empty() {
        return "No call that succeeded is recorded here in full.".to_owned();
    }
    let each: Vec<String> = shown
        .iter()
        .map(|call| {
            let at_end = call.samples.last().and_then(|sample| sample.live);
            let live = match (call.heap.live_peak(), at_end) {
                (Some(peak), Some(after)) => {
                    format!(
                        ", live bytes {} at most and {} after it",
                        size(peak),
                        size(after)
                    )
                }
                _ => String::new(),
            };
            let took = seconds(call.wall.as_seconds());
            let committed = size(call.committed_peak);
            format!(
                "{}: {committed} committed in {took}{live}",
                call.input.label
            )
        })
        .collect();
    each.join("; ")
}
