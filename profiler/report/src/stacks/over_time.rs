//! When what the stacks are counted in happened: amounts by stack and by moment, of calls laid one after another on one
//! clock, so that what lasts milliseconds is seen beside what lasts seconds. The time between calls is left out: calls
//! of a sweep are apart by what starting a process takes, and served ones by whatever asked for them.
//!
//! Bounded however long the calls are and however many: where there is too much, moments become ten times as long. No
//! amount is ever left out for that.
//!
//! Not here: columns and rows, which `heatmap` chooses once all calls are known.

use std::collections::HashMap;
use trace::Nanos;

/// Length of a moment at first, nanoseconds. Clocks tell no less, and addresses of ranges are in microseconds.
const FIRST_TICK: u64 = 1_000;

/// Moments at most; at least a tenth of these are kept, unless there are very many stacks.
const MOST_TICKS: u64 = 20_000;

/// Moments times stacks at most.
const MOST_ENTRIES: usize = 200_000;

/// Calls of which it is known where on the clock they began.
const MOST_CALLS: usize = 1_000;

/// Amounts by stack over the time of calls that were laid one after another.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct OverTime {
    /// Length of a moment, nanoseconds: a power of ten.
    tick: u64,
    /// By number of the moment, and of the stack.
    amounts: HashMap<(u64, u32), f64>,
    /// Nanoseconds of all calls together.
    span: u64,
    /// What cannot be told apart, nanoseconds: the time between samples, where there are samples.
    finest: u64,
    calls: usize,
    /// Where the first calls began, and what they were given.
    begun: Vec<(u64, String)>,
    /// From where to where nothing was recorded though there was something.
    unknown: Vec<(u64, u64)>,
}

/// A call, and how it was looked at.
pub(super) struct Call<'a> {
    /// What it was given.
    pub(super) label: &'a str,
    /// How long it was.
    pub(super) length: Nanos,
    /// The shortest time that its amounts can be told apart by.
    pub(super) finest: Nanos,
    /// Amounts beyond the last of those recorded are not.
    pub(super) is_cut: bool,
}

impl Default for OverTime {
    fn default() -> OverTime {
        OverTime {
            tick: FIRST_TICK,
            amounts: HashMap::new(),
            span: 0,
            finest: FIRST_TICK,
            calls: 0,
            begun: Vec::new(),
            unknown: Vec::new(),
        }
    }
}

impl OverTime {
    /// Adds a call after those before: moments since it began, stacks, amounts. What is no amount, as a damaged database
    /// may hold, is not added.
    pub(super) fn add(
        &mut self,
        call: &Call<'_>,
        amounts: impl Iterator<Item = (Nanos, u32, f64)> + Clone,
    ) {
        let latest = amounts.clone().map(|(at, ..)| at.0.saturating_add(1)).max();
        let begin = self.span;
        let latest = latest.unwrap_or(0);
        self.span = begin.saturating_add(call.length.0.max(latest));
        self.finest = self.finest.max(call.finest.0);
        if call.is_cut && self.unknown.len() < MOST_CALLS {
            self.unknown.push((begin.saturating_add(latest), self.span));
        }
        self.calls += 1;
        if self.begun.len() < MOST_CALLS {
            self.begun.push((begin, call.label.to_owned()));
        }
        while self.span / self.tick > MOST_TICKS {
            self.coarsen();
        }
        for (at, stack, amount) in amounts {
            if amount.is_finite() && amount > 0.0 {
                let moment = begin.saturating_add(at.0) / self.tick;
                *self.amounts.entry((moment, stack)).or_insert(0.0) += amount;
            }
            if self.amounts.len() > MOST_ENTRIES && self.tick < self.span {
                self.coarsen();
            }
        }
    }

    fn coarsen(&mut self) {
        self.tick = self.tick.saturating_mul(10);
        let mut amounts = HashMap::new();
        for ((moment, stack), amount) in self.amounts.drain() {
            *amounts.entry((moment / 10, stack)).or_insert(0.0) += amount;
        }
        self.amounts = amounts;
    }

    /// Nanoseconds of all calls together.
    pub(super) fn span(&self) -> u64 {
        self.span
    }

    /// The shortest time that can be told from the next, nanoseconds.
    pub(super) fn finest(&self) -> u64 {
        self.finest.max(self.tick)
    }

    /// Calls that are in it.
    pub(super) fn calls(&self) -> usize {
        self.calls
    }

    /// Where the first calls began, nanoseconds on the clock, and what they were given.
    pub(super) fn begun(&self) -> &[(u64, String)] {
        &self.begun
    }

    /// From where to where nothing was recorded though there was something, nanoseconds, of the first calls.
    pub(super) fn unknown(&self) -> &[(u64, u64)] {
        &self.unknown
    }

    /// Nanoseconds on the clock at which a moment begins, the stack, and its amount then; in no order.
    pub(super) fn amounts(&self) -> impl Iterator<Item = (u64, u32, f64)> {
        let amounts = self.amounts.iter();
        amounts.map(|(&(moment, stack), &amount)| (moment * self.tick, stack, amount))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_much_to_keep_is_kept_less_finely_and_no_amount_is_lost() {
        let mut long = OverTime::default();
        let mut many = OverTime::default();
        let call = |length| Call {
            label: "a",
            length: Nanos(length),
            finest: Nanos(1),
            is_cut: false,
        };
        for n in 0..50_u64 {
            let amounts = (0..100).map(|n| (Nanos(n * 10_000_000), n as u32, 1.0));
            long.add(&call(1_000_000_000), amounts);
            let stacks = (0..10_000).map(|stack| (Nanos(n), stack + n as u32 * 10_000, 1.0));
            many.add(&call(1_000), stacks);
        }
        let sum =
            |over_time: &OverTime| over_time.amounts().map(|(.., amount)| amount).sum::<f64>();
        assert_eq!((sum(&long), long.finest()), (5_000.0, 10_000_000));
        assert_eq!(sum(&many), 500_000.0);
        assert_eq!(many.finest(), 100_000, "longer than all of it");
        let mut damaged = OverTime::default();
        let wrong = [f64::NAN, f64::INFINITY, -1.0].map(|x| (Nanos(u64::MAX - 1), 0, x));
        damaged.add(&call(u64::MAX), wrong.into_iter());
        assert_eq!((sum(&damaged), damaged.span()), (0.0, u64::MAX));
    }
}
