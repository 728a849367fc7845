//! What a user asks to observe, and the probes that were found for it. Finding them is the work of `probe`.

use crate::{Breakpoint, HeapSampling};
use serde::{Deserialize, Serialize};

/// What a user asks to observe. Empty lists mean the default: input features, all watched variables, exported globals and statics,
/// scalar parameters of exported functions.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Selection {
    /// Breakpoints as written by the user, `*` allowed in names.
    pub breakpoints: Vec<String>,
    /// Variables as written by the user; `NAME:TYPE` gives the type of a static that the guest has no DWARF for.
    pub variables: Vec<String>,
    /// Keep only counts and values, by stores into a mailbox, where a breakpoint does not need a moment in time.
    pub light: bool,
    /// Which allocations are recorded with the call stack they were made at; `None` where nobody asks who allocated.
    pub heap: Option<HeapSampling>,
    /// Of all that the breakpoints have to offer, exactly these are armed; empty for all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<PlannedPlace>,
    /// What is observed is hit seldom: probes are to be out of the way of the code around them, at twice the cost of a hit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub seldom_hit: bool,
}

/// One variable at one breakpoint, however it reports.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlannedPlace {
    /// Where.
    pub breakpoint: Breakpoint,
    /// What.
    pub variable: String,
}

impl PlannedPlace {
    /// A variable at a breakpoint.
    pub fn of(breakpoint: &Breakpoint, variable: &str) -> PlannedPlace {
        PlannedPlace {
            breakpoint: breakpoint.clone(),
            variable: variable.to_owned(),
        }
    }
}

/// How a probe reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProbeMode {
    /// A call into the host: value, time and memory of the moment.
    HostCall,
    /// Stores into a memory that the host reads at the end: count, first, last, min, max and sum.
    Mailbox,
    /// No injected code: the host reads the variable when it samples and when the sandbox ends.
    HostRead,
}

/// One variable at one breakpoint.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PlannedProbe {
    /// Where.
    pub breakpoint: Breakpoint,
    /// What.
    pub variable: String,
    /// How it reports.
    pub mode: ProbeMode,
}

/// The probes to arm for a guest, and what was asked for but cannot be observed exactly.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order in which they were found.
    pub probes: Vec<PlannedProbe>,
    /// Sentences for the user: "`LINES` is sampled: no store carries its address".
    pub notes: Vec<String>,
}
