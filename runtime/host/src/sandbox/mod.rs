//! One call: a store with everything attached to it, the guest run to its end, and what was recorded.

mod ending;
mod so_far;
mod world;

use crate::{
    Entry, Event, Function, InvokeError, Output,
    cpu::{CpuSamples, Ticker},
    engine::RESERVATION,
    features::input_features,
    guest::{Running, Target},
    heap::HeapRecorder,
    meter::{Committed, Meter, RefusedBy},
    outcome::{Ending, classify},
    process::thread_cpu_time,
    sampler::Timeline,
    scratch::Scratch,
    serving::Service,
    stacks::Innermost,
    state::State,
    touched::{Looks, Thread},
};
use ending::{finish_observing, heap, probe_cost};
use probe::Counted;
use so_far::SoFar;
use std::{
    io,
    ops::Range,
    sync::{Arc, atomic::AtomicU64},
    time::{Instant, SystemTime},
};
use trace::{Bytes, Heap, Input, Limits, Nanos, Observed, Touched, Trace};
use wasmtime::Store;
use world::{Streams, wasi};

/// Files, streams and other things of the host that a served guest may have at once: others want some, too.
const MOST_HANDLES: usize = 512;

/// One call to be made.
#[derive(Clone, Debug)]
pub struct Call {
    /// What it is given.
    pub event: Event,
    /// Which export.
    pub entry: Entry,
    /// What it is allowed.
    pub limits: Limits,
    /// What happens to its output.
    pub output: Output,
    /// Samples of the timeline per second.
    pub rate_hz: f64,
    /// Other calls run at the same time.
    pub contended: bool,
    /// Count the pages that are really written to. Where the guest's allocator is not known, and calls are made one at a time,
    /// they are counted anyway.
    pub touched: bool,
    /// What chooses the allocations that are looked at, where they are sampled: the same seed chooses the same ones.
    pub seed: u64,
}

/// A call that has ended.
pub struct Finished {
    /// What was recorded.
    pub trace: Trace,
    /// Captured standard output.
    pub stdout: Vec<u8>,
    /// Results of an invoked export, as text.
    pub results: Vec<String>,
}

/// Called when a call passes its deadline, with what is known of it, from another thread than the guest's. The guest
/// goes on until the process ends, so it should end the process.
pub type OnDeadline = Box<dyn FnOnce(Trace) + Send>;

impl Function {
    /// Makes one call and waits for its end.
    ///
    /// Must not be called inside an asynchronous runtime: the guest's reads and writes block.
    ///
    /// # Errors
    ///
    /// See [`InvokeError`]. Whatever the guest does once it runs is an outcome in the trace, not an error.
    pub fn invoke(&self, call: &Call, on_deadline: OnDeadline) -> Result<Finished, InvokeError> {
        let target = self.guest.target(&call.entry, &call.event.args)?;
        let service = Service {
            input: input_features(&call.event)?,
            ..Service::default()
        };
        Sandbox::set_up(self, call, &service)?.run(self, &target, on_deadline)
    }
}

/// One instance with its store, for one call, or where that is asked for for several one after another.
pub(crate) struct Sandbox {
    store: Store<State>,
    streams: Streams,
    so_far: SoFar,
    scratch: Option<Arc<Scratch>>,
    begun: Instant,
    /// Most bytes of output.
    most_output: u64,
}

/// How long a guest has run.
pub(crate) struct Times {
    pub(crate) wall: Nanos,
    pub(crate) cpu: Nanos,
}

impl Sandbox {
    /// Everything that is attached to a store is attached here.
    pub(crate) fn set_up(
        function: &Function,
        call: &Call,
        service: &Service,
    ) -> Result<Sandbox, InvokeError> {
        let input = input(call)?;
        let streams = Streams::open(call, service)?;
        if call.event.scratch.is_some() && function.is_component() {
            let why =
                "components get none: what they write is not counted, and could not be bounded";
            return Err(InvokeError::Scratch(io::Error::other(why)));
        }
        let scratch = call
            .event
            .scratch
            .map(|most| Scratch::make(most).map(Arc::new))
            .transpose()
            .map_err(InvokeError::Scratch)?;
        let served = function.engine.serving.is_some();
        let looks = call.touched || !served && !function.knows_live_bytes();
        let wasi = wasi(&function.id, call, &streams, scratch.as_deref(), served)?;

        let begun = Instant::now();
        let committed = Committed::new(begun);
        let timeline = Timeline::new(
            committed.clone(),
            call.rate_hz,
            looks.then(|| Looks::new(function.engine.pagemap())),
        );
        let meter = Meter::new(
            committed.clone(),
            call.limits.memory,
            function.guest_memories,
            function.parts.injected_maxima(),
        );
        let mut state = State::new(
            wasi,
            meter,
            committed.clone(),
            timeline.clone(),
            function.parts.clone(),
            call.event.mount.as_ref().map(|mount| mount.host.clone()),
        );
        state.looks = looks;
        state.heap = function.heap.map(|sampling| {
            let counted = function.parts.with_heap();
            let sees_releases =
                counted.is_none_or(|part| part.heap != Some(Counted::AllocatedOnly));
            let filter_offset = counted.and_then(|part| part.filter_offset);
            HeapRecorder::new(sampling, sees_releases, filter_offset, call.seed)
        });
        state.scratch = scratch.as_ref().map(|scratch| scratch.budget());
        let mut store = Store::new(function.guest.engine(), state);
        let cpu = function
            .cpu_period()
            .map(|period| CpuSamples::of(&mut store, period));
        if served {
            store.data_mut().bound_handles(MOST_HANDLES);
            store.limiter_async(|state| &mut state.meter);
            store.epoch_deadline_async_yield_and_update(1);
            store.set_epoch_deadline(1);
        } else {
            store.limiter(|state| &mut state.meter);
            if cpu.is_none() {
                function.engine.never_interrupt(&mut store);
            }
        }
        let so_far = SoFar {
            function: function.id.clone(),
            input,
            features: service.input.clone(),
            started_unix_ms: unix_ms(),
            limits: call.limits,
            contended: call.contended,
            runtime_base: function.runtime_base,
            machine: function.machine().clone(),
            armed: function.armed.clone(),
            cpu: cpu.zip(function.symbolizer.clone()),
            parts: function.parts.clone(),
            committed,
            timeline,
            bytes_in: streams.stdin.counter(),
            bytes_out: streams.stdout.counter(),
        };
        Ok(Sandbox {
            store,
            streams,
            so_far,
            scratch,
            begun,
            most_output: most_output(call),
        })
    }

    /// The same sandbox for another call, with what its guest has in memory.
    pub(crate) fn begin_anew(&mut self, call: &Call, service: &Service) -> Result<(), InvokeError> {
        let input = input(call)?;
        self.streams.become_of(&Streams::open(call, service)?);
        self.begun = Instant::now();
        let committed = Committed::from(self.begun, self.so_far.committed.now());
        let timeline = Timeline::new(committed.clone(), call.rate_hz, None);
        let state = self.store.data_mut();
        state.begin_anew(committed.clone(), timeline.clone(), call.limits.memory);
        self.store.set_epoch_deadline(1);
        self.so_far = SoFar {
            input,
            features: service.input.clone(),
            started_unix_ms: unix_ms(),
            limits: call.limits,
            contended: call.contended,
            committed,
            timeline,
            bytes_out: self.streams.stdout.counter(),
            ..self.so_far.clone()
        };
        self.most_output = most_output(call);
        Ok(())
    }

    /// What its guest has: memories, and what tables have grown by.
    pub(crate) fn taken(&self) -> Bytes {
        self.store.data().meter.taken()
    }

    /// What a served call has beside the others.
    pub(crate) fn share(&mut self, service: &Service, function: &Function) {
        let state = self.store.data_mut();
        state.http.allow(service.outbound.clone());
        if let Some(grants) = &service.grants {
            state
                .meter
                .set_grants(grants.clone(), function.parts.clone());
        }
    }

    pub(crate) fn store(&mut self) -> &mut Store<State> {
        &mut self.store
    }

    /// Where output that does not pass the guest's streams is counted, and how much it may be.
    pub(crate) fn count_output(&mut self) -> (Arc<AtomicU64>, u64) {
        let passed = Arc::<AtomicU64>::default();
        self.so_far.bytes_out = passed.clone();
        (passed, self.most_output)
    }

    /// Where output is counted.
    pub(crate) fn output(&self) -> Arc<AtomicU64> {
        self.so_far.bytes_out.clone()
    }

    /// What the last growth that was refused was refused by.
    pub(crate) fn refused_by(&self) -> Option<RefusedBy> {
        self.so_far.committed.history().refused_by
    }

    /// Whether somebody else can have noticed the call.
    pub(crate) fn had_effect(&self) -> bool {
        self.store.data().http.has_asked()
    }

    /// Runs the guest to its end, whatever that is, and reads everything before the store goes.
    fn run(
        mut self,
        function: &Function,
        target: &Target,
        on_deadline: OnDeadline,
    ) -> Result<Finished, InvokeError> {
        let timeline = self.so_far.timeline.clone();
        let ticker = function
            .cpu_period()
            .map(|period| Ticker::start(&function.engine.inner, period))
            .transpose()
            .map_err(InvokeError::Host)?;
        let cpu_before = thread_cpu_time();
        let so_far = self.so_far.clone();
        let deadline = so_far.deadline(cpu_before, self.scratch.clone(), on_deadline);
        let watch = timeline
            .watch(self.begun, deadline)
            .map_err(InvokeError::Host)?;
        let wall_before = self.begun.elapsed();
        let (result, running) = run(&mut self.store, function, target);
        let wall = Nanos::from(self.begun.elapsed() - wall_before);
        let cpu = Nanos(thread_cpu_time().0 - cpu_before.0);
        drop(ticker);
        let finished = self.finish(function, result, running, Times { wall, cpu }, None);
        drop(watch);
        Ok(finished)
    }

    /// Reads everything before the store goes. `ending` says how it ended where the guest did not.
    pub(crate) fn finish(
        mut self,
        function: &Function,
        result: wasmtime::Result<Vec<String>>,
        running: Option<Running>,
        times: Times,
        ending: Option<Ending>,
    ) -> Finished {
        let at_end = self.read(function, running.as_ref());
        // Its thread, where it has one, must not look where there is no memory any more.
        self.so_far.timeline.close();
        drop(self.store);
        drop(self.scratch);
        at_end.finished(function, self.so_far, &self.streams, result, times, ending)
    }

    /// The same where the guest has done what it was to do, and another call will have the sandbox.
    pub(crate) fn finish_call(
        &mut self,
        function: &Function,
        results: Vec<String>,
        running: &Running,
        times: Times,
    ) -> Finished {
        let at_end = self.read(function, Some(running));
        let so_far = self.so_far.clone();
        let finished = at_end.finished(function, so_far, &self.streams, Ok(results), times, None);
        // Nothing of the call is held any more.
        self.streams.become_of(&Streams::nothing());
        self.store.data_mut().meter.forget_grants();
        finished
    }

    /// What there is to be read where the guest has ended.
    fn read(&mut self, function: &Function, running: Option<&Running>) -> AtEnd {
        // The last sample, after the guest has returned.
        self.so_far.timeline.sample();
        let touched = self.so_far.timeline.end_looking();
        let heap = heap(&self.store, &function.parts);
        let (observed, hits) = finish_observing(&mut self.store, running, &function.parts);
        AtEnd {
            touched,
            heap,
            observed,
            hits,
            host_calls: self.store.data().host_calls,
            recorder: self.store.data_mut().heap.take(),
        }
    }
}

/// What was read of a guest that has ended.
struct AtEnd {
    touched: Option<Touched>,
    heap: Heap,
    observed: Vec<Observed>,
    /// Hits of probes that are code.
    hits: u64,
    /// Of those, the ones that have called the host.
    host_calls: u64,
    recorder: Option<HeapRecorder>,
}

impl AtEnd {
    fn finished(
        self,
        function: &Function,
        so_far: SoFar,
        streams: &Streams,
        result: wasmtime::Result<Vec<String>>,
        times: Times,
        ending: Option<Ending>,
    ) -> Finished {
        let heap = self.heap;
        let heap_profile = self.recorder.and_then(|recorder| {
            let symbolizer = function.symbolizer.as_ref()?;
            let map = function.parts.code_map()?;
            let resolve = |stacks: &_| symbolizer.resolve(stacks, map, Innermost::Allocating);
            // No instance, no heap.
            let keeps_held = match heap {
                Heap::Live { .. } => true,
                Heap::AllocatedOnly { .. } => false,
                Heap::Unknown => return None,
            };
            Some(recorder.finish(resolve, keeps_held))
        });

        let (result, results) = match result {
            Ok(results) => (Ok(()), results),
            Err(error) => (Err(error), Vec::new()),
        };
        let limit = so_far.limits.memory;
        let ending =
            ending.unwrap_or_else(|| classify(&result, &so_far.committed.history(), limit));
        Finished {
            trace: Trace {
                probe_cost: probe_cost(function, self.hits, self.host_calls),
                touched: self.touched,
                heap_profile,
                ..so_far.ended(ending, heap, self.observed, times.wall, times.cpu)
            },
            stdout: streams.stdout.take(),
            results,
        }
    }
}

fn input(call: &Call) -> Result<Input, InvokeError> {
    Ok(Input {
        label: call.event.label.clone(),
        digest: call.event.digest(&call.entry)?,
    })
}

fn most_output(call: &Call) -> u64 {
    match call.output {
        Output::Discard { most } | Output::Capture { most } => most,
        Output::Inherit => u64::MAX,
    }
}

/// Instantiates and runs the guest. It is there for what is read at the end, if it came to be.
fn run(
    store: &mut Store<State>,
    function: &Function,
    target: &Target,
) -> (wasmtime::Result<Vec<String>>, Option<Running>) {
    let running = match function.guest.instantiate(&mut *store) {
        Ok(running) => running,
        Err(error) => return (Err(error), None),
    };
    if store.data().looks {
        let addresses = memory_addresses(store, &running, function);
        let timeline = store.data().timeline.clone();
        timeline.begin_looking(addresses);
        timeline.look(Thread::Guest);
    }
    (running.call(store, target), Some(running))
}

/// Where the guest's own memories are, as far as they can ever grow.
pub(crate) fn memory_addresses(
    store: &mut Store<State>,
    running: &Running,
    function: &Function,
) -> Result<Vec<Range<u64>>, String> {
    let (Running::Module(instance), Some(own)) = (running, &function.memories) else {
        return Err("the memories of a component's modules are not open to their host".to_owned());
    };
    let addresses = own.iter().enumerate().map(|(number, memory)| {
        let added = (number == 0).then_some(probe::MEMORY_EXPORT);
        let mut names = memory.exported.as_deref().into_iter().chain(added);
        let found = names.find_map(|name| instance.get_memory(&mut *store, name));
        let found = found.ok_or("a memory of the guest is not exported")?;
        let maximum = memory.maximum_pages.unwrap_or(u64::MAX);
        let bytes = maximum.saturating_mul(memory.page_bytes).min(RESERVATION);
        let start = found.data_ptr(&*store).expose_provenance() as u64;
        let page = rustix::param::page_size() as u64;
        Ok(start..start + bytes.next_multiple_of(page))
    });
    let addresses = addresses.collect::<Result<Vec<_>, String>>()?;
    if addresses.is_empty() {
        return Err("the guest has no memory of its own".to_owned());
    }
    Ok(addresses)
}

fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}
