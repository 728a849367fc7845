//! Records of calls: there at once, there for good, never in the way.

use super::{Server, function, launch, server, start};
use crate::support::{Place, guest_example, wat};
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::TcpStream,
    process::{Command, Stdio},
    thread,
};

#[test]
fn every_call_has_a_record_that_can_be_asked_for() {
    let server = server();
    let fields = [
        ("x-call-id", "my-own.id"),
        ("content-type", "secret-kind/plain; token=abc"),
    ];
    let answer = server.ask_with(
        "POST",
        "/function/exact-allocations",
        &fields,
        "secret-word\n",
    );
    assert_eq!(answer.field("x-call-id"), Some("my-own.id"));
    // At once, whether it is written or not.
    let at_once = server.ask("GET", "/api/v1/calls/my-own.id", "");
    assert_eq!(at_once.status, 200);
    let record = server.record("my-own.id");
    assert_eq!(record["outcome"], "succeeded");
    assert_eq!(record["bytes_in"], 12);
    assert_eq!(record["served"]["cold"], true);
    assert_eq!(record["served"]["dialect"], "http");
    let text = record.to_string();
    assert!(
        !text.contains("secret-") && !text.contains("token=abc"),
        "{text}"
    );

    server.ask("POST", "/function/loops-for-ever", "");
    let listed = server
        .ask("GET", "/api/v1/calls?outcome=timed_out", "")
        .json();
    assert_eq!(listed.as_array().map(Vec::len), Some(1), "{listed}");
    assert_eq!(listed[0]["function"], "loops-for-ever");
    assert_eq!(server.ask("GET", "/api/v1/calls/none", "").status, 404);
    let described = server
        .ask("GET", "/api/v1/functions/exact-allocations", "")
        .json();
    assert_eq!(described["calls"], 1);
    assert_eq!(described["phase"], "learning");
}

#[test]
fn what_is_recorded_is_what_profile_would_have_recorded() {
    let place = Place::new();
    let guest = guest_example("line-reader/line-reader.wasm");
    function(&place, "line-reader", &guest, "");
    place.lines(&[1_000, 70_000]);
    let profile = [
        "profile",
        "functions/line-reader",
        "lines",
        "--break",
        "input",
        "--heap",
        "off",
    ];
    place.fathom(profile).assert().success();
    let traces = place.json(&["traces", "export"]);
    let server = start(place, &[]);
    for count in [1_000usize, 70_000] {
        let answer = server.ask("POST", "/function/line-reader", "some text\n".repeat(count));
        let record = server.record(answer.field("x-call-id").expect("an id"));
        let label = format!("{count}.txt");
        let mut list = traces["traces"].as_array().expect("a list").iter();
        let before = list
            .find(|trace| trace["input"]["label"] == label.as_str())
            .expect("the call");
        for what in [
            "committed_peak",
            "growths",
            "heap",
            "bytes_in",
            "bytes_out",
            "outcome",
        ] {
            if what == "growths" {
                let to = |trace: &Value| -> Vec<Value> {
                    let growths = trace[what].as_array().expect("growths").iter();
                    growths.map(|growth| growth["to"].clone()).collect()
                };
                assert_eq!(to(&record), to(before));
                continue;
            }
            assert_eq!(record[what], before[what], "{what}");
        }
    }
}

#[test]
fn what_was_said_to_be_stored_survives_a_kill() {
    let mut server = server();
    let stored: BTreeSet<String> = thread::scope(|scope| {
        let calling = scope.spawn(|| {
            let mut made = 0;
            while server
                .try_ask("POST", "/function/exact-allocations", &[], "a\n")
                .is_some()
            {
                made += 1;
            }
            made
        });
        server.becomes(
            || server.metric("fathom_records_stored_total") > Some(50.0),
            || "nothing is stored".to_owned(),
        );
        let listed = server.ask("GET", "/api/v1/calls?limit=1000", "").json();
        let ids = listed.as_array().expect("a list").iter();
        let ids: Vec<String> = ids
            .filter_map(|call| call["id"].as_str().map(str::to_owned))
            .collect();
        let stored = ids.into_iter().filter(|id| {
            let answer = server.ask("GET", &format!("/api/v1/calls/{id}"), "");
            answer.json()["stored"] == true
        });
        let stored: BTreeSet<String> = stored.take(40).collect();
        // While it is busy.
        server.signal("KILL");
        assert!(calling.join().unwrap() > 50);
        stored
    });
    assert_eq!(stored.len(), 40);
    server.wait();
    let place = std::mem::replace(&mut server.place, Place::new());
    let server = start(place, &[]);
    for id in &stored {
        let answer = server.ask("GET", &format!("/api/v1/calls/{id}"), "");
        assert_eq!(
            (answer.status, &answer.json()["stored"]),
            (200, &Value::Bool(true)),
            "{id}"
        );
    }
}

#[test]
fn phases_are_seen_and_set() {
    let place = Place::new();
    let guest = guest_example("line-reader/line-reader.wasm");
    function(&place, "line-reader", &guest, "");
    let server = start(place, &[]);
    let path = "/api/v1/functions/line-reader/phase";
    let answer = server.ask("POST", path, "{\"phase\": \"selective\"}");
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert_eq!(
        server.ask("POST", path, "{\"phase\": \"asleep\"}").status,
        400
    );
    // Enough distinct inputs for a plan: then it is selective by itself.
    for step in 1..=100 {
        let answer = server.ask(
            "POST",
            "/function/line-reader",
            "some text\n".repeat(step * 700),
        );
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    // Those may have been made before the code was there that traces deep; others are of other lengths too.
    let mut lines = 50_000;
    server.becomes(
        || {
            lines += 500;
            server.ask(
                "POST",
                "/function/line-reader",
                "some text\n".repeat(lines % 50_000 + 700),
            );
            let described = server
                .ask("GET", "/api/v1/functions/line-reader", "")
                .json();
            described["phase"] == "selective"
        },
        || server.ask("GET", "/api/v1/functions/line-reader", "").body,
    );
    // A plan says what to watch; that single calls are sized by a model is learned beside it, and may come later.
    let mut lines = 50_000;
    server.becomes(
        || {
            lines += 500;
            let body = "some text\n".repeat(lines % 50_000 + 300);
            let answer = server.ask("POST", "/function/line-reader", body);
            let id = answer.field("x-call-id").expect("an id");
            // Whether it is written already or not: the next lesson is after 200 calls.
            let record = server.ask("GET", &format!("/api/v1/calls/{id}"), "");
            record.json()["served"]["sized_by"] == "model"
        },
        || "no call is sized by the model".to_owned(),
    );
    let answer = server.ask("POST", path, "{\"phase\": \"learning\"}");
    assert_eq!(answer.json()["phase"], "learning");
    // The next server knows of it.
    let server = again(server, &[]);
    let page = server.ask("GET", "/functions/line-reader", "").body;
    for why in ["a plan was learned", "somebody said so", "it was deployed"] {
        assert!(page.contains(why), "{why}: {page}");
    }
}

/// Stops a server and starts another one in its place.
pub(super) fn again(mut server: Server, args: &[&str]) -> Server {
    server.signal("INT");
    assert_eq!(server.wait(), Some(0), "{}", server.said());
    start(std::mem::replace(&mut server.place, Place::new()), args)
}

#[test]
fn calls_that_are_kept_no_longer_are_folded() {
    let server = server();
    for _ in 0..3 {
        server.ask("POST", "/function/exact-allocations", "a\n");
    }
    server.ask("POST", "/function/loops-for-ever", "");
    let server = again(server, &["--keep", "1ms"]);
    let history = |name: &str| {
        let path = format!("/api/v1/functions/{name}/history");
        server.ask("GET", &path, "").json()
    };
    server.becomes(
        || history("loops-for-ever")[0]["timed_out"] == 1,
        || history("loops-for-ever").to_string(),
    );
    let days = history("exact-allocations");
    assert_eq!(
        (&days[0]["calls"], &days[0]["failed"]),
        (&3.into(), &0.into())
    );
    let needed = json!({ "min": 65_536, "mean": 65_536.0, "max": 65_536 });
    assert_eq!(days[0]["needed_bytes"], needed);
    let url = format!("http://{}", server.address);
    let mut told = server
        .place
        .fathom(["describe", "exact-allocations", "--server", &url]);
    let told = String::from_utf8(told.output().unwrap().stdout).unwrap();
    let line = told.lines().find(|line| line.starts_with("Before"));
    assert!(
        line.is_some_and(|line| line.contains("3 calls since 2")),
        "{told}"
    );
    assert_eq!(
        server
            .ask("GET", "/api/v1/functions/none/history", "")
            .status,
        404
    );
}

#[test]
fn a_call_that_ends_with_the_server_has_a_record() {
    let place = Place::new();
    function(&place, "sleeps", &wat("hostile/sleeps-for-a-year"), "");
    let server = start(place, &["--drain", "200ms"]);
    let server = thread::scope(|scope| {
        let address = server.address.clone();
        scope.spawn(move || {
            let asked = Server::at(address);
            // Whatever comes of it.
            let _ = asked.try_ask("GET", "/function/sleeps", &[("x-call-id", "last")], "");
        });
        server.becomes(
            || server.metric("fathom_calls_running{function=\"sleeps\"}") == Some(1.0),
            || "it does not run".to_owned(),
        );
        again(server, &[])
    });
    let record = server.record("last");
    assert_eq!(record["failure"], "the server has stopped");
}

#[test]
fn who_follows_a_log_does_not_keep_the_server_from_stopping() {
    let place = Place::new();
    function(&place, "lines", &wat("exact-allocations"), "");
    // Longer than any test may take.
    let server = start(place, &["--drain", "3600s"]);
    let mut follower = TcpStream::connect(&server.address).unwrap();
    let request =
        b"GET /api/v1/functions/lines/logs?follow=true HTTP/1.1\r\nhost: localhost\r\n\r\n";
    follower.write_all(request).unwrap();
    let mut begin = [0; 12];
    follower.read_exact(&mut begin).unwrap();
    assert_eq!(&begin, b"HTTP/1.1 200");
    again(server, &[]);
}

/// A server that prints calls to a pipe.
fn printing() -> Server {
    let place = Place::new();
    function(
        &place,
        "line-reader",
        &guest_example("line-reader/line-reader.wasm"),
        "",
    );
    let mut command = Command::new(env!("CARGO_BIN_EXE_fathom"));
    command.args([
        "serve",
        "functions",
        "--listen",
        "127.0.0.1:0",
        "--log-calls",
    ]);
    launch(command.stdout(Stdio::piped()), place, &[])
}

/// Calls whose records are longer together than a pipe is.
fn call_often(server: &Server) {
    let body = "some text\n".repeat(20_000);
    for _ in 0..30 {
        let answer = server.ask("POST", "/function/line-reader", &body);
        assert_eq!(answer.status, 200);
    }
    server.becomes(
        || server.metric("fathom_records_stored_total") == Some(30.0),
        || server.metrics(),
    );
}

#[test]
fn a_standard_output_that_nobody_reads_holds_up_neither_calls_nor_their_records_nor_the_end() {
    let mut server = printing();
    call_often(&server);
    assert!(server.metric("fathom_log_lines_total") < Some(30.0));
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
    server.says("nobody reads standard output");
}

#[test]
fn a_standard_output_that_is_closed_loses_lines_and_counts_them_and_no_call() {
    let mut server = printing();
    drop(
        server
            .process
            .as_mut()
            .and_then(|process| process.stdout.take()),
    );
    call_often(&server);
    server.becomes(
        || server.metric("fathom_log_lines_lost_total") == Some(30.0),
        || server.metrics(),
    );
    server.says("calls are not printed");
    server.signal("TERM");
    assert_eq!(server.wait(), Some(0));
}

/// A call that is traced deep says who allocated its memory; one that is not is recorded as before.
#[test]
fn calls_that_are_traced_deep_say_who_allocated_the_memory() {
    let place = Place::new();
    let guest = guest_example("line-reader/line-reader.wasm");
    function(&place, "line-reader", &guest, "");
    let mut server = start(place, &[]);
    // Megabytes for each: of some deep call a block is chosen, and the code that traces deep has come by then.
    let body = "some text, one line of many\n".repeat(80_000);
    let mut chosen = 0;
    for _ in 0..400 {
        let answer = server.ask("POST", "/function/line-reader", &body);
        let record = server.record(answer.field("x-call-id").expect("an id"));
        let profile = &record["heap_profile"];
        assert_eq!(profile.is_object(), record["touched"].is_object());
        if let Some(events) = profile["events"].as_array() {
            let sampling = json!({"kind": "poisson", "mean": 64 * 1024});
            assert_eq!(profile["sampling"], sampling);
            chosen += events.len();
        }
        if chosen > 0 {
            break;
        }
    }
    assert!(chosen > 0, "no block was chosen");
    server.signal("TERM");
    server.wait();
    server.place.fathom(["report"]).assert().success();
    let page = server.place.path("fathom-out/line-reader/report.html");
    let page = std::fs::read_to_string(page).expect("the report");
    for part in ["When memory was allocated", "line_reader::read_lines"] {
        assert!(page.contains(part), "no {part}");
    }
    assert!(page.contains("is recorded by <code>fathom profile --cpu</code>"));
}
