//! Calls of every kind of guest, and what is answered.

use super::{function, hello, server, start, written};
use crate::support::{Place, guest_example};
use std::fs;

#[test]
fn functions_are_called_counted_and_limited() {
    let server = server();
    assert_eq!(server.ask("GET", "/healthz", "").status, 200);
    assert_eq!(server.ask("GET", "/readyz", "").status, 200);

    let answer = server.ask("POST", "/function/exact-allocations", "a\nb\nc\n");
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.field("x-fathom-memory-needed-bytes"), Some("65536"));

    for _ in 0..2 {
        let answer = server.ask("POST", "/function/loops-for-ever", "");
        assert_eq!(answer.status, 504, "{}", answer.body);
        assert!(
            answer.body.contains("still running after 500.0 ms"),
            "{}",
            answer.body
        );
    }

    let too_much = "x\n".repeat(60_000);
    let answer = server.ask("POST", "/function/exact-allocations", &too_much);
    assert_eq!(answer.status, 500);
    assert_eq!(answer.field("x-fathom-outcome"), Some("limited"));
    assert!(
        answer.body.contains("the limit is 4.0 MiB"),
        "{}",
        answer.body
    );
    assert!(
        answer
            .body
            .contains("[function] memory of `exact-allocations` is 4.0 MiB"),
        "{}",
        answer.body
    );

    let answer = server.ask("POST", "/function/exact-alocations", "");
    assert_eq!(answer.status, 404);
    assert!(
        answer.body.contains("did you mean `exact-allocations`"),
        "{}",
        answer.body
    );

    let metrics = server.metrics();
    for line in [
        "fathom_invocations_total{function=\"exact-allocations\",outcome=\"succeeded\"} 1",
        "fathom_out_of_memory_total{function=\"exact-allocations\"} 1",
        "fathom_timeouts_total{function=\"loops-for-ever\"} 2",
        "fathom_memory_limit_bytes{function=\"exact-allocations\"} 4194304",
        "fathom_memory_live_bytes_count{function=\"exact-allocations\"} 1",
        "fathom_phase{function=\"exact-allocations\",phase=\"learning\"} 1",
        "fathom_rejected_total{reason=\"unknown\"} 1",
        "fathom_cold_starts_total{function=\"loops-for-ever\"} 1",
        "gateway_function_invocation_total{code=\"504\",function_name=\"loops-for-ever.openfaas-fn\"} 2",
    ] {
        assert!(metrics.contains(line), "no `{line}` in\n{metrics}");
    }
}

#[test]
fn what_a_served_guest_answers_is_what_it_answers_alone() {
    let place = Place::new();
    for name in ["circle-area", "line-reader", "word-count"] {
        function(
            &place,
            name,
            &guest_example(&format!("{name}/{name}.wasm")),
            "",
        );
    }
    let text = "one two\nthree\n".repeat(50);
    let alone = |name: &str, body: &str| {
        let guest = guest_example(&format!("{name}/{name}.wasm"));
        let output = place
            .fathom(["run", "--quiet", &guest])
            .write_stdin(body)
            .output();
        String::from_utf8(output.expect("it runs").stdout).expect("text")
    };
    let circle = r#"{"radius": 2.5}"#;
    let asked = [
        ("circle-area", circle),
        ("line-reader", &text),
        ("word-count", &text),
    ];
    let expected = asked.map(|(name, body)| alone(name, body));
    let server = start(place, &[]);
    for ((name, body), expected) in asked.into_iter().zip(expected) {
        let answer = server.ask("POST", &format!("/function/{name}"), body);
        assert_eq!(answer.status, 200, "{name}: {}", answer.body);
        assert_eq!(answer.body, expected, "{name}");
    }
}

#[test]
fn components_answer_requests_themselves() {
    let place = Place::new();
    function(&place, "hello", &hello(), "[limits]\nmemory = \"64 MiB\"\n");
    let server = start(place, &[]);
    let answer = server.ask("GET", "/function/hello", "");
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, "Hello, world!\n")
    );
    let answer = server.ask("PUT", "/function/hello/echo?a=b", "back");
    assert_eq!((answer.status, answer.body.as_str()), (200, "back"));

    // What it holds is recorded to the byte: a million, its allocator's own, and pages of 64 KiB.
    let answer = server.ask("GET", "/function/hello/allocate/1000000", "");
    assert_eq!(answer.body, "1000000\n");
    let record = server.record(answer.field("x-call-id").expect("an id"));
    let live = record["heap"]["peak"].as_u64().expect("live bytes");
    assert!((1_000_000..1_100_000).contains(&live), "{record}");
    assert_eq!(record["bytes_out"], 8);
    assert_eq!(record["served"]["status"], 200);

    let answer = server.ask("GET", "/function/hello/trap", "");
    assert_eq!(answer.status, 500);
    assert!(
        answer.body.contains("0: abort"),
        "the stack: {}",
        answer.body
    );

    let answer = server.ask("GET", "/function/hello/allocate/100000000", "");
    assert_eq!(answer.field("x-fathom-outcome"), Some("limited"));
    assert!(
        answer.body.contains("the limit is 64.0 MiB"),
        "{}",
        answer.body
    );

    // Nobody may be asked unless the manifest says so.
    let path = format!("/function/hello/fetch/{}/healthz", server.address);
    assert!(
        server
            .ask("GET", &path, "")
            .body
            .contains("HttpRequestDenied")
    );
}

#[test]
fn the_manifest_says_whom_a_guest_may_ask() {
    let place = Place::new();
    function(
        &place,
        "hello",
        &hello(),
        "[grants]\nhosts = [\"127.0.0.1:1\"]\n",
    );
    let server = start(place, &[]);
    let first = server.place.path("functions/hello/fathom.toml");
    let manifest = fs::read_to_string(&first).unwrap();
    fs::write(&first, manifest.replace("127.0.0.1:1", &server.address)).unwrap();
    server.says("/function/hello was changed");
    let path = format!("/function/hello/fetch/{}/healthz", server.address);
    assert_eq!(server.ask("GET", &path, "").body, "200\n");
}

/// A program that prints what the variables of CGI are.
const CGI: &str = r#"(module
    (import "wasi_snapshot_preview1" "environ_sizes_get" (func $sizes (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "environ_get" (func $environment (param i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 16) "status: 201\ncontent-type: text/x-env\n\n")
    (func (export "_start")
        (drop (call $sizes (i32.const 0) (i32.const 4)))
        (drop (call $environment (i32.const 8192) (i32.const 16384)))
        (i32.store (i32.const 1024) (i32.const 16))
        (i32.store (i32.const 1028) (i32.const 38))
        (i32.store (i32.const 1032) (i32.const 16384))
        (i32.store (i32.const 1036) (i32.load (i32.const 4)))
        (drop (call $write (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 8)))
        (drop (call $write (i32.const 1) (i32.const 1032) (i32.const 1) (i32.const 8)))))"#;

#[test]
fn programs_of_cgi_see_the_request_and_say_header_fields() {
    let place = Place::new();
    written(
        &place,
        "cgi",
        CGI,
        "env = { LEVEL = \"info\" }\n[serve]\nprotocol = \"cgi\"\n",
    );
    let server = start(place, &[]);
    let fields = [
        ("x-own", "a"),
        ("authorization", "Bearer secret"),
        ("content-type", "text/csv"),
    ];
    let answer = server.ask_with("PATCH", "/function/cgi/a%20b/c?d=e%20f", &fields, "12345");
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(answer.field("content-type"), Some("text/x-env"));
    for variable in [
        "REQUEST_METHOD=PATCH",
        "PATH_INFO=/a b/c",
        "QUERY_STRING=d=e%20f",
        "CONTENT_LENGTH=5",
        "CONTENT_TYPE=text/csv",
        "SCRIPT_NAME=/function/cgi",
        "HTTP_X_OWN=a",
        "LEVEL=info",
    ] {
        assert!(
            answer.body.split('\0').any(|found| found == variable),
            "{variable}: {}",
            answer.body
        );
    }
    assert!(!answer.body.contains("secret"), "{}", answer.body);
}

#[test]
fn exports_of_reactors_take_numbers_as_json() {
    let place = Place::new();
    let fib = r#"(module
        (func $fib (export "fib") (param $n i32) (result i64)
            (if (result i64) (i32.lt_s (local.get $n) (i32.const 2))
                (then (i64.extend_i32_s (local.get $n)))
                (else (i64.add
                    (call $fib (i32.sub (local.get $n) (i32.const 1)))
                    (call $fib (i32.sub (local.get $n) (i32.const 2))))))))"#;
    written(&place, "fib", fib, "invoke = \"fib\"\n");
    let server = start(place, &[]);
    let answer = server.ask("POST", "/function/fib", "[20]");
    assert_eq!((answer.status, answer.body.as_str()), (200, "6765\n"));
    assert_eq!(answer.field("content-type"), Some("application/json"));
    let answer = server.ask("POST", "/function/fib", "[1, 2]");
    assert_eq!(answer.status, 400);
    assert!(
        answer
            .body
            .contains("a JSON array of 1 numbers, but there are 2"),
        "{}",
        answer.body
    );
    assert_eq!(server.ask("POST", "/function/fib", "{").status, 400);
}

#[test]
fn a_slot_that_is_used_again_has_nothing_of_the_call_before() {
    // Writes a pattern over four pages, or says how much of it is there.
    let guest = r#"(module
        (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
        (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
        (memory (export "memory") 4)
        (func (export "_start") (local $at i32) (local $found i32)
            (i32.store (i32.const 0) (i32.const 64))
            (i32.store (i32.const 4) (i32.const 8))
            (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
            (local.set $at (i32.const 128))
            (loop $next
                (if (i32.load8_u (local.get $at)) (then (local.set $found (i32.const 1))))
                (i32.store8 (local.get $at) (i32.const 0xaa))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br_if $next (i32.lt_u (local.get $at) (i32.const 262144))))
            (i32.store8 (drop (memory.grow (i32.const 2))) (i32.const 0))
            (call $exit (local.get $found))))"#
        .replace("(i32.store8 (drop (memory.grow (i32.const 2))) (i32.const 0))", "(drop (memory.grow (i32.const 2)))");
    for keep in ["1 B", "64 KiB", "2 MiB"] {
        let place = Place::new();
        written(&place, "writes", &guest, "");
        let server = start(place, &["--calls", "1", "--keep-resident", keep]);
        for _ in 0..5 {
            let answer = server.ask("POST", "/function/writes", "x");
            assert_eq!(answer.status, 200, "{keep}: {}", answer.body);
        }
    }
}

#[test]
fn a_server_says_of_its_calls_when_it_ends() {
    let mut server = server();
    server.ask("POST", "/function/exact-allocations", "a\n");
    server.ask("POST", "/function/loops-for-ever", "");
    server.signal("INT");
    assert_eq!(server.wait(), Some(0));
    server.says("loops-for-ever            1       1");
    let said = server.said();
    let line = said
        .lines()
        .find(|line| line.starts_with("exact-allocations "))
        .expect("a line");
    assert!(
        line.contains("64.0 KiB / 64.0 KiB / 64.0 KiB / 64.0 KiB"),
        "{said}"
    );
}

#[test]
fn guests_see_nothing_of_the_machine() {
    let place = Place::new();
    written(&place, "environment", CGI, "");
    let server = start(place, &[]);
    let answer = server.ask("GET", "/function/environment", "");
    assert!(
        answer.body.ends_with("\n\n"),
        "an empty environment: {}",
        answer.body
    );
}
