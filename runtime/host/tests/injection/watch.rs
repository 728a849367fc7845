//! Variables that a guest shows by itself, through watch cells: every value at every place, in the order in which they
//! were shown, and nothing in the guest's memory changes.

use crate::run::{Guest, engine, inject};
use probe::{Mailbox, Place};
use wasmtime::Val;

/// `n` is shown in two places, `m` in one; the memory is not exported.
const GUEST: &str = r#"(module
    (memory 1)
    (data (i32.const 16) "nm")
    (data (i32.const 1024) "\faFATHOM-WATCH-V1\10\00\00\00\00\00\00\00\01")
    (data (i32.const 1064) "\faFATHOM-WATCH-V1\10\00\00\00\00\00\00\00\01")
    (data (i32.const 1104) "\faFATHOM-WATCH-V1\11\00\00\00\00\00\00\00\01")
    (func (export "f") (param i64)
        (i64.store (i32.const 1056) (local.get 0))
        (i64.store (i32.const 1136) (i64.mul (local.get 0) (local.get 0)))
        (i64.store (i32.wrap_i64 (i64.const 1096)) (i64.sub (i64.const 0) (local.get 0))))
    (func (export "g") (result i64)
        (i64.add (i64.load (i32.const 1056)) (i64.load (i32.const 1096)))))"#;

fn call(guest: &mut Guest) {
    for value in [3, i64::MIN + 1, 4] {
        guest.call("f", &[Val::I64(value)]).unwrap();
    }
    // Each place keeps its own value: what follows a variable over its places is not in the guest.
    let sum = guest.call("g", &[]).unwrap();
    assert_eq!(sum[0].unwrap_i64(), 0);
}

#[test]
fn every_value_is_seen_at_every_place() {
    let mut guest = Guest::armed(GUEST, &[], &[], false);
    call(&mut guest);
    let far = (1u64 << 63) as f64;
    assert_eq!(
        guest.values("set:n", "n"),
        [3.0, -3.0, -far, far, 4.0, -4.0]
    );
    assert_eq!(guest.values("set:m", "m"), [9.0, 1.0, 16.0]);
}

#[test]
fn what_was_shown_last_can_be_read_wherever_it_was_shown() {
    for light in [false, true] {
        let breakpoints = ["entry:g", "end"];
        let mut guest = Guest::armed(GUEST, &breakpoints, &["n", "m"], light);
        call(&mut guest);
        let injected = guest.injected.clone().unwrap();
        if !light {
            assert_eq!(guest.values("entry:g", "n"), [-4.0]);
            assert_eq!(guest.values("entry:g", "m"), [16.0]);
        }
        let mut read_at_end = Vec::new();
        for slot in injected
            .slots
            .iter()
            .filter(|s| s.breakpoint.to_string() == "end")
        {
            let Place::Static { address, memory } = &slot.place else {
                panic!("{slot:?}");
            };
            let memory = guest.instance.get_memory(&mut guest.store, memory).unwrap();
            let value = Mailbox::read(memory.data(&guest.store), *address as usize);
            read_at_end.push((slot.variable.as_str(), value.unwrap()));
        }
        assert_eq!(read_at_end, [("n", -4), ("m", 16)]);
    }
}

#[test]
fn nothing_is_added_where_nothing_is_armed() {
    let wasm = wat::parse_str(GUEST).unwrap();
    let (_, injected) = inject(&wasm, &["input"], &[], false);
    assert_eq!((injected.slots.len(), injected.mailbox), (0, None));
    call(&mut Guest::injected(&engine(), injected).unwrap());
}
