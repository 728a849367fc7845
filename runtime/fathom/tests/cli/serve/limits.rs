//! Every limit, and the answer at it.

use super::{Server, function, hello, server, start, written};
use crate::{
    browser::chromium,
    support::{Place, wat},
    tools,
};
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

fn with(guest: &str, manifest: &str, args: &[&str]) -> Server {
    let place = Place::new();
    function(&place, "guest", guest, manifest);
    start(place, args)
}

#[test]
fn bodies_are_no_longer_than_they_may_be() {
    let server = with(&wat("exact-allocations"), "", &["--body", "1000 B"]);
    assert_eq!(
        server
            .ask("POST", "/function/guest", vec![b'\n'; 1000])
            .status,
        200
    );
    let answer = server.ask("POST", "/function/guest", vec![b'\n'; 1001]);
    assert_eq!(answer.status, 413, "{}", answer.body);
    assert!(
        answer.body.contains("the 1000 bytes that it may be"),
        "{}",
        answer.body
    );
    // Also where the length is not said, and comes in tiny pieces.
    let pieces = "1\r\nx\r\n".repeat(1001);
    let request = format!(
        "POST /function/guest HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n{pieces}0\r\n\r\n"
    );
    let said = server.send(request.as_bytes());
    assert!(said.starts_with("HTTP/1.1 413"), "{said}");
}

#[test]
fn heads_are_no_longer_than_they_may_be() {
    let server = server();
    let long = "x".repeat(100_000);
    let said = server.send(
        format!("GET /healthz HTTP/1.1\r\nhost: localhost\r\nlong: {long}\r\n\r\n").as_bytes(),
    );
    assert!(said.starts_with("HTTP/1.1 431"), "{said}");
    let said = server.send(b"no request at all\r\n\r\n");
    assert!(said.starts_with("HTTP/1.1 400"), "{said}");
    assert_eq!(server.ask("GET", "/healthz", "").status, 200);
}

#[test]
fn who_is_slow_is_not_waited_for() {
    let server = with(
        &wat("exact-allocations"),
        "",
        &["--head-timeout", "300ms", "--body-timeout", "300ms"],
    );
    for begun in [
        "GET /healthz HTTP/1.1\r\nhost:",
        "POST /function/guest HTTP/1.1\r\nhost: localhost\r\ncontent-length: 9\r\n\r\nabc",
    ] {
        let started = Instant::now();
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(begun.as_bytes()).unwrap();
        let mut said = String::new();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream.read_to_string(&mut said).unwrap();
        assert!(
            said.is_empty() || said.starts_with("HTTP/1.1 408"),
            "{said}"
        );
        assert!(started.elapsed() < Duration::from_secs(10));
    }
    assert_eq!(server.ask("GET", "/healthz", "").status, 200);
}

/// It would write for a minute, and nobody reads.
#[test]
fn who_does_not_read_is_not_waited_for() {
    let server = with(
        &hello(),
        "[limits]\noutput = \"100 GiB\"\ntimeout = \"60 s\"\n",
        &["--body-timeout", "300ms"],
    );
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let request =
        b"GET /function/guest/endless HTTP/1.1\r\nhost: localhost\r\nx-call-id: unread\r\n\r\n";
    stream.write_all(request).unwrap();
    // Stopped, or ended by itself when it could not write any more: either may come first.
    let record = server.record("unread");
    assert_ne!(record["outcome"], "timed_out", "{record}");
    assert!(
        record["wall"].as_u64().unwrap() < 50_000_000_000,
        "{record}"
    );
}

#[test]
fn answers_are_no_longer_than_they_may_be() {
    let writes = with(
        &wat("hostile/writes-without-end"),
        "[limits]\noutput = \"1 MiB\"\n",
        &[],
    );
    let answer = writes.ask("GET", "/function/guest", "");
    assert_eq!(answer.status, 500);
    assert!(
        answer
            .body
            .contains("more than the 1048576 bytes of output"),
        "{}",
        answer.body
    );

    let endless = with(
        &hello(),
        "[limits]\noutput = \"1 MiB\"\ntimeout = \"5 s\"\n",
        &[],
    );
    let said = endless.send(
        b"GET /function/guest/endless HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n",
    );
    assert!(said.len() < 2 << 20, "{}", said.len());
    assert!(!said.ends_with("0\r\n\r\n"), "it broke off");
    assert_eq!(endless.ask("GET", "/function/guest", "").status, 200);
}

/// Two MiB for all bodies and all output together: an eighth of the memory.
#[test]
fn what_is_printed_has_its_room_beside_that_of_others() {
    let server = with(
        &wat("hostile/writes-without-end"),
        "[limits]\nmemory = \"1 MiB\"\n",
        &["--memory", "16 MiB", "--body", "64 KiB"],
    );
    // Again and again: what was taken is given back.
    for _ in 0..3 {
        let answer = server.ask("GET", "/function/guest", "");
        assert_eq!(answer.status, 500);
        assert!(
            answer.body.contains("no room for its output"),
            "{}",
            answer.body
        );
    }
}

#[test]
fn no_more_calls_than_allowed_run_and_the_others_are_told_when_to_come_again() {
    let server = with(
        &wat("hostile/sleeps-for-a-year"),
        "[limits]\ntimeout = \"6 s\"\n[serve]\ncalls = 2\n",
        &[],
    );
    thread::scope(|scope| {
        let first: Vec<_> = (0..2)
            .map(|_| scope.spawn(|| server.ask("GET", "/function/guest", "")))
            .collect();
        server.becomes(
            || server.metric("fathom_calls_running{function=\"guest\"}") == Some(2.0),
            || "they do not run".to_owned(),
        );
        let answer = server.ask("GET", "/function/guest", "");
        assert_eq!(answer.status, 429, "{}", answer.body);
        assert_eq!(answer.field("retry-after"), Some("1"));
        for call in first {
            let answer = call.join().unwrap();
            assert_eq!(answer.status, 504, "stuck in a host call: {}", answer.body);
        }
    });
    let answer = server.ask("GET", "/function/guest", "");
    assert_eq!(answer.status, 504);
}

#[test]
fn no_more_calls_than_allowed_wait() {
    let manifest = "[limits]\ntimeout = \"6 s\"\n";
    let server = with(
        &wat("hostile/sleeps-for-a-year"),
        manifest,
        &[
            "--calls",
            "1",
            "--workers",
            "9",
            "--queue",
            "1",
            "--patience",
            "500ms",
        ],
    );
    thread::scope(|scope| {
        let running = scope.spawn(|| server.ask("GET", "/function/guest", ""));
        server.becomes(
            || server.metric("fathom_calls_running{function=\"guest\"}") == Some(1.0),
            || "it does not run".to_owned(),
        );
        let waiting = scope.spawn(|| server.ask("GET", "/function/guest", ""));
        server.becomes(
            || server.metric("fathom_calls_waiting") == Some(1.0) || waiting.is_finished(),
            || "it does not wait".to_owned(),
        );
        let answer = waiting.join().unwrap();
        assert_eq!(answer.status, 503, "{}", answer.body);
        assert_eq!(answer.field("retry-after"), Some("1"));
        assert_eq!(running.join().unwrap().status, 504);
    });
}

#[test]
fn there_are_no_more_connections_than_allowed() {
    let server = with(&wat("exact-allocations"), "", &["--connections", "3"]);
    let held: Vec<TcpStream> = (0..3)
        .map(|_| {
            let mut stream = TcpStream::connect(&server.address).unwrap();
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
                .unwrap();
            let mut buffer = [0; 16];
            stream.read_exact(&mut buffer).unwrap();
            stream
        })
        .collect();
    let answer = server.ask("GET", "/healthz", "");
    assert_eq!(answer.status, 503, "{}", answer.body);
    drop(held);
    server.becomes(
        || {
            let answer = server.try_ask("GET", "/healthz", &[], "");
            answer.is_some_and(|answer| answer.status == 200)
        },
        || "the places did not come back".to_owned(),
    );
}

#[test]
fn a_hello_is_quick_while_others_loop() {
    let place = Place::new();
    function(
        &place,
        "loops",
        &wat("hostile/loops-for-ever"),
        "[limits]\ntimeout = \"8 s\"\n",
    );
    function(&place, "hello", &hello(), "");
    let server = start(place, &[]);
    server.ask("GET", "/function/hello", "");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| server.ask("GET", "/function/loops", ""));
        }
        server.becomes(
            || server.metric("fathom_calls_running{function=\"loops\"}") == Some(4.0),
            || "they do not run".to_owned(),
        );
        // How quick is measured in the benchmark; that it comes before the loops end, here.
        let answer = server.ask("GET", "/function/hello", "");
        assert_eq!(answer.status, 200);
        assert_eq!(
            server.metric("fathom_calls_running{function=\"loops\"}"),
            Some(4.0)
        );
    });
}

#[test]
fn tables_count_as_memory() {
    let grows = r#"(module
        (memory (export "memory") 1)
        (table $t 1 funcref)
        (func (export "_start")
            (if (i32.eq (table.grow $t (ref.null func) (i32.const 50000)) (i32.const -1)) (then unreachable))))"#;
    let place = Place::new();
    written(&place, "large", grows, "memory = \"1 MiB\"\n");
    written(&place, "small", grows, "memory = \"256 KiB\"\n");
    let server = start(place, &[]);
    assert_eq!(server.ask("GET", "/function/large", "").status, 200);
    let answer = server.ask("GET", "/function/small", "");
    assert_eq!(
        answer.field("x-fathom-outcome"),
        Some("limited"),
        "{}",
        answer.body
    );
}

/// Seven tenths of a MiB of tables, and a page of memory, in a budget of one: beside what every call takes it does not fit.
#[test]
fn tables_that_a_guest_begins_with_are_in_the_budget() {
    let place = Place::new();
    for (name, elements) in [("few", 1), ("many", 95_000)] {
        let guest = format!(
            r#"(module (memory (export "memory") 1) (table {elements} funcref) (func (export "_start")))"#
        );
        written(&place, name, &guest, "memory = \"64 KiB\"\n");
    }
    let server = start(place, &["--memory", "1 MiB", "--body", "1 KiB"]);
    assert_eq!(server.ask("GET", "/function/few", "").status, 200);
    let answer = server.ask("GET", "/function/many", "");
    assert_eq!(answer.status, 507, "{}", answer.body);
}

/// A page whose script asks the control plane for what it knows.
const PAGE: &str = "content-type: text/html\n\n<body><script>\
    fetch('/api/v1/functions').then(answer => answer.text())\
    .then(text => document.body.append('HAS READ ' + text), () => document.body.append('CANNOT'))\
    </script>";

#[test]
fn the_script_of_a_page_that_a_function_answers_is_not_this_servers() {
    if !tools::present(&["chromium"]) {
        return;
    }
    let length = PAGE.len();
    let text = PAGE.replace('\n', "\\n");
    let guest = format!(
        r#"(module
            (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
            (memory (export "memory") 1)
            (data (i32.const 16) "{text}")
            (func (export "_start")
                (i32.store (i32.const 0) (i32.const 16))
                (i32.store (i32.const 4) (i32.const {length}))
                (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
    );
    let place = Place::new();
    let cgi = "[serve]\nprotocol = \"cgi\"\n";
    written(&place, "page", &guest, cgi);
    let granted = format!("{cgi}[grants]\nsame_origin = true\n");
    written(&place, "granted", &guest, &granted);
    let server = start(place, &[]);
    for (name, sees) in [("page", "CANNOT"), ("granted", "HAS READ")] {
        let url = format!("http://{}/function/{name}", server.address);
        let more = ["--dump-dom", "--virtual-time-budget=10000"];
        let page = chromium(&server.place.path(name), &url, &more);
        let page = String::from_utf8_lossy(&page);
        let (_, after) = page.split_once("</script>").expect("the page");
        assert!(after.contains(sees), "{name}: {page}");
    }
}
