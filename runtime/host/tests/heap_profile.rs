//! Who allocated the memory of a call, by guests whose every allocation is known, and by two ways of finding out that
//! have nothing but the wrappers in common: calling contexts kept by the guest, and the stack walked at every block.

use host::{Body, Call, Engine, Entry, Event, Function, Output};
use std::{collections::BTreeMap, fs};
use trace::{
    Amount, Bytes, Heap, HeapProfile, HeapSampling, Limits, Nanos, Outcome, Selection, Trace,
};

/// Hands out addresses one after the other and never takes anything back; sizes are remembered by the wrappers.
const ALLOCATOR: &str = r#"
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 1024))
    (func $malloc (export "malloc") (param $n i32) (result i32)
        (local $p i32)
        (if (i32.gt_u (local.get $n) (i32.const 30000)) (then (return (i32.const 0))))
        (local.set $p (global.get $top))
        (global.set $top (i32.and (i32.add (i32.add (local.get $p) (local.get $n)) (i32.const 7)) (i32.const -8)))
        (local.get $p))
    (func $free (export "free") (param i32))
    ;; Even sizes in place, odd ones moved; freed and null for size 0; fails above 30,000.
    (func $realloc (export "realloc") (param $p i32) (param $n i32) (result i32)
        (if (i32.eqz (local.get $n)) (then (return (i32.const 0))))
        (if (i32.eqz (i32.and (local.get $n) (i32.const 1))) (then (return (local.get $p))))
        (call $malloc (local.get $n)))"#;

fn call(function: &Function, entry: Entry, args: &[&str], stdin: &[u8], seed: u64) -> Trace {
    let call = Call {
        event: Event {
            body: Body::Bytes(stdin.to_vec().into()),
            args: args.iter().map(|&text| text.to_owned()).collect(),
            ..Event::default()
        },
        entry,
        limits: Limits {
            memory: Bytes::mib(256),
            timeout: Nanos(60_000_000_000),
        },
        output: Output::Capture { most: 1 << 16 },
        rate_hz: 199.0,
        contended: true,
        touched: false,
        seed,
    };
    function.invoke(&call, Box::new(|_| {})).unwrap().trace
}

fn load(wasm: &[u8], heap: HeapSampling) -> Function {
    let selection = Selection {
        breakpoints: vec!["end".to_owned()],
        heap: Some(heap),
        ..Selection::default()
    };
    Function::load(&Engine::new().unwrap(), None, "guest", wasm, &selection).unwrap()
}

fn run_wat(functions: &str, heap: HeapSampling) -> Trace {
    let wasm = wat::parse_str(format!("(module {ALLOCATOR} {functions})")).unwrap();
    call(&load(&wasm, heap), Entry::Start, &[], b"", 1)
}

fn profile(trace: &Trace) -> &HeapProfile {
    trace.heap_profile.as_ref().expect("a heap profile")
}

/// Allocated, at the peak, at the end, temporary: blocks and bytes.
type Amounts = [(f64, f64); 4];

/// Amounts by the names on the stack, from the outermost on: stacks that differ only in lines are taken together.
fn by_names(profile: &HeapProfile) -> BTreeMap<String, Amounts> {
    let mut sums: BTreeMap<String, Amounts> = BTreeMap::new();
    for found in &profile.by_stack {
        let names: Vec<&str> = profile
            .table
            .frames_of(found.stack)
            .map(|frame| frame.function.as_str())
            .collect();
        let sum = sums.entry(names.join(" ")).or_default();
        let amounts = [
            found.allocated,
            found.at_peak,
            found.at_end,
            found.temporary,
        ];
        for (sum, Amount { blocks, bytes }) in sum.iter_mut().zip(amounts) {
            sum.0 += blocks;
            sum.1 += bytes;
        }
    }
    sums
}

fn expect(trace: &Trace, expected: &[(&str, Amounts)]) {
    let expected: BTreeMap<String, Amounts> = expected
        .iter()
        .map(|(names, amounts)| ((*names).to_owned(), *amounts))
        .collect();
    assert_eq!(by_names(profile(trace)), expected);
}

/// What all stacks held and allocated is what the counters of the wrappers say, which know nothing of stacks.
fn sums_are_those_of_the_counters(trace: &Trace, reallocations: u64) {
    let Heap::Live {
        peak,
        at_end,
        allocations,
    } = trace.heap
    else {
        panic!("{:?}", trace.heap);
    };
    let sum = |of: fn(&trace::HeapAtStack) -> f64| -> f64 {
        profile(trace).by_stack.iter().map(of).sum()
    };
    assert_eq!(sum(|found| found.at_peak.bytes), peak.0 as f64);
    assert_eq!(sum(|found| found.at_end.bytes), at_end.0 as f64);
    assert_eq!(
        sum(|found| found.allocated.blocks),
        (allocations + reallocations) as f64
    );
}

const TWO_PATHS: &str = r#"
    (func $small (param $n i32) (result i32) (call $malloc (local.get $n)))
    (func $left (result i32) (call $small (i32.const 104)))
    (func $right (result i32) (call $small (i32.const 200)))
    (func (export "_start") (local $a i32) (local $b i32) (local $c i32)
        (local.set $a (call $left))
        (local.set $b (call $right))
        (local.set $c (call $right))     ;; the peak: 504
        (call $free (local.get $c))      ;; given back before anything else was allocated
        (call $free (local.get $a))
        (drop (call $left))
        (call $free (i32.const 0)))"#;

#[test]
fn every_stack_has_its_bytes_at_the_peak_at_the_end_and_in_between() {
    let trace = run_wat(TWO_PATHS, HeapSampling::Exact);
    expect(
        &trace,
        &[
            (
                "_start left small",
                [(2.0, 208.0), (1.0, 104.0), (1.0, 104.0), (0.0, 0.0)],
            ),
            (
                "_start right small",
                [(2.0, 400.0), (2.0, 400.0), (1.0, 200.0), (1.0, 200.0)],
            ),
        ],
    );
    sums_are_those_of_the_counters(&trace, 0);
    let profile = profile(&trace);
    // Four allocations and two releases, in order; a release has the stack and the address of its allocation.
    let sizes: Vec<i64> = profile.events.iter().map(|event| event.bytes).collect();
    assert_eq!(sizes, [104, 200, 200, -200, -104, 104]);
    assert_eq!(profile.events[3].address, profile.events[2].address);
    assert_eq!(profile.events[3].stack, profile.events[2].stack);
    assert!(profile.events.is_sorted_by_key(|event| event.at));
    assert_eq!(profile.events[2].at, profile.peak_at);
    // The two calls of `left` are two places.
    assert_eq!(profile.by_stack.len(), 4);
}

#[test]
fn a_reallocation_gives_back_and_allocates_in_place_and_moved() {
    let guest = r#"
        (func $grow (param $p i32) (param $n i32) (result i32)
            (call $realloc (local.get $p) (local.get $n)))
        (func $first (result i32) (call $grow (i32.const 0) (i32.const 101)))
        (func (export "_start") (local $p i32)
            (local.set $p (call $first))
            (local.set $p (call $grow (local.get $p) (i32.const 300)))      ;; in place
            (local.set $p (call $grow (local.get $p) (i32.const 501)))      ;; moved: the peak
            (drop (call $grow (local.get $p) (i32.const 30001)))            ;; fails, the block stays
            (drop (call $grow (local.get $p) (i32.const 40)))               ;; shrinks in place
            (local.set $p (call $first))
            (drop (call $grow (local.get $p) (i32.const 0))))"#;
    let trace = run_wat(guest, HeapSampling::Exact);
    expect(
        &trace,
        &[
            (
                "_start first grow",
                [(2.0, 202.0), (0.0, 0.0), (0.0, 0.0), (1.0, 101.0)],
            ),
            (
                "_start grow",
                [(3.0, 841.0), (1.0, 501.0), (1.0, 40.0), (0.0, 0.0)],
            ),
        ],
    );
    sums_are_those_of_the_counters(&trace, 3);
}

#[test]
fn tables_tail_calls_and_recursion_keep_their_stacks_and_deep_ones_are_cut_visibly() {
    let guest = r#"
        (type $t (func (param i32) (result i32)))
        (table funcref (elem $leaf))
        (func $leaf (type $t) (call $malloc (local.get 0)))
        (func $through (param i32) (result i32)
            (call_indirect (type $t) (local.get 0) (i32.const 0)))
        (func $tail (param i32) (result i32) (return_call $leaf (local.get 0)))
        (func $early (param i32) (result i32)
            (block (br_if 0 (call $leaf (local.get 0))) (unreachable))
            (return (i32.const 0)))
        (func $deep (param i32)
            (if (local.get 0) (then
                (drop (call $malloc (i32.const 8)))
                (call $deep (i32.sub (local.get 0) (i32.const 1))))))
        (func (export "_start")
            (drop (call $through (i32.const 16)))
            (drop (call $early (i32.const 24)))
            (drop (call $tail (i32.const 32)))
            (drop (call $through (i32.const 40)))
            (call $deep (i32.const 300)))"#;
    let trace = run_wat(guest, HeapSampling::Exact);
    sums_are_those_of_the_counters(&trace, 0);
    let found = by_names(profile(&trace));
    assert_eq!(found["_start through leaf"][0], (2.0, 56.0));
    assert_eq!(found["_start early leaf"][0], (1.0, 24.0));
    // A tail call leaves no frame behind.
    assert_eq!(found["_start leaf"][0], (1.0, 32.0));
    // 256 functions are kept, the allocator's among them: 255 of them here.
    let names = |depth: usize| format!("_start{}", " deep".repeat(depth));
    for depth in 1..=254 {
        assert_eq!(found[&names(depth)][0], (1.0, 8.0), "{depth}");
    }
    let cut: Vec<_> = found
        .iter()
        .filter(|(names, _)| names.starts_with('['))
        .collect();
    let [(names, amounts)] = cut.as_slice() else {
        panic!("{cut:?}");
    };
    assert_eq!(names.matches(" deep").count(), 255);
    assert_eq!(amounts[0], (46.0, 368.0));
}

#[test]
fn an_exit_or_a_trap_in_depth_leaves_what_was_recorded() {
    for (last, outcome) in [
        ("(call $exit (i32.const 0))", Outcome::Succeeded),
        ("(unreachable)", Outcome::Failed),
    ] {
        let wasm = wat::parse_str(format!(
            r#"(module
            (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
            {ALLOCATOR}
            (func $deeper (drop (call $malloc (i32.const 48))) {last})
            (func $deep (drop (call $malloc (i32.const 16))) (call $deeper))
            (func (export "_start") (call $deep)))"#
        ))
        .unwrap();
        let trace = call(&load(&wasm, HeapSampling::Exact), Entry::Start, &[], b"", 1);
        assert_eq!(trace.outcome, outcome);
        sums_are_those_of_the_counters(&trace, 0);
        let found = by_names(profile(&trace));
        assert_eq!(found["_start deep"][2], (1.0, 16.0));
        assert_eq!(found["_start deep deeper"][2], (1.0, 48.0));
    }
}

#[test]
fn a_call_of_a_reactor_does_not_continue_the_context_of_its_initialisation() {
    let wasm = wat::parse_str(format!(
        r#"(module {ALLOCATOR}
        (func $handle (export "handle") (drop (call $malloc (i32.const 8))))
        (func (export "_initialize") (call $handle)))"#
    ))
    .unwrap();
    let function = load(&wasm, HeapSampling::Exact);
    let entry = Entry::Invoke("handle".to_owned());
    let trace = call(&function, entry, &[], b"", 1);
    let found = by_names(profile(&trace));
    assert_eq!(found["_initialize handle"][0], (1.0, 8.0));
    assert_eq!(found["handle"][0], (1.0, 8.0));
}

fn example(path: &str) -> Vec<u8> {
    let examples = concat!(env!("CARGO_MANIFEST_DIR"), "/../../guest-examples/");
    fs::read(format!("{examples}{path}")).unwrap()
}

fn text(lines: usize) -> Vec<u8> {
    (0..lines)
        .map(|line| format!("line {line} of a text that is read into memory line by line\n"))
        .collect::<String>()
        .into_bytes()
}

/// With an interval of a byte practically every block is chosen, and its stack is walked there and then.
#[test]
fn contexts_kept_by_the_guest_are_the_stacks_that_the_engine_walks() {
    for path in [
        "line-reader/line-reader.wasm",
        "line-reader/c/line-reader.wasm",
    ] {
        let wasm = example(path);
        let run = |heap| call(&load(&wasm, heap), Entry::Start, &[], &text(3000), 7);
        let exact = run(HeapSampling::Exact);
        let walked = run(HeapSampling::Poisson { mean: Bytes(1) });
        let Heap::Live { allocations, .. } = exact.heap else {
            panic!("{path}: {:?}", exact.heap);
        };
        let allocated = |trace: &Trace| -> BTreeMap<Vec<u64>, (f64, f64)> {
            let profile = profile(trace);
            let mut sums: BTreeMap<Vec<u64>, (f64, f64)> = BTreeMap::new();
            for found in &profile.by_stack {
                let frames = profile.table.frames_of(found.stack);
                let sum = sums
                    .entry(frames.map(|frame| frame.address).collect())
                    .or_default();
                sum.0 += found.allocated.blocks.round();
                sum.1 += found.allocated.bytes.round();
            }
            sums
        };
        assert_eq!(allocated(&exact), allocated(&walked), "{path}");
        let blocks: f64 = profile(&exact)
            .by_stack
            .iter()
            .map(|found| found.allocated.blocks)
            .sum();
        assert!(blocks >= allocations as f64 && allocations > 3000, "{path}");
        let sum = |of: fn(&trace::HeapAtStack) -> f64| -> f64 {
            profile(&exact).by_stack.iter().map(of).sum()
        };
        let Heap::Live { peak, at_end, .. } = exact.heap else {
            panic!("{path}");
        };
        assert_eq!(sum(|found| found.at_peak.bytes), peak.0 as f64, "{path}");
        assert_eq!(sum(|found| found.at_end.bytes), at_end.0 as f64, "{path}");
    }
}

/// The stack that held most at the peak.
fn largest(profile: &HeapProfile, of: fn(&trace::HeapAtStack) -> f64) -> Vec<trace::Frame> {
    let most = profile
        .by_stack
        .iter()
        .max_by(|a, b| of(a).total_cmp(&of(b)));
    let stack = most.expect("a stack").stack;
    profile.table.frames_of(stack).cloned().collect()
}

#[test]
fn the_lines_of_the_line_readers_are_held_by_the_functions_that_read_lines() {
    for (path, function, file) in [
        (
            "line-reader/line-reader.wasm",
            "line_reader::read_lines",
            "main.rs",
        ),
        ("line-reader/c/line-reader.wasm", "read_lines", "main.c"),
    ] {
        let function_loaded = load(&example(path), HeapSampling::Exact);
        let trace = call(&function_loaded, Entry::Start, &[], &text(2000), 1);
        let stack = largest(profile(&trace), |found| found.at_peak.bytes);
        let reader = stack.iter().find(|frame| frame.function.contains(function));
        let reader = reader.unwrap_or_else(|| panic!("{path}: no {function} in {stack:#?}"));
        assert!(
            reader.file.as_deref().is_some_and(|at| at.ends_with(file)),
            "{reader:?}"
        );
        let source = String::from_utf8(example(&format!(
            "line-reader/{}",
            if file == "main.c" {
                "c/main.c"
            } else {
                "src/main.rs"
            }
        )))
        .unwrap();
        let line = source
            .lines()
            .nth(reader.line.expect("a line") as usize - 1);
        let line = line.expect("a line of the source");
        assert!(
            line.contains("lines") || line.contains("alloc") || line.contains("line"),
            "{path}: {line}"
        );
        assert!(!probe::is_allocation_function(
            &stack.last().unwrap().function
        ));
    }
}

#[test]
fn where_releases_are_not_seen_only_what_was_allocated_is_known() {
    let function = load(
        &example("line-reader/assemblyscript/line-reader.wasm"),
        HeapSampling::Exact,
    );
    let trace = call(&function, Entry::Start, &[], &text(500), 1);
    let Heap::AllocatedOnly { total, allocations } = trace.heap else {
        panic!("{:?}", trace.heap);
    };
    let profile = profile(&trace);
    let sum = |of: fn(&trace::HeapAtStack) -> f64| -> f64 { profile.by_stack.iter().map(of).sum() };
    assert_eq!(sum(|found| found.allocated.bytes), total.0 as f64);
    assert_eq!(sum(|found| found.allocated.blocks), allocations as f64);
    assert_eq!(
        sum(|found| found.at_peak.bytes + found.at_end.bytes + found.temporary.bytes),
        0.0
    );
    assert!(
        function
            .notes()
            .any(|note| note.contains("who held it is not known"))
    );
}

#[test]
fn without_a_known_allocator_there_is_no_profile_and_the_reason_is_said() {
    let wasm = wat::parse_str(r#"(module (memory 1) (func (export "_start")))"#).unwrap();
    let function = load(&wasm, HeapSampling::Exact);
    assert!(
        function
            .notes()
            .any(|note| note.contains("no allocator is known"))
    );
    let trace = call(&function, Entry::Start, &[], b"", 1);
    assert_eq!(trace.heap_profile, None);
}

/// Two kinds of blocks, one so small that few are chosen, one larger than the interval, held and given back in turns.
const MANY: &str = r#"
    (func $small (result i32) (call $malloc (i32.const 16)))
    (func $large (result i32) (call $malloc (i32.const 5000)))
    (func (export "_start") (local $i i32) (local $p i32)
        (loop $next
            (local.set $p (call $small))
            (if (i32.and (local.get $i) (i32.const 1)) (then
                (call $free (local.get $p))
                (global.set $top (local.get $p))))
            (if (i32.eqz (i32.rem_u (local.get $i) (i32.const 10))) (then
                (local.set $p (call $large))
                (call $free (local.get $p))
                (global.set $top (local.get $p))))
            (local.set $i (i32.add (local.get $i) (i32.const 1)))
            (br_if $next (i32.lt_u (local.get $i) (i32.const 1000)))))"#;

#[test]
fn samples_estimate_without_bias_whatever_the_size() {
    let wasm = wat::parse_str(format!("(module {ALLOCATOR} {MANY})")).unwrap();
    let function = load(&wasm, HeapSampling::Poisson { mean: Bytes(2048) });
    let calls = 400;
    let mut sums: BTreeMap<String, Amounts> = BTreeMap::new();
    for seed in 0..calls {
        let trace = call(&function, Entry::Start, &[], b"", seed);
        for (names, amounts) in by_names(profile(&trace)) {
            let sum = sums.entry(names).or_default();
            for (sum, amount) in sum.iter_mut().zip(amounts) {
                sum.0 += amount.0 / calls as f64;
                sum.1 += amount.1 / calls as f64;
            }
        }
    }
    // 1,000 blocks of 16 bytes: chosen with p = 0.0078, so the mean of 400 calls has a standard deviation of 18; 100 of
    // 5,000 bytes: p = 0.913, so 0.15.
    let [allocated, _, at_end, temporary] = sums["_start small"];
    assert!((allocated.0 - 1000.0).abs() < 60.0, "{allocated:?}");
    assert!((allocated.1 - 16_000.0).abs() < 960.0, "{allocated:?}");
    // Every second one is given back at once, the others are held to the end.
    assert!((temporary.0 - 500.0).abs() < 45.0, "{temporary:?}");
    assert!((at_end.0 - 500.0).abs() < 45.0, "{at_end:?}");
    let [allocated, _, at_end, temporary] = sums["_start large"];
    assert!((allocated.0 - 100.0).abs() < 0.6, "{allocated:?}");
    assert!((temporary.0 - 100.0).abs() < 0.6, "{temporary:?}");
    assert_eq!(at_end, (0.0, 0.0));
    // The same seed chooses the same blocks.
    let again = || by_names(profile(&call(&function, Entry::Start, &[], b"", 5)));
    assert_eq!(again(), again());
}
