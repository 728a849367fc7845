//! What every stack has allocated and holds, and what each held when all together held most.
//!
//! The peak is a snapshot of all stacks, but none is ever copied: a stack's share is what it holds, until it changes for
//! the first time after a peak; then what it held is put aside. A later, higher peak makes what was put aside void.

use trace::{Amount, Nanos};

/// Of one stack.
#[derive(Clone, Copy, Default)]
pub(super) struct Entry {
    pub(super) allocated: Amount,
    pub(super) held: Amount,
    /// Valid in [`Entry::of_peak`] only, until the end.
    pub(super) at_peak: Amount,
    pub(super) temporary: Amount,
    /// The peak at which `at_peak` was put aside.
    of_peak: u64,
    /// Blocks that were reported and are held: whole, where amounts are estimates.
    reported: u64,
}

#[derive(Default)]
pub(super) struct Ledger {
    entries: Vec<Entry>,
    held_bytes: f64,
    reported: u64,
    peak_bytes: f64,
    peak_at: Nanos,
    /// Number of the peak, from 1.
    peak: u64,
}

impl Ledger {
    /// Counts a block that nobody will be seen to give back.
    pub(super) fn allocated(&mut self, stack: u32, amount: Amount) {
        super::add(&mut self.entry(stack).allocated, amount);
    }

    pub(super) fn handed_out(&mut self, stack: u32, amount: Amount, now: Nanos) {
        let entry = self.entry(stack);
        super::add(&mut entry.allocated, amount);
        super::add(&mut entry.held, amount);
        entry.reported += 1;
        self.reported += 1;
        self.held_bytes += amount.bytes;
        if self.held_bytes > self.peak_bytes {
            self.peak_bytes = self.held_bytes;
            self.peak_at = now;
            self.peak += 1;
        }
    }

    pub(super) fn given_back(&mut self, stack: u32, amount: Amount, temporary: bool) {
        let entry = self.entry(stack);
        if temporary {
            super::add(&mut entry.temporary, amount);
        }
        entry.held.blocks -= amount.blocks;
        entry.held.bytes -= amount.bytes;
        entry.reported = entry.reported.saturating_sub(1);
        // Sums of estimates are not exact; no block is no bytes.
        if entry.reported == 0 {
            entry.held = Amount::default();
        }
        self.reported = self.reported.saturating_sub(1);
        self.held_bytes -= amount.bytes;
        if self.reported == 0 {
            self.held_bytes = 0.0;
        }
    }

    pub(super) fn peak_at(&self) -> Nanos {
        self.peak_at
    }

    /// Every stack by its number.
    pub(super) fn finish(&self) -> impl Iterator<Item = Entry> {
        let peak = self.peak;
        self.entries.iter().map(move |entry| Entry {
            at_peak: if entry.of_peak == peak {
                entry.at_peak
            } else {
                entry.held
            },
            ..*entry
        })
    }

    /// The entry of a stack, about to change.
    fn entry(&mut self, stack: u32) -> &mut Entry {
        let stack = stack as usize;
        if stack >= self.entries.len() {
            // What was not there at the peak held nothing then.
            let new = Entry {
                of_peak: self.peak,
                ..Entry::default()
            };
            self.entries.resize(stack + 1, new);
        }
        let entry = &mut self.entries[stack];
        if entry.of_peak != self.peak {
            entry.at_peak = entry.held;
            entry.of_peak = self.peak;
        }
        entry
    }
}
