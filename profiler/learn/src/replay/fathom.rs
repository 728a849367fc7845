//! Ours, beside the calls that it is proven on: which of them say something new, and in what steps memory is given. How a call
//! is sized is said by `online`.

use super::call::Call;
use crate::online::{Known, Online, Sized};
use crate::settings::{Order, Settings};
use std::collections::HashMap;
use trace::{Bytes, Feature};

/// The sizes that are proven here, and which inputs they were learned from.
pub(crate) struct Fathom {
    online: Online,
    /// The largest need of each input seen.
    needs: HashMap<usize, f64>,
}

impl Fathom {
    /// Of all `calls` nothing is known here but what their module begins with.
    pub(crate) fn new(
        features: Vec<Feature>,
        calls: &[Call],
        settings: &Settings,
        order: Order,
    ) -> Fathom {
        let start = calls.iter().map(|call| call.start).fold(0.0, f64::max);
        Fathom {
            online: Online::new(
                features,
                settings.failure_rate,
                Bytes::from_f64(start),
                settings.seed,
                order,
            ),
            needs: HashMap::new(),
        }
    }

    /// What a call is given, of which this is known, in the steps in which it can be; `None` before five inputs were seen.
    pub(crate) fn size(&self, call: &Call, known: &[Known]) -> Option<Sized> {
        let in_steps = |bytes: f64| (bytes / call.step).ceil() * call.step;
        let sized = self.online.size(known)?;
        Some(Sized {
            start: in_steps(sized.start),
            then: sized.then.map(|(at, bytes)| (at, in_steps(bytes))),
        })
    }

    /// A repeat of an input says nothing new, unless it needed more.
    pub(crate) fn see(&mut self, call: &Call, known: &[Known]) {
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

    /// What was learned.
    pub(crate) fn online(&self) -> &Online {
        &self.online
    }
}
