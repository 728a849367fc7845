//! The injected module computes what the original computes: the same results, traps, exported globals and memories.

use crate::{
    run::{Guest, engine, heap_modes, inject_with_heap, number},
    support,
};
use probe::{Injected, Mailbox};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use trace::Selection;
use wasmtime::{Engine, Trap, Val, ValType};

/// What came of calling everything.
#[derive(Debug, PartialEq)]
enum Comparison {
    Same {
        calls: usize,
    },
    /// One of the two ran out of stack or fuel, which depends on how much code there is.
    Inconclusive,
}

/// What a call did, in a form that can be compared.
#[derive(Debug, PartialEq)]
enum Did {
    Returned(Vec<Option<Vec<u8>>>),
    Trapped(Trap),
    Failed(String),
}

fn did(result: wasmtime::Result<Vec<Val>>) -> Did {
    match result {
        Ok(values) => Did::Returned(values.iter().map(number).collect()),
        Err(error) => match error.downcast_ref::<Trap>() {
            Some(trap) => Did::Trapped(*trap),
            // Types are numbered per engine, in the order in which they were seen.
            None => Did::Failed(
                error
                    .root_cause()
                    .to_string()
                    .replace(|c: char| c.is_ascii_digit(), ""),
            ),
        },
    }
}

fn ran_out(did: &Did) -> bool {
    matches!(did, Did::Trapped(Trap::StackOverflow | Trap::OutOfFuel))
}

/// Calls every exported function of both with the same arguments, in the same order, twice.
fn compare(engine: &Engine, wasm: &[u8], injected: Injected, rng: &mut SmallRng) -> Comparison {
    let original = Guest::original(engine, wasm);
    let heap = injected.heap.is_some();
    let rewritten = Guest::injected(engine, injected);
    let (mut original, mut rewritten) = match (original, rewritten) {
        (Ok(original), Ok(rewritten)) => (original, rewritten),
        (Err(a), Err(b)) => {
            let (a, b) = (did(Err(a)), did(Err(b)));
            if ran_out(&a) || ran_out(&b) {
                return Comparison::Inconclusive;
            }
            assert_eq!(a, b, "instantiation fails differently");
            return Comparison::Same { calls: 0 };
        }
        (Ok(_), Err(e)) => panic!("only the injected module fails to instantiate: {e:#}"),
        (Err(e), Ok(_)) => panic!("only the original fails to instantiate: {e:#}"),
    };
    assert_eq!(original.state(), rewritten.state(), "after instantiation");
    let functions: Vec<(String, Vec<ValType>)> = original
        .instance
        .exports(&mut original.store)
        .map(|export| (export.name().to_owned(), export.into_func()))
        .filter_map(|(name, function)| Some((name, function?)))
        .collect::<Vec<_>>()
        .into_iter()
        .map(|(name, function)| {
            let ty = function.ty(&original.store);
            (name, ty.params().collect())
        })
        .collect();
    let mut calls = 0;
    for (name, parameters) in functions.iter().chain(&functions) {
        let arguments: Option<Vec<Val>> = parameters.iter().map(|ty| argument(ty, rng)).collect();
        let Some(arguments) = arguments else { continue };
        let a = did(original.call(name, &arguments));
        let b = did(rewritten.call(name, &arguments));
        if ran_out(&a) || ran_out(&b) {
            return Comparison::Inconclusive;
        }
        assert_eq!(a, b, "{name}({arguments:?})");
        assert!(
            original.state() == rewritten.state(),
            "after {name}({arguments:?})"
        );
        if heap {
            assert!(rewritten.live() >= 0, "negative live bytes");
            assert!(rewritten.mailbox(Mailbox::LIVE_PEAK) >= rewritten.live());
        }
        calls += 1;
    }
    Comparison::Same { calls }
}

fn argument(ty: &ValType, rng: &mut SmallRng) -> Option<Val> {
    // Small numbers are addresses and sizes, so that loads and allocations succeed now and then.
    let small = rng.gen_bool(0.7);
    Some(match ty {
        ValType::I32 if small => Val::I32(rng.gen_range(-1..4096)),
        ValType::I32 => Val::I32(rng.r#gen()),
        ValType::I64 if small => Val::I64(rng.gen_range(-1..4096)),
        ValType::I64 => Val::I64(rng.r#gen()),
        ValType::F32 => Val::F32(rng.gen_range(-1e3f32..1e3).to_bits()),
        ValType::F64 => Val::F64(rng.gen_range(-1e3f64..1e3).to_bits()),
        ValType::V128 => Val::V128(rng.r#gen::<u128>().into()),
        ValType::Ref(reference) if reference.is_nullable() => Val::null_ref(reference.heap_type()),
        ValType::Ref(_) => return None,
    })
}

#[test]
fn generated_modules_compute_the_same_with_everything_armed() {
    let engine = engine();
    let mut calls = 0;
    let mut inconclusive = 0;
    let mut with_heap = 0;
    for seed in 1000..1400 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let Some(wasm) = support::generate(&mut rng) else {
            continue;
        };
        // Not everything that is valid is supported by the engine.
        if wasmtime::Module::new(&engine, &wasm).is_err() {
            continue;
        }
        let inspection = probe::inspect(&wasm).unwrap();
        let set = (!inspection.variables.is_empty()).then_some("set:*");
        let breakpoints = ["entry:*", "exit:*", "end"].into_iter().chain(set);
        let selection = Selection {
            breakpoints: breakpoints.map(str::to_owned).collect(),
            variables: Vec::new(),
            light: rng.r#gen(),
            heap: heap_modes()[rng.gen_range(0..3)],
            seldom_hit: rng.r#gen(),
            ..Selection::default()
        };
        let Ok(plan) = probe::plan(&wasm, &inspection, &selection) else {
            continue;
        };
        let injected = probe::inject(&wasm, &inspection, &plan).unwrap();
        with_heap += usize::from(injected.heap.is_some());
        eprintln!("seed {seed}");
        match compare(&engine, &wasm, injected, &mut rng) {
            Comparison::Same { calls: made } => calls += made,
            Comparison::Inconclusive => inconclusive += 1,
        }
    }
    // Otherwise nothing has been tested.
    assert!(calls > 1500, "only {calls} calls were compared");
    assert!(with_heap > 50, "only {with_heap} modules had wrappers");
    assert!(
        inconclusive < 40,
        "{inconclusive} modules ran out of stack or fuel"
    );
}

/// One of each shape that rewriting has to get right.
const SHAPES: &[(&str, &str)] = &[
    (
        "several results, left by falling out, by return, by br and by br_table to the function's label",
        r#"(module
            (global (export "g") (mut i32) (i32.const 0))
            (func (export "f") (param i32) (result i32 i64 f64)
                (i32.const 1) (i64.const 2) (f64.const 3)
                (block (param i32 i64 f64) (result i32 i64 f64)
                    (br_if 1 (i32.eq (local.get 0) (i32.const 1)))
                    (global.set 0 (local.get 0))
                    (if (param i32 i64 f64) (result i32 i64 f64)
                        (i32.eq (local.get 0) (i32.const 2)) (then (return)))
                    (br_table 0 1 (i32.eq (local.get 0) (i32.const 3)))))
            (func (export "g1") (param i32) (result i32)
                (local.set 0 (i32.and (local.get 0) (i32.const 0xff)))
                (loop (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
                    (br_if 1 (local.get 0) (i32.lt_s (local.get 0) (i32.const 2))) (drop)
                    (br 0)) (unreachable)))"#,
    ),
    (
        "tail calls, direct, through a table and through a reference",
        r#"(module
            (type $t (func (param i32 i32) (result i32)))
            (table 2 funcref) (elem (i32.const 0) $even $odd)
            (elem declare func $even)
            (func $even (export "even") (type $t)
                (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
                (return_call $odd
                    (i32.and (i32.sub (local.get 0) (i32.const 1)) (i32.const 0xff)) (i32.const 1)))
            (func $odd (type $t)
                (if (i32.eqz (local.get 0)) (then (return (local.get 1))))
                (return_call_indirect (type $t)
                    (i32.and (i32.sub (local.get 0) (i32.const 1)) (i32.const 0xff))
                    (i32.const 0) (i32.const 0)))
            (func (export "by_reference") (param i32) (result i32)
                (return_call_ref $t (local.get 0) (i32.const 7) (ref.func $even))))"#,
    ),
    (
        "a start function, imported functions, tables of imported functions and exports of them",
        r#"(module
            (import "env" "f" (func $f (param i32) (result i32)))
            (import "wasi_snapshot_preview1" "path_open"
                (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
            (import "env" "memory" (memory 1))
            (export "memory" (memory 0))
            (export "open" (func $open))
            (table (export "table") 3 funcref) (elem (i32.const 0) $f $open $own)
            (global (export "started") (mut i32) (i32.const 0))
            (global $reference funcref (ref.func $open))
            (start $begin)
            (func $begin (global.set 0 (call $own (i32.const 5))))
            (func $own (export "own") (param i32) (result i32)
                (i32.add (local.get 0) (call $f (local.get 0))))
            (func (export "indirect") (param i32) (result i32)
                (call_indirect (param i32) (result i32) (local.get 0) (i32.const 2)))
            (func (export "open_indirect") (result i32)
                (call_indirect (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)
                    (i32.const 3) (i32.const 0) (i32.const 8) (i32.const 4) (i32.const 0)
                    (i64.const 0) (i64.const 0) (i32.const 0) (i32.const 16) (i32.const 1))))"#,
    ),
    (
        "several memories of which one grows, an allocator, and calls of it in every way",
        r#"(module
            (memory (export "memory") 1) (memory (export "other") 1 4)
            (global $top (mut i32) (i32.const 64))
            (table funcref (elem $malloc $free))
            (func $malloc (export "malloc") (param i32) (result i32)
                (global.get $top)
                (global.set $top (i32.add (global.get $top) (local.get 0))))
            (func $free (export "free") (param i32))
            (func $calloc (export "calloc") (param i32 i32) (result i32)
                (local $p i32)
                (local.set $p (call $malloc (i32.mul (local.get 0) (local.get 1))))
                (memory.fill (local.get $p) (i32.const 0)
                    (i32.and (i32.mul (local.get 0) (local.get 1)) (i32.const 0xff)))
                (local.get $p))
            (func (export "indirect") (param i32) (result i32)
                (call_indirect (param i32) (result i32) (local.get 0) (i32.const 0)))
            (func (export "tail") (param i32) (result i32) (return_call $malloc (local.get 0)))
            (func (export "grow") (result i32) (memory.grow 1 (i32.const 1)))
            (func (export "copy") (memory.copy 1 0 (i32.const 0) (i32.const 0) (i32.const 256))))"#,
    ),
    (
        "exceptions thrown and caught across probes",
        r#"(module
            (tag $e (param i32))
            (global (export "caught") (mut i32) (i32.const 0))
            (func $throws (export "throws") (param i32) (result i32)
                (if (local.get 0) (then (throw $e (local.get 0)))) (i32.const 1))
            (func (export "catches") (param i32) (result i32)
                (block (result i32)
                    (try_table (result i32) (catch $e 0) (return (call $throws (local.get 0)))))
                (global.set 0)
                (global.get 0)))"#,
    ),
];

#[test]
fn hand_written_shapes_compute_the_same() {
    let engine = engine();
    for (what, wat) in SHAPES {
        let wasm = wat::parse_str(wat).unwrap_or_else(|e| panic!("{what}: {e}"));
        for (light, heap) in [false, true]
            .into_iter()
            .zip(heap_modes())
            .chain(heap_modes().into_iter().skip(1).map(|heap| (false, heap)))
        {
            for seed in 0..20 {
                eprintln!("{what}, light {light}, heap {heap:?}, seed {seed}");
                let (_, injected) =
                    inject_with_heap(&wasm, &["entry:*", "exit:*"], &[], light, heap);
                let mut rng = SmallRng::seed_from_u64(seed);
                let comparison = compare(&engine, &wasm, injected, &mut rng);
                assert!(matches!(comparison, Comparison::Same { calls: 1.. }));
            }
        }
    }
}
