//! What the fuzzers begin with, and what they have found, as an ordinary test: files in `fuzz/seeds`, a folder for each
//! target. A file that made a target fail is put there with the repair.

#[allow(dead_code, reason = "the other tests use more of it")]
mod support;

#[path = "support/damaged.rs"]
mod damaged;
#[path = "support/generated.rs"]
mod generated;

use std::path::Path;

fn each_seed(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/seeds")
        .join(target);
    let mut seeds = 0;
    for seed in std::fs::read_dir(folder).unwrap() {
        let path = seed.unwrap().path();
        println!("{}", path.display());
        check(&std::fs::read(path).unwrap());
        seeds += 1;
    }
    assert!(seeds > 0);
}

#[test]
fn guests_with_damaged_debug_information() {
    each_seed("inspect", damaged::check);
}

#[test]
fn generated_modules_with_every_probe() {
    each_seed("inject", generated::check);
}
