//! Slots: one variable at one breakpoint, and the plan made of them. Values only.

use crate::{Program, ValueType};
use serde::{Deserialize, Serialize};
use trace::{Breakpoint, ProbeMode};

/// One variable at one breakpoint. Its position in the list of slots is the number that injected code reports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Slot {
    /// Where it is observed.
    pub breakpoint: Breakpoint,
    /// What is observed, as a user writes it. `hits` where only the number of hits counts.
    pub variable: String,
    /// How it reports.
    pub mode: ProbeMode,
    /// How its bits are decoded.
    pub value_type: ValueType,
    /// Where the value comes from.
    pub place: Place,
    /// The function whose entry or exit it is, by index in the original module.
    pub function: Option<u32>,
    /// Offset of its record in the mailbox; `None` where the host reads the variable.
    pub mailbox_offset: Option<u32>,
}

/// Where the value of a slot comes from. Indices are those of the original module.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "in")]
pub enum Place {
    /// A parameter of the function.
    Parameter {
        /// Which, from 0.
        index: u32,
    },
    /// A result of the function.
    Result {
        /// Which, from 0.
        index: u32,
    },
    /// No value: hits are counted. Reported as 0.
    Hits,
    /// No value: the function leaves by a tail call, whose result it never sees. Reported as 0.
    TailCalls,
    /// An exported mutable global.
    Global {
        /// The name it is exported under.
        export: String,
        /// Its index.
        index: u32,
    },
    /// A static in linear memory: in memory 0, or in the mailbox, where that is what is named.
    Static {
        /// Its address.
        address: u32,
        /// The name under which the memory is exported.
        memory: String,
    },
    /// A variable of the source: it is fetched in other ways at each place in the code.
    Source {
        /// Ascending by offset.
        sites: Vec<Site>,
    },
    /// Something that can be read anywhere, at these places in the code: offsets in the original module.
    Anywhere {
        /// Where the value comes from.
        place: Box<Place>,
        /// Before which instructions.
        offsets: Vec<usize>,
    },
}

/// A place in the code, and how a variable of the source is fetched there.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Site {
    /// Offset in the original module of the instruction before which it is.
    pub offset: usize,
    /// Fetches the value. Its lowest bytes, as many as the slot's type has, count.
    pub program: Program,
}

/// A plan with everything that [`crate::inject`] needs beside it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ArmedPlan {
    /// For people, reports and the store.
    pub plan: trace::Plan,
    /// Every slot, in the order of their numbers.
    pub slots: Vec<Slot>,
    /// Whether the opening of files is reported (by `fathom.opened`).
    pub opens: bool,
    /// How allocations are reported with their call stacks, where that is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub heap: Option<HeapReports>,
    /// Whether probes are to be out of the way of the code around them, at twice the cost of a hit.
    #[serde(default)]
    pub seldom_hit: bool,
}

/// How the allocator's wrappers report single blocks. The interval between samples is no part of it: the host decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HeapReports {
    /// The one that passes a number of bytes set by the host, and its release.
    Sampled,
    /// Every one, with the calling context.
    Every,
}

/// The name given to memory 0 by injection where the guest does not export it and a static is to be read from it.
pub const MEMORY_EXPORT: &str = "fathom:memory";
