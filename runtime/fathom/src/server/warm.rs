//! How much of a slot's memory is cleared in place after a call, and stays in memory for the next one, rather than given back
//! to the system: about as much as calls touch. A call that touches more pays for a fault of each page beyond.
//!
//! Not here: who counts what stays, and takes it from the budget (`mod`).

use super::Settings;
use crate::output;
use host::Engine;
use store::{Detail, Filter, Store};
use trace::{Bytes, Touched, Trace};

/// Not less: pages that nobody touches cost nothing, and what is called next may touch more than what was called last.
const LEAST: Bytes = Bytes::mib(2);

/// Calls looked back on.
const LOOK_BACK: usize = 1_000;

/// Of these calls the largest twentieth does not count: few calls shall not have all slots keep much.
const COUNT: f64 = 0.95;

/// Of the memory for calls, the part that slots may keep for the next ones, all together.
const SHARE: u64 = 8;

/// What slots may keep, all together.
pub(crate) fn at_most(settings: &Settings) -> Bytes {
    Bytes(settings.memory.0 / SHARE)
}

/// What one slot keeps: what was asked for, or what the calls recorded last have touched; and no more than its part.
pub(crate) fn of_a_slot(settings: &Settings, store: &Store) -> Bytes {
    let keep = match settings.keep_resident {
        Some(asked) => asked,
        // Where everything that may stay is cleared, touched or not, a guess would cost those that touch little.
        None if !Engine::clears_only_touched() => LEAST,
        None => {
            let filter = Filter {
                newest: Some(LOOK_BACK),
                detail: Detail::Summary,
                ..Filter::default()
            };
            match store.traces(&filter) {
                Ok(calls) => touched_by_most(calls).unwrap_or(LEAST).max(LEAST),
                Err(error) => {
                    output::note(format_args!(
                        "warning: what calls have touched is not known: {error}"
                    ));
                    LEAST
                }
            }
        }
    };
    let part = at_most(settings).0 / u64::from(settings.calls.max(1));
    keep.min(Bytes(part))
}

/// What all but the largest twentieth of the calls have touched; `None` without calls.
fn touched_by_most(calls: Vec<Trace>) -> Option<Bytes> {
    let mut touched: Vec<Bytes> = calls.iter().map(touched).collect();
    touched.sort_unstable();
    let counted = (touched.len() as f64 * COUNT).ceil() as usize;
    touched.get(counted.checked_sub(1)?).copied()
}

/// The pages that a call has written to, where they were counted; what it had committed, which is no less, where not.
fn touched(call: &Trace) -> Bytes {
    match call.touched {
        Some(Touched::Measured { at_end, .. }) => at_end,
        Some(Touched::Unavailable { .. }) | None => call.committed_peak,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::sample;

    fn call(committed: u64, touched: Option<u64>) -> Trace {
        Trace {
            committed_peak: Bytes(committed),
            touched: touched.map(|bytes| Touched::Measured {
                at_end: Bytes(bytes),
                samples: Vec::new(),
            }),
            ..sample::call()
        }
    }

    #[test]
    fn what_most_calls_touch_is_kept_and_not_what_few_do() {
        assert_eq!(touched_by_most(Vec::new()), None);
        let mut calls: Vec<Trace> = (1..=95).map(|size| call(size * 100, Some(size))).collect();
        calls.extend((0..5).map(|_| call(1 << 30, None)));
        assert_eq!(touched_by_most(calls), Some(Bytes(95)));
        assert_eq!(touched_by_most(vec![call(7, None)]), Some(Bytes(7)));
    }
}
