//! One call: a store with everything attached to it, the guest run to its end, and what was recorded.

use crate::{
    Entry, Event, Function, InvokeError, Output,
    cpu::{CpuSamples, Ticker},
    engine::RESERVATION,
    features::input_features,
    guest::{Running, Target},
    heap::HeapRecorder,
    meter::{Committed, Meter},
    outcome::{Ending, classify},
    parts::Parts,
    process::thread_cpu_time,
    sampler::{Deadline, Timeline},
    scratch::{self, Scratch},
    stacks::{Innermost, Symbolizer},
    state::{self, State},
    stdio::{self, Stdin, Stdout},
    touched::{Looks, Thread},
};
use probe::{Counted, Mailbox};
use std::{
    io,
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant, SystemTime},
};
use trace::{
    Breakpoint, Bytes, FunctionId, Heap, Input, Limits, Machine, Nanos, Observed, Outcome, Plan,
    ProbeCost, ProbeMode, Trace,
};
use wasmtime::Store;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, p1::WasiP1Ctx};

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
    /// Count the pages that are really written to. Where the guest's allocator is not known, they are counted anyway.
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
        Sandbox::set_up(self, call)?.run(self, &target, on_deadline)
    }
}

/// One instance with its store, for one call.
struct Sandbox {
    store: Store<State>,
    streams: Streams,
    so_far: SoFar,
    scratch: Option<Arc<Scratch>>,
    begun: Instant,
}

impl Sandbox {
    /// Everything that is attached to a store is attached here.
    fn set_up(function: &Function, call: &Call) -> Result<Sandbox, InvokeError> {
        let input = Input {
            label: call.event.label.clone(),
            digest: call.event.digest(&call.entry)?,
        };
        let features = input_features(&call.event)?;
        let streams = Streams::open(call)?;
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
        let wasi = wasi(&function.id, call, &streams, scratch.as_deref())?;

        let begun = Instant::now();
        let committed = Committed::new(begun);
        let looks = call.touched || !function.knows_live_bytes();
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
        store.limiter(|state| &mut state.meter);
        let cpu = function
            .cpu_period()
            .map(|period| CpuSamples::of(&mut store, period));
        if cpu.is_none() {
            function.engine.never_interrupt(&mut store);
        }
        let so_far = SoFar {
            function: function.id.clone(),
            input,
            features,
            started_unix_ms: unix_ms(),
            limits: call.limits,
            contended: call.contended,
            runtime_base: function.runtime_base,
            machine: function.machine().clone(),
            armed: function.plan.clone(),
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
        })
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
        // The last sample, after the guest has returned.
        timeline.sample();
        let touched = timeline.end_looking();
        let heap = heap(&self.store, &function.parts);
        let (observed, hits) = finish_observing(&mut self.store, running.as_ref(), &function.parts);
        let host_calls = self.store.data().host_calls;
        drop(watch);
        let recorder = self.store.data_mut().heap.take();
        drop(self.store);
        drop(self.scratch);
        let heap_profile = recorder.and_then(|recorder| {
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
        let limit = self.so_far.limits.memory;
        let ending = classify(&result, &self.so_far.committed.history(), limit);
        Ok(Finished {
            trace: Trace {
                probe_cost: probe_cost(function, hits, host_calls),
                touched,
                heap_profile,
                ..self.so_far.ended(ending, heap, observed, wall, cpu)
            },
            stdout: self.streams.stdout.take(),
            results,
        })
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
fn memory_addresses(
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

struct Streams {
    stdin: Stdin,
    stdout: Stdout,
    stderr: Stdout,
}

impl Streams {
    fn open(call: &Call) -> Result<Streams, InvokeError> {
        Ok(Streams {
            stdin: stdio::stdin(&call.event.body).map_err(|source| InvokeError::Open {
                label: call.event.label.clone(),
                source,
            })?,
            stdout: stdio::stdout(call.output),
            stderr: stdio::stderr(call.output),
        })
    }
}

/// What the guest may see of the machine: its streams, its arguments, its directories, clocks and randomness.
/// No network, no environment but its own.
fn wasi(
    function: &FunctionId,
    call: &Call,
    streams: &Streams,
    scratch: Option<&Scratch>,
) -> Result<WasiP1Ctx, InvokeError> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(streams.stdin.clone())
        .stdout(streams.stdout.clone())
        .stderr(streams.stderr.clone())
        .allow_blocking_current_thread(true)
        .arg(&function.name)
        .envs(&call.event.env);
    if call.entry == Entry::Start {
        wasi.args(&call.event.args);
    }
    if let Some(mount) = &call.event.mount {
        let permissions = if mount.writable {
            FsPerms::ReadWrite
        } else {
            FsPerms::ReadOnly
        };
        wasi.preopened_dir(&mount.host, &mount.guest, permissions)
            .map_err(|error| InvokeError::Mount {
                path: mount.host.clone(),
                reason: error.root_cause().to_string(),
            })?;
    }
    if let Some(scratch) = scratch {
        if call
            .event
            .mount
            .as_ref()
            .is_some_and(|mount| mount.guest == scratch::GUEST_PATH)
        {
            let why = format!(
                "`{}` is where the granted directory is already",
                scratch::GUEST_PATH
            );
            return Err(InvokeError::Scratch(io::Error::other(why)));
        }
        wasi.preopened_dir(scratch.path(), scratch::GUEST_PATH, FsPerms::ReadWrite)
            .map_err(|error| InvokeError::Scratch(io::Error::other(error)))?;
    }
    Ok(wasi.build_p1())
}

fn unix_ms() -> u64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_millis() as u64)
}

fn heap(store: &Store<State>, parts: &Parts) -> Heap {
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
fn probe_cost(function: &Function, hits: u64, host_calls: u64) -> ProbeCost {
    if hits == 0 {
        return ProbeCost::default();
    }
    function.engine.probe_rates().cost(hits, host_calls)
}

/// Reads the variables that are read at the end, and closes what is still open. Also the number of hits of all probes
/// that are code.
fn finish_observing(
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

/// What is known of a call while it runs, readable from any thread.
#[derive(Clone)]
struct SoFar {
    function: FunctionId,
    input: Input,
    features: Vec<Observed>,
    started_unix_ms: u64,
    limits: Limits,
    contended: bool,
    runtime_base: Bytes,
    machine: Machine,
    armed: Arc<Plan>,
    /// Where its time goes, where that is asked for, and who makes it readable.
    cpu: Option<(CpuSamples, Arc<Symbolizer>)>,
    parts: Arc<Parts>,
    committed: Arc<Committed>,
    timeline: Arc<Timeline>,
    bytes_in: Arc<std::sync::atomic::AtomicU64>,
    bytes_out: Arc<std::sync::atomic::AtomicU64>,
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
    fn deadline(
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

    fn ended(
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
            armed: self.armed.probes.clone(),
            probe_cost: ProbeCost::default(),
            touched: None,
            heap_profile: None,
            cpu_profile: self.cpu.and_then(|(samples, symbolizer)| {
                Some(samples.profile(&symbolizer, self.parts.code_map()?))
            }),
        }
    }
}
