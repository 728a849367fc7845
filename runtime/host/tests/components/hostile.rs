//! Components that try to take more than they are given: while they are read, compiled, instantiated or run.

use crate::support::{call, command, load};
use std::fmt::Write;
use trace::{Bytes, Outcome, Selection};

fn refused(wasm: &[u8]) -> String {
    let error = load(wasm, &Selection::default()).err();
    error.expect("it is refused").to_string()
}

fn text(text: &str) -> Vec<u8> {
    wat::parse_str(text).unwrap()
}

/// Thirty levels, of which each makes the next one twice: a thousand million instances in two kilobytes.
#[test]
fn what_unfolds_without_end_is_refused_before_it_is_compiled() {
    let mut inside =
        "(component $c0 (core module $m (memory 1)) (core instance (instantiate $m)))".to_owned();
    for level in 1..30 {
        inside = format!(
            "(component $c{level} {inside} (instance (instantiate $c{0})) (instance (instantiate $c{0})))",
            level - 1
        );
    }
    assert_eq!(
        refused(&text(&format!(
            "(component {inside} (instance (instantiate $c29)))"
        ))),
        "the component has more than 1000 instances, which is the most there may be"
    );
}

#[test]
fn too_many_levels_modules_and_instances_are_refused() {
    // Built without the text, whose parser is not made for so many levels.
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    for _ in 0..2000 {
        let mut outer = b"\0asm\x0d\0\x01\0\x04".to_vec();
        leb128(&mut outer, bytes.len());
        outer.extend(&bytes);
        bytes = outer;
    }
    assert_eq!(
        refused(&bytes),
        "the component has more than 32 levels of nesting, which is the most there may be"
    );
    let mut many = "(component (core module $m (memory 1))".to_owned();
    for _ in 0..1001 {
        many.push_str("(core instance (instantiate $m))");
    }
    many.push(')');
    let message = refused(&text(&many));
    assert!(message.contains("instances"), "{message}");
    let argument = "(component (component (import \"x\" (component)) (instance (instantiate 0))))";
    assert!(refused(&text(argument)).contains("passes on components"));
}

fn leb128(to: &mut Vec<u8>, mut value: usize) {
    while value > 0x7f {
        to.push(value as u8 | 0x80);
        value >>= 7;
    }
    to.push(value as u8);
}

/// A type that doubles with every line.
#[test]
fn types_without_end_are_refused() {
    let mut types = "(type $t0 u64)".to_owned();
    for level in 1..64 {
        let _ = write!(types, "(type $t{level} (tuple $t{0} $t{0}))", level - 1);
    }
    let message = refused(&text(&format!("(component {types})")));
    assert!(message.contains("type size"), "{message}");
}

#[test]
fn hundreds_of_memories_share_one_limit() {
    let mut inside = "(core module $m (memory 1))".to_owned();
    for _ in 0..500 {
        inside.push_str("(core instance (instantiate $m))");
    }
    inside.push_str(
        "(core module $Main (func (export \"run\") (result i32) (i32.const 0)))
         (core instance $main (instantiate $Main))",
    );
    let wasm = command(&inside);
    let trace = call(&wasm, &Selection::default(), 500).trace;
    assert_eq!(trace.outcome, Outcome::Succeeded, "{:?}", trace.failure);
    assert_eq!(trace.committed_start, Bytes(500 << 16));
    let trace = call(&wasm, &Selection::default(), 499).trace;
    assert_eq!(trace.outcome, Outcome::Limited, "{:?}", trace.failure);
}

#[test]
fn handles_and_tables_are_bounded() {
    // A resource of its own, made without end.
    let wasm = command(
        r#"(type $r (resource (rep i32)))
           (core func $new (canon resource.new $r))
           (core module $Main
             (import "r" "new" (func $new (param i32) (result i32)))
             (table 1 funcref)
             (func (export "run") (result i32)
               (if (i32.ne (table.grow (ref.null func) (i32.const 100000000)) (i32.const -1)) (then unreachable))
               (loop (drop (call $new (i32.const 1))) (br 0))
               (i32.const 0)))
           (core instance $r (export "new" (func $new)))
           (core instance $main (instantiate $Main (with "r" (instance $r))))"#,
    );
    let trace = call(&wasm, &Selection::default(), 10).trace;
    assert_eq!(trace.outcome, Outcome::Failed);
    let failure = trace.failure.unwrap();
    assert!(failure.contains("handle"), "{failure}");
}

#[test]
fn truncated_and_damaged_components_are_refused() {
    let whole = command(
        "(core module $Main (func (export \"run\") (result i32) (i32.const 0)))
         (core instance $main (instantiate $Main))",
    );
    for length in 0..whole.len() {
        // Between two sections, what is there is a component, though not always a command.
        match load(&whole[..length], &Selection::default()) {
            Ok(function) => assert!(length >= 8 && function.is_component()),
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    for position in 8..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x55;
        // Either is fine; neither panics.
        let _ = load(&damaged, &Selection::default()).is_ok();
    }
}
