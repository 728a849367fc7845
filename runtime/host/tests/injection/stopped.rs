//! Local variables of the examples: what injected probes read is what wasmtime's own debugger reads when it stops the
//! original at the same instructions, value by value.

use crate::{examples::run, run::inject};
use flate2::{Compression, Crc, write::ZlibEncoder};
use probe::{Op, Place, Program, Slot};
use std::{
    collections::{BTreeMap, HashMap},
    io::Write,
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
    random::Deterministic,
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

/// What the debugger reads at the places of source variables. `module` is the original in an engine for debugging.
fn read_by_the_debugger(
    module: &Module,
    slots: &[Slot],
    input: &[u8],
) -> BTreeMap<usize, Vec<f64>> {
    let mut sites: Sites = HashMap::new();
    for (number, slot) in slots.iter().enumerate() {
        if let Place::Source { sites: places } = &slot.place {
            for place in places {
                let here = sites.entry(place.offset as u32).or_default();
                here.push((number, place.program.clone()));
            }
        }
    }
    let engine = module.engine();
    let mut linker: Linker<WasiP1Ctx> = Linker::new(engine);
    p1::add_to_linker_async(&mut linker, |wasi| wasi).unwrap();
    let wasi = WasiCtxBuilder::new()
        .stdin(MemoryInputPipe::new(input.to_vec()))
        .stdout(MemoryOutputPipe::new(1 << 20))
        .arg("guest")
        // Hash tables are seeded by it: two runs have to be the same.
        .secure_random(Deterministic::new(vec![7, 1, 3]))
        .build_p1();
    let mut store = Store::new(engine, wasi);
    let reader = Reader {
        sites: Arc::new(sites),
        slots: Arc::new(slots.to_vec()),
        read: Arc::default(),
    };
    store.set_debug_handler(reader.clone());
    store.debug_register_module(module).unwrap();
    {
        let mut edit = store.edit_breakpoints().unwrap();
        for offset in reader.sites.keys() {
            edit.add_breakpoint(module, ModulePC::new(*offset)).unwrap();
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let instance = linker.instantiate_async(&mut store, module).await.unwrap();
        let start = instance
            .get_typed_func::<(), ()>(&mut store, "_start")
            .unwrap();
        // An exit is an error here; what was read until then counts.
        let _ = start.call_async(&mut store, ()).await;
    });
    let read = reader.read.lock().unwrap();
    read.clone()
}

/// The examples that have debug information, with inputs that are quickly done with.
fn examples() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let text: String = (0..400)
        .map(|i| format!("{i} {} word{}\n", "x".repeat((i * 37) % 61), i % 23))
        .collect();
    let rows: String = (0..400)
        .map(|i| format!("user-{:07},{}\n", i % 61, i * 7))
        .collect();
    let one = |text: &str| vec![text.as_bytes().to_vec()];
    vec![
        ("line-reader/line-reader.wasm", one(&text)),
        ("line-reader/c/line-reader.wasm", one(&text)),
        ("word-count/word-count.wasm", one(&text)),
        ("group-by/group-by.wasm", one(&format!("key,value\n{rows}"))),
        ("maze/maze.wasm", one(r#"{"side": 12, "seed": 49}"#)),
        ("n-queens/n-queens.wasm", one(r#"{"queens": 12}"#)),
        ("pi/pi.wasm", one(r#"{"digits": 60}"#)),
        (
            "q-learning/q-learning.wasm",
            one(r#"{"states": 30, "actions": 4, "episodes": 5}"#),
        ),
        ("random-size/random-size.wasm", one(r#"{"seed": 3}"#)),
        // It reads one number and is done.
        (
            "circle-area/circle-area.wasm",
            (1..=120)
                .map(|radius| format!(r#"{{"radius": {radius}.5}}"#).into_bytes())
                .collect(),
        ),
        (
            "thumbnail/thumbnail.wasm",
            (1..=THUMBNAILS).map(|side| png(32 + side, 48)).collect(),
        ),
    ]
}

/// A picture in shades of grey.
fn png(width: u32, height: u32) -> Vec<u8> {
    let mut rows = Vec::new();
    for y in 0..height {
        // A row begins with how it is filtered: not at all.
        rows.push(0);
        rows.extend((0..width).map(|x| (x * y) as u8));
    }
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(&rows).unwrap();
    let [eight_bits, grey] = [8, 0];
    let mut header = [width.to_be_bytes(), height.to_be_bytes()].concat();
    header.extend([eight_bits, grey, 0, 0, 0]);
    let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, data) in [
        (b"IHDR", header),
        (b"IDAT", packed.finish().unwrap()),
        (b"IEND", Vec::new()),
    ] {
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(&data);
        picture.extend((data.len() as u32).to_be_bytes());
        picture.extend(kind);
        picture.extend(&data);
        picture.extend(sum.sum().to_be_bytes());
    }
    picture
}

/// What every example is compared in, at least.
const LEAST: usize = 1_000;
/// Pictures, each with few variables of the guest's own.
const THUMBNAILS: u32 = 40;

#[test]
fn probes_read_what_the_debugger_reads_in_every_example() {
    let engine = Engine::default();
    let mut debugging = Config::new();
    debugging.guest_debug(true);
    let debugging = Engine::new(&debugging).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-examples");
    for (path, inputs) in examples() {
        let wasm = std::fs::read(root.join(path)).unwrap();
        let (_, injected) = inject(&wasm, &["auto"], &[], false);
        let rewritten = Module::new(&engine, &injected.wasm).unwrap();
        let original = Module::new(&debugging, &wasm).unwrap();
        let mut compared = 0;
        for input in &inputs {
            let read = read_by_probes(&rewritten, &injected.slots, input);
            let expected = read_by_the_debugger(&original, &injected.slots, input);
            compare(path, &injected.slots, read, &expected);
            compared += expected.values().map(Vec::len).sum::<usize>();
        }
        println!("{path}: {compared} values");
        assert!(compared >= LEAST, "{path}: only {compared} values");
    }
}

/// What probes read at the places of source variables.
fn read_by_probes(module: &Module, slots: &[Slot], input: &[u8]) -> BTreeMap<usize, Vec<f64>> {
    let mut read: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
    for (slot, bits) in run(module, input).hits {
        if matches!(slots[slot].place, Place::Source { .. }) {
            let values = read.entry(slot).or_default();
            if values.len() < MOST {
                values.push(slots[slot].value_type.decode(bits));
            }
        }
    }
    read
}

fn compare(
    path: &str,
    slots: &[Slot],
    mut read: BTreeMap<usize, Vec<f64>>,
    expected: &BTreeMap<usize, Vec<f64>>,
) {
    for (slot, values) in expected {
        let read = read.remove(slot).unwrap_or_default();
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<u64>>();
        let pairs = read.iter().zip(values);
        let differs = pairs.clone().find(|(a, b)| a.to_bits() != b.to_bits());
        assert!(
            bits(&read) == bits(values),
            "{path}: {} at {}: {} values read, {} by the debugger, first difference: {differs:?}",
            slots[*slot].variable,
            slots[*slot].breakpoint,
            read.len(),
            values.len(),
        );
    }
    assert!(
        read.is_empty(),
        "{path}: probes fired where the debugger did not stop"
    );
}
