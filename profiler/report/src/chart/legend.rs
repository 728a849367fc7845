//! What the marks mean, in a row above the panels, as many rows as needed: never over the data.

use super::Theme;
use super::canvas::{Area, At, Drawn, WIDTH, text, width_of};
use crate::layout::shorten;
use plotters::element::{Circle, Cross, DashedPathElement, PathElement, Polygon, Rectangle};
use plotters::prelude::*;

/// How something is drawn.
#[derive(Clone, Copy)]
pub(super) enum Mark {
    Line(RGBColor),
    Dashed(RGBColor),
    Fill(RGBAColor),
    /// A short dash, as wide as a point.
    Dash(RGBColor),
    Dot(RGBColor),
    Ring(RGBColor),
    Cross(RGBColor),
    Triangle(RGBColor),
    Tick(RGBColor),
    /// The mark of the n-th provider.
    Series(RGBColor, usize),
}

/// Height of a row, pixels.
const ROW: i32 = 40;
const MARK: i32 = 34;

/// Draws the legend at the top and returns its height in pixels.
pub(super) fn legend(area: &Area<'_>, theme: &Theme, entries: &[(Mark, String)]) -> Drawn<u32> {
    let mut at = (0, 0);
    for (mark, name) in entries {
        let name = shorten(name, 60);
        let width = MARK + 12 + width_of(&name) + 28;
        if at.0 > 0 && at.0 + width > WIDTH as i32 {
            at = (0, at.1 + ROW);
        }
        draw_mark(area, *mark, at)?;
        text(area, theme, &name, (at.0 + MARK + 12, at.1), At::Left)?;
        at.0 += width;
    }
    Ok((at.1 + ROW + 24) as u32)
}

fn draw_mark(area: &Area<'_>, mark: Mark, (x, y): (i32, i32)) -> Drawn {
    let middle = y + 11;
    let line = vec![(x, middle), (x + MARK, middle)];
    let center = (x + MARK / 2, middle);
    match mark {
        Mark::Line(color) => area.draw(&PathElement::new(line, color.stroke_width(5))),
        Mark::Dashed(color) => {
            area.draw(&DashedPathElement::new(line, 8, 6, color.stroke_width(4)))
        }
        Mark::Fill(color) => {
            let corners = [(x + 4, middle - 11), (x + MARK - 4, middle + 11)];
            area.draw(&Rectangle::new(corners, color.filled()))
        }
        Mark::Dash(color) => area.draw(&PathElement::new(
            vec![(center.0 - 14, middle), (center.0 + 14, middle)],
            color.stroke_width(4),
        )),
        Mark::Ring(color) => area.draw(&Circle::new(center, 11, color.stroke_width(3))),
        Mark::Dot(color) => area.draw(&Circle::new(center, 8, color.filled())),
        Mark::Cross(color) => area.draw(&Cross::new(center, 8, color.stroke_width(4))),
        Mark::Triangle(color) => area.draw(&Polygon::new(shape(2, center, 9), color)),
        Mark::Tick(color) => area.draw(&PathElement::new(
            vec![(center.0, middle - 12), (center.0, middle + 12)],
            color.stroke_width(3),
        )),
        Mark::Series(color, index) => {
            area.draw(&PathElement::new(line, color.stroke_width(3)))?;
            area.draw(&Polygon::new(shape(index, center, 9), color))
        }
    }
}

/// The shape of the n-th series around a centre: told apart without colours too.
pub(super) fn shape(index: usize, (x, y): (i32, i32), r: i32) -> Vec<(i32, i32)> {
    let wide = r * 5 / 4;
    match index % 6 {
        0 => octagon((x, y), r),
        1 => vec![
            (x - r, y - r),
            (x + r, y - r),
            (x + r, y + r),
            (x - r, y + r),
        ],
        2 => vec![(x, y - wide), (x + wide, y + r), (x - wide, y + r)],
        3 => vec![(x, y - wide), (x + wide, y), (x, y + wide), (x - wide, y)],
        4 => vec![(x - wide, y - r), (x + wide, y - r), (x, y + wide)],
        _ => vec![
            (x - r, y - wide),
            (x, y - r / 3),
            (x + r, y - wide),
            (x + r, y + wide),
            (x, y + r / 3),
            (x - r, y + wide),
        ],
    }
}

fn octagon((x, y): (i32, i32), r: i32) -> Vec<(i32, i32)> {
    let short = r * 2 / 5;
    [
        (-short, -r),
        (short, -r),
        (r, -short),
        (r, short),
        (short, r),
        (-short, r),
        (-r, short),
        (-r, -short),
    ]
    .into_iter()
    .map(|(dx, dy)| (x + dx, y + dy))
    .collect()
}
