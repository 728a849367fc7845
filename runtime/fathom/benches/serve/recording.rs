//! What recording takes of a processor for each call: the time of the thread that writes.

use crate::{
    load::Load,
    process::{Server, repository},
    rounds::spread,
};
use std::{thread::sleep, time::Duration};

pub(crate) fn run() {
    let server = Server::fathom(&repository("guest-examples/http/hello"), &[]);
    let url = server.url("/function/hello-http");
    Load::of(&url).run();
    let rounds = (0..7).map(|_| {
        let before = server.cpu_of("records");
        let requests = Load::of(&url).run().requests;
        // What waits to be written is written within 50 ms.
        sleep(Duration::from_millis(500));
        (server.cpu_of("records") - before) * 1e6 / requests as f64
    });
    println!(
        "recording                    {} us of CPU time a call",
        spread(rounds.collect())
    );
}
