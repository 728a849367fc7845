//! Sandboxes that make several calls: only where the manifest says so, and never at the cost of a call.

use super::{Answer, Server, function, hello, start, written};
use crate::support::{Place, wat};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

/// Fails where it is asked for 99 pages, grows by as many where not, and says the how manieth call that was in this memory.
const COUNTS: &str = r#"(module
    (memory (export "memory") 1)
    (global $calls (mut i32) (i32.const 0))
    (func (export "grow") (param $pages i32) (result i32)
        (if (i32.eq (local.get $pages) (i32.const 99)) (then unreachable))
        (global.set $calls (i32.add (global.get $calls) (i32.const 1)))
        (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))
        (global.get $calls)))"#;

const PAGE: u64 = 65_536;

fn counting(manifest: &str, args: &[&str]) -> Server {
    let place = Place::new();
    written(
        &place,
        "counts",
        COUNTS,
        &format!("invoke = \"grow\"\n{manifest}"),
    );
    start(place, args)
}

/// What it answers, and its record.
fn grow(server: &Server, pages: i32) -> (Answer, Value) {
    let answer = server.ask("POST", "/function/counts", format!("[{pages}]"));
    let record = server.record(answer.field("x-call-id").expect("an id"));
    (answer, record)
}

#[test]
fn a_sandbox_makes_as_many_calls_as_it_may_and_then_a_fresh_one_does() {
    let server = counting("[serve]\nreuse = 3\n", &[]);
    let mut seen = BTreeSet::new();
    for _ in 0..24 {
        let (answer, record) = grow(&server, 2);
        assert_eq!(answer.status, 200, "{}", answer.body);
        // The guest's own count is what the record says.
        let before: u64 = answer.body.trim().parse::<u64>().expect("a number") - 1;
        assert_eq!(record["served"]["reused"], before);
        // Each call has what the ones before have left, and what it has grown by.
        let begins = (1 + 2 * before) * PAGE;
        assert_eq!(record["committed_start"], begins, "{record}");
        assert_eq!(record["needed_bytes"], begins + 2 * PAGE, "{record}");
        seen.insert(before);
    }
    assert_eq!(seen, BTreeSet::from([0, 1, 2]));
    let reused = server.metric("fathom_reused_sandbox_calls_total{function=\"counts\"}");
    assert!(reused.is_some_and(|reused| reused >= 6.0), "{reused:?}");
}

#[test]
fn a_sandbox_in_which_a_call_failed_makes_no_other() {
    let server = counting("[serve]\nreuse = 100\n", &[]);
    let mut failed_in_used = 0;
    for _ in 0..8 {
        grow(&server, 0);
        let (answer, record) = grow(&server, 99);
        assert_eq!(answer.status, 500, "{}", answer.body);
        // Some calls are made in a fresh one, to be learned from, while a used one waits.
        if record["served"]["sized_by"] == "replay" {
            // It is made once more in a fresh one, and fails there too.
            assert_eq!(record["served"]["reused"], 0);
            failed_in_used += 1;
            let (answer, _) = grow(&server, 0);
            assert_eq!(answer.body.trim(), "1");
        }
    }
    assert!(failed_in_used > 0);
}

#[test]
fn a_call_that_finds_no_room_beside_what_was_left_is_made_in_a_fresh_sandbox() {
    // Sixteen pages; one, and ten, and ten are more.
    let server = counting("memory = \"1 MiB\"\n[serve]\nreuse = 100\n", &[]);
    let mut again = 0;
    for _ in 0..8 {
        let (answer, record) = grow(&server, 10);
        assert_eq!((answer.status, answer.body.trim()), (200, "1"));
        assert_eq!(record["needed_bytes"], 11 * PAGE);
        again += u32::from(record["served"]["sized_by"] == "replay");
    }
    assert!(again > 0);
}

#[test]
fn what_a_waiting_sandbox_holds_is_for_whoever_needs_it() {
    // Where nobody may wait, too.
    for queue in ["1000", "0"] {
        gives_way(queue);
    }
}

fn gives_way(queue: &str) {
    // Of ten MiB, nearly eight wait with a sandbox; the other function's calls are granted four.
    let server = counting(
        "memory = \"9 MiB\"\n[serve]\nreuse = 100\nsize_by = \"setting\"\n",
        &["--memory", "10 MiB", "--patience", "2", "--queue", queue],
    );
    let wasm = std::fs::read(wat("exact-allocations")).expect("the module");
    let manifest = "[function]\nmemory = \"4 MiB\"\n[serve]\nsize_by = \"setting\"\n";
    server.place.write("functions/other/guest.wat", wasm);
    server.place.write(
        "functions/other/fathom.toml",
        manifest.replace(
            "[function]",
            "[function]\nname = \"other\"\nmodule = \"guest.wat\"",
        ),
    );
    server.becomes(
        || server.ask("GET", "/api/v1/functions/other", "").status == 200,
        || server.said(),
    );
    let granted = || server.metric("fathom_budget_granted_bytes");
    server.becomes(
        || {
            assert_eq!(grow(&server, 120).0.status, 200);
            granted().is_some_and(|granted| granted > (120 * PAGE) as f64)
        },
        || server.metrics(),
    );
    assert_eq!(server.metric("fathom_sandboxes_waiting"), Some(1.0));
    let answer = server.ask("POST", "/function/other", "a\n");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(granted(), Some(0.0));
    assert_eq!(server.metric("fathom_sandboxes_waiting"), Some(0.0));
}

#[test]
fn nothing_is_learned_from_what_other_calls_have_left() {
    let server = counting("[serve]\nreuse = 1000\n", &[]);
    let mut most = 0;
    for _ in 0..100 {
        let (_, record) = grow(&server, 2);
        most = most.max(record["needed_bytes"].as_u64().expect("bytes"));
    }
    // What was left has grown beyond what any call needs by itself, which is three pages.
    assert!(most > 60 * PAGE, "{most}");
    let recommended = || {
        let described = server.ask("GET", "/api/v1/functions/counts", "").json();
        described["recommended_bytes"].as_u64()
    };
    server.becomes(
        || recommended().is_some(),
        || "nothing was learned".to_owned(),
    );
    let recommended = recommended().expect("bytes");
    assert!(
        (3 * PAGE..=16 * PAGE).contains(&recommended),
        "{recommended}"
    );
    // Neither is it granted to a call in a fresh sandbox.
    let granted = || {
        let (_, record) = grow(&server, 2);
        let served = &record["served"];
        let is_sized = served["reused"] == 0 && served["sized_by"] != "setting";
        is_sized.then(|| served["granted_first"].as_u64().expect("bytes"))
    };
    let granted = (0..50).find_map(|_| granted()).expect("a fresh sandbox");
    assert!(granted <= 24 * PAGE, "{granted}");
}

#[test]
fn a_component_answers_several_requests_in_one_sandbox() {
    let place = Place::new();
    function(&place, "hello", &hello(), "[serve]\nreuse = 8\n");
    let server = start(place, &[]);
    let mut reused = 0;
    for number in 0..12 {
        let body = format!("body {number}");
        let answer = server.ask("POST", "/function/hello/echo", &body);
        assert_eq!((answer.status, &answer.body), (200, &body));
        let record = server.record(answer.field("x-call-id").expect("an id"));
        assert_eq!(record["bytes_out"], body.len());
        reused += u64::from(record["served"]["reused"].as_u64() > Some(0));
    }
    assert!(reused >= 6, "{reused}");
    assert_eq!(server.ask("GET", "/function/hello/trap", "").status, 500);
    assert_eq!(server.ask("GET", "/function/hello/", "").status, 200);
}

/// What it has of the request would be in nobody's account, or it would go on answering while another call is made.
#[test]
fn a_sandbox_that_still_has_something_of_the_request_makes_no_other_call() {
    let place = Place::new();
    function(&place, "hello", &hello(), "[serve]\nreuse = 100\n");
    let server = start(place, &[]);
    for (path, answers) in [("keep", "kept\n"), ("open", "")] {
        let begun = Instant::now();
        // Some calls have a fresh sandbox, to be learned from.
        let mut in_used = false;
        while !in_used {
            server.ask("GET", "/function/hello/", "");
            let answer = server.ask("POST", &format!("/function/hello/{path}"), "a body");
            assert_eq!((answer.status, answer.body.as_str()), (200, answers));
            let record = server.record(answer.field("x-call-id").expect("an id"));
            assert_eq!(record["outcome"], "succeeded", "{record}");
            in_used = record["served"]["reused"].as_u64() > Some(0);
        }
        assert_eq!(
            server.metric("fathom_sandboxes_waiting"),
            Some(0.0),
            "{path}"
        );
        // Not only because it has waited for nothing, and has gone then.
        assert!(begun.elapsed() < Duration::from_secs(8), "{path}");
    }
}

#[test]
fn a_program_is_run_once_for_each_call() {
    let place = Place::new();
    let reuse = "[serve]\nreuse = 2\n";
    function(&place, "program", &wat("exact-allocations"), reuse);
    function(&place, "hello", &hello(), "");
    let cgi = "invoke = \"grow\"\n[serve]\nreuse = 2\nprotocol = \"cgi\"\n";
    written(&place, "remembers", COUNTS, cgi);
    let server = start(place, &[]);
    server.says("serve.reuse is for components that answer requests and for reactors");
    server.says("protocol `cgi` and serve.reuse do not go together");
    assert_eq!(server.ask("POST", "/function/program", "").status, 404);
}
