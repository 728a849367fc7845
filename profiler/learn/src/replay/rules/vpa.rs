//! What 90 % of the calls have needed, the newer ones weighted more where times are known, and 15 % more; who runs out of memory counts as having
//! needed 20 % more than it had, or 100 MiB: the recommender of the Kubernetes Vertical Pod Autoscaler (kubernetes/autoscaler,
//! `vertical-pod-autoscaler/pkg/recommender`), for calls where it has daily peaks of containers, and without its floor of
//! 250 MB.

use super::{Call, Given, Named, Rule};

pub(super) const RULE: Named = Named {
    name: "vpa",
    promises: false,
    make: |_| Box::new(Vpa::default()),
};

/// `--target-memory-percentile`.
const PERCENTILE: f64 = 0.9;

/// `--recommendation-margin-fraction`.
const MARGIN: f64 = 0.15;

/// `--memory-histogram-decay-half-life`, milliseconds.
const HALF_LIFE: f64 = 24.0 * 3_600.0 * 1_000.0;

/// `--oom-bump-up-ratio`.
const BUMP: f64 = 1.2;

/// `--oom-min-bump-up-bytes`.
const LEAST_BUMP: f64 = 100.0 * 1024.0 * 1024.0;

/// Of its histogram: the first bucket ends here, bytes, ...
const FIRST_BUCKET: f64 = 1e7;

/// ... and each other one is so many times as wide as the one before.
const WIDER: f64 = 1.05;

/// Weights beyond which all are made smaller, so that they stay numbers.
const HEAVIEST: f64 = 1e30;

#[derive(Default)]
struct Vpa {
    weights: Vec<f64>,
    total: f64,
    /// Time at which a sample has the weight 1.
    since: Option<f64>,
}

impl Vpa {
    fn add(&mut self, need: f64, at: Option<f64>) {
        let at = at.or(self.since).unwrap_or(0.0);
        let since = *self.since.get_or_insert(at);
        let mut weight = ((at - since) / HALF_LIFE).exp2();
        if weight > HEAVIEST {
            self.weights.iter_mut().for_each(|w| *w /= weight);
            self.total /= weight;
            self.since = Some(at);
            weight = 1.0;
        }
        let bucket = bucket(need);
        if self.weights.len() <= bucket {
            self.weights.resize(bucket + 1, 0.0);
        }
        self.weights[bucket] += weight;
        self.total += weight;
    }
}

/// Bucket i ends at `FIRST_BUCKET (WIDER^(i + 1) - 1) / (WIDER - 1)`.
fn bucket(need: f64) -> usize {
    if need < FIRST_BUCKET {
        return 0;
    }
    (need * (WIDER - 1.0) / FIRST_BUCKET + 1.0).log(WIDER) as usize
}

fn end(bucket: usize) -> f64 {
    FIRST_BUCKET * (WIDER.powi(bucket as i32 + 1) - 1.0) / (WIDER - 1.0)
}

impl Rule for Vpa {
    fn size(&self, _: &Call) -> Given {
        let mut below = 0.0;
        let reached = self.weights.iter().position(|weight| {
            below += weight;
            below >= PERCENTILE * self.total
        });
        Given::all_the_time(reached.map_or(0.0, end) * (1.0 + MARGIN))
    }

    fn see(&mut self, call: &Call, given: Given) {
        self.add(call.need, call.began);
        let had = given.last();
        if had < call.need {
            self.add((had + LEAST_BUMP).max(had * BUMP), call.began);
        }
    }
}
