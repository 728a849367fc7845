//! How long a `profile` takes before and beside its calls: the first time a guest is seen, and the second.
//! `cargo bench -p fathom --bench start`. Not a test: nothing here fails for being slow.

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

fn main() {
    let place = tempfile::tempdir().expect("a temporary directory");
    let guest = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../guest-examples/line-reader/line-reader.wasm");
    let input = place.path().join("one.txt");
    std::fs::write(&input, "a line\n").expect("an input");
    let profile = |cache: &Path| {
        let begun = Instant::now();
        let status = Command::new(env!("CARGO_BIN_EXE_fathom"))
            .args(["profile", "--verify=false", "--json"])
            .arg(&guest)
            .arg(&input)
            .current_dir(place.path())
            .env("XDG_CACHE_HOME", cache)
            .stdout(Stdio::null())
            .status()
            .expect("fathom");
        assert!(status.success());
        begun.elapsed().as_secs_f64()
    };
    let (mut first, mut second) = (f64::INFINITY, f64::INFINITY);
    for round in 0..5 {
        let cache = place.path().join(format!("cache-{round}"));
        first = first.min(profile(&cache));
        second = second.min(profile(&cache));
    }
    println!("whole profile of one call, first time   {first:>7.3} s");
    println!(
        "whole profile of one call, second time  {second:>7.3} s  ({:.2} of the first)",
        second / first
    );
}
