//! `fathom serve`: functions over HTTP, as curl and Prometheus see them.

use crate::support::{Place, wat};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
};

/// Something that listens; ended when it goes.
pub(crate) struct Server {
    process: Option<Child>,
    pub(crate) address: String,
    _place: Place,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Starts a server on a free port, with one function in its folder itself and one below.
pub(crate) fn server() -> Server {
    let place = Place::new();
    for (folder, name, guest) in [
        ("functions", "exact-allocations", "exact-allocations"),
        (
            "functions/loops",
            "loops-for-ever",
            "hostile/loops-for-ever",
        ),
    ] {
        let guest = std::fs::read(wat(guest)).expect("the guest");
        place.write(&format!("{folder}/guest.wat"), guest);
        place.write(
            &format!("{folder}/fathom.toml"),
            format!(
                "[function]\nname = \"{name}\"\nmodule = \"guest.wat\"\n\
                 [limits]\ntimeout = \"500ms\"\nmemory = \"4 MiB\"\n"
            ),
        );
    }
    let mut process = Command::new(env!("CARGO_BIN_EXE_fathom"))
        .args(["serve", "functions", "--listen", "127.0.0.1:0"])
        .current_dir(place.path("."))
        .env(
            "XDG_CACHE_HOME",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"),
        )
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let said = BufReader::new(process.stderr.take().expect("its standard error"));
    let address = said
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("listening on http://").map(str::to_owned))
        .expect("it listens");
    Server {
        process: Some(process),
        address,
        _place: place,
    }
}

impl Server {
    /// Somebody else's server.
    pub(crate) fn at(address: String) -> Server {
        Server {
            process: None,
            address,
            _place: Place::new(),
        }
    }

    /// Status line and headers, and body, of one request.
    pub(crate) fn request(&self, method: &str, path: &str, body: &str) -> (String, String) {
        self.try_request(method, path, body).expect("an answer")
    }

    /// The same, of a server that may not be there yet.
    pub(crate) fn try_request(
        &self,
        method: &str,
        path: &str,
        body: &str,
    ) -> Option<(String, String)> {
        let mut stream = TcpStream::connect(&self.address).ok()?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        Some((head.to_owned(), body.to_owned()))
    }
}

#[test]
fn functions_are_called_counted_and_limited() {
    let server = server();
    assert!(
        server
            .request("GET", "/healthz", "")
            .0
            .starts_with("HTTP/1.1 200")
    );

    let (head, _) = server.request("POST", "/function/exact-allocations", "a\nb\nc\n");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(
        head.contains("x-fathom-memory-needed-bytes: 65536"),
        "{head}"
    );

    let (head, _) = server.request("POST", "/function/loops-for-ever", "");
    assert!(head.starts_with("HTTP/1.1 504"), "{head}");
    // The worker that was lost is replaced.
    let (head, _) = server.request("POST", "/function/loops-for-ever", "");
    assert!(head.starts_with("HTTP/1.1 504"), "{head}");

    let too_much = "x\n".repeat(60_000);
    let (head, body) = server.request("POST", "/function/exact-allocations", &too_much);
    assert!(
        head.starts_with("HTTP/1.1 500") && head.contains("x-fathom-outcome: limited"),
        "{head}"
    );
    assert!(body.contains("the limit is 4.0 MiB"), "{body}");

    let (head, body) = server.request("POST", "/function/exact-alocations", "");
    assert!(
        head.starts_with("HTTP/1.1 404") && body.contains("did you mean `exact-allocations`"),
        "{body}"
    );

    let (_, metrics) = server.request("GET", "/metrics", "");
    for line in [
        "fathom_invocations_total{function=\"exact-allocations\",outcome=\"succeeded\"} 1",
        "fathom_out_of_memory_total{function=\"exact-allocations\"} 1",
        "fathom_timeouts_total{function=\"loops-for-ever\"} 2",
        "fathom_memory_limit_bytes{function=\"exact-allocations\"} 4194304",
        "fathom_memory_live_bytes_count{function=\"exact-allocations\"} 1",
    ] {
        assert!(metrics.contains(line), "no `{line}` in\n{metrics}");
    }
}
