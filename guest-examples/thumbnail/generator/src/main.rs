//! Writes the inputs of the thumbnail example into the directory granted as `/`: pictures made from constant seeds, the
//! same bytes everywhere. They are made because together they are too large to be kept.
//!
//! Not real pictures, but like them where it matters here: how large a file is depends on what is in the picture at
//! least as much as on how many pixels it has. The drawing of twelve megapixels is a smaller file than any photograph.

mod scene;

use std::{
    fs::File,
    io::{BufWriter, Write},
};

use image::{
    ExtendedColorType, ImageEncoder, ImageResult,
    codecs::png::{CompressionType, FilterType, PngEncoder},
};

use scene::Scene::{self, Drawing, Gradient, Noise, Photo};

/// Width, height and what is seen. Widths and heights lie evenly on a logarithmic scale from 240 to 4,000 and do not
/// follow each other: they are points of Roberts's sequence R2, by rising number of pixels, and one of a camera's size.
const PICTURES: [(u32, u32, Scene); 36] = [
    (275, 419, Noise),
    (492, 292, Drawing),
    (722, 258, Photo),
    (343, 584, Gradient),
    (612, 406, Noise),
    (291, 920, Drawing),
    (1_093, 283, Drawing),
    (519, 641, Photo),
    (247, 1_451, Gradient),
    (1_606, 250, Noise),
    (763, 566, Noise),
    (362, 1_281, Photo),
    (1_362, 394, Noise),
    (647, 892, Noise),
    (307, 2_020, Drawing),
    (2_432, 274, Photo),
    (1_155, 621, Photo),
    (549, 1_407, Drawing),
    (261, 3_185, Drawing),
    (2_063, 433, Gradient),
    (383, 2_811, Gradient),
    (3_029, 382, Photo),
    (1_439, 865, Gradient),
    (683, 1_958, Gradient),
    (2_569, 602, Drawing),
    (1_220, 1_363, Drawing),
    (580, 3_087, Photo),
    (2_179, 950, Photo),
    (1_035, 2_150, Photo),
    (3_200, 838, Drawing),
    (1_520, 1_897, Drawing),
    (2_714, 1_321, Drawing),
    (1_289, 2_992, Gradient),
    (2_302, 2_084, Drawing),
    (2_868, 2_900, Gradient),
    (4_000, 3_000, Drawing),
];

fn main() -> ImageResult<()> {
    for (seed, (width, height, scene)) in (1..).zip(PICTURES) {
        let path = format!("/{width:04}x{height:04}-{}.png", scene.name());
        let mut file = BufWriter::new(File::create(path)?);
        let pixels = scene::paint(scene, width, height, seed);
        // As most programs do: a filter is chosen for every row, and compression may take some time.
        PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive)
            .write_image(&pixels, width, height, ExtendedColorType::Rgb8)?;
        file.flush()?;
    }
    Ok(())
}
