//! Writes the inputs of group-by into the directory granted as `/`: purchases of imaginary users, made from constant
//! seeds, the same bytes everywhere. They are made because together they are too large to be kept.
//!
//! The number of rows and the number of keys are unrelated on purpose: in real tables they are not always, and then
//! nobody could see which of them memory follows.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
};

/// Rows and distinct keys of each text, both close to evenly on a logarithmic scale, and unrelated (correlation of the
/// logarithms: 0.01).
///
/// Where the number of keys is in the last eighth below a power of two, the table is already twice as large as that
/// power. Two texts are there, with 63 and with 30,106 keys. Chance would have put five or six there.
const TEXTS: [(u32, u32); 30] = [
    (102_225, 63),
    (389_194, 81),
    (344_423, 111),
    (19_449, 132),
    (85_986, 186),
    (311_681, 257),
    (50_711, 342),
    (12_254, 397),
    (276_506, 616),
    (171_160, 765),
    (24_758, 872),
    (28_430, 1_173),
    (35_841, 1_591),
    (21_348, 2_177),
    (32_659, 3_163),
    (155_895, 3_574),
    (46_707, 5_404),
    (15_426, 6_451),
    (13_388, 9_149),
    (16_914, 13_614),
    (130_802, 17_969),
    (56_477, 21_936),
    (72_472, 30_106),
    (39_550, 34_224),
    (63_412, 52_161),
    (94_814, 67_955),
    (121_962, 93_076),
    (186_958, 103_584),
    (247_893, 142_893),
    (222_260, 192_685),
];

fn main() -> io::Result<()> {
    for (seed, (rows, keys)) in (1..).zip(TEXTS) {
        write_text(&format!("/keys-{keys:06}.csv"), seed, rows, keys)?;
    }
    Ok(())
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
