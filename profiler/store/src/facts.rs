//! The list in a row of everything that is one number, or a short text, and that nobody asks the database for by name: a
//! column of its own costs more than the number in it. By position, so a field is only ever added at the end.

use crate::{
    read::RowError,
    wire::{Exact, WireError},
};
use serde::{Deserialize, Serialize};
use serde_tuple::{Deserialize_tuple, Serialize_tuple};
use std::borrow::Cow;
use trace::{
    Bytes, FunctionId, Heap, Imported, Input, Limits, Nanos, ProbeCost, Refusal, Served, SizedBy,
    Touched, Trace,
};

/// Text that is borrowed where it is written, and owned where it is read.
type Text<'a> = Cow<'a, str>;

/// The list. SQLite's integers are signed, and a file of before got its numbers from there: `as i64` wraps above 2^63, and
/// reading wraps back.
#[derive(Serialize_tuple, Deserialize_tuple)]
pub(crate) struct Facts<'a> {
    input_digest: Text<'a>,
    limit_memory: i64,
    limit_timeout: i64,
    exit_code: Option<i32>,
    failure: Option<Text<'a>>,
    committed_start: i64,
    committed_peak: i64,
    /// These have always been JSON, so they are as large as they are.
    refusals: Vec<(u64, u64)>,
    refused_count: i64,
    heap: HeapFacts,
    bytes_in: i64,
    bytes_out: i64,
    contended: bool,
    runtime_base: i64,
    probe_hits: i64,
    probe_host_calls: i64,
    probe_cpu_seconds: Exact,
    #[serde(borrow)]
    touched: Option<TouchedFacts<'a>>,
    #[serde(borrow)]
    served: Option<ServedFacts<'a>>,
    #[serde(borrow, default)]
    imported: Option<ImportedFacts<'a>>,
}

/// What is known of the heap, told apart by how much that is.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum HeapFacts {
    /// Peak of live bytes, those at the end, allocations.
    Live(i64, i64, i64),
    /// Bytes handed out, allocations.
    AllocatedOnly(i64, i64),
    Unknown([i64; 0]),
}

/// Pages really written to: at the end, or why that is not known.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum TouchedFacts<'a> {
    AtEnd(i64),
    Unavailable(Text<'a>),
}

#[derive(Serialize_tuple, Deserialize_tuple)]
struct ServedFacts<'a> {
    dialect: Text<'a>,
    status: u16,
    cold: bool,
    sized_by: Text<'a>,
    granted_first: i64,
    granted: i64,
    mispredicted: bool,
    queued: i64,
    init: i64,
    total: i64,
    #[serde(default)]
    reused: u32,
}

/// What it was read from, what it was configured to have, and what tells it from others.
#[derive(Serialize, Deserialize)]
struct ImportedFacts<'a>(
    #[serde(borrow)] Text<'a>,
    Option<i64>,
    #[serde(borrow)] Text<'a>,
);

impl<'a> Facts<'a> {
    /// Those of a call.
    pub(crate) fn of(trace: &'a Trace) -> Facts<'a> {
        Facts {
            input_digest: Cow::Borrowed(&trace.input.digest),
            limit_memory: trace.limits.memory.0 as i64,
            limit_timeout: trace.limits.timeout.0 as i64,
            exit_code: trace.exit_code,
            failure: trace.failure.as_deref().map(Cow::Borrowed),
            committed_start: trace.committed_start.0 as i64,
            committed_peak: trace.committed_peak.0 as i64,
            refusals: trace
                .refusals
                .iter()
                .map(|refusal| (refusal.at.0, refusal.asked.0))
                .collect(),
            refused_count: trace.refused_count as i64,
            heap: HeapFacts::of(trace.heap),
            bytes_in: trace.bytes_in as i64,
            bytes_out: trace.bytes_out as i64,
            contended: trace.contended,
            runtime_base: trace.runtime_base.0 as i64,
            probe_hits: trace.probe_cost.hits as i64,
            probe_host_calls: trace.probe_cost.host_calls as i64,
            probe_cpu_seconds: Exact(trace.probe_cost.cpu_seconds),
            touched: trace.touched.as_ref().map(TouchedFacts::of),
            served: trace.served.as_ref().map(ServedFacts::of),
            imported: trace.imported.as_ref().map(|imported| {
                let configured = imported.configured.map(|bytes| bytes.0 as i64);
                ImportedFacts(
                    Cow::Borrowed(&imported.form),
                    configured,
                    Cow::Borrowed(&imported.row),
                )
            }),
        }
    }

    pub(crate) fn encode(&self) -> serde_json::Result<String> {
        serde_json::to_string(self)
    }

    pub(crate) fn decode(text: &str) -> Result<Facts<'_>, WireError> {
        Ok(serde_json::from_str(text)?)
    }

    /// A call of which these are known; `request` is what its caller knows it by, where it was served.
    pub(crate) fn trace(
        self,
        function: FunctionId,
        input_label: String,
        request: Option<String>,
    ) -> Result<Trace, RowError> {
        let input = Input {
            label: input_label,
            digest: self.input_digest.into_owned(),
        };
        let limits = Limits {
            memory: Bytes(self.limit_memory as u64),
            timeout: Nanos(self.limit_timeout as u64),
        };
        let refusals = self.refusals.into_iter().map(|(at, asked)| Refusal {
            at: Nanos(at),
            asked: Bytes(asked),
        });
        let served = match (self.served, request) {
            (Some(served), Some(request)) => Some(served.of_request(request)?),
            (None, None) => None,
            _ => return Err(RowError::Request),
        };
        Ok(Trace {
            exit_code: self.exit_code,
            failure: self.failure.map(Cow::into_owned),
            committed_start: Bytes(self.committed_start as u64),
            committed_peak: Bytes(self.committed_peak as u64),
            refusals: refusals.collect(),
            refused_count: self.refused_count as u64,
            heap: self.heap.heap(),
            bytes_in: self.bytes_in as u64,
            bytes_out: self.bytes_out as u64,
            contended: self.contended,
            runtime_base: Bytes(self.runtime_base as u64),
            probe_cost: ProbeCost {
                hits: self.probe_hits as u64,
                host_calls: self.probe_host_calls as u64,
                cpu_seconds: self.probe_cpu_seconds.0,
            },
            touched: self.touched.map(TouchedFacts::touched),
            served,
            imported: self
                .imported
                .map(|ImportedFacts(form, configured, row)| Imported {
                    form: form.into_owned(),
                    configured: configured.map(|bytes| Bytes(bytes as u64)),
                    row: row.into_owned(),
                }),
            ..Trace::nothing_measured(function, input, limits)
        })
    }
}

impl HeapFacts {
    fn of(heap: Heap) -> HeapFacts {
        match heap {
            Heap::Live {
                peak,
                at_end,
                allocations,
            } => HeapFacts::Live(peak.0 as i64, at_end.0 as i64, allocations as i64),
            Heap::AllocatedOnly { total, allocations } => {
                HeapFacts::AllocatedOnly(total.0 as i64, allocations as i64)
            }
            Heap::Unknown => HeapFacts::Unknown([]),
        }
    }

    fn heap(self) -> Heap {
        match self {
            HeapFacts::Live(peak, at_end, allocations) => Heap::Live {
                peak: Bytes(peak as u64),
                at_end: Bytes(at_end as u64),
                allocations: allocations as u64,
            },
            HeapFacts::AllocatedOnly(total, allocations) => Heap::AllocatedOnly {
                total: Bytes(total as u64),
                allocations: allocations as u64,
            },
            HeapFacts::Unknown([]) => Heap::Unknown,
        }
    }
}

impl<'a> TouchedFacts<'a> {
    /// Without the samples, which are part of the timeline.
    fn of(touched: &'a Touched) -> TouchedFacts<'a> {
        match touched {
            Touched::Measured { at_end, .. } => TouchedFacts::AtEnd(at_end.0 as i64),
            Touched::Unavailable { reason } => TouchedFacts::Unavailable(Cow::Borrowed(reason)),
        }
    }

    fn touched(self) -> Touched {
        match self {
            TouchedFacts::AtEnd(at_end) => Touched::Measured {
                at_end: Bytes(at_end as u64),
                samples: Vec::new(),
            },
            TouchedFacts::Unavailable(reason) => Touched::Unavailable {
                reason: reason.into_owned(),
            },
        }
    }
}

impl<'a> ServedFacts<'a> {
    fn of(served: &'a Served) -> ServedFacts<'a> {
        ServedFacts {
            dialect: Cow::Borrowed(&served.dialect),
            status: served.status,
            cold: served.cold,
            sized_by: Cow::Borrowed(sized_by_text(served.sized_by)),
            granted_first: served.granted_first.0 as i64,
            granted: served.granted.0 as i64,
            mispredicted: served.mispredicted,
            queued: served.queued.0 as i64,
            init: served.init.0 as i64,
            total: served.total.0 as i64,
            reused: served.reused,
        }
    }

    fn of_request(self, id: String) -> Result<Served, RowError> {
        let sized_by = [
            SizedBy::Setting,
            SizedBy::Recommendation,
            SizedBy::Model,
            SizedBy::Replay,
        ]
        .into_iter()
        .find(|sized_by| sized_by_text(*sized_by) == self.sized_by)
        .ok_or_else(|| RowError::SizedBy(self.sized_by.into_owned()))?;
        Ok(Served {
            id,
            dialect: self.dialect.into_owned(),
            status: self.status,
            cold: self.cold,
            sized_by,
            granted_first: Bytes(self.granted_first as u64),
            granted: Bytes(self.granted as u64),
            mispredicted: self.mispredicted,
            queued: Nanos(self.queued as u64),
            init: Nanos(self.init as u64),
            total: Nanos(self.total as u64),
            reused: self.reused,
        })
    }
}

/// The word in the list.
fn sized_by_text(sized_by: SizedBy) -> &'static str {
    match sized_by {
        SizedBy::Setting => "setting",
        SizedBy::Recommendation => "recommendation",
        SizedBy::Model => "model",
        SizedBy::Replay => "replay",
    }
}
