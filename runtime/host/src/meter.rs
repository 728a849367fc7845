//! Committed memory, exactly: every growth of every linear memory of the guest passes here before it happens.
//!
//! The engine asks before a growth and says afterwards only when it failed, so a growth is taken as granted and taken
//! back when that word comes. Memories that were injected pass here too and are left out: the engine does not say which
//! memory grows, but it says its declared maximum, and those of the injected ones are such that no memory of the guest has them.

use crate::injected::Mailboxes;
use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use trace::{Bytes, Growth, Nanos, Refusal, Trace};
use wasmtime::ResourceLimiter;

/// Elements a guest's tables may have together: 10 million references are 80 MB of the host's memory.
const MOST_TABLE_ELEMENTS: usize = 10_000_000;

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
    /// What the last refused growth was refused by: the limit of the call, or the guest's own declared maximum.
    pub(crate) refused_by: Option<Bytes>,
}

impl Committed {
    pub(crate) fn new(begun: Instant) -> Arc<Committed> {
        Arc::new(Committed {
            begun,
            now: AtomicU64::new(0),
            history: Mutex::default(),
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
        }
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
        self.refuse(asked, self.before_last);
    }

    fn refuse(&mut self, asked: u64, by: u64) {
        let at = self.committed.elapsed();
        let mut history = self.committed.history();
        history.refused_count += 1;
        history.refused_by = Some(Bytes(by));
        if history.refusals.len() < Trace::MAX_REFUSALS {
            history.refusals.push(Refusal {
                at,
                asked: Bytes(asked),
            });
        }
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        self.last_was_injected =
            maximum.is_some_and(|maximum| self.injected_maxima.contains(&(maximum as u64)));
        if self.last_was_injected {
            return Ok(true);
        }
        let created = current == 0 && self.to_create > 0;
        self.to_create -= usize::from(created);
        let grown = (desired as u64).saturating_sub(current as u64);
        let total = self.committed.now().0.saturating_add(grown);
        if total > self.limit {
            self.refuse(total, self.limit);
            return Ok(false);
        }
        if let Some(own) = maximum.filter(|maximum| desired > *maximum) {
            self.refuse(total, own as u64);
            return Ok(false);
        }
        self.grant(created, total);
        Ok(true)
    }

    fn memory_grow_failed(&mut self, error: wasmtime::Error) -> wasmtime::Result<()> {
        // One kind of failure comes without the question before it: a size that the memory's type cannot express.
        // The engine has no error type for it, so it is known by its words.
        if error.to_string().contains("exceeds memory type's limits") {
            self.refuse(LARGEST_MEMORY32, LARGEST_MEMORY32);
        } else if !self.last_was_injected {
            self.take_back();
        }
        Ok(())
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        let total = self.table_elements + desired.saturating_sub(current);
        let granted = total <= MOST_TABLE_ELEMENTS;
        if granted {
            self.table_elements = total;
        }
        Ok(granted)
    }
}
