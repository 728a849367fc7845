//! Heap counters, exact to the byte, on allocators of a few lines whose every move is known.

use crate::run::Guest;
use probe::{Counted, Mailbox};

/// Hands out addresses one after the other, of any alignment, and never takes anything back.
const BUMP: &str = r#"(module
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 1025))
    (func $malloc (export "malloc") (param $size i32) (result i32)
        (local $p i32)
        (if (i32.gt_u (local.get $size) (i32.const 100000)) (then (return (i32.const 0))))
        (local.set $p (global.get $top))
        (global.set $top (i32.add (local.get $p) (local.get $size)))
        (local.get $p))
    (func $free (export "free") (param $p i32))
    (func (export "calloc") (param $n i32) (param $size i32) (result i32)
        (call $malloc (i32.mul (local.get $n) (local.get $size))))
    ;; In place while the block is the last one, else moved; freed and null for size 0; fails above 100,000.
    (func (export "realloc") (param $p i32) (param $size i32) (result i32)
        (local $new i32)
        (if (i32.eqz (local.get $size)) (then (call $free (local.get $p)) (return (i32.const 0))))
        (if (i32.and (i32.ne (local.get $p) (i32.const 0)) (i32.eqz (i32.and (local.get $size) (i32.const 1))))
            (then (return (local.get $p))))
        (local.set $new (call $malloc (local.get $size)))
        (if (i32.and (local.get $new) (local.get $p)) (then (call $free (local.get $p))))
        (local.get $new))
    (func (export "posix_memalign") (param $out i32) (param $align i32) (param $size i32) (result i32)
        (local $p i32)
        (local.set $p (call $malloc (local.get $size)))
        (if (i32.eqz (local.get $p)) (then (return (i32.const 12))))
        (i32.store (local.get $out) (local.get $p))
        (i32.const 0)))"#;

#[test]
fn unaligned_blocks_of_any_size_are_counted_to_the_byte() {
    let mut guest = Guest::armed(BUMP, &["end"], &[], false);
    assert_eq!(
        guest.injected.as_ref().unwrap().heap,
        Some(Counted::RequestedBytes)
    );
    let sizes: Vec<i32> = (0..2000).map(|i| (i * 7) % 13).collect();
    let blocks: Vec<i32> = sizes
        .iter()
        .map(|size| guest.call_i32("malloc", &[*size]))
        .collect();
    let total: i64 = sizes.iter().map(|size| i64::from(*size)).sum();
    assert_eq!(guest.live(), total);
    assert_eq!(guest.mailbox(Mailbox::ALLOCATIONS), 2000);
    // Blocks of no bytes share their address with the next one: giving back either gives back what is known there.
    let mut live = total;
    for (block, size) in blocks.iter().zip(&sizes).filter(|(_, size)| **size > 0) {
        guest.call_i32("free", &[*block]);
        live -= i64::from(*size);
        assert_eq!(guest.live(), live);
    }
    assert_eq!(guest.live(), 0);
    assert_eq!(guest.mailbox(Mailbox::LIVE_PEAK), total);
    assert_eq!(guest.mailbox(Mailbox::ALLOCATED), total);
    assert_eq!(guest.mailbox(Mailbox::UNTRACKED), 0);
    // Twice, null and addresses never handed out.
    for block in [blocks[5], 0, 7, -1] {
        guest.call_i32("free", &[block]);
    }
    assert_eq!(guest.live(), 0);
}

#[test]
fn reallocation_counts_what_it_changes() {
    let mut guest = Guest::armed(BUMP, &["end"], &[], false);
    let block = guest.call_i32("realloc", &[0, 101]);
    assert_eq!(
        (guest.live(), guest.mailbox(Mailbox::ALLOCATIONS)),
        (101, 1)
    );
    let same = guest.call_i32("realloc", &[block, 300]);
    assert_eq!((same, guest.live()), (block, 300));
    assert_eq!(guest.call_i32("realloc", &[same, 50]), block);
    assert_eq!(guest.live(), 50);
    let moved = guest.call_i32("realloc", &[same, 201]);
    assert_ne!(moved, block);
    assert_eq!(guest.live(), 201);
    assert_eq!(guest.call_i32("realloc", &[moved, 100_001]), 0);
    assert_eq!(guest.live(), 201, "a failed reallocation leaves the block");
    assert_eq!(guest.call_i32("realloc", &[moved, 0]), 0);
    assert_eq!(guest.live(), 0, "a reallocation to nothing gives back");
    assert_eq!(guest.mailbox(Mailbox::LIVE_PEAK), 300);
    assert_eq!(guest.mailbox(Mailbox::ALLOCATIONS), 1);
    assert_eq!(guest.mailbox(Mailbox::ALLOCATED), 101 + 199 + 151);
}

#[test]
fn nested_calls_count_once_and_failures_not_at_all() {
    let mut guest = Guest::armed(BUMP, &["end"], &[], false);
    let zeroed = guest.call_i32("calloc", &[10, 25]);
    assert_eq!(
        (guest.live(), guest.mailbox(Mailbox::ALLOCATIONS)),
        (250, 1)
    );
    assert_eq!(guest.call_i32("malloc", &[100_001]), 0);
    assert_eq!(guest.call_i32("posix_memalign", &[16, 8, 100_001]), 12);
    assert_eq!(
        (guest.live(), guest.mailbox(Mailbox::ALLOCATIONS)),
        (250, 1)
    );
    assert_eq!(guest.call_i32("posix_memalign", &[16, 8, 77]), 0);
    assert_eq!(guest.live(), 327);
    let memory = guest
        .instance
        .get_memory(&mut guest.store, "memory")
        .unwrap();
    let aligned = i32::from_le_bytes(memory.data(&guest.store)[16..20].try_into().unwrap());
    guest.call_i32("free", &[aligned]);
    guest.call_i32("free", &[zeroed]);
    assert_eq!(guest.live(), 0);
}

#[test]
fn a_way_around_through_a_helper_or_a_table_counts_once_too() {
    let wat = r#"(module
        (memory (export "memory") 1)
        (global $top (mut i32) (i32.const 1024))
        (table funcref (elem $malloc))
        (func $malloc (export "malloc") (param i32) (result i32)
            (global.get $top)
            (global.set $top (i32.add (global.get $top) (local.get 0))))
        (func $helper (param i32) (result i32) (call $malloc (local.get 0)))
        (func (export "calloc") (param i32 i32) (result i32)
            (call $helper (i32.add (i32.const 8) (i32.mul (local.get 0) (local.get 1)))))
        (func (export "aligned_alloc") (param i32 i32) (result i32)
            (call_indirect (param i32) (result i32)
                (i32.add (local.get 0) (local.get 1)) (i32.const 0)))
        (func (export "free") (param i32)))"#;
    let mut guest = Guest::armed(wat, &["end"], &[], false);
    let blocks = [
        guest.call_i32("calloc", &[10, 10]),
        guest.call_i32("aligned_alloc", &[64, 40]),
        guest.call_i32("malloc", &[3]),
    ];
    assert_eq!(
        (guest.live(), guest.mailbox(Mailbox::ALLOCATIONS)),
        (143, 3)
    );
    for block in blocks {
        guest.call_i32("free", &[block]);
    }
    assert_eq!(guest.live(), 0);
}

/// An allocator that rounds up and keeps sizes before its blocks, as dlmalloc does and as Zig's C library does.
const HEADERS: &str = r#"(module
    (memory (export "memory") 2)
    (global $top (mut i32) (i32.const 1024))
    (func $PREFIXmalloc (export "malloc") (param $n i32) (result i32)
        (local $p i32) (local $chunk i32)
        (local.set $chunk (i32.and (i32.add (local.get $n) (i32.const 23)) (i32.const -8)))
        (local.set $p (i32.add (global.get $top) (i32.const 8)))
        (global.set $top (i32.add (global.get $top) (local.get $chunk)))
        HEADER
        (local.get $p))
    (func $PREFIXrealloc (export "realloc") (param $p i32) (param $n i32) (result i32)
        (call $PREFIXfree (local.get $p))
        (call $PREFIXmalloc (local.get $n)))
    (func $PREFIXfree (export "free") (param i32)))"#;

#[test]
fn sizes_are_read_from_the_headers_of_known_allocators() {
    for (prefix, header, counted, size) in [
        // Size of the chunk with two flags; the word before the block is part of it.
        (
            "dl",
            "(i32.store (i32.sub (local.get $p) (i32.const 4)) (i32.or (local.get $chunk) (i32.const 3)))",
            Counted::UsableBytes,
            (|n| ((n + 23) & !7) - 4) as fn(i64) -> i64,
        ),
        (
            "c.malloc.",
            "(i64.store (i32.sub (local.get $p) (i32.const 8))
                (i64.or (i64.shl (i64.extend_i32_u (local.get $n)) (i64.const 5)) (i64.const 4)))",
            Counted::RequestedBytes,
            |n| n,
        ),
    ] {
        let wat = HEADERS.replace("PREFIX", prefix).replace("HEADER", header);
        let mut guest = Guest::armed(&wat, &["end"], &[], false);
        assert_eq!(guest.injected.as_ref().unwrap().heap, Some(counted));
        assert_eq!(guest.injected.as_ref().unwrap().size_table, None);
        let first = guest.call_i32("malloc", &[100]);
        let second = guest.call_i32("malloc", &[61]);
        assert_eq!(guest.live(), size(100) + size(61));
        let moved = guest.call_i32("realloc", &[second, 1000]);
        assert_eq!(guest.live(), size(100) + size(1000));
        guest.call_i32("free", &[first]);
        guest.call_i32("free", &[moved]);
        assert_eq!((guest.live(), guest.mailbox(Mailbox::ALLOCATIONS)), (0, 2));
        assert_eq!(guest.mailbox(Mailbox::LIVE_PEAK), size(100) + size(1000));
        // An address in no memory is nothing to trap on.
        guest.call_i32("free", &[-1]);
        assert_eq!(guest.live(), 0);
    }
}

#[test]
fn the_host_is_called_when_so_many_bytes_were_handed_out() {
    let mut guest = Guest::armed(BUMP, &["end"], &[], false);
    guest.call_i32("malloc", &[1000]);
    assert_eq!(
        guest.store.data().allocated,
        0,
        "never, where the host wrote nothing"
    );
    let memory = guest
        .instance
        .get_memory(&mut guest.store, Mailbox::EXPORT)
        .unwrap();
    memory
        .write(
            &mut guest.store,
            Mailbox::NEXT_SAMPLE_AT,
            &1500i64.to_le_bytes(),
        )
        .unwrap();
    guest.call_i32("malloc", &[499]);
    assert_eq!(guest.store.data().allocated, 0);
    guest.call_i32("malloc", &[1]);
    assert_eq!(guest.store.data().allocated, 1);
}

#[test]
fn without_frees_only_what_was_handed_out_is_counted() {
    let wat = r#"(module (memory 1) (func (export "__new") (param i32 i32) (result i32) (i32.const 64)))"#;
    let mut guest = Guest::armed(wat, &["end"], &[], false);
    assert_eq!(
        guest.injected.as_ref().unwrap().heap,
        Some(Counted::AllocatedOnly)
    );
    guest.call_i32("__new", &[30, 1]);
    guest.call_i32("__new", &[12, 1]);
    assert_eq!(guest.mailbox(Mailbox::ALLOCATED), 42);
    assert_eq!(guest.mailbox(Mailbox::ALLOCATIONS), 2);
    assert_eq!(guest.live(), 0);
}
