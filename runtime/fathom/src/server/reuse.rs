//! Sandboxes that have made calls and wait for the next one, where the manifest of their function asks for that. What they
//! hold of the memory and the places for calls stays granted, and goes to whoever waits for it: no call waits while a
//! sandbox waits.
//!
//! Not here: what another call finds in a sandbox (`host`), and who gets what memory (`admission`).

use super::{
    Server,
    admission::{Admission, Grant},
    function::Ready,
};
use host::Used;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{Duration, Instant},
};

/// A sandbox that nobody has called for so long goes.
const LONGEST: Duration = Duration::from_secs(10);

/// How often those are looked for.
const SWEEP: Duration = Duration::from_secs(1);

/// All sandboxes that wait, those of all functions. The last one has waited least.
#[derive(Default)]
pub(crate) struct Waiting(Mutex<VecDeque<Waits>>);

struct Waits {
    of: Weak<Ready>,
    // Before its grant: what is given back is free then.
    used: Used,
    grant: Grant,
    since: Instant,
}

/// A sandbox and what is granted for it.
pub(crate) struct Kept {
    pub(crate) used: Used,
    pub(crate) grant: Grant,
}

impl Waiting {
    /// Has a sandbox wait for the next call of this code, unless somebody waits for what it holds. `fixed` is what it takes
    /// beside what its guest has, bytes.
    pub(crate) fn put(&self, admission: &Admission, of: &Arc<Ready>, kept: Kept, fixed: u64) {
        let Kept { used, grant } = kept;
        let bytes = used.taken().0.saturating_add(fixed);
        match grant.exchange(bytes) {
            Ok(grant) => self.lock().push_back(Waits {
                of: Arc::downgrade(of),
                used,
                grant,
                since: Instant::now(),
            }),
            Err(grant) => {
                drop(used);
                drop(grant);
            }
        }
        // Who has begun to wait since.
        self.make_room(admission);
    }

    /// The sandbox that a call of this code gets, with at least `bytes` for its guest and `fixed` beside; `None` where none
    /// waits, or where there is not as much at once.
    pub(crate) fn take(&self, of: &Arc<Ready>, bytes: u64, fixed: u64) -> Option<Kept> {
        let Waits { used, grant, .. } = {
            let mut waiting = self.lock();
            let is_of = |waits: &Waits| std::ptr::eq(waits.of.as_ptr(), Arc::as_ptr(of));
            let newest = waiting.iter().rposition(is_of)?;
            waiting.remove(newest)?
        };
        let bytes = bytes.max(used.taken().0).saturating_add(fixed);
        match grant.exchange(bytes) {
            Ok(grant) => Some(Kept { used, grant }),
            Err(grant) => {
                drop(used);
                drop(grant);
                None
            }
        }
    }

    /// Has sandboxes go, those that wait longest first, as long as a call waits.
    pub(crate) fn make_room(&self, admission: &Admission) {
        while admission.is_waited_for() && self.let_oldest_go() {}
    }

    /// Whether there was one.
    pub(crate) fn let_oldest_go(&self) -> bool {
        let oldest = self.lock().pop_front();
        oldest.is_some()
    }

    /// How many wait.
    pub(crate) fn number(&self) -> usize {
        self.lock().len()
    }

    /// Those go that nobody has called for a while, and those whose code has gone.
    fn sweep(&self) {
        let goes = |waits: &Waits| waits.since.elapsed() > LONGEST || waits.of.strong_count() == 0;
        let mut gone = Vec::new();
        {
            let mut waiting = self.lock();
            for _ in 0..waiting.len() {
                match waiting.pop_front() {
                    Some(waits) if goes(&waits) => gone.push(waits),
                    Some(waits) => waiting.push_back(waits),
                    None => break,
                }
            }
        }
        drop(gone);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Waits>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sweeps as long as the server is there.
pub(super) async fn sweep(server: Arc<Server>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let server = server.clone();
        // It takes time to let go of much memory. Should it fail, the next one sweeps.
        let _ = tokio::task::spawn_blocking(move || server.waiting.sweep()).await;
    }
}
