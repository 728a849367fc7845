//! What 95 % of the calls so far have needed: the percentile predictor of Witt and others, "Feedback-based resource
//! allocation for batch scheduling of scientific workflows" (HPCS 2019).

use super::{Call, Given, Named, Rule};
use crate::statistics::quantile_of_sorted;

pub(super) const RULE: Named = Named {
    name: "p95",
    promises: false,
    make: |_| Box::new(P95 { sorted: Vec::new() }),
};

struct P95 {
    sorted: Vec<f64>,
}

impl Rule for P95 {
    fn size(&self, _: &Call) -> Given {
        Given::all_the_time(quantile_of_sorted(&self.sorted, 0.95).unwrap_or(0.0))
    }

    fn see(&mut self, call: &Call, _: Given) {
        let at = self.sorted.partition_point(|need| *need < call.need);
        self.sorted.insert(at, call.need);
    }
}
