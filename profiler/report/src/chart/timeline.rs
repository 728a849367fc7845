//! One call over time: committed memory as it stepped up, live bytes as they went up and down, pages written to where
//! they were counted, and under them, on the same clock, the variable. Where breakpoints were hit is marked on the clock.

use super::Theme;
use super::axis::Axis;
use super::canvas::{Area, Chart, Described, Drawn, Plot, empty, panel_beside, sheet};
use super::curve::{Point, committed, end, held, live, thinned, touched};
use super::ends::{End, ends, room};
use super::legend::{Mark, legend};
use super::ticks::Unit;
use super::tip::{exact, tips};
use crate::clean::clean;
use crate::show::{counted, is_bytes, seconds, size};
use plotters::element::{Circle, Cross, DashedPathElement, PathElement};
use plotters::prelude::*;
use trace::{Bytes, Observed, Profile, Trace};

const CLOCK: &str = "time since the call began";
const TITLE: &str = "Memory and variable over time in one call";
/// Breakpoint marks drawn at most; the others lie between them.
const MARKS: usize = 200;
/// Hits that still get a dot of their own.
const DOTS: usize = 60;

/// Memory and variable over time in one call, breakpoints marked.
pub fn timeline<'d>(trace: &'d Trace, profile: &'d Profile, theme: &'d Theme) -> Chart<'d> {
    let seen = Seen::of(trace, profile);
    let described = Described {
        id: "timeline",
        title: TITLE.to_owned(),
        description: seen.description(trace),
    };
    if end(trace) <= 0.0 {
        return empty(described, theme, "No moment of this call was recorded.");
    }
    let height = if seen.variable.is_some() { 980 } else { 640 };
    sheet(described, height, theme, move |area| {
        let top = legend(area, theme, &seen.legend(theme))?;
        let (_, rest) = area.split_vertically(top);
        let time = Axis::until(Unit::Seconds, end(trace));
        let Some(observed) = seen.variable else {
            return memory(&rest, theme, &seen, &time, CLOCK);
        };
        let (upper, lower) = rest.split_vertically(540);
        memory(&upper, theme, &seen, &time, "")?;
        values(&lower, theme, observed, &time, room(&seen.lines(theme)))
    })
}

/// What of a call is drawn.
struct Seen<'a> {
    committed: Vec<Point>,
    live: Vec<Point>,
    live_peak: Option<f64>,
    touched: Vec<Point>,
    variable: Option<&'a Observed>,
    refused: Vec<Point>,
}

impl<'a> Seen<'a> {
    fn of(trace: &'a Trace, profile: &Profile) -> Seen<'a> {
        let level = trace.committed_peak.as_f64();
        Seen {
            committed: committed(trace),
            // What was live may have gone at any time before the next sample: nothing is known between.
            live: held(&live(trace), end(trace)),
            touched: touched(trace),
            live_peak: trace.heap.live_peak().map(|b| b.as_f64()),
            variable: subject(trace, profile),
            refused: trace
                .refusals
                .iter()
                .map(|r| (r.at.as_seconds(), level))
                .collect(),
        }
    }

    fn legend(&self, theme: &Theme) -> Vec<(Mark, String)> {
        let mut entries = vec![(Mark::Line(theme.committed), "committed memory".to_owned())];
        if !self.live.is_empty() {
            entries.push((Mark::Line(theme.live), "live bytes".to_owned()));
        }
        if !self.touched.is_empty() {
            let name = "pages written to".to_owned();
            entries.push((Mark::Line(theme.series[3]), name));
        }
        if let Some(observed) = self.variable {
            let name = format!("hit of {}", clean(&observed.breakpoint.to_string()));
            entries.push((Mark::Tick(theme.variable), name));
            if is_thinned(observed) {
                let largest = crate::show::value(&observed.variable, observed.max);
                let name = format!("its exact maximum, {largest}");
                entries.push((Mark::Dashed(theme.variable), name));
            }
        }
        if !self.refused.is_empty() {
            entries.push((Mark::Cross(theme.alert), "growth refused".to_owned()));
        }
        entries
    }

    /// The lines with what they are at the end of the call.
    fn lines(&self, theme: &Theme) -> Vec<End> {
        let last = |points: &[Point], name: &str, color| {
            let at = points.last()?.1;
            let name = format!("{name} {}", size(Bytes::from_f64(at)));
            Some(End { at, name, color })
        };
        let peak = self.live_peak.map(|at| (0.0, at));
        [
            last(&self.committed, "committed", theme.committed),
            last(&self.live, "live", theme.live),
            last(peak.as_slice(), "live peak", theme.live),
            last(&self.touched, "written", theme.series[3]),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn description(&self, trace: &Trace) -> String {
        let variable = self.variable.map_or(String::new(), |o| {
            format!(
                " The variable {} was observed {} at {}, from {} to {}.",
                o.variable,
                counted(o.count as usize, "time"),
                o.breakpoint,
                crate::show::value(&o.variable, o.min),
                crate::show::value(&o.variable, o.max)
            )
        });
        let touched = self.touched.last().map_or(String::new(), |(_, bytes)| {
            format!(
                " Pages of {} had been written to at its end.",
                size(Bytes(*bytes as u64))
            )
        });
        format!(
            "Input {}: committed memory went from {} to {} in {}.{touched}{variable}",
            trace.input.label,
            size(trace.committed_start),
            size(trace.committed_peak),
            seconds(trace.wall.as_seconds())
        )
    }
}

/// The variable to show: the one that explains memory, else the one that was hit most often.
fn subject<'a>(trace: &'a Trace, profile: &Profile) -> Option<&'a Observed> {
    let mut wanted = profile.model.features();
    wanted.extend(profile.within_call.live.features());
    let observed = || trace.observations.iter().filter(|o| !o.hits.is_empty());
    observed()
        .find(|o| {
            wanted
                .iter()
                .any(|f| f.variable == o.variable && f.breakpoint == o.breakpoint)
        })
        .or_else(|| observed().find(|o| wanted.iter().any(|f| f.variable == o.variable)))
        .or_else(|| observed().max_by_key(|o| (o.max > o.min, o.count)))
}

fn memory(area: &Area<'_>, theme: &Theme, seen: &Seen<'_>, time: &Axis, time_name: &str) -> Drawn {
    let curves = seen.committed.iter().chain(&seen.live).chain(&seen.touched);
    let levels = curves.map(|p| p.1);
    let bytes = Axis::from_zero(Unit::Bytes, levels.chain(seen.live_peak));
    let lines = seen.lines(theme);
    let names = ((time, time_name), (&bytes, "memory"));
    let mut plot = panel_beside(area, theme, names.0, names.1, room(&lines))?;
    marks(&mut plot, theme, seen.variable, bytes.ends())?;
    let steps = thinned(&seen.committed, 400);
    plot.draw_series(AreaSeries::new(
        steps.iter().copied(),
        0.0,
        theme.committed.mix(0.10),
    ))?;
    line(&mut plot, steps, theme.committed)?;
    line(&mut plot, thinned(&seen.live, 400), theme.live)?;
    line(&mut plot, thinned(&seen.touched, 400), theme.series[3])?;
    if let Some(peak) = seen.live_peak {
        let (from, to) = time.ends();
        let level = vec![(from, peak), (to, peak)];
        plot.draw_series([DashedPathElement::new(
            level,
            8,
            8,
            theme.live.stroke_width(3),
        )])?;
    }
    let refused = seen.refused.iter().filter(|p| time.holds(p.0));
    plot.draw_series(refused.map(|p| Cross::new(*p, 9, theme.alert.stroke_width(5))))?;
    for (points, what) in [
        (&seen.committed, "committed"),
        (&seen.live, "live"),
        (&seen.touched, "written to"),
    ] {
        let told = points.iter().map(|p| {
            let bytes = exact(Bytes::from_f64(p.1));
            (*p, format!("{}: {bytes} {what}", seconds(p.0)))
        });
        tips(&mut plot, &told.collect::<Vec<_>>())?;
    }
    ends(&mut plot, &lines)
}

/// Thin lines over the whole height where the breakpoint was hit, or a row of ticks where that was often.
fn marks(
    plot: &mut Plot<'_>,
    theme: &Theme,
    observed: Option<&Observed>,
    (low, high): (f64, f64),
) -> Drawn {
    let Some(observed) = observed else {
        return Ok(());
    };
    let hits = &observed.hits;
    let top = if hits.len() <= 30 {
        high
    } else {
        low + (high - low) * 0.05
    };
    let style = theme.variable.mix(0.55).stroke_width(2);
    let shown = hits.iter().step_by(hits.len().div_ceil(MARKS).max(1));
    plot.draw_series(shown.map(|hit| {
        let at = hit.moment.at.as_seconds();
        PathElement::new(vec![(at, low), (at, top)], style)
    }))?;
    Ok(())
}

fn line(plot: &mut Plot<'_>, points: Vec<Point>, color: RGBColor) -> Drawn {
    plot.draw_series([PathElement::new(points, color.stroke_width(4))])?;
    Ok(())
}

fn values(area: &Area<'_>, theme: &Theme, observed: &Observed, time: &Axis, beside: u32) -> Drawn {
    let unit = if is_bytes(&observed.variable) {
        Unit::Bytes
    } else {
        Unit::Count
    };
    let points: Vec<Point> = observed
        .hits
        .iter()
        .map(|h| (h.moment.at.as_seconds(), h.value))
        .collect();
    let axis = if observed.min >= 0.0 {
        Axis::from_zero(unit, [observed.max])
    } else {
        Axis::around(unit, [observed.min, observed.max], (0.05, 0.05))
    };
    let name = format!("{} at {}", observed.variable, observed.breakpoint);
    let mut plot = panel_beside(area, theme, (time, CLOCK), (&axis, &name), beside)?;
    line(
        &mut plot,
        thinned(&held(&points, time.ends().1), 400),
        theme.variable,
    )?;
    if is_thinned(observed) {
        // The largest value may be among the hits that were not kept.
        let (from, to) = time.ends();
        let level = vec![(from, observed.max), (to, observed.max)];
        let style = theme.variable.stroke_width(3);
        plot.draw_series([DashedPathElement::new(level, 8, 8, style)])?;
    }
    if points.len() <= DOTS {
        plot.draw_series(
            points
                .iter()
                .map(|p| Circle::new(*p, 7, theme.variable.filled())),
        )?;
    }
    let told = points.iter().map(|p| {
        let value = crate::show::value(&observed.variable, p.1);
        let at = seconds(p.0);
        (*p, format!("{at}: {} {value}", observed.variable))
    });
    tips(&mut plot, &told.collect::<Vec<_>>())
}

/// Whether only some of the hits were kept.
fn is_thinned(observed: &Observed) -> bool {
    observed.count > observed.hits.len() as u64 && observed.max.is_finite()
}
