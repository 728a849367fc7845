//! Fathom, one size for all calls of a function: by what they have needed, and by nothing that is known of a single one.

use super::{Call, Given, Named, Rule};
use crate::replay::fathom::Fathom;

pub(super) const RULE: Named = Named {
    name: "fathom-function",
    promises: true,
    make: |of| {
        Box::new(FathomFunction(Fathom::new(
            Vec::new(),
            of.settings,
            of.order,
        )))
    },
};

struct FathomFunction(Fathom);

impl Rule for FathomFunction {
    fn size(&self, call: &Call) -> Given {
        Given::sized(self.0.size(call, &[]), call)
    }

    fn see(&mut self, call: &Call, _: Given) {
        self.0.see(call, &[]);
    }
}
