//! Calls with stacks, made by hand: every amount can be added up in the head.

use super::call;
use trace::*;

pub(crate) const HOSTILE: &str =
    "</text><script>alert(1)</script>;\u{1b}[31m\"x\" -> y + z 12.5: q: 7";

fn frame(function: &str, file: Option<&str>, line: u32, inlined: bool, address: u64) -> Frame {
    Frame {
        function: function.to_owned(),
        file: file.map(str::to_owned),
        line: file.map(|_| line),
        inlined,
        address,
    }
}

/// `main` calls `read`, into which `push` was inlined, and `keep`; both reach `malloc`.
pub(crate) fn table() -> StackTable {
    let own = Some("/home/me/words/src/main.rs");
    let library = Some("/rustc/0123abc/library/alloc/src/vec/mod.rs");
    StackTable {
        frames: vec![
            frame("words::main", own, 10, false, 0x1a0),
            frame("words::read", own, 31, false, 0x2b0),
            frame("alloc::vec::Vec<T>::push", library, 2500, true, 0x2b0),
            frame("malloc", None, 0, false, 0x3c0),
            frame("words::keep", own, 40, false, 0x2f0),
        ],
        stacks: vec![vec![0, 1, 2, 3], vec![0, 4, 3]],
    }
}

fn amount(blocks: f64, bytes: f64) -> Amount {
    Amount { blocks, bytes }
}

fn event(at: u64, stack: u32, address: u64, bytes: i64, weight: f64) -> HeapEvent {
    HeapEvent {
        at: Nanos(at),
        stack,
        address,
        bytes,
        weight,
    }
}

/// `read` allocates 3,000 bytes in 2 blocks, of which it gives 1,000 back at once; `keep` allocates 1,000 and keeps them.
/// At the peak, 3,000 are held, 2,000 by `read`.
pub(crate) fn heap() -> HeapProfile {
    HeapProfile {
        sampling: HeapSampling::Exact,
        table: table(),
        by_stack: vec![
            HeapAtStack {
                stack: 0,
                allocated: amount(2.0, 3000.0),
                at_peak: amount(1.0, 2000.0),
                at_end: amount(0.0, 0.0),
                temporary: amount(1.0, 1000.0),
            },
            HeapAtStack {
                stack: 1,
                allocated: amount(1.0, 1000.0),
                at_peak: amount(1.0, 1000.0),
                at_end: amount(1.0, 1000.0),
                temporary: amount(0.0, 0.0),
            },
        ],
        peak_at: Nanos(300_000),
        events: vec![
            event(100_000, 0, 0x9000, 1000, 1.0),
            event(150_000, 0, 0x9000, -1000, 1.0),
            event(200_000, 0, 0xa000, 2000, 1.0),
            event(300_000, 1, 0xb000, 1000, 1.0),
            event(400_000, 0, 0xa000, -2000, 1.0),
        ],
        events_lost: 0,
    }
}

/// Three samples of a millisecond, two of them in `read`.
pub(crate) fn cpu() -> CpuProfile {
    let sample = |at, stack| CpuSample {
        at: Nanos(at),
        stack,
        cpu: Nanos(1_000_000),
    };
    CpuProfile {
        period: Nanos(1_000_000),
        table: table(),
        samples: vec![
            sample(1_000_000, 0),
            sample(2_000_000, 0),
            sample(3_000_000, 1),
        ],
    }
}

/// A call with all of it, on a machine of that name.
pub(crate) fn with_stacks(label: &str, processor: &str) -> Trace {
    let mut trace = call(label, 10_000, 1);
    trace.machine = Machine {
        processor: processor.to_owned(),
        kernel: "Linux 6.18.5".to_owned(),
        engine: "wasmtime 48.0.8".to_owned(),
    };
    trace.heap_profile = Some(heap());
    trace.cpu_profile = Some(cpu());
    trace
}

/// The same, with estimates that stand for ten times as much.
pub(crate) fn sampled(label: &str) -> Trace {
    let mut trace = with_stacks(label, "A");
    let heap = trace.heap_profile.as_mut().expect("a profile");
    heap.sampling = HeapSampling::Poisson { mean: Bytes(512) };
    for at in &mut heap.by_stack {
        for amount in [
            &mut at.allocated,
            &mut at.at_peak,
            &mut at.at_end,
            &mut at.temporary,
        ] {
            amount.blocks *= 10.0;
            amount.bytes *= 10.0;
        }
    }
    heap.events.iter_mut().for_each(|event| event.weight = 10.0);
    trace
}

/// A guest that names its functions to do harm, and a table that points nowhere.
pub(crate) fn hostile() -> Trace {
    let mut trace = with_stacks("hostile", "A");
    trace.function.name = HOSTILE.to_owned();
    let heap = trace.heap_profile.as_mut().expect("a profile");
    for frame in &mut heap.table.frames {
        frame.function = format!("{HOSTILE} {}", frame.address);
        frame.file = Some(format!("/{HOSTILE}"));
        frame.line = Some(u32::MAX);
    }
    heap.table.frames[3].function = String::new();
    heap.table.frames[4].function = "# x".repeat(10_000);
    heap.table.stacks.extend([vec![], vec![7, 9]]);
    for stack in [2, 3, 99] {
        let mut at = heap.by_stack[1];
        at.stack = stack;
        at.at_end.bytes = f64::NAN;
        at.at_peak.blocks = -1.0;
        heap.by_stack.push(at);
        heap.events
            .push(event(500_000, stack, 1, 5000, f64::INFINITY));
    }
    let profile = heap.clone();
    let cpu = trace.cpu_profile.as_mut().expect("a profile");
    cpu.table = profile.table;
    cpu.samples[0].stack = 99;
    trace
}
