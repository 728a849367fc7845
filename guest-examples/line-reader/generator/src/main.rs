//! Writes the inputs of the line reader into the directory granted as `/`: log lines of an imaginary shop, made from
//! constant seeds, the same bytes everywhere. They are made because together they are too large to be kept.
//!
//! Not real logs, but like them where it matters here: lines differ in length, and some texts are wordier than others,
//! so that the number of bytes and the number of lines tell almost, not exactly, the same.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
};

/// Lines of each text given as standard input: three decades in ratios of about 1.8, so that each catches a list that
/// doubles its capacity at another fullness, and large texts are not systematically emptier than small ones.
const TEXTS: [u32; 13] = [
    1_013, 1_801, 3_001, 5_501, 10_007, 15_683, 29_989, 55_001, 101_009, 170_003, 320_009, 480_013,
    1_260_011,
];

/// Lines of each file of the directory `twelve`: up and down, twice.
const TWELVE: [u32; 12] = [
    2_011, 4_597, 8_689, 16_661, 10_883, 5_557, 2_767, 7_121, 19_463, 13_163, 4_073, 1_049,
];

fn main() -> io::Result<()> {
    for (seed, lines) in (161..).zip(TEXTS) {
        write_text(&format!("/lines-{lines:07}.txt"), seed, lines)?;
    }
    fs::create_dir_all("/twelve")?;
    for (number, lines) in (1..).zip(TWELVE) {
        write_text(&format!("/twelve/{number:02}.dat"), 100 + number, lines)?;
    }
    Ok(())
}

fn write_text(path: &str, seed: u64, lines: u32) -> io::Result<()> {
    let mut random = Random(seed);
    let mut out = BufWriter::with_capacity(1 << 16, File::create(path)?);
    // Of twenty lines, how many have details: the wordiness of the whole text.
    let wordiness = 1 + random.below(5);
    let mut line = Vec::new();
    for _ in 0..lines {
        line.clear();
        write_line(&mut line, &mut random, wordiness);
        out.write_all(&line)?;
    }
    out.flush()
}

const EVENTS: [&str; 8] = [
    "get /",
    "put /",
    "sold ",
    "login ",
    "retry ",
    "paid ",
    "timeout ",
    "slow query ",
];
const DETAILS: [&str; 6] = [
    " new customer",
    " by voucher",
    ": the warehouse does not answer, trying the next one",
    " cached",
    " sent twice",
    ": card refused by the bank",
];

/// Such as `17 14:03:59 paid 48213 by voucher`. The number of the machine comes first, so that finding the line in the
/// middle is some work.
fn write_line(line: &mut Vec<u8>, random: &mut Random, wordiness: u32) {
    two_digits(line, random.below(40));
    for (before, end) in [(b' ', 24), (b':', 60), (b':', 60)] {
        line.push(before);
        two_digits(line, random.below(end));
    }
    line.push(b' ');
    line.extend(random.pick(&EVENTS).as_bytes());
    // As many short numbers as long ones.
    let digits = 1 + random.below(5);
    for _ in 0..digits {
        line.push(b'0' + random.below(10) as u8);
    }
    if random.below(20) < wordiness {
        line.extend(random.pick(&DETAILS).as_bytes());
    }
    line.push(b'\n');
}

fn two_digits(line: &mut Vec<u8>, number: u32) {
    line.extend([b'0' + (number / 10) as u8, b'0' + (number % 10) as u8]);
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

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len() as u32) as usize]
    }
}
