//! What is in the pictures: four scenes, from next to no information per pixel to as much as there can be. They are
//! made of whole numbers only, so that the pixels are the same everywhere.

/// What is seen, in the order of how little a file of it needs.
#[derive(Clone, Copy)]
pub enum Scene {
    /// Flat rectangles, such as a plan or a screenshot.
    Drawing,
    /// Colours that change steadily from corner to corner.
    Gradient,
    /// Blobs of light and shade with a little grain, such as a photograph.
    Photo,
    /// Every channel of every pixel at random.
    Noise,
}

use Scene::{Drawing, Gradient, Noise, Photo};

impl Scene {
    pub fn name(self) -> &'static str {
        match self {
            Drawing => "drawing",
            Gradient => "gradient",
            Photo => "photo",
            Noise => "noise",
        }
    }
}

/// Red, green and blue of each pixel, row by row.
pub fn paint(scene: Scene, width: u32, height: u32, seed: u32) -> Vec<u8> {
    let pixel = |x, y| match scene {
        Drawing => drawing(x * 64 / width, y * 64 / height, seed),
        Gradient => gradient(x * 255 / width, y * 255 / height),
        Photo => photo(x, y, seed),
        Noise => noise(x, y, seed),
    };
    let mut pixels = Vec::with_capacity(3 * width as usize * height as usize);
    for y in 0..height {
        for x in 0..width {
            pixels.extend_from_slice(&pixel(x, y));
        }
    }
    pixels
}

/// Rooms of eight by eight of the 64 by 64 squares that the picture is divided into, with walls.
fn drawing(column: u32, row: u32, seed: u32) -> [u8; 3] {
    let [shade, ..] = noise(column / 8, row / 8, seed);
    let wall = column.is_multiple_of(8) || row.is_multiple_of(8);
    if wall {
        [40, 40, 60]
    } else {
        [255, 240 - shade % 64, 200]
    }
}

fn gradient(right: u32, down: u32) -> [u8; 3] {
    [right, down, (right + down) / 2].map(|channel| channel as u8)
}

/// Light in three sizes of blobs, the largest the brightest, in colours from dusk to noon.
fn photo(x: u32, y: u32, seed: u32) -> [u8; 3] {
    let light =
        (4 * blobs(x, y, 256, seed) + 2 * blobs(x, y, 64, seed) + blobs(x, y, 16, seed)) / 7;
    let [grain, ..] = noise(x, y, seed);
    let light = light * 15 / 16 + u32::from(grain % 24);
    [light, 20 + light * 4 / 5, 60 + light / 2].map(|channel| channel as u8)
}

/// Value noise: 0 to 255 at the corners of squares with this side, and in between by their nearness.
fn blobs(x: u32, y: u32, side: u32, seed: u32) -> u32 {
    let corner = |right, down| {
        let [value, ..] = noise(x / side + right, y / side + down, seed ^ side);
        u32::from(value)
    };
    let (right, down) = (x % side, y % side);
    let above = corner(0, 0) * (side - right) + corner(1, 0) * right;
    let below = corner(0, 1) * (side - right) + corner(1, 1) * right;
    (above * (side - down) + below * down) / (side * side)
}

/// Three bytes that a place decides, by the finaliser of Appleby's MurmurHash3.
fn noise(x: u32, y: u32, seed: u32) -> [u8; 3] {
    let mut mixed = x ^ y.rotate_left(16) ^ seed.wrapping_mul(0x9e37_79b9);
    mixed = (mixed ^ (mixed >> 16)).wrapping_mul(0x85eb_ca6b);
    mixed = (mixed ^ (mixed >> 13)).wrapping_mul(0xc2b2_ae35);
    mixed ^= mixed >> 16;
    let [red, green, blue, _] = mixed.to_le_bytes();
    [red, green, blue]
}
