//! The recent calls that were served, over the time of day: what each needed, what it was granted, its limit, what is
//! recommended, and under it on the same clock the variables that the model uses. Where the function had a new version,
//! or somebody else said how much memory a call gets, a line says so. What a recommendation is made of is in `relation`.

use super::Theme;
use super::axis::Axis;
use super::canvas::{
    Area, At, Chart, Described, Drawn, Plot, empty, letters, panel_beside, sheet, width_of,
};
use super::clock::{day, moment};
use super::curve::{Point, held};
use super::ends::{End, ends, room};
use super::legend::{Mark, legend};
use super::ticks::Unit;
use super::tip::{exact, tips};
use crate::clean::clean;
use crate::show::{counted, is_bytes, number, size};
use plotters::element::{
    Circle, Cross, DashedPathElement, EmptyElement, PathElement, Text, TriangleMarker,
};
use plotters::prelude::*;
use trace::{Bytes, Feature, Outcome, Profile, Served, SizedBy, Trace};

/// Calls drawn: the last ones.
const CALLS: usize = 500;
/// Variables that have a panel.
const VARIABLES: usize = 3;
/// Height of such a panel, pixels.
const PANEL: u32 = 260;
/// Changes that are marked; where there are more, they say nothing.
const CHANGES: usize = 12;

/// The recent calls that were served over the time of day. Without a profile nothing is recommended and no variable
/// is known to matter.
pub fn recent<'d>(
    profile: Option<&'d Profile>,
    traces: &'d [Trace],
    theme: &'d Theme,
) -> Chart<'d> {
    let seen = Seen::of(profile, traces);
    let described = Described {
        id: "recent",
        title: "Recent calls over time".to_owned(),
        description: seen.description(),
    };
    if seen.calls.is_empty() {
        return empty(described, theme, "No call was served.");
    }
    let height = 700 + PANEL * seen.variables.len() as u32;
    sheet(described, height, theme, move |area| {
        let top = legend(area, theme, &seen.legend(theme))?;
        let (_, rest) = area.split_vertically(top);
        let time = Axis::clock(seen.calls.iter().map(Call::at));
        let lines = seen.lines(theme);
        let beside = room(&lines);
        let memory = height - top - PANEL * seen.variables.len() as u32;
        let (upper, mut rest) = rest.split_vertically(memory);
        let name = |is_last| {
            if is_last {
                seen.clock_name()
            } else {
                String::new()
            }
        };
        let name_here = name(seen.variables.is_empty());
        seen.draw(&upper, theme, (&time, &name_here), &lines)?;
        for (i, variable) in seen.variables.iter().enumerate() {
            let name_here = name(i + 1 == seen.variables.len());
            let (here, under) = rest.split_vertically(PANEL);
            variable.draw(&here, theme, (&time, &name_here), beside)?;
            rest = under;
        }
        Ok(())
    })
}

/// A call that was served.
struct Call<'a> {
    trace: &'a Trace,
    served: &'a Served,
}

impl Call<'_> {
    /// Seconds since 1970.
    fn at(&self) -> f64 {
        self.trace.started_unix_ms as f64 / 1e3
    }

    /// All that is drawn of it, for who points at it.
    fn told(&self) -> String {
        let granted = match self.served.granted > self.served.granted_first {
            true => format!(
                "granted {}, then {}",
                exact(self.served.granted_first),
                exact(self.served.granted)
            ),
            false => format!("granted {}", exact(self.served.granted)),
        };
        format!(
            "{} UTC, {}: needed {}, {granted}, limit {}",
            moment(self.trace.started_unix_ms),
            self.trace.outcome,
            exact(self.trace.needed()),
            exact(self.trace.limits.memory),
        )
    }

    fn needed(&self) -> Point {
        (self.at(), self.trace.needed().as_f64())
    }
}

/// What of the calls is drawn.
struct Seen<'a> {
    /// In the order in which they began.
    calls: Vec<Call<'a>>,
    recommended: Option<f64>,
    variables: Vec<Variable>,
    changes: Vec<Change>,
}

impl<'a> Seen<'a> {
    fn of(profile: Option<&Profile>, traces: &'a [Trace]) -> Seen<'a> {
        let served = |trace: &'a Trace| {
            let served = trace.served.as_ref()?;
            Some(Call { trace, served })
        };
        let mut calls: Vec<Call<'a>> = traces.iter().filter_map(served).collect();
        calls.sort_by_key(|call| call.trace.started_unix_ms);
        calls.drain(..calls.len().saturating_sub(CALLS));
        let recommendation = profile.and_then(|p| p.recommendation.as_ref());
        Seen {
            recommended: recommendation.map(|r| r.allocation_bytes.as_f64()),
            variables: profile.map_or(Vec::new(), |profile| Variable::of(profile, &calls)),
            changes: changes(&calls),
            calls,
        }
    }

    fn needed(&self, outcome: impl Fn(Outcome) -> bool) -> Vec<Point> {
        let of = self.calls.iter().filter(|c| outcome(c.trace.outcome));
        of.map(Call::needed).collect()
    }

    fn mispredicted(&self) -> Vec<Point> {
        let of = self.calls.iter().filter(|c| c.served.mispredicted);
        of.map(Call::needed).collect()
    }

    /// The limit of each call, held until the next.
    fn limits(&self) -> Vec<Point> {
        let each = self.calls.iter();
        each.map(|c| (c.at(), c.trace.limits.memory.as_f64()))
            .collect()
    }

    fn legend(&self, theme: &Theme) -> Vec<(Mark, String)> {
        let mut entries = vec![
            (Mark::Dot(theme.committed), "needed by a call".to_owned()),
            (Mark::Dash(theme.given), "granted to it".to_owned()),
        ];
        let any = |points: Vec<Point>| !points.is_empty();
        if any(self.needed(|o| o == Outcome::Limited)) {
            let name = "limited: needs at least this".to_owned();
            entries.push((Mark::Triangle(theme.alert), name));
        }
        if any(self.needed(failed)) {
            let name = "failed or timed out".to_owned();
            entries.push((Mark::Cross(theme.alert), name));
        }
        if any(self.mispredicted()) {
            let name = "more than predicted, unexplained".to_owned();
            entries.push((Mark::Ring(theme.alert), name));
        }
        entries
    }

    /// The lines over the whole width, with what is written at their ends.
    fn lines(&self, theme: &Theme) -> Vec<End> {
        let limit = self.calls.last().map(|c| c.trace.limits.memory);
        let limit = limit.map(|limit| End {
            at: limit.as_f64(),
            name: format!("limit {}", size(limit)),
            color: theme.ink,
        });
        let recommended = self.recommended.map(|at| End {
            at,
            name: format!("recommended {}", size(Bytes::from_f64(at))),
            color: theme.given,
        });
        limit.into_iter().chain(recommended).collect()
    }

    fn draw(&self, area: &Area<'_>, theme: &Theme, time: (&Axis, &str), lines: &[End]) -> Drawn {
        let each = self.calls.iter().flat_map(|c| {
            let granted = [c.served.granted_first, c.served.granted];
            granted
                .map(|bytes| bytes.as_f64())
                .into_iter()
                .chain([c.needed().1])
        });
        let limits = self.limits();
        let levels = each
            .chain(limits.iter().map(|p| p.1))
            .chain(self.recommended);
        let bytes = Axis::amounts(Unit::Bytes, levels.filter(|level| *level > 0.0));
        let mut plot = panel_beside(area, theme, time, (&bytes, "memory"), room(lines))?;
        self.mark_changes(&mut plot, theme, bytes.ends())?;
        let (from, to) = time.0.ends();
        plot.draw_series([DashedPathElement::new(
            held(&limits, to),
            14,
            10,
            theme.ink.stroke_width(3),
        )])?;
        if let Some(level) = self.recommended {
            let line = vec![(from, level), (to, level)];
            plot.draw_series([PathElement::new(line, theme.given.stroke_width(3))])?;
        }
        self.draw_granted(&mut plot, theme)?;
        self.draw_needed(&mut plot, theme)?;
        ends(&mut plot, lines)
    }

    /// A dash where a call was granted so much; below it, where that was raised, what it was granted first.
    fn draw_granted(&self, plot: &mut Plot<'_>, theme: &Theme) -> Drawn {
        let half = if self.calls.len() > 100 { 7 } else { 14 };
        let style = theme.given.stroke_width(6);
        let dash = move |at: Point| {
            EmptyElement::at(at) + PathElement::new(vec![(-half, 0), (half, 0)], style)
        };
        let granted = |c: &Call<'_>| (c.at(), c.served.granted.as_f64());
        let first = |c: &Call<'_>| (c.at(), c.served.granted_first.as_f64());
        let raised = || {
            self.calls
                .iter()
                .filter(|c| c.served.granted > c.served.granted_first)
        };
        plot.draw_series(raised().map(|c| {
            let line = vec![first(c), granted(c)];
            PathElement::new(line, theme.given.stroke_width(2))
        }))?;
        plot.draw_series(raised().map(|c| dash(first(c))))?;
        plot.draw_series(self.calls.iter().map(|c| dash(granted(c))))?;
        Ok(())
    }

    fn draw_needed(&self, plot: &mut Plot<'_>, theme: &Theme) -> Drawn {
        let radius = if self.calls.len() > 200 { 5 } else { 8 };
        let points = self.needed(|o| o == Outcome::Succeeded);
        plot.draw_series(points.iter().flat_map(|p| {
            // A ring of the ground's colour keeps points that touch apart.
            [
                Circle::new(*p, radius + 2, theme.ground.filled()),
                Circle::new(*p, radius, theme.committed.filled()),
            ]
        }))?;
        let limited = self.needed(|o| o == Outcome::Limited);
        plot.draw_series(
            limited
                .iter()
                .map(|p| TriangleMarker::new(*p, 14, theme.alert.filled())),
        )?;
        plot.draw_series(
            self.needed(failed)
                .iter()
                .map(|p| Cross::new(*p, 9, theme.alert.stroke_width(5))),
        )?;
        plot.draw_series(
            self.mispredicted()
                .iter()
                .map(|p| Circle::new(*p, radius + 8, theme.alert.stroke_width(3))),
        )?;
        let told = self.calls.iter().map(|c| (c.needed(), c.told()));
        tips(plot, &told.collect::<Vec<_>>())
    }

    /// A thin line where something changed, named where there is room before the next one.
    fn mark_changes(&self, plot: &mut Plot<'_>, theme: &Theme, (low, high): (f64, f64)) -> Drawn {
        let columns: Vec<i32> = self
            .changes
            .iter()
            .map(|change| plot.backend_coord(&(change.at, high)).0)
            .chain([plot.plotting_area().get_pixel_range().0.end])
            .collect();
        for (i, change) in self.changes.iter().enumerate() {
            let line = vec![(change.at, low), (change.at, high)];
            plot.draw_series([PathElement::new(line, theme.faint.stroke_width(2))])?;
            if width_of(&change.name) + 16 <= columns[i + 1] - columns[i] {
                let style = letters(theme.faint, At::Left);
                let text = Text::new(clean(&change.name), (8, 4), style);
                plot.draw_series([EmptyElement::at((change.at, high)) + text])?;
            }
        }
        Ok(())
    }

    fn clock_name(&self) -> String {
        let days = |call: Option<&Call<'_>>| call.map(|c| day(c.trace.started_unix_ms / 1000));
        let (first, last) = (days(self.calls.first()), days(self.calls.last()));
        match (first, last) {
            (Some(first), Some(last)) if first != last => format!("UTC, {first} to {last}"),
            (Some(only), _) => format!("time of day, UTC, {only}"),
            (None, _) => "time of day, UTC".to_owned(),
        }
    }

    fn description(&self) -> String {
        let (Some(first), Some(last)) = (self.calls.first(), self.calls.last()) else {
            return "No call was served.".to_owned();
        };
        let needs = || self.calls.iter().map(|c| c.trace.needed());
        let mut told = vec![format!(
            "{} from {} to {} UTC, which needed {} to {}.",
            counted(self.calls.len(), "served call"),
            moment(first.trace.started_unix_ms),
            moment(last.trace.started_unix_ms),
            size(needs().min().unwrap_or_default()),
            size(needs().max().unwrap_or_default()),
        )];
        for (points, what) in [
            (self.needed(|o| o == Outcome::Limited), "limited"),
            (self.needed(failed), "failed or timed out"),
            (self.mispredicted(), "needed more than predicted"),
        ] {
            if !points.is_empty() {
                told.push(format!("{} {what}.", counted(points.len(), "call")));
            }
        }
        told.extend(self.changes.iter().map(|change| {
            let at = moment((change.at * 1e3) as u64);
            format!("From {at} on: {}.", change.name)
        }));
        told.join(" ")
    }
}

fn failed(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Failed | Outcome::TimedOut)
}

/// Where calls began to be of another version of the function, or to be sized by something else.
struct Change {
    /// Seconds since 1970.
    at: f64,
    name: String,
}

/// Nothing where calls are sized by turns: that is no change.
fn changes(calls: &[Call<'_>]) -> Vec<Change> {
    // A call that is made again is given more than those around it, and then everything is as before.
    let lasting: Vec<&Call<'_>> = calls
        .iter()
        .filter(|c| c.served.sized_by != SizedBy::Replay)
        .collect();
    let mut changes = Vec::new();
    for pair in lasting.windows(2) {
        let (before, now) = (pair[0], pair[1]);
        let mut said = Vec::new();
        if before.trace.function.digest != now.trace.function.digest {
            said.push("new version");
        }
        if before.served.sized_by != now.served.sized_by {
            said.push(match now.served.sized_by {
                SizedBy::Setting => "sized by its setting",
                SizedBy::Recommendation => "sized as recommended",
                SizedBy::Model => "sized one by one",
                SizedBy::Replay => "made again",
            });
        }
        if !said.is_empty() {
            let (at, name) = (now.at(), said.join(", "));
            changes.push(Change { at, name });
        }
    }
    if changes.len() > CHANGES {
        changes.retain(|change| change.name.starts_with("new version"));
        changes.drain(..changes.len().saturating_sub(CHANGES));
    }
    changes
}

/// A variable of the model, over time.
struct Variable {
    name: String,
    unit: Unit,
    points: Vec<Point>,
}

impl Variable {
    /// Of what calls are sized by, then of what explains their memory, those that any call has a value of.
    fn of(profile: &Profile, calls: &[Call<'_>]) -> Vec<Variable> {
        let sizing = profile
            .recommendation
            .as_ref()
            .and_then(|r| r.sizing.as_ref());
        let mut features: Vec<&Feature> = sizing.map_or(Vec::new(), |model| model.features());
        for feature in profile.model.features() {
            if !features.contains(&feature) {
                features.push(feature);
            }
        }
        // A word only tells kinds of calls apart.
        features.retain(|feature| feature.word().is_none());
        let known = features.into_iter().filter_map(|feature| {
            let value = |c: &Call<'_>| Some((c.at(), c.trace.value_of(feature)?));
            let points: Vec<Point> = calls.iter().filter_map(value).collect();
            let points: Vec<Point> = points.into_iter().filter(|p| p.1.is_finite()).collect();
            (!points.is_empty()).then(|| Variable {
                name: feature.to_string(),
                unit: if is_bytes(&feature.variable) {
                    Unit::Bytes
                } else {
                    Unit::Count
                },
                points,
            })
        });
        known.take(VARIABLES).collect()
    }

    fn draw(&self, area: &Area<'_>, theme: &Theme, time: (&Axis, &str), beside: u32) -> Drawn {
        let values = || self.points.iter().map(|p| p.1);
        let axis = if values().all(|value| value >= 0.0) {
            Axis::amounts(self.unit, values().filter(|value| *value > 0.0))
        } else {
            Axis::around(self.unit, values(), (0.08, 0.08))
        };
        let mut plot = panel_beside(area, theme, time, (&axis, &self.name), beside)?;
        let radius = if self.points.len() > 200 { 4 } else { 7 };
        plot.draw_series(
            self.points
                .iter()
                .map(|p| Circle::new(*p, radius, theme.variable.filled())),
        )?;
        let told = self.points.iter().map(|p| {
            let value = match self.unit {
                Unit::Bytes => exact(Bytes::from_f64(p.1)),
                _ => number(p.1),
            };
            let at = moment((p.0 * 1e3).round() as u64);
            (*p, format!("{at} UTC: {} {value}", self.name))
        });
        tips(&mut plot, &told.collect::<Vec<_>>())
    }
}
