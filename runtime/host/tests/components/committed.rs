//! Committed memory is summed over the memories of all modules, and calls end as those of modules do.

use crate::support::{call, command, load, pages, run};
use trace::{Bytes, Outcome, Selection};

/// A module with two pages calls one with one page: five and three more.
fn two_memories(then: &str) -> Vec<u8> {
    command(&format!(
        r#"(import "wasi:cli/exit@0.2.0" (instance $cli (export "exit" (func (param "status" (result))))))
           (core func $exit (canon lower (func $cli "exit")))
           (core module $Library
             (memory 1)
             (func (export "grow") (param i32) (result i32) (memory.grow (local.get 0))))
           (core module $Main
             (import "library" "grow" (func $grow (param i32) (result i32)))
             (import "cli" "exit" (func $exit (param i32)))
             (memory 2)
             (func (export "run") (result i32)
               (drop (memory.grow (i32.const 5)))
               (drop (call $grow (i32.const 3)))
               {then}))
           (core instance $library (instantiate $Library))
           (core instance $cli (export "exit" (func $exit)))
           (core instance $main (instantiate $Main
             (with "library" (instance $library)) (with "cli" (instance $cli))))"#
    ))
}

#[test]
fn memories_of_all_modules_are_summed() {
    let trace = run(&two_memories("(i32.const 0)"));
    assert_eq!(trace.outcome, Outcome::Succeeded, "{:?}", trace.failure);
    assert_eq!(trace.committed_start, Bytes(3 << 16));
    assert_eq!(pages(trace.growths.iter().map(|g| g.to)), [8, 11]);
    assert!(trace.growths[0].at <= trace.growths[1].at);
    assert_eq!(trace.committed_peak, Bytes(11 << 16));
}

#[test]
fn a_command_fails_by_its_result_its_exit_or_a_trap() {
    for (then, outcome, code, failure) in [
        ("(i32.const 0)", Outcome::Succeeded, Some(0), None),
        (
            "(i32.const 1)",
            Outcome::Failed,
            Some(1),
            Some("exited with code 1"),
        ),
        (
            "(call $exit (i32.const 0)) (i32.const 1)",
            Outcome::Succeeded,
            Some(0),
            None,
        ),
        (
            "(call $exit (i32.const 1)) (i32.const 0)",
            Outcome::Failed,
            Some(1),
            Some("exited with code 1"),
        ),
        (
            "unreachable",
            Outcome::Failed,
            None,
            Some("trapped: wasm `unreachable` instruction executed"),
        ),
    ] {
        let trace = run(&two_memories(then));
        assert_eq!(
            (trace.outcome, trace.exit_code, trace.failure.as_deref()),
            (outcome, code, failure)
        );
        assert_eq!(trace.committed_peak, Bytes(11 << 16), "{then}");
    }
}

#[test]
fn the_limit_is_for_all_memories_together() {
    // The first growth fits, the second does not.
    let trace = call(&two_memories("unreachable"), &Selection::default(), 10).trace;
    assert_eq!(trace.outcome, Outcome::Limited);
    assert_eq!(trace.committed_peak, Bytes(8 << 16));
    assert_eq!(pages(trace.refusals.iter().map(|r| r.asked)), [11]);
    // It may also be refused and do without.
    let trace = call(&two_memories("(i32.const 0)"), &Selection::default(), 10).trace;
    assert_eq!(trace.outcome, Outcome::Succeeded);
    assert_eq!(trace.refused_count, 1);
}

#[test]
fn what_is_not_offered_is_named() {
    let error = load(
        &command(
            r#"(import "wasi:http/types@0.2.0" (instance (export "go" (func))))
               (import "mine:own/thing" (instance (export "go" (func))))
               (core module $Main (func (export "run") (result i32) (i32.const 0)))
               (core instance $main (instantiate $Main))"#,
        ),
        &Selection::default(),
    );
    let message = error.err().unwrap().to_string();
    assert!(
        message.starts_with("the component imports `wasi:http/types@0.2.0`, `mine:own/thing`"),
        "{message}"
    );
}
