//! The sheet that charts are drawn on, with title and description, and panels with axes on it. Where the drawing goes is
//! in `backend`.

use super::axis::Axis;
use super::backend::Backend;
use super::{Theme, bitmap};
use crate::clean::clean;
use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use std::io;

/// A part of the sheet, in pixels.
pub(super) type Area<'a> = DrawingArea<Backend<'a>, Shift>;
/// A panel with its axes.
pub(super) type Plot<'a> = ChartContext<'a, Backend<'a>, Cartesian2d<Axis, Axis>>;
/// Only the backend can fail, and writing to a string does not.
pub(super) type Drawn<T = ()> = Result<T, DrawingAreaErrorKind<io::Error>>;

/// Width of every sheet in pixels, twice what it is shown at.
pub(super) const WIDTH: u32 = 1760;
/// Height of a letter's body, pixels.
const LETTERS: f64 = 24.0;
/// Space for tick labels beside and under a panel, and for half of the last one at the right, pixels.
const BESIDE: u32 = 132;
const RIGHT: u32 = 48;
const UNDER: u32 = 92;

/// What is drawn, for those who do not see it.
pub(super) struct Described {
    /// Unique within a page, as others refer to it; also what a file of the chart is called.
    pub(super) id: &'static str,
    pub(super) title: String,
    pub(super) description: String,
}

/// What puts a chart on a sheet.
type Paint<'d> = Box<dyn for<'a> Fn(&Area<'a>) -> Drawn + 'd>;

/// A chart: one drawing, to be had as an SVG document or as a picture of pixels, both with its title and description.
pub struct Chart<'d> {
    described: Described,
    height: u32,
    theme: Theme,
    paint: Paint<'d>,
}

/// A chart on a sheet of the given height.
pub(super) fn sheet<'d>(
    described: Described,
    height: u32,
    theme: &Theme,
    paint: impl for<'a> Fn(&Area<'a>) -> Drawn + 'd,
) -> Chart<'d> {
    Chart {
        described,
        height,
        theme: theme.clone(),
        paint: Box::new(paint),
    }
}

/// A sheet that only says why there is nothing on it.
pub(super) fn empty(described: Described, theme: &Theme, reason: &'static str) -> Chart<'static> {
    let paper = theme.clone();
    sheet(described, 160, theme, move |area| {
        text(area, &paper, reason, ((WIDTH / 2) as i32, 70), At::Middle)
    })
}

impl Chart<'_> {
    /// A word that names the chart among others: `timeline`.
    pub fn name(&self) -> &'static str {
        self.described.id
    }

    /// One line that says what is drawn.
    pub fn title(&self) -> &str {
        &self.described.title
    }

    /// What can be seen, in sentences.
    pub fn description(&self) -> &str {
        &self.described.description
    }

    /// Width and height of the sheet, pixels.
    pub fn size(&self) -> (u32, u32) {
        (WIDTH, self.height)
    }

    /// An SVG document. Text is left to the fonts of whoever looks, and shows exact values where a mark is pointed at.
    /// Where drawing fails it says so in the picture instead.
    pub fn svg(&self) -> String {
        let (mut svg, mut tips) = (String::new(), String::new());
        let inner = SVGBackend::with_string(&mut svg, self.size());
        self.draw(Backend::Svg {
            inner,
            tips: &mut tips,
        });
        self.document(&svg, &tips)
    }

    /// A PNG picture of the sheet on a light ground, with a margin of 28 pixels and letters of its own.
    ///
    /// # Errors
    ///
    /// Where encoding fails, which it does for want of memory only.
    pub fn png(&self) -> io::Result<Vec<u8>> {
        bitmap::png(self.size(), self.theme.ground, &self.described, |backend| {
            self.draw(backend);
        })
    }

    fn draw(&self, backend: Backend<'_>) {
        let area = backend.into_drawing_area();
        let drawn = (self.paint)(&area).and_then(|()| area.present());
        if let Err(error) = drawn {
            // The error has nowhere else to go: a report without one chart is still a report.
            let why = format!("not drawn: {error}");
            let _ = text(&area, &self.theme, &why, (20, 20), At::Left);
            let _ = area.present();
        }
    }

    /// The document with its own first tag: shown at half the size it was drawn at, named and described.
    fn document(&self, svg: &str, tips: &str) -> String {
        let body = svg.split_once('>').map_or("</svg>\n", |(_, body)| body);
        let body = body.trim_end().trim_end_matches("</svg>");
        let body = DEFAULTS
            .iter()
            .fold(body.to_owned(), |body, said| body.replace(said, ""));
        let tips = match tips {
            "" => String::new(),
            tips => format!("<g fill=\"none\" pointer-events=\"all\">\n{tips}</g>\n"),
        };
        let id = self.described.id;
        let title = escape(&self.described.title);
        let description = escape(&self.described.description);
        let (width, height) = self.size();
        let (shown_width, shown_height) = (width / 2, height / 2);
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" width=\"{shown_width}\" \
             height=\"{shown_height}\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\">\n\
             <title id=\"{id}-title\">{title}</title>\n<desc id=\"{id}-desc\">{description}</desc>{body}{tips}</svg>\n"
        )
    }
}

pub(super) fn escape(text: &str) -> String {
    clean(text)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// Attributes that plotters writes and that say nothing: a third of a chart of many calls. No text can hold them, as
/// plotters writes its quotation marks as `&quot;`.
const DEFAULTS: [&str; 2] = [" opacity=\"1\"", " stroke=\"none\" stroke-width=\"1\""];

/// Where a text begins.
#[derive(Clone, Copy)]
pub(super) enum At {
    Left,
    Middle,
}

/// Text in the ink of what matters, its upper edge at the position.
pub(super) fn text(area: &Area<'_>, theme: &Theme, text: &str, at: (i32, i32), how: At) -> Drawn {
    area.draw_text(&clean(text), &letters(theme.ink, how), at)
}

/// The style of letters. plotters draws at size / 1.24.
pub(super) fn letters(color: RGBColor, how: At) -> TextStyle<'static> {
    let horizontal = match how {
        At::Left => HPos::Left,
        At::Middle => HPos::Center,
    };
    ("sans-serif", LETTERS * 1.24)
        .into_font()
        .color(&color)
        .pos(Pos::new(horizontal, VPos::Top))
}

/// Estimated width of a text, pixels: that of DejaVu Sans, the widest of the usual fonts, so that neighbours never
/// touch.
pub(super) fn width_of(text: &str) -> i32 {
    let ems: f64 = text
        .chars()
        .map(|c| match c {
            'i' | 'j' | 'l' | ' ' | '.' | ',' | ':' | ';' | '\'' | '|' => 0.32,
            'f' | 'r' | 't' | '(' | ')' | '-' => 0.41,
            'm' | 'w' | 'M' | 'W' | '%' | '@' => 0.95,
            'A'..='Z' => 0.70,
            '\0'..='\u{2fff}' => 0.62,
            // East Asian scripts and pictures fill a square.
            _ => 1.0,
        })
        .sum();
    (ems * LETTERS).ceil() as i32
}

/// A panel: grid, axes with ticks, the vertical axis named above it, the horizontal one under it.
pub(super) fn panel<'a>(
    area: &Area<'a>,
    theme: &Theme,
    x: (&Axis, &str),
    y: (&Axis, &str),
) -> Drawn<Plot<'a>> {
    panel_beside(area, theme, x, y, 0)
}

/// The same with so many pixels left free at its right, for what is written there.
pub(super) fn panel_beside<'a>(
    area: &Area<'a>,
    theme: &Theme,
    (x, x_name): (&Axis, &str),
    (y, y_name): (&Axis, &str),
    beside: u32,
) -> Drawn<Plot<'a>> {
    text(area, theme, y_name, (0, 0), At::Left)?;
    let (width, height) = area.dim_in_pixel();
    let right = RIGHT.max(beside);
    let middle = (BESIDE + width.saturating_sub(right)) as i32 / 2;
    text(
        area,
        theme,
        x_name,
        (middle, height as i32 - 32),
        At::Middle,
    )?;
    let x = x.readable(width.saturating_sub(BESIDE + right) as i32);
    let y = y.stacked(height.saturating_sub(48 + UNDER) as i32);
    let mut plot = ChartBuilder::on(area)
        .margin_top(48)
        .margin_right(right)
        .margin_bottom(UNDER - 52)
        .x_label_area_size(52)
        .y_label_area_size(BESIDE)
        .build_cartesian_2d(x, y)?;
    plot.configure_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(theme.grid.stroke_width(2))
        .axis_style(theme.grid.stroke_width(2))
        .label_style(
            ("sans-serif", LETTERS * 1.24)
                .into_font()
                .color(&theme.faint),
        )
        .set_all_tick_mark_size(10)
        .draw()?;
    Ok(plot)
}
