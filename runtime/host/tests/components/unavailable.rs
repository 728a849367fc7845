//! What is recorded of modules and not of components: that it is not there is said, and nothing else changes.

use crate::support::{command, request};
use host::{Engine, Function};
use trace::{Bytes, Heap, HeapSampling, Nanos, Outcome, Selection, Touched};

/// Allocates 100 bytes and then counts for a while.
fn guest() -> Vec<u8> {
    command(
        r#"(core module $Main
             (memory 1)
             (global $top (mut i32) (i32.const 1024))
             (func $malloc (export "malloc") (param $size i32) (result i32)
               (global.get $top)
               (global.set $top (i32.add (global.get $top) (local.get $size))))
             (func $free (export "free") (param i32))
             (func $count (param $n i32)
               (loop $again
                 (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
             (func (export "run") (result i32)
               (drop (call $malloc (i32.const 100)))
               (call $count (i32.const 100000000))
               (i32.const 0)))
           (core instance $main (instantiate $Main))"#,
    )
}

#[test]
fn what_is_not_recorded_of_a_component_is_said() {
    let engine = Engine::sampling_cpu(Nanos(1_000_000)).unwrap();
    for heap in [
        HeapSampling::Exact,
        HeapSampling::Poisson { mean: Bytes(1) },
    ] {
        let selection = Selection {
            heap: Some(heap),
            ..Selection::default()
        };
        let function = Function::load(&engine, None, "guest", &guest(), &selection).unwrap();
        let notes: Vec<&str> = function.notes().collect();
        for about in ["who allocated memory", "where the time goes"] {
            let said = notes.iter().filter(|note| note.starts_with(about));
            assert_eq!(said.count(), 1, "{notes:?}");
        }
        let mut call = request(100);
        call.touched = true;
        let trace = function.invoke(&call, Box::new(|_| {})).unwrap().trace;
        assert_eq!(trace.outcome, Outcome::Succeeded, "{:?}", trace.failure);
        assert!(trace.heap_profile.is_none() && trace.cpu_profile.is_none());
        let Some(Touched::Unavailable { reason }) = trace.touched else {
            panic!("touched: {:?}", trace.touched);
        };
        assert!(reason.contains("component"), "{reason}");
        let heap = Heap::Live {
            peak: Bytes(100),
            at_end: Bytes(100),
            allocations: 1,
        };
        assert_eq!(trace.heap, heap);
    }
}
