//! A drawing as a PNG: drawn finer than it is shown, each pixel the mean of those it stands for, with its title and
//! description inside the file.

use super::backend::{Backend, FINER, MARGIN};
use super::canvas::Described;
use plotters::backend::BitMapBackend;
use plotters::style::RGBColor;
use std::io;

/// Pixels of a metre at 144 to the inch, at which a sheet is as large as its SVG.
const PER_METRE: u32 = 5_669;

/// Has the sheet painted on a ground of one colour, and encodes it with a margin.
pub(super) fn png(
    (width, height): (u32, u32),
    ground: RGBColor,
    described: &Described,
    paint: impl FnOnce(Backend<'_>),
) -> io::Result<Vec<u8>> {
    let (width, height) = (width + 2 * MARGIN, height + 2 * MARGIN);
    let fine = (width * FINER, height * FINER);
    let pixels = fine.0 as usize * fine.1 as usize;
    let mut drawn: Vec<u8> = [ground.0, ground.1, ground.2].repeat(pixels);
    let bitmap = BitMapBackend::with_buffer_and_format(&mut drawn, fine);
    paint(Backend::Bitmap(bitmap.map_err(io::Error::other)?));
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.set_pixel_dims(Some(png::PixelDimensions {
        xppu: PER_METRE,
        yppu: PER_METRE,
        unit: png::Unit::Meter,
    }));
    for (key, said) in [
        ("Title", &described.title),
        ("Description", &described.description),
    ] {
        encoder.add_itxt_chunk(key.to_owned(), crate::clean::clean(said))?;
    }
    let mut writer = encoder.write_header()?;
    writer.write_image_data(&means(&drawn, fine.0 as usize))?;
    writer.finish()?;
    Ok(file)
}

/// The mean of each square of fine pixels.
fn means(fine: &[u8], width: usize) -> Vec<u8> {
    let side = FINER as usize;
    let mut coarse = Vec::with_capacity(fine.len() / (side * side));
    for rows in fine.chunks_exact(3 * width * side) {
        for x in 0..width / side {
            for color in 0..3 {
                let at = |row: usize, column: usize| {
                    usize::from(rows[3 * (row * width + x * side + column) + color])
                };
                let sum: usize = (0..side * side).map(|i| at(i / side, i % side)).sum();
                coarse.push(((sum + side * side / 2) / (side * side)) as u8);
            }
        }
    }
    coarse
}
