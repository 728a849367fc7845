//! A recommendation applied to a running server: what its callers see of it, what is in the files, and what a restart keeps.

use super::{Answer, Server, function, start, written};
use crate::support::{Place, printed, wat};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt};

/// Grows by as many pages as it is asked to, and begins with three pages.
const GROWS: &str = r#"(module
    (memory (export "memory") 3)
    (func (export "grow") (param $pages i32) (result i32)
        (if (i32.eq (memory.grow (local.get $pages)) (i32.const -1)) (then unreachable))
        (i32.const 7)))"#;

const PAGE: u64 = 65_536;

fn with_grows(manifest: &str) -> Server {
    let place = Place::new();
    written(&place, "grows", GROWS, manifest);
    start(place, &[])
}

fn call(server: &Server, pages: usize) -> Answer {
    server.ask("POST", "/function/grows", format!("[{pages}]"))
}

fn described(server: &Server) -> Value {
    server.ask("GET", "/api/v1/functions/grows", "").json()
}

fn apply(server: &Server, wanted: impl ToString) -> Answer {
    let path = "/api/v1/functions/grows/apply";
    server.ask("POST", path, wanted.to_string())
}

/// `fathom apply ARGS` of this server: code, standard output, standard error.
fn command(server: &Server, args: &[&str]) -> (i32, String, String) {
    let at = format!("http://{}", server.address);
    let args = ["apply"].iter().chain(args).chain(&["--server"]);
    printed(&mut server.place.fathom(args.copied().chain([at.as_str()])))
}

/// Calls of 1 to 24 pages more than the three it begins with, until something is recommended from all of them.
fn learn(server: &Server) -> u64 {
    for pages in 1..=24 {
        let answer = call(server, pages);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    server.becomes(
        || described(server)["recommended_bytes"].as_u64() >= Some(27 * PAGE),
        || described(server).to_string(),
    );
    described(server)["recommended_bytes"].as_u64().unwrap()
}

fn again(mut server: Server) -> Server {
    server.signal("INT");
    server.wait();
    let place = std::mem::replace(&mut server.place, Place::new());
    start(place, &[])
}

#[test]
fn what_is_recommended_is_applied_to_a_folder_and_stays() {
    let manifest = "# what it has today\nmemory = \"64 MiB\"  # a guess\ninvoke = \"grow\"\n\n[serve] # as before\n";
    let server = with_grows(manifest);
    let file = server.place.path("functions/grows/fathom.toml");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o640)).unwrap();
    // That changes the folder, too.
    server.says("/function/grows was changed");
    let changes = || server.said().matches("grows was changed").count();
    let before = fs::read_to_string(&file).unwrap();
    let recommended = learn(&server);

    // First only asked.
    let asked = apply(&server, json!({ "dry_run": true })).json();
    assert_eq!(asked["applied"]["after_bytes"], recommended, "{asked}");
    assert_eq!(asked["memory_limit_bytes"], 64 << 20, "{asked}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);

    let (code, out, err) = command(&server, &["grows"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("grows: 64.0 MiB -> ")
            && out
                .contains("/functions/grows/fathom.toml; back: fathom apply grows --memory 64MiB"),
        "{out}"
    );
    assert!(
        err.contains("the confidence of this recommendation is low"),
        "{err}"
    );
    let now = fs::read_to_string(&file).unwrap();
    let size = format!("\"{} KiB\"", recommended / 1024);
    assert_eq!(now, before.replace("\"64 MiB\"", &size));
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    let function = described(&server);
    assert_eq!(function["memory_limit_bytes"], recommended, "{function}");
    assert_eq!(function["recommended_bytes"], recommended, "{function}");
    assert_eq!(function["calls"], 24, "{function}");

    // Calls are limited by it.
    assert_eq!(call(&server, 24).status, 200);
    let answer = call(&server, 100);
    assert_ne!(answer.status, 200, "{}", answer.body);
    let record = server.record(answer.field("x-call-id").expect("an id"));
    assert_eq!(record["outcome"], "limited", "{record}");
    assert_eq!(record["limits"]["memory"], recommended, "{record}");

    // What it did is not what somebody does to the folder: that was looked at before the folder of another function, and counts.
    super::function(&server.place, "later", &wat("exact-allocations"), "");
    server.says("/function/later is new");
    assert_eq!(changes(), 1, "{}", server.said());
    fs::write(&file, now.replace("# as before", "# after")).unwrap();
    server.becomes(|| changes() == 2, || server.said());

    let server = again(server);
    let function = described(&server);
    assert_eq!(function["memory_limit_bytes"], recommended, "{function}");
    server.becomes(
        || described(&server)["recommended_bytes"].is_u64(),
        || described(&server).to_string(),
    );

    // And back.
    let (code, out, err) = command(&server, &["grows", "--memory", "64MiB", "--json"]);
    assert_eq!(code, 0, "{err}");
    let applied: Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(applied["applied"]["before_bytes"], recommended, "{out}");
    assert_eq!(applied["applied"]["after_bytes"], 64 << 20, "{out}");
    assert_eq!(call(&server, 100).status, 200);
    let last = fs::read_to_string(&file).unwrap();
    assert_eq!(last, before.replace("# as before", "# after"));
}

#[test]
fn what_came_over_http_keeps_its_new_limit_too() {
    let place = Place::new();
    place.write("functions/.keep", "");
    let server = start(place, &[]);
    let wasm = ::wat::parse_str(GROWS).unwrap();
    let module = {
        use base64::{Engine as _, prelude::BASE64_STANDARD};
        BASE64_STANDARD.encode(wasm)
    };
    let wanted = json!({ "manifest": "[function]\ninvoke = \"grow\"\n", "module_base64": module });
    let fields = [("content-type", "application/json")];
    let path = "/api/v1/functions/grows";
    let answer = server.ask_with("PUT", path, &fields, wanted.to_string());
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(call(&server, 100).status, 200);

    // Not a whole page.
    let answer = apply(&server, json!({ "memory": "2000000 B" })).json();
    assert_eq!(answer["applied"]["before_bytes"], 256 << 20, "{answer}");
    assert_eq!(answer["applied"]["after_bytes"], 31 * PAGE, "{answer}");
    let said = answer["applied"]["warnings"].to_string();
    assert!(said.contains("calls have needed up to 6.4 MiB"), "{said}");
    assert_ne!(call(&server, 100).status, 200);
    assert_eq!(call(&server, 28).status, 200);

    let server = again(server);
    let function = described(&server);
    assert_eq!(function["memory_limit_bytes"], 31 * PAGE, "{function}");
    assert_ne!(call(&server, 100).status, 200);
    assert_eq!(call(&server, 28).status, 200);
}

#[test]
fn what_cannot_be_applied_changes_nothing_and_says_why() {
    let server =
        with_grows("memory = \"4 MiB\"\ninvoke = \"grow\"\n\n[limits]\nmemory = \"64 MiB\"\n");
    let file = server.place.path("functions/grows/fathom.toml");
    let before = fs::read_to_string(&file).unwrap();
    let refused = |status: u16, wanted: Value, why: &str| {
        let answer = apply(&server, wanted);
        assert_eq!(answer.status, status, "{}", answer.body);
        let said = answer.json()["error"].to_string();
        assert!(said.contains(why), "{said}");
        assert_eq!(fs::read_to_string(&file).unwrap(), before);
        assert_eq!(described(&server)["memory_limit_bytes"], 4 << 20);
    };
    refused(409, json!({}), "not enough data: nothing is recommended");
    refused(400, json!({ "memory": "128 KiB" }), "begins with 192.0 KiB");
    refused(400, json!({ "memory": "5 GiB" }), "at most 4.0 GiB");
    refused(400, json!({ "memory": "much" }), "`much` is not a size");
    refused(400, json!({ "memroy": "2 MiB" }), "memroy");
    refused(409, json!({ "memory": "65 MiB" }), "limits.memory in");
    let (code, _, err) = command(&server, &["grwos"]);
    assert_eq!(code, 125);
    assert!(
        err.contains("no function `grwos`; did you mean `grows`?"),
        "{err}"
    );

    // Of one input, however often.
    (0..12).for_each(|_| assert_eq!(call(&server, 1).status, 200));
    server.becomes(
        || described(&server)["recommended_bytes"].is_u64(),
        || described(&server).to_string(),
    );
    refused(409, json!({}), "1 distinct input");
    // And of others, some of which were cut off. It is learned now and then: of the first 24 calls, of the first 48.
    (1..=12).for_each(|pages| assert_eq!(call(&server, pages).status, 200));
    let mut pages = 100;
    server.becomes(
        || {
            pages += 1;
            call(&server, pages);
            described(&server)["lower_bound"] == true
        },
        || described(&server).to_string(),
    );
    refused(409, json!({}), "lower bound");

    // A file that may not be written. Nor one that is none.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
    refused(
        500,
        json!({ "memory": "2 MiB" }),
        "functions/grows/fathom.toml`: it is read-only",
    );
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    fs::write(&file, "[function\n").unwrap();
    server.says("stays as it was");
    let answer = apply(&server, json!({ "memory": "2 MiB" }));
    assert_eq!(answer.status, 500, "{}", answer.body);
    assert!(answer.body.contains("fathom.toml"), "{}", answer.body);
    assert_eq!(fs::read_to_string(&file).unwrap(), "[function\n");
    fs::write(&file, &before).unwrap();

    // With force it is.
    let answer = apply(&server, json!({ "force": true })).json();
    assert_eq!(answer["applied"]["lower_bound"], true, "{answer}");
    let warnings = answer["applied"]["warnings"].to_string();
    assert!(warnings.contains("lower bound"), "{warnings}");

    let place = Place::new();
    let module = server.place.path("written.wat");
    function(
        &place,
        "grows",
        &module.to_string_lossy(),
        "invoke = \"grow\"\n",
    );
    let ruled = start(place, &["--max-memory", "16MiB"]);
    let answer = apply(&ruled, json!({ "memory": "2 MiB" }));
    assert_eq!(answer.status, 409, "{}", answer.body);
    assert!(answer.body.contains("--max-memory"), "{}", answer.body);
}
