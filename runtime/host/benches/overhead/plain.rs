//! A guest as it is, in wasmtime with the settings of `host::Engine`.

use crate::rounds::thread_seconds;
use wasmtime_wasi::{I32Exit, WasiCtxBuilder, p1::WasiP1Ctx};

/// Settings that `host::Engine` has too, as far as they are about speed.
pub(crate) fn settings() -> wasmtime::Config {
    let mut config = wasmtime::Config::new();
    config.memory_may_move(false);
    config.native_unwind_info(false);
    config
}

/// A guest, compiled.
pub(crate) struct Plain {
    engine: wasmtime::Engine,
    module: wasmtime::Module,
    linker: wasmtime::Linker<WasiP1Ctx>,
}

impl Plain {
    pub(crate) fn new(wasm: &[u8]) -> Plain {
        Plain::with(&settings(), wasm)
    }

    /// With other settings.
    pub(crate) fn with(config: &wasmtime::Config, wasm: &[u8]) -> Plain {
        let engine = wasmtime::Engine::new(config).expect("an engine");
        let mut linker = wasmtime::Linker::new(&engine);
        wasmtime_wasi::p1::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi)
            .expect("WASI");
        let module = wasmtime::Module::new(&engine, wasm).expect("a module");
        Plain {
            engine,
            module,
            linker,
        }
    }

    /// Seconds of this thread from before instantiation to after the end.
    pub(crate) fn run(&self, stdin: &[u8]) -> f64 {
        let mut store = wasmtime::Store::new(&self.engine, wasi(stdin));
        let begun = thread_seconds();
        let instance = self
            .linker
            .instantiate(&mut store, &self.module)
            .expect("an instance");
        let start = instance
            .get_typed_func::<(), ()>(&mut store, "_start")
            .expect("_start");
        if let Err(error) = start.call(&mut store, ()) {
            assert!(error.is::<I32Exit>(), "{error:#}");
        }
        thread_seconds() - begun
    }
}

/// A guest's world: one text.
pub(crate) fn wasi(stdin: &[u8]) -> WasiP1Ctx {
    let stdin = wasmtime_wasi::p2::pipe::MemoryInputPipe::new(stdin.to_vec());
    WasiCtxBuilder::new()
        .stdin(stdin)
        .allow_blocking_current_thread(true)
        .build_p1()
}
