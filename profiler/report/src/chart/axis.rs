//! Axes: range and scale from the values to be shown. Linear and logarithmic ones are of one type, which
//! plotters' own are not. Where ticks are is in `ticks`.

use super::canvas::width_of;
use super::ticks::{Unit, linear_ticks, logarithmic_ticks};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// From this ratio of largest to smallest on, an axis is logarithmic.
const DECADES: f64 = 30.0;

/// No quantity shown is larger than this, or its inverse smaller: beyond it only mistakes are.
const WILD: f64 = 1e30;

/// The same beside an axis that is logarithmic: a straight line shall not become a cliff.
const BESIDE_LOGARITHMIC: f64 = 4.0;

/// What is left on either side of a moment on a clock at least, seconds.
const SHORTEST: f64 = 0.005;

/// Pixels that a tick label beside a panel takes of its height.
const ROW: i32 = 36;

/// One axis of a panel.
#[derive(Clone, Debug)]
pub(super) struct Axis {
    unit: Unit,
    log: bool,
    low: f64,
    high: f64,
    ticks: Vec<f64>,
}

impl Axis {
    /// From zero to a little above the largest value: wherever lengths or areas are compared.
    pub(super) fn from_zero(unit: Unit, values: impl IntoIterator<Item = f64>) -> Axis {
        let high = positive(values).fold(0.0, f64::max).min(WILD);
        let high = if high > 0.0 { high } else { 1.0 };
        Axis::linear(unit, 0.0, high * 1.06)
    }

    /// From zero to exactly the given end.
    pub(super) fn until(unit: Unit, high: f64) -> Axis {
        Axis::linear(unit, 0.0, if high > 0.0 { high } else { 1.0 })
    }

    /// Around the values with `room` (a share of the range) at both ends; logarithmic where they span decades.
    pub(super) fn around(
        unit: Unit,
        values: impl IntoIterator<Item = f64>,
        room: (f64, f64),
    ) -> Axis {
        let values: Vec<f64> = values.into_iter().collect();
        Axis::logarithmic_from(DECADES, unit, &values, room)
    }

    /// For amounts, beside another axis: logarithmic sooner where that one is, else from zero so that lengths compare.
    pub(super) fn beside(other: &Axis, unit: Unit, values: impl IntoIterator<Item = f64>) -> Axis {
        let values: Vec<f64> = values.into_iter().collect();
        let ratio = if other.log {
            BESIDE_LOGARITHMIC
        } else {
            DECADES
        };
        let axis = Axis::logarithmic_from(ratio, unit, &values, (0.08, 0.08));
        if axis.log {
            axis
        } else {
            Axis::from_zero(unit, values)
        }
    }

    /// Wall-clock time around moments, in seconds since 1970 UTC.
    pub(super) fn clock(moments: impl IntoIterator<Item = f64>) -> Axis {
        let known: Vec<f64> = moments.into_iter().filter(|at| at.is_finite()).collect();
        let low = known
            .iter()
            .copied()
            .fold(f64::INFINITY, f64::min)
            .min(WILD);
        let high = known.iter().copied().fold(low, f64::max).min(WILD);
        let room = ((high - low) * 0.03).max(SHORTEST);
        Axis::linear(Unit::Clock, low - room, high + room)
    }

    /// From half before the first of so many things to half after the last, for their order.
    pub(super) fn order(count: usize) -> Axis {
        Axis::linear(Unit::Count, 0.5, count.max(1) as f64 + 0.5).without_ticks()
    }

    /// For amounts that stand as points: logarithmic where they span decades, else from zero so that they compare.
    pub(super) fn amounts(unit: Unit, values: impl IntoIterator<Item = f64>) -> Axis {
        let values: Vec<f64> = values.into_iter().collect();
        let axis = Axis::around(unit, values.iter().copied(), (0.08, 0.08));
        if axis.log {
            axis
        } else {
            Axis::from_zero(unit, values)
        }
    }

    fn logarithmic_from(ratio: f64, unit: Unit, values: &[f64], room: (f64, f64)) -> Axis {
        let values = || {
            values
                .iter()
                .copied()
                .filter(|v| v.is_finite())
                .map(|v| v.clamp(-WILD, WILD))
        };
        let low = values().fold(f64::INFINITY, f64::min);
        let high = values().fold(f64::NEG_INFINITY, f64::max);
        if low > high {
            return Axis::linear(unit, 0.0, 1.0);
        }
        if low > WILD.recip() && high / low >= ratio {
            let span = (high / low).log10();
            let (low, high) = (low.log10() - room.0 * span, high.log10() + room.1 * span);
            return Axis::logarithmic(unit, 10f64.powf(low), 10f64.powf(high));
        }
        let span = if high > low {
            high - low
        } else {
            high.abs().max(1.0)
        };
        let below = low - room.0 * span;
        let low = if low >= 0.0 { below.max(0.0) } else { below };
        Axis::linear(unit, low, high + room.1 * span)
    }

    fn linear(unit: Unit, low: f64, high: f64) -> Axis {
        let ticks = linear_ticks(unit, low, high);
        Axis {
            unit,
            log: false,
            low,
            high,
            ticks,
        }
    }

    fn logarithmic(unit: Unit, low: f64, high: f64) -> Axis {
        let ticks = logarithmic_ticks(unit, low, high);
        Axis {
            unit,
            log: true,
            low,
            high,
            ticks,
        }
    }

    /// The same axis without numbers: for an order, where they would say nothing.
    pub(super) fn without_ticks(&self) -> Axis {
        Axis {
            ticks: Vec::new(),
            ..self.clone()
        }
    }

    /// The same axis without numbers above a value: for room in which something is written.
    pub(super) fn without_ticks_above(&self, value: f64) -> Axis {
        let ticks = self.ticks.iter().copied().filter(|tick| *tick <= value);
        Axis {
            ticks: ticks.collect(),
            ..self.clone()
        }
    }

    /// The same axis with so few ticks that their labels fit side by side on so many pixels.
    pub(super) fn readable(&self, pixels: i32) -> Axis {
        let widths = self.ticks.iter().map(|t| width_of(&self.label(*t)) + 24);
        self.spaced(pixels, widths.max().unwrap_or(1))
    }

    /// The same axis with so few ticks that their labels fit above each other on so many pixels.
    pub(super) fn stacked(&self, pixels: i32) -> Axis {
        self.spaced(pixels, ROW)
    }

    fn spaced(&self, pixels: i32, each: i32) -> Axis {
        let fit = (pixels / each.max(1)).max(1) as usize;
        let every = self.ticks.len().div_ceil(fit).max(1);
        Axis {
            ticks: self.ticks.iter().copied().step_by(every).collect(),
            ..self.clone()
        }
    }

    /// On a linear axis all ticks are in one unit, that of the largest; on a logarithmic one each is in its own.
    fn label(&self, value: f64) -> String {
        let scale = match (self.unit, self.log) {
            (Unit::Clock, _) => self.high - self.low,
            (_, true) => value,
            (_, false) => self.high,
        };
        self.unit.label(value, scale)
    }

    /// Where a value stands between the ends: 0 at the lower, 1 at the higher.
    fn share(&self, value: f64) -> f64 {
        if self.log {
            // What is not positive has no place on a logarithmic axis: it is shown at its lower end.
            (value.max(self.low) / self.low).ln() / (self.high / self.low).ln()
        } else {
            (value - self.low) / (self.high - self.low)
        }
    }

    /// Smallest and largest value shown.
    pub(super) fn ends(&self) -> (f64, f64) {
        (self.low, self.high)
    }

    /// Whether a value can be shown.
    pub(super) fn holds(&self, value: f64) -> bool {
        value >= self.low && value <= self.high
    }

    /// `count` values from end to end, evenly spaced as seen.
    pub(super) fn spread(&self, count: usize) -> impl Iterator<Item = f64> {
        let (low, high, log) = (self.low, self.high, self.log);
        (0..count).map(move |i| {
            let share = i as f64 / (count - 1) as f64;
            match log {
                true => low * (high / low).powf(share),
                false => low + (high - low) * share,
            }
        })
    }
}

impl Ranged for Axis {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (from, to): (i32, i32)) -> i32 {
        // Far outside is outside: the pixels stay within what an i32 holds. The cast makes NaN 0.
        let share = self.share(*value).clamp(-10.0, 10.0);
        from + (share * f64::from(to - from)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, hint: Hint) -> Vec<f64> {
        // All ticks are bold: there are few enough.
        match hint.weight().allow_light_points() {
            true => Vec::new(),
            false => self.ticks.clone(),
        }
    }

    fn range(&self) -> Range<f64> {
        self.low..self.high
    }
}

impl ValueFormatter<f64> for Axis {
    fn format_ext(&self, value: &f64) -> String {
        self.label(*value)
    }
}

fn positive(values: impl IntoIterator<Item = f64>) -> impl Iterator<Item = f64> {
    values.into_iter().filter(|v| v.is_finite() && *v > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(axis: &Axis) -> Vec<String> {
        axis.ticks.iter().map(|t| axis.label(*t)).collect()
    }

    #[test]
    fn ticks_are_round_in_the_unit_of_the_axis() {
        let mib = |m: f64| m * 1_048_576.0;
        let axis = Axis::from_zero(Unit::Bytes, [mib(24.9)]);
        assert_eq!(
            labels(&axis),
            ["0 B", "5 MiB", "10 MiB", "15 MiB", "20 MiB", "25 MiB"]
        );
        let axis = Axis::from_zero(Unit::Bytes, [mib(1.1)]);
        assert_eq!(
            labels(&axis),
            ["0 B", "256 KiB", "512 KiB", "768 KiB", "1 MiB"]
        );
        let axis = Axis::around(Unit::Bytes, [mib(1.0), mib(64.0)], (0.0, 0.0));
        assert_eq!(
            labels(&axis),
            [
                "1 MiB", "2 MiB", "4 MiB", "8 MiB", "16 MiB", "32 MiB", "64 MiB"
            ]
        );
        let axis = Axis::around(Unit::Count, [1000.0, 250_000.0], (0.0, 0.0));
        assert_eq!(
            labels(&axis),
            ["1,000", "3,000", "10,000", "30,000", "100,000"]
        );
        let axis = Axis::from_zero(Unit::Count, [1_260_011.0]);
        assert_eq!(labels(&axis), ["0", "0.5 M", "1 M"]);
        let axis = Axis::until(Unit::Seconds, 0.01);
        assert_eq!(
            labels(&axis),
            ["0 ms", "2 ms", "4 ms", "6 ms", "8 ms", "10 ms"]
        );
    }

    #[test]
    fn no_values_one_value_and_wild_values_still_make_an_axis() {
        for values in [
            vec![],
            vec![0.0],
            vec![7.0],
            vec![f64::NAN, f64::INFINITY],
            vec![-5.0, 5.0],
            vec![1e-300, 1e300],
        ] {
            for axis in [
                Axis::from_zero(Unit::Bytes, values.clone()),
                Axis::around(Unit::Count, values.clone(), (0.1, 0.1)),
            ] {
                let (low, high) = axis.ends();
                assert!(low < high, "{values:?}");
                assert!(axis.ticks.len() <= 9, "{values:?}: {:?}", axis.ticks);
            }
        }
    }
}
