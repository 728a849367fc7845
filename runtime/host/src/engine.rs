//! The engine: once per process. Where guests are profiled they run as ordinary optimised code: no epochs, no fuel, no guest
//! debugging, since those slow down all code of all guests. Deadlines are kept by ending the process (see `sampler`). There
//! are epochs only where it is asked where a call spends its time (see `cpu`), and where guests are served: many in one
//! process, none of which may keep the others from running (see `serving`).

use crate::{
    calibrate::Rates,
    cpu::Ticker,
    machine::machine,
    pagemap::{Pagemap, PagemapError},
};
use std::sync::{Arc, OnceLock};
use trace::{Bytes, Machine, Nanos};
use wasmtime::{Config, Enabled, PoolingAllocationConfig, Store};

/// Compiles guests and owns what they share. Once per process.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: wasmtime::Engine,
    /// Time between the samples of the guest's stack, where they are taken.
    pub(crate) cpu_period: Option<Nanos>,
    /// Where guests are served: what lets them take turns, and how many slots wait for them.
    pub(crate) serving: Option<Arc<Serving>>,
    machine: Arc<Machine>,
    /// What probes cost, once somebody has asked.
    rates: Arc<OnceLock<Rates>>,
    pagemap: Arc<OnceLock<Arc<Result<Pagemap, PagemapError>>>>,
}

/// Addresses reserved for each memory of a guest. It never grows beyond them.
pub(crate) const RESERVATION: u64 = 4 << 30;

/// What an engine that serves is set up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slots {
    /// Calls at the same time.
    pub calls: u32,
    /// So much of a memory, and of tables, is cleared in place after a call rather than given back to the system: good for guests that
    /// touch about as much, bad for those that touch less.
    pub keep_resident: Bytes,
}

/// What an engine that serves has beside the others.
pub(crate) struct Serving {
    /// Calls that find a slot made ready; 0 where each makes its own memory.
    slots: u32,
    /// What each of them keeps of a memory.
    keeps: Bytes,
    /// Ends with the engine.
    _ticker: Ticker,
}

/// So much of tables is kept at most.
const TABLES_KEPT: Bytes = Bytes(512 << 10);

/// Memories of one guest, those that were injected included; and tables.
const MEMORIES: u32 = 8;

/// Instances of core modules in one component.
const INSTANCES: u32 = 32;

/// Longest time that a guest runs before others are let run.
const TURN: Nanos = Nanos(5_000_000);

/// The engine could not be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine: {0:#}")]
pub struct EngineError(#[from] wasmtime::Error);

impl Engine {
    /// An engine with the settings every figure of the benchmarks is quoted for: cranelift at its default
    /// optimisation, 4 GiB reservations, traps by signals.
    ///
    /// # Errors
    ///
    /// Where the machine is not supported by cranelift.
    pub fn new() -> Result<Engine, EngineError> {
        Engine::with(None)
    }

    /// The same, but guests are interrupted every `period` to see where they are. Their code is slower by what looking
    /// whether they are to be interrupted costs, about 1.2 to 1.7 times, so their times are not those of other calls.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`].
    pub fn sampling_cpu(period: Nanos) -> Result<Engine, EngineError> {
        Engine::with(Some(period))
    }

    /// An engine for [`Function::serve`](crate::Function::serve): asynchronous, guests take turns every few
    /// milliseconds, and slots for memories, tables and stacks are reserved beforehand. Where the address space is too small
    /// for as many as asked for, a quarter of them, and where it is too small for those, none: each call then makes its own.
    ///
    /// # Errors
    ///
    /// As [`Engine::new`], or where no thread can be started.
    pub fn serving(slots: Slots) -> Result<Engine, EngineError> {
        let mut tried = Err(EngineError(wasmtime::Error::msg("no engine")));
        for calls in [slots.calls, slots.calls / 4, 0] {
            tried = Engine::serving_from(Slots { calls, ..slots });
            if tried.is_ok() {
                break;
            }
        }
        tried
    }

    fn serving_from(slots: Slots) -> Result<Engine, EngineError> {
        let mut config = config();
        config.epoch_interruption(true);
        if slots.calls > 0 {
            config.allocation_strategy(pool(slots));
        }
        let inner = wasmtime::Engine::new(&config)?;
        let ticker = Ticker::start(&inner, TURN).map_err(wasmtime::Error::from)?;
        let serving = Serving {
            slots: slots.calls,
            keeps: slots.keep_resident,
            _ticker: ticker,
        };
        Ok(Engine {
            serving: Some(Arc::new(serving)),
            ..Engine::of(
                inner,
                match slots.calls {
                    0 => "cranelift speed, on-demand, epochs",
                    _ => "cranelift speed, pooling, epochs",
                },
            )
        })
    }

    /// Calls that find a slot made ready, where guests are served; 0 where there are none.
    pub fn slots(&self) -> u32 {
        self.serving.as_ref().map_or(0, |serving| serving.slots)
    }

    /// What each of them keeps of a memory for the next call.
    pub fn slot_keeps(&self) -> Bytes {
        let serving = self.serving.as_ref();
        serving.map_or(Bytes(0), |serving| serving.keeps)
    }

    /// Memory of slots that no call has now, kept for the next ones. In no call's account.
    pub fn kept_resident(&self) -> Bytes {
        let kept = self.inner.pooling_allocator_metrics().map_or(0, |slots| {
            slots.unused_memory_bytes_resident()
                + slots.unused_table_bytes_resident()
                + slots.unused_stack_bytes_resident().unwrap_or(0)
        });
        Bytes(kept as u64)
    }

    fn with(cpu_period: Option<Nanos>) -> Result<Engine, EngineError> {
        let mut config = config();
        config.epoch_interruption(cpu_period.is_some());
        let inner = wasmtime::Engine::new(&config)?;
        Ok(Engine {
            cpu_period,
            ..Engine::of(
                inner,
                match cpu_period {
                    None => "cranelift speed, on-demand",
                    Some(_) => "cranelift speed, on-demand, epochs",
                },
            )
        })
    }

    fn of(inner: wasmtime::Engine, settings: &str) -> Engine {
        Engine {
            inner,
            cpu_period: None,
            serving: None,
            machine: Arc::new(machine(settings)),
            rates: Arc::default(),
            pagemap: Arc::default(),
        }
    }

    /// What calls run on: processor, kernel, this engine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Lets a store run without being interrupted. Where there are epochs and nobody says otherwise its first check would
    /// end it.
    pub(crate) fn never_interrupt<T: 'static>(&self, store: &mut Store<T>) {
        if self.cpu_period.is_some() || self.serving.is_some() {
            store.set_epoch_deadline(u64::MAX / 2);
        }
    }

    /// What probes cost here. The first time this takes a few milliseconds.
    pub(crate) fn probe_rates(&self) -> Rates {
        *self.rates.get_or_init(|| Rates::measure(self))
    }

    /// Which pages of this process have been written to, or why that cannot be told.
    pub(crate) fn pagemap(&self) -> Arc<Result<Pagemap, PagemapError>> {
        let opened = self.pagemap.get_or_init(|| Arc::new(Pagemap::open()));
        opened.clone()
    }

    /// Whether what a slot keeps is cleared page by page as it was written to, so that keeping more than guests touch costs
    /// nothing.
    pub fn clears_only_touched() -> bool {
        !is_swapped() && Pagemap::open().is_ok()
    }

    /// Why the pages that a guest really writes to cannot be counted on this machine; `None` where they can.
    pub fn touched_unavailable(&self) -> Option<String> {
        let pagemap = self.pagemap();
        pagemap
            .as_ref()
            .as_ref()
            .err()
            .map(|error| error.to_string())
    }

    /// What compiled code depends on beside the module: part of the cache's key.
    pub(crate) fn fingerprint(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.inner.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }
}

/// What all engines have in common.
fn config() -> Config {
    let mut config = Config::new();
    // Growing must not move a memory: the timeline reads the mailbox from another thread.
    config.memory_may_move(false);
    config.memory_reservation(RESERVATION);
    // Growth of a garbage-collected heap passes the limiter like that of a memory and cannot be told apart.
    config.wasm_gc(false);
    // Only native unwinders need it, and registering it costs time per module.
    config.native_unwind_info(false);
    // Stacks of samples are that deep.
    config.wasm_backtrace_max_frames(Some(crate::stacks::WALKED));
    config
}

/// Whether memory may be swapped out. A page that was is not seen among those that were written to, and would not be cleared
/// (<https://github.com/bytecodealliance/wasmtime/pull/14357>).
fn is_swapped() -> bool {
    // A line for the heading, and one for each place that is swapped to. Where it cannot be told, it may be.
    std::fs::read_to_string("/proc/swaps").map_or(true, |swaps| swaps.lines().count() > 1)
}

/// Slots for so many calls. Each guest has a memory, a mailbox and perhaps a table of sizes; what is reserved is addresses.
fn pool(slots: Slots) -> PoolingAllocationConfig {
    let mut pool = PoolingAllocationConfig::new();
    // As many as all of them may have: no function takes the slots of another.
    pool.total_core_instances(slots.calls.saturating_mul(INSTANCES))
        .total_component_instances(slots.calls)
        .total_memories(slots.calls.saturating_mul(MEMORIES))
        .total_tables(slots.calls.saturating_mul(MEMORIES))
        .total_stacks(slots.calls)
        .max_core_instances_per_component(INSTANCES)
        .max_memories_per_module(MEMORIES)
        .max_tables_per_module(MEMORIES)
        .max_memories_per_component(MEMORIES)
        .max_tables_per_component(MEMORIES)
        .max_core_instance_size(10 << 20)
        .max_component_instance_size(10 << 20)
        .max_memory_size(RESERVATION as usize)
        .table_elements(100_000)
        .linear_memory_keep_resident(slots.keep_resident.0 as usize)
        .table_keep_resident(slots.keep_resident.min(TABLES_KEPT).0 as usize)
        .max_unused_warm_slots(slots.calls)
        .pagemap_scan(if is_swapped() {
            Enabled::No
        } else {
            Enabled::Auto
        });
    pool
}
