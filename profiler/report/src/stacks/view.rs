//! What of the recorded stacks is shown, and in what it is counted.

use std::fmt;
use trace::HeapAtStack;

/// What is shown of each stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum View {
    /// Everything allocated over the call, given back or not.
    Allocated,
    /// What was held when the guest held most.
    AtPeak,
    /// What was still held when the call ended.
    AtEnd,
    /// What was given back before anything else was allocated.
    Temporary,
    /// CPU time.
    Cpu,
}

impl View {
    /// All views, in the order in which they are offered.
    pub const ALL: [View; 5] = [
        View::AtPeak,
        View::Allocated,
        View::AtEnd,
        View::Temporary,
        View::Cpu,
    ];

    /// The word for it on a command line and in file names.
    pub fn name(self) -> &'static str {
        match self {
            View::Allocated => "allocated",
            View::AtPeak => "at-peak",
            View::AtEnd => "at-end",
            View::Temporary => "temporary",
            View::Cpu => "cpu",
        }
    }

    /// What the widths mean, as a title: `Who held the memory at the peak`.
    pub fn title(self) -> &'static str {
        match self {
            View::Allocated => "Who allocated memory",
            View::AtPeak => "Who held the memory at the peak",
            View::AtEnd => "Who still held memory at the end",
            View::Temporary => "Who allocated what was given back at once",
            View::Cpu => "Where the CPU time went",
        }
    }

    /// The amount of a stack in this view; none in that of the CPU.
    pub(super) fn of(self, at: &HeapAtStack, measure: Measure) -> f64 {
        let amount = match self {
            View::Allocated => at.allocated,
            View::AtPeak => at.at_peak,
            View::AtEnd => at.at_end,
            View::Temporary => at.temporary,
            View::Cpu => return 0.0,
        };
        match measure {
            Measure::Bytes => amount.bytes,
            Measure::Blocks => amount.blocks,
        }
    }
}

impl fmt::Display for View {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// In what memory is counted. CPU time has its own unit, microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Bytes.
    #[default]
    Bytes,
    /// Blocks, whatever their size.
    Blocks,
}

/// What counts as the same place when stacks are added up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum By {
    /// A line of a function: `read (main.rs:31)`, where lines are known.
    #[default]
    Line,
    /// A function, whichever of its lines. What two versions of a function are compared by.
    Function,
}
