//! Exact values of marks, told to who points at them: invisible circles with titles, above all that is drawn, in SVGs
//! only. Never of all of many: a file of thousands would be none to send.

use super::backend::Backend;
use super::canvas::{Drawn, Plot, escape};
use super::curve::Point;
use crate::show::{number, size};
use plotters::element::{Drawable, PointCollection};
use plotters_backend::{BackendCoord, DrawingErrorKind};
use std::fmt::Write as _;
use std::io;
use trace::Bytes;

/// Marks of a series that tell their values, evenly among all of it.
const TOLD: usize = 100;
/// Radius in which a mark answers to a pointer, pixels.
const REACH: i32 = 14;

/// Has marks tell what is said of them.
pub(super) fn tips(plot: &mut Plot<'_>, told: &[(Point, String)]) -> Drawn {
    let every = told.len().div_ceil(TOLD).max(1);
    let some = told.iter().step_by(every);
    plot.draw_series(some.map(|(at, told)| Tip { at: *at, told }))?;
    Ok(())
}

/// Bytes as they are read and as they are: `5.2 MiB (5,439,488 B)`.
pub(super) fn exact(bytes: Bytes) -> String {
    match bytes.0 {
        0..1024 => size(bytes),
        all => format!("{} ({} B)", size(bytes), number(all as f64)),
    }
}

struct Tip<'t> {
    at: Point,
    told: &'t str,
}

impl<'a> PointCollection<'a, Point> for &'a Tip<'_> {
    type Point = &'a Point;
    type IntoIter = std::iter::Once<&'a Point>;

    fn point_iter(self) -> Self::IntoIter {
        std::iter::once(&self.at)
    }
}

impl Drawable<Backend<'_>> for Tip<'_> {
    fn draw<I: Iterator<Item = BackendCoord>>(
        &self,
        mut at: I,
        backend: &mut Backend<'_>,
        _: (u32, u32),
    ) -> Result<(), DrawingErrorKind<io::Error>> {
        if let (Backend::Svg { tips, .. }, Some((x, y))) = (backend, at.next()) {
            let told = escape(self.told);
            // Writing to a string cannot fail.
            let _ = writeln!(
                tips,
                "<circle cx=\"{x}\" cy=\"{y}\" r=\"{REACH}\"><title>{told}</title></circle>"
            );
        }
        Ok(())
    }
}
