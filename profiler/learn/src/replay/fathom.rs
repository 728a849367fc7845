//! Ours, beside the calls that it is proven on: which of them say something new, and in what steps memory is given. How a call
//! is sized is said by `online`.

use super::call::Call;
use crate::online::{Known, Online, Sized};
use crate::settings::{Order, Settings};
use std::collections::HashMap;
use trace::Feature;

/// The sizes that are proven here, and which inputs they were learned from.
pub(crate) struct Fathom {
    online: Online,
    /// The largest need of each input seen, or what it needed at least.
    needs: HashMap<usize, f64>,
}

impl Fathom {
    pub(crate) fn new(features: Vec<Feature>, settings: &Settings, order: Order) -> Fathom {
        Fathom {
            online: Online::new(features, settings.failure_rate, settings.seed, order),
            needs: HashMap::new(),
        }
    }

    /// What a call is given, of which this is known, in the steps in which it can be, and not less than it begins with; `None`
    /// before five inputs were seen.
    pub(crate) fn size(&self, call: &Call, known: &[Known]) -> Option<Sized> {
        let in_steps = |bytes: f64| (bytes.max(call.start) / call.step).ceil() * call.step;
        let sized = self.online.size(known)?;
        Some(Sized {
            start: in_steps(sized.start),
            then: sized.then.map(|(at, bytes)| (at, in_steps(bytes))),
            ..sized
        })
    }

    /// A repeat of an input says nothing new, unless it needed more.
    pub(crate) fn see(&mut self, call: &Call, known: &[Known]) {
        let before = self.needs.get(&call.input).copied();
        if before.is_some_and(|before| call.need <= before) {
            return;
        }
        self.needs.insert(call.input, call.need);
        if call.ended {
            self.online.see(known, call.need);
        } else {
            self.online.see_at_least(known, call.need);
        }
        if self.online.is_refit_due() {
            self.online.refit();
        }
    }

    /// What was learned.
    pub(crate) fn online(&self) -> &Online {
        &self.online
    }
}
