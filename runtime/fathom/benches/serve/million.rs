//! A million calls: whether the server holds more at the end than after the first hundred thousand.

use crate::{
    load::Load,
    process::{Server, repository},
};

const CALLS: u64 = 1_000_000;

pub(crate) fn run() {
    let settings = ["--store-max", "256 MiB"];
    let server = Server::fathom(&repository("guest-examples/http/hello"), &settings);
    let url = server.url("/function/hello-http");
    let mut calls = 0;
    let mut next = CALLS / 10;
    println!("a million calls");
    while calls < CALLS {
        calls += Load::of(&url).run().requests;
        if calls >= next {
            next += CALLS / 10;
            println!(
                "  {calls:>9} calls   {:>5.0} MiB resident   {:>5} file descriptors",
                server.resident(),
                server.descriptors()
            );
        }
    }
}
