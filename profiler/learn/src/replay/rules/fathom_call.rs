//! Fathom, each call for itself: by what is known before it; where it is sized by a breakpoint inside, it is given what every
//! call is given until that was reached.

use super::{Call, Given, Named, Of, Rule};
use crate::online::{Known, Online};
use std::collections::HashMap;
use trace::{Bytes, Feature};

pub(super) const RULE: Named = Named {
    name: "fathom-call",
    promises: true,
    make: |of| Box::new(FathomCall(Fathom::new(of, of.features.to_vec()))),
};

struct FathomCall(Fathom);

impl Rule for FathomCall {
    fn size(&self, call: &Call) -> Given {
        self.0.size(call, &call.known)
    }

    fn see(&mut self, call: &Call, _: Given) {
        self.0.see(call, &call.known);
    }
}

/// The sizes that are proven here, and which inputs they were learned from.
pub(super) struct Fathom {
    online: Online,
    /// The largest need of each input seen.
    needs: HashMap<usize, f64>,
}

impl Fathom {
    pub(super) fn new(of: &Of, features: Vec<Feature>) -> Fathom {
        let start = of.calls.iter().map(|call| call.start).fold(0.0, f64::max);
        let settings = of.settings;
        Fathom {
            online: Online::new(
                features,
                settings.failure_rate,
                Bytes::from_f64(start),
                settings.seed,
                of.order,
            ),
            needs: HashMap::new(),
        }
    }

    pub(super) fn size(&self, call: &Call, known: &[Known]) -> Given {
        let in_steps = |bytes: f64| (bytes / call.step).ceil() * call.step;
        // Calls of as many inputs are not sized by it.
        let sized = self.online.size(known);
        sized.map_or(Given::all_the_time(call.preset), |sized| {
            let then = sized.then.map(|(at, bytes)| (at, in_steps(bytes)));
            Given::changing(in_steps(sized.start), then)
        })
    }

    /// A repeat of an input says nothing new, unless it needed more.
    pub(super) fn see(&mut self, call: &Call, known: &[Known]) {
        let before = self.needs.get(&call.input).copied();
        if before.is_some_and(|before| call.need <= before) {
            return;
        }
        if call.ended {
            self.needs.insert(call.input, call.need);
            self.online.see(known, call.need);
        } else {
            self.online.see_at_least(known, call.need);
        }
        if self.online.is_refit_due() {
            self.online.refit();
        }
    }
}
