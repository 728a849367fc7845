//! What probes report to the host during one call, kept small however often they are hit.
//!
//! Injected code keeps the summary of a slot by itself (count, first, last, smallest, largest, sum). The host is called
//! only for hits that it keeps in full: the first ones, then every second, every fourth and so on; and for the hit after
//! each, which ends the time in which the heap's highest level is wanted. Values that the host reads by itself
//! (at the end, at samples, sizes of opened files) are summed up here. Not here: how a probe gets its value (`probe`).

use crate::{
    injected::Mailboxes,
    meter::Committed,
    sampler::{Reading, drop_every_second},
};
use probe::ValueType;
use std::sync::Arc;
use trace::{Breakpoint, Bytes, Hit, Moment, Observed};

/// Hits kept per slot. At this many every second one is dropped, and from then on every second one kept.
const MOST_HITS: usize = 256;

/// How a slot reports.
pub(crate) struct Watched {
    pub(crate) value_type: ValueType,
    /// The module it is in.
    pub(crate) module: usize,
    /// Where injected code keeps its record; `None` where the host reads the variable.
    pub(crate) record: Option<u32>,
}

/// Everything the probes of one call have reported to the host.
pub(crate) struct Recorder {
    slots: Vec<Slot>,
    /// Slots whose last hit is kept and still waits for the highest live bytes until the next.
    open: Vec<usize>,
    mailboxes: Mailboxes,
    committed: Arc<Committed>,
}

/// One slot: a variable at a breakpoint.
struct Slot {
    watched: Watched,
    hits: Vec<Hit>,
    /// Highest live bytes since the last hit, while that is open.
    window: u64,
    /// A hit is kept when its number is a multiple of this, which is a power of two.
    stride: u64,
    /// Of values that the host has read.
    summary: Option<Observed>,
}

impl Slot {
    fn new(watched: Watched) -> Slot {
        Slot {
            watched,
            hits: Vec::new(),
            window: 0,
            stride: 1,
            summary: None,
        }
    }

    /// Keeps hit `number`, counted from 0, if it is among those to be kept.
    fn keep(&mut self, number: u64, value: f64, moment: Moment) -> bool {
        if self.is_due(number) && self.hits.len() == MOST_HITS {
            drop_every_second(&mut self.hits);
            self.stride *= 2;
        }
        let kept = self.is_due(number);
        if kept {
            self.hits.push(Hit {
                value,
                moment,
                live_until_next: None,
            });
        }
        kept
    }

    fn is_due(&self, number: u64) -> bool {
        number & (self.stride - 1) == 0
    }

    /// Number of the hit at which the host wants to hear of this slot again.
    fn next(&self, number: u64, kept: bool) -> u64 {
        if kept {
            number + 1
        } else {
            (number | (self.stride - 1)) + 1
        }
    }

    /// Adds a value that the host has read to the summary; the number of it, counted from 0.
    fn sum_up(&mut self, value: f64, moment: Moment) -> u64 {
        let summary = self.summary.get_or_insert_with(|| Observed {
            // Named when the call has ended.
            variable: String::new(),
            breakpoint: Breakpoint::End,
            count: 0,
            first: value,
            last: value,
            min: value,
            max: value,
            sum: 0.0,
            first_moment: Some(moment),
            last_moment: None,
            hits: Vec::new(),
        });
        summary.count += 1;
        summary.last = value;
        summary.min = summary.min.min(value);
        summary.max = summary.max.max(value);
        summary.sum += value;
        summary.last_moment = Some(moment);
        summary.count - 1
    }
}

impl Recorder {
    /// One slot for each; the counters are known once the guest is instantiated.
    pub(crate) fn new(slots: impl Iterator<Item = Watched>, committed: Arc<Committed>) -> Recorder {
        Recorder {
            slots: slots.map(Slot::new).collect(),
            open: Vec::new(),
            mailboxes: Mailboxes::default(),
            committed,
        }
    }

    pub(crate) fn set_mailboxes(&mut self, mailboxes: Mailboxes) {
        self.mailboxes = mailboxes;
    }

    /// A hit that injected code calls for, its value as the guest reports it. Slots that do not exist, which only a
    /// guest that calls the host by itself can name, are ignored.
    pub(crate) fn hit(&mut self, number_of_slot: usize, bits: i64) {
        let Some(slot) = self.slots.get(number_of_slot) else {
            return;
        };
        let mailbox = self.mailboxes.of(slot.watched.module).copied();
        let (Some(counters), Some(record)) = (mailbox, slot.watched.record) else {
            return;
        };
        let value = slot.watched.value_type.decode(bits);
        let number = counters.hits(record).saturating_sub(1);
        let moment = self.now();
        self.mailboxes.set_clock(moment.at);
        let kept = self.take(number_of_slot, number, value, moment);
        counters.call_after(record, self.slots[number_of_slot].next(number, kept));
    }

    /// A value that the host has read.
    pub(crate) fn read_by_host(&mut self, number_of_slot: usize, value: f64) {
        let moment = self.now();
        if let Some(slot) = self.slots.get_mut(number_of_slot) {
            let number = slot.sum_up(value, moment);
            self.take(number_of_slot, number, value, moment);
        }
    }

    /// A value that was read beside the guest, at a sample of the timeline.
    pub(crate) fn add_reading(&mut self, reading: Reading) {
        if let Some(slot) = self.slots.get_mut(reading.slot) {
            let number = slot.sum_up(reading.value, reading.moment);
            slot.keep(number, reading.value, reading.moment);
        }
    }

    fn now(&self) -> Moment {
        Moment {
            at: self.committed.elapsed(),
            committed: self.committed.now(),
            live: self.mailboxes.live(),
        }
    }

    /// Ends the wait of the slot's last hit, and keeps this one if it is to be kept.
    fn take(&mut self, number_of_slot: usize, number: u64, value: f64, moment: Moment) -> bool {
        self.look_at_windows();
        self.close(number_of_slot);
        let slot = &mut self.slots[number_of_slot];
        let kept = slot.keep(number, value, moment);
        if kept && let Some(live) = moment.live {
            slot.window = live.0;
            self.open.push(number_of_slot);
        }
        kept
    }

    /// Passes the heap's peak since the last look on to every open hit.
    fn look_at_windows(&mut self) {
        if let Some(heap) = self.mailboxes.heap() {
            let peak = heap.take_window_peak();
            for &slot in &self.open {
                let window = &mut self.slots[slot].window;
                *window = (*window).max(peak);
            }
        }
    }

    /// The next hit of a slot has come: what its last one waited for is known.
    fn close(&mut self, number_of_slot: usize) {
        if let Some(position) = self.open.iter().position(|&open| open == number_of_slot) {
            self.open.swap_remove(position);
            let slot = &mut self.slots[number_of_slot];
            if let Some(hit) = slot.hits.last_mut() {
                hit.live_until_next = Some(Bytes(slot.window));
            }
        }
    }

    /// What the host has read, once the guest has ended; `name` gives breakpoint and variable of a slot. Afterwards no
    /// hit waits any more.
    pub(crate) fn finish(
        &mut self,
        name: impl Fn(usize) -> Option<(Breakpoint, String)>,
    ) -> Vec<Observed> {
        self.look_at_windows();
        for slot in self.open.clone() {
            self.close(slot);
        }
        let mut observed = Vec::new();
        for (number, slot) in self.slots.iter_mut().enumerate() {
            if let Some(summary) = slot.summary.take()
                && let Some((breakpoint, variable)) = name(number)
            {
                observed.push(Observed {
                    variable,
                    breakpoint,
                    hits: std::mem::take(&mut slot.hits),
                    ..summary
                });
            }
        }
        observed
    }

    /// The hits of a slot that were kept in full.
    pub(crate) fn take_hits(&mut self, number_of_slot: usize) -> Vec<Hit> {
        let slot = self.slots.get_mut(number_of_slot);
        slot.map(|slot| std::mem::take(&mut slot.hits))
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// However many hits there are, the summary is exact and the kept hits are few, ordered and evenly spread.
    #[test]
    fn a_hot_breakpoint_does_not_flood() {
        let watched = Watched {
            value_type: ValueType::I32,
            module: 0,
            record: None,
        };
        let mut recorder = Recorder::new([watched].into_iter(), Committed::new(Instant::now()));
        for value in 0..100_000 {
            recorder.read_by_host(0, f64::from(value));
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
