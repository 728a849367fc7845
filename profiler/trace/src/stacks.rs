//! Call stacks, and what happened under them: who allocated memory, who held it, who used the processor.
//!
//! Names are already those of the source. Taking a stack apart needs the module and its debug information; what is
//! recorded must be readable without either, so that is done before.

use crate::{Bytes, Nanos};
use serde::{Deserialize, Serialize};

/// One function on a call stack.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Frame {
    /// Its name, demangled; `func[INDEX]` where the guest does not say.
    pub function: String,
    /// Its source file, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// The line in that file at which it was, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// Whether the compiler has put it into the function that called it, the frame before it in a stack.
    #[serde(default)]
    pub inlined: bool,
    /// Where in the unmodified module it was: bytes from the beginning of the module. Frames that were inlined there have
    /// the same.
    pub address: u64,
}

/// Distinct frames and the distinct stacks made of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct StackTable {
    /// Each frame once.
    pub frames: Vec<Frame>,
    /// Each stack once, as positions in `frames`, the outermost function first. None is empty.
    pub stacks: Vec<Vec<u32>>,
}

impl StackTable {
    /// The frames of a stack, outermost first; none for a number that is no stack.
    pub fn frames_of(&self, stack: u32) -> impl DoubleEndedIterator<Item = &Frame> {
        let positions = self.stacks.get(stack as usize).into_iter().flatten();
        positions.filter_map(|&position| self.frames.get(position as usize))
    }
}

/// Which allocations were looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum HeapSampling {
    /// All of them.
    Exact,
    /// Each byte handed out was chosen with the same probability (a Poisson process), and with it the block it belongs
    /// to. Amounts are estimates: a block of s bytes is chosen with probability 1 - exp(-s / mean) and counts as the
    /// inverse of that many.
    Poisson {
        /// Bytes from one choice to the next, on average.
        mean: Bytes,
    },
}

/// Blocks and their bytes. Exact, or an estimate and then no whole number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Amount {
    /// Number of blocks.
    pub blocks: f64,
    /// Their size together, bytes.
    pub bytes: f64,
}

/// What one stack allocated over the call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeapAtStack {
    /// Position in [`StackTable::stacks`].
    pub stack: u32,
    /// All of it, given back or not.
    pub allocated: Amount,
    /// Of that, what was held when the guest held most.
    pub at_peak: Amount,
    /// What was still held when the call ended.
    pub at_end: Amount,
    /// What was given back before anything else was allocated.
    pub temporary: Amount,
}

/// An allocation or a release.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeapEvent {
    /// Since the call began.
    pub at: Nanos,
    /// The stack that allocated the block, also where it is given back.
    pub stack: u32,
    /// Where the block is in the guest's memory. A release has the address of the allocation it ends.
    pub address: u64,
    /// Size of the block, bytes; negative where it is given back.
    pub bytes: i64,
    /// How many such blocks it stands for: 1 where all are recorded.
    pub weight: f64,
}

/// Who allocated the memory of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeapProfile {
    /// Which allocations were looked at.
    pub sampling: HeapSampling,
    /// The stacks.
    pub table: StackTable,
    /// What each allocated. Each stack once.
    pub by_stack: Vec<HeapAtStack>,
    /// When the guest held most, as far as was looked at.
    pub peak_at: Nanos,
    /// Allocations and releases in order of time, at most [`HeapProfile::MAX_EVENTS`]; `by_stack` has all.
    pub events: Vec<HeapEvent>,
    /// Allocations and releases beyond that number.
    pub events_lost: u64,
}

impl HeapProfile {
    /// Allocations and releases kept in order per call.
    pub const MAX_EVENTS: usize = 20_000;
}

/// The processor was found at a stack.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CpuSample {
    /// Since the call began.
    pub at: Nanos,
    /// Position in [`StackTable::stacks`].
    pub stack: u32,
    /// CPU time since the sample before.
    pub cpu: Nanos,
}

/// Where one call spent its time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CpuProfile {
    /// Asked-for time between samples.
    pub period: Nanos,
    /// The stacks.
    pub table: StackTable,
    /// In order of time.
    pub samples: Vec<CpuSample>,
}
