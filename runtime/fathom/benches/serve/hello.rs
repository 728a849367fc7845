//! The same `wasi:http` component, answered by `fathom serve` and by `wasmtime serve`: a fresh sandbox for each request,
//! and with Fathom a record of each.

use crate::{
    load::{Load, Told},
    process::{Server, repository},
    rounds::spread,
};
use std::{path::PathBuf, process::Command};

/// Interleaved, so that what the machine does beside touches all alike.
const ROUNDS: usize = 11;

/// The peer's own answer to page faults: so much of a memory is cleared in place rather than given back.
const KEEP_RESIDENT: [&str; 2] = [
    "-Opooling-memory-keep-resident=2097152",
    "-Opooling-table-keep-resident=524288",
];

fn wasmtime(settings: &[&str]) -> Server {
    let installed = repository("target/peers/bin/wasmtime");
    let program = if installed.exists() {
        installed
    } else {
        PathBuf::from("wasmtime")
    };
    Server::start(|_, address| {
        let mut command = Command::new(program);
        command
            .args(["serve", "-Scli", "--addr", address])
            .args(settings)
            .arg(repository("guest-examples/http/hello/hello-http.wasm"));
        command
    })
}

pub(crate) fn run() {
    let fathom = Server::fathom(&repository("guest-examples/http/hello"), &[]);
    let peers = [
        ("wasmtime serve", wasmtime(&[])),
        ("the same, keep_resident", wasmtime(&KEEP_RESIDENT)),
    ];
    let own = fathom.url("/function/hello-http");
    // It learns first, as it does wherever it has run for a while.
    Load {
        seconds: 10,
        ..Load::of(&own)
    }
    .run();
    for connections in [32, 1] {
        let ask = |url: &str| {
            Load {
                connections,
                ..Load::of(url)
            }
            .run()
        };
        let mut owns = Vec::new();
        let mut others: Vec<Vec<Told>> = vec![Vec::new(); peers.len()];
        for _ in 0..ROUNDS {
            owns.push(ask(&own));
            for (told, (_, peer)) in others.iter_mut().zip(&peers) {
                told.push(ask(&peer.url("/")));
            }
        }
        let rates = |of: &[Told]| spread(of.iter().map(Told::rate).collect()).median;
        let p99 = |of: &[Told]| spread(of.iter().map(|told| told.quantile(99.0)).collect()).median;
        println!("hello, {connections} connections");
        line("fathom serve", rates(&owns), p99(&owns), fathom.resident());
        for (told, (name, peer)) in others.iter().zip(&peers) {
            line(name, rates(told), p99(told), peer.resident());
            let pairs = || owns.iter().zip(told);
            let faster = spread(pairs().map(|(a, b)| a.rate() / b.rate()).collect());
            let slower = pairs().map(|(a, b)| a.quantile(99.0) / b.quantile(99.0));
            println!(
                "    fathom over it: {faster} of its rate, {} of its p99",
                spread(slower.collect())
            );
        }
    }
}

fn line(name: &str, rate: f64, p99: f64, resident: f64) {
    println!(
        "  {name:<26} {rate:>8.0} requests/s   p99 {p99:>7.2} ms   {resident:>5.0} MiB resident"
    );
}
