//! Wall-clock time on an axis, in UTC: ticks at full seconds, minutes, hours and days, and what they say. Time since a
//! call began is not here: that is a quantity like others.

use crate::show::civil;

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;

/// Distances of ticks, seconds: each divides the next larger unit of the clock.
const STEPS: [f64; 34] = [
    0.001,
    0.002,
    0.005,
    0.01,
    0.02,
    0.05,
    0.1,
    0.2,
    0.5,
    1.0,
    2.0,
    5.0,
    10.0,
    15.0,
    30.0,
    MINUTE,
    2.0 * MINUTE,
    5.0 * MINUTE,
    10.0 * MINUTE,
    15.0 * MINUTE,
    30.0 * MINUTE,
    HOUR,
    2.0 * HOUR,
    3.0 * HOUR,
    6.0 * HOUR,
    12.0 * HOUR,
    DAY,
    2.0 * DAY,
    7.0 * DAY,
    14.0 * DAY,
    30.0 * DAY,
    90.0 * DAY,
    180.0 * DAY,
    360.0 * DAY,
];

/// Ticks that are wanted at most.
const TICKS: f64 = 8.0;

/// How far apart ticks stand on an axis that is so long, seconds.
pub(super) fn step(span: f64) -> f64 {
    let least = span / TICKS;
    let step = STEPS.into_iter().find(|step| *step >= least);
    step.unwrap_or(least)
}

/// A moment, in seconds since 1970, as a tick of an axis of the given length says it: the time, or the day where the
/// day begins.
pub(super) fn label(at: f64, span: f64) -> String {
    let step = step(span);
    // Whole milliseconds, of which an f64 holds all that are meant.
    let millis = (at.max(0.0) * 1e3).round() as u64;
    let (seconds, part) = (millis / 1000, millis % 1000);
    if step >= DAY || (step >= HOUR && seconds.is_multiple_of(DAY as u64)) {
        return day(seconds);
    }
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    if step >= MINUTE {
        format!("{hour:02}:{minute:02}")
    } else if step >= 1.0 {
        format!("{hour:02}:{minute:02}:{second:02}")
    } else {
        format!("{hour:02}:{minute:02}:{second:02}.{part:03}")
    }
}

/// `2026-11-20`.
pub(super) fn day(unix_seconds: u64) -> String {
    let (year, month, day) = civil(unix_seconds / DAY as u64);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-20 15:04:05.678`.
pub(super) fn moment(unix_ms: u64) -> String {
    let seconds = unix_ms / 1000;
    format!("{} {}", day(seconds), label(unix_ms as f64 / 1e3, 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-20 16:02:00 UTC.
    const THEN: f64 = 1_795_190_520.0;

    #[test]
    fn a_tick_says_as_much_of_the_time_as_its_axis_tells_apart() {
        for (span, expected) in [
            (0.004, "16:02:00.000"),
            (3.0, "16:02:00.000"),
            (20.0, "16:02:00"),
            (3.0 * HOUR, "16:02"),
            (30.0 * DAY, "2026-11-20"),
            (1e12, "2026-11-20"),
        ] {
            assert_eq!(label(THEN, span), expected, "{span}");
        }
        let midnight = (THEN / DAY).floor() * DAY;
        assert_eq!(label(midnight, 2.0 * DAY), "2026-11-20");
        assert_eq!(label(midnight, 3.0 * HOUR), "00:00");
        assert_eq!(moment(THEN as u64 * 1000 + 7), "2026-11-20 16:02:00.007");
    }
}
