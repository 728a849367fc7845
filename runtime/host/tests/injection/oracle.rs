//! The engine's own debugger as the oracle: stopped at the entry of a function of the *original*, it reads the same
//! parameters that the probes in the injected module report.

use crate::run::{Guest, Seen, engine, inject, linker};
use std::sync::{Arc, Mutex};
use wasmtime::{
    AsContextMut, Config, DebugEvent, DebugHandler, Engine, Module, ModulePC, Store,
    StoreContextMut, Val,
};

const GUEST: &str = r#"(module
    (memory (export "memory") 1)
    (func $inner (param $n i32) (param $wide i64) (param $f f32) (param $d f64) (result i32)
        (local i32)
        (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (call $inner (local.get $n) (i64.mul (local.get $wide) (i64.const -3))
            (f32.div (local.get $f) (f32.const 3)) (f64.mul (local.get $d) (f64.const -1.5))))
    (func (export "run") (param i32) (result i32)
        (call $inner (local.get 0) (i64.const 7) (f32.const 1) (f64.const 2.5))))"#;

/// Reads the parameters of the function it is stopped at.
#[derive(Clone)]
struct ReadParameters {
    count: u32,
    read: Arc<Mutex<Vec<Vec<f64>>>>,
}

impl DebugHandler for ReadParameters {
    type Data = Seen;

    async fn handle(&self, mut store: StoreContextMut<'_, Seen>, event: DebugEvent<'_>) {
        assert!(matches!(event, DebugEvent::Breakpoint));
        let frame = store.debug_exit_frames().next().unwrap();
        let values = (0..self.count)
            .map(|local| as_number(&frame.local(store.as_context_mut(), local).unwrap()))
            .collect();
        self.read.lock().unwrap().push(values);
    }
}

fn as_number(value: &Val) -> f64 {
    match value {
        Val::I32(value) => f64::from(*value),
        Val::I64(value) => *value as f64,
        Val::F32(bits) => f64::from(f32::from_bits(*bits)),
        Val::F64(bits) => f64::from_bits(*bits),
        other => panic!("not a scalar: {other:?}"),
    }
}

/// What the debugger reads each time the function whose body begins at `offset` is entered.
fn read_by_the_debugger(
    wasm: &[u8],
    offset: usize,
    parameters: u32,
    argument: i32,
) -> Vec<Vec<f64>> {
    let mut config = Config::new();
    config.guest_debug(true);
    let engine = Engine::new(&config).unwrap();
    let module = Module::new(&engine, wasm).unwrap();
    let mut store = Store::new(&engine, Seen::default());
    let handler = ReadParameters {
        count: parameters,
        read: Arc::default(),
    };
    store.set_debug_handler(handler.clone());
    store.debug_register_module(&module).unwrap();
    store
        .edit_breakpoints()
        .unwrap()
        .add_breakpoint(&module, ModulePC::new(offset as u32))
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let linker = linker(&engine);
        let instance = linker.instantiate_async(&mut store, &module).await.unwrap();
        let run = instance.get_func(&mut store, "run").unwrap();
        let mut results = [Val::I32(0)];
        run.call_async(&mut store, &[Val::I32(argument)], &mut results)
            .await
            .unwrap();
    });
    let read = handler.read.lock().unwrap();
    read.clone()
}

#[test]
fn entry_probes_report_what_the_debugger_reads() {
    let wasm = wat::parse_str(GUEST).unwrap();
    let (inspection, injected) = inject(&wasm, &["entry:inner"], &[], false);
    let function = inspection
        .functions
        .iter()
        .find(|function| function.label == "inner")
        .unwrap();
    let expected = read_by_the_debugger(&wasm, function.code_offset, 4, 6);
    assert_eq!(expected.len(), 7, "the debugger stopped at every call");

    let mut guest = Guest::injected(&engine(), injected).unwrap();
    guest.call_i32("run", &[6]);
    let reported: Vec<Vec<f64>> = ["n", "wide", "f", "d"]
        .iter()
        .map(|name| guest.values("entry:inner", name))
        .collect();
    let by_call: Vec<Vec<f64>> = (0..expected.len())
        .map(|call| reported.iter().map(|values| values[call]).collect())
        .collect();
    assert_eq!(by_call, expected);
}
