//! Quantities with their unit in the type. Not a units library: only the two that cross every crate boundary.

use serde::{Deserialize, Serialize};
use std::fmt;

/// One page of WebAssembly linear memory, 64 KiB: the step in which committed memory grows.
pub const PAGE: Bytes = Bytes(64 * 1024);

/// A number of bytes. Shown in IEC units (`21.6 MiB`), stored and written to JSON as a plain integer.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(pub u64);

impl Bytes {
    /// `count` mebibytes (2^20 bytes).
    pub const fn mib(count: u64) -> Bytes {
        Bytes(count * 1024 * 1024)
    }

    /// The same amount as a floating-point number of bytes, for arithmetic in models.
    pub fn as_f64(self) -> f64 {
        self.0 as f64
    }

    /// The nearest whole number of bytes; negative and non-finite amounts become zero.
    pub fn from_f64(bytes: f64) -> Bytes {
        // The cast saturates: infinity is the largest u64, NaN is zero.
        Bytes(bytes.round().max(0.0) as u64)
    }

    /// Rounded up to whole 64 KiB pages, the only sizes a linear memory can have.
    pub fn round_up_to_pages(self) -> Bytes {
        Bytes(self.0.div_ceil(PAGE.0).saturating_mul(PAGE.0))
    }

    /// The difference, or zero where `other` is larger.
    pub fn saturating_sub(self, other: Bytes) -> Bytes {
        Bytes(self.0.saturating_sub(other.0))
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return f.pad(&format!("{} B", self.0));
        }
        let mut amount = self.0 as f64 / 1024.0;
        let mut unit = 0;
        // 1023.95 and above would print as "1024.0": move to the next unit before that.
        while amount >= 1023.95 && unit + 1 < UNITS.len() {
            amount /= 1024.0;
            unit += 1;
        }
        f.pad(&format!("{amount:.1} {}", UNITS[unit]))
    }
}

/// Nanoseconds; where it is a moment, since the call began.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Nanos(pub u64);

impl Nanos {
    /// The same length of time in seconds.
    pub fn as_seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }
}

impl From<std::time::Duration> for Nanos {
    fn from(duration: std::time::Duration) -> Nanos {
        Nanos(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.0 {
            0..1_000 => format!("{} ns", self.0),
            1_000..1_000_000 => format!("{:.1} us", self.0 as f64 / 1e3),
            1_000_000..1_000_000_000 => format!("{:.1} ms", self.0 as f64 / 1e6),
            _ => format!("{:.2} s", self.as_seconds()),
        };
        f.pad(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_shown_in_iec_units_without_ever_printing_1024() {
        for (bytes, expected) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1024 * 1024 - 1, "1.0 MiB"),
            (22_649_242, "21.6 MiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), expected);
        }
    }
}
