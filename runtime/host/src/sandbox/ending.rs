//! What is read from a guest that has ended, before its store goes.

use crate::{
    Function,
    guest::Running,
    parts::Parts,
    state::{self, State},
};
use probe::{Counted, Mailbox};
use trace::{Breakpoint, Bytes, Heap, Observed, ProbeCost, ProbeMode};
use wasmtime::Store;

/// What its allocator has handed out.
pub(super) fn heap(store: &Store<State>, parts: &Parts) -> Heap {
    let (Some(counters), Some((_, counted))) = (store.data().mailboxes().heap(), parts.heap())
    else {
        return Heap::Unknown;
    };
    let allocations = counters.read(Mailbox::ALLOCATIONS);
    let untracked = counters.read(Mailbox::UNTRACKED);
    match counted {
        Counted::UsableBytes | Counted::RequestedBytes if untracked == 0 => Heap::Live {
            peak: Bytes(counters.read(Mailbox::LIVE_PEAK)),
            at_end: Bytes(counters.read(Mailbox::LIVE)),
            allocations,
        },
        // Blocks whose size could not be kept are not counted when they are given back: the live bytes are not exact.
        _ => Heap::AllocatedOnly {
            total: Bytes(counters.read(Mailbox::ALLOCATED)),
            allocations,
        },
    }
}

/// What the hits of a call cost. Only where there were any: the first time this is measured.
pub(super) fn probe_cost(function: &Function, hits: u64, host_calls: u64) -> ProbeCost {
    if hits == 0 {
        return ProbeCost::default();
    }
    function.engine.probe_rates().cost(hits, host_calls)
}

/// Reads the variables that are read at the end, and closes what is still open. Also the number of hits of all probes
/// that are code.
pub(super) fn finish_observing(
    store: &mut Store<State>,
    running: Option<&Running>,
    parts: &Parts,
) -> (Vec<Observed>, u64) {
    if let Some(running) = running {
        for (number, (module, slot)) in parts.slots().enumerate() {
            if slot.mode == ProbeMode::HostRead
                && slot.breakpoint == Breakpoint::End
                && let Some(value) = running.read(store, module, &slot.place, slot.value_type)
            {
                store.data_mut().recorder.read_by_host(number, value);
            }
        }
    }
    let state = store.data_mut();
    for reading in state.timeline.readings() {
        state.recorder.add_reading(reading);
    }
    let mut observed = state.recorder.finish(|slot| parts.name_of_slot(slot));
    let records = state::read_records(store);
    let hits = records.iter().map(|record| record.count).sum();
    observed.extend(records);
    (observed, hits)
}
