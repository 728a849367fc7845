//! What it costs that pages are open: the rate of a hello with nobody watching its page, beside that with some; and how long a
//! page takes to make.

use crate::{
    load::Load,
    process::{Server, repository},
    rounds::spread,
};
use std::{
    io::{Read, Write},
    net::TcpStream,
    thread,
};

const ROUNDS: usize = 5;

/// Pages open at a time: one, and as many as the server lets be.
const WATCHERS: [usize; 2] = [1, 64];

const PAGE: &str = "/functions/hello-http";

/// A page that is open: it takes whatever the server says, until it is closed.
struct Watcher(TcpStream);

impl Watcher {
    fn of(server: &Server) -> Watcher {
        let mut stream = TcpStream::connect(&server.address).expect("a connection");
        let request = format!("GET {PAGE}/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("a request");
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).expect("an answer");
        assert_eq!(&answer, b"HTTP/1.1 200", "too many pages are open");
        let mut heard = stream.try_clone().expect("the same connection");
        thread::spawn(move || {
            let mut some = vec![0; 65_536];
            while heard.read(&mut some).is_ok_and(|read| read > 0) {}
        });
        Watcher(stream)
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        let _ = self.0.shutdown(std::net::Shutdown::Both);
    }
}

pub(crate) fn run() {
    let server = Server::fathom(&repository("guest-examples/http/hello"), &[]);
    let rate = |watchers: usize| {
        let open: Vec<Watcher> = (0..watchers).map(|_| Watcher::of(&server)).collect();
        let told = Load {
            seconds: 4,
            ..Load::of(&server.url("/function/hello-http"))
        }
        .run();
        drop(open);
        told.rate()
    };
    rate(0);
    println!("hello on 32 connections, its page open so often: rate over that with no page open");
    for watchers in WATCHERS {
        let ratios = (0..ROUNDS).map(|_| {
            let alone = rate(0);
            rate(watchers) / alone
        });
        println!("  {watchers:>2} {}", spread(ratios.collect()));
    }
    println!("a page, one after another, middle of them");
    for (name, path) in [("all functions", "/"), ("a function", PAGE)] {
        let told = Load {
            connections: 1,
            ..Load::of(&server.url(path))
        }
        .run();
        println!("  {name:<14} {:.1} ms", told.quantile(50.0));
    }
}
