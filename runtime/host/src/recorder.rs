//! What the probes of one call report, kept small however often they are hit.
//!
//! A hit costs a few nanoseconds: the summary is updated in place, one word of the mailbox is read and one written,
//! and only hits that are kept in full look at the clock. Not here: how a probe gets its value (`probe`).

use crate::{
    injected::Counters,
    meter::Committed,
    sampler::{Reading, drop_every_second},
};
use probe::ValueType;
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
    /// Slots whose last hit is kept and still waits for the highest live bytes until the next. Mostly empty once a
    /// breakpoint is hot, and then a hit need not look at the heap's peak at all.
    open: Vec<usize>,
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
    value_type: ValueType,
    count: u64,
    first: f64,
    last: f64,
    min: f64,
    max: f64,
    sum: f64,
    first_moment: Option<Moment>,
    last_moment: Option<Moment>,
    hits: Vec<Hit>,
    /// Highest live bytes since the last hit, while that is open.
    window: u64,
    /// A hit is kept when its number is a multiple of this, which is a power of two.
    stride: u64,
}

impl Record {
    fn new(value_type: ValueType) -> Record {
        Record {
            value_type,
            count: 0,
            first: 0.0,
            last: 0.0,
            min: f64::INFINITY,
            max: f64::NEG_INFINITY,
            sum: 0.0,
            first_moment: None,
            last_moment: None,
            hits: Vec::new(),
            window: 0,
            stride: 1,
        }
    }

    fn keeps_next(&self) -> bool {
        self.count & (self.stride - 1) == 0
    }

    /// Adds a hit; whether it is among those kept.
    fn add(&mut self, value: f64, moment: Moment) -> bool {
        let kept = self.keeps_next() && self.keep(value, moment);
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
        kept
    }

    /// Makes room, which may mean that this hit is after all not kept.
    fn keep(&mut self, value: f64, moment: Moment) -> bool {
        if self.hits.len() == MOST_HITS {
            drop_every_second(&mut self.hits);
            self.stride *= 2;
        }
        let kept = self.keeps_next();
        if kept {
            self.hits.push(Hit {
                value,
                moment,
                live_until_next: None,
            });
        }
        kept
    }
}

impl Recorder {
    /// For one slot of each type; the counters are known once the guest is instantiated.
    pub(crate) fn new(
        slots: impl Iterator<Item = ValueType>,
        committed: Arc<Committed>,
        clock: CoarseClock,
    ) -> Recorder {
        Recorder {
            slots: slots.map(Record::new).collect(),
            open: Vec::new(),
            counters: None,
            committed,
            clock,
        }
    }

    pub(crate) fn set_counters(&mut self, counters: Option<Counters>) {
        self.counters = counters;
    }

    /// One hit of one slot, its value as the guest reports it. Slots that do not exist, which only a guest that calls
    /// the host by itself can name, are ignored.
    pub(crate) fn hit(&mut self, slot: usize, bits: i64) {
        if let Some(record) = self.slots.get(slot) {
            self.hit_with(slot, record.value_type.decode(bits));
        }
    }

    /// The same for a value that the host has read.
    pub(crate) fn hit_with(&mut self, slot: usize, value: f64) {
        if !self.open.is_empty() {
            self.look_at_windows();
            self.close(slot);
        }
        let Some(record) = self.slots.get_mut(slot) else {
            return;
        };
        if record.keeps_next() {
            self.clock.set(self.committed.elapsed());
        }
        let live = self.counters.map(|counters| counters.live());
        let moment = Moment {
            at: self.clock.get(),
            committed: self.committed.now(),
            live,
        };
        if record.add(value, moment)
            && let (Some(counters), Some(live)) = (&self.counters, live)
        {
            record.window = live.0;
            self.open.push(slot);
            counters.take_window_peak();
        }
    }

    /// Passes the heap's peak since the last look on to every open hit.
    fn look_at_windows(&mut self) {
        if let Some(counters) = &self.counters {
            let peak = counters.take_window_peak();
            for &slot in &self.open {
                let window = &mut self.slots[slot].window;
                *window = (*window).max(peak);
            }
        }
    }

    /// The next hit of a slot has come: what its last one waited for is known.
    fn close(&mut self, slot: usize) {
        if let Some(position) = self.open.iter().position(|&open| open == slot) {
            self.open.swap_remove(position);
            let record = &mut self.slots[slot];
            if let Some(hit) = record.hits.last_mut() {
                hit.live_until_next = Some(Bytes(record.window));
            }
        }
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
        self.look_at_windows();
        for slot in self.open.clone() {
            self.close(slot);
        }
        let records = self.slots.drain(..).enumerate();
        records
            .filter(|(_, record)| record.count > 0)
            .filter_map(|(slot, record)| {
                let (breakpoint, variable) = name(slot)?;
                Some(Observed {
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
                })
            })
            .collect()
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
        let mut recorder = Recorder::new(
            [ValueType::I32].into_iter(),
            committed,
            CoarseClock::default(),
        );
        for value in 0..100_000 {
            recorder.hit(0, value);
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
