//! Ten thousand functions, no two of the same code, a thousand of them called: what the server holds.

use crate::{load::Load, p1, process::Server};
use std::{thread::sleep, time::Duration};

const DEPLOYED: usize = 10_000;

const CALLED: u32 = 1_000;

fn module(number: usize) -> String {
    format!(
        r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\06\00\00\00")
  (data (i32.const 16) "{number:05}\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#
    )
}

pub(crate) fn run() {
    let place = tempfile::tempdir().expect("a temporary directory");
    for number in 0..DEPLOYED {
        let name = format!("f{number}");
        p1::write(&place.path().join(&name), &name, &module(number));
    }
    let server = Server::fathom(place.path(), &["--idle", "20 s"]);
    println!("{DEPLOYED} functions deployed");
    line("none called", &server);
    let url = server.url("/function/f");
    let told = Load {
        seconds: 15,
        paths: CALLED,
        ..Load::of(&url)
    }
    .run();
    assert!(
        told.requests >= u64::from(CALLED),
        "not all of them were called"
    );
    line(&format!("{CALLED} called"), &server);
    sleep(Duration::from_secs(40));
    line("idle for 40 s", &server);
}

fn line(name: &str, server: &Server) {
    println!(
        "  {name:<26} {:>5.0} MiB resident   {:>5} file descriptors",
        server.resident(),
        server.descriptors()
    );
}
