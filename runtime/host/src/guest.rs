//! The two shapes of a guest: a core module or a component. Compiled, linked, instantiated and called alike; what
//! differs is in `invoke` for modules and in `component` for components.

use crate::{
    Engine, Entry, InvokeError,
    component::{self, ComponentGuest},
    invoke,
    state::{self, State},
};
use probe::{Place, ValueType};
use std::path::Path;
use trace::{Bytes, PAGE};
use wasmtime::{AsContextMut, Instance, InstancePre, Module, Store, component::Component};
use wasmtime_wasi_http::p2::bindings::Proxy;

/// Compiled code.
pub(crate) enum Compiled {
    Module(Module),
    Component(Component),
}

impl Compiled {
    /// Compiles a module or a component, whichever the bytes are.
    pub(crate) fn new(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Compiled> {
        Ok(if probe::is_component(wasm) {
            Compiled::Component(Component::new(&engine.inner, wasm)?)
        } else {
            Compiled::Module(Module::new(&engine.inner, wasm)?)
        })
    }

    /// What [`Compiled::serialize`] gave, in a file.
    ///
    /// # Safety
    ///
    /// The file holds what was serialized: it is taken for code.
    pub(crate) unsafe fn deserialize(
        engine: &Engine,
        file: &Path,
        component: bool,
    ) -> wasmtime::Result<Compiled> {
        Ok(if component {
            // SAFETY: the caller's.
            Compiled::Component(unsafe { Component::deserialize_file(&engine.inner, file)? })
        } else {
            // SAFETY: the caller's.
            Compiled::Module(unsafe { Module::deserialize_file(&engine.inner, file)? })
        })
    }

    pub(crate) fn serialize(&self) -> wasmtime::Result<Vec<u8>> {
        match self {
            Compiled::Module(module) => module.serialize(),
            Compiled::Component(component) => component.serialize(),
        }
    }
}

/// Bytes of an element of a table: a pointer.
const TABLE_ELEMENT: u64 = 8;

/// A guest with everything it imports.
#[derive(Clone)]
pub(crate) enum Guest {
    Module(InstancePre<State>),
    Component(ComponentGuest),
}

/// What will be called, checked before anything of the guest runs.
pub(crate) enum Target {
    Export(invoke::Target),
    /// `wasi:cli/run`.
    Command,
    /// `wasi:http/incoming-handler`.
    Http,
}

impl Target {
    /// The same in an instance that has made calls before.
    pub(crate) fn again(self) -> Target {
        match self {
            Target::Export(target) => Target::Export(target.again()),
            Target::Command | Target::Http => self,
        }
    }
}

/// One instance of a guest.
pub(crate) enum Running {
    Module(Instance),
    Component(component::Running),
}

impl Guest {
    pub(crate) fn engine(&self) -> &wasmtime::Engine {
        match self {
            Guest::Module(instance) => instance.module().engine(),
            Guest::Component(component) => component.engine(),
        }
    }

    /// What its tables take when it begins, at most: as many as there are, each as large as the largest.
    pub(crate) fn tables(&self) -> Bytes {
        let needs = match self {
            Guest::Module(instance) => Some(instance.module().resources_required()),
            Guest::Component(component) => component.resources_required(),
        };
        let elements = needs.map_or(0, |needs| {
            u64::from(needs.num_tables).saturating_mul(needs.max_initial_table_size.unwrap_or(0))
        });
        Bytes(elements.saturating_mul(TABLE_ELEMENT))
    }

    /// What the largest of its memories has when it begins: no call can be given less.
    pub(crate) fn initial_memory(&self) -> Bytes {
        let needs = match self {
            Guest::Module(instance) => Some(instance.module().resources_required()),
            Guest::Component(component) => component.resources_required(),
        };
        let pages = needs.and_then(|needs| needs.max_initial_memory_size);
        Bytes(pages.unwrap_or(0).saturating_mul(PAGE.0))
    }

    /// What is called when nobody says otherwise, if there is such a thing.
    pub(crate) fn default_entry(&self) -> Option<Entry> {
        let command = match self {
            Guest::Module(instance) => instance.module().exports().any(|e| e.name() == "_start"),
            Guest::Component(component) if component.answers_requests() => {
                return Some(Entry::Http);
            }
            Guest::Component(component) => component.is_command(),
        };
        command.then_some(Entry::Start)
    }

    /// Names of the exported functions a user may invoke.
    pub(crate) fn invokable(&self) -> Vec<String> {
        match self {
            Guest::Module(instance) => instance
                .module()
                .exports()
                .filter(|export| export.ty().func().is_some())
                .map(|export| export.name().to_owned())
                .filter(|name| !name.starts_with('_'))
                .collect(),
            Guest::Component(_) => Vec::new(),
        }
    }

    /// Numbers of parameters and of results of an export.
    pub(crate) fn arity(&self, export: &str) -> Option<(usize, usize)> {
        match self {
            Guest::Module(instance) => {
                let found = instance.module().get_export(export)?;
                let function = found.func()?.clone();
                Some((function.params().len(), function.results().len()))
            }
            Guest::Component(_) => None,
        }
    }

    /// Finds what `entry` names and reads the arguments for it.
    pub(crate) fn target(
        &self,
        entry: &Entry,
        arguments: &[String],
    ) -> Result<Target, InvokeError> {
        match self {
            Guest::Module(instance) => {
                invoke::target(instance, entry, arguments).map(Target::Export)
            }
            Guest::Component(component) => component.target(entry),
        }
    }

    pub(crate) fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Running> {
        let running = match self {
            Guest::Module(pre) => {
                let instance = pre.instantiate(&mut *store)?;
                state::attach(store.as_context_mut(), |store, name| {
                    instance.get_export(&mut *store, name)
                });
                Running::Module(instance)
            }
            Guest::Component(component) => Running::Component(component.instantiate(store)?),
        };
        store.data_mut().meter.is_instantiated();
        Ok(running)
    }

    /// The same, of a guest that is served.
    pub(crate) async fn instantiate_async(
        &self,
        store: &mut Store<State>,
    ) -> wasmtime::Result<Running> {
        let running = match self {
            Guest::Module(pre) => {
                let instance = pre.instantiate_async(&mut *store).await?;
                state::attach(store.as_context_mut(), |store, name| {
                    instance.get_export(&mut *store, name)
                });
                Running::Module(instance)
            }
            Guest::Component(component) => {
                Running::Component(component.instantiate_async(store).await?)
            }
        };
        store.data_mut().meter.is_instantiated();
        Ok(running)
    }

    /// The part of a component that answers requests.
    pub(crate) fn proxy(
        &self,
        store: &mut Store<State>,
        running: &Running,
    ) -> wasmtime::Result<Proxy> {
        match (self, running) {
            (Guest::Component(component), Running::Component(running)) => {
                component.proxy(store, running)
            }
            _ => Err(wasmtime::format_err!("no `wasi:http/incoming-handler`")),
        }
    }
}

fn no_component() -> wasmtime::Error {
    wasmtime::format_err!("a module has neither `wasi:cli/run` nor `wasi:http/incoming-handler`")
}

impl Running {
    /// Runs it to its end; the results as text.
    pub(crate) fn call(
        &self,
        store: &mut Store<State>,
        target: &Target,
    ) -> wasmtime::Result<Vec<String>> {
        match (self, target) {
            (Running::Module(instance), Target::Export(target)) => target.run(store, instance),
            (Running::Component(running), _) => running.run(store).map(|()| Vec::new()),
            (Running::Module(_), _) => Err(no_component()),
        }
    }

    /// The same, of a guest that is served.
    pub(crate) async fn call_async(
        &self,
        store: &mut Store<State>,
        target: &Target,
    ) -> wasmtime::Result<Vec<String>> {
        match (self, target) {
            (Running::Module(instance), Target::Export(target)) => {
                target.run_async(store, instance).await
            }
            (Running::Component(running), _) => running.run_async(store).await.map(|()| Vec::new()),
            (Running::Module(_), _) => Err(no_component()),
        }
    }

    /// The value of a variable of one of the guest's modules now.
    pub(crate) fn read(
        &self,
        store: &mut Store<State>,
        module: usize,
        place: &Place,
        value_type: ValueType,
    ) -> Option<f64> {
        match self {
            Running::Module(instance) => invoke::read(store, instance, place, value_type),
            Running::Component(_) => component::read(store, module, place, value_type),
        }
    }
}
