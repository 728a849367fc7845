//! How often calls failed in a replay against how often they may: on the diagonal a promise is kept to the letter, below it calls are
//! given more than was asked. Bars are what the observed rate lies in with 95 % confidence.

use super::Theme;
use super::axis::Axis;
use super::canvas::{Area, Chart, Described, Drawn, empty, panel, sheet};
use super::legend::{Mark, legend, shape};
use super::ticks::Unit;
use crate::show::{counted, percent};
use plotters::element::{DashedPathElement, EmptyElement, PathElement, Polygon};
use plotters::prelude::*;
use trace::{Calibrated, Replayed};

/// A rate that was never observed stands here, a fifth of the least that was asked: an axis of logarithms has no zero.
const NEVER: f64 = 0.2;

/// Asked against observed, for each of our rules.
pub fn calibration<'d>(replayed: &'d Replayed, theme: &'d Theme) -> Chart<'d> {
    let points = &replayed.calibration;
    let described = Described {
        id: "calibration",
        title: "How often calls fail, against how often they may".to_owned(),
        description: description(replayed),
    };
    if points.is_empty() {
        return empty(described, theme, "Nothing was replayed at several rates.");
    }
    let mut rules: Vec<&str> = points.iter().map(|point| point.rule.as_str()).collect();
    rules.dedup();
    sheet(described, 760, theme, move |area| {
        let mut entries: Vec<(Mark, String)> = rules
            .iter()
            .enumerate()
            .map(|(at, rule)| (Mark::Series(color(theme, at), at), (*rule).to_owned()))
            .collect();
        entries.push((Mark::Dashed(theme.ink), "as asked".to_owned()));
        let top = legend(area, theme, &entries)?;
        let (_, rest) = area.split_vertically(top);
        draw(&rest, theme, points, &rules)
    })
}

fn color(theme: &Theme, rule: usize) -> RGBColor {
    theme.series[rule % theme.series.len()]
}

fn draw(area: &Area<'_>, theme: &Theme, points: &[Calibrated], rules: &[&str]) -> Drawn {
    let asked = || points.iter().map(|point| point.asked);
    let least = asked().fold(f64::INFINITY, f64::min) * NEVER;
    let shown = |rate: f64| rate.max(least);
    let rates = points
        .iter()
        .flat_map(|p| [shown(p.low), shown(p.high), p.asked]);
    let x = Axis::around(Unit::Share, asked(), (0.08, 0.08));
    let y = Axis::around(Unit::Share, rates.chain([least]), (0.04, 0.06));
    let mut plot = panel(
        area,
        theme,
        (&x, "calls that may fail"),
        (&y, "calls that failed"),
    )?;
    let (from, to) = (x.ends().0.max(y.ends().0), x.ends().1.min(y.ends().1));
    plot.draw_series([DashedPathElement::new(
        vec![(from, from), (to, to)],
        10,
        8,
        theme.ink.stroke_width(3),
    )])?;
    for (at, rule) in rules.iter().enumerate() {
        let color = color(theme, at);
        let of_rule = || points.iter().filter(|point| point.rule == **rule);
        // Two rules at one rate stand side by side.
        let beside = 1.0 + 0.04 * at as f64;
        let place = |point: &Calibrated| point.asked * beside;
        plot.draw_series(of_rule().map(|point| {
            let ends = vec![
                (place(point), shown(point.low)),
                (place(point), shown(point.high)),
            ];
            PathElement::new(ends, color.stroke_width(4))
        }))?;
        let line: Vec<(f64, f64)> = of_rule().map(|p| (place(p), shown(p.observed))).collect();
        plot.draw_series([PathElement::new(line, color.stroke_width(3))])?;
        plot.draw_series(of_rule().map(|point| {
            EmptyElement::at((place(point), shown(point.observed)))
                + Polygon::new(shape(at, (0, 0), 11), color)
        }))?;
    }
    Ok(())
}

fn description(replayed: &Replayed) -> String {
    let told = replayed.calibration.iter().map(|point| {
        format!(
            "{}: asked {}, observed {}",
            point.rule,
            percent(point.asked),
            percent(point.observed)
        )
    });
    format!(
        "{} replayed. {}.",
        counted(replayed.calls, "call"),
        told.collect::<Vec<String>>().join("; ")
    )
}
