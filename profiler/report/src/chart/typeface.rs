//! Text in bitmaps: Noto Sans Regular, which is part of the program, so that a picture is the same on every machine and
//! needs no font there. It has the letters of Latin, Greek and Cyrillic; of others it draws a box.
//!
//! plotters can do that too, but leaves out what is to be left free before a letter, and would then lay out SVGs
//! by this font, whose readers have others.

use ab_glyph::{Font, FontRef, ScaleFont, point};
use plotters_backend::text_anchor::{HPos, VPos};
use plotters_backend::{BackendColor, BackendCoord, BackendTextStyle, DrawingErrorKind};
use std::io;

/// Draws a line of text `finer` times as large as its style says, pixel by pixel.
pub(super) fn draw<T: BackendTextStyle, E: std::error::Error + Send + Sync>(
    text: &str,
    style: &T,
    (x, y): BackendCoord,
    finer: f64,
    mut pixel: impl FnMut(BackendCoord, BackendColor) -> Result<(), DrawingErrorKind<E>>,
) -> Result<(), DrawingErrorKind<E>> {
    let font = FontRef::try_from_slice(notosans::REGULAR_TTF)
        .map_err(|why| DrawingErrorKind::FontError(Box::new(io::Error::other(why.to_string()))))?;
    // plotters' sizes are 1.24 times those of SVG, which are the side of an em.
    let em = (style.size() / 1.24 * finer) as f32;
    let scale = font
        .pt_to_px_scale(em * 72.0 / 96.0)
        .unwrap_or_else(|| em.into());
    let font = font.as_scaled(scale);
    let mut glyphs = Vec::new();
    let mut width = 0.0;
    for letter in text.chars() {
        let id = font.glyph_id(letter);
        if let Some((before, _)) = glyphs.last() {
            width += font.kern(*before, id);
        }
        glyphs.push((id, width));
        width += font.h_advance(id);
    }
    // As in an SVG: 0.76 em under the upper edge, half the height of an x under the middle.
    let anchor = style.anchor();
    let left = x as f32
        - match anchor.h_pos {
            HPos::Left => 0.0,
            HPos::Center => width / 2.0,
            HPos::Right => width,
        };
    let baseline = y as f32
        + em * match anchor.v_pos {
            VPos::Top => 0.76,
            VPos::Center => 0.27,
            VPos::Bottom => -0.27,
        };
    let ink = style.color();
    for (id, from) in glyphs {
        let glyph = id.with_scale_and_position(scale, point(left + from, baseline));
        let Some(outline) = font.outline_glyph(glyph) else {
            continue;
        };
        let corner = outline.px_bounds().min;
        let mut done = Ok(());
        outline.draw(|dx, dy, covered| {
            let at = (corner.x as i32 + dx as i32, corner.y as i32 + dy as i32);
            let alpha = ink.alpha * f64::from(covered.min(1.0));
            if done.is_ok() && alpha > 0.0 {
                done = pixel(at, BackendColor { alpha, ..ink });
            }
        });
        done?;
    }
    Ok(())
}
