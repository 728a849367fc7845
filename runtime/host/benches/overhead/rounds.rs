//! Several sides of a comparison, run in turns: noise of the machine meets all of them.

use rustix::time::{ClockId, clock_gettime};

/// Rounds of each comparison.
const ROUNDS: usize = 25;

/// CPU time of this thread, which other work on the machine disturbs less than the time of day.
pub(crate) fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Runs every side once a round; the least of what each says, in seconds.
pub(crate) fn least<const SIDES: usize>(
    mut sides: [&mut dyn FnMut() -> f64; SIDES],
) -> [f64; SIDES] {
    least_of(ROUNDS, &mut sides)
}

/// The same for so many rounds.
pub(crate) fn least_of<const SIDES: usize>(
    rounds: usize,
    sides: &mut [&mut dyn FnMut() -> f64; SIDES],
) -> [f64; SIDES] {
    let mut least = [f64::INFINITY; SIDES];
    for _ in 0..rounds {
        for (least, side) in least.iter_mut().zip(sides.iter_mut()) {
            *least = least.min(side());
        }
    }
    least
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
