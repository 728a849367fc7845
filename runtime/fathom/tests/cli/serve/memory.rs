//! Memory shared among calls: granted by what is predicted, never more in all than there is.

use super::{Server, function, hello, recording::again, start, written};
use crate::support::Place;
use serde_json::Value;
use std::thread;

/// Grows by as many pages as the body says, and holds them for a while.
const HOLDS: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (func (export "_start") (local $pages i32) (local $at i32)
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (i32.const 8))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (local.set $at (i32.const 64))
        (block $end
            (loop $digit
                (br_if $end (i32.lt_u (i32.load8_u (local.get $at)) (i32.const 48)))
                (local.set $pages (i32.add (i32.mul (local.get $pages) (i32.const 10))
                    (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $digit)))
        (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))
        ;; A subscription to the monotonic clock: from now 2 s where it is many pages, 1 ms where it is few.
        (i32.store (i32.const 112) (i32.const 1))
        (i64.store (i32.const 120) (select (i64.const 2000000000) (i64.const 1000000)
            (i32.ge_u (local.get $pages) (i32.const 10))))
        (drop (call $poll (i32.const 96) (i32.const 256) (i32.const 1) (i32.const 320)))))"#;

fn holding(manifest: &str, args: &[&str]) -> Server {
    let place = Place::new();
    written(&place, "holds", HOLDS, manifest);
    start(place, args)
}

#[test]
fn what_does_not_fit_beside_others_waits() {
    // Ten MiB in all, nine for admission; each is granted four and its overhead: two run, the third waits.
    let server = holding(
        "memory = \"4 MiB\"\n",
        &["--memory", "10 MiB", "--size-by", "setting"],
    );
    let answers: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| server.ask("POST", "/function/holds", "10\n")))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let records: Vec<Value> = answers
        .iter()
        .map(|answer| {
            assert_eq!(answer.status, 200, "{}", answer.body);
            server.record(answer.field("x-call-id").expect("an id"))
        })
        .collect();
    let waited = |record: &&Value| record["served"]["queued"].as_u64().expect("ns") > 500_000_000;
    assert_eq!(records.iter().filter(waited).count(), 2, "{records:?}");
    for record in &records {
        assert_eq!(record["needed_bytes"], 11 * 65_536);
    }
    assert_eq!(server.metric("fathom_budget_granted_bytes"), Some(0.0));
}

#[test]
fn what_never_fits_is_said_to() {
    let server = holding("memory = \"64 MiB\"\n", &["--memory", "8 MiB"]);
    let answer = server.ask("POST", "/function/holds", "1\n");
    assert_eq!(answer.status, 507, "{}", answer.body);
    assert!(
        answer.body.contains("all calls together have 8.0 MiB"),
        "{}",
        answer.body
    );
}

/// So many calls with small needs that calls are sized by what was learned.
fn taught(server: &Server, path: &str) {
    for _ in 0..6 {
        assert_eq!(server.ask("POST", path, "3\n").status, 200);
    }
    server.becomes(
        || {
            server.ask("POST", path, "3\n");
            server
                .metric("fathom_memory_recommended_bytes{function=\"holds\"}")
                .is_some()
        },
        || "nothing was recommended".to_owned(),
    );
}

#[test]
fn calls_are_granted_what_was_learned_and_more_when_they_need_it() {
    let server = holding("memory = \"64 MiB\"\n", &["--memory", "100 MiB"]);
    taught(&server, "/function/holds");
    let answer = server.ask("POST", "/function/holds", "3\n");
    let record = server.record(answer.field("x-call-id").expect("an id"));
    assert_eq!(record["served"]["sized_by"], "recommendation");
    let granted = record["served"]["granted_first"].as_u64().expect("bytes");
    assert!(granted < 1 << 20, "{record}");
    assert_eq!(record["served"]["mispredicted"], false);

    let answer = server.ask("POST", "/function/holds", "300\n");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let record = server.record(answer.field("x-call-id").expect("an id"));
    assert_eq!(record["served"]["mispredicted"], true);
    assert!(
        record["served"]["granted"].as_u64().expect("bytes") >= 301 * 65_536,
        "{record}"
    );
    assert_eq!(
        server.metric("fathom_mispredictions_total{function=\"holds\"}"),
        Some(1.0)
    );
}

#[test]
fn who_was_predicted_wrongly_is_made_again_with_all_it_may_need() {
    // 40 MiB in all. Two calls that are predicted to need little need 25 each: one is stopped and made again.
    let server = holding("memory = \"26 MiB\"\n", &["--memory", "40 MiB"]);
    taught(&server, "/function/holds");
    let answers: Vec<_> = thread::scope(|scope| {
        let calls: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| server.ask("POST", "/function/holds", "400\n")))
            .collect();
        calls.into_iter().map(|call| call.join().unwrap()).collect()
    });
    let mut replayed = 0;
    for answer in &answers {
        assert_eq!(answer.status, 200, "{}", answer.body);
        let record = server.record(answer.field("x-call-id").expect("an id"));
        assert_eq!(record["needed_bytes"], 401 * 65_536);
        replayed += u64::from(record["served"]["sized_by"] == "replay");
    }
    assert!(replayed >= 1, "none was made again");
    assert_eq!(server.metric("fathom_budget_granted_bytes"), Some(0.0));
}

#[test]
fn a_component_that_has_asked_others_is_not_made_again() {
    // It is answered 507 rather than heard twice. Here it has asked nobody, and is made again.
    let place = Place::new();
    written(&place, "holds", HOLDS, "memory = \"26 MiB\"\n");
    function(&place, "hello", &hello(), "memory = \"30 MiB\"\n");
    let server = start(place, &["--memory", "40 MiB"]);
    for _ in 0..6 {
        assert_eq!(server.ask("GET", "/function/hello", "").status, 200);
    }
    server.becomes(
        || {
            server.ask("GET", "/function/hello", "");
            server
                .metric("fathom_memory_recommended_bytes{function=\"hello\"}")
                .is_some()
        },
        || "nothing was recommended".to_owned(),
    );
    thread::scope(|scope| {
        let holding = scope.spawn(|| server.ask("POST", "/function/holds", "400\n"));
        server.becomes(
            || server.metric("fathom_budget_granted_bytes") > Some(26e6),
            || "it does not hold its memory".to_owned(),
        );
        let answer = server.ask("GET", "/function/hello/allocate/20000000", "");
        assert_eq!((answer.status, answer.body.as_str()), (200, "20000000\n"));
        let record = server.record(answer.field("x-call-id").expect("an id"));
        assert_eq!(record["served"]["sized_by"], "replay", "{record}");
        assert_eq!(holding.join().unwrap().status, 200);
    });
}

/// Writes to one byte in each of 1,280 pages of 4 KiB.
const TOUCHES: &str = r#"(module
    (memory (export "memory") 128)
    (func (export "_start") (local $at i32)
        (loop $next
            (i32.store8 (local.get $at) (i32.const 1))
            (local.set $at (i32.add (local.get $at) (i32.const 4096)))
            (br_if $next (i32.lt_u (local.get $at) (i32.const 5242880))))))"#;

#[test]
fn as_much_stays_in_memory_for_the_next_call_as_calls_have_touched() {
    let place = Place::new();
    written(&place, "touches", TOUCHES, "");
    let doctor = place.fathom(["doctor"]).output().expect("it runs");
    let counts =
        String::from_utf8_lossy(&doctor.stdout).contains("pages written to can be counted");
    let args = ["--calls", "8", "--memory", "1 GiB"];
    let server = start(place, &args);
    let keeps = |server: &Server| {
        server.ask("GET", "/api/v1/server", "").json()["slot_keeps_bytes"].clone()
    };
    assert_eq!(keeps(&server), 2 << 20);
    // Pages are counted where a call is traced deep, which is when the code for that has come.
    let mut seen = Vec::new();
    server.becomes(
        || {
            let answer = server.ask("POST", "/function/touches", "");
            assert_eq!(answer.status, 200, "{}", answer.body);
            let record = server.record(answer.field("x-call-id").expect("an id"));
            seen.push(record["touched"].clone());
            !record["touched"].is_null()
        },
        || "no call was traced deep".to_owned(),
    );
    let touched = seen.last().expect("a call");
    let server = again(server, &args);
    if counts {
        assert_eq!(touched["at_end"], 5 << 20, "{touched}");
        // Other calls have committed 8 MiB, and where they are many that is what counts.
        let keeps = keeps(&server).as_u64().expect("bytes");
        assert!([5 << 20, 8 << 20].contains(&keeps), "{keeps}");
    } else {
        assert_eq!(touched["kind"], "unavailable");
        println!("skipped: pages cannot be counted here");
    }
    // It is cleared all the same.
    assert_eq!(server.ask("POST", "/function/touches", "").status, 200);
}
