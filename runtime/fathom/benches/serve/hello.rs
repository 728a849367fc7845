//! The same `wasi:http` component, answered by `fathom serve` and by `wasmtime serve`: a fresh sandbox for each request,
//! and with Fathom a record of each; or, as another row, sandboxes that make several calls.

use crate::{
    load::{Load, Told},
    process::{Server, repository},
    rounds::spread,
};
use std::{fs, path::PathBuf, process::Command};

/// Interleaved, so that what the machine does beside touches all alike.
const ROUNDS: usize = 11;

/// The peer's own answer to page faults: so much of a memory is cleared in place rather than given back.
const KEEP_RESIDENT: [&str; 2] = [
    "-Opooling-memory-keep-resident=2097152",
    "-Opooling-table-keep-resident=524288",
];

/// Calls that a sandbox makes, where it makes several: what the peer does with components of WASI 0.3.
const REUSE: u32 = 128;

/// Another server, by what it is called, and where its hello is.
type Peer = (&'static str, Server, &'static str);

/// Where ours is.
const OURS: &str = "/function/hello-http";

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
        ("wasmtime serve", wasmtime(&[]), "/"),
        ("the same, keep_resident", wasmtime(&KEEP_RESIDENT), "/"),
    ];
    compare("hello", &fathom, &peers, &[32, 1]);
}

/// The row in which sandboxes make several calls.
pub(crate) fn reused() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let hello = repository("guest-examples/http/hello");
    fs::copy(
        hello.join("hello-http.wasm"),
        place.path().join("hello-http.wasm"),
    )
    .expect("the component");
    let manifest = fs::read_to_string(hello.join("fathom.toml")).expect("its manifest");
    let manifest = format!("{manifest}\n[serve]\nreuse = {REUSE}\n");
    fs::write(place.path().join("fathom.toml"), manifest).expect("a manifest");
    let fathom = Server::fathom(place.path(), &[]);
    let count = format!("--max-instance-reuse-count={REUSE}");
    let peers = [
        (
            "the same, a fresh sandbox",
            Server::fathom(&hello, &[]),
            OURS,
        ),
        ("wasmtime serve, reuse", wasmtime(&[&count]), "/"),
    ];
    compare("reuse", &fathom, &peers, &[32]);
}

fn compare(row: &str, fathom: &Server, peers: &[Peer], connections: &[u32]) {
    let own = fathom.url(OURS);
    // It learns first, as it does wherever it has run for a while.
    Load {
        seconds: 10,
        ..Load::of(&own)
    }
    .run();
    for &connections in connections {
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
            for (told, (_, peer, path)) in others.iter_mut().zip(peers) {
                told.push(ask(&peer.url(path)));
            }
        }
        let rates = |of: &[Told]| spread(of.iter().map(Told::rate).collect()).median;
        let p99 = |of: &[Told]| spread(of.iter().map(|told| told.quantile(99.0)).collect()).median;
        println!("{row}, {connections} connections");
        line("fathom serve", rates(&owns), p99(&owns), fathom.resident());
        for (told, (name, peer, _)) in others.iter().zip(peers) {
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
