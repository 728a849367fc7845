//! Several sides of a comparison, run in turns: noise of the machine meets all of them.

use rustix::time::{ClockId, clock_gettime};

/// Rounds of each comparison.
const ROUNDS: usize = 25;

/// CPU time of this thread, which other work on the machine disturbs less than the time of day.
pub(crate) fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Runs every side once a round and says what each takes, in seconds: of the first the least, of the others that times the
/// middle of their ratios to the first in the same round. Noise comes in bursts that meet neighbours alike.
pub(crate) fn paired<const SIDES: usize>(
    mut sides: [&mut dyn FnMut() -> f64; SIDES],
) -> [f64; SIDES] {
    paired_in(ROUNDS, &mut sides)
}

/// The same in so many rounds.
pub(crate) fn paired_in<const SIDES: usize>(
    rounds: usize,
    sides: &mut [&mut dyn FnMut() -> f64; SIDES],
) -> [f64; SIDES] {
    let one = |round: usize| {
        let mut seconds = [0.0; SIDES];
        // Now forwards, now backwards: who comes second finds the caches of who came first.
        let forwards = 0..SIDES;
        let order: Vec<usize> = match round % 2 {
            0 => forwards.collect(),
            _ => forwards.rev().collect(),
        };
        for side in order {
            seconds[side] = sides[side]();
        }
        seconds
    };
    let rounds: Vec<[f64; SIDES]> = (0..rounds).map(one).collect();
    let least = rounds.iter().map(|r| r[0]).fold(f64::INFINITY, f64::min);
    std::array::from_fn(|side| {
        let mut ratios: Vec<f64> = rounds.iter().map(|r| r[side] / r[0]).collect();
        ratios.sort_by(f64::total_cmp);
        least * ratios[ratios.len() / 2]
    })
}

/// Prints a line: what was done, how long it takes as it is, how much longer observed, and more to say.
pub(crate) fn row(what: &str, plain: f64, observed: f64, more: &str) {
    println!(
        "  {what:<66} {:>9.2} ms  {:>6.3}x  {more}",
        plain * 1e3,
        observed / plain
    );
}

/// The line of something that cannot be measured here.
pub(crate) fn skipped(what: &str, why: &str) {
    println!("  {what:<66} skipped: {why}");
}
