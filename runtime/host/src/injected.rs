//! The host's view of what was injected into a guest: the mailbox memory and the guest's own statics, read in place.
//!
//! All of the crate's raw pointers into linear memories are here. They are valid as long as the store that owns the
//! memories, and growing never moves a memory ([`crate::Engine::new`] sees to that).

use probe::{Mailbox, Record, ValueType};
use std::ops::Range;
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

    /// Highest live bytes since the last time this was asked, or since the beginning.
    pub(crate) fn take_window_peak(&self) -> u64 {
        let peak = self.read(Mailbox::WINDOW_PEAK);
        self.write(Mailbox::WINDOW_PEAK, self.read(Mailbox::LIVE));
        peak
    }

    /// As if the guest began now, with what it has in memory: nothing is handed out yet beside what is live, no slot was hit.
    pub(crate) fn begin_anew(&self, recorded: Range<usize>, step: u64) {
        let live = self.read(Mailbox::LIVE);
        self.write(Mailbox::LIVE_PEAK, live);
        self.write(Mailbox::WINDOW_PEAK, live);
        self.write(Mailbox::ALLOCATED, 0);
        self.write(Mailbox::ALLOCATIONS, 0);
        self.write(Mailbox::CLOCK, 0);
        // Where it has to stay 0 it does.
        if self.read(Mailbox::NEXT_SAMPLE_AT) > 0 {
            self.call_when_allocated(step);
        }
        recorded.step_by(8).for_each(|word| self.write(word, 0));
    }

    /// What one slot has recorded; `None` where it was never hit.
    pub(crate) fn record(&self, offset: u32, value_type: ValueType) -> Option<Record> {
        Mailbox::record_by(|at| Some(self.read(at) as i64), offset, value_type)
    }

    /// A variable that is kept in the mailbox itself.
    pub(crate) fn variable(&self, address: u32, value_type: ValueType) -> Option<Static> {
        let bytes = self.words * 8;
        Static::at(self.base.cast(), bytes, u64::from(address), value_type)
    }

    /// Whether an allocator is counted in it.
    pub(crate) fn has_heap(&self) -> bool {
        self.has_heap
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

/// The beginning of a linear memory that a component has shown, for as long as the store lives.
#[derive(Clone, Copy)]
pub(crate) struct Shown {
    base: *mut u8,
    bytes: usize,
}

// SAFETY: as for `Counters`.
unsafe impl Send for Shown {}

impl Shown {
    /// What is shown word by word.
    pub(crate) fn of_words(words: &[u64]) -> Shown {
        Shown::at(words.as_ptr().expose_provenance(), size_of_val(words))
    }

    /// What is shown byte by byte.
    pub(crate) fn of_bytes(bytes: &[u8]) -> Shown {
        Shown::at(bytes.as_ptr().expose_provenance(), bytes.len())
    }

    /// The engine lends a slice for reading. It is the memory itself, which compiled code writes through addresses that
    /// the engine has made known to it, and so do we: not through that slice, which ends here.
    fn at(address: usize, bytes: usize) -> Shown {
        Shown {
            base: std::ptr::with_exposed_provenance_mut(address),
            bytes,
        }
    }

    pub(crate) fn base(&self) -> *mut u8 {
        self.base
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The variable at an address of the memory.
    pub(crate) fn variable(&self, address: u32, value_type: ValueType) -> Option<Static> {
        Static::at(
            self.base.cast_const(),
            self.bytes,
            u64::from(address),
            value_type,
        )
    }
}

/// The mailboxes of a guest's rewritten modules, as far as they are known by now.
#[derive(Clone, Default)]
pub(crate) struct Mailboxes {
    of: Vec<Option<Counters>>,
}

impl Mailboxes {
    /// Makes that of a module known.
    pub(crate) fn add(&mut self, module: usize, counters: Counters) {
        if self.of.len() <= module {
            self.of.resize(module + 1, None);
        }
        self.of[module] = Some(counters);
    }

    /// That of one module.
    pub(crate) fn of(&self, module: usize) -> Option<&Counters> {
        self.of.get(module)?.as_ref()
    }

    /// All of them with the numbers of their modules.
    pub(crate) fn of_modules(&self) -> impl Iterator<Item = (usize, &Counters)> {
        let numbered = self.of.iter().enumerate();
        numbered.filter_map(|(module, counters)| Some((module, counters.as_ref()?)))
    }

    fn all(&self) -> impl Iterator<Item = &Counters> {
        self.of.iter().flatten()
    }

    /// The one in which the heap is counted.
    pub(crate) fn heap(&self) -> Option<&Counters> {
        self.all().find(|counters| counters.has_heap)
    }

    /// Live bytes now; `None` without a counted allocator.
    pub(crate) fn live(&self) -> Option<Bytes> {
        self.heap().map(|heap| Bytes(heap.read(Mailbox::LIVE)))
    }

    /// Tells all probes the time since the call began.
    pub(crate) fn set_clock(&self, now: Nanos) {
        self.all()
            .for_each(|counters| counters.write(Mailbox::CLOCK, now.0));
    }

    /// Tells all probes how much is committed.
    pub(crate) fn set_committed(&self, committed: Bytes) {
        self.all()
            .for_each(|counters| counters.write(Mailbox::COMMITTED, committed.0));
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

#[cfg(test)]
mod tests {
    use super::*;

    /// What a call has recorded is not there for the next one in the same sandbox; what its guest still holds is.
    #[test]
    fn another_call_finds_what_is_live_and_nothing_else() {
        let mut words = vec![7u64; 64];
        words[Mailbox::LIVE / 8] = 5;
        let counters = Counters::at(words.as_mut_ptr().cast(), 64 * 8, true);
        counters.begin_anew(128..232, 99);
        for (at, expected) in [
            (Mailbox::LIVE, 5),
            (Mailbox::LIVE_PEAK, 5),
            (Mailbox::WINDOW_PEAK, 5),
            (Mailbox::ALLOCATED, 0),
            (Mailbox::ALLOCATIONS, 0),
            (Mailbox::NEXT_SAMPLE_AT, 99),
            (Mailbox::UNTRACKED, 7),
            (Mailbox::CLOCK, 0),
            (120, 7),
            (128, 0),
            (224, 0),
            (232, 7),
        ] {
            assert_eq!(counters.read(at), expected, "{at}");
        }
        // In a component it has to stay 0.
        counters.call_when_allocated(0);
        counters.begin_anew(128..128, 99);
        assert_eq!(counters.read(Mailbox::NEXT_SAMPLE_AT), 0);
    }
}
