//! The rules that are replayed, a file for each: what it gives, and where it comes from. None looks ahead but `fixed`, which
//! is there to be beaten by who does not.

mod fathom_call;
mod fathom_function;
mod fixed;
mod max15;
mod p95;
mod preset;
mod vpa;
mod witt;

use super::call::Call;
use crate::online::Sized;
use crate::settings::{Order, Settings};
use trace::Feature;

/// A rule for the calls of one function.
pub(super) trait Rule {
    /// What a call is given, of which nothing is known but what `Call::known` says.
    fn size(&self, call: &Call) -> Given;

    /// A call has ended, of which all is known now. It was given that.
    fn see(&mut self, call: &Call, given: Given);
}

/// What a rule is made for.
pub(super) struct Of<'a> {
    /// All calls, also those to come: for `fixed` alone.
    pub(super) calls: &'a [Call],
    /// What is known of each, in this order.
    pub(super) features: &'a [Feature],
    pub(super) settings: &'a Settings,
    /// What the order of the calls means.
    pub(super) order: Order,
}

/// A rule by its name.
pub(super) struct Named {
    pub(super) name: &'static str,
    /// Whether it promises the asked failure rate.
    pub(super) promises: bool,
    pub(super) make: fn(&Of) -> Box<dyn Rule>,
}

/// All rules; the first is what the others are measured by.
pub(super) const RULES: [Named; 8] = [
    preset::RULE,
    max15::RULE,
    vpa::RULE,
    p95::RULE,
    witt::RULE,
    fixed::RULE,
    fathom_function::RULE,
    fathom_call::RULE,
];

/// Ours.
pub(super) const OURS: [Named; 2] = [fathom_function::RULE, fathom_call::RULE];

/// What a call is given over its time, bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Given {
    start: f64,
    then: Option<(f64, f64)>,
}

impl Given {
    pub(super) fn all_the_time(bytes: f64) -> Given {
        Given {
            start: bytes,
            then: None,
        }
    }

    /// What ours says; what a call is given today where it says nothing yet.
    pub(super) fn sized(sized: Option<Sized>, call: &Call) -> Given {
        sized.map_or(Given::all_the_time(call.preset), |sized| Given {
            start: sized.start,
            then: sized.then,
        })
    }

    /// What it is given in the end.
    pub(super) fn last(&self) -> f64 {
        self.then.map_or(self.start, |(_, bytes)| bytes)
    }

    /// The most it is given at any time.
    pub(super) fn most(&self) -> f64 {
        self.start.max(self.last())
    }

    /// Whether a call never has more than it is given: until what it is sized by is known, and to its end.
    pub(super) fn is_enough_for(&self, call: &Call) -> bool {
        let until_then = self
            .then
            .is_none_or(|(at, _)| self.start >= call.had_at(at));
        until_then && self.last() >= call.need
    }

    /// Bytes times seconds beyond so many bytes, of a call that runs so long. What it is not given yet is no saving.
    pub(super) fn beyond(&self, bytes: f64, seconds: f64) -> f64 {
        let wasted = |given: f64, seconds: f64| (given - bytes).max(0.0) * seconds;
        match self.then {
            None => wasted(self.start, seconds),
            Some((at, then)) => {
                let at = at.min(seconds);
                wasted(self.start, at) + wasted(then, seconds - at)
            }
        }
    }
}
