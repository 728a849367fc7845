//! The example functions, injected against original, under WASI: the same output, exit code and memory size; and what
//! the probes say of them is true.

use crate::run::inject;
use probe::{Counted, Injected, Mailbox, Place, Slot};
use std::path::{Path, PathBuf};
use wasmtime::{Caller, Engine, Linker, Module, Store};
use wasmtime_wasi::{
    WasiCtxBuilder,
    p1::{self, WasiP1Ctx},
    p2::pipe::{MemoryInputPipe, MemoryOutputPipe},
    random::Deterministic,
};

struct Host {
    wasi: WasiP1Ctx,
    hits: Vec<(usize, i64)>,
}

/// What can be seen of a run from outside, and what was reported.
pub(crate) struct Run {
    pub(crate) output: Vec<u8>,
    outcome: String,
    memory: u64,
    pub(crate) hits: Vec<(usize, i64)>,
    mailbox: Vec<u8>,
}

pub(crate) fn run(module: &Module, input: impl AsRef<[u8]>) -> Run {
    let engine = module.engine();
    let mut linker: Linker<Host> = Linker::new(engine);
    p1::add_to_linker_sync(&mut linker, |host: &mut Host| &mut host.wasi).unwrap();
    linker
        .func_wrap(
            probe::HOST_MODULE,
            probe::HIT,
            |mut caller: Caller<'_, Host>, slot: i32, bits: i64| {
                caller.data_mut().hits.push((slot as usize, bits));
            },
        )
        .unwrap()
        .func_wrap(
            probe::HOST_MODULE,
            probe::OPENED,
            |_: i32, _: i32, _: i32| {},
        )
        .unwrap()
        .func_wrap(probe::HOST_MODULE, probe::ALLOCATED, || {})
        .unwrap();
    let output = MemoryOutputPipe::new(1 << 20);
    let wasi = WasiCtxBuilder::new()
        .stdin(MemoryInputPipe::new(input.as_ref().to_vec()))
        .stdout(output.clone())
        .arg("guest")
        // Hash tables are seeded by it: two runs have to be the same.
        .secure_random(Deterministic::new(vec![7, 1, 3]))
        .build_p1();
    let host = Host {
        wasi,
        hits: Vec::new(),
    };
    let mut store = Store::new(engine, host);
    let instance = linker.instantiate(&mut store, module).unwrap();
    let start = instance
        .get_typed_func::<(), ()>(&mut store, "_start")
        .unwrap();
    let outcome = match start.call(&mut store, ()) {
        Ok(()) => "returned".to_owned(),
        Err(error) => error.root_cause().to_string(),
    };
    let memory = instance
        .get_memory(&mut store, "memory")
        .unwrap()
        .size(&store);
    let mailbox = instance
        .get_memory(&mut store, Mailbox::EXPORT)
        .map(|mailbox| mailbox.data(&store).to_vec())
        .unwrap_or_default();
    Run {
        output: output.contents().to_vec(),
        outcome,
        memory,
        hits: store.into_data().hits,
        mailbox,
    }
}

/// The line readers, one per language.
fn line_readers() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-examples/line-reader");
    ["", "c", "assemblyscript", "go"]
        .iter()
        .map(|language| root.join(language).join("line-reader.wasm"))
        .collect()
}

fn lines(count: usize) -> String {
    (0..count)
        .map(|i| format!("{i} {}\n", "x".repeat((i * 37) % 61)))
        .collect()
}

/// The last value of the lines counter, wherever it was assigned.
fn last_count_of_lines(injected: &Injected, run: &Run) -> f64 {
    let is_lines = |slot: &usize| injected.slots[*slot].variable.eq_ignore_ascii_case("lines");
    let values: Vec<f64> = run
        .hits
        .iter()
        .filter(|(slot, _)| is_lines(slot))
        .map(|(slot, bits)| injected.slots[*slot].value_type.decode(*bits))
        .collect();
    values.iter().copied().fold(0.0, f64::max)
}

#[test]
fn examples_do_the_same_and_their_counters_are_true() {
    let engine = Engine::default();
    for path in line_readers() {
        let name = path.display();
        let wasm = std::fs::read(&path).unwrap_or_else(|e| panic!("{name}: {e}"));
        let original = Module::new(&engine, &wasm).unwrap();
        for breakpoints in [&[][..], &["entry:*", "exit:*", "set:*"]] {
            // All functions by mailbox: millions of host calls would only take time.
            let light = !breakpoints.is_empty();
            let (_, injected) = inject(&wasm, breakpoints, &[], light);
            let rewritten = Module::new(&engine, &injected.wasm).unwrap();
            for count in [0, 1, 3000] {
                let input = lines(count);
                let original = run(&original, &input);
                let rewritten = run(&rewritten, &input);
                assert_eq!(original.output, rewritten.output, "{name}");
                assert_eq!(original.outcome, rewritten.outcome, "{name}");
                assert_eq!(original.memory, rewritten.memory, "{name}");
                counters_are_possible(&injected, &rewritten, &input, &path);
                if light {
                    counts_of_entries_and_exits_agree(&injected, &rewritten);
                } else {
                    let last = last_count_of_lines(&injected, &rewritten);
                    assert_eq!(last, count as f64, "{name}");
                }
            }
        }
    }
}

/// What the allocator handed out held the text, and fitted into memory. Nothing is counted where there is no allocator.
fn counters_are_possible(injected: &Injected, run: &Run, input: &str, path: &Path) {
    let name = path.display();
    let text = input.len() as i64;
    let counter = |at| Mailbox::read(&run.mailbox, at).unwrap();
    if injected.heap.is_some() {
        assert!(counter(Mailbox::ALLOCATED) >= text, "{name}");
    }
    if matches!(
        injected.heap,
        Some(Counted::RequestedBytes | Counted::UsableBytes)
    ) {
        assert!(counter(Mailbox::LIVE_PEAK) >= text, "{name}");
        assert!(
            counter(Mailbox::LIVE) <= counter(Mailbox::LIVE_PEAK),
            "{name}"
        );
        let bytes = run.memory as i64 * 65536;
        assert!(counter(Mailbox::LIVE_PEAK) < bytes, "{name}");
    }
}

/// Every function that was entered was left again, but for those that were on the stack when the guest exited.
fn counts_of_entries_and_exits_agree(injected: &Injected, run: &Run) {
    let count = |breakpoint: &str, function: u32| {
        let slot = injected.slots.iter().find(|slot| {
            slot.function == Some(function) && slot.breakpoint.to_string().starts_with(breakpoint)
        })?;
        Some(
            Mailbox::record(&run.mailbox, slot.mailbox_offset?, slot.value_type)
                .map_or(0, |r| r.count),
        )
    };
    let mut entered = 0;
    let one_of_each_entry = |slot: &&Slot| {
        slot.breakpoint.to_string().starts_with("entry:")
            && matches!(slot.place, Place::Parameter { index: 0 } | Place::Hits)
    };
    for slot in injected.slots.iter().filter(one_of_each_entry) {
        let function = slot.function.unwrap();
        if let (Some(entries), Some(exits)) = (count("entry:", function), count("exit:", function))
        {
            assert!(
                entries == exits || entries == exits + 1,
                "{}",
                slot.breakpoint
            );
            entered += entries;
        }
    }
    assert!(entered > 0);
}
