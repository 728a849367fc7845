//! Live bytes and probes of modules inside components, exact to the byte and the hit, however the call ends.

use crate::support::{call, command, load, run};
use trace::{Bytes, Heap, Observed, Outcome, Selection, Trace};

/// An allocator of a few lines in a library, and a main module that uses it: it holds 100, then 100 + 250, then 250 bytes
/// while it works, and counts to three in a global and in a static.
fn guest(memory: &str, then: &str) -> Vec<u8> {
    command(&format!(
        r#"(import "wasi:cli/exit@0.2.0" (instance $cli (export "exit" (func (param "status" (result))))))
           (core func $exit (canon lower (func $cli "exit")))
           (core module $env (memory (export "memory") 2 4))
           (core module $library
             {memory}
             (global $top (mut i32) (i32.const 1024))
             (func $malloc (export "malloc") (param $size i32) (result i32)
               (local $p i32)
               (local.set $p (global.get $top))
               (global.set $top (i32.add (local.get $p) (local.get $size)))
               (local.get $p))
             (func $free (export "free") (param $p i32))
             (func $work (export "work") (param $n i32) (result i32) (local.get $n)))
           (core module $Main (@name "main")
             (import "library" "malloc" (func $malloc (param i32) (result i32)))
             (import "library" "free" (func $free (param i32)))
             (import "library" "work" (func $library-work (param i32) (result i32)))
             (import "cli" "exit" (func $exit (param i32)))
             (memory 1)
             (global $count (export "count") (mut i64) (i64.const 0))
             (global (export "ROWS") i32 (i32.const 64))
             (func $work (param $n i32) (result i32)
               (global.set $count (i64.extend_i32_u (local.get $n)))
               (i32.store (i32.const 64) (i32.mul (local.get $n) (i32.const 10)))
               (call $library-work (i32.add (local.get $n) (i32.const 100))))
             (func (export "run") (result i32)
               (local $first i32)
               (drop (call $work (i32.const 1)))
               (local.set $first (call $malloc (i32.const 100)))
               (drop (call $work (i32.const 2)))
               (drop (call $malloc (i32.const 250)))
               (call $free (local.get $first))
               (drop (call $work (i32.const 3)))
               {then}))
           (core instance $env (instantiate $env))
           (core instance $library (instantiate $library (with "env" (instance $env))))
           (core instance $cli (export "exit" (func $exit)))
           (core instance $main (instantiate $Main
             (with "library" (instance $library)) (with "cli" (instance $cli))))"#
    ))
}

const OWN: &str = "(memory 2 4)";
const IMPORTED: &str = r#"(import "env" "memory" (memory 2 4))"#;

fn selection(breakpoints: &[&str], variables: &[&str]) -> Selection {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Selection {
        breakpoints: owned(breakpoints),
        variables: owned(variables),
        ..Selection::default()
    }
}

fn observed<'t>(trace: &'t Trace, breakpoint: &str, variable: &str) -> &'t Observed {
    let mut all = trace.observations.iter();
    all.find(|o| o.breakpoint.to_string() == breakpoint && o.variable == variable)
        .unwrap_or_else(|| panic!("no {variable} at {breakpoint} in {:?}", trace.observations))
}

#[test]
fn live_bytes_are_exact_however_the_call_ends() {
    for memory in [OWN, IMPORTED] {
        for (then, outcome) in [
            ("(i32.const 0)", Outcome::Succeeded),
            (
                "(call $exit (i32.const 0)) (i32.const 0)",
                Outcome::Succeeded,
            ),
            ("(call $exit (i32.const 1)) (i32.const 0)", Outcome::Failed),
            ("unreachable", Outcome::Failed),
        ] {
            let trace = run(&guest(memory, then));
            assert_eq!(trace.outcome, outcome, "{:?}", trace.failure);
            let heap = Heap::Live {
                peak: Bytes(350),
                at_end: Bytes(250),
                allocations: 2,
            };
            assert_eq!(trace.heap, heap, "{memory} {then}");
            // The mailboxes and the table of sizes are not the guest's. `env` is there in both.
            let own = if memory == OWN { 2 + 2 + 1 } else { 2 + 1 };
            assert_eq!(trace.committed_peak, Bytes(own << 16), "{memory} {then}");
            assert!(trace.growths.is_empty());
        }
    }
}

#[test]
fn probes_fire_in_every_module_and_are_read_after_a_trap() {
    let wasm = guest(OWN, "unreachable");
    let selection = selection(&["entry:*work", "set:*", "end"], &[]);
    // The type of a static is asked for where it is named.
    let trace = call(&wasm, &selection, 1000).trace;
    assert_eq!(trace.outcome, Outcome::Failed);
    for (breakpoint, parameters) in [
        ("entry:main/work", [1.0, 2.0, 3.0]),
        ("entry:library/work", [101.0, 102.0, 103.0]),
    ] {
        let n = observed(&trace, breakpoint, "n");
        assert_eq!(
            (n.count, n.first, n.last, n.sum),
            (3, parameters[0], parameters[2], parameters.iter().sum())
        );
        // Live bytes are known where they are counted.
        let live = |bytes| breakpoint.contains("library").then_some(Bytes(bytes));
        assert_eq!(n.first_moment.unwrap().live, live(0), "{breakpoint}");
        assert_eq!(n.last_moment.unwrap().live, live(250), "{breakpoint}");
    }
    let count = observed(&trace, "set:count", "count");
    assert_eq!((count.count, count.min, count.max), (3, 1.0, 3.0));
    assert_eq!(count.last_moment.unwrap().committed, Bytes(5 << 16));
}

/// The guest allocates while it is handed the arguments: nothing may call the host then.
#[test]
fn allocating_for_what_the_host_hands_over_is_counted() {
    let wasm = command(
        r#"(import "wasi:cli/environment@0.2.0" (instance $cli (export "get-arguments" (func (result (list string))))))
           (core module $lib (memory (export "memory") 1)
             (global $top (mut i32) (i32.const 1024))
             (func $malloc (export "malloc") (param $size i32) (result i32)
               (global.set $top (i32.add (global.get $top) (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))
               (i32.sub (global.get $top) (i32.and (i32.add (local.get $size) (i32.const 7)) (i32.const -8))))
             (func $free (export "free") (param i32))
             (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (call $malloc (local.get 3))))
           (core instance $lib (instantiate $lib))
           (core func $arguments (canon lower (func $cli "get-arguments")
             (memory $lib "memory") (realloc (func $lib "cabi_realloc"))))
           (core module $Main
             (import "" "arguments" (func $arguments (param i32)))
             (func (export "run") (result i32)
               (call $arguments (i32.const 16)) (call $arguments (i32.const 16)) (i32.const 0)))
           (core instance $main (instantiate $Main (with "" (instance (export "arguments" (func $arguments))))))"#,
    );
    let trace = call(&wasm, &selection(&["entry:malloc"], &[]), 100).trace;
    assert_eq!(trace.outcome, Outcome::Succeeded, "{:?}", trace.failure);
    // Twice the list, of one address and length, and `guest`.
    assert_eq!(trace.heap.live_peak(), Some(Bytes(2 * (8 + 5))));
    let size = observed(&trace, "entry:malloc", "size");
    assert_eq!((size.count, size.min, size.max), (4, 5.0, 8.0));
}

#[test]
fn a_static_of_a_module_is_read_after_its_assignments_and_at_the_end() {
    let wasm = guest(OWN, "(call $exit (i32.const 0)) (i32.const 1)");
    let trace = call(&wasm, &selection(&[], &["ROWS:u32"]), 1000).trace;
    let rows = observed(&trace, "set:ROWS", "ROWS");
    assert_eq!(
        (rows.count, rows.first, rows.last, rows.sum),
        (3, 10.0, 30.0, 60.0)
    );
    assert_eq!(observed(&trace, "end", "ROWS").last, 30.0);
}

#[test]
fn names_are_looked_for_in_all_modules() {
    let wasm = guest(OWN, "(i32.const 0)");
    for (breakpoint, message) in [
        (
            "entry:main/wok",
            "no function `main/wok`; nearest: main/work",
        ),
        ("entry:nothing-like-it", "no function `nothing-like-it`"),
    ] {
        let error = load(&wasm, &selection(&[breakpoint], &[])).err().unwrap();
        assert_eq!(error.to_string(), message);
    }
    assert!(load(&wasm, &selection(&["entry:malloc"], &[])).is_ok());
}

#[test]
fn what_cannot_be_rewritten_runs_and_is_said() {
    let twice = command(
        r#"(core module $a (memory 1)
             (func (export "malloc") (param i32) (result i32) (i32.const 8)) (func (export "free") (param i32)))
           (core instance (instantiate $a))
           (core instance (instantiate $a))
           (core module $Main (memory 1) (func (export "run") (result i32) (i32.const 0)))
           (core instance $main (instantiate $Main))"#,
    );
    let function = load(&twice, &Selection::default()).unwrap();
    let notes: Vec<&str> = function.notes().collect();
    assert!(
        notes.contains(&"the module `a` is observed without probes: it is instantiated 2 times"),
        "{notes:?}"
    );
    let trace = run(&twice);
    assert_eq!(
        (trace.outcome, trace.heap),
        (Outcome::Succeeded, Heap::Unknown)
    );
    assert_eq!(trace.committed_peak, Bytes(3 << 16));
}

/// Everything that has an index space, used across levels: what moves has to move everywhere.
#[test]
fn a_rewritten_component_does_what_it_did() {
    let wasm = wat::parse_str(
        r#"(component
             (import "wasi:cli/exit@0.2.0" (instance $cli (export "exit" (func (param "status" (result))))))
             (type $pair (tuple u32 u32))
             (core module $Lib (memory (export "memory") 1)
               (func (export "malloc") (param i32) (result i32) (i32.const 1024))
               (func (export "free") (param i32))
               (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 2048))
               (func (export "dtor") (param i32)))
             (core instance $lib (instantiate $Lib))
             (core func $dtor (alias core export $lib "dtor"))
             (type $r (resource (rep i32) (dtor (func $dtor))))
             (core func $new (canon resource.new $r))
             (core func $drop (canon resource.drop $r))
             (component $provider
               (alias outer 1 $pair (type $pair))
               (core module $Pair (memory (export "memory") 1)
                 (data (i32.const 0) "\1e\00\00\00\0c\00\00\00")
                 (func (export "pair") (result i32) (i32.const 0)))
               (core instance $p (instantiate $Pair))
               (func (export "pair") (result $pair) (canon lift (core func $p "pair") (memory $p "memory"))))
             (instance $provider (instantiate $provider))
             (component $inner
               (alias outer 1 $pair (type $pair))
               (import "pair" (func $pair (result $pair)))
               (core module $Sum
                 (import "" "pair" (func $pair (param i32)))
                 (import "" "memory" (memory 1))
                 (func $check
                   (call $pair (i32.const 16))
                   (if (i32.ne (i32.add (i32.load (i32.const 16)) (i32.load (i32.const 20))) (i32.const 42))
                     (then unreachable)))
                 (start $check))
               (core module $Memory (memory (export "memory") 1))
               (core instance $memory (instantiate $Memory))
               (core func $lowered (canon lower (func $pair) (memory $memory "memory")))
               (core instance $sum (instantiate $Sum (with "" (instance
                 (export "pair" (func $lowered)) (export "memory" (memory $memory "memory")))))))
             (instance (instantiate $inner (with "pair" (func $provider "pair"))))
             (core func $exit (canon lower (func $cli "exit")))
             (core module $Main
               (import "" "new" (func $new (param i32) (result i32)))
               (import "" "drop" (func $drop (param i32)))
               (import "" "exit" (func $exit (param i32)))
               (import "lib" "malloc" (func $malloc (param i32) (result i32)))
               (memory 1)
               (func (export "run") (result i32)
                 (drop (call $malloc (i32.const 77)))
                 (call $drop (call $new (i32.const 5)))
                 (call $exit (i32.const 0))
                 unreachable))
             (core instance $main (instantiate $Main
               (with "lib" (instance $lib))
               (with "" (instance (export "new" (func $new))
                 (export "drop" (func $drop)) (export "exit" (func $exit))))))
             (func $run (result (result)) (canon lift (core func $main "run")))
             (instance $run (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $run)))"#,
    )
    .unwrap();
    let function = load(&wasm, &selection(&["entry:malloc", "entry:run"], &[])).unwrap();
    let notes: Vec<&str> = function.notes().collect();
    assert!(
        !notes.iter().any(|note| note.contains("failed")),
        "{notes:?}"
    );
    let trace = call(&wasm, &selection(&["entry:malloc", "entry:run"], &[]), 100).trace;
    assert_eq!(trace.outcome, Outcome::Succeeded, "{:?}", trace.failure);
    assert_eq!(observed(&trace, "entry:malloc", "arg0").last, 77.0);
    assert_eq!(observed(&trace, "entry:run", "hits").count, 1);
    assert_eq!(trace.heap.live_peak(), Some(Bytes(77)));
    assert_eq!(trace.committed_peak, Bytes(4 << 16));
}
