//! What is recorded of one call. Numbers and lengths only: never a body, a string or an environment value of the guest.

use crate::{
    Aggregate, Breakpoint, Bytes, CpuProfile, Feature, HeapProfile, Machine, Nanos, PlannedProbe,
    ProbeCost,
};
use serde::{Deserialize, Serialize};
use std::{fmt, sync::Arc};

/// Which function a call was of: its name and the digest of its unmodified module.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct FunctionId {
    /// The name it is deployed under.
    pub name: String,
    /// `sha256:` and 64 hexadecimal digits, of the module before anything was injected.
    pub digest: String,
}

impl FunctionId {
    /// What stands for the digest of a module where there is none: the function's calls were recorded elsewhere.
    pub const IMPORTED: &str = "imported";

    /// Whether it is no module that is known here.
    pub fn is_imported(&self) -> bool {
        self.digest == FunctionId::IMPORTED
    }
}

/// Which input a call was given. Calls with the same digest are repeats of one input: they count once when learning.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Input {
    /// What a person recognises it by: a file name, a line number, swept values (`n=8`).
    pub label: String,
    /// `sha256:` of everything the call was given: standard input, arguments, environment, granted files.
    pub digest: String,
}

/// What a call was allowed.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Limits {
    /// Largest size the linear memories of the guest may reach together.
    pub memory: Bytes,
    /// Longest wall-clock time.
    pub timeout: Nanos,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Returned, or exited with code 0. A growth may have been refused on the way.
    Succeeded,
    /// Exited with another code, or trapped, and no growth had been refused.
    Failed,
    /// A growth was refused and the call then failed: it needed *at least* what it asked for.
    Limited,
    /// Killed at its deadline.
    TimedOut,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Outcome::Succeeded => "succeeded",
            Outcome::Failed => "failed",
            Outcome::Limited => "limited",
            Outcome::TimedOut => "timed out",
        })
    }
}

/// Memory at one moment of a call.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Moment {
    /// Since the call began.
    pub at: Nanos,
    /// Size of the guest's linear memories, without what Fathom injected.
    pub committed: Bytes,
    /// Bytes handed out by the guest's allocator and not got back; `None` without a known allocator.
    pub live: Option<Bytes>,
}

/// One point of the timeline.
pub type Sample = Moment;

/// A growth of linear memory that was granted.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Growth {
    /// Since the call began.
    pub at: Nanos,
    /// Size of the guest's linear memories afterwards.
    pub to: Bytes,
}

/// A growth of linear memory that was refused, by the limit or by the system.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Refusal {
    /// Since the call began.
    pub at: Nanos,
    /// Size that was asked for.
    pub asked: Bytes,
}

/// What is known of the guest's heap.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Heap {
    /// Allocations and frees were both counted: the peak is exact.
    Live {
        /// Largest number of live bytes at any moment.
        peak: Bytes,
        /// Bytes still live at the end.
        at_end: Bytes,
        /// Number of allocations.
        allocations: u64,
    },
    /// Frees cannot be seen in this guest: only the total handed out is known.
    AllocatedOnly {
        /// Bytes handed out over the whole call.
        total: Bytes,
        /// Number of allocations.
        allocations: u64,
    },
    /// No allocator was found in the guest.
    Unknown,
}

impl Heap {
    /// The exact peak of live bytes, where it is known.
    pub fn live_peak(&self) -> Option<Bytes> {
        match self {
            Heap::Live { peak, .. } => Some(*peak),
            Heap::AllocatedOnly { .. } | Heap::Unknown => None,
        }
    }
}

/// Which pages of its memory a call has really written to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Touched {
    /// Read from the system.
    Measured {
        /// When the call had ended.
        at_end: Bytes,
        /// In between, in order of time.
        samples: Vec<(Nanos, Bytes)>,
    },
    /// Not known.
    Unavailable {
        /// Why: `the kernel is older than 6.7`.
        reason: String,
    },
}

/// One recorded hit of a breakpoint by a variable.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hit {
    /// The variable's value. Integers are exact up to 2^53.
    pub value: f64,
    /// Memory at that moment.
    #[serde(flatten)]
    pub moment: Moment,
    /// Highest number of live bytes from this hit until the next one of the same variable at the same breakpoint,
    /// or until the end: what the within-call relation is learned from.
    pub live_until_next: Option<Bytes>,
}

/// Everything observed of one variable at one breakpoint during one call.
///
/// The summary (`count` to `sum`, the two moments) is exact over all hits; `hits` is thinned when they are many.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The variable's name, as a user writes it.
    pub variable: String,
    /// Where it was observed.
    pub breakpoint: Breakpoint,
    /// How often. At least 1: what was never hit is not recorded.
    pub count: u64,
    /// First value.
    pub first: f64,
    /// Last value.
    pub last: f64,
    /// Smallest value.
    pub min: f64,
    /// Largest value.
    pub max: f64,
    /// Sum of all values.
    pub sum: f64,
    /// Memory at the first hit; `None` where the breakpoint keeps only values (mailbox mode).
    pub first_moment: Option<Moment>,
    /// Memory at the last hit, when `last`, `max`, `sum` and `count` are final.
    pub last_moment: Option<Moment>,
    /// All of them while they are few; then every second of all, every fourth and so on, evenly over the call.
    pub hits: Vec<Hit>,
}

impl Observed {
    /// A variable seen once, before the call began, when nothing had been allocated by the call.
    pub fn before_the_call(variable: impl Into<String>, value: f64) -> Observed {
        Observed {
            variable: variable.into(),
            breakpoint: Breakpoint::Input,
            count: 1,
            first: value,
            last: value,
            min: value,
            max: value,
            sum: value,
            first_moment: None,
            last_moment: None,
            hits: Vec::new(),
        }
    }

    /// All values made one number; `None` for [`Aggregate::Value`], which belongs to a single hit.
    pub fn aggregated(&self, aggregate: Aggregate) -> Option<f64> {
        match aggregate {
            Aggregate::First => Some(self.first),
            Aggregate::Last => Some(self.last),
            Aggregate::Max => Some(self.max),
            Aggregate::Sum => Some(self.sum),
            Aggregate::Count => Some(self.count as f64),
            Aggregate::Value => None,
        }
    }
}

/// Who said how much memory a served call was to be given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SizedBy {
    /// The function's own setting.
    Setting,
    /// What is recommended for the function, the same for every call.
    Recommendation,
    /// The model, for this call alone.
    Model,
    /// Its setting, because it was made again after it had been stopped for want of memory.
    Replay,
}

/// What only a call that was served has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Served {
    /// The call's id, as its caller knows it.
    pub id: String,
    /// Which dialect it came by: `http`, `openfaas`.
    pub dialect: String,
    /// What it was answered with.
    pub status: u16,
    /// Whether its code had to be made ready first.
    pub cold: bool,
    /// Who said how much memory it was to be given.
    pub sized_by: SizedBy,
    /// What it was granted before it began.
    pub granted_first: Bytes,
    /// What it was granted when it ended.
    pub granted: Bytes,
    /// Whether it needed more than was predicted, and what its breakpoints said did not explain it either.
    pub mispredicted: bool,
    /// Time it waited for memory and for a place.
    pub queued: Nanos,
    /// Time until its guest could run: making its code ready, its sandbox, its instance.
    pub init: Nanos,
    /// Time from the last byte of the request to the end of the call.
    pub total: Nanos,
    /// Calls that its sandbox had made before; 0 where it was a fresh one. What the guest has in memory at the beginning is
    /// then what those have left, so what the call needed is not its own alone.
    pub reused: u32,
}

/// What only a call that was recorded elsewhere has. It was not measured by Fathom: what it needed is what others say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// What it was read from: `csv`, `json-lines`, `lambda-report`.
    pub form: String,
    /// What it was configured to have, where that is known.
    pub configured: Option<Bytes>,
    /// What tells it from other calls of its function: a digest of the row it was read from, or of its id.
    pub row: String,
}

/// Everything recorded of one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Trace {
    /// The function called.
    pub function: FunctionId,
    /// What it was given.
    pub input: Input,
    /// Wall-clock time at the start, milliseconds since 1970-01-01 UTC.
    pub started_unix_ms: u64,
    /// What it was allowed.
    pub limits: Limits,
    /// How it ended.
    pub outcome: Outcome,
    /// The guest's exit code, where it exited or returned.
    pub exit_code: Option<i32>,
    /// Why it failed, one sentence, where it did.
    pub failure: Option<String>,
    /// Committed memory when the call began: the module's initial memory.
    pub committed_start: Bytes,
    /// Largest committed memory. A refused growth is not in it.
    pub committed_peak: Bytes,
    /// Every growth, in order.
    pub growths: Vec<Growth>,
    /// Every refused growth, in order, at most [`Trace::MAX_REFUSALS`]; `refused_count` is exact.
    pub refusals: Vec<Refusal>,
    /// Number of refused growths.
    pub refused_count: u64,
    /// What is known of the heap.
    pub heap: Heap,
    /// The timeline, in order of time. Its last sample was taken after the guest returned.
    pub samples: Vec<Sample>,
    /// Variables observed, input features included.
    pub observations: Vec<Observed>,
    /// Wall-clock time of the call: instantiating and running, without compiling.
    pub wall: Nanos,
    /// CPU time of the thread that ran the guest.
    pub cpu: Nanos,
    /// Bytes read by the guest from standard input, or the length of the body.
    pub bytes_in: u64,
    /// Bytes written by the guest to standard output.
    pub bytes_out: u64,
    /// Other calls ran at the same time, so the times are not to be compared.
    pub contended: bool,
    /// Resident memory of the process that ran the call, measured once, after it had loaded the function and before it
    /// made any call: what a runtime needs beside the guest. 0 where it is not known.
    pub runtime_base: Bytes,
    /// What it ran on.
    #[serde(default)]
    pub machine: Machine,
    /// The probes that were armed: those of the function, so the same for many calls.
    #[serde(default, with = "shared_list")]
    pub armed: Arc<[PlannedProbe]>,
    /// What observing cost.
    #[serde(default)]
    pub probe_cost: ProbeCost,
    /// Pages really written to; `None` where nobody asked.
    #[serde(default)]
    pub touched: Option<Touched>,
    /// Who allocated the memory; `None` where nobody asked, or the guest's allocator is not known.
    #[serde(default)]
    pub heap_profile: Option<HeapProfile>,
    /// Where the time went; `None` where nobody asked.
    #[serde(default)]
    pub cpu_profile: Option<CpuProfile>,
    /// What only a call that was served has; `None` where the call was made to measure it.
    #[serde(default)]
    pub served: Option<Served>,
    /// What only a call that was recorded elsewhere has; `None` where Fathom ran it.
    #[serde(default)]
    pub imported: Option<Imported>,
}

impl Trace {
    /// Refused growths kept in full per call.
    pub const MAX_REFUSALS: usize = 64;

    /// A call of which nothing was measured and nothing observed, and which has failed without a reason given: what is known is
    /// filled in.
    pub fn nothing_measured(function: FunctionId, input: Input, limits: Limits) -> Trace {
        Trace {
            function,
            input,
            started_unix_ms: 0,
            limits,
            outcome: Outcome::Failed,
            exit_code: None,
            failure: None,
            committed_start: Bytes(0),
            committed_peak: Bytes(0),
            growths: Vec::new(),
            refusals: Vec::new(),
            refused_count: 0,
            heap: Heap::Unknown,
            samples: Vec::new(),
            observations: Vec::new(),
            wall: Nanos(0),
            cpu: Nanos(0),
            bytes_in: 0,
            bytes_out: 0,
            contended: false,
            runtime_base: Bytes(0),
            machine: Machine::default(),
            armed: Arc::default(),
            probe_cost: ProbeCost::default(),
            touched: None,
            heap_profile: None,
            cpu_profile: None,
            served: None,
            imported: None,
        }
    }

    /// What the call needed: its committed peak, or the size it was refused where it failed for want of memory, which
    /// is a lower bound and never a measurement.
    pub fn needed(&self) -> Bytes {
        match self.outcome {
            Outcome::Limited => self
                .refusals
                .iter()
                .map(|r| r.asked)
                .max()
                .unwrap_or(self.committed_peak),
            Outcome::Succeeded | Outcome::Failed | Outcome::TimedOut => self.committed_peak,
        }
    }

    /// The value of a feature in this call; `None` where its breakpoint was never reached.
    pub fn value_of(&self, feature: &Feature) -> Option<f64> {
        feature.value_in(&self.observations)
    }

    /// Whether the call can be learned from: it ran to its own end, and what it needed is its own.
    pub fn is_measurement(&self) -> bool {
        self.outcome == Outcome::Succeeded && self.had_fresh_sandbox()
    }

    /// Whether it came from outside, so that the order of such calls means something; the inputs of a sweep were chosen.
    pub fn is_of_a_stream(&self) -> bool {
        self.served.is_some() || self.imported.is_some()
    }

    /// What such a call is given today: what it was configured to have. `None` where that is not known, as of a sweep, whose
    /// limit is there to measure.
    pub fn preset(&self) -> Option<Bytes> {
        match &self.imported {
            Some(imported) => imported.configured,
            None => self.served.as_ref().map(|_| self.limits.memory),
        }
    }

    /// Whether no other call was made in its sandbox before.
    pub fn had_fresh_sandbox(&self) -> bool {
        self.served.as_ref().is_none_or(|served| served.reused == 0)
    }
}

/// A list that many own, written as a list.
mod shared_list {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::sync::Arc;

    pub(super) fn serialize<T: Serialize, S: Serializer>(
        list: &Arc<[T]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        list.as_ref().serialize(serializer)
    }

    pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Arc<[T]>, D::Error> {
        Vec::deserialize(deserializer).map(Arc::from)
    }
}
