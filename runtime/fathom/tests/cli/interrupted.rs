//! Ctrl-C and worse: what was done is kept.

use crate::support::{Place, printed};
use rustix::process::{Pid, Signal, kill_process};
use std::{
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// Calls that take a while each: counting, 40 of them.
fn long_profile(place: &Place) -> Child {
    place.write(
        "count.wat",
        r#"(module
          (memory (export "memory") 1)
          (func (export "go") (param $n i32) (local $i i32)
            (loop $again
              (local.set $i (i32.add (local.get $i) (i32.const 1)))
              (i32.store (i32.const 0) (local.get $i))
              (br_if $again (i32.lt_u (local.get $i) (i32.const 400000000))))))"#,
    );
    Command::new(env!("CARGO_BIN_EXE_fathom"))
        .args([
            "profile",
            "count.wat",
            "--invoke",
            "go",
            "--sweep",
            "n=1..40",
            "--",
            "{n}",
        ])
        .current_dir(place.path("."))
        .env(
            "XDG_CACHE_HOME",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"),
        )
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts")
}

fn recorded(place: &Place) -> usize {
    let (code, csv, _) = printed(&mut place.fathom(["traces", "export", "--format", "csv"]));
    if code == 0 {
        csv.lines().count().saturating_sub(1)
    } else {
        0
    }
}

/// Waits until some calls are recorded, then ends the process with `signal`.
fn end_with(signal: Signal, place: &Place) -> (std::process::Output, usize) {
    let child = long_profile(place);
    let begun = Instant::now();
    while recorded(place) < 2 {
        assert!(
            begun.elapsed() < Duration::from_secs(60),
            "nothing is recorded"
        );
        sleep(Duration::from_millis(50));
    }
    let before = recorded(place);
    kill_process(Pid::from_child(&child), signal).expect("it is there");
    (child.wait_with_output().expect("it ends"), before)
}

#[test]
fn ctrl_c_keeps_every_finished_call_and_says_how_to_go_on() {
    let place = Place::new();
    let (output, before) = end_with(Signal::INT, &place);
    assert_eq!(output.status.code(), Some(130));
    let stderr = String::from_utf8_lossy(&output.stderr);
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        stderr.contains("of 40 calls are recorded") && stderr.contains("fathom report count:go"),
        "{stderr}"
    );
    assert!(
        stdout.contains("calls"),
        "the screen of what is there: {stdout}"
    );
    let after = recorded(&place);
    assert!((before..40).contains(&after), "{before} then {after}");
    assert!(stderr.contains("--resume"), "{stderr}");
}

#[test]
fn a_resumed_profile_makes_only_the_calls_that_are_missing() {
    let place = Place::new();
    place.lines(&[100, 200, 300]);
    let guest = crate::support::wat("exact-allocations");
    place
        .fathom(["profile", &guest, "lines"])
        .assert()
        .success();
    place.lines(&[400, 500, 600]);
    let profile = place.json(&["profile", &guest, "lines", "--resume", "--json"]);
    assert_eq!(profile["invocations"]["total"], 6);
    assert_eq!(recorded(&place), 6);
    let profile = place.json(&[
        "profile", &guest, "lines", "--resume", "--repeat", "2", "--json",
    ]);
    assert_eq!(profile["invocations"]["total"], 12);
    assert_eq!(profile["invocations"]["distinct_inputs"], 6);
}

#[test]
fn kill_9_loses_nothing_that_was_recorded_and_leaves_no_process_behind() {
    let place = Place::new();
    let (_, before) = end_with(Signal::KILL, &place);
    assert!(recorded(&place) >= before);
    let folder = std::fs::canonicalize(place.path(".")).expect("the folder");
    let begun = Instant::now();
    loop {
        let left = std::fs::read_dir("/proc")
            .expect("/proc")
            .flatten()
            .filter(|process| {
                std::fs::read_link(process.path().join("cwd")).is_ok_and(|cwd| cwd == folder)
            });
        if left.count() == 0 {
            break;
        }
        assert!(
            begun.elapsed() < Duration::from_secs(10),
            "a worker is left"
        );
        sleep(Duration::from_millis(50));
    }
}
