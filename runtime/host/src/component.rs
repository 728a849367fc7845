//! Components: linking them to WASI 0.2 and to the probes of their modules, calling `wasi:cli/run`. Committed memory needs
//! nothing of its own here: every memory of every module inside passes the limiter of the store.

use crate::{
    Engine, Entry, InvokeError,
    function::LoadError,
    guest::Target,
    injected::{Counters, Shown},
    parts::Parts,
    state::State,
};
use probe::{Mailbox, Place, ValueType, component_import};
use std::sync::Arc;
use wasmtime::{
    ResourcesRequired, Store, StoreContextMut,
    component::{Component, ComponentExportIndex, InstancePre, Linker, Resource, WasmList},
};
use wasmtime_wasi::{
    I32Exit,
    filesystem::WasiFilesystemView,
    p2::bindings::sync::filesystem::types::{
        Descriptor, DescriptorFlags, DescriptorType, ErrorCode, Host, HostDescriptor, OpenFlags,
        PathFlags,
    },
};
use wasmtime_wasi_http::p2::bindings::{Proxy, ProxyIndices};

/// The interface through which files are opened, as the engine's own implementation names its version. It stands in for
/// all versions of 0.2.
const FILES: &str = "wasi:filesystem/types@0.2.12";

/// The package that is offered where guests are served.
const HTTP: &str = "wasi:http/";

/// Packages whose interfaces are offered.
const OFFERED: [&str; 6] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

/// A component with everything it imports.
#[derive(Clone)]
pub(crate) struct ComponentGuest {
    pre: InstancePre<State>,
    /// The function `run` of its export `wasi:cli/run`.
    run: Option<ComponentExportIndex>,
    /// Where it is served and answers requests: how.
    proxy: Option<Arc<ProxyIndices>>,
}

/// One instance of a component.
pub(crate) struct Running {
    instance: wasmtime::component::Instance,
    run: Option<ComponentExportIndex>,
}

/// Links a component.
pub(crate) fn link(
    engine: &Engine,
    component: &Component,
    parts: &Arc<Parts>,
) -> Result<ComponentGuest, LoadError> {
    let failed = |error: wasmtime::Error| LoadError::Compile(format!("{error:#}"));
    let imports = component.component_type();
    let missing: Vec<String> = imports
        .imports(&engine.inner)
        .map(|(name, _)| name)
        .filter(|name| !is_offered(name, engine) && !is_ours(name, parts))
        .map(|name| format!("`{name}`"))
        .collect();
    if !missing.is_empty() {
        return Err(LoadError::MissingInterfaces(missing));
    }
    let linker = linker(engine, parts).map_err(failed)?;
    let pre = linker.instantiate_pre(component).map_err(failed)?;
    Ok(ComponentGuest {
        // None where it exports no handler.
        proxy: match engine.serving {
            Some(_) => ProxyIndices::new(&pre).ok().map(Arc::new),
            None => None,
        },
        pre,
        run: run_of(engine, component),
    })
}

fn is_offered(import: &str, engine: &Engine) -> bool {
    let wasi = OFFERED.iter().any(|package| import.starts_with(package));
    let http = engine.serving.is_some() && import.starts_with(HTTP);
    (wasi || http) && import.contains("@0.2.")
}

/// Whether an import was added when the component was rewritten.
fn is_ours(import: &str, parts: &Parts) -> bool {
    let mut modules = 0..parts.modules().len();
    modules.any(|module| import.starts_with(&component_import(module, "")))
}

fn run_of(engine: &Engine, component: &Component) -> Option<ComponentExportIndex> {
    let exports = component.component_type();
    let mut names = exports.exports(&engine.inner).map(|(name, _)| name);
    let run = names.find(|name| name.starts_with("wasi:cli/run@0.2."))?;
    let interface = component.get_export_index(None, run)?;
    component.get_export_index(Some(&interface), "run")
}

fn linker(engine: &Engine, parts: &Arc<Parts>) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(&engine.inner);
    if engine.serving.is_some() {
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    } else {
        wasmtime_wasi::p2::add_to_linker_sync(&mut linker)?;
        linker.allow_shadowing(true);
        linker
            .instance(FILES)?
            .func_wrap("[method]descriptor.open-at", open_at)?;
    }
    for module in 0..parts.modules().len() {
        add_probes(&mut linker, module)?;
    }
    Ok(linker)
}

/// The host functions by which a module shows its memories, and one that is imported and never called.
fn add_probes(linker: &mut Linker<State>, module: usize) -> wasmtime::Result<()> {
    let mut root = linker.root();
    root.func_wrap(
        &component_import(module, probe::ALLOCATED),
        |_: StoreContextMut<'_, State>, (): ()| Ok(()),
    )?;
    root.func_wrap(
        &component_import(module, probe::SHOW_MAILBOX),
        move |mut store: StoreContextMut<'_, State>, (words,): (WasmList<u64>,)| {
            let words = Shown::of_words(words.as_le_slice(&store));
            let state = store.data_mut();
            let has_heap = state.parts.has_heap(module);
            let counters = Counters::at(words.base(), words.bytes(), has_heap);
            let statics = state
                .parts
                .sampled(module, |place, value_type| match place {
                    Place::Static { address, memory } if memory == Mailbox::EXPORT => {
                        words.variable(*address, value_type)
                    }
                    _ => None,
                });
            state.set_readable(module, Some(counters), statics);
            Ok(())
        },
    )?;
    root.func_wrap(
        &component_import(module, probe::SHOW_MEMORY),
        move |mut store: StoreContextMut<'_, State>, (bytes,): (WasmList<u8>,)| {
            let bytes = Shown::of_bytes(bytes.as_le_slice(&store));
            let state = store.data_mut();
            let statics = state
                .parts
                .sampled(module, |place, value_type| match place {
                    Place::Static { address, memory } if memory != Mailbox::EXPORT => {
                        bytes.variable(*address, value_type)
                    }
                    _ => None,
                });
            state.set_readable(module, None, statics);
            state.show_memory(module, bytes);
            Ok(())
        },
    )
}

type OpenAt = (
    Resource<Descriptor>,
    PathFlags,
    String,
    OpenFlags,
    DescriptorFlags,
);

/// Opens a file as the engine's own function does. Its size is a variable.
fn open_at(
    mut store: StoreContextMut<'_, State>,
    (directory, path_flags, path, open_flags, flags): OpenAt,
) -> wasmtime::Result<(Result<Resource<Descriptor>, ErrorCode>,)> {
    let mut files = store.data_mut().filesystem();
    let opened =
        match HostDescriptor::open_at(&mut files, directory, path_flags, path, open_flags, flags) {
            Ok(opened) => opened,
            Err(error) => return Ok((Err(files.convert_error_code(error)?),)),
        };
    // What is made anew or emptied is output.
    if !open_flags.intersects(OpenFlags::CREATE | OpenFlags::TRUNCATE) {
        let about = HostDescriptor::stat(&mut files, Resource::new_borrow(opened.rep()));
        if let Ok(about) = about
            && about.type_ == DescriptorType::RegularFile
        {
            store.data_mut().opened(about.size);
        }
    }
    Ok((Ok(opened),))
}

impl ComponentGuest {
    pub(crate) fn engine(&self) -> &wasmtime::Engine {
        self.pre.component().engine()
    }

    /// What all its instances begin with; `None` where it imports some of them.
    pub(crate) fn resources_required(&self) -> Option<ResourcesRequired> {
        self.pre.component().resources_required()
    }

    /// Whether it is served and exports `wasi:http/incoming-handler`.
    pub(crate) fn answers_requests(&self) -> bool {
        self.proxy.is_some()
    }

    pub(crate) fn proxy(
        &self,
        store: &mut Store<State>,
        running: &Running,
    ) -> wasmtime::Result<Proxy> {
        match &self.proxy {
            Some(proxy) => proxy.load(store, &running.instance),
            None => Err(wasmtime::format_err!("no `wasi:http/incoming-handler`")),
        }
    }

    pub(crate) fn is_command(&self) -> bool {
        self.run.is_some()
    }

    /// Finds what `entry` names: a component can be run, its exports cannot be called one by one.
    pub(crate) fn target(&self, entry: &Entry) -> Result<Target, InvokeError> {
        match entry {
            Entry::Start if self.is_command() => Ok(Target::Command),
            Entry::Start | Entry::Http => Err(InvokeError::NoCommand),
            Entry::Invoke(name) => Err(InvokeError::NotInComponents { name: name.clone() }),
        }
    }

    pub(crate) fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Running> {
        Ok(Running {
            instance: self.pre.instantiate(store)?,
            run: self.run,
        })
    }

    /// The same, where it is served.
    pub(crate) async fn instantiate_async(
        &self,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Running> {
        Ok(Running {
            instance: self.pre.instantiate_async(store).await?,
            run: self.run,
        })
    }
}

impl Running {
    /// Runs the command. That it says it failed is what leaving with code 1 is elsewhere.
    pub(crate) fn run(&self, store: &mut Store<State>) -> wasmtime::Result<()> {
        let Some(run) = &self.run else {
            return Err(wasmtime::format_err!("no `wasi:cli/run`"));
        };
        let run = self
            .instance
            .get_typed_func::<(), (Result<(), ()>,)>(&mut *store, run)?;
        let (result,) = run.call(&mut *store, ())?;
        result.map_err(|()| I32Exit(1).into())
    }

    /// The same, where it is served.
    pub(crate) async fn run_async(&self, store: &mut Store<State>) -> wasmtime::Result<()> {
        let Some(run) = &self.run else {
            return Err(wasmtime::format_err!("no `wasi:cli/run`"));
        };
        let run = self
            .instance
            .get_typed_func::<(), (Result<(), ()>,)>(&mut *store, run)?;
        let (result,) = run.call_async(&mut *store, ()).await?;
        result.map_err(|()| I32Exit(1).into())
    }
}

/// The value of a variable of one of the modules now. Their globals are not open to the host; their memories are by what
/// the component has shown when it was instantiated.
pub(crate) fn read(
    store: &Store<State>,
    module: usize,
    place: &Place,
    value_type: ValueType,
) -> Option<f64> {
    match place {
        Place::Static { address, memory } if memory == Mailbox::EXPORT => {
            let mailbox = store.data().mailboxes().of(module)?;
            mailbox.variable(*address, value_type)?.read()
        }
        Place::Static { address, .. } => {
            let memory = store.data().memory_of(module)?;
            memory.variable(*address, value_type)?.read()
        }
        _ => None,
    }
}
