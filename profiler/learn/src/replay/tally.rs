//! Counts what a rule wastes and how often it fails.

use super::{call::Call, rules::Given};
use crate::statistics::weighted_median;

/// What is within this share of what was needed was given well.
const WELL: f64 = 0.1;

/// What was counted so far.
#[derive(Default)]
pub(super) struct Tally {
    weights: Vec<f64>,
    /// Given at first over needed.
    ratios: Vec<f64>,
    failures: f64,
    /// Bytes times seconds.
    waste: f64,
}

impl Tally {
    /// A call that was given this. `is_first`: not by the rule.
    pub(super) fn add(&mut self, call: &Call, given: Given, is_first: bool, weight: f64) {
        let mut most = given.last();
        if most < call.need {
            if !is_first {
                self.failures += weight;
            }
            self.waste += weight * given.over(call.seconds);
            // A rule that gives nothing at all would never get there by doubling.
            most = (2.0 * most).max(1.0);
            while most < call.need {
                self.waste += weight * most * call.seconds;
                most *= 2.0;
            }
            self.waste += weight * (most - call.need) * call.seconds;
        } else {
            self.waste += weight * (given.over(call.seconds) - call.need * call.seconds);
        }
        self.ratios.push(given.last() / call.need.max(1.0));
        self.weights.push(weight);
    }

    /// Calls counted.
    pub(super) fn calls(&self) -> usize {
        self.weight().round() as usize
    }

    fn weight(&self) -> f64 {
        self.weights.iter().sum()
    }

    /// Bytes times seconds.
    pub(super) fn waste(&self) -> f64 {
        self.waste.max(0.0)
    }

    pub(super) fn failure_rate(&self) -> f64 {
        self.failures / self.weight().max(f64::MIN_POSITIVE)
    }

    pub(super) fn median_ratio(&self) -> f64 {
        weighted_median(&self.ratios, &self.weights).unwrap_or(1.0)
    }

    pub(super) fn within_tenth(&self) -> f64 {
        let ratios = self.ratios.iter().zip(&self.weights);
        let well = ratios.filter(|(ratio, _)| (*ratio - 1.0).abs() <= WELL);
        let well = well.fold(0.0, |sum, (_, weight)| sum + weight);
        well / self.weight().max(f64::MIN_POSITIVE)
    }
}
