//! The other way to a variable: wasmtime's own debugging of guests, ready for a breakpoint, and stopping at one.

use crate::{
    guests::{Workload, line_reader, n_queens, sieve, text, word_count},
    observed::{Observed, breakpoints, per_hit},
    plain::{self, Plain},
    rounds::{paired, paired_in, row, thread_seconds},
};
use probe::Place;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use trace::Selection;
use wasmtime::{
    AsContextMut, Config, DebugEvent, DebugHandler, Engine, Linker, Module, ModulePC, Store,
    StoreContextMut,
};
use wasmtime_wasi::{I32Exit, p1};

/// The line at which the line reader keeps a line.
const LINE: &str = "src/main.rs:52";
/// Lines of the text for which that is done: stopping takes a while.
const STOPS: usize = 20_000;

pub(crate) fn bench() {
    for work in [sieve(), line_reader(), word_count(), n_queens()] {
        let sides = [plain::settings(), debugging()];
        let [plain, debugged] = sides.map(|settings| Plain::with(&settings, &work.wasm));
        let input = &work.input;
        let [plain, debugged] = paired([&mut || plain.run(input), &mut || debugged.run(input)]);
        let name = format!("{}: wasmtime's guest debugging, no breakpoint", work.name);
        row(&name, plain, debugged, "");
    }
    stopping();
}

fn debugging() -> Config {
    let mut config = plain::settings();
    config.guest_debug(true);
    config
}

/// The same variable at the same line, by both ways.
fn stopping() {
    let work = Workload {
        input: text(STOPS).into_bytes(),
        ..line_reader()
    };
    let selection = Selection {
        variables: vec!["lines.len".to_owned()],
        ..breakpoints(&[LINE])
    };
    let plain = Plain::new(&work.wasm);
    let observed = Observed::new(&work, &selection);
    let debugged = Debugged::new(&work, &selection);
    let (mut hits, mut stops) = (0, 0);
    let sides: &mut [&mut dyn FnMut() -> f64; 3] = &mut [
        &mut || plain.run(&work.input),
        &mut || {
            let taken = observed.run();
            hits = taken.hits;
            taken.seconds
        },
        &mut || {
            let (seconds, stopped) = debugged.run();
            stops = stopped;
            seconds
        },
    ];
    let [plain, observed, debugged] = paired_in(5, sides);
    let name = format!("{} of {STOPS} lines: lines.len at {LINE}", work.name);
    row(&name, plain, observed, &per_hit(hits, observed - plain));
    let more = per_hit(stops, debugged - plain);
    row(
        "  the same by wasmtime's guest debugging",
        plain,
        debugged,
        &more,
    );
}

/// A guest with a debugger that reads a local where our probes read.
struct Debugged<'w> {
    work: &'w Workload,
    engine: Engine,
    module: Module,
    /// Offsets of the instructions at which it stops.
    sites: Vec<u32>,
}

impl<'w> Debugged<'w> {
    fn new(work: &'w Workload, selection: &Selection) -> Debugged<'w> {
        let inspection = probe::inspect(&work.wasm).expect("a module");
        let plan = probe::plan(&work.wasm, &inspection, selection).expect("a plan");
        let sites = plan.slots.iter().flat_map(|slot| match &slot.place {
            Place::Source { sites } => sites.iter().map(|site| site.offset as u32).collect(),
            _ => Vec::new(),
        });
        let engine = Engine::new(&debugging()).expect("an engine");
        Debugged {
            work,
            module: Module::new(&engine, &work.wasm).expect("a module"),
            sites: sites.collect(),
            engine,
        }
    }

    /// Seconds, and how often it has stopped.
    fn run(&self) -> (f64, u64) {
        let mut linker = Linker::new(&self.engine);
        p1::add_to_linker_async(&mut linker, |wasi| wasi).expect("WASI");
        let mut store = Store::new(&self.engine, plain::wasi(&self.work.input));
        let reader = Reader::default();
        store.set_debug_handler(reader.clone());
        store.debug_register_module(&self.module).expect("a module");
        {
            let mut edit = store.edit_breakpoints().expect("breakpoints");
            for site in &self.sites {
                edit.add_breakpoint(&self.module, ModulePC::new(*site))
                    .expect("a breakpoint");
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        let begun = thread_seconds();
        runtime.block_on(async {
            let instance = linker.instantiate_async(&mut store, &self.module).await;
            let start = instance
                .expect("an instance")
                .get_typed_func::<(), ()>(&mut store, "_start")
                .expect("_start");
            if let Err(error) = start.call_async(&mut store, ()).await {
                assert!(error.is::<I32Exit>(), "{error:#}");
            }
        });
        (
            thread_seconds() - begun,
            reader.stops.load(Ordering::Relaxed),
        )
    }
}

#[derive(Clone, Default)]
struct Reader {
    stops: Arc<AtomicU64>,
}

impl DebugHandler for Reader {
    type Data = p1::WasiP1Ctx;

    async fn handle(&self, mut store: StoreContextMut<'_, p1::WasiP1Ctx>, event: DebugEvent<'_>) {
        if !matches!(event, DebugEvent::Breakpoint) {
            return;
        }
        let frame = store.debug_exit_frames().next().expect("a frame");
        frame.local(store.as_context_mut(), 0).expect("a local");
        self.stops.fetch_add(1, Ordering::Relaxed);
    }
}
