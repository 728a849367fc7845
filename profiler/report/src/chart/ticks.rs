//! Where ticks stand and what they say: round in the unit shown, which for bytes is not a power of ten.

use super::clock;
use crate::show::{number, round_size};
use trace::Bytes;

/// What the numbers on an axis are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Bytes,
    Count,
    Seconds,
    Usd,
    Megabytes,
    /// Of 1.
    Share,
    /// Wall-clock time, seconds since 1970 UTC; its scale is the length of the axis.
    Clock,
}

impl Unit {
    /// A value as a tick says it; times and counts in the unit that suits `scale`.
    pub(super) fn label(self, value: f64, scale: f64) -> String {
        match self {
            Unit::Bytes => round_size(Bytes::from_f64(value)),
            Unit::Count => counted(value, scale),
            Unit::Seconds => time(value, scale),
            Unit::Usd => money(value),
            Unit::Clock => clock::label(value, scale),
            Unit::Share => format!("{} %", number((value * 1e5).round() / 1e3)),
            Unit::Megabytes if value >= 1024.0 && value % 1024.0 == 0.0 => {
                format!("{} GB", number(value / 1024.0))
            }
            Unit::Megabytes => format!("{} MB", number(value)),
        }
    }
}

/// Millions and more in short, or the labels would not fit beside a panel.
fn counted(value: f64, scale: f64) -> String {
    let (factor, unit) = match scale.abs() {
        s if s < 1e6 => return number(value),
        s if s < 1e9 => (1e6, "M"),
        s if s < 1e12 => (1e9, "G"),
        _ => return format!("{value:e}"),
    };
    if value == 0.0 {
        return "0".to_owned();
    }
    format!("{} {unit}", number(value / factor))
}

fn time(value: f64, scale: f64) -> String {
    let (factor, unit) = match scale {
        s if s < 1e-3 => (1e6, "us"),
        s if s < 1.0 => (1e3, "ms"),
        _ => (1.0, "s"),
    };
    // Rounded to where a tick can be: 0.30000000000000004 is 0.3.
    let shown = (value * factor * 1e6).round() / 1e6;
    format!("{} {unit}", number(shown))
}

fn money(value: f64) -> String {
    let text = match value {
        v if v != 0.0 && v < 0.01 => format!("{v}"),
        v if v < 1.0 && v != 0.0 => format!("{v:.2}"),
        v => number(v),
    };
    format!("${text}")
}

/// At most seven round values: multiples of 1, 2 or 5 times a power of ten, of KiB, MiB ... where they are bytes.
pub(super) fn linear_ticks(unit: Unit, low: f64, high: f64) -> Vec<f64> {
    let span = high - low;
    if !span.is_finite() || span <= 0.0 {
        return Vec::new();
    }
    if unit == Unit::Clock {
        return multiples(clock::step(span), low, high);
    }
    if unit == Unit::Bytes && high >= 1024.0 && span < 6.0 * 1024f64.powf(high.log(1024.0).floor())
    {
        // Parts of a MiB are round as powers of two of KiB: 512 KiB, not 0.2 MiB.
        return multiples((span / 6.0).log2().ceil().exp2(), low, high);
    }
    let base = match unit {
        Unit::Bytes if high >= 1024.0 => 1024f64.powf(high.log(1024.0).floor()),
        _ => 1.0,
    };
    let raw = span / base / 6.0;
    let power = 10f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|m| m * power)
        .find(|s| *s >= raw)
        .unwrap_or(10.0 * power);
    let whole_only = matches!(unit, Unit::Count | Unit::Megabytes) && span >= 2.0;
    let step = base * if whole_only { step.max(1.0) } else { step };
    multiples(step, low, high)
}

fn multiples(step: f64, low: f64, high: f64) -> Vec<f64> {
    let first = (low / step).ceil() as i64;
    let last = (high / step).floor() as i64;
    (first..=last).map(|i| i as f64 * step).collect()
}

/// Powers of ten, between them 2 and 5 where there are few.
fn decimal_ticks(low: f64, high: f64) -> Vec<f64> {
    if (high / low).log10() > 3.2 {
        return powers(10.0, low, high);
    }
    let (from, to) = (low.log10().floor() as i32, high.log10().ceil() as i32);
    let few = (high / low).log10() < 2.0;
    let multiples: &[f64] = if few { &[1.0, 2.0, 5.0] } else { &[1.0, 3.0] };
    (from..=to)
        .flat_map(|p| multiples.iter().map(move |m| m * 10f64.powi(p)))
        .filter(|t| (low..=high).contains(t))
        .collect()
}

/// Powers of a base between two values, every second, third and so on where there are more than seven.
fn powers(base: f64, low: f64, high: f64) -> Vec<f64> {
    let from = low.log(base).ceil() as i32;
    let to = high.log(base).floor() as i32;
    let step = ((to - from + 1).max(1) as usize).div_ceil(7);
    (from..=to).step_by(step).map(|p| base.powi(p)).collect()
}

/// Powers of two for sizes, of ten for the rest.
pub(super) fn logarithmic_ticks(unit: Unit, low: f64, high: f64) -> Vec<f64> {
    match unit {
        Unit::Bytes | Unit::Megabytes => powers(2.0, low, high),
        Unit::Count | Unit::Seconds | Unit::Usd | Unit::Share | Unit::Clock => {
            decimal_ticks(low, high)
        }
    }
}
