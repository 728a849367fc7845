//! Probes report the values that are there, at every way into a function, out of it and through an assignment.

use crate::run::{Guest, selection};
use probe::Mailbox;
use wasmtime::Val;

#[test]
fn exit_values_are_seen_on_every_way_out() {
    let wat = r#"(module
        (func $next (param i32) (result i32) (i32.add (local.get 0) (i32.const 1000)))
        (func (export "f") (param i32) (result i32)
            (block
                (br_if 0 (i32.ne (local.get 0) (i32.const 0)))
                (return (i32.const 10)))
            (br_if 0 (i32.const 11) (i32.eq (local.get 0) (i32.const 1))) (drop)
            (block (block
                (br_table 1 2 0 (i32.const 12) (i32.sub (local.get 0) (i32.const 1))))
                (return (i32.const 13)))
            (if (i32.eq (local.get 0) (i32.const 4)) (then (unreachable)))
            (if (i32.eq (local.get 0) (i32.const 5)) (then (return_call $next (local.get 0))))
            (i32.sub (i32.const 0) (local.get 0))))"#;
    // `br_table` to the function's label carries a value, which blocks without results cannot take.
    let wat = wat.replace("br_table 1 2 0 (i32.const 12) (i32.sub", "br_if 1 (i32.sub");
    let mut guest = Guest::armed(&wat, &["exit:f", "entry:f"], &[], false);
    for (argument, expected) in [(0, 10), (1, 11), (2, -2), (3, -3), (6, -6)] {
        assert_eq!(guest.call_i32("f", &[argument]), expected);
    }
    assert!(guest.call("f", &[Val::I32(4)]).is_err());
    assert_eq!(guest.call_i32("f", &[5]), 1005);
    assert_eq!(
        guest.values("exit:f", "result"),
        [10.0, 11.0, -2.0, -3.0, -6.0]
    );
    assert_eq!(
        guest.values("exit:f", "hits"),
        [0.0],
        "one exit by tail call"
    );
    assert_eq!(
        guest.values("entry:f", "arg0"),
        [0.0, 1.0, 2.0, 3.0, 6.0, 4.0, 5.0]
    );
    let notes = &guest.injected.as_ref().unwrap().notes;
    assert!(
        notes.iter().any(|note| note.contains("tail call")),
        "{notes:?}"
    );
}

#[test]
fn the_first_scalar_of_several_results_is_observed() {
    let wat = r#"(module
        (func (export "f") (param f32) (result v128 f32 i64)
            (v128.const i64x2 1 2) (f32.mul (local.get 0) (f32.const 2)) (i64.const 5)))"#;
    let mut guest = Guest::armed(wat, &["exit:f"], &[], false);
    let results = guest.call("f", &[Val::F32(1.25f32.to_bits())]).unwrap();
    assert_eq!(results[0].unwrap_v128().as_u128(), 1 | 2 << 64);
    assert_eq!((results[1].unwrap_f32(), results[2].unwrap_i64()), (2.5, 5));
    assert_eq!(guest.values("exit:f", "result"), [2.5]);
}

/// Statics of every width, a global, and stores whose address is constant, computed, or in another memory.
const ASSIGNMENTS: &str = r#"(module
    (memory (export "memory") 1) (memory 1)
    (global (export "SMALL") i32 (i32.const 16))
    (global (export "WIDE") i32 (i32.const 24))
    (global (export "RATIO") i32 (i32.const 32))
    (global (export "SAMPLED") i32 (i32.const 40))
    (global $g (export "count") (mut i64) (i64.const 0))
    (func (export "assign") (param i32)
        (i32.store8 (i32.const 16) (local.get 0))
        (i32.store8 (i32.const 6) (i32.const 0))
        ;; Constant plus offset; a value that is computed by a block in between.
        (i64.store offset=20 (i32.const 4)
            (block (result i64) (drop (i32.const 24))
                (br_if 0 (i64.const -7) (i32.lt_s (local.get 0) (i32.const 0))) (drop)
                (i64.extend_i32_u (local.get 0))))
        (f32.store (i32.const 32) (f32.convert_i32_s (local.get 0)))
        (drop (i32.atomic.rmw8.add_u (i32.const 16) (i32.const 1)))
        ;; None of these assigns a static at a constant address of memory 0.
        (i32.store8 1 (i32.const 16) (i32.const 99))
        (i32.store (local.get 0) (i32.const 99))
        (i32.store (i32.add (i32.const 8) (i32.const 32)) (i32.const 3))
        (i32.store (i32.const 17) (i32.const 0))
        (global.set $g (i64.extend_i32_s (local.get 0)))))"#;

#[test]
fn assignments_of_globals_and_statics_are_seen_with_the_value_assigned() {
    let variables = ["SMALL:i8", "WIDE:i64", "RATIO:f32", "SAMPLED:u32", "count"];
    let mut guest = Guest::armed(ASSIGNMENTS, &[], &variables, false);
    for argument in [100, 127, -3] {
        // A negative address traps: only after the assignments before it.
        let _ = guest.call("assign", &[Val::I32(argument)]);
    }
    assert_eq!(
        guest.values("set:SMALL", "SMALL"),
        [100.0, 101.0, 127.0, -128.0, -3.0, -2.0]
    );
    assert_eq!(guest.values("set:WIDE", "WIDE"), [100.0, 127.0, -7.0]);
    assert_eq!(guest.values("set:RATIO", "RATIO"), [100.0, 127.0, -3.0]);
    assert_eq!(guest.values("set:count", "count"), [100.0, 127.0]);
    let injected = guest.injected.as_ref().unwrap();
    assert!(
        !injected
            .slots
            .iter()
            .any(|slot| slot.breakpoint.to_string() == "set:SAMPLED")
    );
    assert!(
        injected
            .notes
            .iter()
            .any(|note| note.starts_with("sampled: `SAMPLED`"))
    );
}

#[test]
fn the_mailbox_keeps_count_first_last_min_max_and_sum() {
    let variables = ["SMALL:i8", "WIDE:u64", "RATIO:f32", "count:i64", "arg0"];
    let in_place = selection(&["set:*", "entry:assign"], &variables, true);
    // And in functions of its own.
    let apart = trace::Selection {
        seldom_hit: true,
        ..in_place.clone()
    };
    for selection in [in_place, apart] {
        keeps_records(&selection);
    }
}

fn keeps_records(selection: &trace::Selection) {
    let mut guest = Guest::selected(ASSIGNMENTS, selection);
    for argument in [100, 5, 127, 60] {
        guest.call("assign", &[Val::I32(argument)]).unwrap();
    }
    assert!(guest.store.data().hits.is_empty());
    let injected = guest.injected.clone().unwrap();
    let memory = guest
        .instance
        .get_memory(&mut guest.store, Mailbox::EXPORT)
        .unwrap();
    let record = |breakpoint: &str, variable: &str| {
        let slot = injected
            .slots
            .iter()
            .find(|slot| slot.breakpoint.to_string() == breakpoint && slot.variable == variable)
            .unwrap();
        let offset = slot.mailbox_offset.unwrap();
        let record = Mailbox::record(memory.data(&guest.store), offset, slot.value_type).unwrap();
        (
            record.count,
            record.first,
            record.last,
            record.min,
            record.max,
            record.sum,
        )
    };
    assert_eq!(
        record("set:RATIO", "RATIO"),
        (4, 100.0, 60.0, 5.0, 127.0, 292.0)
    );
    assert_eq!(
        record("set:WIDE", "WIDE"),
        (4, 100.0, 60.0, 5.0, 127.0, 292.0)
    );
    assert_eq!(
        record("set:count", "count"),
        (4, 100.0, 60.0, 5.0, 127.0, 292.0)
    );
    assert_eq!(
        record("entry:assign", "arg0"),
        (4, 100.0, 60.0, 5.0, 127.0, 292.0)
    );
    // Twice a call: as stored, and after 1 was added, which makes -128 of 127.
    assert_eq!(
        record("set:SMALL", "SMALL"),
        (
            8,
            100.0,
            61.0,
            -128.0,
            127.0,
            100.0 + 101.0 + 5.0 + 6.0 + 127.0 - 128.0 + 60.0 + 61.0
        )
    );
}

#[test]
fn exported_variables_can_be_read_where_a_function_is_entered() {
    let mut guest = Guest::armed(
        ASSIGNMENTS,
        &["entry:assign"],
        &["WIDE:i64", "count"],
        false,
    );
    for argument in [3, 4] {
        guest.call("assign", &[Val::I32(argument)]).unwrap();
    }
    assert_eq!(guest.values("entry:assign", "WIDE"), [0.0, 3.0]);
    assert_eq!(guest.values("entry:assign", "count"), [0.0, 3.0]);
}

#[test]
fn openings_are_reported_after_they_succeeded() {
    let wat = r#"(module
        (import "wasi_snapshot_preview1" "path_open"
            (func $open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (func (export "f") (param i32 i32) (result i32)
            (call $open (i32.const 3) (i32.const 1) (local.get 0) (local.get 1) (i32.const 0)
                (i64.const 1) (i64.const 2) (i32.const 4) (i32.const 64))))"#;
    let mut guest = Guest::armed(wat, &[], &[], false);
    // The import answers 0, success, whatever it is asked.
    assert_eq!(guest.call_i32("f", &[128, 9]), 0);
    assert_eq!(guest.store.data().opened, [(3, 128, 9)]);

    let failing = wat.replace(
        r#"(import "wasi_snapshot_preview1" "path_open"
            (func $open"#,
        r#"(import "other" "path_open" (func $open"#,
    );
    let guest = Guest::armed(&failing, &[], &[], false);
    assert!(!guest.injected.as_ref().unwrap().opens);
}
