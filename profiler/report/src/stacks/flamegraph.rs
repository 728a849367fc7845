//! Flame graphs as SVG, drawn by inferno: a file of its own with zoom and search, or only the frames, for the report.

use super::{Folded, StackError, View};
use crate::clean::clean;
use crate::show::counted;
use inferno::flamegraph::{
    Direction, Options, Palette, TextTruncateDirection, color::BasicPalette, from_lines,
};

/// A flame graph as an SVG document: click to zoom, Ctrl-F or the word in the corner to search.
pub fn flamegraph(folded: &Folded) -> Result<String, StackError> {
    let mut options = options(folded.view);
    options.title = title(folded);
    options.subtitle = Some(subtitle(folded));
    options.count_name = folded.unit.to_owned();
    draw(&mut options, &folded.lines(1.0), folded.view)
}

/// `line-reader: who held the memory at the peak`.
pub(super) fn title(folded: &Folded) -> String {
    let title = folded.view.title();
    let (first, rest) = title.split_at(1);
    format!(
        "{}: {}{rest}",
        clean(&folded.function),
        first.to_lowercase()
    )
}

fn subtitle(folded: &Folded) -> String {
    let calls = counted(folded.calls, "call");
    match (folded.calls, folded.view) {
        (1, _) => calls,
        (_, View::AtPeak) => format!("{calls}, each at its own peak, added up"),
        _ => format!("{calls}, added up"),
    }
}

/// Colours depend on names alone, so that the same profile is the same file. The outermost function is on top: a browser shows the
/// top of a tall picture first.
pub(super) fn options(view: View) -> Options<'static> {
    let mut options = Options::default();
    options.colors = Palette::Basic(match view {
        View::Cpu => BasicPalette::Hot,
        View::Allocated | View::AtPeak | View::AtEnd | View::Temporary => BasicPalette::Mem,
    });
    options.direction = Direction::Inverted;
    options.deterministic = true;
    options.text_truncate_direction = TextTruncateDirection::Right;
    options
}

pub(super) fn draw(
    options: &mut Options<'_>,
    lines: &[String],
    view: View,
) -> Result<String, StackError> {
    if lines.is_empty() {
        return Err(StackError::Nothing { view });
    }
    let mut svg = Vec::new();
    let failed = |reason: String| StackError::Drawing { reason };
    from_lines(options, lines.iter().map(String::as_str), &mut svg)
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(svg).map_err(|error| failed(error.to_string()))
}

/// The frames of a drawing alone, for a page that has its own frame around them.
pub(crate) struct Frames {
    /// `<g>` elements with a title, a rectangle and a text each.
    pub(crate) svg: String,
    /// Height of the drawing, pixels.
    pub(crate) height: u32,
}

/// Share of the width, in percent, under which a frame is left out of a page, and what a drawing may take there.
const NARROWEST: f64 = 0.1;
const MOST_BYTES: usize = 250_000;

/// The frames, the outermost function on top, widths in percent of the drawing. Narrow frames are left out, more of
/// them where there are very many. `None` where there is nothing to draw.
pub(crate) fn frames_only(folded: &Folded) -> Option<Frames> {
    let mut narrowest = NARROWEST;
    loop {
        let mut options = options(folded.view);
        options.count_name = folded.unit.to_owned();
        if folded.view == View::Cpu {
            // Dark text is read on it, unlike on the darkest of the usual reds.
            options.colors = Palette::Basic(BasicPalette::Orange);
        }
        options.min_width = narrowest;
        options.no_javascript = true;
        let svg = draw(&mut options, &folded.lines(1.0), folded.view).ok()?;
        let frames = Frames::cut_out(&svg)?;
        if frames.svg.len() <= MOST_BYTES || narrowest > 10.0 {
            return Some(frames);
        }
        narrowest *= 2.0;
    }
}

impl Frames {
    /// Takes the frames out of inferno's document, and moves them to its top.
    fn cut_out(svg: &str) -> Option<Frames> {
        let (_, from) = svg.split_once("<svg id=\"frames\"")?;
        let (_, from) = from.split_once('>')?;
        let (frames, _) = from.split_once("</svg>")?;
        let tops = || frames.split(" y=\"").skip(1);
        let number = |text: &str| text.split('"').next()?.parse::<f64>().ok();
        let rect_tops = frames.split("<rect ").skip(1).filter_map(|rect| {
            let top = number(rect.split_once(" y=\"").map(|(_, y)| y)?)?;
            let height = number(rect.split_once(" height=\"").map(|(_, h)| h)?)?;
            Some((top, top + height))
        });
        let (top, bottom) = rect_tops.fold((f64::MAX, 0.0_f64), |(top, bottom), (from, to)| {
            (top.min(from), bottom.max(to))
        });
        if tops().next().is_none() || bottom <= top {
            return None;
        }
        let mut moved = String::with_capacity(frames.len());
        for (i, part) in frames.split(" y=\"").enumerate() {
            match part.split_once('"').filter(|_| i > 0) {
                Some((y, rest)) => {
                    let y = y.parse::<f64>().unwrap_or(top) - top;
                    moved.push_str(&format!(" y=\"{y}\"{rest}"));
                }
                None => moved.push_str(part),
            }
        }
        Some(Frames {
            svg: moved,
            height: (bottom - top) as u32 + 1,
        })
    }
}
