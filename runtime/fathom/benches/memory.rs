//! Memory of fathom itself over the number of calls: the process that records and learns, and the worker that runs the
//! guest. `cargo bench -p fathom --bench memory`. Not a test: nothing here fails for being large.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    thread::sleep,
    time::Duration,
};

/// Highest resident memory of a process so far, KiB.
fn highest(process: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

fn children(process: u32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{process}/task"))
        .into_iter()
        .flatten()
        .flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        })
        .collect()
}

/// Highest resident memory of fathom and of its worker, in MiB, over a profile of so many calls.
fn profile(calls: usize) -> (f64, f64) {
    let place = tempfile::tempdir().expect("a temporary directory");
    let guest =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-examples/wat/exact-growth.wat");
    let mut fathom = Command::new(env!("CARGO_BIN_EXE_fathom"))
        .args(["profile", "--verify=false", "--json"])
        .arg(guest)
        .args([
            "--sweep",
            "n=1..200",
            "--repeat",
            &(calls / 200).to_string(),
            "--",
            "{n}",
        ])
        .current_dir(place.path())
        .env("XDG_CACHE_HOME", place.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("fathom");
    let (mut own, mut worker) = (0, 0);
    while fathom.try_wait().expect("its state").is_none() {
        own = own.max(highest(&fathom.id().to_string()));
        for child in children(fathom.id()) {
            worker = worker.max(highest(&child));
        }
        sleep(Duration::from_millis(5));
    }
    (own as f64 / 1024.0, worker as f64 / 1024.0)
}

fn main() {
    let few = profile(400);
    let many = profile(8000);
    println!("calls                      400     8,000");
    println!(
        "fathom, highest MiB   {:>8.1}  {:>8.1}  {:.2}x",
        few.0,
        many.0,
        many.0 / few.0
    );
    println!(
        "its worker            {:>8.1}  {:>8.1}  {:.2}x",
        few.1,
        many.1,
        many.1 / few.1
    );
}
