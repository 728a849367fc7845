//! What is known of a call while it runs, and the trace that it becomes.

use super::OnDeadline;
use crate::{
    cpu::CpuSamples,
    meter::Committed,
    outcome::Ending,
    parts::Parts,
    sampler::{Deadline, Timeline},
    scratch::Scratch,
    stacks::Symbolizer,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use trace::{
    Bytes, FunctionId, Heap, Input, Limits, Machine, Nanos, Observed, Outcome, PlannedProbe,
    ProbeCost, Trace,
};

/// What is known of a call while it runs, readable from any thread.
#[derive(Clone)]
pub(super) struct SoFar {
    pub(super) function: FunctionId,
    pub(super) input: Input,
    pub(super) features: Vec<Observed>,
    pub(super) started_unix_ms: u64,
    pub(super) limits: Limits,
    pub(super) contended: bool,
    pub(super) runtime_base: Bytes,
    pub(super) machine: Machine,
    pub(super) armed: Arc<[PlannedProbe]>,
    /// Where its time goes, where that is asked for, and who makes it readable.
    pub(super) cpu: Option<(CpuSamples, Arc<Symbolizer>)>,
    pub(super) parts: Arc<Parts>,
    pub(super) committed: Arc<Committed>,
    pub(super) timeline: Arc<Timeline>,
    pub(super) bytes_in: Arc<AtomicU64>,
    pub(super) bytes_out: Arc<AtomicU64>,
}

/// Floats of a guest may be no number. Nothing can be learned from those, and JSON has no word for them: a variable that
/// ever was one is left out, of the others only hits that were.
fn only_numbers(mut observed: Observed) -> Option<Observed> {
    observed.hits.retain(|hit| hit.value.is_finite());
    let summary = [
        observed.first,
        observed.last,
        observed.min,
        observed.max,
        observed.sum,
    ];
    summary
        .iter()
        .all(|value| value.is_finite())
        .then_some(observed)
}

impl SoFar {
    pub(super) fn deadline(
        self,
        cpu_before: Nanos,
        scratch: Option<Arc<Scratch>>,
        on_deadline: OnDeadline,
    ) -> Deadline {
        Deadline {
            after: Duration::from_nanos(self.limits.timeout.0),
            passed: Box::new(move |cpu| {
                // The process will end before the directory would be removed.
                if let Some(scratch) = scratch {
                    scratch.give_up();
                }
                let used = cpu.map(|cpu| Nanos(cpu.0.saturating_sub(cpu_before.0)));
                on_deadline(self.timed_out(used));
            }),
        }
    }

    /// The trace of a call that did not end in time. Its heap and its probes cannot be read while the guest runs.
    fn timed_out(self, cpu: Option<Nanos>) -> Trace {
        let wall = self.committed.elapsed();
        let ending = Ending {
            outcome: Outcome::TimedOut,
            exit_code: None,
            failure: Some(format!("still running after {}", self.limits.timeout)),
        };
        let touched = self.timeline.end_looking();
        Trace {
            touched,
            ..self.ended(ending, Heap::Unknown, Vec::new(), wall, cpu.unwrap_or(wall))
        }
    }

    pub(super) fn ended(
        self,
        ending: Ending,
        heap: Heap,
        observed: Vec<Observed>,
        wall: Nanos,
        cpu: Nanos,
    ) -> Trace {
        let history = self.committed.history().clone();
        let mut observations = self.features;
        observations.extend(observed.into_iter().filter_map(only_numbers));
        Trace {
            function: self.function,
            input: self.input,
            started_unix_ms: self.started_unix_ms,
            limits: self.limits,
            outcome: ending.outcome,
            exit_code: ending.exit_code,
            failure: ending.failure,
            committed_start: history.start,
            committed_peak: history.peak,
            growths: history.growths,
            refusals: history.refusals,
            refused_count: history.refused_count,
            heap,
            samples: self.timeline.samples(),
            observations,
            wall,
            cpu,
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
            contended: self.contended,
            runtime_base: self.runtime_base,
            machine: self.machine,
            armed: self.armed,
            probe_cost: ProbeCost::default(),
            touched: None,
            heap_profile: None,
            cpu_profile: self.cpu.and_then(|(samples, symbolizer)| {
                Some(samples.profile(&symbolizer, self.parts.code_map()?))
            }),
            served: None,
            imported: None,
        }
    }
}
