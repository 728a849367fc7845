//! A bounded queue between calls that end and one thread that writes what is recorded of them. A call is never slower for it:
//! what there is no room for is refused, and whoever puts it in counts it as lost. What is written, and where, is not known here.

use std::{
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Taken at once at most.
pub(crate) const BATCH: usize = 512;

/// Longest that something waits for others to be taken with it, unless somebody asks for it. Longer, and writing them all would
/// hold a processor for so long that calls notice.
pub(crate) const LINGER: Duration = Duration::from_millis(10);

/// So many calls, and so many bytes.
#[derive(Clone, Copy)]
pub(crate) struct Most {
    pub(crate) calls: usize,
    pub(crate) bytes: usize,
}

/// What waits to be written. The thread that writes is woken for the first of it and for a full batch, not for
/// each: waking costs a call more than everything else here.
pub(crate) struct Queue<T> {
    most: Most,
    waiting: Mutex<Waiting<T>>,
    changed: Condvar,
}

struct Waiting<T> {
    calls: Vec<T>,
    bytes: usize,
    /// Somebody has asked for them.
    urgent: bool,
    closed: bool,
}

impl<T> Queue<T> {
    pub(crate) fn of_at_most(most: Most) -> Queue<T> {
        Queue {
            most,
            waiting: Mutex::new(Waiting {
                calls: Vec::new(),
                bytes: 0,
                urgent: false,
                closed: false,
            }),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting<T>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there was room.
    pub(crate) fn push(&self, call: T, bytes: usize) -> bool {
        let mut waiting = self.lock();
        if waiting.closed
            || waiting.calls.len() >= self.most.calls
            || waiting.bytes >= self.most.bytes
        {
            return false;
        }
        waiting.bytes += bytes;
        waiting.calls.push(call);
        let is_due = matches!(waiting.calls.len(), 1 | BATCH);
        drop(waiting);
        if is_due {
            self.changed.notify_one();
        }
        true
    }

    /// What waits is written without waiting for more.
    pub(crate) fn hurry(&self) {
        self.lock().urgent = true;
        self.changed.notify_one();
    }

    /// Nothing more is taken in.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_one();
    }

    /// Everything that waits, once it is a batch or has waited long enough; empty where nothing has come for so long.
    /// `None` at the end.
    pub(crate) fn take(&self, longest: Duration) -> Option<Vec<T>> {
        let wait =
            |waiting, longest, until: fn(&Waiting<T>) -> bool| -> MutexGuard<'_, Waiting<T>> {
                let waited = self.changed.wait_timeout_while(
                    waiting,
                    longest,
                    |waiting: &mut Waiting<T>| !waiting.closed && !until(waiting),
                );
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Neither many calls nor large ones take more memory than there is for them, and once they are taken others have room.
    #[test]
    fn it_is_bounded_in_calls_and_in_bytes() {
        let most = Most {
            calls: 10_000,
            bytes: 64 << 20,
        };
        let queue = Queue::of_at_most(most);
        let taken = |bytes| (0..20_000).filter(|_| queue.push((), bytes)).count();
        assert_eq!(taken(1), most.calls);
        let waited = queue.take(Duration::ZERO).expect("it is open");
        assert_eq!(waited.len(), most.calls);
        assert_eq!(taken(1 << 20), most.bytes >> 20);
        queue.close();
        assert!(!queue.push((), 1));
        assert_eq!(
            queue.take(Duration::ZERO).map(|calls| calls.len()),
            Some(64)
        );
        assert!(queue.take(Duration::ZERO).is_none());
    }
}
