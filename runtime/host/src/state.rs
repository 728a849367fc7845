//! What belongs to one store, and the host side of the probes that report into it.
//! Who calls which probe when is said in `probe`; what becomes of the reports, in `recorder`.

use crate::{
    budget::Budget,
    injected::{Counters, Static},
    meter::{Committed, Meter},
    recorder::{Recorder, Watched},
    sampler::Timeline,
};
use probe::{Injected, Mailbox, Place, Snapshot, ValueType};
use std::{fs, path::PathBuf, sync::Arc, time::Instant};
use trace::{Breakpoint, Bytes, Moment, Nanos, Observed, ProbeMode};
use wasmtime::{Caller, Engine, Extern, Linker, Memory, Store, StoreContextMut};
use wasmtime_wasi::{WasiCtxBuilder, p1::WasiP1Ctx};

/// Bytes allocated between two samples of the timeline at the beginning, so that a short call has a curve too.
const FIRST_STEP: u64 = 16 * 1024;

/// After so many samples taken because of allocations the step between them doubles.
const SAMPLES_PER_STEP: u32 = 64;

/// File descriptor of the first, and here only, granted directory.
const FIRST_PREOPEN: i32 = 3;

/// Longest path looked up for the size of an opened file.
const LONGEST_PATH: u32 = 4096;

/// What belongs to one store.
pub(crate) struct State {
    pub(crate) wasi: WasiP1Ctx,
    pub(crate) meter: Meter,
    pub(crate) recorder: Recorder,
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) injected: Arc<Injected>,
    /// Where the granted directory is on this machine.
    pub(crate) mounted: Option<PathBuf>,
    /// What may still be written, where there is a scratch directory.
    pub(crate) scratch: Option<Budget>,
    attached: bool,
    counters: Option<Counters>,
    step: u64,
    samples_in_step: u32,
}

impl State {
    pub(crate) fn new(
        wasi: WasiP1Ctx,
        meter: Meter,
        committed: Arc<Committed>,
        timeline: Arc<Timeline>,
        injected: Arc<Injected>,
        mounted: Option<PathBuf>,
    ) -> State {
        let planned = injected.slots.iter().map(|slot| Watched {
            value_type: slot.value_type,
            record: slot.mailbox_offset,
        });
        let opened = Watched {
            value_type: ValueType::U64,
            record: None,
        };
        let slots = planned.chain([opened]);
        State {
            recorder: Recorder::new(slots, committed),
            wasi,
            meter,
            timeline,
            injected,
            mounted,
            scratch: None,
            attached: false,
            counters: None,
            step: FIRST_STEP,
            samples_in_step: 0,
        }
    }

    /// A store that runs nothing: a linker needs one to be asked what it has.
    pub(crate) fn store_for_linking(engine: &Engine, injected: &Arc<Injected>) -> Store<State> {
        let committed = Committed::new(Instant::now());
        let state = State::new(
            WasiCtxBuilder::new().build_p1(),
            Meter::new(committed.clone(), Bytes(0), 0, Vec::new()),
            committed.clone(),
            Timeline::new(committed, 1.0),
            injected.clone(),
            None,
        );
        Store::new(engine, state)
    }

    pub(crate) fn counters(&self) -> Option<Counters> {
        self.counters
    }

    /// Makes what can be read known to everyone who reads it.
    fn set_readable(&mut self, counters: Option<Counters>, statics: Vec<(usize, Static)>) {
        if let Some(counters) = counters {
            counters.call_when_allocated(self.step);
        }
        self.attached = true;
        self.counters = counters;
        self.meter.set_counters(counters);
        self.recorder.set_counters(counters);
        self.timeline.set_readable(counters, statics);
    }
}

/// Number of the slot for sizes of opened files: after those of the plan. The host finds that value by itself.
fn open_slot(injected: &Injected) -> usize {
    injected.slots.len()
}

/// Breakpoint and variable of a slot.
pub(crate) fn name_of_slot(injected: &Injected, slot: usize) -> Option<(Breakpoint, String)> {
    if slot == open_slot(injected) {
        return Some((Breakpoint::Open, "file_bytes".to_owned()));
    }
    let planned = injected.slots.get(slot)?;
    Some((planned.breakpoint.clone(), planned.variable.clone()))
}

/// The host functions that injected code calls.
pub(crate) fn add_probes_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("fathom", "hit", hit)?;
    linker.func_wrap("fathom", "opened", opened)?;
    linker.func_wrap("fathom", "allocated", allocated)?;
    Ok(())
}

/// Finds what can be read beside the guest, as soon as there is an instance: before `_start`, or at the first report
/// of a module's start function.
pub(crate) fn attach(
    mut store: StoreContextMut<'_, State>,
    mut export: impl FnMut(&mut StoreContextMut<'_, State>, &str) -> Option<Extern>,
) {
    let memory = |store: &mut StoreContextMut<'_, State>, found: Option<Extern>| {
        let memory: Memory = found?.into_memory()?;
        Some((memory.data_ptr(&*store), memory.data_size(&*store)))
    };
    let found = export(&mut store, Mailbox::EXPORT);
    let has_heap = store.data().injected.heap.is_some();
    let counters =
        memory(&mut store, found).map(|(base, bytes)| Counters::at(base, bytes, has_heap));
    let injected = store.data().injected.clone();
    let mut statics = Vec::new();
    for (slot, planned) in injected.slots.iter().enumerate() {
        if planned.breakpoint == Breakpoint::Sample
            && let Place::Static {
                memory: name,
                address,
            } = &planned.place
        {
            let found = export(&mut store, name);
            let variable = memory(&mut store, found).and_then(|(base, bytes)| {
                Static::at(base, bytes, u64::from(*address), planned.value_type)
            });
            statics.extend(variable.map(|variable| (slot, variable)));
        }
    }
    store.data_mut().set_readable(counters, statics);
}

fn hit(mut caller: Caller<'_, State>, slot: i32, bits: i64) {
    if !caller.data().attached {
        attach_from_inside(&mut caller);
    }
    caller.data_mut().recorder.hit(slot as usize, bits);
}

fn attach_from_inside(caller: &mut Caller<'_, State>) {
    // The exports have to be found while the caller is borrowed whole, so they are found first.
    let injected = caller.data().injected.clone();
    let mut names: Vec<String> = vec![Mailbox::EXPORT.to_owned()];
    names.extend(injected.slots.iter().filter_map(|slot| match &slot.place {
        Place::Static { memory, .. } => Some(memory.clone()),
        _ => None,
    }));
    let exports: Vec<(String, Option<Extern>)> = names
        .into_iter()
        .map(|name| {
            let export = caller.get_export(&name);
            (name, export)
        })
        .collect();
    attach(wasmtime::AsContextMut::as_context_mut(caller), |_, name| {
        exports
            .iter()
            .find(|(known, _)| known == name)
            .and_then(|(_, export)| export.clone())
    });
}

/// A file has been opened: its size is a variable. The path is looked at only after the guest's own request for it
/// has succeeded, so it names nothing outside of what was granted; it is not kept.
fn opened(mut caller: Caller<'_, State>, directory: i32, path: i32, length: i32) {
    let Some(size) = opened_size(&mut caller, directory, path as u32, length as u32) else {
        return;
    };
    let state = caller.data_mut();
    state
        .recorder
        .read_by_host(open_slot(&state.injected), size as f64);
}

fn opened_size(
    caller: &mut Caller<'_, State>,
    directory: i32,
    path: u32,
    length: u32,
) -> Option<u64> {
    if directory != FIRST_PREOPEN || length > LONGEST_PATH {
        return None;
    }
    let memory = caller.get_export("memory")?.into_memory()?;
    let start = path as usize;
    let bytes = memory.data(&*caller).get(start..start + length as usize)?;
    let relative = std::str::from_utf8(bytes).ok()?.trim_start_matches('/');
    let file = caller.data().mounted.as_ref()?.join(relative);
    let about = fs::symlink_metadata(file).ok()?;
    about.is_file().then_some(about.len())
}

/// So many bytes have been allocated that the timeline wants a point.
fn allocated(mut caller: Caller<'_, State>) {
    if !caller.data().attached {
        attach_from_inside(&mut caller);
    }
    let state = caller.data_mut();
    state.timeline.sample();
    state.samples_in_step += 1;
    if state.samples_in_step == SAMPLES_PER_STEP {
        state.samples_in_step = 0;
        state.step = state.step.saturating_mul(2);
    }
    if let Some(counters) = state.counters {
        let total = counters.read(Mailbox::ALLOCATED);
        counters.call_when_allocated(total.saturating_add(state.step));
    }
}

/// Slots whose variable the host reads when the sandbox ends.
pub(crate) fn slots_read_at_end(injected: &Injected) -> impl Iterator<Item = usize> {
    let slots = injected.slots.iter().enumerate();
    slots.filter_map(|(slot, planned)| {
        (planned.mode == ProbeMode::HostRead && planned.breakpoint == Breakpoint::End)
            .then_some(slot)
    })
}

/// The value of an exported variable now.
pub(crate) fn read_place(
    store: &mut Store<State>,
    instance: &wasmtime::Instance,
    place: &Place,
    value_type: ValueType,
) -> Option<f64> {
    match place {
        Place::Global { export, .. } => {
            let global = instance.get_global(&mut *store, export)?;
            let bits = match global.get(&mut *store) {
                wasmtime::Val::I32(value) => value as u32 as u64,
                wasmtime::Val::I64(value) => value as u64,
                wasmtime::Val::F32(bits) => u64::from(bits),
                wasmtime::Val::F64(bits) => bits,
                _ => return None,
            };
            value_type.read(&bits.to_le_bytes())
        }
        Place::Static { memory, address } => {
            let memory = instance.get_memory(&mut *store, memory)?;
            let bytes = memory.data_size(&*store);
            Static::at(
                memory.data_ptr(&*store),
                bytes,
                u64::from(*address),
                value_type,
            )?
            .read()
        }
        Place::Parameter { .. }
        | Place::Result { .. }
        | Place::Hits
        | Place::TailCalls
        | Place::Source { .. }
        | Place::Anywhere { .. } => None,
    }
}

/// Everything observed by injected code: the exact summaries that it kept, with the hits that the host kept in full.
pub(crate) fn read_records(
    store: &mut Store<State>,
    instance: &wasmtime::Instance,
    injected: &Injected,
) -> Vec<Observed> {
    let Some(memory) = instance.get_memory(&mut *store, Mailbox::EXPORT) else {
        return Vec::new();
    };
    let (memory, state) = memory.data_and_store_mut(store);
    let has_heap = injected.heap.is_some();
    let moment = |snapshot: Snapshot| Moment {
        at: Nanos(snapshot.nanos),
        committed: Bytes(snapshot.committed),
        live: has_heap.then_some(Bytes(snapshot.live)),
    };
    let slots = injected.slots.iter().enumerate();
    slots
        .filter_map(|(number, slot)| {
            let record = Mailbox::record(memory, slot.mailbox_offset?, slot.value_type)?;
            Some(Observed {
                variable: slot.variable.clone(),
                breakpoint: slot.breakpoint.clone(),
                count: record.count,
                first: record.first,
                last: record.last,
                min: record.min,
                max: record.max,
                sum: record.sum,
                first_moment: Some(moment(record.at_first)),
                last_moment: Some(moment(record.at_last)),
                hits: state.recorder.take_hits(number),
            })
        })
        .collect()
}
