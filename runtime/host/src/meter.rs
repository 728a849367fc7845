//! Committed memory, exactly: every growth of every linear memory of the guest passes here before it happens.
//!
//! The engine asks before a growth and says afterwards only when it failed, so a growth is taken as granted and taken
//! back when that word comes. Memories that were injected pass here too and are left out: the engine does not say which
//! memory grows, but it says its declared maximum, and those of the injected ones are such that no memory of the guest has them.

use crate::{
    injected::Mailboxes,
    parts::Parts,
    serving::{Grants, Growing},
    state,
};
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use trace::{Bytes, Growth, Nanos, Refusal, Trace};
use wasmtime::{ResourceLimiter, ResourceLimiterAsync};
use wasmtime_wasi::async_trait;

/// Elements a guest's tables may have together: 10 million references are 80 MB of the host's memory.
const MOST_TABLE_ELEMENTS: usize = 10_000_000;

/// What a reference in a table takes of the host's memory, bytes.
const TABLE_ELEMENT: u64 = 8;

/// What a refused growth beyond the type of a 32-bit memory is recorded as: the engine does not say how much was asked.
const LARGEST_MEMORY32: u64 = 1 << 32;

/// What is known of a call's committed memory, readable from the thread of the timeline while the guest runs.
pub(crate) struct Committed {
    begun: Instant,
    now: AtomicU64,
    history: Mutex<History>,
}

/// Every growth and refusal so far.
#[derive(Clone, Default)]
pub(crate) struct History {
    pub(crate) start: Bytes,
    pub(crate) peak: Bytes,
    pub(crate) growths: Vec<Growth>,
    pub(crate) refusals: Vec<Refusal>,
    pub(crate) refused_count: u64,
    /// What the last refused growth was refused by.
    pub(crate) refused_by: Option<RefusedBy>,
}

/// What a growth was refused by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusedBy {
    /// The limit of the call.
    Limit,
    /// The guest's own declared maximum, or the system.
    Itself(Bytes),
    /// What this machine has for all calls: so much was left for this one.
    Machine(Bytes),
}

impl Committed {
    pub(crate) fn new(begun: Instant) -> Arc<Committed> {
        Committed::from(begun, Bytes(0))
    }

    /// Of another call in the same sandbox, which has that much already.
    pub(crate) fn from(begun: Instant, bytes: Bytes) -> Arc<Committed> {
        Arc::new(Committed {
            begun,
            now: AtomicU64::new(bytes.0),
            history: Mutex::new(History {
                start: bytes,
                peak: bytes,
                ..History::default()
            }),
        })
    }

    /// Size of the guest's memories at this moment.
    pub(crate) fn now(&self) -> Bytes {
        Bytes(self.now.load(Ordering::Relaxed))
    }

    /// Time since the call began.
    pub(crate) fn elapsed(&self) -> Nanos {
        self.begun.elapsed().into()
    }

    pub(crate) fn history(&self) -> MutexGuard<'_, History> {
        self.history.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The limiter of one sandbox.
pub(crate) struct Meter {
    committed: Arc<Committed>,
    limit: u64,
    /// Memories of the guest that have still to be created, at most.
    to_create: usize,
    /// Declared maxima of the injected memories, bytes.
    injected_maxima: Vec<u64>,
    /// Where the probes look for the committed memory, once it is known.
    mailboxes: Mailboxes,
    /// Size before the growth that was last granted, to go back to if it fails after all.
    before_last: u64,
    last_was_injected: bool,
    table_elements: usize,
    /// What tables have grown by, bytes.
    tables_grown: u64,
    /// Who decides about memory that other calls may want too, and what is read for that.
    grants: Option<(Arc<dyn Grants>, Arc<Parts>)>,
}

/// A growth that the limiter has been asked for.
enum Asked {
    /// It is decided.
    Decided(bool),
    /// Others may want the memory too.
    Shared { created: bool, to: u64 },
}

impl Meter {
    pub(crate) fn new(
        committed: Arc<Committed>,
        limit: Bytes,
        guest_memories: usize,
        injected_maxima: Vec<u64>,
    ) -> Meter {
        Meter {
            committed,
            limit: limit.0,
            to_create: guest_memories,
            injected_maxima,
            mailboxes: Mailboxes::default(),
            before_last: 0,
            last_was_injected: false,
            table_elements: 0,
            tables_grown: 0,
            grants: None,
        }
    }

    /// From now on what grows is of another call. What tables have grown by stays.
    pub(crate) fn begin_anew(&mut self, committed: Arc<Committed>, limit: Bytes) {
        self.committed = committed;
        self.limit = limit.0;
        self.mailboxes.set_committed(self.committed.now());
    }

    /// What the guest has: its memories, and what its tables have grown by.
    pub(crate) fn taken(&self) -> Bytes {
        Bytes(self.committed.now().0.saturating_add(self.tables_grown))
    }

    /// From now on growth is asked for there too.
    pub(crate) fn set_grants(&mut self, grants: Arc<dyn Grants>, parts: Arc<Parts>) {
        self.grants = Some((grants, parts));
    }

    /// The call has ended: who decided for it has nothing to do with the next one.
    pub(crate) fn forget_grants(&mut self) {
        self.grants = None;
    }

    pub(crate) fn committed(&self) -> &Committed {
        &self.committed
    }

    /// From now on the probes are told of every growth.
    pub(crate) fn set_mailboxes(&mut self, mailboxes: Mailboxes) {
        self.mailboxes = mailboxes;
        self.mailboxes.set_committed(self.committed.now());
    }

    /// Time since the call began.
    pub(crate) fn elapsed(&self) -> Nanos {
        self.committed.elapsed()
    }

    /// The guest is instantiated: from now on memories grow, none is created.
    pub(crate) fn is_instantiated(&mut self) {
        self.to_create = 0;
    }

    fn grant(&mut self, created: bool, to: u64) {
        self.before_last = self.committed.now.swap(to, Ordering::Relaxed);
        self.mailboxes.set_committed(Bytes(to));
        let at = self.committed.elapsed();
        let mut history = self.committed.history();
        history.peak = history.peak.max(Bytes(to));
        if created {
            history.start = Bytes(to);
        } else {
            history.growths.push(Growth { at, to: Bytes(to) });
        }
    }

    /// The growth granted last did not happen: the system had no memory for it.
    fn take_back(&mut self) {
        let asked = self.committed.now.swap(self.before_last, Ordering::Relaxed);
        self.mailboxes.set_committed(Bytes(self.before_last));
        {
            let mut history = self.committed.history();
            history.growths.pop();
            history.peak = history.growths.last().map_or(history.start, |g| g.to);
        }
        self.refuse(asked, RefusedBy::Itself(Bytes(self.before_last)));
    }

    fn refuse(&mut self, asked: u64, by: RefusedBy) {
        let at = self.committed.elapsed();
        let mut history = self.committed.history();
        history.refused_count += 1;
        history.refused_by = Some(by);
        if history.refusals.len() < Trace::MAX_REFUSALS {
            history.refusals.push(Refusal {
                at,
                asked: Bytes(asked),
            });
        }
    }
}

impl Meter {
    fn ask(&mut self, current: usize, desired: usize, maximum: Option<usize>) -> Asked {
        self.last_was_injected =
            maximum.is_some_and(|maximum| self.injected_maxima.contains(&(maximum as u64)));
        if self.last_was_injected {
            return Asked::Decided(true);
        }
        let created = current == 0 && self.to_create > 0;
        self.to_create -= usize::from(created);
        let grown = (desired as u64).saturating_sub(current as u64);
        let total = self.committed.now().0.saturating_add(grown);
        if total.saturating_add(self.tables_grown) > self.limit {
            self.refuse(total, RefusedBy::Limit);
            return Asked::Decided(false);
        }
        if let Some(own) = maximum.filter(|maximum| desired > *maximum) {
            self.refuse(total, RefusedBy::Itself(Bytes(own as u64)));
            return Asked::Decided(false);
        }
        if self.grants.is_some() {
            return Asked::Shared { created, to: total };
        }
        self.grant(created, total);
        Asked::Decided(true)
    }

    /// Asks who shares the memory of this machine among the calls.
    fn share(&self, to: u64) -> Growing {
        let Some((grants, parts)) = &self.grants else {
            return Growing::Granted;
        };
        let total = Bytes(to.saturating_add(self.tables_grown));
        grants.grow(total, &|| state::summaries(&self.mailboxes, parts))
    }

    fn grow_failed(&mut self, error: &wasmtime::Error) {
        // One kind of failure comes without the question before it: a size that the memory's type cannot express.
        // The engine has no error type for it, so it is known by its words.
        if error.to_string().contains("exceeds memory type's limits") {
            let largest = RefusedBy::Itself(Bytes(LARGEST_MEMORY32));
            self.refuse(LARGEST_MEMORY32, largest);
        } else if !self.last_was_injected {
            self.take_back();
        }
    }

    /// Tables count where they grow: with what they begin with a guest is as large as its module says.
    fn ask_table(&mut self, current: usize, desired: usize) -> bool {
        let more = desired.saturating_sub(current);
        let elements = self.table_elements + more;
        let grown = match current {
            0 => 0,
            _ => (more as u64).saturating_mul(TABLE_ELEMENT),
        };
        let grown = self.tables_grown.saturating_add(grown);
        let total = self.committed.now().0.saturating_add(grown);
        if elements > MOST_TABLE_ELEMENTS {
            return false;
        }
        if current > 0 && total > self.limit {
            self.refuse(total, RefusedBy::Limit);
            return false;
        }
        self.table_elements = elements;
        self.tables_grown = grown;
        true
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(match self.ask(current, desired, maximum) {
            Asked::Decided(granted) => granted,
            // Nobody shares anything where calls are made one at a time.
            Asked::Shared { created, to } => {
                self.grant(created, to);
                true
            }
        })
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.grow_failed(&error);
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.ask_table(current, desired))
    }
}

#[async_trait]
impl ResourceLimiterAsync for Meter {
    async fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let (created, to) = match self.ask(current, desired, maximum) {
            Asked::Decided(granted) => return Ok(granted),
            Asked::Shared { created, to } => (created, to),
        };
        let mut answer = self.share(to);
        if let Growing::After(freed) = answer {
            // Of a call that is being stopped, and which waits for nothing.
            freed.await;
            answer = self.share(to);
        }
        Ok(match answer {
            Growing::Granted => {
                self.grant(created, to);
                true
            }
            Growing::Refused { most } => {
                self.refuse(to, RefusedBy::Machine(most));
                false
            }
            Growing::After(_) => {
                self.refuse(to, RefusedBy::Machine(self.committed.now()));
                false
            }
        })
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        self.grow_failed(&error);
        Ok(())
    }

    async fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        Ok(self.ask_table(current, desired))
    }
}
