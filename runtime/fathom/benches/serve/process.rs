//! Servers, each a process of its own that ends with the benchmark, and what the system says of them.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

/// A server that listens.
pub(crate) struct Server {
    process: Child,
    pub(crate) address: String,
    /// What it writes lies here, as long as it runs.
    _place: tempfile::TempDir,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A port that is free now.
fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("its address").port()
}

impl Server {
    /// Starts what `command` is, given a place of its own and an address to listen on, and waits until it listens.
    pub(crate) fn start(command: impl FnOnce(&Path, &str) -> Command) -> Server {
        let place = tempfile::tempdir().expect("a temporary directory");
        let address = format!("127.0.0.1:{}", free_port());
        let mut command = command(place.path(), &address);
        command
            .current_dir(place.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let process = command
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        let mut server = Server {
            process,
            address,
            _place: place,
        };
        let patience = Instant::now() + Duration::from_secs(600);
        while TcpStream::connect(&server.address).is_err() {
            let ended = server.process.try_wait().expect("its state");
            assert!(
                ended.is_none(),
                "{} has ended",
                command.get_program().display()
            );
            assert!(Instant::now() < patience, "nobody listens");
            sleep(Duration::from_millis(20));
        }
        server
    }

    /// Fathom with the functions of a folder.
    pub(crate) fn fathom(folder: &Path, more: &[&str]) -> Server {
        Server::start(|place, address| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_fathom"));
            command.args(["serve", "--listen", address]).args(more);
            command.arg(folder).env("XDG_CACHE_HOME", place);
            command
        })
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Resident memory now, MiB.
    pub(crate) fn resident(&self) -> f64 {
        let status = fs::read_to_string(self.file("status")).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
        kib.expect("its resident memory") / 1024.0
    }

    /// Open file descriptors now.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(self.file("fd")).map_or(0, Iterator::count)
    }

    /// CPU time so far of its threads with this name, seconds.
    pub(crate) fn cpu_of(&self, name: &str) -> f64 {
        let threads = fs::read_dir(self.file("task"))
            .into_iter()
            .flatten()
            .flatten();
        let of_that_name = threads.filter(|thread| {
            let found = fs::read_to_string(thread.path().join("comm"));
            found.is_ok_and(|found| found.trim_end() == name)
        });
        // Nanoseconds on a processor come first.
        let nanos = of_that_name.filter_map(|thread| {
            let text = fs::read_to_string(thread.path().join("schedstat")).ok()?;
            text.split(' ').next()?.parse::<f64>().ok()
        });
        nanos.sum::<f64>() / 1e9
    }

    fn file(&self, name: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/{name}", self.process.id()))
    }
}

/// A folder of this repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}
