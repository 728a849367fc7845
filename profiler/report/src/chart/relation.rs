//! The variable against what calls needed: every call a point, the fit, what each call would be given, and in grey the
//! range from which there is no call. Several variables at once are shown as prediction against need.

use super::Theme;
use super::axis::Axis;
use super::canvas::{Area, Chart, Described, Drawn, Plot, empty, panel_beside, sheet};
use super::curve::{Point, thinned};
use super::ends::{End, ends, room};
use super::legend::{Mark, legend};
use super::subject::Subject;
use super::ticks::Unit;
use super::tip::{exact, tips};
use crate::matched::matched;
use crate::show::{count, size, value_of};
use crate::words;
use plotters::element::{
    Circle, Cross, DashedPathElement, EmptyElement, PathElement, Polygon, Rectangle, TriangleMarker,
};
use plotters::prelude::*;
use trace::{Bytes, CallAllocation, Outcome, Profile, Trace};

/// Points at which the fit is evaluated.
const FIT: usize = 500;

/// Variable against need, with the fit, the bound and the never-seen range.
pub fn relation<'d>(profile: &'d Profile, traces: &'d [Trace], theme: &'d Theme) -> Chart<'d> {
    let mut subject = Subject::of(profile);
    let mut data = Data::of(&subject, profile, traces);
    if data.is_empty() {
        // No call has a value of the feature: they can still be shown in order.
        subject = Subject::Order(None);
        data = Data::of(&subject, profile, traces);
    }
    let described = Described {
        id: "relation",
        title: format!("{} against the memory needed", subject.name()),
        description: data.description(profile, &subject),
    };
    if data.is_empty() {
        return empty(described, theme, "No call is recorded here.");
    }
    sheet(described, 820, theme, move |area| {
        let top = legend(
            area,
            theme,
            &data.legend(theme, matches!(subject, Subject::Order(_))),
        )?;
        let (_, rest) = area.split_vertically(top);
        draw(&rest, theme, &subject, &data)
    })
}

impl Subject<'_> {
    /// All that is drawn of a call, for who points at it.
    fn told(&self, trace: &Trace, x: f64, allocation: Option<&CallAllocation>) -> String {
        let by = match self {
            Subject::Predictor(predictor, _) => {
                format!("{predictor} {}, ", value_of(predictor, x))
            }
            Subject::Prediction(_) => format!("predicted {}, ", exact(Bytes::from_f64(x))),
            Subject::Order(_) => String::new(),
        };
        let least = match trace.outcome {
            Outcome::Limited => "at least ",
            _ => "",
        };
        let given = allocation.map_or(String::new(), |a| {
            format!(", given alone {}", exact(a.allocation_bytes))
        });
        let (label, needed) = (&trace.input.label, exact(trace.needed()));
        format!(
            "{label}, {}: {by}needed {least}{needed}{given}",
            trace.outcome
        )
    }
}

struct Data {
    needed: Vec<Point>,
    at_least: Vec<Point>,
    failed: Vec<Point>,
    /// What is told of each call, in the order of their needs.
    told: Vec<(Point, String)>,
    /// (position, prediction or need, given), ascending.
    given: Vec<(f64, f64, f64)>,
    /// Smallest and largest value that the fit has seen.
    seen: Option<(f64, f64)>,
    fitted: bool,
    /// Whether calls are sized by a feature; else all are given the same.
    one_by_one: bool,
}

impl Data {
    fn is_empty(&self) -> bool {
        self.needed.is_empty() && self.at_least.is_empty() && self.failed.is_empty()
    }

    fn of(subject: &Subject<'_>, profile: &Profile, traces: &[Trace]) -> Data {
        let mut sorted = matched(profile, traces);
        sorted.sort_by_key(|(trace, _)| trace.needed());
        let mut data = Data {
            needed: Vec::new(),
            at_least: Vec::new(),
            failed: Vec::new(),
            told: Vec::new(),
            given: Vec::new(),
            seen: None,
            fitted: false,
            one_by_one: profile
                .recommendation
                .as_ref()
                .is_some_and(|r| r.sizing_feature.is_some()),
        };
        for (rank, (trace, allocation)) in sorted.into_iter().enumerate() {
            let Some(x) = subject.x(trace, rank) else {
                continue;
            };
            let point = (x, trace.needed().as_f64());
            data.told.push((point, subject.told(trace, x, allocation)));
            match trace.outcome {
                Outcome::Succeeded => data.needed.push(point),
                Outcome::Limited => data.at_least.push(point),
                Outcome::Failed | Outcome::TimedOut => data.failed.push(point),
            }
            if trace.is_measurement()
                && let Some(call) = allocation
            {
                let base = call.predicted_bytes.map_or(point.1, |b| b.as_f64());
                data.given.push((x, base, call.allocation_bytes.as_f64()));
            }
        }
        data.given.sort_by(|a, b| a.0.total_cmp(&b.0));
        data.seen = range(&data.needed);
        data.fitted = data.seen.is_some_and(|(low, _)| subject.fit(low).is_some());
        data
    }

    fn legend(&self, theme: &Theme, ordered: bool) -> Vec<(Mark, String)> {
        let mut entries = vec![(Mark::Dot(theme.committed), "needed by a call".to_owned())];
        if self.fitted {
            entries.push((Mark::Line(theme.ink), "fit".to_owned()));
        }
        if !self.given.is_empty() && self.one_by_one {
            let how = "given, sized one by one".to_owned();
            entries.push((Mark::Line(theme.given), how));
        }
        if !self.at_least.is_empty() {
            entries.push((
                Mark::Triangle(theme.alert),
                "limited: needs at least this".to_owned(),
            ));
        }
        if !self.failed.is_empty() {
            entries.push((Mark::Cross(theme.alert), "failed or timed out".to_owned()));
        }
        if ordered {
            return entries;
        }
        entries.push((Mark::Fill(theme.unseen.to_rgba()), "never seen".to_owned()));
        entries
    }

    /// The line of what every call is given, where that is the same.
    fn same_for_all(&self, theme: &Theme) -> Vec<End> {
        let level = self.given.iter().map(|g| g.2).max_by(f64::total_cmp);
        let level = level.filter(|_| !self.one_by_one);
        let line = level.map(|at| End {
            at,
            name: format!("given {}", size(Bytes::from_f64(at))),
            color: theme.given,
        });
        line.into_iter().collect()
    }

    fn description(&self, profile: &Profile, subject: &Subject<'_>) -> String {
        let range = match (self.seen, subject) {
            (Some((low, high)), Subject::Predictor(predictor, _)) => format!(
                " Seen from {} to {}.",
                value_of(predictor, low),
                value_of(predictor, high)
            ),
            _ => String::new(),
        };
        let fit = match (self.fitted, words::error(&profile.model)) {
            (true, Some(error)) => format!(" Fit: {}, {error}.", profile.model.formula),
            (true, None) => format!(" Fit: {}.", profile.model.formula),
            (false, _) => " No fit.".to_owned(),
        };
        format!("{} measured calls.{range}{fit}", count(self.needed.len()))
    }
}

fn range(points: &[Point]) -> Option<(f64, f64)> {
    let low = points.iter().map(|p| p.0).min_by(f64::total_cmp)?;
    let high = points.iter().map(|p| p.0).max_by(f64::total_cmp)?;
    Some((low, high))
}

fn draw(area: &Area<'_>, theme: &Theme, subject: &Subject<'_>, data: &Data) -> Drawn {
    let points = || data.needed.iter().chain(&data.at_least).chain(&data.failed);
    let ordered = matches!(subject, Subject::Order(_));
    let x = match ordered {
        true => Axis::order(points().count()),
        false => Axis::around(subject.unit(), points().map(|p| p.0), (0.06, 0.14)),
    };
    let levels = points().map(|p| p.1).chain(data.given.iter().map(|g| g.2));
    let y = Axis::beside(&x, Unit::Bytes, levels);
    let name = subject.axis_name();
    let same = data.same_for_all(theme);
    let mut plot = panel_beside(area, theme, (&x, &name), (&y, "memory needed"), room(&same))?;
    if !ordered {
        unseen(&mut plot, theme, data, &x, &y)?;
    }
    match same.first() {
        Some(end) => {
            // Under the fit, which may be the same.
            let level = vec![(x.ends().0, end.at), (x.ends().1, end.at)];
            plot.draw_series([PathElement::new(level, theme.given.stroke_width(9))])?;
        }
        None => bound(&mut plot, theme, data)?,
    }
    fit(&mut plot, theme, subject, data, &x, &y)?;
    calls(&mut plot, theme, data)?;
    ends(&mut plot, &same)?;
    tips(&mut plot, &data.told)
}

fn unseen(plot: &mut Plot<'_>, theme: &Theme, data: &Data, x: &Axis, y: &Axis) -> Drawn {
    let Some((low, high)) = data.seen else {
        return Ok(());
    };
    let ((left, right), (bottom, top)) = (x.ends(), y.ends());
    let sides = [(left, low), (high, right)];
    plot.draw_series(
        sides
            .iter()
            .filter(|(from, to)| from < to)
            .map(|(from, to)| {
                let corners = [(*from, bottom), (*to, top)];
                Rectangle::new(corners, theme.unseen.filled())
            }),
    )?;
    Ok(())
}

/// What each call would be given, and the margin above its prediction as an area.
fn bound(plot: &mut Plot<'_>, theme: &Theme, data: &Data) -> Drawn {
    if data.given.is_empty() {
        return Ok(());
    }
    let upper: Vec<Point> = data.given.iter().map(|g| (g.0, g.2)).collect();
    if upper.windows(2).any(|pair| pair[1].1 < pair[0].1) {
        // As of a stream, of which each call was sized by those before it: no line goes through them.
        let dash = || PathElement::new(vec![(-9, 0), (9, 0)], theme.given.stroke_width(4));
        plot.draw_series(
            thinned(&upper, 400)
                .into_iter()
                .map(|at| EmptyElement::at(at) + dash()),
        )?;
        return Ok(());
    }
    let lower = data.given.iter().rev().map(|g| (g.0, g.1.min(g.2)));
    let upper = thinned(&upper, 200);
    let outline: Vec<Point> = upper.iter().copied().chain(lower).collect();
    plot.draw_series([Polygon::new(outline, theme.given.mix(0.14))])?;
    plot.draw_series([PathElement::new(upper, theme.given.stroke_width(4))])?;
    Ok(())
}

/// The fit where calls were seen; dashed where it is an extrapolation.
fn fit(
    plot: &mut Plot<'_>,
    theme: &Theme,
    subject: &Subject<'_>,
    data: &Data,
    x: &Axis,
    y: &Axis,
) -> Drawn {
    let Some((low, high)) = data.seen else {
        return Ok(());
    };
    let curve = |keep: &dyn Fn(f64) -> bool| -> Vec<Point> {
        let values = x.spread(FIT).chain([low, high]).filter(|v| keep(*v));
        let mut points: Vec<Point> = values
            .filter_map(|v| Some((v, subject.fit(v)?)))
            .filter(|p| y.holds(p.1))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points
    };
    let inside = curve(&|v| v >= low && v <= high);
    plot.draw_series([PathElement::new(inside, theme.ink.stroke_width(4))])?;
    for outside in [curve(&|v| v <= low), curve(&|v| v >= high)] {
        plot.draw_series([DashedPathElement::new(
            outside,
            8,
            8,
            theme.ink.stroke_width(3),
        )])?;
    }
    Ok(())
}

fn calls(plot: &mut Plot<'_>, theme: &Theme, data: &Data) -> Drawn {
    let radius = if data.needed.len() > 300 { 5 } else { 9 };
    // A ring of the ground's colour keeps points that touch apart.
    plot.draw_series(
        data.needed
            .iter()
            .map(|p| Circle::new(*p, radius + 3, theme.ground.filled())),
    )?;
    plot.draw_series(
        data.needed
            .iter()
            .map(|p| Circle::new(*p, radius, theme.committed.filled())),
    )?;
    plot.draw_series(
        data.at_least
            .iter()
            .map(|p| TriangleMarker::new(*p, 14, theme.alert.filled())),
    )?;
    plot.draw_series(
        data.failed
            .iter()
            .map(|p| Cross::new(*p, 9, theme.alert.stroke_width(5))),
    )?;
    Ok(())
}
