//! What 95 % of the calls so far have needed: the percentile predictor of Witt and others, "Feedback-based resource
//! allocation for batch scheduling of scientific workflows" (HPCS 2019).

use super::{Call, Given, Named, Rule};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

pub(super) const RULE: Named = Named {
    name: "p95",
    promises: false,
    make: |_| Box::new(P95::default()),
};

const SHARE: f64 = 0.95;

/// Needs as bits: those of floats that are not negative are in the order of the floats.
#[derive(Default)]
struct P95 {
    /// The smaller ones, so many that the largest of them is the percentile by nearest rank.
    below: BinaryHeap<u64>,
    above: BinaryHeap<Reverse<u64>>,
}

impl Rule for P95 {
    fn size(&self, _: &Call) -> Given {
        let percentile = self.below.peek().copied().map_or(0.0, f64::from_bits);
        Given::all_the_time(percentile)
    }

    fn see(&mut self, call: &Call, _: Given) {
        self.above.push(Reverse(call.need.max(0.0).to_bits()));
        let all = self.below.len() + self.above.len();
        let rank = (SHARE * all as f64 - 1e-9).ceil() as usize;
        // One crosses, and one back where it was larger than some that stay.
        if self.below.len() < rank
            && let Some(Reverse(smallest)) = self.above.pop()
        {
            self.below.push(smallest);
        }
        while let (Some(below), Some(Reverse(above))) = (self.below.peek(), self.above.peek()) {
            if below <= above {
                break;
            }
            if let (Some(below), Some(Reverse(above))) = (self.below.pop(), self.above.pop()) {
                self.below.push(above);
                self.above.push(Reverse(below));
            }
        }
    }
}
