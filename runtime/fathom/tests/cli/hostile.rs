//! Guests that misbehave: each gets its own exit code and a sentence, and the host goes on.

use crate::support::{Place, printed, wat};

fn run(name: &str, flags: &[&str]) -> (i32, String, String) {
    let place = Place::new();
    let guest = wat(&format!("hostile/{name}"));
    printed(&mut place.fathom(["run", &guest].iter().chain(flags)))
}

#[test]
fn a_guest_that_traps_or_recurses_without_end_ends_with_134() {
    for (name, cause) in [
        ("traps", "unreachable"),
        ("recurses-without-end", "call stack exhausted"),
    ] {
        let (code, _, stderr) = run(name, &[]);
        assert_eq!(code, 134, "{name}: {stderr}");
        assert!(stderr.contains(cause), "{name}: {stderr}");
    }
}

#[test]
fn a_guest_that_exits_keeps_its_code() {
    assert_eq!(run("exits-with-7", &[]).0, 7);
}

#[test]
fn a_guest_that_loops_or_sleeps_for_ever_ends_with_124() {
    for name in ["loops-for-ever", "sleeps-for-a-year"] {
        let (code, _, stderr) = run(name, &["--timeout", "300ms"]);
        assert_eq!(code, 124, "{name}: {stderr}");
        assert!(stderr.contains("300.0 ms"), "{name}: {stderr}");
    }
}

#[test]
fn a_guest_that_grows_without_end_ends_with_137_and_is_told_apart_from_a_crash() {
    let (code, _, stderr) = run("grows-without-end", &["--max-memory", "2MiB"]);
    assert_eq!(code, 137, "{stderr}");
    assert!(
        stderr.contains("asked for 2.1 MiB, the limit is 2.0 MiB"),
        "{stderr}"
    );
}

#[test]
fn a_guest_that_lives_with_a_refusal_has_succeeded() {
    let (code, _, stderr) = run("lives-with-refusals", &["--max-memory", "2MiB"]);
    assert_eq!(code, 0, "{stderr}");
    assert!(stderr.contains("31 granted, 3 refused"), "{stderr}");
}

#[test]
fn a_guest_whose_first_memory_is_over_the_limit_never_begins() {
    let place = Place::new();
    place.write(
        "big.wat",
        r#"(module (memory (export "memory") 100) (func (export "_start")))"#,
    );
    let (code, _, stderr) = printed(&mut place.fathom(["run", "big.wat", "--max-memory", "1MiB"]));
    assert_eq!(code, 137, "{stderr}");
    assert!(stderr.contains("6.2 MiB"), "{stderr}");
}

/// In `profile` every one of them is recorded and shown, and the calls after it are made.
#[test]
fn misbehaving_calls_are_recorded_and_the_others_go_on() {
    let place = Place::new();
    place.write(
        "moody.wat",
        r#"(module
          (import "wasi_snapshot_preview1" "args_sizes_get" (func $sizes (param i32 i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "go") (param $what i32)
            (if (i32.eq (local.get $what) (i32.const 1)) (then (unreachable)))
            (if (i32.eq (local.get $what) (i32.const 2)) (then (loop $l (br $l))))
            (if (i32.eq (local.get $what) (i32.const 3))
              (then (if (i32.eq (memory.grow (i32.const 60000)) (i32.const -1)) (then (unreachable)))))))"#,
    );
    let profile = place.json(&[
        "profile",
        "moody.wat",
        "--invoke",
        "go",
        "--sweep",
        "what=0..5",
        "--timeout",
        "500ms",
        "--json",
        "--",
        "{what}",
    ]);
    let invocations = &profile["invocations"];
    for (kind, count) in [
        ("total", 6),
        ("succeeded", 3),
        ("failed", 1),
        ("timed_out", 1),
        ("limited", 1),
    ] {
        assert_eq!(invocations[kind], count, "{kind} of {invocations}");
    }
}

#[test]
fn endless_output_is_cut_off() {
    let place = Place::new();
    place.write("input/a", "");
    let guest = wat("hostile/writes-without-end");
    let profile = place.json(&[
        "profile",
        &guest,
        "input",
        "--json",
        "--max-output",
        "1MiB",
        "--timeout",
        "20s",
    ]);
    assert_eq!(profile["invocations"]["failed"], 1);
    let (_, list, _) = printed(&mut place.fathom(["traces", "show", "1"]));
    assert!(list.contains("1048576 bytes of output"), "{list}");
}

/// Codes that the engine would not pass on are a guest's codes all the same.
#[test]
fn every_exit_code_of_a_guest_is_kept() {
    let place = Place::new();
    for code in [0, 1, 125, 126, 200, 255] {
        let wat = format!(
            r#"(module (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
              (memory (export "memory") 1)
              (func (export "_start") (call $exit (i32.const {code}))))"#
        );
        place.write("exit.wat", wat);
        assert_eq!(printed(&mut place.fathom(["run", "exit.wat"])).0, code);
    }
}

#[test]
fn a_variable_that_is_no_number_is_left_out_and_nothing_hangs() {
    let place = Place::new();
    place.write(
        "nan.wat",
        r#"(module (memory (export "memory") 1)
          (global $g (export "g") (mut f64) (f64.const 0))
          (global $n (export "n") (mut i32) (i32.const 0))
          (func (export "_start")
            (global.set $n (i32.const 5))
            (global.set $g (f64.const nan))
            (global.set $g (f64.const inf))))"#,
    );
    place.write("in/a", "");
    place
        .fathom(["profile", "nan.wat", "in", "--timeout", "5s"])
        .assert()
        .success();
    let (_, shown, _) = printed(&mut place.fathom(["traces", "show", "1"]));
    assert!(
        shown.contains("set:n") && !shown.contains("set:g"),
        "{shown}"
    );
}

#[test]
fn a_growth_refused_by_the_guest_itself_is_told_from_the_limit() {
    let place = Place::new();
    place.write(
        "own.wat",
        r#"(module (memory (export "memory") 1 2) (func (export "_start")
          (if (i32.eq (memory.grow (i32.const 5)) (i32.const -1)) (then (unreachable)))))"#,
    );
    let (code, _, stderr) = printed(&mut place.fathom(["run", "own.wat"]));
    assert_eq!(code, 137, "{stderr}");
    assert!(
        stderr.contains("what the guest itself or the system allows is 128.0 KiB"),
        "{stderr}"
    );
}

/// 1 MiB pays for the name of a file, 4 KiB, and for 15 writes of 64 KiB. Nothing is left of it afterwards.
#[test]
fn a_guest_that_fills_its_scratch_directory_is_told_that_the_disk_is_full() {
    let place = Place::new();
    let guest = wat("hostile/fills-the-disk");
    let temporary = place.path("temporary");
    std::fs::create_dir(&temporary).expect("a folder");
    let mut command = place.fathom(["run", &guest, "--scratch", "1MiB"]);
    let (code, _, stderr) = printed(command.env("TMPDIR", &temporary));
    assert_eq!(code, 15, "{stderr}");
    let mut command = place.fathom([
        "profile",
        &guest,
        "--scratch",
        "1MiB",
        "--sweep",
        "n=1,2",
        "--",
        "{n}",
    ]);
    let (_, screen, stderr) = printed(command.env("TMPDIR", &temporary));
    assert!(screen.contains("exited with code 15"), "{screen}{stderr}");
    assert_eq!(std::fs::read_dir(&temporary).expect("a folder").count(), 0);
    assert_eq!(
        run("fills-the-disk", &[]).0,
        100,
        "without a scratch directory there is none"
    );
}

/// Ways to occupy more than is paid for: 256 KiB pay for the name of a file and for so many rounds of each.
#[test]
fn holes_and_lists_that_run_out_of_memory_are_paid_for() {
    let prelude = r#"
      (import "wasi_snapshot_preview1" "path_open"
        (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func $fd_write (param i32 i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_pwrite" (func $fd_pwrite (param i32 i32 i32 i64 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_seek" (func $fd_seek (param i32 i64 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "proc_exit" (func $proc_exit (param i32)))
      (memory (export "memory") 2)
      (data (i32.const 8) "\00\00\01\00\01\00\00\00file") ;; a byte at 64 KiB
      (data (i32.const 131064) "\00\00\00\00\00\00\01\00") ;; 64 KiB at 0, in the last bytes of memory
      (func (export "_start") (local $fd i32) (local $rounds i32) (local $at i64)
        (if (call $path_open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4)
              (i32.const 1) (i64.const 68) (i64.const 0) (i32.const 0) (i32.const 4))
          (then unreachable))
        (local.set $fd (i32.load (i32.const 4)))
        (loop $again
          (local.set $at (i64.add (local.get $at) (i64.const 65536)))"#;
    let epilogue = "
          (if (i32.eqz) (then
            (local.set $rounds (i32.add (local.get $rounds) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $rounds) (i32.const 200))))))
        (call $proc_exit (local.get $rounds)))";
    let pwrite = "(call $fd_pwrite (local.get $fd) (i32.const 8) (i32.const 1) (local.get $at) (i32.const 0))";
    let seek = "(drop (call $fd_seek (local.get $fd) (local.get $at) (i32.const 0) (i32.const 24)))
        (call $fd_write (local.get $fd) (i32.const 8) (i32.const 1) (i32.const 0))";
    let list = "(call $fd_write (local.get $fd) (i32.const 131064) (i32.const 2) (i32.const 0))";
    for (way, rounds) in [(pwrite, 62), (seek, 62), (list, 3)] {
        let place = Place::new();
        place.write("guest.wat", format!("(module {prelude} {way} {epilogue})"));
        let (code, _, stderr) =
            printed(&mut place.fathom(["run", "guest.wat", "--scratch", "256KiB"]));
        assert_eq!(code, rounds, "{way}: {stderr}");
    }
}

/// It makes files until it is ended, also while they are being removed.
#[test]
fn a_guest_that_fills_its_scratch_directory_until_the_deadline_leaves_nothing() {
    let place = Place::new();
    let temporary = place.path("temporary");
    std::fs::create_dir(&temporary).expect("a folder");
    place.write(
        "guest.wat",
        r#"(module
          (import "wasi_snapshot_preview1" "path_open"
            (func $path_open (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "fd_close" (func $fd_close (param i32) (result i32)))
          (memory (export "memory") 1)
          (func (export "_start") (local $n i32)
            (loop $again
              (local.set $n (i32.add (local.get $n) (i32.const 1)))
              (i32.store (i32.const 16)
                (i32.or (i32.const 0x61616161) (i32.and (local.get $n) (i32.const 0x0e0e0e0e))))
              (if (i32.eqz (call $path_open (i32.const 3) (i32.const 0) (i32.const 16) (i32.const 4)
                    (i32.const 1) (i64.const 64) (i64.const 0) (i32.const 0) (i32.const 4)))
                (then (drop (call $fd_close (i32.load (i32.const 4))))))
              (br $again))))"#,
    );
    let flags = ["guest.wat", "--scratch", "1GiB", "--timeout", "200ms"];
    let mut command = place.fathom(["run"].iter().chain(&flags));
    assert_eq!(printed(command.env("TMPDIR", &temporary)).0, 124);
    let mut command = place.fathom(["profile"].iter().chain(&flags));
    printed(
        command
            .env("TMPDIR", &temporary)
            .args(["--sweep", "n=1,2", "--", "{n}"]),
    );
    assert_eq!(std::fs::read_dir(&temporary).expect("a folder").count(), 0);
    let both = ["run", "guest.wat", "--scratch", "1MiB", "--dir", ".::/tmp"];
    let (code, _, stderr) = printed(&mut place.fathom(both));
    assert!(
        code == 125 && stderr.contains("`/tmp` is where"),
        "{stderr}"
    );
}
