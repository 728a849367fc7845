//! A WASI p1 command that prints a line, beside axum answering the same bytes without any guest.

use crate::{
    load::{Load, Told},
    process::Server,
    rounds::spread,
};
use axum::{Router, routing::get};
use std::{fs, path::Path, process::Command};

const ROUNDS: usize = 7;

const BYTES: &str = "Hello, world!\n";

/// Fourteen bytes to standard output.
const HELLO: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (data (i32.const 0) "\10\00\00\00\0e\00\00\00")
  (data (i32.const 16) "Hello, world!\n")
  (func (export "_start")
    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#;

/// The name by which this benchmark is asked to be the other server.
pub(crate) const AXUM: &str = "axum-itself";

/// Answers until it is ended.
pub(crate) fn axum(address: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(address)
            .await
            .expect("a port");
        let router = Router::new().route("/function/hello", get(|| async { BYTES }));
        axum::serve(listener, router).await.expect("it serves");
    });
}

/// A folder with the function.
pub(crate) fn write(folder: &Path, name: &str, module: &str) {
    fs::create_dir_all(folder).expect("a folder");
    fs::write(folder.join("guest.wat"), module).expect("a module");
    let manifest = format!("[function]\nname = \"{name}\"\nmodule = \"guest.wat\"\n");
    fs::write(folder.join("fathom.toml"), manifest).expect("a manifest");
}

pub(crate) fn run() {
    let place = tempfile::tempdir().expect("a temporary directory");
    write(place.path(), "hello", HELLO);
    let fathom = Server::fathom(place.path(), &[]);
    let axum = Server::start(|_, address| {
        let mut command = Command::new(std::env::current_exe().expect("itself"));
        command.args([AXUM, address]);
        command
    });
    Load {
        seconds: 5,
        ..Load::of(&fathom.url("/function/hello"))
    }
    .run();
    let ask = |server: &Server| Load::of(&server.url("/function/hello")).run();
    let pairs: Vec<(Told, Told)> = (0..ROUNDS).map(|_| (ask(&fathom), ask(&axum))).collect();
    let rate = |of: Vec<f64>| spread(of).median;
    let own = rate(pairs.iter().map(|(own, _)| own.rate()).collect());
    let other = rate(pairs.iter().map(|(_, other)| other.rate()).collect());
    println!("p1 hello, 32 connections");
    println!("  fathom serve               {own:>8.0} requests/s");
    println!("  axum without a guest       {other:>8.0} requests/s");
    let ratios = pairs.iter().map(|(own, other)| own.rate() / other.rate());
    println!(
        "    fathom over it: {} of its rate",
        spread(ratios.collect())
    );
}
