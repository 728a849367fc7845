//! Local variables of the examples: what injected probes read is what wasmtime's own debugger reads when it stops the
//! original at the same instructions, value by value.

use crate::{examples::run, run::inject};
use probe::{Op, Place, Program, Slot};
use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::{Arc, Mutex},
};
use wasmtime::{
    AsContextMut, Config, DebugEvent, DebugHandler, Engine, FrameHandle, Instance, Linker, Module,
    ModulePC, Store, StoreContextMut, Val,
};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
    p2::pipe::{MemoryInputPipe, MemoryOutputPipe},
};

/// Values kept per slot.
const MOST: usize = 20_000;

/// By offset of the instruction: slots, and how their value is fetched there.
type Sites = HashMap<u32, Vec<(usize, Program)>>;

#[derive(Clone)]
struct Reader {
    sites: Arc<Sites>,
    slots: Arc<Vec<Slot>>,
    read: Arc<Mutex<BTreeMap<usize, Vec<f64>>>>,
}

impl DebugHandler for Reader {
    type Data = WasiP1Ctx;

    async fn handle(&self, mut store: StoreContextMut<'_, WasiP1Ctx>, event: DebugEvent<'_>) {
        if !matches!(event, DebugEvent::Breakpoint) {
            return;
        }
        let frame = store.debug_exit_frames().next().unwrap();
        let (_, pc) = frame
            .wasm_function_index_and_pc(store.as_context_mut())
            .unwrap()
            .unwrap();
        let Some(here) = self.sites.get(&pc.raw()) else {
            return;
        };
        let instance = frame.instance(store.as_context_mut()).unwrap();
        for (slot, program) in here {
            if let Some(bits) = evaluate(program, &frame, instance, store.as_context_mut()) {
                let value = narrow(&self.slots[*slot], bits);
                let mut read = self.read.lock().unwrap();
                let values = read.entry(*slot).or_default();
                if values.len() < MOST {
                    values.push(value);
                }
            }
        }
    }
}

/// Runs a program on a stopped frame.
fn evaluate(
    program: &Program,
    frame: &FrameHandle,
    instance: Instance,
    mut store: StoreContextMut<'_, WasiP1Ctx>,
) -> Option<u64> {
    let mut stack: Vec<u64> = Vec::new();
    for op in program.ops() {
        let value = match *op {
            Op::Local(index) => bits(&frame.local(store.as_context_mut(), index).unwrap()),
            Op::Global(index) => {
                let global = instance
                    .debug_global(store.as_context_mut(), index)
                    .unwrap();
                bits(&global.get(store.as_context_mut()))
            }
            Op::Const(value) => value as u64,
            Op::Load(width) => {
                let at = usize::try_from(stack.pop()?).ok()?;
                let memory = instance.debug_memory(store.as_context_mut(), 0).unwrap();
                let found = memory
                    .data(&store)
                    .get(at..at.checked_add(usize::from(width))?)?;
                let mut wide = [0; 8];
                wide[..found.len()].copy_from_slice(found);
                u64::from_le_bytes(wide)
            }
            binary => {
                let (b, a) = (stack.pop()?, stack.pop()?);
                match binary {
                    Op::Add => a.wrapping_add(b),
                    Op::Sub => a.wrapping_sub(b),
                    Op::Mul => a.wrapping_mul(b),
                    Op::And => a & b,
                    Op::Or => a | b,
                    Op::Xor => a ^ b,
                    Op::Shl => a.wrapping_shl(b as u32),
                    _ => a.wrapping_shr(b as u32),
                }
            }
        };
        stack.push(value);
    }
    stack.pop()
}

fn bits(value: &Val) -> u64 {
    match value {
        Val::I32(value) => u64::from(*value as u32),
        Val::I64(value) => *value as u64,
        Val::F32(bits) => u64::from(*bits),
        Val::F64(bits) => *bits,
        other => panic!("not a scalar: {other:?}"),
    }
}

fn narrow(slot: &Slot, bits: u64) -> f64 {
    slot.value_type.read(&bits.to_le_bytes()).unwrap()
}

/// What the debugger reads at the places of source variables.
fn read_by_the_debugger(wasm: &[u8], slots: &[Slot], input: &str) -> BTreeMap<usize, Vec<f64>> {
    let mut sites: Sites = HashMap::new();
    for (number, slot) in slots.iter().enumerate() {
        if let Place::Source { sites: places } = &slot.place {
            for place in places {
                let here = sites.entry(place.offset as u32).or_default();
                here.push((number, place.program.clone()));
            }
        }
    }
    let mut config = Config::new();
    config.guest_debug(true);
    let engine = Engine::new(&config).unwrap();
    let module = Module::new(&engine, wasm).unwrap();
    let mut linker: Linker<WasiP1Ctx> = Linker::new(&engine);
    p1::add_to_linker_async(&mut linker, |wasi| wasi).unwrap();
    let wasi = WasiCtxBuilder::new()
        .stdin(MemoryInputPipe::new(input.to_owned()))
        .stdout(MemoryOutputPipe::new(1 << 20))
        .arg("guest")
        .build_p1();
    let mut store = Store::new(&engine, wasi);
    let reader = Reader {
        sites: Arc::new(sites),
        slots: Arc::new(slots.to_vec()),
        read: Arc::default(),
    };
    store.set_debug_handler(reader.clone());
    store.debug_register_module(&module).unwrap();
    {
        let mut edit = store.edit_breakpoints().unwrap();
        for offset in reader.sites.keys() {
            edit.add_breakpoint(&module, ModulePC::new(*offset))
                .unwrap();
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let instance = linker.instantiate_async(&mut store, &module).await.unwrap();
        let start = instance
            .get_typed_func::<(), ()>(&mut store, "_start")
            .unwrap();
        // An exit is an error here; what was read until then counts.
        let _ = start.call_async(&mut store, ()).await;
    });
    let read = reader.read.lock().unwrap();
    read.clone()
}

/// The examples that have debug information, with an input that is quickly done with.
fn examples() -> Vec<(&'static str, String)> {
    let text: String = (0..400)
        .map(|i| format!("{i} {} word{}\n", "x".repeat((i * 37) % 61), i % 23))
        .collect();
    let rows: String = (0..400)
        .map(|i| format!("user-{:07},{}\n", i % 61, i * 7))
        .collect();
    vec![
        ("line-reader/line-reader.wasm", text.clone()),
        ("line-reader/c/line-reader.wasm", text.clone()),
        ("word-count/word-count.wasm", text),
        ("group-by/group-by.wasm", format!("key,value\n{rows}")),
        ("maze/maze.wasm", r#"{"side": 12, "seed": 49}"#.to_owned()),
        ("n-queens/n-queens.wasm", r#"{"queens": 12}"#.to_owned()),
        ("pi/pi.wasm", r#"{"digits": 60}"#.to_owned()),
        (
            "q-learning/q-learning.wasm",
            r#"{"states": 20, "actions": 4, "episodes": 3}"#.to_owned(),
        ),
        ("random-size/random-size.wasm", r#"{"seed": 3}"#.to_owned()),
        (
            "circle-area/circle-area.wasm",
            r#"{"radius": 2.5}"#.to_owned(),
        ),
    ]
}

#[test]
fn probes_read_what_the_debugger_reads_in_every_example() {
    let engine = Engine::default();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-examples");
    let mut compared = 0;
    for (path, input) in examples() {
        let wasm = std::fs::read(root.join(path)).unwrap();
        let (_, injected) = inject(&wasm, &["auto"], &[], false);
        let seen = run(&Module::new(&engine, &injected.wasm).unwrap(), &input);
        let mut read: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
        for (slot, bits) in seen.hits {
            if matches!(injected.slots[slot].place, Place::Source { .. }) {
                let values = read.entry(slot).or_default();
                if values.len() < MOST {
                    values.push(injected.slots[slot].value_type.decode(bits));
                }
            }
        }
        let expected = read_by_the_debugger(&wasm, &injected.slots, &input);
        let values: usize = expected.values().map(Vec::len).sum();
        println!("{path}: {values} values of {} variables", expected.len());
        for (slot, values) in &expected {
            let slot_ = &injected.slots[*slot];
            let read = read.remove(slot).unwrap_or_default();
            let same = read
                .iter()
                .map(|v| v.to_bits())
                .eq(values.iter().map(|v| v.to_bits()));
            let differs = read
                .iter()
                .zip(values)
                .position(|(a, b)| a.to_bits() != b.to_bits());
            assert!(
                same,
                "{path}: {} at {}: {} values read, {} by the debugger, first difference at {differs:?}: {:?}",
                slot_.variable,
                slot_.breakpoint,
                read.len(),
                values.len(),
                differs.map(|at| (read[at], values[at]))
            );
        }
        assert!(
            read.is_empty(),
            "{path}: probes fired where the debugger did not stop"
        );
        compared += values;
    }
    assert!(compared > 10_000, "only {compared} values");
}
