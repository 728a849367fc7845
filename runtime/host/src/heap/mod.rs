//! Who allocated the memory of one call: what wrappers of the allocator report, by call stack.
//!
//! In the exact mode every block is reported with a number for its calling context; the stack is walked once for each new
//! number. In the sampled mode the host decides how many bytes go by until the next block is reported, and walks the stack
//! there: a Poisson process over the bytes handed out, so that a block of s bytes is chosen with probability
//! 1 - exp(-s / mean) and counts as the inverse of that many blocks. What was chosen is remembered until it is given back,
//! however large it is and however the next ones are chosen.
//!
//! Not here: what a stack is called (`stacks`), and how the guest counts (`probe`).

mod blocks;
mod ledger;

use crate::{injected::Counters, stacks::Stacks};
use blocks::{Block, Blocks, Inserted};
use ledger::Ledger;
use probe::Mailbox;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    collections::{BTreeMap, HashMap},
    hash::{BuildHasherDefault, Hasher},
};
use trace::{Amount, HeapAtStack, HeapEvent, HeapProfile, HeapSampling, Nanos};
use wasmtime::WasmBacktrace;

/// Calling contexts kept; more are counted together, under one stack.
const MOST_CONTEXTS: usize = 1 << 16;

/// Where no more events are kept, the clock is read once in so many reports.
const REPORTS_PER_TICK: u64 = 64;

/// Everything reported of the heap of one call.
pub(crate) struct HeapRecorder {
    sampling: HeapSampling,
    /// Whether releases are seen at all.
    sees_releases: bool,
    stacks: Stacks,
    contexts: HashMap<u64, u32, BuildHasherDefault<Mixed>>,
    last_context: Option<(u64, u32)>,
    blocks: Blocks,
    ledger: Ledger,
    events: Vec<HeapEvent>,
    events_lost: u64,
    reports: u64,
    now: Nanos,
    newest: u32,
    sampler: Sampler,
}

/// What chooses blocks.
struct Sampler {
    random: SmallRng,
    /// Sampled blocks that are held, by the byte of the filter that stands for them.
    filtered: Vec<u32>,
    filter_offset: usize,
    begun: bool,
}

impl HeapRecorder {
    pub(crate) fn new(
        sampling: HeapSampling,
        sees_releases: bool,
        filter_offset: Option<u32>,
        seed: u64,
    ) -> HeapRecorder {
        HeapRecorder {
            sampling,
            sees_releases,
            stacks: Stacks::default(),
            contexts: HashMap::default(),
            last_context: None,
            blocks: Blocks::new(sampling == HeapSampling::Exact),
            ledger: Ledger::default(),
            events: Vec::new(),
            events_lost: 0,
            reports: 0,
            now: Nanos(0),
            newest: 0,
            sampler: Sampler {
                random: SmallRng::seed_from_u64(seed),
                filtered: Vec::new(),
                filter_offset: filter_offset.unwrap_or_default() as usize,
                begun: false,
            },
        }
    }

    /// Tells the guest when to report its first block, once its mailbox is known.
    pub(crate) fn begin(&mut self, counters: Counters) {
        if !self.sampler.begun && !self.is_exact() {
            self.sampler.begun = true;
            self.sampler.filtered = vec![0; Mailbox::FILTER_BYTES];
            let bytes = self.next_interval();
            counters.set_bytes_to_sample(bytes);
        }
    }

    pub(crate) fn is_exact(&self) -> bool {
        self.sampling == HeapSampling::Exact
    }

    /// The stack of a calling context that was met before.
    pub(crate) fn stack_of(&mut self, context: u64) -> Option<u32> {
        if let Some((last, stack)) = self.last_context
            && last == context
        {
            return Some(stack);
        }
        let known = self.contexts.get(&context).copied();
        let stack = known.or_else(|| {
            let full = self.contexts.len() >= MOST_CONTEXTS;
            full.then(|| self.stacks.others())
        })?;
        self.last_context = Some((context, stack));
        Some(stack)
    }

    /// The stack of a calling context that is met for the first time.
    pub(crate) fn new_context(&mut self, context: u64, backtrace: &WasmBacktrace) -> u32 {
        let stack = self.stacks.enter(backtrace);
        self.contexts.insert(context, stack);
        self.last_context = Some((context, stack));
        stack
    }

    /// A block was handed out, and all are reported.
    pub(crate) fn handed_out(
        &mut self,
        address: u32,
        size: u32,
        stack: u32,
        guest_bytes: u64,
        clock: impl FnOnce() -> Nanos,
    ) {
        self.tick(clock);
        self.newest = address;
        self.hold(address, size, stack, guest_bytes);
    }

    /// The guest has counted down to a block.
    pub(crate) fn chosen(
        &mut self,
        address: u32,
        size: u32,
        backtrace: &WasmBacktrace,
        counters: Counters,
        clock: impl FnOnce() -> Nanos,
    ) {
        let stack = self.stacks.enter(backtrace);
        self.tick(clock);
        self.hold(address, size, stack, 0);
        if self.sees_releases {
            let byte = Mailbox::filter_byte(address);
            self.sampler.filtered[byte] += 1;
            counters.set_byte(self.sampler.filter_offset + byte, 1);
        }
        // The process has no memory: what is left over of this block does not matter.
        let bytes = self.next_interval();
        counters.set_bytes_to_sample(bytes);
    }

    /// Whether the first block of all was chosen, where it was handed out before there was anything to count down.
    pub(crate) fn chooses_first(&mut self, size: u32, counters: Counters) -> bool {
        let left = counters.bytes_to_sample() - i64::from(size);
        counters.set_bytes_to_sample(left);
        left < 0
    }

    /// A block was given back, if it was one that is known.
    pub(crate) fn given_back(
        &mut self,
        address: u32,
        moved: bool,
        counters: Option<Counters>,
        clock: impl FnOnce() -> Nanos,
    ) {
        let Some(block) = self.blocks.remove(address) else {
            return;
        };
        self.tick(clock);
        let newest = match (self.is_exact(), counters) {
            (false, Some(counters)) => {
                self.unfilter(address, counters);
                counters.newest_block()
            }
            _ => self.newest,
        };
        let amount = self.amount(block.size);
        let temporary = newest == address && !moved;
        self.ledger.given_back(block.stack, amount, temporary);
        self.event(address, block, -1);
    }

    fn unfilter(&mut self, address: u32, counters: Counters) {
        let byte = Mailbox::filter_byte(address);
        let held = &mut self.sampler.filtered[byte];
        *held = held.saturating_sub(1);
        if *held == 0 {
            counters.set_byte(self.sampler.filter_offset + byte, 0);
        }
    }

    fn hold(&mut self, address: u32, size: u32, stack: u32, guest_bytes: u64) {
        let amount = self.amount(size);
        let block = Block { size, stack };
        let inserted = if self.sees_releases {
            self.blocks.insert(address, block, guest_bytes)
        } else {
            Inserted::NoRoom
        };
        match inserted {
            Inserted::NoRoom => self.ledger.allocated(stack, amount),
            Inserted::Held { before } => {
                // Its release was not seen: it cannot be held any more.
                if let Some(before) = before {
                    let amount = self.amount(before.size);
                    self.ledger.given_back(before.stack, amount, false);
                    self.event(address, before, -1);
                }
                self.ledger.handed_out(stack, amount, self.now);
            }
        }
        self.event(address, block, 1);
    }

    /// What one block stands for.
    fn amount(&self, size: u32) -> Amount {
        let weight = self.weight(size);
        Amount {
            blocks: weight,
            bytes: weight * f64::from(size),
        }
    }

    fn weight(&self, size: u32) -> f64 {
        match self.sampling {
            HeapSampling::Exact => 1.0,
            // Nothing of no size is ever chosen.
            HeapSampling::Poisson { mean } => {
                let probability = -(-f64::from(size.max(1)) / mean.0.max(1) as f64).exp_m1();
                1.0 / probability
            }
        }
    }

    fn event(&mut self, address: u32, block: Block, sign: i64) {
        if self.events.len() == HeapProfile::MAX_EVENTS {
            self.events_lost += 1;
            return;
        }
        self.events.push(HeapEvent {
            at: self.now,
            stack: block.stack,
            address: u64::from(address),
            bytes: sign * i64::from(block.size),
            weight: self.weight(block.size),
        });
    }

    /// Reads the clock: always while the time is kept of every event, then now and then.
    fn tick(&mut self, clock: impl FnOnce() -> Nanos) {
        self.reports += 1;
        let needed = self.events.len() < HeapProfile::MAX_EVENTS
            || !self.is_exact()
            || self.reports.is_multiple_of(REPORTS_PER_TICK);
        if needed {
            self.now = clock();
        }
    }

    /// Bytes until the next block is chosen: exponential, as the distances of a Poisson process are.
    fn next_interval(&mut self) -> i64 {
        let HeapSampling::Poisson { mean } = self.sampling else {
            return 0;
        };
        let uniform: f64 = 1.0 - self.sampler.random.r#gen::<f64>();
        // Rounded down: a whole number of bytes is passed as often as the real one.
        (-uniform.ln() * mean.0 as f64) as i64
    }

    /// The profile. `keeps_held` is false where it is not known what was held; such amounts are then 0.
    pub(crate) fn finish(
        self,
        resolve: impl FnOnce(&Stacks) -> (trace::StackTable, Vec<u32>),
        keeps_held: bool,
    ) -> HeapProfile {
        let (table, numbers) = resolve(&self.stacks);
        let number = |stack: u32| numbers.get(stack as usize).copied().unwrap_or_default();
        let mut by_stack: BTreeMap<u32, HeapAtStack> = BTreeMap::new();
        for (stack, found) in self.ledger.finish().enumerate() {
            if found.allocated.blocks == 0.0 {
                continue;
            }
            let stack = number(stack as u32);
            let sum = by_stack.entry(stack).or_insert(HeapAtStack {
                stack,
                allocated: Amount::default(),
                at_peak: Amount::default(),
                at_end: Amount::default(),
                temporary: Amount::default(),
            });
            add(&mut sum.allocated, found.allocated);
            if keeps_held && self.sees_releases {
                add(&mut sum.at_peak, found.at_peak);
                add(&mut sum.at_end, found.held);
                add(&mut sum.temporary, found.temporary);
            }
        }
        let mut events = self.events;
        for event in &mut events {
            event.stack = number(event.stack);
        }
        HeapProfile {
            sampling: self.sampling,
            table,
            by_stack: by_stack.into_values().collect(),
            peak_at: self.ledger.peak_at(),
            events,
            events_lost: self.events_lost,
        }
    }
}

fn add(sum: &mut Amount, amount: Amount) {
    sum.blocks += amount.blocks;
    sum.bytes += amount.bytes;
}

/// Calling contexts are hashes already; their high bits are the good ones.
#[derive(Default)]
struct Mixed(u64);

impl Hasher for Mixed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, context: u64) {
        self.0 = context ^ (context >> 32);
    }
}
