//! Calls added up: one short call says little, all calls of a function say where its memory comes from.
//!
//! Amounts add, sampled ones too: each is already an estimate of what all blocks together were. Exact amounts and
//! estimates are not added; of the two kinds the one that more calls have is kept, and the rest is counted.

use super::error::which;
use super::intern::Interner;
use super::over_time::{Call, OverTime};
use super::similarity::{Comparison, smallest};
use super::{By, Folded, Measure, StackError, View};
use std::collections::BTreeMap;
use trace::{
    Amount, Bytes, CpuProfile, FunctionId, Heap, HeapAtStack, HeapProfile, HeapSampling, Machine,
    Nanos, StackTable, Trace,
};

/// Adds calls up, one after another, so that not all of them must be in memory at once.
#[derive(Clone, Debug, Default)]
pub struct Merger {
    function: Option<FunctionId>,
    calls: usize,
    without_allocator: usize,
    stacks: Interner,
    heap: Vec<HeapPart>,
    cpu: Vec<CpuPart>,
    /// Of calls whose allocations were all looked at, and of those that were sampled.
    allocated: [OverTime; 2],
    used: OverTime,
}

/// Heaps of calls of one machine that were looked at in the same way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct HeapPart {
    pub(super) machine: Machine,
    exact: bool,
    calls: usize,
    /// Largest mean distance of sampled bytes, 1 where all were looked at.
    period: u64,
    pub(super) by_stack: BTreeMap<u32, HeapAtStack>,
}

/// CPU time of calls of one machine.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct CpuPart {
    pub(super) machine: Machine,
    calls: usize,
    period: u64,
    /// Samples and nanoseconds.
    pub(super) by_stack: BTreeMap<u32, (u64, u64)>,
}

/// Calls added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The function, as the last call says.
    pub function: FunctionId,
    /// Calls looked at.
    pub calls: usize,
    /// Calls whose allocations could not be counted because no allocator was found.
    without_allocator: usize,
    pub(super) table: StackTable,
    pub(super) heap: Vec<HeapPart>,
    pub(super) cpu: Vec<CpuPart>,
    /// When what is in `heap` was allocated, as far as that is known.
    pub(super) allocated: OverTime,
    /// When the CPU time was used.
    pub(super) used: OverTime,
    /// Calls left out because their amounts are of the other kind.
    other_kind: usize,
}

impl Merger {
    /// Adds a call.
    pub fn add(&mut self, trace: &Trace) {
        self.calls += 1;
        self.without_allocator += usize::from(trace.heap == Heap::Unknown);
        self.function = Some(trace.function.clone());
        if let Some(profile) = &trace.heap_profile {
            self.add_heap(trace, profile);
        }
        if let Some(profile) = &trace.cpu_profile {
            self.add_cpu(trace, profile);
        }
    }

    fn add_heap(&mut self, trace: &Trace, profile: &HeapProfile) {
        let machine = &trace.machine;
        let (exact, period) = match profile.sampling {
            HeapSampling::Exact => (true, 1),
            HeapSampling::Poisson { mean } => (false, mean.0.max(1)),
        };
        let numbers = self.stacks.add_all(&profile.table);
        let same = |part: &HeapPart| part.exact == exact && part.machine == *machine;
        let position = self.heap.iter().position(same).unwrap_or_else(|| {
            self.heap.push(HeapPart {
                machine: machine.clone(),
                exact,
                calls: 0,
                period,
                by_stack: BTreeMap::new(),
            });
            self.heap.len() - 1
        });
        let part = &mut self.heap[position];
        part.calls += 1;
        part.period = part.period.max(period);
        for at in &profile.by_stack {
            let Some(&stack) = numbers.get(at.stack as usize) else {
                continue;
            };
            let sum = part.by_stack.entry(stack).or_insert_with(|| nothing(stack));
            add(&mut sum.allocated, at.allocated);
            add(&mut sum.at_peak, at.at_peak);
            add(&mut sum.at_end, at.at_end);
            add(&mut sum.temporary, at.temporary);
        }
        let handed_out = profile.events.iter().filter(|event| event.bytes > 0);
        let amounts = handed_out.filter_map(|event| {
            let stack = *numbers.get(event.stack as usize)?;
            Some((event.at, stack, event.bytes as f64 * event.weight))
        });
        let over_time = &mut self.allocated[usize::from(!exact)];
        // The last release may come when the guest has returned, after what is counted as the call's time.
        let latest = profile.events.iter().map(|event| event.at.0);
        let latest = latest.max().map_or(0, |at| at.saturating_add(1));
        let call = Call {
            label: &trace.input.label,
            length: trace.wall.max(Nanos(latest)),
            finest: Nanos(1),
            is_cut: profile.events_lost > 0,
        };
        over_time.add(&call, amounts);
    }

    fn add_cpu(&mut self, trace: &Trace, profile: &CpuProfile) {
        let machine = &trace.machine;
        let numbers = self.stacks.add_all(&profile.table);
        let same = |part: &CpuPart| part.machine == *machine;
        let position = self.cpu.iter().position(same).unwrap_or_else(|| {
            self.cpu.push(CpuPart {
                machine: machine.clone(),
                calls: 0,
                period: profile.period.0,
                by_stack: BTreeMap::new(),
            });
            self.cpu.len() - 1
        });
        let part = &mut self.cpu[position];
        part.calls += 1;
        part.period = part.period.max(profile.period.0);
        for sample in &profile.samples {
            let Some(&stack) = numbers.get(sample.stack as usize) else {
                continue;
            };
            let (samples, nanos) = part.by_stack.entry(stack).or_default();
            *samples += 1;
            *nanos = nanos.saturating_add(sample.cpu.0);
        }
        let amounts = profile.samples.iter().filter_map(|sample| {
            let stack = *numbers.get(sample.stack as usize)?;
            Some((sample.at, stack, sample.cpu.0 as f64))
        });
        let call = Call {
            label: &trace.input.label,
            length: trace.wall,
            // Samples come neither sooner nor always as soon: a shorter cell would be empty now and then by chance.
            finest: Nanos(profile.period.0.saturating_mul(2)),
            is_cut: false,
        };
        self.used.add(&call, amounts);
    }

    /// The sum; `None` where no call was added.
    pub fn finish(self) -> Option<Merged> {
        let calls = |exact: bool| -> usize {
            let parts = self.heap.iter().filter(|part| part.exact == exact);
            parts.map(|part| part.calls).sum()
        };
        let keep_exact = calls(true) >= calls(false);
        let other_kind = calls(!keep_exact);
        let mut heap = self.heap;
        heap.retain(|part| part.exact == keep_exact);
        let [exact, sampled] = self.allocated;
        Some(Merged {
            function: self.function?,
            calls: self.calls,
            without_allocator: self.without_allocator,
            table: self.stacks.finish(),
            heap,
            cpu: self.cpu,
            allocated: if keep_exact { exact } else { sampled },
            used: self.used,
            other_kind,
        })
    }
}

impl Merged {
    /// Calls added up; `None` where there are none.
    pub fn of<'a>(traces: impl IntoIterator<Item = &'a Trace>) -> Option<Merged> {
        let mut merger = Merger::default();
        traces.into_iter().for_each(|trace| merger.add(trace));
        merger.finish()
    }

    /// Whether any call has what the view shows.
    pub fn has(&self, view: View) -> bool {
        match view {
            View::Cpu => !self.cpu.is_empty(),
            _ => !self.heap.is_empty(),
        }
    }

    /// Calls whose stacks are in the sum.
    pub fn calls_in(&self, view: View) -> usize {
        match view {
            View::Cpu => self.cpu.iter().map(|part| part.calls).sum(),
            _ => self.heap.iter().map(|part| part.calls).sum(),
        }
    }

    /// How the allocations were looked at. Of calls that were sampled differently, the coarsest mean.
    pub fn sampling(&self) -> Option<HeapSampling> {
        let period = self.heap.iter().map(|part| part.period).max()?;
        Some(match self.heap.first()?.exact {
            true => HeapSampling::Exact,
            false => HeapSampling::Poisson {
                mean: Bytes(period),
            },
        })
    }

    /// Nanoseconds between CPU samples, the coarsest of all calls.
    pub(super) fn cpu_period(&self) -> u64 {
        self.cpu.iter().map(|part| part.period).max().unwrap_or(0)
    }

    /// What each stack allocated, all machines together.
    pub(super) fn heap_by_stack(&self) -> BTreeMap<u32, HeapAtStack> {
        let mut all: BTreeMap<u32, HeapAtStack> = BTreeMap::new();
        for (&stack, at) in self.heap.iter().flat_map(|part| &part.by_stack) {
            let sum = all.entry(stack).or_insert_with(|| nothing(stack));
            add(&mut sum.allocated, at.allocated);
            add(&mut sum.at_peak, at.at_peak);
            add(&mut sum.at_end, at.at_end);
            add(&mut sum.temporary, at.temporary);
        }
        all
    }

    /// Samples and nanoseconds of each stack, all machines together.
    pub(super) fn cpu_by_stack(&self) -> BTreeMap<u32, (u64, u64)> {
        let mut all: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
        for (&stack, (samples, nanos)) in self.cpu.iter().flat_map(|part| &part.by_stack) {
            let sum = all.entry(stack).or_default();
            sum.0 += samples;
            sum.1 = sum.1.saturating_add(*nanos);
        }
        all
    }

    /// One view of the sum, ready to be drawn or written.
    pub fn folded(&self, view: View, measure: Measure, by: By) -> Result<Folded, StackError> {
        self.require(view)?;
        let folded = Folded::of(self, view, measure, by);
        if folded.total() > 0.0 {
            Ok(folded)
        } else {
            Err(StackError::Nothing { view })
        }
    }

    /// An error where no call has what the view shows.
    pub(super) fn require(&self, view: View) -> Result<(), StackError> {
        if self.has(view) {
            return Ok(());
        }
        let which = which(self.calls);
        Err(match view {
            View::Cpu => StackError::NoCpu { which },
            _ => StackError::NoHeap {
                which,
                no_allocator: self.without_allocator == self.calls,
            },
        })
    }

    /// What a reader should know about the sum, a sentence each.
    pub fn notes(&self, view: View) -> Vec<String> {
        let mut notes = Vec::new();
        let with = self.calls_in(view);
        let left_out = if view == View::Cpu {
            0
        } else {
            self.other_kind
        };
        let without = self.calls - with - left_out;
        if without > 0 {
            notes.push(format!(
                "{with} of {} calls have stacks; the others are not in it",
                self.calls
            ));
        }
        if left_out > 0 {
            let (kept, other) = match self.sampling() {
                Some(HeapSampling::Exact) | None => ("exact", "sampled"),
                Some(HeapSampling::Poisson { .. }) => ("sampled", "exact"),
            };
            notes.push(format!(
                "{left_out} {other} calls are left out: {kept} and {other} amounts are not added"
            ));
        }
        notes.extend(self.machines(view).map(|c| c.sentence()));
        notes
    }

    /// The two machines whose stacks differ most; `None` where all calls ran on one.
    fn machines(&self, view: View) -> Option<Comparison> {
        let parts: Vec<(&Machine, Folded)> = match view {
            View::Cpu => self
                .cpu
                .iter()
                .map(|part| (&part.machine, Folded::of_cpu(self, part)))
                .collect(),
            _ => self
                .heap
                .iter()
                .map(|part| (&part.machine, Folded::of_heap(self, part, view)))
                .collect(),
        };
        smallest(&parts)
    }

    /// Machine of the calls in the view, where it is one.
    pub fn machine(&self, view: View) -> Option<&Machine> {
        let mut machines: Vec<&Machine> = match view {
            View::Cpu => self.cpu.iter().map(|part| &part.machine).collect(),
            _ => self.heap.iter().map(|part| &part.machine).collect(),
        };
        machines.dedup();
        match machines.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }
}

fn nothing(stack: u32) -> HeapAtStack {
    let none = Amount::default();
    HeapAtStack {
        stack,
        allocated: none,
        at_peak: none,
        at_end: none,
        temporary: none,
    }
}

/// Adds what is a number and not negative; a damaged database may hold anything.
fn add(sum: &mut Amount, more: Amount) {
    let sane = |x: f64| if x.is_finite() { x.max(0.0) } else { 0.0 };
    sum.blocks += sane(more.blocks);
    sum.bytes += sane(more.bytes);
}
