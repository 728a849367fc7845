//! Fathom, each call for itself: by what is known before it; where it is sized by a breakpoint inside, it is given what every
//! call is given until that was reached.

use super::{Call, Given, Named, Rule};
use crate::replay::fathom::Fathom;

pub(super) const RULE: Named = Named {
    name: "fathom-call",
    promises: true,
    make: |of| {
        Box::new(FathomCall(Fathom::new(
            of.features.to_vec(),
            of.settings,
            of.order,
        )))
    },
};

struct FathomCall(Fathom);

impl Rule for FathomCall {
    fn size(&self, call: &Call) -> Given {
        Given::sized(self.0.size(call, &call.known), call)
    }

    fn see(&mut self, call: &Call, _: Given) {
        self.0.see(call, &call.known);
    }
}
