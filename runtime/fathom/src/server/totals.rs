//! What has become of a function's calls since the server began, in a few numbers however many they are.

use std::time::Duration;
use trace::{Bytes, Nanos, Outcome, SizedBy, Trace};

/// Buckets of needs, each a quarter of a doubling wide, from one page on: what the median and p99 are read from.
const BUCKETS: usize = 72;

/// Of fewer calls nobody can say when they have grown.
const FEW: u64 = 100;

/// The sums.
#[derive(Clone, Default)]
pub(crate) struct Totals {
    pub(crate) calls: u64,
    pub(crate) failed: u64,
    pub(crate) limited: u64,
    pub(crate) timed_out: u64,
    pub(crate) cold: u64,
    pub(crate) mispredicted: u64,
    /// Stopped for want of memory, and made once more.
    pub(crate) made_again: u64,
    /// Granted and not needed, times the time that they had it.
    pub(crate) waste_byte_seconds: f64,
    /// Granted, times the time that calls had it.
    pub(crate) granted_byte_seconds: f64,
    pub(crate) cpu: Nanos,
    pub(crate) wall: Nanos,
    /// Smallest and largest need of calls that succeeded.
    pub(crate) needed: Option<(Bytes, Bytes)>,
    needs: Vec<u64>,
    /// Calls by the time of their last growth: bucket i is below 2^i nanoseconds.
    grown: Vec<u64>,
    pub(crate) last: Option<LastUse>,
}

/// The last call.
#[derive(Clone, Copy)]
pub(crate) struct LastUse {
    pub(crate) needed: Bytes,
    pub(crate) cpu: Nanos,
    pub(crate) wall: Nanos,
}

impl Totals {
    /// Takes in a call.
    pub(crate) fn add(&mut self, trace: &Trace) {
        self.calls += 1;
        match trace.outcome {
            Outcome::Succeeded => {}
            Outcome::Failed => self.failed += 1,
            Outcome::Limited => self.limited += 1,
            Outcome::TimedOut => self.timed_out += 1,
        }
        if let Some(served) = &trace.served {
            self.cold += u64::from(served.cold);
            self.mispredicted += u64::from(served.mispredicted);
            self.made_again += u64::from(served.sized_by == SizedBy::Replay);
            let waste = (served.granted.as_f64() - trace.needed().as_f64()).max(0.0);
            self.waste_byte_seconds += waste * trace.wall.as_seconds();
            self.granted_byte_seconds += served.granted.as_f64() * trace.wall.as_seconds();
        }
        self.cpu = Nanos(self.cpu.0 + trace.cpu.0);
        self.wall = Nanos(self.wall.0 + trace.wall.0);
        let needed = trace.needed();
        self.last = Some(LastUse {
            needed,
            cpu: trace.cpu,
            wall: trace.wall,
        });
        if trace.is_measurement() {
            let (least, most) = self.needed.unwrap_or((needed, needed));
            self.needed = Some((least.min(needed), most.max(needed)));
            if self.needs.is_empty() {
                self.needs = vec![0; BUCKETS];
            }
            self.needs[bucket(needed)] += 1;
            self.see_growth(trace);
        }
    }

    /// Takes in when a call that succeeded has grown.
    pub(crate) fn see_growth(&mut self, trace: &Trace) {
        if self.grown.is_empty() {
            self.grown = vec![0; 64];
        }
        let last = trace.growths.last().map_or(0, |growth| growth.at.0);
        self.grown[(64 - last.leading_zeros() as usize).min(63)] += 1;
    }

    /// How long after its begin a call hardly ever grows any more; `None` while too few were seen. Four times as long as
    /// it took all but one call in two hundred.
    pub(crate) fn grown_up(&self) -> Option<Duration> {
        let all: u64 = self.grown.iter().sum();
        if all < FEW {
            return None;
        }
        let mut seen = 0;
        let bucket = self.grown.iter().position(|calls| {
            seen += calls;
            (all - seen) * 200 <= all
        })?;
        Some(Duration::from_nanos(4 << bucket.min(60)))
    }

    /// Calls that did not succeed.
    pub(crate) fn failures(&self) -> u64 {
        self.failed + self.limited + self.timed_out
    }

    /// The need that a share of the calls did not exceed, at most a fifth more than it was; `None` without calls.
    pub(crate) fn quantile(&self, share: f64) -> Option<Bytes> {
        let all: u64 = self.needs.iter().sum();
        let (least, most) = self.needed?;
        let rank = (share * all as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bucket = self.needs.iter().position(|calls| {
            seen += calls;
            seen >= rank
        })?;
        Some(upper_end(bucket).clamp(least, most))
    }
}

fn bucket(needed: Bytes) -> usize {
    let pages = (needed.as_f64() / 65_536.0).max(1.0);
    ((pages.log2() * 4.0).ceil() as usize).min(BUCKETS - 1)
}

fn upper_end(bucket: usize) -> Bytes {
    Bytes((65_536.0 * (bucket as f64 / 4.0).exp2()) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::sample::call;

    #[test]
    fn nobody_says_when_calls_have_grown_before_there_were_a_hundred() {
        let mut totals = Totals {
            grown: vec![0; 64],
            ..Totals::default()
        };
        // All below 2^20 ns, but one in a thousand, which is below 2^30.
        totals.grown[20] = 99;
        assert_eq!(totals.grown_up(), None);
        totals.grown[20] = 999;
        totals.grown[30] = 1;
        assert_eq!(totals.grown_up(), Some(Duration::from_nanos(4 << 20)));
        totals.grown[30] = 100;
        assert_eq!(totals.grown_up(), Some(Duration::from_nanos(4 << 30)));
    }

    #[test]
    fn quantiles_are_at_most_a_fifth_too_high() {
        let mut totals = Totals::default();
        for mib in 1..=100 {
            totals.add(&Trace {
                committed_peak: Bytes::mib(mib),
                ..call()
            });
        }
        for (share, exact) in [(0.5, 50), (0.99, 99)] {
            let found = totals.quantile(share).unwrap();
            let exact = Bytes::mib(exact);
            assert!(
                found >= exact && found.as_f64() <= 1.2 * exact.as_f64(),
                "{found}"
            );
        }
        assert_eq!(totals.quantile(1.0), Some(Bytes::mib(100)));
    }
}
