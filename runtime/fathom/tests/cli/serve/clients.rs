//! The commands that use a running server, and what `fathom new` makes.

use super::{Server, function, hello, start};
use crate::{
    support::{Place, guest_example, printed, wat},
    tools,
};
use std::{fs, process::Command};

/// A command that uses a server: exit code, standard output, standard error.
fn with(server: &Server, args: &[&str], stdin: &str) -> (i32, String, String) {
    let mut command = server.place.fathom(args);
    command
        .env("FATHOM_SERVER", format!("http://{}", server.address))
        .write_stdin(stdin);
    printed(&mut command)
}

fn serving() -> Server {
    let place = Place::new();
    function(&place, "own", &wat("exact-allocations"), "");
    start(place, &["--token-file", "token"])
}

#[test]
fn a_function_is_deployed_called_looked_at_and_removed() {
    let server = serving();
    let (code, _, error) = with(&server, &["list"], "");
    assert!(code != 0 && error.contains("needs the token"), "{error}");
    let with = |args: &[&str], stdin: &str| {
        let args = [args, &["--token-file", "token"]].concat();
        with(&server, &args, stdin)
    };
    let example = guest_example("word-count");
    let (code, out, error) = with(
        &["deploy", &example, "--name", "words", "--memory", "32MiB"],
        "",
    );
    assert_eq!(
        (code, out.as_str()),
        (0, "/function/words (32.0 MiB)\n"),
        "{error}"
    );
    let (code, out, error) = with(&["invoke", "words"], "one two two\n");
    assert_eq!(code, 0, "{error}");
    assert!(out.contains("two"), "{out}");
    assert!(
        error.contains("needed ") && error.contains("; call "),
        "{error}"
    );
    let (code, out, _) = with(&["deploy", &hello()], "");
    assert_eq!(
        (code, out.as_str()),
        (0, "/function/hello-http (256.0 MiB)\n")
    );
    let (code, _, error) = with(&["invoke", "hello-http", "--path", "/trap"], "");
    assert!(code != 0 && error.contains("trapped"), "{error}");
    let (_, out, _) = with(&["logs", "hello-http"], "");
    assert!(
        out.contains("asked to") && out.contains("[failed] trapped"),
        "{out}"
    );

    let (_, out, _) = with(&["list"], "");
    assert!(
        out.lines()
            .any(|line| line.starts_with("words ") && line.contains("32.0 MiB")),
        "{out}"
    );
    let (_, out, _) = with(&["list", "--json"], "");
    let listed: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!(listed.as_array().map(Vec::len), Some(3));
    let (_, out, _) = with(&["describe", "words"], "");
    assert!(
        out.contains("1, 0 failed") && out.contains("succeeded  needed"),
        "{out}"
    );

    let (code, _, error) = with(&["remove", "own"], "");
    assert!(code != 0 && error.contains("remove it there"), "{error}");
    let (code, out, _) = with(&["remove", "words"], "");
    assert_eq!((code, out.as_str()), (0, "/function/words has gone\n"));
    let (code, _, error) = with(&["describe", "word"], "");
    assert!(code != 0 && error.contains("no function `word`"), "{error}");
}

#[test]
fn without_a_server_it_is_said_how_to_start_one() {
    let place = Place::new();
    let mut command = place.fathom(["list", "--server", "http://127.0.0.1:1"]);
    let (code, _, error) = printed(&mut command);
    assert!(
        code != 0 && error.contains("start one with `fathom serve`"),
        "{error}"
    );
}

#[test]
fn what_templates_make_can_be_built_and_served() {
    let place = Place::new();
    fs::create_dir_all(place.path("functions")).unwrap();
    let make = |args: &[&str]| {
        let mut command = place.fathom(args);
        command.current_dir(place.path("functions"));
        printed(&mut command)
    };
    assert_eq!(make(&["new", "lines"]).0, 0);
    assert_eq!(make(&["new", "greets", "--template", "rust-http"]).0, 0);
    assert_eq!(make(&["new", "counts", "--template", "c"]).0, 0);
    let (code, _, error) = make(&["new", "lines"]);
    assert!(code != 0 && error.contains("was left as it is"), "{error}");
    assert!(make(&["new", "../up"]).0 != 0);
    let build = |name: &str, program: &str, args: &[&str]| {
        let built = Command::new(program)
            .args(args)
            .current_dir(place.path("functions").join(name))
            .output()
            .expect("a compiler");
        assert!(
            built.status.success(),
            "{}",
            String::from_utf8_lossy(&built.stderr)
        );
    };
    let mut expected = Vec::new();
    if rust_target("wasm32-wasip1") {
        build(
            "lines",
            "cargo",
            &["build", "--release", "--target", "wasm32-wasip1"],
        );
        expected.push(("lines", "2 lines\n"));
    }
    if rust_target("wasm32-wasip2") {
        build(
            "greets",
            "cargo",
            &["build", "--release", "--target", "wasm32-wasip2"],
        );
        expected.push(("greets", "Hello from /\n"));
    }
    if tools::present(&["clang-22"]) {
        let flags = [
            "--target=wasm32-wasi",
            "--no-wasm-opt",
            "-O2",
            "-g",
            "main.c",
            "-o",
            "main.wasm",
        ];
        build("counts", "clang-22", &flags);
        expected.push(("counts", "8 bytes\n"));
    }
    if expected.is_empty() {
        return;
    }
    let server = start(place, &[]);
    for (name, says) in expected {
        let answer = server.ask("POST", &format!("/function/{name}"), "one\ntwo\n");
        assert_eq!((answer.status, answer.body.as_str()), (200, says), "{name}");
    }
}

/// Whether Rust has the standard library of a target.
fn rust_target(target: &str) -> bool {
    let found = Command::new("rustc")
        .args(["--print", "target-libdir", "--target", target])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .is_some_and(|output| {
            let path = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            std::path::Path::new(&path).is_dir()
        });
    found || tools::skipped(&format!("no {target} for Rust"))
}
