//! What observing costs: the same guest as it is and with its probes, and the same source without and with a line of
//! the guest kit that nobody looks at; in one process, interleaved, smallest CPU time of several rounds, as ratios.
//! `cargo bench -p host --bench overhead`.
//!
//! Engine settings are those of `host::Engine` on both sides. Not a test: nothing here fails for being slow.

use host::{Body, Call, Engine, Entry, Event, Function, Output};
use rustix::time::{ClockId, clock_gettime};
use std::{fs, hint::black_box, process::Command};
use trace::{Bytes, HeapSampling, Limits, Nanos, Selection};
use wasmtime_wasi::{I32Exit, WasiCtxBuilder, p1::WasiP1Ctx};

const ROUNDS: usize = 15;

/// CPU time of this thread, which other work on the machine disturbs less than the time of day.
fn thread_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// A guest on one input, as it is.
struct Plain {
    engine: wasmtime::Engine,
    module: wasmtime::Module,
    linker: wasmtime::Linker<WasiP1Ctx>,
}

impl Plain {
    fn new(wasm: &[u8]) -> Plain {
        let mut config = wasmtime::Config::new();
        config.memory_may_move(false);
        config.native_unwind_info(false);
        let engine = wasmtime::Engine::new(&config).expect("an engine");
        let mut linker = wasmtime::Linker::new(&engine);
        wasmtime_wasi::p1::add_to_linker_sync(&mut linker, |wasi: &mut WasiP1Ctx| wasi)
            .expect("WASI");
        let module = wasmtime::Module::new(&engine, wasm).expect("a module");
        Plain {
            engine,
            module,
            linker,
        }
    }

    /// Seconds of this thread from before instantiation to after the end.
    fn run(&self, stdin: &[u8]) -> f64 {
        let stdin = wasmtime_wasi::p2::pipe::MemoryInputPipe::new(stdin.to_vec());
        let wasi = WasiCtxBuilder::new()
            .stdin(stdin)
            .allow_blocking_current_thread(true)
            .build_p1();
        let mut store = wasmtime::Store::new(&self.engine, wasi);
        let begun = thread_seconds();
        let instance = self
            .linker
            .instantiate(&mut store, &self.module)
            .expect("an instance");
        let start = instance
            .get_typed_func::<(), ()>(&mut store, "_start")
            .expect("_start");
        if let Err(error) = start.call(&mut store, ()) {
            assert!(error.is::<I32Exit>(), "{error:#}");
        }
        thread_seconds() - begun
    }
}

/// The same guest through `host`, with the probes of a selection.
struct Observed {
    function: Function,
    input: Vec<u8>,
}

impl Observed {
    fn new(wasm: &[u8], selection: &Selection, cpu: Option<Nanos>, input: &[u8]) -> Observed {
        let engine = match cpu {
            None => Engine::new(),
            Some(period) => Engine::sampling_cpu(period),
        };
        let engine = engine.expect("an engine");
        let function = Function::load(&engine, None, "bench", wasm, selection).expect("a function");
        Observed {
            function,
            input: input.to_vec(),
        }
    }

    /// Seconds, and hits of all breakpoints together.
    fn run(&self) -> (f64, u64) {
        let call = Call {
            event: Event {
                body: Body::Bytes(self.input.clone()),
                ..Event::default()
            },
            entry: Entry::Start,
            limits: Limits {
                memory: Bytes::mib(4096),
                timeout: Nanos(600_000_000_000),
            },
            output: Output::Discard { most: u64::MAX },
            rate_hz: 199.0,
            contended: false,
            touched: false,
            seed: 0,
        };
        let finished = self
            .function
            .invoke(&call, Box::new(|_| {}))
            .expect("a call");
        let trace = black_box(finished.trace);
        let hits = trace
            .observations
            .iter()
            .map(|observed| observed.count)
            .sum();
        (trace.cpu.as_seconds(), hits)
    }
}

fn selection(breakpoints: &[&str], light: bool) -> Selection {
    Selection {
        breakpoints: breakpoints.iter().map(|&text| text.to_owned()).collect(),
        variables: Vec::new(),
        light,
        ..Selection::default()
    }
}

/// Prints one line: observed over plain, and what one hit costs.
fn compare(name: &str, wasm: &[u8], input: &[u8], selection: &Selection) {
    compare_with(name, wasm, input, selection, None);
}

/// The same with samples of the stack, so often.
fn compare_with(name: &str, wasm: &[u8], input: &[u8], selection: &Selection, cpu: Option<Nanos>) {
    let plain = Plain::new(wasm);
    let observed = Observed::new(wasm, selection, cpu, input);
    let (mut least_plain, mut least_observed, mut hits) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..ROUNDS {
        least_plain = least_plain.min(plain.run(input));
        let (seconds, hit) = observed.run();
        least_observed = least_observed.min(seconds);
        hits = hit;
    }
    let per_hit = (least_observed - least_plain) * 1e9 / hits.max(1) as f64;
    println!(
        "{name:<52} {:>8.1} ms plain  {:>6.3}x  {hits:>11} hits  {per_hit:>6.2} ns a hit",
        least_plain * 1e3,
        least_observed / least_plain
    );
}

/// A sieve of Eratosthenes, again and again: nothing but loops, loads and stores.
const COMPUTE: &str = r#"(module
  (memory (export "memory") 16)
  (global $rounds (export "rounds") (mut i32) (i32.const 0))
  (func (export "_start") (local $i i32) (local $j i32)
    (loop $again
      (local.set $i (i32.const 2))
      (loop $next
        (local.set $j (i32.mul (local.get $i) (local.get $i)))
        (if (i32.lt_u (local.get $j) (i32.const 1000000)) (then
          (loop $strike
            (i32.store8 (local.get $j) (i32.const 1))
            (local.set $j (i32.add (local.get $j) (local.get $i)))
            (br_if $strike (i32.lt_u (local.get $j) (i32.const 1000000))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 1000))))
      (global.set $rounds (i32.add (global.get $rounds) (i32.const 1)))
      (br_if $again (i32.lt_u (global.get $rounds) (i32.const 40))))))"#;

/// Twenty million calls of a function that does almost nothing.
const HOT: &str = r#"(module
  (memory (export "memory") 1)
  (func $step (export "step") (param $n i32) (param $sum i32) (result i32)
    (i32.xor (i32.rotl (local.get $sum) (i32.const 5)) (local.get $n)))
  (func (export "_start") (local $n i32) (local $sum i32)
    (loop $again
      (local.set $sum (call $step (local.get $n) (local.get $sum)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 20000000))))
    (i32.store (i32.const 0) (local.get $sum))))"#;

/// A guest of two lines of work: `cfg(watched)` adds a third, which shows a variable.
const LINES: &str = r#"
    use std::io::Read;
    fn main() {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).expect("text");
        let mut lines = Vec::new();
        for line in text.lines() {
            lines.push(line.to_owned());
            #[cfg(watched)]
            fathom_watch::watch!("lines", lines.len());
        }
        assert!(!lines.is_empty());
    }"#;

/// The same for a hundred million rounds of next to nothing.
const ROUNDS_OF_NOTHING: u32 = 100_000_000;
const NOTHING: &str = r#"
    fn main() {
        let mut sum = 0u32;
        for i in 0..100_000_000u32 {
            sum = sum.rotate_left(5) ^ i;
            #[cfg(watched)]
            fathom_watch::watch!("i", i);
        }
        assert!(sum != 1);
    }"#;

/// A module from Rust source, without and with what `cfg(watched)` adds; `None` where there is no compiler for it.
fn without_and_with_watch(source: &str) -> Option<[Vec<u8>; 2]> {
    let folder = tempfile::tempdir().ok()?;
    let rustc = |arguments: &[&str]| {
        let status = Command::new("rustc")
            .args(["--edition", "2024", "--target", "wasm32-wasip1"])
            .args(["-C", "opt-level=3", "-C", "panic=abort"])
            .args(arguments)
            .current_dir(folder.path())
            .status();
        status.ok().filter(|status| status.success())
    };
    let kit = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../guest-examples/kit/rust/src/lib.rs"
    );
    fs::write(folder.path().join("guest.rs"), source).ok()?;
    let guest = ["guest.rs", "-o", "guest.wasm"];
    rustc(&guest)?;
    let without = fs::read(folder.path().join("guest.wasm")).ok()?;
    rustc(&[kit, "--crate-type=rlib", "--crate-name=fathom_watch"])?;
    rustc(
        &[
            &guest[..],
            &["--cfg=watched", "--extern=fathom_watch", "-L."],
        ]
        .concat(),
    )?;
    let with = fs::read(folder.path().join("guest.wasm")).ok()?;
    Some([without, with])
}

/// Prints one line: a source with the line over the same without it, both in a plain engine.
fn compare_unarmed(name: &str, source: &str, input: &[u8], shown: u32) {
    let Some(modules) = without_and_with_watch(source) else {
        println!("{name:<52} skipped: no rustc for wasm32-wasip1");
        return;
    };
    let [without, with] = modules.map(|wasm| Plain::new(&wasm));
    let (mut least_without, mut least_with) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..ROUNDS {
        least_without = least_without.min(without.run(input));
        least_with = least_with.min(with.run(input));
    }
    let each = (least_with - least_without) * 1e9 / f64::from(shown);
    println!(
        "{name:<52} {:>8.1} ms plain  {:>6.3}x  {shown:>11} shown {each:>6.2} ns each",
        least_without * 1e3,
        least_with / least_without
    );
}

fn main() {
    let compute = wat::parse_str(COMPUTE).expect("COMPUTE");
    let hot = wat::parse_str(HOT).expect("HOT");
    let line_reader = std::fs::read(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../guest-examples/line-reader/line-reader.wasm"
    ))
    .expect("the line reader");
    let text = "a line of some sixty bytes, as long as those of many texts\n".repeat(150_000);
    let everything = Selection::default();
    let end_only = selection(&["end"], false);

    compare(
        "compute-heavy (sieve), default probes",
        &compute,
        b"",
        &everything,
    );
    compare(
        "allocation-heavy (line-reader), heap and `end`",
        &line_reader,
        text.as_bytes(),
        &end_only,
    );
    compare(
        "allocation-heavy (line-reader), default probes",
        &line_reader,
        text.as_bytes(),
        &everything,
    );
    let mean = Bytes(512 * 1024);
    for (name, heap) in [
        (
            "the same as `end`, and who allocates, one in 512 KiB",
            HeapSampling::Poisson { mean },
        ),
        ("the same, every block", HeapSampling::Exact),
    ] {
        let selection = Selection {
            heap: Some(heap),
            ..end_only.clone()
        };
        compare(name, &line_reader, text.as_bytes(), &selection);
    }
    compare(
        "hot function, breakpoint by host call",
        &hot,
        b"",
        &selection(&["entry:step"], false),
    );
    compare(
        "hot function, breakpoint by mailbox",
        &hot,
        b"",
        &selection(&["entry:step"], true),
    );
    // Once a second is next to never: what is left is the price of being ready for it.
    for (rate, period) in [("1 Hz", 1_000_000_000), ("1 kHz", 1_000_000)] {
        for (name, wasm, input) in [
            ("compute-heavy (sieve)", &compute, &b""[..]),
            (
                "allocation-heavy (line-reader)",
                &line_reader,
                text.as_bytes(),
            ),
        ] {
            let name = format!("{name}, `end` and CPU at {rate}");
            compare_with(&name, wasm, input, &end_only, Some(Nanos(period)));
        }
    }
    compare_unarmed(
        "lines into memory, a watch that nobody looks at",
        LINES,
        text.as_bytes(),
        150_000,
    );
    compare_unarmed(
        "a loop of two instructions, the same",
        NOTHING,
        b"",
        ROUNDS_OF_NOTHING,
    );
}
