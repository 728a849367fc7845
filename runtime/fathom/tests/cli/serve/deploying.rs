//! How functions come, change and go, in folders and over HTTP, and that no call is lost over it.

use super::{Server, function, hello, start, written};
use crate::support::{Place, wat};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

/// A guest that prints one letter.
fn says(letter: char) -> String {
    format!(
        r#"(module
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
        (memory (export "memory") 1)
        (data (i32.const 16) "{letter}")
        (func (export "_start")
            (i32.store (i32.const 0) (i32.const 16))
            (i32.store (i32.const 4) (i32.const 1))
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
    )
}

fn with_letter(letter: char) -> Server {
    let place = Place::new();
    place.write("one.wat", says(letter));
    let module = place.path("one.wat").to_string_lossy().into_owned();
    function(&place, "letter", &module, "");
    start(place, &[])
}

#[test]
fn a_changed_module_is_served_without_losing_a_call() {
    let server = Arc::new(with_letter('a'));
    let module = server.place.path("functions/letter/guest.wat");
    let done = Arc::new(AtomicBool::new(false));
    let made = Arc::new(AtomicUsize::new(0));
    let callers: Vec<_> = (0..4)
        .map(|_| {
            let (server, done, made) = (server.clone(), done.clone(), made.clone());
            thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let answer = server.ask("GET", "/function/letter", "");
                    assert_eq!(answer.status, 200, "{}", answer.body);
                    assert!("abc".contains(&answer.body), "{}", answer.body);
                    made.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for letter in ['b', 'c'] {
        fs::write(&module, says(letter)).unwrap();
        server.becomes(
            || server.ask("GET", "/function/letter", "").body == letter.to_string(),
            || format!("never {letter}: {}", server.said()),
        );
    }
    // What cannot be compiled changes nothing.
    fs::write(&module, "(module (func (export \"_start\") (i32.const 1)))").unwrap();
    server.says("stays as it was");
    assert_eq!(server.ask("GET", "/function/letter", "").body, "c");
    done.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.join().expect("no call was lost");
    }
    assert!(made.load(Ordering::Relaxed) > 20);
}

#[test]
fn folders_come_and_go() {
    let server = with_letter('a');
    let place = &server.place;
    place.write("two.wat", says('z'));
    function(place, "new", &place.path("two.wat").to_string_lossy(), "");
    server.says("/function/new is new");
    assert_eq!(server.ask("GET", "/function/new", "").body, "z");
    fs::remove_dir_all(place.path("functions/new")).unwrap();
    server.says("/function/new has gone");
    assert_eq!(server.ask("GET", "/function/new", "").status, 404);
    assert!(
        !server.metrics().contains("\"new\""),
        "its metrics are gone too"
    );
}

#[test]
fn modules_are_deployed_over_http_and_stay() {
    let mut server = with_letter('a');
    let wasm = fs::read(hello()).unwrap();
    let path = "/api/v1/functions/uploaded";
    let answer = server.ask("PUT", path, &wasm);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(
        server.ask("GET", "/function/uploaded", "").body,
        "Hello, world!\n"
    );
    let answer = server.ask("PUT", path, &wasm);
    assert_eq!(answer.status, 200, "{}", answer.body);

    // What is no module changes nothing.
    for wrong in [&b""[..], b"\0asm\x01\0\0\0\xff", &wasm[..wasm.len() / 2]] {
        let answer = server.ask("PUT", path, wrong);
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
    assert_eq!(
        server.ask("GET", "/function/uploaded", "").body,
        "Hello, world!\n"
    );
    for name in ["..%2f..%2fetc", ".hidden", "a%00b", "a%20b"] {
        let answer = server.ask("PUT", &format!("/api/v1/functions/{name}"), &wasm);
        assert_eq!(answer.status, 400, "{name}: {}", answer.body);
        assert!(answer.body.contains("is not a name"), "{}", answer.body);
    }
    // A function in a folder is changed there.
    let answer = server.ask("PUT", "/api/v1/functions/letter", &wasm);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("change it there"), "{}", answer.body);
    assert_eq!(
        server.ask("DELETE", "/api/v1/functions/letter", "").status,
        409
    );

    // A server that was killed has it still, and what was left half done does not disturb.
    server.signal("KILL");
    server.wait();
    let place = std::mem::replace(&mut server.place, Place::new());
    place.write(".fathom/functions/.half.unfinished/module.wasm", "half");
    let once = format!(".fathom/modules/{}.wasm", "0123".repeat(16));
    place.write(&once, "of a function that there was once");
    place.write(".fathom/modules/theirs.wasm", "of somebody else");
    let server = start(place, &[]);
    let modules = fs::read_dir(server.place.path(".fathom/modules")).unwrap();
    assert_eq!(modules.count(), 3, "those of the two functions, and theirs");
    assert!(server.place.path(".fathom/modules/theirs.wasm").exists());
    assert_eq!(
        server.ask("GET", "/function/uploaded", "").body,
        "Hello, world!\n"
    );
    assert_eq!(server.ask("DELETE", path, "").status, 200);
    assert_eq!(server.ask("GET", "/function/uploaded", "").status, 404);
    assert_eq!(server.ask("DELETE", path, "").status, 404);
}

/// What only the next version of WASI has is no reason to fall, and no riddle either.
#[test]
fn guests_of_wasi_0_3_are_refused_by_what_they_need() {
    let server = with_letter('a');
    let asynchronous = r#"(component
        (core module $m
            (memory (export "memory") 1)
            (func (export "run") (result i32) unreachable)
            (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
        (core instance $i (instantiate $m))
        (func $run async (canon lift (core func $i "run") async
            (memory $i "memory") (callback (func $i "callback"))))
        (instance $e (export "run" (func $run)))
        (export "wasi:cli/run@0.3.0" (instance $e)))"#;
    let imports = r#"(component (import "wasi:http/client@0.3.0" (instance)))"#;
    for (guest, named) in [
        (asynchronous, "component model async"),
        (imports, "`wasi:http/client@0.3.0`, which is not offered"),
    ] {
        let answer = server.ask(
            "PUT",
            "/api/v1/functions/later",
            wat::parse_str(guest).unwrap(),
        );
        assert_eq!(answer.status, 400);
        assert!(answer.body.contains(named), "{}", answer.body);
        assert_eq!(server.ask("GET", "/function/letter", "").body, "a");
    }
}

#[test]
fn a_manifest_may_not_reach_for_the_machine() {
    let server = with_letter('a');
    let module = "AGFzbQEAAAA=";
    for manifest in [
        "[grants]\ndirectory = \"/etc\"",
        "[function]\nmodule = \"/etc/passwd\"",
        "[limits]\nmemroy = \"1 MiB\"",
    ] {
        let body = serde_json::json!({ "manifest": manifest, "module_base64": module });
        let fields = [("content-type", "application/json")];
        let answer = server.ask_with(
            "PUT",
            "/api/v1/functions/reaches",
            &fields,
            body.to_string(),
        );
        assert_eq!(answer.status, 400, "{manifest}: {}", answer.body);
    }
}

#[test]
fn what_is_missing_is_named() {
    let server = with_letter('a');
    let text = fs::read_to_string(wat("hostile/wants-a-missing-import")).unwrap();
    let missing = ::wat::parse_str(text).expect("valid text");
    let answer = server.ask("PUT", "/api/v1/functions/missing", missing);
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("the guest imports"), "{}", answer.body);
}

#[test]
fn one_store_has_one_server() {
    let server = with_letter('a');
    let output = server
        .place
        .fathom(["serve", "functions", "--listen", "127.0.0.1:0"])
        .timeout(Duration::from_secs(20))
        .output()
        .expect("it ends");
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.contains("another `fathom serve` uses the folder"),
        "{said}"
    );
}

/// Grows by as many pages as it is asked to. `version` tells one module from another.
fn grows(version: u32) -> String {
    format!(
        r#"(module
        (memory (export "memory") 1)
        (func (export "version") (result i32) (i32.const {version}))
        (func (export "grow") (param $pages i32) (result i32)
            (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))
            (i32.const {version})))"#
    )
}

/// What was learned of a module holds for the next one until its own calls say otherwise.
#[test]
fn a_new_module_begins_with_what_was_learned_of_the_one_before() {
    let place = Place::new();
    written(&place, "grows", &grows(1), "invoke = \"grow\"\n");
    let server = start(place, &[]);
    let call = |pages: usize| {
        let answer = server.ask("POST", "/function/grows", format!("[{pages}]"));
        assert_eq!(answer.status, 200, "{}", answer.body);
        let record = server.record(answer.field("x-call-id").expect("an id"));
        (answer.body.trim().to_owned(), record["served"].clone())
    };
    let described = || server.ask("GET", "/api/v1/functions/grows", "").json();
    (1..=60).for_each(|pages| drop(call(pages)));
    server.becomes(
        // It is learned now and then: of the first 24 calls, of the first 48.
        || described()["recommended_bytes"].as_u64() > Some(20 << 16),
        || described().to_string(),
    );
    assert!(described()["provisional"].is_null());
    let before = described()["recommended_bytes"].as_u64().expect("bytes");
    let module = server.place.path("functions/grows/guest.wat");
    fs::write(module, grows(2)).unwrap();
    server.becomes(|| call(3).0 == "2", || server.said());
    let described_now = described();
    assert_eq!(
        described_now["provisional"]["dropped_at"], 20.0,
        "{described_now}"
    );
    let (_, served) = call(4);
    assert_ne!(served["sized_by"], "setting", "{served}");
    assert!(
        served["granted_first"].as_u64() >= Some(before),
        "{served} {before}"
    );
    // Its own calls confirm it.
    (1..=60).for_each(|pages| drop(call(pages)));
    server.becomes(
        || described()["provisional"].is_null(),
        || described().to_string(),
    );
}
