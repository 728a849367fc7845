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
    sandbox: Granted,
    since: Instant,
}

/// A sandbox and what is granted for it.
pub(crate) struct Granted {
    // Goes before its grant: what is given back is free then.
    pub(crate) used: Used,
    pub(crate) grant: Grant,
}

impl Granted {
    /// The same with another grant, of at least what it has and `fixed` beside; where there is not as much at once it goes.
    fn resized(self, least: u64, fixed: u64) -> Option<Granted> {
        let Granted { used, grant } = self;
        let bytes = used.taken().0.max(least).saturating_add(fixed);
        match grant.exchange(bytes) {
            Ok(grant) => Some(Granted { used, grant }),
            Err(grant) => {
                drop(Granted { used, grant });
                None
            }
        }
    }
}

impl Waiting {
    /// Has a sandbox wait for the next call of this code, unless somebody waits for what it holds. `fixed` is what it takes
    /// beside what its guest has, bytes.
    pub(crate) fn put(&self, admission: &Admission, of: &Arc<Ready>, sandbox: Granted, fixed: u64) {
        if let Some(sandbox) = sandbox.resized(0, fixed) {
            self.lock().push_back(Waits {
                of: Arc::downgrade(of),
                sandbox,
                since: Instant::now(),
            });
        }
        // Who has begun to wait since.
        self.make_room(admission);
    }

    /// The sandbox that a call of this code gets, with at least `bytes` for its guest and `fixed` beside; `None` where none
    /// waits, or where there is not as much at once.
    pub(crate) fn take(&self, of: &Arc<Ready>, bytes: u64, fixed: u64) -> Option<Granted> {
        let waits = {
            let mut waiting = self.lock();
            let is_of = |waits: &Waits| std::ptr::eq(waits.of.as_ptr(), Arc::as_ptr(of));
            let newest = waiting.iter().rposition(is_of)?;
            waiting.remove(newest)?
        };
        waits.sandbox.resized(bytes, fixed)
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
        let gone: VecDeque<Waits> = {
            let mut waiting = self.lock();
            let all = std::mem::take(&mut *waiting);
            let (gone, stay) = all.into_iter().partition(goes);
            *waiting = stay;
            gone
        };
        // Here, where nothing is locked.
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
