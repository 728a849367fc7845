//! What the probes of one call report, kept small however often they are hit.
//!
//! A hit costs a few nanoseconds: the summary is updated in place, one word of the mailbox is read and one written,
//! and only hits that are kept in full look at the clock. Not here: how a probe gets its value (`probe`).

use crate::{
    injected::Counters,
    meter::Committed,
    sampler::{Reading, drop_every_second},
};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use trace::{Breakpoint, Bytes, Hit, Moment, Nanos, Observed};

/// Hits kept per slot. At this many every second one is dropped, and from then on every second one kept.
const MOST_HITS: usize = 256;

/// Everything the probes of one call have reported.
pub(crate) struct Recorder {
    slots: Vec<Record>,
    /// Highest live bytes since the last hit of each slot. Apart from the records, so that one hit passes quickly
    /// over all of them.
    windows: Vec<u64>,
    counters: Option<Counters>,
    committed: Arc<Committed>,
    clock: CoarseClock,
}

/// Nanoseconds since the call began, as of the last tick of the timeline: cheap to read in a hot loop.
#[derive(Clone, Default)]
pub(crate) struct CoarseClock(Arc<AtomicU64>);

impl CoarseClock {
    pub(crate) fn set(&self, now: Nanos) {
        self.0.store(now.0, Ordering::Relaxed);
    }

    fn get(&self) -> Nanos {
        Nanos(self.0.load(Ordering::Relaxed))
    }
}

/// One slot: a variable at a breakpoint.
struct Record {
    count: u64,
    first: f64,
    last: f64,
    min: f64,
    max: f64,
    sum: f64,
    first_moment: Option<Moment>,
    last_moment: Option<Moment>,
    hits: Vec<Hit>,
    /// The last hit is the last of `hits`, and its `live_until_next` is still to be filled in.
    open: bool,
    /// A hit is kept when its number is a multiple of this.
    stride: u64,
}

impl Record {
    fn new() -> Record {
        Record {
            count: 0,
            first: 0.0,
            last: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
            first_moment: None,
            last_moment: None,
            hits: Vec::new(),
            open: false,
            stride: 1,
        }
    }

    fn keeps_next(&self) -> bool {
        self.count.is_multiple_of(self.stride)
    }

    fn close(&mut self, window: Option<Bytes>) {
        if self.open
            && let Some(hit) = self.hits.last_mut()
        {
            hit.live_until_next = window;
        }
        self.open = false;
    }

    fn add(&mut self, value: f64, moment: Moment) {
        if self.keeps_next() {
            if self.hits.len() == MOST_HITS {
                drop_every_second(&mut self.hits);
                self.stride *= 2;
            }
            if self.keeps_next() {
                self.hits.push(Hit {
                    value,
                    moment,
                    live_until_next: None,
                });
                self.open = true;
            }
        }
        if self.count == 0 {
            self.first = value;
            self.first_moment = Some(moment);
        }
        self.count += 1;
        self.last = value;
        self.last_moment = Some(moment);
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
    }
}

impl Recorder {
    /// For `slots` slots; the counters are known once the guest is instantiated.
    pub(crate) fn new(slots: usize, committed: Arc<Committed>, clock: CoarseClock) -> Recorder {
        Recorder {
            slots: (0..slots).map(|_| Record::new()).collect(),
            windows: vec![0; slots],
            counters: None,
            committed,
            clock,
        }
    }

    pub(crate) fn set_counters(&mut self, counters: Option<Counters>) {
        self.counters = counters;
    }

    /// One hit of one slot. Slots that do not exist, which only a guest that calls the host by itself can name, are
    /// ignored.
    pub(crate) fn hit(&mut self, slot: usize, value: f64) {
        let Some(record) = self.slots.get_mut(slot) else {
            return;
        };
        if let Some(counters) = &self.counters {
            let peak = counters.take_window_peak();
            for window in &mut self.windows {
                *window = (*window).max(peak);
            }
        }
        record.close(self.counters.map(|_| Bytes(self.windows[slot])));
        let at = if record.keeps_next() {
            let now = self.committed.elapsed();
            self.clock.set(now);
            now
        } else {
            self.clock.get()
        };
        let live = self.counters.map(|counters| counters.live());
        self.windows[slot] = live.unwrap_or_default().0;
        record.add(
            value,
            Moment {
                at,
                committed: self.committed.now(),
                live,
            },
        );
    }

    /// A value that was read beside the guest, at a sample.
    pub(crate) fn add_reading(&mut self, reading: Reading) {
        if let Some(record) = self.slots.get_mut(reading.slot) {
            record.add(reading.value, reading.moment);
        }
    }

    /// Everything observed, once the guest has ended. `name` gives breakpoint and variable of a slot.
    pub(crate) fn finish(
        &mut self,
        name: impl Fn(usize) -> Option<(Breakpoint, String)>,
    ) -> Vec<Observed> {
        let rest = self
            .counters
            .map_or(0, |counters| counters.take_window_peak());
        let has_counters = self.counters.is_some();
        let mut observed = Vec::new();
        for (slot, mut record) in self.slots.drain(..).enumerate() {
            record.close(has_counters.then(|| Bytes(self.windows[slot].max(rest))));
            if record.count == 0 {
                continue;
            }
            let Some((breakpoint, variable)) = name(slot) else {
                continue;
            };
            observed.push(Observed {
                variable,
                breakpoint,
                count: record.count,
                first: record.first,
                last: record.last,
                min: record.min,
                max: record.max,
                sum: record.sum,
                first_moment: record.first_moment,
                last_moment: record.last_moment,
                hits: record.hits,
            });
        }
        observed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// However many hits there are, the summary is exact and the kept hits are few, ordered and evenly spread.
    #[test]
    fn a_hot_breakpoint_does_not_flood() {
        let committed = Committed::new(Instant::now());
        let mut recorder = Recorder::new(1, committed, CoarseClock::default());
        for value in 0..100_000 {
            recorder.hit(0, f64::from(value));
        }
        let observed = recorder.finish(|_| Some((Breakpoint::Set("n".into()), "n".into())));
        let n = &observed[0];
        assert_eq!((n.count, n.first, n.last), (100_000, 0.0, 99_999.0));
        assert_eq!((n.min, n.max, n.sum), (0.0, 99_999.0, 4_999_950_000.0));
        assert!((MOST_HITS / 2..=MOST_HITS).contains(&n.hits.len()));
        let steps: Vec<f64> = n.hits.windows(2).map(|h| h[1].value - h[0].value).collect();
        assert!(steps.iter().all(|step| *step == steps[0]), "{steps:?}");
    }
}
