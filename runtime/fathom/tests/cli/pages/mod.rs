//! The pages of a server in a real browser: Debian's Chromium, driven by puppeteer-core, with axe-core on each page. What is
//! done in them is in the scripts beside this; here is what they need.

use crate::{
    npm,
    serve::{start, written},
    support::{Place, wat},
    tools,
};
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Runs a script against a server, with the node that is among these packages.
fn browse(packages: &Path, script: &str, args: &[&str]) {
    let path = format!("{}/tests/cli/pages/{script}", env!("CARGO_MANIFEST_DIR"));
    let mut node = Command::new(packages.join("node/bin/node"));
    let run = node.env("VIEWERS", packages).arg(path).args(args).output();
    let run = run.expect("node");
    assert!(
        run.status.success(),
        "{script}:\n{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
}

/// The packages that scripts need, where there is a browser too.
fn packages() -> Option<PathBuf> {
    match tools::present(&["chromium"]) {
        true => npm::packages(&["node", "puppeteer-core", "axe-core"]),
        false => None,
    }
}

#[test]
fn a_function_is_deployed_called_watched_and_sized_in_a_browser() {
    let Some(packages) = packages() else {
        return;
    };
    let place = Place::new();
    std::fs::create_dir_all(place.path("functions")).expect("a folder");
    let server = start(place, &[]);
    let fathom = env!("CARGO_BIN_EXE_fathom");
    let guest = wat("exact-allocations");
    browse(&packages, "whole.mjs", &[&server.address, fathom, &guest]);
}

/// Names of its function, its variable and its file are markup, and so is what it says of its failure.
const HOSTILE: &str = r#"(module $<script>globalThis.pwned=1</script>
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
  (memory (export "memory") 2)
  (global (export "<img src=x onerror=globalThis.pwned=1>") (mut i32) (i32.const 7))
  (data (i32.const 64) "<script>globalThis.pwned=1</script>\n")
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 36))
    (drop (call $write (i32.const 2) (i32.const 0) (i32.const 1) (i32.const 32)))
    (drop (memory.grow (i32.const 3)))
    (call $exit (i32.const 3))))"#;

#[test]
fn nothing_that_a_function_says_is_executed() {
    let Some(packages) = packages() else {
        return;
    };
    let place = Place::new();
    written(&place, "hostile", HOSTILE, "");
    let server = start(place, &[]);
    browse(&packages, "hostile.mjs", &[&server.address]);
}
