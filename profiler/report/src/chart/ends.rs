//! Names of lines at their right ends, in the colours of the lines: they need no legend. Where two would touch, one
//! moves away; all stay between the upper and the lower end of the panel.

use super::canvas::{At, Drawn, Plot, letters, width_of};
use crate::clean::clean;
use plotters::element::{EmptyElement, Text};
use plotters::prelude::*;

/// Height of a line of text, pixels.
const LINE: i32 = 32;
/// Between a line and its name, pixels.
const GAP: i32 = 12;

/// A line that ends at the right of a panel.
pub(super) struct End {
    /// Its last value.
    pub(super) at: f64,
    pub(super) name: String,
    pub(super) color: RGBColor,
}

/// Pixels to be left free beside a panel for the names.
pub(super) fn room(ends: &[End]) -> u32 {
    let widths = ends.iter().map(|end| width_of(&end.name));
    widths.max().map_or(0, |widest| (widest + GAP + 24) as u32)
}

/// Writes the names beside the panel, which was drawn with [`room`] for them.
pub(super) fn ends(plot: &mut Plot<'_>, ends: &[End]) -> Drawn {
    let (right, top, bottom) = {
        let area = plot.plotting_area();
        let (_, rows) = area.get_pixel_range();
        (area.get_x_range().end, rows.start, rows.end)
    };
    let row = |end: &End| plot.backend_coord(&(right, end.at)).1.clamp(top, bottom);
    let mut placed: Vec<(i32, &End)> = ends.iter().map(|end| (row(end), end)).collect();
    placed.sort_by_key(|(row, _)| *row);
    let rows: Vec<i32> = placed.iter().map(|(row, _)| *row).collect();
    let names = placed.iter().zip(apart(&rows, bottom));
    let texts: Vec<_> = names
        .map(|((row, end), moved)| {
            let style = letters(end.color, At::Left);
            let text = Text::new(clean(&end.name), (GAP, moved - row - LINE / 2), style);
            EmptyElement::at((right, end.at)) + text
        })
        .collect();
    plot.draw_series(texts)?;
    Ok(())
}

/// Ascending rows moved so far that each is a line away from the next, and none below the bottom.
fn apart(rows: &[i32], bottom: i32) -> Vec<i32> {
    let mut apart = rows.to_vec();
    for i in 1..apart.len() {
        apart[i] = apart[i].max(apart[i - 1] + LINE);
    }
    let mut below = bottom + LINE;
    for row in apart.iter_mut().rev() {
        *row = (*row).min(below - LINE);
        below = *row;
    }
    apart
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_touch_and_never_leave_the_panel() {
        assert_eq!(apart(&[10, 200], 300), [10, 200]);
        assert_eq!(apart(&[10, 11, 12], 300), [10, 42, 74]);
        assert_eq!(apart(&[290, 295, 300], 300), [236, 268, 300]);
        assert_eq!(apart(&[], 300), [] as [i32; 0]);
    }
}
