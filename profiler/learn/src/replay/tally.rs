//! Counts what a rule wastes and how often it fails.

use super::{call::Call, rules::Given};
use crate::statistics::weighted_median;

/// What is within this share of what was needed was given well.
const WELL: f64 = 0.1;

/// What was counted so far.
#[derive(Default)]
pub(super) struct Tally {
    calls: f64,
    weights: Vec<f64>,
    /// Given over needed, of calls that needed anything.
    ratios: Vec<f64>,
    /// Calls that were given something by the rule, and those of them that failed.
    sized: f64,
    failures: f64,
    /// Bytes times seconds.
    waste: f64,
}

impl Tally {
    /// A call that was given this. `is_first`: not by the rule.
    pub(super) fn add(&mut self, call: &Call, given: Given, is_first: bool, weight: f64) {
        if !is_first {
            self.sized += weight;
        }
        if given.is_enough_for(call) {
            self.waste += weight * given.beyond(call.need, call.seconds);
        } else {
            if !is_first {
                self.failures += weight;
            }
            self.waste += weight * given.beyond(0.0, call.seconds);
            // A rule that gives nothing at all would never get there by doubling.
            let mut most = (2.0 * given.most()).max(1.0);
            while most < call.need {
                self.waste += weight * most * call.seconds;
                most *= 2.0;
            }
            self.waste += weight * (most - call.need) * call.seconds;
        }
        self.calls += weight;
        // Nothing is so many times nothing.
        if call.need > 0.0 {
            self.ratios.push(given.last() / call.need);
            self.weights.push(weight);
        }
    }

    /// Calls that were given something by the rule, and how many of them failed, rounded to whole ones.
    pub(super) fn sized(&self) -> (usize, usize) {
        (self.sized.round() as usize, self.failures.round() as usize)
    }

    /// Calls counted.
    pub(super) fn calls(&self) -> usize {
        self.calls.round() as usize
    }

    /// Bytes times seconds.
    pub(super) fn waste(&self) -> f64 {
        self.waste
    }

    pub(super) fn failure_rate(&self) -> f64 {
        self.failures / self.calls.max(f64::MIN_POSITIVE)
    }

    pub(super) fn median_ratio(&self) -> f64 {
        weighted_median(&self.ratios, &self.weights).unwrap_or(1.0)
    }

    pub(super) fn within_tenth(&self) -> f64 {
        let ratios = self.ratios.iter().zip(&self.weights);
        let well = ratios.filter(|(ratio, _)| (*ratio - 1.0).abs() <= WELL);
        let well = well.fold(0.0, |sum, (_, weight)| sum + weight);
        well / self.calls.max(f64::MIN_POSITIVE)
    }
}
