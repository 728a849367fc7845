//! Faults of every kind, and that the next call does not notice.

use super::{Server, function, hello, start, start_after};
use crate::support::{Place, wat};
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
    time::Duration,
};

fn with_everything(args: &[&str]) -> Server {
    let place = Place::new();
    let short = "[limits]\ntimeout = \"500ms\"\nmemory = \"32 MiB\"\noutput = \"1 MiB\"\n";
    for hostile in [
        "exits-with-7",
        "grows-without-end",
        "loops-for-ever",
        "recurses-without-end",
        "sleeps-for-a-year",
        "starts-without-end",
        "traps",
        "writes-without-end",
    ] {
        function(&place, hostile, &wat(&format!("hostile/{hostile}")), short);
    }
    let longer = "[limits]\ntimeout = \"2 s\"\nmemory = \"32 MiB\"\noutput = \"1 MiB\"\n";
    function(&place, "hello", &hello(), longer);
    function(
        &place,
        "sleeps-longer",
        &wat("hostile/sleeps-for-a-year"),
        "",
    );
    function(&place, "good", &wat("exact-allocations"), "");
    start(place, args)
}

fn is_well(server: &Server) {
    let answer = server.ask("POST", "/function/good", "a\nb\n");
    assert_eq!(
        (answer.status, answer.field("x-fathom-memory-needed-bytes")),
        (200, Some("65536"))
    );
}

#[test]
fn hostile_guests_have_their_answers_and_disturb_no_other() {
    let server = with_everything(&[]);
    for (path, status, says) in [
        ("exits-with-7", 500, "exited with code 7"),
        ("grows-without-end", 500, "out of memory"),
        ("loops-for-ever", 504, "still running after 500.0 ms"),
        ("recurses-without-end", 500, "call stack exhausted"),
        ("sleeps-for-a-year", 504, "still running after 500.0 ms"),
        ("starts-without-end", 504, "still running after 500.0 ms"),
        ("traps", 500, "trapped"),
        ("writes-without-end", 500, "of output"),
        ("hello/trap", 500, "trapped"),
        ("hello/loop", 504, "still running after 2.00 s"),
        ("hello/allocate/99999999", 500, "out of memory"),
    ] {
        let answer = server.ask("POST", &format!("/function/{path}"), "");
        assert_eq!(answer.status, status, "{path}: {}", answer.body);
        assert!(answer.body.contains(says), "{path}: {}", answer.body);
        is_well(&server);
    }
}

#[test]
fn an_answer_that_breaks_off_is_seen_to() {
    let server = with_everything(&[]);
    // Nobody was given anything of it yet: so it is said what has happened.
    let answer = server.ask("GET", "/function/hello/trap-late", "");
    assert_eq!(answer.status, 500);
    assert!(answer.body.contains("trapped"), "{}", answer.body);
    // Of this one the client has the beginning.
    let said = server.send(b"GET /function/hello/endless HTTP/1.1\r\nhost: localhost\r\n\r\n");
    assert!(said.starts_with("HTTP/1.1 200"), "{said}");
    assert!(!said.ends_with("0\r\n\r\n"), "it looks whole");
    is_well(&server);
}

/// What a guest leaves open goes with it, and it cannot take what others need meanwhile.
#[test]
fn a_guest_that_opens_files_without_end_takes_none_from_others() {
    let place = Place::new();
    let grants = "[grants]\ndirectory = \"files\"\n";
    function(&place, "opens", &wat("hostile/opens-without-end"), grants);
    place.write("functions/opens/files/a", "one line\n");
    function(&place, "good", &wat("exact-allocations"), "");
    let server = start(place, &[]);
    let ask = || server.ask("POST", "/function/opens", "");
    ask();
    let open = || {
        let folder = format!("/proc/{}/fd", server.number());
        std::fs::read_dir(folder).map_or(0, Iterator::count)
    };
    let before = open();
    for _ in 0..5 {
        let answer = ask();
        assert_eq!(answer.status, 500);
        assert!(!answer.body.contains("code 100"), "{}", answer.body);
        is_well(&server);
    }
    // A few come and go: connections, code that traces deep.
    server.becomes(
        || open() <= before + 10,
        || format!("{before}, then {}", open()),
    );
}

#[test]
fn a_client_that_goes_away_stops_its_call_which_is_recorded() {
    let server = with_everything(&[]);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let request =
        "GET /function/sleeps-longer HTTP/1.1\r\nhost: localhost\r\nx-call-id: left\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    server.becomes(
        || server.metric("fathom_calls_running{function=\"sleeps-longer\"}") == Some(1.0),
        || "it does not run".to_owned(),
    );
    drop(stream);
    let record = server.record("left");
    assert_eq!(record["failure"], "the client went away");
    assert!(
        record["wall"].as_u64().expect("ns") < 25_000_000_000,
        "{record}"
    );
    is_well(&server);
}

#[test]
fn a_soak_of_good_and_hostile_calls_loses_no_good_one() {
    let server = with_everything(&["--memory", "512 MiB"]);
    thread::scope(|scope| {
        for hostile in [
            "exits-with-7",
            "grows-without-end",
            "loops-for-ever",
            "recurses-without-end",
            "traps",
            "writes-without-end",
            "hello/endless",
            "hello/trap-late",
        ] {
            let server = &server;
            scope.spawn(move || {
                for _ in 0..5 {
                    // Whatever is answered: here it is only noise.
                    let _ = server.try_ask("POST", &format!("/function/{hostile}"), &[], "x");
                }
            });
        }
        for _ in 0..3 {
            scope.spawn(|| {
                for broken in [
                    &b"GET"[..],
                    b"POST /function/good HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99\r\n\r\nshort",
                    b"\0\0\0\0\r\n\r\n",
                ] {
                    let mut stream = TcpStream::connect(&server.address).unwrap();
                    let _ = stream.write_all(broken);
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    let _ = stream.read(&mut [0; 64]);
                }
            });
        }
        for _ in 0..2 {
            scope.spawn(|| (0..100).for_each(|_| is_well(&server)));
        }
    });
    is_well(&server);
}

#[test]
fn running_out_of_file_descriptors_passes() {
    let place = Place::new();
    function(&place, "good", &wat("exact-allocations"), "");
    let server = start_after(place, "ulimit -n 64");
    let held: Vec<_> = (0..80)
        .filter_map(|_| TcpStream::connect(&server.address).ok())
        .collect();
    thread::sleep(Duration::from_millis(300));
    drop(held);
    server.becomes(
        || {
            server
                .try_ask("POST", "/function/good", &[], "a\n")
                .is_some_and(|answer| answer.status == 200)
        },
        || "it does not come back".to_owned(),
    );
}

#[test]
fn a_full_disk_loses_records_and_counts_them_and_no_call() {
    let place = Place::new();
    function(&place, "good", &wat("exact-allocations"), "");
    // A limit on the size of files is a full disk to whoever writes.
    let server = start_after(place, "trap '' XFSZ; ulimit -f 80");
    server.becomes(
        || {
            for _ in 0..50 {
                is_well(&server);
            }
            server.metric("fathom_records_lost_total") > Some(0.0)
        },
        || server.metrics(),
    );
    is_well(&server);
}
