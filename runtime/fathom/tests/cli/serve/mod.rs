//! `fathom serve`, as its callers see it: a server in a place of its own, and a client that says exactly what is sent.

mod applying;
mod calls;
mod clients;
mod density;
mod deploying;
mod dialects;
mod faults;
mod limits;
mod memory;
mod recording;
mod reuse;
mod watching;

use crate::support::{Place, guest_example, wat};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

/// Something that listens; ended when it goes.
pub(crate) struct Server {
    process: Option<Child>,
    pub(crate) address: String,
    pub(crate) place: Place,
    said: Arc<Mutex<String>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(process) = &mut self.process {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// An answer, taken apart.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    fn of(text: &str) -> Option<Answer> {
        let (head, body) = text.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let chunked = head
            .to_ascii_lowercase()
            .contains("transfer-encoding: chunked");
        Some(Answer {
            status,
            body: if chunked {
                dechunked(body)
            } else {
                body.to_owned()
            },
            head: head.to_owned(),
        })
    }

    /// A header field.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1);
        let mut fields = lines.filter_map(|line| line.split_once(": "));
        fields
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }
}

fn dechunked(mut rest: &str) -> String {
    let mut whole = String::new();
    while let Some((length, after)) = rest.split_once("\r\n") {
        let length = usize::from_str_radix(length, 16).unwrap_or(0);
        let Some(chunk) = after.get(..length).filter(|_| length > 0) else {
            break;
        };
        whole.push_str(chunk);
        rest = after.get(length + 2..).unwrap_or_default();
    }
    whole
}

/// A function of a folder: `functions/NAME`, from a module and the rest of its manifest.
pub(crate) fn function(place: &Place, name: &str, module: &str, manifest: &str) {
    let wasm = fs::read(module).unwrap_or_else(|error| panic!("{module}: {error}"));
    let extension = module
        .rsplit_once('.')
        .map_or("wasm", |(_, extension)| extension);
    place.write(&format!("functions/{name}/guest.{extension}"), wasm);
    place.write(
        &format!("functions/{name}/fathom.toml"),
        format!("[function]\nname = \"{name}\"\nmodule = \"guest.{extension}\"\n{manifest}"),
    );
}

/// The same from a module that is written here.
pub(crate) fn written(place: &Place, name: &str, module: &str, manifest: &str) {
    place.write("written.wat", module);
    let module = place.path("written.wat");
    function(place, name, &module.to_string_lossy(), manifest);
}

/// The component that answers requests itself.
pub(crate) fn hello() -> String {
    guest_example("http/hello/hello-http.wasm")
}

/// Starts a server on a free port with the functions of the place and more arguments.
pub(crate) fn start(place: Place, args: &[&str]) -> Server {
    start_with(place, args, &[])
}

/// The same with variables in its environment.
pub(crate) fn start_with(place: Place, args: &[&str], variables: &[(&str, &str)]) -> Server {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fathom"));
    command
        .args(["serve", "functions", "--listen", "127.0.0.1:0"])
        .args(args);
    launch(&mut command, place, variables)
}

/// The same from a shell that does something first. Everything is compiled before that.
pub(crate) fn start_after(place: Place, first: &str) -> Server {
    let mut before = start(place, &[]);
    before.signal("INT");
    before.wait();
    let place = std::mem::replace(&mut before.place, Place::new());
    let mut shell = Command::new("sh");
    let fathom = env!("CARGO_BIN_EXE_fathom");
    let script = format!("{first}; exec {fathom} serve functions --listen 127.0.0.1:0");
    shell.args(["-c", &script]);
    launch(&mut shell, place, &[])
}

fn launch(command: &mut Command, place: Place, variables: &[(&str, &str)]) -> Server {
    for (name, _) in std::env::vars() {
        if name.starts_with("FATHOM_") || name.starts_with("FUNCTION_") || name == "PORT" {
            command.env_remove(name);
        }
    }
    let mut process = command
        .current_dir(place.path("."))
        .env(
            "XDG_CACHE_HOME",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"),
        )
        .envs(variables.iter().copied())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut lines = BufReader::new(process.stderr.take().expect("its standard error")).lines();
    let said = Arc::<Mutex<String>>::default();
    let mut address = None;
    for line in lines.by_ref().map_while(Result::ok) {
        said.lock().unwrap().push_str(&format!("{line}\n"));
        if let Some(found) = line.strip_prefix("listening on http://") {
            address = Some(found.to_owned());
            break;
        }
    }
    let saying = said.clone();
    thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            saying.lock().unwrap().push_str(&format!("{line}\n"));
        }
    });
    Server {
        address: address.unwrap_or_else(|| panic!("it listens: {}", said.lock().unwrap())),
        process: Some(process),
        place,
        said,
    }
}

/// A server with one function in a folder itself and one below.
pub(crate) fn server() -> Server {
    let place = Place::new();
    let limits = "[limits]\nmemory = \"4 MiB\"\n";
    let short = "[limits]\ntimeout = \"500ms\"\n";
    function(
        &place,
        "exact-allocations",
        &wat("exact-allocations"),
        limits,
    );
    function(
        &place,
        "loops-for-ever",
        &wat("hostile/loops-for-ever"),
        short,
    );
    start(place, &[])
}

impl Server {
    /// Somebody else's server.
    pub(crate) fn at(address: String) -> Server {
        Server {
            process: None,
            address,
            place: Place::new(),
            said: Arc::default(),
        }
    }

    /// What it has said on its standard error so far.
    pub(crate) fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Waits until it has said something.
    pub(crate) fn says(&self, what: &str) {
        self.becomes(
            || self.said().contains(what),
            || format!("no `{what}` in:\n{}", self.said()),
        );
    }

    /// Waits until something is so.
    pub(crate) fn becomes(&self, mut is_so: impl FnMut() -> bool, otherwise: impl Fn() -> String) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while !is_so() {
            assert!(Instant::now() < deadline, "{}", otherwise());
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Number of the process.
    pub(crate) fn number(&self) -> u32 {
        self.process.as_ref().expect("ours").id()
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([format!("-{name}"), self.number().to_string()])
            .status();
        assert!(sent.expect("kill").success());
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self) -> Option<i32> {
        let process = self.process.as_mut().expect("ours");
        process.wait().expect("it ends").code()
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.ask_with(method, path, &[], body)
    }

    /// The same with header fields.
    pub(crate) fn ask_with(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Answer {
        self.try_ask(method, path, fields, body).expect("an answer")
    }

    /// The same, of a server that may not be there.
    pub(crate) fn try_ask(
        &self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Option<Answer> {
        let body = body.as_ref();
        let fields: String = fields
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n{fields}content-length: {}\r\n\r\n",
            body.len()
        );
        let mut stream = TcpStream::connect(&self.address).ok()?;
        // Who answers early may not read the rest.
        let _ = stream.write_all(&[head.as_bytes(), body].concat());
        Answer::of(&read_all(stream))
    }

    /// Sends bytes as they are, and reads what comes until the end.
    pub(crate) fn send(&self, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(&self.address).expect("a connection");
        let _ = stream.write_all(bytes);
        read_all(stream)
    }

    /// The metrics.
    pub(crate) fn metrics(&self) -> String {
        self.ask("GET", "/metrics", "").body
    }

    /// The value of a metric, with its labels as they are written.
    pub(crate) fn metric(&self, name: &str) -> Option<f64> {
        let metrics = self.metrics();
        let mut lines = metrics.lines().filter_map(|line| line.rsplit_once(' '));
        lines.find(|(found, _)| *found == name)?.1.parse().ok()
    }

    /// One record of a call, once it is written.
    pub(crate) fn record(&self, id: &str) -> Value {
        let mut found = Value::Null;
        self.becomes(
            || {
                let answer = self.ask("GET", &format!("/api/v1/calls/{id}"), "");
                found = answer.json();
                answer.status == 200 && found["stored"] == true
            },
            || format!("no record of {id}"),
        );
        found
    }
}

fn read_all(mut stream: TcpStream) -> String {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
    let mut bytes = Vec::new();
    // What came before it broke off is what there is.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}
