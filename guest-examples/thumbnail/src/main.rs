//! Makes a thumbnail of the picture on standard input, a PNG, and says in one line what came of it.
//!
//! How large a picture is stands in its header: that is known, and shown, before the pixels are decoded, and the pixels
//! are what needs memory. They are decoded all at once, as most thumbnails are made. The thumbnail is not written out:
//! its checksum is.

mod forward;

use std::{
    io::{self, BufRead},
    process::ExitCode,
};

use fathom_watch::watch;
use image::{DynamicImage, ImageDecoder, ImageError, ImageResult, Limits, codecs::png::PngDecoder};

use forward::Forward;

/// A thumbnail fits into a square with this side, in pixels.
const SIDE: u32 = 128;

/// The longest side of a picture that is accepted, in pixels.
const LONGEST_SIDE: u32 = 16_384;

/// The most bytes that the pixels of a picture may take: 22 megapixels of three bytes. Without a limit, a file of a few
/// kilobytes that claims to be a picture of gigabytes would take them.
const MOST_BYTES: u64 = 64 << 20;

fn main() -> ExitCode {
    match thumbnail(io::stdin().lock()) {
        Ok(line) => {
            println!("{line}");
            return ExitCode::SUCCESS;
        }
        Err(ImageError::Limits(error)) => eprintln!("thumbnail: the picture is too large: {error}"),
        Err(error) => eprintln!("thumbnail: the picture cannot be read: {error}"),
    }
    ExitCode::FAILURE
}

/// Such as `4000 x 3000 Rgb8, thumbnail 128 x 96, crc32 0f1e2d3c`. The checksum is that of the thumbnail's pixels, row
/// by row, in the channels of the picture.
fn thumbnail(file: impl BufRead) -> ImageResult<String> {
    let picture = decode(file)?;
    let (width, height) = (picture.width(), picture.height());
    let color = picture.color();
    // Small pictures are not enlarged.
    let small = if width.max(height) > SIDE {
        picture.thumbnail(SIDE, SIDE)
    } else {
        picture
    };
    Ok(format!(
        "{width} x {height} {color:?}, thumbnail {} x {}, crc32 {:08x}",
        small.width(),
        small.height(),
        crc32fast::hash(small.as_bytes()),
    ))
}

/// The header first, and the pixels if they are not too many.
fn decode(file: impl BufRead) -> ImageResult<DynamicImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(LONGEST_SIDE);
    limits.max_image_height = Some(LONGEST_SIDE);
    limits.max_alloc = Some(MOST_BYTES);

    let decoder = PngDecoder::with_limits(Forward(file), limits.clone())?;
    let (width, height) = decoder.dimensions();
    watch!("width", width);
    watch!("height", height);

    limits.reserve(decoder.total_bytes())?;
    DynamicImage::from_decoder(decoder)
}
