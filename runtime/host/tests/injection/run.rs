//! A tiny host: instantiates a module, provides `fathom.*`, records what is reported.

use probe::{Injected, Inspection, Mailbox};
use trace::{Breakpoint, HeapSampling, Selection};
use wasmtime::{Caller, Config, Engine, Extern, Instance, Linker, Module, Store, Val};

/// What injected code reported.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) hits: Vec<(usize, i64)>,
    pub(crate) opened: Vec<(i32, i32, i32)>,
    pub(crate) allocated: u64,
}

/// What a call may use.
const FUEL: u64 = 10_000_000;

pub(crate) fn engine() -> Engine {
    let mut config = Config::new();
    config.shared_memory(true);
    // Stack exhaustion depends on the sizes of frames; keep it rare.
    config.max_wasm_stack(1 << 20);
    // Not every generated module ends.
    config.consume_fuel(true);
    Engine::new(&config).unwrap()
}

pub(crate) fn linker(engine: &Engine) -> Linker<Seen> {
    let mut linker = Linker::new(engine);
    linker
        .func_wrap(
            probe::HOST_MODULE,
            probe::HIT,
            |mut caller: Caller<'_, Seen>, slot: i32, bits: i64| {
                caller.data_mut().hits.push((slot as usize, bits));
            },
        )
        .unwrap()
        .func_wrap(
            probe::HOST_MODULE,
            probe::OPENED,
            |mut caller: Caller<'_, Seen>, directory: i32, path: i32, length: i32| {
                caller.data_mut().opened.push((directory, path, length));
            },
        )
        .unwrap()
        .func_wrap(
            probe::HOST_MODULE,
            probe::ALLOCATED,
            |mut caller: Caller<'_, Seen>| caller.data_mut().allocated += 1,
        )
        .unwrap()
        .func_wrap(
            probe::HOST_MODULE,
            probe::BLOCK,
            |_: i32, _: i32, _: i64| {},
        )
        .unwrap()
        .func_wrap(probe::HOST_MODULE, probe::RELEASED, |_: i32, _: i32| {})
        .unwrap();
    linker
}

/// An instance, original or injected.
pub(crate) struct Guest {
    pub(crate) store: Store<Seen>,
    pub(crate) instance: Instance,
    pub(crate) injected: Option<Injected>,
}

impl Guest {
    /// Imports that are not Fathom's answer with zeroes.
    pub(crate) fn original(engine: &Engine, wasm: &[u8]) -> wasmtime::Result<Guest> {
        let module = Module::new(engine, wasm)?;
        let mut store = Store::new(engine, Seen::default());
        store.set_fuel(FUEL)?;
        let mut linker = linker(engine);
        linker.define_unknown_imports_as_default_values(&mut store, &module)?;
        let instance = linker.instantiate(&mut store, &module)?;
        Ok(Guest {
            store,
            instance,
            injected: None,
        })
    }

    pub(crate) fn injected(engine: &Engine, injected: Injected) -> wasmtime::Result<Guest> {
        let mut guest = Guest::original(engine, &injected.wasm)?;
        guest.injected = Some(injected);
        Ok(guest)
    }

    /// From WAT, with breakpoints and variables as a user writes them.
    pub(crate) fn armed(wat: &str, breakpoints: &[&str], variables: &[&str], light: bool) -> Guest {
        Guest::selected(wat, &selection(breakpoints, variables, light))
    }

    pub(crate) fn selected(wat: &str, selection: &Selection) -> Guest {
        let wasm = wat::parse_str(wat).unwrap();
        let (_, injected) = inject_selected(&wasm, selection);
        Guest::injected(&engine(), injected).unwrap()
    }

    pub(crate) fn call(&mut self, name: &str, arguments: &[Val]) -> wasmtime::Result<Vec<Val>> {
        let function = self
            .instance
            .get_func(&mut self.store, name)
            .unwrap_or_else(|| panic!("no function {name}"));
        let count = function.ty(&self.store).results().len();
        let mut results = vec![Val::I32(0); count];
        self.store.set_fuel(FUEL)?;
        function.call(&mut self.store, arguments, &mut results)?;
        Ok(results)
    }

    /// Calls with i32 arguments, for an i32 result or none.
    pub(crate) fn call_i32(&mut self, name: &str, arguments: &[i32]) -> i32 {
        let arguments: Vec<Val> = arguments.iter().map(|a| Val::I32(*a)).collect();
        match self.call(name, &arguments).unwrap().as_slice() {
            [] => 0,
            [Val::I32(result)] => *result,
            other => panic!("unexpected results {other:?}"),
        }
    }

    /// All values reported for a variable at a breakpoint.
    pub(crate) fn values(&self, breakpoint: &str, variable: &str) -> Vec<f64> {
        let slots = &self.injected.as_ref().unwrap().slots;
        let breakpoint: Breakpoint = breakpoint.parse().unwrap();
        let wanted = slots
            .iter()
            .position(|slot| slot.breakpoint == breakpoint && slot.variable == variable)
            .unwrap_or_else(|| panic!("no slot for {variable} at {breakpoint}: {slots:?}"));
        self.store
            .data()
            .hits
            .iter()
            .filter(|(slot, _)| *slot == wanted)
            .map(|(_, bits)| slots[wanted].value_type.decode(*bits))
            .collect()
    }

    pub(crate) fn mailbox(&mut self, offset: usize) -> i64 {
        let memory = self
            .instance
            .get_memory(&mut self.store, Mailbox::EXPORT)
            .unwrap();
        Mailbox::read(memory.data(&self.store), offset).unwrap()
    }

    pub(crate) fn live(&mut self) -> i64 {
        self.mailbox(Mailbox::LIVE)
    }

    /// Exported globals and memories as bytes, by name, without those that injection adds.
    pub(crate) fn state(&mut self) -> Vec<(String, Vec<u8>)> {
        let exports: Vec<(String, Extern)> = self
            .instance
            .exports(&mut self.store)
            .map(|export| (export.name().to_owned(), export.into_extern()))
            .filter(|(name, _)| !name.starts_with("fathom:"))
            .collect();
        exports
            .into_iter()
            .filter_map(|(name, export)| {
                let bytes = match export {
                    Extern::Global(global) => number(&global.get(&mut self.store))?,
                    Extern::Memory(memory) => memory.data(&self.store).to_vec(),
                    _ => return None,
                };
                Some((name, bytes))
            })
            .collect()
    }
}

/// The bytes of a value; of references only whether they are null.
pub(crate) fn number(value: &Val) -> Option<Vec<u8>> {
    Some(match value {
        Val::I32(value) => value.to_le_bytes().to_vec(),
        Val::I64(value) => value.to_le_bytes().to_vec(),
        Val::F32(bits) => bits.to_le_bytes().to_vec(),
        Val::F64(bits) => bits.to_le_bytes().to_vec(),
        Val::V128(value) => value.as_u128().to_le_bytes().to_vec(),
        Val::FuncRef(reference) => vec![u8::from(reference.is_some())],
        Val::ExternRef(reference) => vec![u8::from(reference.is_some())],
        Val::AnyRef(reference) => vec![u8::from(reference.is_some())],
        _ => return None,
    })
}

pub(crate) fn inject(
    wasm: &[u8],
    breakpoints: &[&str],
    variables: &[&str],
    light: bool,
) -> (Inspection, Injected) {
    inject_with_heap(wasm, breakpoints, variables, light, None)
}

/// Every way in which blocks can be reported, and none.
pub(crate) fn heap_modes() -> [Option<HeapSampling>; 3] {
    let mean = trace::Bytes(4096);
    [
        None,
        Some(HeapSampling::Exact),
        Some(HeapSampling::Poisson { mean }),
    ]
}

pub(crate) fn inject_with_heap(
    wasm: &[u8],
    breakpoints: &[&str],
    variables: &[&str],
    light: bool,
    heap: Option<HeapSampling>,
) -> (Inspection, Injected) {
    inject_selected(
        wasm,
        &Selection {
            heap,
            ..selection(breakpoints, variables, light)
        },
    )
}

pub(crate) fn selection(breakpoints: &[&str], variables: &[&str], light: bool) -> Selection {
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Selection {
        breakpoints: owned(breakpoints),
        variables: owned(variables),
        light,
        ..Selection::default()
    }
}

pub(crate) fn inject_selected(wasm: &[u8], selection: &Selection) -> (Inspection, Injected) {
    let inspection = probe::inspect(wasm).unwrap();
    let plan = probe::plan(wasm, &inspection, selection).unwrap();
    let injected = probe::inject(wasm, &inspection, &plan).unwrap();
    (inspection, injected)
}
