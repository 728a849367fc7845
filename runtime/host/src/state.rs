//! What belongs to one store, and the host side of the probes that report into it.
//! Who calls which probe when is said in `probe`; what becomes of the reports, in `recorder`.

use crate::{
    budget::Budget,
    heap::HeapRecorder,
    injected::{Counters, Mailboxes, Shown, Static},
    meter::{Committed, Meter},
    parts::Parts,
    recorder::{Recorder, Watched},
    sampler::Timeline,
    serving::Http,
    touched::Thread,
};
use probe::{Mailbox, Place, Snapshot, ValueType};
use std::{collections::HashMap, fs, path::PathBuf, sync::Arc, time::Instant};
use trace::{Breakpoint, Bytes, Hit, Moment, Nanos, Observed};
use wasmtime::{Caller, Engine, Extern, Linker, Memory, Store, StoreContextMut, WasmBacktrace};
use wasmtime_wasi::{WasiCtxBuilder, WasiCtxView, WasiView, p1::WasiP1Ctx};
use wasmtime_wasi_http::{WasiHttpCtxView, WasiHttpView};

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
    pub(crate) parts: Arc<Parts>,
    /// Where the granted directory is on this machine.
    pub(crate) mounted: Option<PathBuf>,
    /// What may still be written, where there is a scratch directory.
    pub(crate) scratch: Option<Budget>,
    /// Whether pages written to are counted.
    pub(crate) looks: bool,
    /// Hits that have called the host.
    pub(crate) host_calls: u64,
    /// Who allocates, where that is asked for.
    pub(crate) heap: Option<HeapRecorder>,
    /// What a served guest may ask of the network.
    pub(crate) http: Http,
    attached: bool,
    mailboxes: Mailboxes,
    /// Memories of modules inside a component, by module.
    memories: HashMap<usize, Shown>,
    step: u64,
    samples_in_step: u32,
}

impl State {
    pub(crate) fn new(
        wasi: WasiP1Ctx,
        meter: Meter,
        committed: Arc<Committed>,
        timeline: Arc<Timeline>,
        parts: Arc<Parts>,
        mounted: Option<PathBuf>,
    ) -> State {
        State {
            recorder: recorder(&parts, committed),
            wasi,
            meter,
            timeline,
            parts,
            mounted,
            scratch: None,
            looks: false,
            host_calls: 0,
            heap: None,
            http: Http::default(),
            attached: false,
            mailboxes: Mailboxes::default(),
            memories: HashMap::new(),
            step: FIRST_STEP,
            samples_in_step: 0,
        }
    }

    /// From now on what is recorded is of another call. What the guest has in memory stays, and what it has of the host.
    pub(crate) fn begin_anew(
        &mut self,
        committed: Arc<Committed>,
        timeline: Arc<Timeline>,
        limit: Bytes,
    ) {
        for (module, counters) in self.mailboxes.of_modules() {
            let slots = self.parts.modules().get(module);
            let slots = slots.map_or(&[][..], |part| &part.slots);
            counters.begin_anew(Mailbox::recorded(slots), FIRST_STEP);
        }
        self.meter.begin_anew(committed.clone(), limit);
        self.recorder = recorder(&self.parts, committed);
        self.recorder.set_mailboxes(self.mailboxes.clone());
        self.timeline.hand_over(&timeline);
        self.timeline = timeline;
        self.looks = false;
        self.host_calls = 0;
        self.http.begin_anew();
        self.step = FIRST_STEP;
        self.samples_in_step = 0;
    }

    /// A store that runs nothing: a linker needs one to be asked what it has.
    pub(crate) fn store_for_linking(engine: &Engine, parts: &Arc<Parts>) -> Store<State> {
        let committed = Committed::new(Instant::now());
        let state = State::new(
            WasiCtxBuilder::new().build_p1(),
            Meter::new(committed.clone(), Bytes(0), 0, Vec::new()),
            committed.clone(),
            Timeline::new(committed, 1.0, None),
            parts.clone(),
            None,
        );
        Store::new(engine, state)
    }

    /// From now on the guest has no more things of the host at once.
    pub(crate) fn bound_handles(&mut self, most: usize) {
        self.wasi.ctx().table.set_max_capacity(most);
    }

    pub(crate) fn mailboxes(&self) -> &Mailboxes {
        &self.mailboxes
    }

    /// Makes what can be read of a module known to everyone who reads it.
    pub(crate) fn set_readable(
        &mut self,
        module: usize,
        counters: Option<Counters>,
        statics: Vec<(usize, Static)>,
    ) {
        if let Some(counters) = counters {
            self.mailboxes.add(module, counters);
        }
        self.attached = true;
        self.meter.set_mailboxes(self.mailboxes.clone());
        self.recorder.set_mailboxes(self.mailboxes.clone());
        self.timeline.set_readable(self.mailboxes.clone(), statics);
    }

    /// The memory of a module inside a component, as far as there are variables in it.
    pub(crate) fn show_memory(&mut self, module: usize, memory: Shown) {
        self.memories.insert(module, memory);
    }

    pub(crate) fn memory_of(&self, module: usize) -> Option<&Shown> {
        self.memories.get(&module)
    }

    /// A file has been opened by the guest.
    pub(crate) fn opened(&mut self, bytes: u64) {
        self.recorder
            .read_by_host(self.parts.open_slot(), bytes as f64);
    }

    /// So many bytes have been allocated that the timeline wants a point.
    pub(crate) fn allocated(&mut self) {
        self.timeline.sample();
        if self.looks {
            self.timeline.look(Thread::Guest);
        }
        self.samples_in_step += 1;
        if self.samples_in_step == SAMPLES_PER_STEP {
            self.samples_in_step = 0;
            self.step = self.step.saturating_mul(2);
        }
        if let Some(heap) = self.mailboxes.heap() {
            let total = heap.read(Mailbox::ALLOCATED);
            heap.call_when_allocated(total.saturating_add(self.step));
        }
    }
}

/// One slot for each that is planned, and one for opened files.
fn recorder(parts: &Parts, committed: Arc<Committed>) -> Recorder {
    let planned = parts.slots().map(|(module, slot)| Watched {
        value_type: slot.value_type,
        module,
        record: slot.mailbox_offset,
    });
    let opened = Watched {
        value_type: ValueType::U64,
        module: 0,
        record: None,
    };
    Recorder::new(planned.chain([opened]), committed)
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        self.http.view(self.wasi.ctx().table)
    }
}

/// The host functions that injected code calls.
pub(crate) fn add_probes_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.func_wrap("fathom", "hit", hit)?;
    linker.func_wrap("fathom", "opened", opened)?;
    linker.func_wrap("fathom", "allocated", allocated)?;
    linker.func_wrap("fathom", "block", block)?;
    linker.func_wrap("fathom", "released", released)?;
    Ok(())
}

/// Finds what can be read beside a guest that is a module, as soon as there is an instance: before `_start`, or at the
/// first report of its start function.
pub(crate) fn attach(
    mut store: StoreContextMut<'_, State>,
    mut export: impl FnMut(&mut StoreContextMut<'_, State>, &str) -> Option<Extern>,
) {
    let memory = |store: &mut StoreContextMut<'_, State>, found: Option<Extern>| {
        let memory: Memory = found?.into_memory()?;
        Some((memory.data_ptr(&*store), memory.data_size(&*store)))
    };
    let found = export(&mut store, Mailbox::EXPORT);
    let parts = store.data().parts.clone();
    let Some(part) = parts.modules().first() else {
        return;
    };
    let has_heap = part.heap.is_some();
    let counters =
        memory(&mut store, found).map(|(base, bytes)| Counters::at(base, bytes, has_heap));
    let mut statics = Vec::new();
    for (slot, planned) in part.slots.iter().enumerate() {
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
    let state = store.data_mut();
    if let Some(counters) = counters {
        counters.call_when_allocated(state.step);
        if let Some(heap) = &mut state.heap {
            heap.begin(counters);
        }
    }
    state.set_readable(0, counters, statics);
}

fn hit(mut caller: Caller<'_, State>, slot: i32, bits: i64) {
    if !caller.data().attached {
        attach_from_inside(&mut caller);
    }
    let state = caller.data_mut();
    state.host_calls += 1;
    state.recorder.hit(slot as usize, bits);
    if state.looks {
        state.timeline.look(Thread::Guest);
    }
}

fn attach_from_inside(caller: &mut Caller<'_, State>) {
    // The exports have to be found while the caller is borrowed whole, so they are found first.
    let parts = caller.data().parts.clone();
    let mut names: Vec<String> = vec![Mailbox::EXPORT.to_owned()];
    names.extend(parts.slots().filter_map(|(_, slot)| match &slot.place {
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
    caller.data_mut().opened(size);
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
    caller.data_mut().allocated();
}

/// A block was handed out: one of all, or the one that was waited for.
fn block(mut caller: Caller<'_, State>, address: i32, size: i32, context: i64) {
    let (address, size, context) = (address as u32, size as u32, context as u64);
    let Some(heap) = &mut caller.data_mut().heap else {
        return;
    };
    if heap.is_exact() {
        let stack = match heap.stack_of(context) {
            Some(stack) => stack,
            None => {
                let backtrace = WasmBacktrace::force_capture(&caller);
                let heap = caller.data_mut().heap.as_mut();
                let Some(heap) = heap else { return };
                heap.new_context(context, &backtrace)
            }
        };
        let state = caller.data_mut();
        let (committed, heap) = (state.meter.committed(), state.heap.as_mut());
        if let Some(heap) = heap {
            let bytes = committed.now().0;
            heap.handed_out(address, size, stack, bytes, || committed.elapsed());
        }
        return;
    }
    let first = !caller.data().attached;
    if first {
        attach_from_inside(&mut caller);
    }
    let Some(counters) = caller.data().mailboxes.heap().copied() else {
        return;
    };
    let heap = caller.data_mut().heap.as_mut();
    if first && heap.is_some_and(|heap| !heap.chooses_first(size, counters)) {
        return;
    }
    let backtrace = WasmBacktrace::force_capture(&caller);
    let state = caller.data_mut();
    if let Some(heap) = &mut state.heap {
        let committed = state.meter.committed();
        heap.chosen(address, size, &backtrace, counters, || committed.elapsed());
    }
}

/// A block was given back that may be one of those that were reported.
fn released(mut caller: Caller<'_, State>, address: i32, moved: i32) {
    let state = caller.data_mut();
    if let Some(heap) = &mut state.heap {
        let committed = state.meter.committed();
        let counters = state.mailboxes.heap().copied();
        heap.given_back(address as u32, moved != 0, counters, || committed.elapsed());
    }
}

/// Makes the calling context that of a call from outside.
pub(crate) fn begin_call(store: &mut Store<State>, instance: &wasmtime::Instance) {
    if let Some(context) = instance.get_global(&mut *store, probe::CONTEXT_EXPORT) {
        // It is there and mutable, or it is not Fathom's.
        let _ = context.set(&mut *store, wasmtime::Val::I64(0));
    }
}

/// Everything observed by injected code: the exact summaries that it kept, with the hits that the host kept in full.
/// The memories that they are in live as long as the store.
pub(crate) fn read_records(store: &mut Store<State>) -> Vec<Observed> {
    let state = store.data_mut();
    let recorder = &mut state.recorder;
    records(&state.mailboxes, &state.parts, |slot| {
        recorder.take_hits(slot)
    })
}

/// What injected code has kept so far, without the single hits. Read while the guest waits for the host.
pub(crate) fn summaries(mailboxes: &Mailboxes, parts: &Parts) -> Vec<Observed> {
    records(mailboxes, parts, |_| Vec::new())
}

fn records(
    mailboxes: &Mailboxes,
    parts: &Parts,
    mut hits: impl FnMut(usize) -> Vec<Hit>,
) -> Vec<Observed> {
    let mut observed = Vec::new();
    for (number, (module, slot)) in parts.slots().enumerate() {
        let (Some(mailbox), Some(offset)) = (mailboxes.of(module), slot.mailbox_offset) else {
            continue;
        };
        let Some(record) = mailbox.record(offset, slot.value_type) else {
            continue;
        };
        let moment = |snapshot: Snapshot| Moment {
            at: Nanos(snapshot.nanos),
            committed: Bytes(snapshot.committed),
            live: mailbox.has_heap().then_some(Bytes(snapshot.live)),
        };
        observed.push(Observed {
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
            hits: hits(number),
        });
    }
    observed
}
