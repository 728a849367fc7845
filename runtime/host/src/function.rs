//! One deployed guest: inspected, rewritten, compiled and linked once, called many times.

use crate::{
    Cache, Engine, budget,
    event::hex,
    process::resident_bytes,
    stacks::Symbolizer,
    state::{State, add_probes_to_linker},
};
use probe::{Counted, Injected, Inspection};
use sha2::{Digest, Sha256};
use std::{io, sync::Arc};
use trace::{Bytes, FunctionId, HeapSampling, Machine, Plan, Selection};
use wasmtime::{InstancePre, Linker, Module};
use wasmtime_wasi::I32Exit;

/// A guest ready to be called.
#[derive(Clone)]
pub struct Function {
    pub(crate) id: FunctionId,
    pub(crate) inspection: Arc<Inspection>,
    pub(crate) injected: Arc<Injected>,
    pub(crate) plan: Arc<Plan>,
    pub(crate) instance: InstancePre<State>,
    pub(crate) guest_memories: usize,
    pub(crate) engine: Engine,
    /// Who makes stacks readable, where they are taken.
    pub(crate) symbolizer: Option<Arc<Symbolizer>>,
    /// Which allocations are recorded by call stack.
    pub(crate) heap: Option<HeapSampling>,
    /// Resident memory of this process once the function was loaded.
    pub(crate) runtime_base: Bytes,
}

/// Which export of a guest is called.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// `_start`: a WASI command.
    Start,
    /// An exported function by name: a reactor. Its parameters are the arguments of the event.
    Invoke(String),
}

/// A guest that cannot be made ready.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The bytes are not a module that can be looked into.
    #[error(transparent)]
    Inspect(#[from] probe::InspectError),
    /// What was asked to be observed is not there.
    #[error(transparent)]
    Plan(#[from] probe::PlanError),
    /// The module cannot be rewritten.
    #[error(transparent)]
    Inject(#[from] probe::InjectError),
    /// The module imports what this runtime does not offer.
    #[error(
        "the guest imports {}, which is not offered here: expected functions of wasi_snapshot_preview1 only",
        .0.join(", ")
    )]
    MissingImports(Vec<String>),
    /// The module has a memory that threads share.
    #[error("the guest has a shared memory: threads are not offered here")]
    SharedMemory,
    /// The module is valid but uses something the engine is not set up for.
    #[error("the guest cannot be compiled: {0}")]
    Compile(String),
}

/// The digest by which a module is known: `sha256:` and 64 hexadecimal digits.
pub fn digest(wasm: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(wasm)))
}

impl Function {
    /// Makes `wasm` ready to be called under `name`, with the probes that `selection` asks for. Compiled code comes
    /// from `cache` where it is there, and goes into it where it is not.
    ///
    /// # Errors
    ///
    /// See [`LoadError`]. An unusable cache is not an error.
    pub fn load(
        engine: &Engine,
        cache: Option<&Cache>,
        name: &str,
        wasm: &[u8],
        selection: &Selection,
    ) -> Result<Function, LoadError> {
        let digest = hex(&Sha256::digest(wasm));
        let inspection = probe::inspect(wasm)?;
        if inspection.memories.iter().any(|memory| memory.shared) {
            return Err(LoadError::SharedMemory);
        }
        let armed = probe::plan(wasm, &inspection, selection)?;
        let key = cache_key(engine, &digest, &armed);
        let (injected, module) = match cache.and_then(|cache| cached(engine, cache, &key)) {
            Some(found) => found,
            None => {
                let injected = probe::inject(wasm, &inspection, &armed)?;
                let module = Module::new(&engine.inner, &injected.wasm)
                    .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
                if let Some(cache) = cache {
                    // Only speed is lost where this fails.
                    let _ = keep(cache, &key, &injected, &module);
                }
                (injected, module)
            }
        };
        let linker = linker(engine).map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        let injected = Arc::new(injected);
        let missing = missing_imports(&linker, &module, engine, &injected);
        if !missing.is_empty() {
            return Err(LoadError::MissingImports(missing));
        }
        let instance = linker
            .instantiate_pre(&module)
            .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
        Ok(Function {
            id: FunctionId {
                name: name.to_owned(),
                digest: format!("sha256:{digest}"),
            },
            runtime_base: resident_bytes().unwrap_or_default(),
            guest_memories: inspection.memories.iter().filter(|m| !m.imported).count(),
            engine: engine.clone(),
            symbolizer: (engine.cpu_period.is_some() || selection.heap.is_some())
                .then(|| Arc::new(Symbolizer::of(wasm))),
            heap: selection.heap.filter(|_| injected.heap_reports.is_some()),
            plan: Arc::new(armed.plan),
            inspection: Arc::new(inspection),
            injected,
            instance,
        })
    }

    /// Name and digest.
    pub fn id(&self) -> &FunctionId {
        &self.id
    }

    /// What its calls run on.
    pub fn machine(&self) -> &Machine {
        self.engine.machine()
    }

    /// What the guest has to show.
    pub fn inspection(&self) -> &Inspection {
        &self.inspection
    }

    /// Whether what its allocator hands out and gets back is counted.
    pub(crate) fn knows_live_bytes(&self) -> bool {
        matches!(
            self.injected.heap,
            Some(Counted::UsableBytes | Counted::RequestedBytes)
        )
    }

    /// What a user should know of what is observed and what cannot be.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        let notes = self.plan.notes.iter().chain(&self.injected.notes);
        notes.map(String::as_str)
    }

    /// What is called when nobody says otherwise: `_start`, if there is one.
    pub fn default_entry(&self) -> Option<Entry> {
        let exports = self.instance.module().exports();
        exports
            .filter_map(|export| (export.name() == "_start").then_some(Entry::Start))
            .next()
    }

    /// Names of the exported functions a user may invoke.
    pub fn invokable(&self) -> Vec<String> {
        let exports = self.instance.module().exports();
        exports
            .filter(|export| export.ty().func().is_some())
            .map(|export| export.name().to_owned())
            .filter(|name| !name.starts_with('_'))
            .collect()
    }
}

fn cache_key(engine: &Engine, digest: &str, armed: &probe::ArmedPlan) -> String {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(engine.fingerprint().to_le_bytes());
    hash.update(digest);
    hash.update(serde_json::to_vec(armed).unwrap_or_default());
    hex(&hash.finalize()[..16])
}

fn cached(engine: &Engine, cache: &Cache, key: &str) -> Option<(Injected, Module)> {
    let injected = serde_json::from_slice(&cache.read(key, "json")?).ok()?;
    // SAFETY: the folder is the user's own and private (see `cache`), the key names engine, settings and module, and
    // the engine checks version and settings again.
    let module =
        unsafe { Module::deserialize_file(&engine.inner, cache.path(key, "cwasm")) }.ok()?;
    Some((injected, module))
}

fn keep(cache: &Cache, key: &str, injected: &Injected, module: &Module) -> io::Result<()> {
    let code = module.serialize().map_err(io::Error::other)?;
    cache.write(key, "cwasm", &code)?;
    // The table last: an entry without it is not found.
    cache.write(key, "json", &serde_json::to_vec(injected)?)
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(&engine.inner);
    wasmtime_wasi::p1::add_to_linker_sync(&mut linker, |state: &mut State| &mut state.wasi)?;
    add_probes_to_linker(&mut linker)?;
    // The engine's own takes codes of 126 and above for a failure of the guest; to a shell they are codes.
    linker.allow_shadowing(true);
    budget::add_to_linker(&mut linker)?;
    linker.func_wrap(
        "wasi_snapshot_preview1",
        "proc_exit",
        |code: i32| -> wasmtime::Result<()> { Err(I32Exit(code).into()) },
    )?;
    Ok(linker)
}

fn missing_imports(
    linker: &Linker<State>,
    module: &Module,
    engine: &Engine,
    injected: &Arc<Injected>,
) -> Vec<String> {
    let mut store = State::store_for_linking(&engine.inner, injected);
    module
        .imports()
        .filter(|import| linker.get_by_import(&mut store, import).is_none())
        .map(|import| format!("`{}`.`{}`", import.module(), import.name()))
        .collect()
}
