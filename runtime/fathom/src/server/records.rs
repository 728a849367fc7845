//! Calls on their way into the database: a bounded queue and one thread that writes, many calls in a transaction. A call is
//! never slower for it; what the queue cannot hold is lost, and counted. The last calls are also kept in memory, to be
//! asked for at once.

use super::{
    call_lines::{self, CallLines, trace_of},
    queue::{BATCH, LINGER, Most, Queue},
    stand_back,
};
use crate::{moment::unix_ms, output};
use http::HeaderMap;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};
use store::{Stay, Store};
use trace::{Bytes, Frame, Growth, HeapProfile, Hit, Observed, PhaseChange, Sample, Trace};

/// Calls that may wait to be written, and their bytes.
const QUEUE: Most = Most {
    calls: 10_000,
    bytes: 64 << 20,
};

/// How often who waits for calls to be written looks whether they are.
const LOOK: Duration = Duration::from_micros(500);

/// Calls kept in memory, and their bytes.
const RECENT: Most = Most {
    calls: 1_000,
    bytes: 16 << 20,
};

/// How often it is looked for what is old.
const TIDY: Duration = Duration::from_secs(30);

/// Calls folded at once: those that end meanwhile wait in the queue.
const SLICE: usize = 2_000;

/// Of the largest size, what is left when it was passed.
const FULL: f64 = 0.9;

/// Of what calls may have, the part that records of them may take: where that is little, so is what waits and what is kept.
const SHARE: u64 = 16;

/// Calls that may wait to be written, beside so much memory for calls.
pub(crate) fn waiting_at_most(memory: Bytes) -> Most {
    part(QUEUE, memory)
}

fn part(most: Most, memory: Bytes) -> Most {
    let part = usize::try_from(memory.0 / SHARE).unwrap_or(usize::MAX);
    Most {
        bytes: most.bytes.min(part),
        ..most
    }
}

/// About what a call takes in memory.
fn bytes(trace: &Trace) -> usize {
    let observations = trace.observations.iter().map(|observed| {
        size_of::<Observed>() + observed.variable.len() + observed.hits.len() * size_of::<Hit>()
    });
    size_of::<Trace>()
        + observations.sum::<usize>()
        + trace.samples.len() * size_of::<Sample>()
        + trace.growths.len() * size_of::<Growth>()
        + trace.heap_profile.as_ref().map_or(0, heap_bytes)
}

fn heap_bytes(profile: &HeapProfile) -> usize {
    let frames = profile.table.frames.iter().map(|frame| {
        let file = frame.file.as_ref().map_or(0, String::len);
        size_of::<Frame>() + frame.function.len() + file
    });
    let stacks = profile.table.stacks.iter();
    let stacks = stacks.map(|stack| size_of::<Vec<u32>>() + size_of_val(stack.as_slice()));
    frames.sum::<usize>()
        + stacks.sum::<usize>()
        + size_of_val(profile.by_stack.as_slice())
        + size_of_val(profile.events.as_slice())
}

/// The last calls, each with its bytes, and those of all.
struct Recent {
    most: Most,
    calls: VecDeque<(Arc<Trace>, usize)>,
    bytes: usize,
}

impl Recent {
    fn push(&mut self, trace: Arc<Trace>, bytes: usize) {
        self.bytes += bytes;
        self.calls.push_back((trace, bytes));
        while self.calls.len() > self.most.calls
            || self.bytes > self.most.bytes && self.calls.len() > 1
        {
            let gone = self.calls.pop_front();
            self.bytes -= gone.map_or(0, |(_, bytes)| bytes);
        }
    }
}

/// What waits to be written.
enum Record {
    Call(Arc<Trace>),
    /// A function has gone to another phase. Seldom: what waits is as small as a call.
    Changed(Box<(String, PhaseChange)>),
}

/// The queue, seen by those who put something in.
pub(crate) struct Records {
    queue: Arc<Queue<Record>>,
    recent: Mutex<Recent>,
    counts: Arc<Counts>,
    /// Where calls are printed too.
    lines: Option<CallLines>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// What has become of the records.
#[derive(Default)]
pub(crate) struct Counts {
    /// In the database: they survive the death of the process.
    pub(crate) stored: AtomicU64,
    /// In the queue.
    pub(crate) queued: AtomicU64,
    /// Neither: the queue was full, or the database could not be written.
    pub(crate) lost: AtomicU64,
}

/// How long calls are kept; those that are not are folded into a few numbers.
#[derive(Clone, Copy, Default)]
pub(crate) struct Retention {
    pub(crate) keep: Option<Duration>,
    pub(crate) largest: Option<Bytes>,
}

impl Records {
    /// Starts the thread that writes.
    ///
    /// Of `memory`, that of all calls together, what waits and what is kept takes a small part at most.
    pub(crate) fn start(
        store: Store,
        retention: Retention,
        lines: Option<CallLines>,
        memory: Bytes,
    ) -> std::io::Result<Records> {
        let queue = Arc::new(Queue::of_at_most(waiting_at_most(memory)));
        let counts = Arc::<Counts>::default();
        let writer = Writer {
            store,
            counts: counts.clone(),
            retention,
            tidied: Instant::now(),
            failing: false,
            shrinking: false,
        };
        let thread = thread::Builder::new().name("records".to_owned()).spawn({
            let queue = queue.clone();
            move || {
                stand_back(5);
                writer.run(&queue);
            }
        })?;
        let recent = Recent {
            most: part(RECENT, memory),
            calls: VecDeque::new(),
            bytes: 0,
        };
        Ok(Records {
            queue,
            recent: Mutex::new(recent),
            counts,
            lines,
            writer: Mutex::new(Some(thread)),
        })
    }

    /// Takes a call, or counts it as lost. `headers` are those of its request.
    pub(crate) fn push(&self, trace: Arc<Trace>, headers: &HeaderMap) {
        let bytes = bytes(&trace);
        if let Some(lines) = &self.lines {
            lines.push(trace.clone(), trace_of(headers), bytes);
        }
        self.recent_mut().push(trace.clone(), bytes);
        self.counts.queued.fetch_add(1, Ordering::Relaxed);
        if !self.queue.push(Record::Call(trace), bytes) {
            self.counts.queued.fetch_sub(1, Ordering::Relaxed);
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Takes that a function has gone to another phase. Where there is no room for it, this server alone remembers it.
    pub(crate) fn changed(&self, function: &str, change: PhaseChange) {
        let bytes = size_of::<(String, PhaseChange)>() + function.len() + change.why.len();
        let changed = Box::new((function.to_owned(), change));
        self.queue.push(Record::Changed(changed), bytes);
    }

    /// The last calls, newest first, whether they are written already or not.
    pub(crate) fn recent(&self) -> Vec<Arc<Trace>> {
        let recent = self.recent_mut();
        let calls = recent.calls.iter().rev();
        calls.map(|(trace, _)| trace.clone()).collect()
    }

    fn recent_mut(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until everything is written that is in the queue now, or for so long.
    pub(crate) fn settle(&self, longest: Duration) {
        let until = Instant::now() + longest;
        while self.counts.queued.load(Ordering::Acquire) > 0 && Instant::now() < until {
            self.queue.hurry();
            thread::sleep(LOOK);
        }
    }

    pub(crate) fn counts(&self) -> &Counts {
        &self.counts
    }

    /// What has become of the lines, where calls are printed.
    pub(crate) fn printed(&self) -> Option<&call_lines::Counts> {
        self.lines.as_ref().map(CallLines::counts)
    }

    /// Writes what is in the queue, and ends.
    pub(crate) fn finish(&self) {
        self.queue.close();
        let writer = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(writer) = writer {
            // What it had to say it has said.
            let _ = writer.join();
        }
        if let Some(lines) = &self.lines {
            lines.finish();
        }
    }
}

struct Writer {
    store: Store,
    counts: Arc<Counts>,
    retention: Retention,
    tidied: Instant,
    /// The last attempt has failed and was complained about.
    failing: bool,
    /// It was too large, and is not yet as small as it is to become.
    shrinking: bool,
}

impl Writer {
    fn run(mut self, queue: &Queue<Record>) {
        let mut is_tidy = false;
        while let Some(records) = queue.take(if is_tidy { TIDY } else { LINGER }) {
            let mut calls = Vec::with_capacity(records.len());
            for record in records {
                match record {
                    Record::Call(trace) => calls.push(trace),
                    Record::Changed(changed) => self.remember(&changed.0, &changed.1),
                }
            }
            for batch in calls.chunks_mut(BATCH) {
                // Those of one function together, in their order: the store has less to do then.
                batch.sort_by(|one, other| one.function.name.cmp(&other.function.name));
                self.write(batch);
            }
            if !is_tidy || self.tidied.elapsed() >= TIDY {
                is_tidy = !self.tidy();
                self.tidied = Instant::now();
            }
        }
    }

    fn write(&mut self, batch: &[Arc<Trace>]) {
        let calls = batch.len() as u64;
        match self.store.append_all(batch) {
            Ok(_) => {
                self.counts.stored.fetch_add(calls, Ordering::Relaxed);
                self.failing = false;
            }
            Err(error) => {
                self.counts.lost.fetch_add(calls, Ordering::Relaxed);
                if !self.failing {
                    output::note(format_args!(
                        "warning: calls are not recorded, though they are served: {error}"
                    ));
                }
                self.failing = true;
            }
        }
        self.counts.queued.fetch_sub(calls, Ordering::Release);
    }

    fn remember(&mut self, function: &str, change: &PhaseChange) {
        if let Err(error) = self.store.append_phase_change(function, change) {
            output::note(format_args!(
                "warning: that {function} is {} now is not recorded: {error}",
                change.to
            ));
        }
    }

    /// Folds a slice of the calls that are older, or more, than may be kept. Whether there may be more of them.
    fn tidy(&mut self) -> bool {
        match self.fold() {
            Ok(folded) => folded >= SLICE,
            Err(error) => {
                output::note(format_args!(
                    "warning: old calls were not folded: {error:#}"
                ));
                false
            }
        }
    }

    fn fold(&mut self) -> anyhow::Result<usize> {
        if let Some(keep) = self.retention.keep {
            let since = SystemTime::now().checked_sub(keep).map_or(0, unix_ms);
            let folded = self.store.fold(Stay::Since(since), SLICE)?;
            if folded >= SLICE {
                return Ok(folded);
            }
        }
        let Some(largest) = self.retention.largest else {
            return Ok(0);
        };
        let used = self.store.used_bytes()? as f64;
        // Once it is too large more goes than has to, so that there is room for those to come.
        let aim = largest.as_f64() * FULL;
        self.shrinking = used > largest.as_f64() || self.shrinking && used > aim;
        if !self.shrinking {
            return Ok(0);
        }
        let stay = self.store.calls()? as f64 * aim / used;
        Ok(self.store.fold(Stay::Newest(stay as usize), SLICE)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::sample;

    fn call() -> Arc<Trace> {
        Arc::new(sample::call())
    }

    #[test]
    fn what_is_kept_of_the_last_calls_is_bounded_too() {
        let mut recent = Recent {
            most: RECENT,
            calls: VecDeque::new(),
            bytes: 0,
        };
        (0..RECENT.calls + 7).for_each(|_| recent.push(call(), 1));
        assert_eq!(
            (recent.calls.len(), recent.bytes),
            (RECENT.calls, RECENT.calls)
        );
        // One larger than all is kept alone.
        recent.push(call(), RECENT.bytes + 1);
        assert_eq!(recent.calls.len(), 1);
        (0..20).for_each(|_| recent.push(call(), 1 << 20));
        assert_eq!(recent.calls.len(), RECENT.bytes >> 20);
    }
}
