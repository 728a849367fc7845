//! What charts are drawn with: plotters' SVG, or plotters' bitmap at [`FINER`] times the size, of which every pixel of the
//! picture is the mean, so that slanted lines have no steps. In an SVG text is left to the fonts of whoever looks; in a
//! bitmap `typeface` draws it. What is told of a mark is in `tip`, and in no
//! bitmap.

use super::typeface;
use plotters::backend::{BitMapBackend, DrawingBackend, SVGBackend};
use plotters_backend::{
    BackendColor, BackendCoord, BackendStyle, BackendTextStyle, DrawingErrorKind,
};
use std::io;

/// Pixels drawn for one of the picture, each way.
pub(super) const FINER: u32 = 2;
/// Left free around a bitmap, as a page leaves it free around an SVG, pixels.
pub(super) const MARGIN: u32 = 28;

/// One of the two kinds of picture.
pub(super) enum Backend<'a> {
    Svg {
        inner: SVGBackend<'a>,
        /// Elements that are to come after all that is drawn.
        tips: &'a mut String,
    },
    Bitmap(BitMapBackend<'a>),
}

type Done<T = ()> = Result<T, DrawingErrorKind<io::Error>>;

/// A call on one of the two, the errors of either made one kind.
macro_rules! each {
    ($self:ident, $svg:ident => $on_svg:expr, $bitmap:ident => $on_bitmap:expr) => {
        match $self {
            Backend::Svg { inner: $svg, .. } => $on_svg,
            Backend::Bitmap($bitmap) => $on_bitmap.map_err(one_kind),
        }
    };
}

fn one_kind<E: std::error::Error + Send + Sync>(
    error: DrawingErrorKind<E>,
) -> DrawingErrorKind<io::Error> {
    match error {
        DrawingErrorKind::DrawingError(why) => {
            DrawingErrorKind::DrawingError(io::Error::other(why.to_string()))
        }
        DrawingErrorKind::FontError(why) => DrawingErrorKind::FontError(why),
    }
}

/// A place on the bitmap, which is finer than the sheet.
fn fine((x, y): BackendCoord) -> BackendCoord {
    let fine = |at: i32| {
        at.saturating_add(MARGIN as i32)
            .saturating_mul(FINER as i32)
    };
    (fine(x), fine(y))
}

/// A style whose lines are as much wider as the bitmap is finer.
struct Fine<'s, S>(&'s S);

impl<S: BackendStyle> BackendStyle for Fine<'_, S> {
    fn color(&self) -> BackendColor {
        self.0.color()
    }

    fn stroke_width(&self) -> u32 {
        self.0.stroke_width() * FINER
    }
}

impl DrawingBackend for Backend<'_> {
    type ErrorType = io::Error;

    fn get_size(&self) -> (u32, u32) {
        match self {
            Backend::Svg { inner, .. } => inner.get_size(),
            Backend::Bitmap(inner) => {
                let (width, height) = inner.get_size();
                (width / FINER - 2 * MARGIN, height / FINER - 2 * MARGIN)
            }
        }
    }

    fn ensure_prepared(&mut self) -> Done {
        each!(self, svg => svg.ensure_prepared(), bitmap => bitmap.ensure_prepared())
    }

    fn present(&mut self) -> Done {
        each!(self, svg => svg.present(), bitmap => bitmap.present())
    }

    fn draw_pixel(&mut self, point: BackendCoord, color: BackendColor) -> Done {
        let corner = fine((point.0 + 1, point.1 + 1));
        each!(self,
            svg => svg.draw_pixel(point, color),
            bitmap => bitmap.draw_rect(fine(point), corner, &color, true))
    }

    fn draw_line<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
    ) -> Done {
        each!(self,
            svg => svg.draw_line(from, to, style),
            bitmap => bitmap.draw_line(fine(from), fine(to), &Fine(style)))
    }

    fn draw_rect<S: BackendStyle>(
        &mut self,
        from: BackendCoord,
        to: BackendCoord,
        style: &S,
        fill: bool,
    ) -> Done {
        each!(self,
            svg => svg.draw_rect(from, to, style, fill),
            bitmap => bitmap.draw_rect(fine(from), fine(to), &Fine(style), fill))
    }

    fn draw_path<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        path: I,
        style: &S,
    ) -> Done {
        each!(self,
            svg => svg.draw_path(path, style),
            bitmap => bitmap.draw_path(path.into_iter().map(fine), &Fine(style)))
    }

    fn draw_circle<S: BackendStyle>(
        &mut self,
        center: BackendCoord,
        radius: u32,
        style: &S,
        fill: bool,
    ) -> Done {
        each!(self,
            svg => svg.draw_circle(center, radius, style, fill),
            bitmap => bitmap.draw_circle(fine(center), radius * FINER, &Fine(style), fill))
    }

    fn fill_polygon<S: BackendStyle, I: IntoIterator<Item = BackendCoord>>(
        &mut self,
        corners: I,
        style: &S,
    ) -> Done {
        each!(self,
            svg => svg.fill_polygon(corners, style),
            bitmap => bitmap.fill_polygon(corners.into_iter().map(fine), &Fine(style)))
    }

    fn draw_text<T: BackendTextStyle>(&mut self, text: &str, style: &T, at: BackendCoord) -> Done {
        let finer = f64::from(FINER);
        each!(self,
        svg => svg.draw_text(text, style, at),
        bitmap => typeface::draw(text, style, fine(at), finer, |point, color| {
            bitmap.draw_pixel(point, color)
        }))
    }
}
