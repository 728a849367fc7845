//! Draws a size, makes so many random numbers, finds their median.
//!
//! The event gives a seed and nothing else, so that nobody can tell from it how much memory the call will take. Inside,
//! the size is known before the first number is made: `size` is shown at once, and memory and time follow from it.

use std::{
    error::Error,
    io::{self, Write},
    iter::repeat_with,
    process::ExitCode,
};

use fathom_watch::watch;
use serde::Deserialize;

/// The event.
#[derive(Deserialize)]
struct Event {
    seed: u64,
}

fn main() -> ExitCode {
    match answer() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("random-size: {error}");
            ExitCode::FAILURE
        }
    }
}

fn answer() -> Result<(), Box<dyn Error>> {
    let Event { seed } = serde_json::from_reader(io::stdin().lock())?;
    let mut random = Random(seed);
    let size = draw_size(&mut random);
    watch!("size", size);
    let numbers = repeat_with(|| random.draw()).take(size).collect();
    let median = median(numbers);
    Ok(writeln!(
        io::stdout(),
        "{size} numbers, their median is {median}"
    )?)
}

/// From 1,024 to 8,388,607, close to evenly on a logarithmic scale: one of 13 octaves, and any number in it. In
/// integers, for logarithms need not be rounded alike everywhere.
fn draw_size(random: &mut Random) -> usize {
    let octave = 1024 << random.below(13);
    octave + random.below(octave as u64) as usize
}

/// The upper one where two are in the middle. The numbers, 8 bytes each and all that is in memory, are let go of here.
fn median(mut numbers: Vec<u64>) -> u64 {
    let middle = numbers.len() / 2;
    *numbers.select_nth_unstable(middle).1
}

/// Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014): SplitMix64.
struct Random(u64);

impl Random {
    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// The upper half of the product: even enough, and without division.
    fn below(&mut self, end: u64) -> u64 {
        ((u128::from(self.draw()) * u128::from(end)) >> 64) as u64
    }
}
