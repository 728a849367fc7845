//! The engine: once per process. Guests run as ordinary optimised code: no epochs, no fuel, no guest debugging, since
//! those slow down all code of all guests. Deadlines are kept by ending the process (see `sampler`).

use wasmtime::Config;

/// Compiles guests and owns what they share. Once per process.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: wasmtime::Engine,
}

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
        let mut config = Config::new();
        // Growing must not move a memory: the timeline reads the mailbox from another thread.
        config.memory_may_move(false);
        // Growth of a garbage-collected heap passes the limiter like that of a memory and cannot be told apart.
        config.wasm_gc(false);
        // Only native unwinders need it, and registering it costs time per module.
        config.native_unwind_info(false);
        // Stacks of allocations are that deep.
        config.wasm_backtrace_max_frames(Some(crate::stacks::WALKED));
        wasmtime::Engine::new(&config)
            .map(|inner| Engine { inner })
            .map_err(EngineError)
    }

    /// What compiled code depends on beside the module: part of the cache's key.
    pub(crate) fn fingerprint(&self) -> u64 {
        use std::hash::{DefaultHasher, Hash, Hasher};
        let mut hasher = DefaultHasher::new();
        self.inner.precompile_compatibility_hash().hash(&mut hasher);
        hasher.finish()
    }
}
