//! The largest need seen and 15 % more: the `simple` strategy of KRR (robusta-dev/krr, `memory_buffer_percentage`), without
//! its floor of 100 MB, which is above what most functions need.

use super::{Call, Given, Named, Rule};

pub(super) const RULE: Named = Named {
    name: "max15",
    promises: false,
    make: |_| Box::new(Max15 { largest: 0.0 }),
};

struct Max15 {
    largest: f64,
}

impl Rule for Max15 {
    fn size(&self, _: &Call) -> Given {
        Given::all_the_time(self.largest * 1.15)
    }

    fn see(&mut self, call: &Call, _: Given) {
        self.largest = self.largest.max(call.need);
    }
}
