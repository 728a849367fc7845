//! The guests that are shipped built: they do what their sources do, and `profile` works on them.

use crate::{
    support::{Place, guest_example, printed},
    tools,
};
use std::{fs, path::Path, process::Command};

/// Builds a guest as its script does; None where its compiler is absent.
fn freshly_built(script: &str, into: &Path) -> bool {
    let output = Command::new("sh")
        .arg(guest_example(script))
        .arg(into)
        .output()
        .expect("sh");
    let said = String::from_utf8_lossy(&output.stderr);
    match output.status.code() {
        Some(0) => true,
        Some(77) => tools::skipped(said.trim()),
        _ => panic!("{script}: {said}"),
    }
}

fn inputs() -> Vec<std::path::PathBuf> {
    let place = Place::new();
    // Makes the inputs, where they are not there yet.
    place
        .fathom(["profile", &guest_example("line-reader"), "--verify=false"])
        .assert()
        .success();
    let folder = guest_example("line-reader/inputs");
    let entries = fs::read_dir(folder)
        .expect("the inputs")
        .map(|entry| entry.expect("an entry").path());
    let mut files: Vec<_> = entries.filter(|path| path.is_file()).collect();
    files.sort();
    files
}

fn alike(language: &str, folder: &str, script: &str) {
    let place = Place::new();
    if !freshly_built(script, &place.path("fresh")) {
        return;
    }
    let prebuilt = guest_example(&format!("{folder}/line-reader.wasm"));
    let fresh = place
        .path("fresh/line-reader.wasm")
        .to_string_lossy()
        .into_owned();
    for input in inputs().iter().take(6) {
        let run = |guest: &str| {
            let mut command = place.fathom(["run", "--quiet", guest]);
            printed(command.pipe_stdin(input).expect("the input"))
        };
        assert_eq!(
            run(&prebuilt),
            run(&fresh),
            "{language}, {}",
            input.display()
        );
        let name = input.file_name().expect("a name").to_string_lossy();
        let expected = guest_example(&format!("line-reader/expected/{name}.stdout"));
        assert_eq!(
            run(&prebuilt).1,
            fs::read_to_string(expected).expect("expected"),
            "{language}, {name}"
        );
    }
}

#[test]
fn rust_as_built_and_as_shipped_behave_alike() {
    alike("Rust", "line-reader", "line-reader/build.sh");
}

#[test]
fn c_as_built_and_as_shipped_behave_alike() {
    alike("C", "line-reader/c", "line-reader/c/build.sh");
}

#[test]
fn assemblyscript_as_built_and_as_shipped_behave_alike() {
    alike(
        "AssemblyScript",
        "line-reader/assemblyscript",
        "line-reader/assemblyscript/build.sh",
    );
}

/// The first command of the README, looked at: the doubling of the vector is found and named, within one call the cost
/// of a line is, and the recommendation holds.
#[test]
fn the_line_reader_is_explained() {
    let place = Place::new();
    let profile = place.json(&["profile", &guest_example("line-reader"), "--json"]);
    let counts = &profile["invocations"];
    assert_eq!(counts["succeeded"], counts["total"], "{counts}");
    let largest = profile["recommendation"]["largest_need_bytes"]
        .as_u64()
        .expect("a size");
    assert!(largest >= 64 << 20, "{largest}");
    assert_eq!(
        profile["recommendation"]["verified"]["failures"], 0,
        "{:#}",
        profile["recommendation"]["verified"]
    );
    let model = &profile["models"]["committed"];
    let terms = model["terms"].as_array().expect("terms");
    assert!(
        terms.iter().any(|term| term["transform"] == "pow2_ceil"),
        "{model:#}"
    );
    let within = &profile["within_call"]["live"];
    assert_eq!(within["terms"][0]["variable"], "LINES", "{within:#}");
}
