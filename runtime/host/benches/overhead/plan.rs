//! The plan: three breakpoints armed, live bytes counted. What a run, an instantiation and the code grow by.

use crate::{
    guests::{Workload, line_reader, n_queens, sieve, word_count},
    observed::{self, compare},
    plain,
    rounds::thread_seconds,
};
use std::hint::black_box;
use trace::Selection;
use wasmtime::{Engine, InstancePre, Linker, Module, PoolingAllocationConfig, Store};

/// The guests with three breakpoints each that a plan may have: what is hit is less than 1 % of the run.
fn planned() -> Vec<(Workload, Selection)> {
    let armed = |work: Workload, breakpoints: [&str; 3]| {
        let armed = Selection {
            seldom_hit: true,
            ..observed::breakpoints(&breakpoints)
        };
        (work, armed)
    };
    vec![
        // The first is the line behind the loop that reads.
        armed(
            line_reader(),
            [
                "src/main.rs:54",
                "entry:line_reader::report",
                "exit:line_reader::report",
            ],
        ),
        armed(
            word_count(),
            [
                "set:distinct",
                "entry:__original_main",
                "exit:__original_main",
            ],
        ),
        armed(
            n_queens(),
            ["set:queens", "entry:n_queens::main", "exit:n_queens::main"],
        ),
        armed(sieve(), ["set:rounds", "entry:_start", "exit:_start"]),
    ]
}

pub(crate) fn bench() {
    for (work, selection) in planned() {
        compare(&work, "a plan of three breakpoints", &selection);
    }
    for (work, selection) in planned() {
        instantiate(&work, &selection);
    }
    for (work, selection) in planned() {
        size(&work, &selection);
    }
}

fn injected(work: &Workload, selection: &Selection) -> Vec<u8> {
    let inspection = probe::inspect(&work.wasm).expect("a module");
    let plan = probe::plan(&work.wasm, &inspection, selection).expect("a plan");
    let injected = probe::inject(&work.wasm, &inspection, &plan);
    injected.expect("a rewritten module").wasm
}

/// A module made ready in an engine that keeps memories and tables ready too.
struct Ready {
    engine: Engine,
    linked: InstancePre<()>,
}

impl Ready {
    fn new(wasm: &[u8]) -> Ready {
        let mut pool = PoolingAllocationConfig::new();
        pool.total_core_instances(4)
            .total_memories(8)
            .max_memories_per_module(4)
            .max_memory_size(4 << 30);
        let mut config = plain::settings();
        config.allocation_strategy(pool);
        let engine = Engine::new(&config).expect("an engine");
        let module = Module::new(&engine, wasm).expect("a module");
        let mut linker = Linker::new(&engine);
        linker
            .define_unknown_imports_as_traps(&module)
            .expect("imports");
        let linked = linker.instantiate_pre(&module).expect("a linked module");
        Ready { engine, linked }
    }

    /// Seconds to make an instance, and to make one and end it, in the mean of some hundreds.
    fn instantiate(&self) -> (f64, f64) {
        const TIMES: usize = 500;
        let (mut made, mut ended) = (0.0, 0.0);
        for _ in 0..TIMES {
            let mut store = Store::new(&self.engine, ());
            let begun = thread_seconds();
            black_box(self.linked.instantiate(&mut store).expect("an instance"));
            made += thread_seconds() - begun;
            drop(store);
            ended += thread_seconds() - begun;
        }
        (made / TIMES as f64, ended / TIMES as f64)
    }
}

fn instantiate(work: &Workload, selection: &Selection) {
    let sides = [work.wasm.clone(), injected(work, selection)].map(|wasm| Ready::new(&wasm));
    let mut least = [(f64::INFINITY, f64::INFINITY); 2];
    for _ in 0..15 {
        for (least, side) in least.iter_mut().zip(&sides) {
            let (made, ended) = side.instantiate();
            *least = (least.0.min(made), least.1.min(ended));
        }
    }
    let [plain, planned] = least;
    println!(
        "  {:<66} {:>9.2} us  {:+.2} us; with its end {:.2} us, {:+.2} us",
        format!("{}: instantiation with the pooling allocator", work.name),
        plain.0 * 1e6,
        (planned.0 - plain.0) * 1e6,
        plain.1 * 1e6,
        (planned.1 - plain.1) * 1e6,
    );
}

fn size(work: &Workload, selection: &Selection) {
    let engine = Engine::new(&plain::settings()).expect("an engine");
    // By function: sections are as long as pages.
    let code = |wasm: &[u8]| -> usize {
        let module = Module::new(&engine, wasm).expect("a module");
        module.functions().map(|function| function.len).sum()
    };
    let (plain, planned) = (code(&work.wasm), code(&injected(work, selection)));
    println!(
        "  {:<66} {:>9.1} KiB {:+.1} KiB, {:+.2} %",
        format!("{}: compiled code", work.name),
        plain as f64 / 1024.0,
        (planned as f64 - plain as f64) / 1024.0,
        (planned as f64 / plain as f64 - 1.0) * 100.0,
    );
}
