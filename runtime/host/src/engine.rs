//! The engine: once per process. Guests run as ordinary optimised code: no epochs, no fuel, no guest debugging, since
//! those slow down all code of all guests. Deadlines are kept by ending the process (see `sampler`). Only where it is
//! asked where a call spends its time there are epochs (see `cpu`).

use crate::{
    calibrate::Rates,
    machine::machine,
    pagemap::{Pagemap, PagemapError},
};
use std::sync::{Arc, OnceLock};
use trace::{Machine, Nanos};
use wasmtime::{Config, Store};

/// Compiles guests and owns what they share. Once per process.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: wasmtime::Engine,
    /// Time between the samples of the guest's stack, where they are taken.
    pub(crate) cpu_period: Option<Nanos>,
    machine: Arc<Machine>,
    /// What probes cost, once somebody has asked.
    rates: Arc<OnceLock<Rates>>,
    pagemap: Arc<OnceLock<Arc<Result<Pagemap, PagemapError>>>>,
}

/// Addresses reserved for each memory of a guest. It never grows beyond them.
pub(crate) const RESERVATION: u64 = 4 << 30;

/// The engine could not be set up on this machine.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the WebAssembly engine: {0:#}")]
pub struct EngineError(wasmtime::Error);

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

    fn with(cpu_period: Option<Nanos>) -> Result<Engine, EngineError> {
        let mut config = Config::new();
        // Growing must not move a memory: the timeline reads the mailbox from another thread.
        config.memory_may_move(false);
        config.memory_reservation(RESERVATION);
        // Growth of a garbage-collected heap passes the limiter like that of a memory and cannot be told apart.
        config.wasm_gc(false);
        // Only native unwinders need it, and registering it costs time per module.
        config.native_unwind_info(false);
        config.epoch_interruption(cpu_period.is_some());
        // Stacks of samples are that deep.
        config.wasm_backtrace_max_frames(Some(crate::stacks::WALKED));
        let inner = wasmtime::Engine::new(&config).map_err(EngineError)?;
        Ok(Engine {
            inner,
            cpu_period,
            machine: Arc::new(machine(match cpu_period {
                None => "cranelift speed, on-demand",
                Some(_) => "cranelift speed, on-demand, epochs",
            })),
            rates: Arc::default(),
            pagemap: Arc::default(),
        })
    }

    /// What calls run on: processor, kernel, this engine.
    pub fn machine(&self) -> &Machine {
        &self.machine
    }

    /// Lets a store run without being interrupted. Where nobody says otherwise its first check would end it.
    pub(crate) fn never_interrupt<T: 'static>(&self, store: &mut Store<T>) {
        if self.cpu_period.is_some() {
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
