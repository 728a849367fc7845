//! Calls on their way into the database: a bounded queue and one thread that writes, many calls in a transaction. A call is
//! never slower for it; what the queue cannot hold is lost, and counted. The last calls are also kept in memory, to be
//! asked for at once.

use super::stand_back;
use crate::output;
use std::{
    collections::VecDeque,
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant, SystemTime},
};
use store::{Stay, Store};
use trace::{Bytes, Growth, Hit, Observed, Sample, Trace};

/// Calls that may wait to be written, and their bytes.
const QUEUE: Most = Most {
    calls: 10_000,
    bytes: 64 << 20,
};

/// Calls written in one transaction at most.
const BATCH: usize = 512;

/// Longest that a call waits for others to be written with it, unless somebody asks for it. Longer, and writing them all would
/// hold a processor for so long that calls notice.
const LINGER: Duration = Duration::from_millis(10);

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

/// So many calls, and so many bytes.
struct Most {
    calls: usize,
    bytes: usize,
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
}

/// The last calls, each with its bytes, and those of all.
#[derive(Default)]
struct Recent {
    calls: VecDeque<(Arc<Trace>, usize)>,
    bytes: usize,
}

impl Recent {
    fn push(&mut self, trace: Arc<Trace>, bytes: usize) {
        self.bytes += bytes;
        self.calls.push_back((trace, bytes));
        while self.calls.len() > RECENT.calls || self.bytes > RECENT.bytes && self.calls.len() > 1 {
            let gone = self.calls.pop_front();
            self.bytes -= gone.map_or(0, |(_, bytes)| bytes);
        }
    }
}

/// The queue, seen by those who put something in.
pub(crate) struct Records {
    queue: Arc<Queue>,
    recent: Mutex<Recent>,
    counts: Arc<Counts>,
    writer: Mutex<Option<JoinHandle<()>>>,
}

/// Calls that wait to be written. The thread that writes is woken for the first of them and for a full batch, not for
/// each: waking costs a call more than everything else here.
#[derive(Default)]
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    calls: Vec<Arc<Trace>>,
    bytes: usize,
    /// Somebody has asked for them.
    urgent: bool,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was room.
    fn push(&self, trace: Arc<Trace>, bytes: usize) -> bool {
        let mut waiting = self.lock();
        if waiting.closed || waiting.calls.len() >= QUEUE.calls || waiting.bytes >= QUEUE.bytes {
            return false;
        }
        waiting.bytes += bytes;
        waiting.calls.push(trace);
        let is_due = matches!(waiting.calls.len(), 1 | BATCH);
        drop(waiting);
        if is_due {
            self.changed.notify_one();
        }
        true
    }

    /// What waits is written without waiting for more.
    fn hurry(&self) {
        self.lock().urgent = true;
        self.changed.notify_one();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Everything that waits, once it is a batch or has waited long enough; empty where nothing has come for so long.
    /// `None` at the end.
    fn take(&self, longest: Duration) -> Option<Vec<Arc<Trace>>> {
        let wait = |waiting, longest, until: fn(&Waiting) -> bool| -> MutexGuard<'_, Waiting> {
            let waited =
                self.changed
                    .wait_timeout_while(waiting, longest, |waiting: &mut Waiting| {
                        !waiting.closed && !until(waiting)
                    });
            waited.unwrap_or_else(PoisonError::into_inner).0
        };
        let waiting = wait(self.lock(), longest, |waiting| !waiting.calls.is_empty());
        if waiting.calls.is_empty() {
            return (!waiting.closed).then(Vec::new);
        }
        let mut waiting = wait(waiting, LINGER, |waiting| {
            waiting.urgent || waiting.calls.len() >= BATCH
        });
        waiting.urgent = false;
        waiting.bytes = 0;
        Some(std::mem::take(&mut waiting.calls))
    }
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
    pub(crate) fn start(store: Store, retention: Retention) -> std::io::Result<Records> {
        let queue = Arc::<Queue>::default();
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
        Ok(Records {
            queue,
            recent: Mutex::default(),
            counts,
            writer: Mutex::new(Some(thread)),
        })
    }

    /// Takes a call, or counts it as lost.
    pub(crate) fn push(&self, trace: Arc<Trace>) {
        let bytes = bytes(&trace);
        self.recent_mut().push(trace.clone(), bytes);
        self.counts.queued.fetch_add(1, Ordering::Relaxed);
        if !self.queue.push(trace, bytes) {
            self.counts.queued.fetch_sub(1, Ordering::Relaxed);
            self.counts.lost.fetch_add(1, Ordering::Relaxed);
        }
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
    fn run(mut self, queue: &Queue) {
        let mut is_tidy = false;
        while let Some(mut calls) = queue.take(if is_tidy { TIDY } else { LINGER }) {
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
            let since = SystemTime::now()
                .checked_sub(keep)
                .and_then(|since| since.duration_since(SystemTime::UNIX_EPOCH).ok())
                .map_or(0, |since| since.as_millis() as u64);
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

    /// Neither many calls nor large ones take more memory than there is for them, and once they are taken others have room.
    #[test]
    fn the_queue_is_bounded_in_calls_and_in_bytes() {
        let queue = Queue::default();
        let taken = |bytes| (0..20_000).filter(|_| queue.push(call(), bytes)).count();
        assert_eq!(taken(1), QUEUE.calls);
        let waited = queue.take(Duration::ZERO).expect("it is open");
        assert_eq!(waited.len(), QUEUE.calls);
        assert_eq!(taken(1 << 20), QUEUE.bytes >> 20);
        queue.close();
        assert!(!queue.push(call(), 1));
        assert_eq!(
            queue.take(Duration::ZERO).map(|calls| calls.len()),
            Some(64)
        );
        assert!(queue.take(Duration::ZERO).is_none());
    }

    #[test]
    fn what_is_kept_of_the_last_calls_is_bounded_too() {
        let mut recent = Recent::default();
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
