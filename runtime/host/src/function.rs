//! One deployed guest: inspected, rewritten, compiled and linked once, called many times.

use crate::{
    Cache, Engine, budget, component,
    event::hex,
    guest::{Compiled, Guest},
    parts::Parts,
    process::resident_bytes,
    stacks::Symbolizer,
    state::{State, add_probes_to_linker},
};
use probe::{Counted, Injected, Memory};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{io, sync::Arc};
use trace::{Bytes, FunctionId, HeapSampling, Machine, Nanos, Plan, PlannedProbe, Selection};
use wasmtime::{InstancePre, Linker, Module};
use wasmtime_wasi::{I32Exit, p1};

/// A guest ready to be called.
#[derive(Clone)]
pub struct Function {
    pub(crate) id: FunctionId,
    pub(crate) parts: Arc<Parts>,
    /// The probes that are armed.
    pub(crate) armed: Arc<[PlannedProbe]>,
    /// What there was to say when they were planned.
    plan_notes: Arc<[String]>,
    pub(crate) guest: Guest,
    /// What there was to say when it was rewritten.
    notes: Arc<[String]>,
    /// Memories that are created with the guest, at most.
    pub(crate) guest_memories: usize,
    /// Those of them that the host can look at; `None` where it can look at none.
    pub(crate) memories: Option<Arc<[Memory]>>,
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
    /// `wasi:http/incoming-handler`: a component that answers requests. Only where it is served.
    Http,
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
    /// The component imports what this runtime does not offer.
    #[error(
        "the component imports {}, which is not offered here: expected interfaces of WASI 0.2 only, of wasi:cli, \
         wasi:clocks, wasi:filesystem, wasi:io, wasi:random, wasi:sockets, and wasi:http where functions are served",
        .0.join(", ")
    )]
    MissingInterfaces(Vec<String>),
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
        let armed = Armed::of(wasm, selection)?;
        let key = cache_key(engine, &digest, &armed);
        let (rewritten, compiled) = match cache.and_then(|c| cached(engine, c, &key, &armed)) {
            Some(found) => found,
            None => {
                let rewritten = armed.inject(wasm)?;
                let compiled = Compiled::new(engine, &rewritten.wasm)
                    .map_err(|error| LoadError::Compile(format!("{error:#}")))?;
                if let Some(cache) = cache {
                    // Only speed is lost where this fails.
                    let _ = keep(cache, &key, &rewritten, &compiled);
                }
                (rewritten, compiled)
            }
        };
        let parts = Arc::new(Parts::new(rewritten.modules));
        Ok(Function {
            id: FunctionId {
                name: name.to_owned(),
                digest: format!("sha256:{digest}"),
            },
            runtime_base: resident_bytes().unwrap_or_default(),
            guest_memories: armed.memories(),
            memories: armed.own_memories(),
            engine: engine.clone(),
            symbolizer: symbolizer(engine, &armed, wasm, selection),
            heap: selection.heap.filter(|_| parts.reports_blocks()),
            guest: match &compiled {
                Compiled::Module(module) => Guest::Module(link(engine, module, &parts)?),
                Compiled::Component(component) => {
                    Guest::Component(component::link(engine, component, &parts)?)
                }
            },
            notes: notes(engine, &armed, rewritten.notes).into(),
            plan_notes: armed.plan().notes.clone().into(),
            armed: armed.plan().probes.clone().into(),
            parts,
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

    /// Time between the samples of its stack, where they are taken.
    pub(crate) fn cpu_period(&self) -> Option<Nanos> {
        self.engine.cpu_period.filter(|_| !self.is_component())
    }

    /// Whether what its allocator hands out and gets back is counted.
    pub(crate) fn knows_live_bytes(&self) -> bool {
        matches!(
            self.parts.heap(),
            Some((_, Counted::UsableBytes | Counted::RequestedBytes))
        )
    }

    /// What a user should know of what is observed and what cannot be.
    pub fn notes(&self) -> impl Iterator<Item = &str> {
        let injected = self.parts.modules().iter().flat_map(|part| &part.notes);
        let all = self.plan_notes.iter().chain(injected).chain(&*self.notes);
        all.map(String::as_str)
    }

    /// What is called when nobody says otherwise: `_start` of a module, `wasi:cli/run` of a component; where it is
    /// served, `wasi:http/incoming-handler` before that.
    pub fn default_entry(&self) -> Option<Entry> {
        self.guest.default_entry()
    }

    /// Whether it is a component.
    pub fn is_component(&self) -> bool {
        matches!(self.guest, Guest::Component(_))
    }

    /// Numbers of parameters and of results of an exported function; `None` where there is no such thing.
    pub fn arity(&self, export: &str) -> Option<(usize, usize)> {
        self.guest.arity(export)
    }

    /// What the tables of a call take when it begins, at most. In no limit: what they grow by is.
    pub fn tables(&self) -> Bytes {
        self.guest.tables()
    }

    /// What the largest of its memories has when a call begins: a call that is given less never does. Of a component with several
    /// memories that is less than all of them together.
    pub fn initial_memory(&self) -> Bytes {
        self.guest.initial_memory()
    }

    /// Names of the exported functions a user may invoke.
    pub fn invokable(&self) -> Vec<String> {
        self.guest.invokable()
    }
}

/// A rewritten guest. What is kept in the cache beside its compiled code is all but `wasm`.
#[derive(Serialize, Deserialize)]
struct Rewritten {
    #[serde(skip)]
    wasm: Vec<u8>,
    /// What was injected into each of its modules that was rewritten.
    modules: Vec<Injected>,
    /// Sentences for the user.
    notes: Vec<String>,
}

/// A guest that was looked into, and what is to be observed in it.
enum Armed {
    Module {
        inspection: Box<probe::Inspection>,
        armed: probe::ArmedPlan,
    },
    Component {
        inspection: probe::ComponentInspection,
        armed: probe::ArmedComponent,
    },
}

impl Armed {
    fn of(wasm: &[u8], selection: &Selection) -> Result<Armed, LoadError> {
        let shared = |inspection: &probe::Inspection| inspection.memories.iter().any(|m| m.shared);
        if probe::is_component(wasm) {
            let inspection = probe::inspect_component(wasm)?;
            if inspection.modules.iter().any(|m| shared(&m.inspection)) {
                return Err(LoadError::SharedMemory);
            }
            return Ok(Armed::Component {
                armed: probe::plan_component(wasm, &inspection, selection)?,
                inspection,
            });
        }
        let inspection = probe::inspect(wasm)?;
        if shared(&inspection) {
            return Err(LoadError::SharedMemory);
        }
        Ok(Armed::Module {
            armed: probe::plan(wasm, &inspection, selection)?,
            inspection: Box::new(inspection),
        })
    }

    fn inject(&self, wasm: &[u8]) -> Result<Rewritten, LoadError> {
        Ok(match self {
            Armed::Module { inspection, armed } => {
                let mut injected = probe::inject(wasm, inspection, armed)?;
                Rewritten {
                    wasm: std::mem::take(&mut injected.wasm),
                    notes: std::mem::take(&mut injected.notes),
                    modules: vec![injected],
                }
            }
            Armed::Component { inspection, armed } => {
                let injected = probe::inject_component(wasm, inspection, armed);
                Rewritten {
                    wasm: injected.wasm,
                    modules: injected.modules,
                    notes: injected.notes,
                }
            }
        })
    }

    fn is_component(&self) -> bool {
        matches!(self, Armed::Component { .. })
    }

    /// How many memories are created with the guest. For a component that is not known beforehand: its modules may be
    /// instantiated any number of times.
    fn memories(&self) -> usize {
        match self {
            Armed::Module { inspection, .. } => {
                inspection.memories.iter().filter(|m| !m.imported).count()
            }
            Armed::Component { .. } => usize::MAX,
        }
    }

    /// The memories that are created with the guest and open to the host. Those of a component's modules are not.
    fn own_memories(&self) -> Option<Arc<[Memory]>> {
        match self {
            Armed::Module { inspection, .. } => {
                let own = inspection.memories.iter().filter(|m| !m.imported);
                Some(own.cloned().collect())
            }
            Armed::Component { .. } => None,
        }
    }

    fn plan(&self) -> &Plan {
        match self {
            Armed::Module { armed, .. } => &armed.plan,
            Armed::Component { armed, .. } => &armed.plan,
        }
    }
}

/// Who makes stacks readable, where they are taken. A place in a component is one in any of its modules, and the engine
/// does not say in which.
fn symbolizer(
    engine: &Engine,
    armed: &Armed,
    wasm: &[u8],
    selection: &Selection,
) -> Option<Arc<Symbolizer>> {
    let taken = engine.cpu_period.is_some() || selection.heap.is_some();
    (taken && !armed.is_component()).then(|| Arc::new(Symbolizer::of(wasm)))
}

/// What there is to say of a rewritten guest, beside what was said when it was rewritten.
fn notes(engine: &Engine, armed: &Armed, mut notes: Vec<String>) -> Vec<String> {
    if armed.is_component() && engine.cpu_period.is_some() {
        notes.push(
            "where the time goes is not recorded: stacks are not taken in components".to_owned(),
        );
    }
    notes
}

fn cache_key(engine: &Engine, digest: &str, armed: &Armed) -> String {
    let mut hash = Sha256::new();
    hash.update(env!("CARGO_PKG_VERSION"));
    hash.update(engine.fingerprint().to_le_bytes());
    hash.update(digest);
    let armed = match armed {
        Armed::Module { armed, .. } => serde_json::to_vec(armed),
        Armed::Component { armed, .. } => serde_json::to_vec(armed),
    };
    hash.update(armed.unwrap_or_default());
    hex(&hash.finalize()[..16])
}

fn cached(
    engine: &Engine,
    cache: &Cache,
    key: &str,
    armed: &Armed,
) -> Option<(Rewritten, Compiled)> {
    let rewritten = serde_json::from_slice(&cache.read(key, "json")?).ok()?;
    let code = cache.path(key, "cwasm");
    // SAFETY: the folder is the user's own and private (see `cache`), the key names engine, settings and module, and
    // the engine checks version and settings again.
    let compiled = unsafe { Compiled::deserialize(engine, &code, armed.is_component()) }.ok()?;
    Some((rewritten, compiled))
}

fn keep(cache: &Cache, key: &str, rewritten: &Rewritten, compiled: &Compiled) -> io::Result<()> {
    let code = compiled.serialize().map_err(io::Error::other)?;
    cache.write(key, "cwasm", &code)?;
    // The table last: an entry without it is not found.
    cache.write(key, "json", &serde_json::to_vec(rewritten)?)
}

/// Links a module.
fn link(
    engine: &Engine,
    module: &Module,
    parts: &Arc<Parts>,
) -> Result<InstancePre<State>, LoadError> {
    let failed = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
    let linker = linker(engine).map_err(failed)?;
    let missing = missing_imports(&linker, module, engine, parts);
    if !missing.is_empty() {
        return Err(LoadError::MissingImports(missing));
    }
    linker.instantiate_pre(module).map_err(failed)
}

fn linker(engine: &Engine) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(&engine.inner);
    match engine.serving {
        None => p1::add_to_linker_sync(&mut linker, |state: &mut State| &mut state.wasi)?,
        Some(_) => p1::add_to_linker_async(&mut linker, |state: &mut State| &mut state.wasi)?,
    }
    add_probes_to_linker(&mut linker)?;
    // The engine's own takes codes of 126 and above for a failure of the guest; to a shell they are codes.
    linker.allow_shadowing(true);
    budget::add_to_linker(&mut linker, engine.serving.is_some())?;
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
    parts: &Arc<Parts>,
) -> Vec<String> {
    let mut store = State::store_for_linking(&engine.inner, parts);
    module
        .imports()
        .filter(|import| linker.get_by_import(&mut store, import).is_none())
        .map(|import| format!("`{}`.`{}`", import.module(), import.name()))
        .collect()
}
