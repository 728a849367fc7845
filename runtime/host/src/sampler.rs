//! The timeline and the deadline of one call: a thread that wakes at a rate, reads what can be read without stopping
//! the guest, and gives up at the deadline.
//!
//! It never interrupts the guest: that would need checks in the guest's own loops, which cost more than everything
//! else together. At the deadline it hands what is known to the caller, who ends the process; a guest that loops for
//! ever cannot be stopped otherwise.

use crate::{
    injected::{Mailboxes, Static},
    meter::Committed,
    process::{ThreadId, current_thread},
    touched::{Looks, Thread},
};
use std::{
    collections::HashSet,
    io,
    ops::Range,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};
use trace::{Moment, Nanos, Sample, Touched};

/// Samples kept per call. At this many every second one is dropped and the rate halved.
const MOST_SAMPLES: usize = 2048;

/// The timeline so far, shared between the guest's thread, which adds samples as bytes are allocated, and the thread
/// that wakes at a rate.
pub(crate) struct Timeline {
    state: Mutex<State>,
    ended: Condvar,
    committed: Arc<Committed>,
}

struct State {
    samples: Vec<Sample>,
    period: Duration,
    mailboxes: Mailboxes,
    /// Statics to read at every sample, with their slots.
    statics: Vec<(usize, Static)>,
    /// The values of all of them, sample by sample.
    readings: Vec<Vec<Reading>>,
    /// Pages written to; `None` where nobody asked.
    looks: Option<Looks>,
    ended: bool,
}

/// The value of a static at a sample.
#[derive(Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) slot: usize,
    pub(crate) value: f64,
    pub(crate) moment: Moment,
}

/// What the thread needs to know of a deadline.
pub(crate) struct Deadline {
    /// Since the call began.
    pub(crate) after: Duration,
    /// Called once when it passes, with the CPU time of the guest's thread, where the system tells it.
    pub(crate) passed: Box<dyn FnOnce(Option<Nanos>) + Send>,
}

impl Timeline {
    pub(crate) fn new(
        committed: Arc<Committed>,
        rate_hz: f64,
        looks: Option<Looks>,
    ) -> Arc<Timeline> {
        Arc::new(Timeline {
            state: Mutex::new(State {
                samples: Vec::new(),
                period: Duration::from_secs_f64(1.0 / rate_hz.clamp(0.1, 10_000.0)),
                mailboxes: Mailboxes::default(),
                statics: Vec::new(),
                readings: Vec::new(),
                looks,
                ended: false,
            }),
            ended: Condvar::new(),
            committed,
        })
    }

    /// What can be read without stopping the guest: all mailboxes known by now, and statics beside those known before or instead
    /// of them.
    pub(crate) fn set_readable(&self, mailboxes: Mailboxes, statics: Vec<(usize, Static)>) {
        let anew: HashSet<usize> = statics.iter().map(|(slot, _)| *slot).collect();
        let mut state = self.lock();
        state.mailboxes = mailboxes;
        state.statics.retain(|(slot, _)| !anew.contains(slot));
        state.statics.extend(statics);
    }

    /// Takes a sample now.
    pub(crate) fn sample(&self) {
        let at = self.committed.elapsed();
        let committed = self.committed.now();
        let state = &mut *self.lock();
        if state.ended {
            return;
        }
        state.mailboxes.set_clock(at);
        let live = state.mailboxes.live();
        let moment = Sample {
            at,
            committed,
            live,
        };
        if state.samples.len() == MOST_SAMPLES {
            drop_every_second(&mut state.samples);
            state.period *= 2;
        }
        state.samples.push(moment);
        if state.readings.len() >= MOST_SAMPLES {
            drop_every_second(&mut state.readings);
        }
        if state.statics.is_empty() {
            return;
        }
        let readings = state.statics.iter().filter_map(|(slot, variable)| {
            Some(Reading {
                slot: *slot,
                value: variable.read()?,
                moment,
            })
        });
        state.readings.push(readings.collect());
    }

    /// Counts the pages written to, if somebody asked and it is time to.
    pub(crate) fn look(&self, by: Thread) {
        if let Some(looks) = &mut self.lock().looks {
            looks.look(self.committed.elapsed(), by);
        }
    }

    /// Where the guest's memories are, or why that is not known.
    pub(crate) fn begin_looking(&self, addresses: Result<Vec<Range<u64>>, String>) {
        if let Some(looks) = &mut self.lock().looks {
            looks.begin(addresses);
        }
    }

    /// The same, of a slot that others may have had before.
    pub(crate) fn begin_looking_in_slot(&self, addresses: Result<Vec<Range<u64>>, String>) {
        if let Some(looks) = &mut self.lock().looks {
            looks.begin_in_slot(addresses);
        }
    }

    /// Counts the pages written to a last time; `None` where nobody asked.
    pub(crate) fn end_looking(&self) -> Option<Touched> {
        let mut state = self.lock();
        let looks = state.looks.as_mut()?;
        looks.end();
        Some(looks.touched())
    }

    /// Of another call in the same sandbox: there is the same to be read, and this one takes no sample any more.
    pub(crate) fn hand_over(&self, next: &Timeline) {
        let (mailboxes, statics) = {
            let mut state = self.lock();
            state.ended = true;
            let mailboxes = std::mem::take(&mut state.mailboxes);
            (mailboxes, std::mem::take(&mut state.statics))
        };
        next.set_readable(mailboxes, statics);
    }

    /// From now on nothing of the guest is read, and no sample taken: the memory behind it goes with the store.
    pub(crate) fn close(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.mailboxes = Mailboxes::default();
        state.statics.clear();
        if let Some(looks) = &mut state.looks {
            looks.forget_addresses();
        }
    }

    /// The samples so far, in order of time.
    pub(crate) fn samples(&self) -> Vec<Sample> {
        let mut samples = self.lock().samples.clone();
        // Two threads take samples; each is in order, together they need not be.
        samples.sort_by_key(|sample| sample.at);
        samples
    }

    /// The values of statics at the samples so far, in order of time.
    pub(crate) fn readings(&self) -> Vec<Reading> {
        let mut readings = self.lock().readings.concat();
        readings.sort_by_key(|reading| reading.moment.at);
        readings
    }

    /// Starts the thread. Dropping the answer ends it, and only then may the store go.
    ///
    /// Called on the thread that will run the guest. Without the thread there is no deadline, so its absence is an
    /// error.
    pub(crate) fn watch(
        self: &Arc<Timeline>,
        begun: Instant,
        deadline: Deadline,
    ) -> io::Result<Watch> {
        let timeline = self.clone();
        let guest_thread = current_thread();
        let thread = thread::Builder::new()
            .name("timeline".to_owned())
            .spawn(move || timeline.run(begun, deadline, guest_thread))?;
        Ok(Watch {
            timeline: self.clone(),
            thread: Some(thread),
        })
    }

    fn run(&self, begun: Instant, deadline: Deadline, guest_thread: ThreadId) {
        loop {
            let left = deadline.after.saturating_sub(begun.elapsed());
            if left.is_zero() {
                (deadline.passed)(guest_thread.cpu_time());
                return;
            }
            let state = self.lock();
            let period = state.period.min(left);
            let (state, _) = self
                .ended
                .wait_timeout_while(state, period, |state| !state.ended)
                .unwrap_or_else(PoisonError::into_inner);
            if state.ended {
                return;
            }
            drop(state);
            self.sample();
            self.look(Thread::Timeline);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Halves a list, keeping its first.
pub(crate) fn drop_every_second<T>(items: &mut Vec<T>) {
    let mut position = 0;
    items.retain(|_| {
        position += 1;
        position % 2 == 1
    });
}

/// The running thread of a timeline.
pub(crate) struct Watch {
    timeline: Arc<Timeline>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.timeline.close();
        self.timeline.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic of the callback is its owner's affair; the call itself has ended.
            let _ = thread.join();
        }
    }
}
