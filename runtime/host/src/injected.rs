//! The host's view of what was injected into a guest: the mailbox memory and the guest's own statics, read in place.
//!
//! All of the crate's raw pointers into linear memories are here. They are valid as long as the store that owns the
//! memories, and growing never moves a memory ([`crate::Engine::new`] sees to that).

use probe::{Mailbox, ValueType};
use trace::{Bytes, Nanos};

/// The counters in the mailbox: eight-byte words of a linear memory, read and written while the guest may be running.
///
/// The guest writes them with ordinary stores from another thread when the timeline reads them. Each is one aligned
/// word, read volatile: a value may be stale, it is never torn.
#[derive(Clone, Copy)]
pub(crate) struct Counters {
    base: *mut u64,
    words: usize,
    /// Whether an allocator is counted. The mailbox is also there for probes alone.
    has_heap: bool,
}

// SAFETY: the pointer is only read and written word by word, volatile; `Sampler` ends before the store is dropped.
unsafe impl Send for Counters {}
// SAFETY: as above.
unsafe impl Sync for Counters {}

impl Counters {
    /// The mailbox in a memory of `bytes` at `base`, which must stay there until the last use.
    pub(crate) fn at(base: *mut u8, bytes: usize, has_heap: bool) -> Counters {
        Counters {
            base: base.cast(),
            words: bytes / 8,
            has_heap,
        }
    }

    /// The word at a byte offset of the layout; 0 beyond its end.
    pub(crate) fn read(&self, offset: usize) -> u64 {
        let word = offset / 8;
        if word >= self.words {
            return 0;
        }
        // SAFETY: inside the memory by the check above; aligned, as memories begin at a page.
        unsafe { self.base.add(word).read_volatile() }
    }

    fn write(&self, offset: usize, value: u64) {
        let word = offset / 8;
        if word < self.words {
            // SAFETY: as for `read`.
            unsafe { self.base.add(word).write_volatile(value) }
        }
    }

    /// Live bytes now; `None` without a counted allocator.
    pub(crate) fn live(&self) -> Option<Bytes> {
        self.has_heap.then(|| Bytes(self.read(Mailbox::LIVE)))
    }

    /// Highest live bytes since the last time this was asked, or since the beginning.
    pub(crate) fn take_window_peak(&self) -> u64 {
        let peak = self.read(Mailbox::WINDOW_PEAK);
        self.write(Mailbox::WINDOW_PEAK, self.read(Mailbox::LIVE));
        peak
    }

    /// Tells the probes the time since the call began, and how much is committed.
    pub(crate) fn set_clock(&self, now: Nanos) {
        self.write(Mailbox::CLOCK, now.0);
    }

    pub(crate) fn set_committed(&self, committed: Bytes) {
        self.write(Mailbox::COMMITTED, committed.0);
    }

    /// Bytes that may still be handed out before a block is reported; negative where one is being reported.
    pub(crate) fn bytes_to_sample(&self) -> i64 {
        self.read(Mailbox::BYTES_TO_SAMPLE) as i64
    }

    pub(crate) fn set_bytes_to_sample(&self, bytes: i64) {
        self.write(Mailbox::BYTES_TO_SAMPLE, bytes as u64);
    }

    /// Address of the block that was handed out last, where blocks are sampled.
    pub(crate) fn newest_block(&self) -> u32 {
        self.read(Mailbox::NEWEST_BLOCK) as u32
    }

    /// Writes one byte.
    pub(crate) fn set_byte(&self, offset: usize, value: u8) {
        if offset < self.words * 8 {
            // SAFETY: inside the memory by the check; the guest's thread is the one that calls this.
            unsafe { self.base.cast::<u8>().add(offset).write_volatile(value) }
        }
    }

    /// How often a slot has been hit, by the record at `offset`.
    pub(crate) fn hits(&self, offset: u32) -> u64 {
        self.read(offset as usize + Mailbox::RECORD_COUNT)
    }

    /// Asks for a call at every hit of a slot after so many.
    pub(crate) fn call_after(&self, offset: u32, hits: u64) {
        self.write(offset as usize + Mailbox::RECORD_CALL_AFTER, hits);
    }

    /// Asks for a call of `allocated` once so many bytes have been handed out in total.
    pub(crate) fn call_when_allocated(&self, total: u64) {
        self.write(Mailbox::NEXT_SAMPLE_AT, total);
    }
}

/// An exported static of the guest: a few bytes of its linear memory, read in place while the guest may be running.
pub(crate) struct Static {
    at: *const u8,
    value_type: ValueType,
}

// SAFETY: as for `Counters`: read volatile, never written, not used after the store is dropped.
unsafe impl Send for Static {}

impl Static {
    /// The static at `address` of a memory of `bytes` at `base`; `None` where it is not inside.
    pub(crate) fn at(
        base: *const u8,
        bytes: usize,
        address: u64,
        value_type: ValueType,
    ) -> Option<Static> {
        let address = usize::try_from(address).ok()?;
        let end = address.checked_add(value_type.size() as usize)?;
        (end <= bytes).then(|| Static {
            at: base.wrapping_add(address),
            value_type,
        })
    }

    /// Its value now.
    pub(crate) fn read(&self) -> Option<f64> {
        let mut bytes = [0; 8];
        let size = self.value_type.size() as usize;
        for (position, byte) in bytes.iter_mut().enumerate().take(size) {
            // SAFETY: inside the memory by the check in `at`; memories neither move nor shrink.
            *byte = unsafe { self.at.add(position).read_volatile() };
        }
        self.value_type.read(&bytes)
    }
}
