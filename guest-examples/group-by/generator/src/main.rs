//! Writes the inputs of group-by into the directory granted as `/`: purchases of imaginary users, made from constant
//! seeds, the same bytes everywhere. They are made because together they are too large to be kept.
//!
//! The number of rows and the number of keys are unrelated on purpose: in real tables they are not always, and then
//! nobody could see which of them memory follows.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

/// Rows of each text, close to evenly on a logarithmic scale, and unrelated to its keys: the correlation of the logarithms
/// is -0.01.
const ROWS: [u32; 30] = [
    102_225, 389_194, 344_423, 19_449, 85_986, 311_681, 50_711, 12_254, 276_506, 171_160, 24_758,
    28_430, 35_841, 21_348, 32_659, 155_895, 46_707, 15_426, 13_388, 16_914, 130_802, 56_477,
    72_472, 39_550, 63_412, 94_814, 121_962, 186_958, 247_893, 222_260,
];

/// About the fewest and the most distinct keys.
const KEYS: [f64; 2] = [60.0, 200_000.0];

fn main() -> io::Result<()> {
    let mut random = Random(0);
    for (i, rows) in (0..).zip(ROWS) {
        let keys = number_of_keys(i, &mut random);
        let seed = u64::from(i) + 1;
        write_text(&format!("/keys-{keys:06}.csv"), seed, rows, keys)?;
    }
    Ok(())
}

/// Of text `i`: the logarithm is somewhere in the `i`th of as many equal parts as there are texts, as chance has it.
fn number_of_keys(i: u32, random: &mut Random) -> u32 {
    const PARTS: u32 = 1 << 20;
    let [fewest, most] = KEYS;
    let within = f64::from(random.below(PARTS)) / f64::from(PARTS);
    let share = (f64::from(i) + within) / ROWS.len() as f64;
    (fewest * (most / fewest).powf(share)).round() as u32
}

/// New keys come at random places from the first row to the last, so that the table grows until the end. Exactly `keys`
/// of `rows` rows have a new one: Knuth, "The Art of Computer Programming", volume 2, 3.4.2, algorithm S.
fn write_text(path: &str, seed: u64, rows: u32, keys: u32) -> io::Result<()> {
    let mut random = Random(seed);
    let mut out = BufWriter::with_capacity(1 << 16, File::create(path)?);
    writeln!(out, "key,value")?;
    let mut seen = 0;
    for rows_left in (1..=rows).rev() {
        let number = if seen == 0 || random.below(rows_left) < keys - seen {
            seen += 1;
            seen - 1
        } else {
            random.below(seen)
        };
        writeln!(out, "user-{:07},{}", name(number), cents(&mut random))?;
    }
    out.flush()
}

/// Seven digits, another for every number below ten million, and in no order.
fn name(number: u32) -> u64 {
    u64::from(number) * 6_180_339 % 10_000_000
}

/// A purchase; of twenty, one is given back.
fn cents(random: &mut Random) -> i32 {
    let cents = 1 + random.below(9_999) as i32;
    if random.below(20) == 0 { -cents } else { cents }
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        // The upper half times `end`, upper half again: even enough, and without division.
        (((mixed >> 32) * u64::from(end)) >> 32) as u32
    }
}
