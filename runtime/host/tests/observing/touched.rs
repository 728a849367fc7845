//! Pages written to, against guests that write to exactly so many.

use crate::{call, load, run, run_forever};
use host::{Call, Engine};
use std::time::Instant;
use trace::{Bytes, Nanos, Outcome, Touched, Trace};

/// A memory of 16 MiB with a page of data. `write` writes a byte to each of the first 100 pages of 4 KiB, `read` reads
/// from 1,000, `zero` writes zeroes to 50, `trap` writes to 30 and fails.
const PAGES: &str = r#"(module
    (memory (export "memory") 256 512)
    (data (i32.const 1048576) "initial")
    (func $write (param $pages i32) (param $value i32) (local $n i32)
        (loop $again
            (i32.store8 (i32.mul (local.get $n) (i32.const 4096)) (local.get $value))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (local.get $pages)))))
    (func $step (export "step"))
    (func (export "nothing"))
    (func (export "write") (call $write (i32.const 100) (i32.const 1)))
    (func (export "zero") (call $write (i32.const 50) (i32.const 0)))
    (func (export "initial") (i32.store8 (i32.const 1048576) (i32.const 1)))
    (func (export "read") (local $n i32) (local $sum i32)
        (loop $again
            (local.set $sum (i32.add (local.get $sum)
                (i32.load8_u (i32.mul (local.get $n) (i32.const 4096)))))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 1000))))
        (global.set $keep (local.get $sum)))
    (global $keep (mut i32) (i32.const 0))
    (func (export "trap") (call $write (i32.const 30) (i32.const 1)) unreachable)
    (func (export "grow")
        (drop (memory.grow (i32.const 256)))
        ;; The last page of what was added.
        (i32.store8 (i32.const 33550336) (i32.const 1)))
    (func (export "step_by_step") (local $n i32)
        (loop $again
            (i32.store8 (i32.mul (local.get $n) (i32.const 4096)) (i32.const 1))
            (call $step)
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 200)))))
    (func (export "forever") (call $write (i32.const 7) (i32.const 1)) (loop $again (br $again))))"#;

/// Whether pages can be counted here; says why not. Kernels before 6.7 cannot, and then a call has to say so.
fn can_count(engine: &Engine) -> bool {
    let Some(reason) = engine.touched_unavailable() else {
        return true;
    };
    let trace = run(&load(engine, PAGES, &["end"], false), &call("nothing"));
    assert_eq!(
        trace.touched,
        Some(Touched::Unavailable {
            reason: reason.clone()
        })
    );
    println!("skipped: {reason}");
    false
}

fn measured(trace: &Trace) -> (Bytes, &[(Nanos, Bytes)]) {
    match &trace.touched {
        Some(Touched::Measured { at_end, samples }) => (*at_end, samples),
        other => panic!("{other:?}"),
    }
}

fn pages(count: u64) -> Bytes {
    Bytes(count * 4096)
}

#[test]
fn exactly_the_pages_that_were_written_to_are_counted() {
    let engine = Engine::new().unwrap();
    if !can_count(&engine) || rustix::param::page_size() != 4096 {
        return;
    }
    let function = load(&engine, PAGES, &["end"], false);
    // Twice, because nothing of a call may be left in the next.
    for _ in 0..2 {
        for (export, written) in [
            ("nothing", 0),
            ("write", 100),
            ("zero", 50),
            ("read", 0),
            ("initial", 1),
            ("grow", 1),
        ] {
            // The guest has no allocator, so nobody needs to ask.
            let trace = run(&function, &call(export));
            assert_eq!(trace.outcome, Outcome::Succeeded, "{export}");
            assert_eq!(measured(&trace).0, pages(written), "{export}");
        }
    }
    let trace = run(&function, &call("trap"));
    assert_eq!(trace.outcome, Outcome::Failed);
    assert_eq!(measured(&trace).0, pages(30));
}

/// A page more at each hit: whatever is looked at when, it rises, and never above what has been written.
#[test]
fn what_is_seen_at_breakpoints_rises_with_what_is_written() {
    let engine = Engine::new().unwrap();
    if !can_count(&engine) {
        return;
    }
    let function = load(&engine, PAGES, &["entry:step"], false);
    let begun = Instant::now();
    let trace = run(&function, &call("step_by_step"));
    let took = Nanos::from(begun.elapsed());
    let (at_end, looks) = measured(&trace);
    assert_eq!(at_end, pages(200));
    assert_eq!(looks.first().map(|look| look.1), Some(Bytes(0)));
    assert!(
        looks.is_sorted_by(|a, b| a.0 <= b.0 && a.1 <= b.1),
        "{looks:?}"
    );
    assert!(looks.iter().all(|look| look.1 <= at_end && look.0 <= took));
}

#[test]
fn a_call_that_does_not_end_says_what_it_had_written() {
    let engine = Engine::new().unwrap();
    if !can_count(&engine) {
        return;
    }
    let function = load(&engine, PAGES, &["end"], false);
    let trace = run_forever(function, Nanos(300_000_000));
    let (at_end, looks) = measured(&trace);
    assert_eq!(at_end, pages(7));
    // By the thread of the timeline, which looks at most twenty times a second.
    assert!((2..=8).contains(&looks.len()), "{looks:?}");
}

#[test]
fn with_a_known_allocator_they_are_counted_only_when_asked_for() {
    let engine = Engine::new().unwrap();
    let wat = include_str!("../../../../guest-examples/wat/exact-allocations.wat");
    let function = load(&engine, wat, &["end"], false);
    let start = Call {
        entry: host::Entry::Start,
        ..call("")
    };
    assert_eq!(run(&function, &start).touched, None);
    let asked = Call {
        touched: true,
        ..start
    };
    assert!(run(&function, &asked).touched.is_some());
}
