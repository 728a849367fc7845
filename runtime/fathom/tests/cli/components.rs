//! Components as a user meets them: what is seen in one without running it, what is said of one that cannot be run, and
//! the line reader in Python and in JavaScript, which are built for the test.

use crate::{
    examples,
    support::{Place, guest_example, printed},
};
use serde_json::Value;
use std::{fs, path::Path};

const COMMAND: &str = r#"(component
  (import "wasi:cli/exit@0.2.0" (instance $cli (export "exit" (func (param "status" (result))))))
  (core module $Main (@name "main")
    (memory 1)
    (func $grow (param $pages i32) (drop (memory.grow (local.get $pages))))
    (func (export "run") (result i32) (call $grow (i32.const 4)) (i32.const 0)))
  (core instance $main (instantiate $Main))
  (func $run (result (result)) (canon lift (core func $main "run")))
  (instance $run (export "run" (func $run)))
  (export "wasi:cli/run@0.2.0" (instance $run)))"#;

#[test]
fn a_component_is_looked_into_and_run() {
    let place = Place::new();
    place.write("guest.wat", COMMAND);
    let (code, said, _) = printed(&mut place.fathom(["inspect", "guest.wat"]));
    assert_eq!(code, 0);
    for line in [
        "guest: component, command (`wasi:cli/run`)",
        "exports: wasi:cli/run@0.2.0 (functions: run)",
        "imports: wasi:cli/exit@0.2.0 (functions: exit)",
        "module `main`",
        "  grow(pages: i32)",
    ] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    let found = place.json(&["inspect", "guest.wat", "--json"]);
    assert_eq!(found["modules"][0]["name"], "main");
    let (code, _, said) = printed(&mut place.fathom([
        "run",
        "guest.wat",
        "--quiet",
        "--record",
        "call.json",
        "--break",
        "entry:grow",
    ]));
    assert_eq!(code, 0, "{said}");
    let text = fs::read_to_string(place.path("call.json")).expect("the record");
    let trace: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(trace["committed_peak_bytes"], 5 << 16);
    let mut observed = trace["observations"].as_array().expect("a list").iter();
    let pages = observed.find(|o| o["variable"] == "pages").expect("pages");
    assert_eq!((&pages["count"], &pages["max"]), (&1.into(), &4.0.into()));
}

#[test]
fn what_is_no_command_is_said() {
    let place = Place::new();
    place.write("library.wat", r#"(component (core module (memory 1)))"#);
    let (code, _, said) = printed(&mut place.fathom(["run", "library.wat"]));
    assert_ne!(code, 0);
    assert!(said.contains("exports no `wasi:cli/run`"), "{said}");
    place.write("guest.wat", COMMAND);
    let (_, _, said) = printed(&mut place.fathom(["run", "guest.wat", "--scratch", "1 MiB"]));
    assert!(said.contains("components get none"), "{said}");
    let (_, _, said) = printed(&mut place.fathom(["run", "guest.wat", "--break", "entry:grwo"]));
    assert!(said.contains("no function `grwo`; nearest: grow"), "{said}");
}

#[test]
fn how_a_module_that_is_not_kept_is_built_is_said() {
    let place = Place::new();
    let config = guest_example("line-reader/python/fathom.toml");
    place.write("python/fathom.toml", fs::read(config).expect("the example"));
    let (code, _, said) = printed(&mut place.fathom(["profile", "python"]));
    assert_ne!(code, 0);
    assert!(
        said.contains("it is built by `guest-examples/build.sh line-reader/python`"),
        "{said}"
    );
}

/// They print what the one in Rust prints, and their memory is explained by the size of the text, which is known before.
#[test]
fn line_reader_in_python_and_javascript() {
    // The interpreter of JavaScript, which has no compiler here, takes a second for ten thousand lines.
    for (language, sizes) in [
        (
            "python",
            [1000, 100_000, 150_000, 200_000, 250_000, 300_000],
        ),
        ("javascript", [1000, 30_000, 40_000, 50_000, 60_000, 70_000]),
    ] {
        let Some(module) = examples::built(&format!("line-reader/{language}")) else {
            continue;
        };
        let module = module.to_string_lossy();
        let place = Place::new();
        for lines in sizes {
            let text: String = (0..lines)
                .map(|n| format!("line {n:07} of the text\n"))
                .collect();
            place.write(&format!("texts/{lines:06}.txt"), text);
        }
        let texts = place.path("texts");
        let mut run = place.fathom(["run", "--quiet", module.as_ref()]);
        run.pipe_stdin(texts.join("001000.txt")).expect("the text");
        assert_eq!(
            printed(&mut run),
            (
                0,
                "stdin: 1000 lines, longest 24 bytes, median: line 0000500 of the text\n"
                    .to_owned(),
                String::new()
            ),
            "{language}"
        );
        place.write("granted/b.dat", "one\ntwo\nthree\n");
        place.write("granted/a.dat", "");
        let grant = format!("{}::/", place.path("granted").display());
        let mut run = place.fathom(["run", "--quiet", module.as_ref(), "--dir", &grant]);
        let (_, said, error) = printed(&mut run);
        let expected = "a.dat: 0 lines, longest 0 bytes, median: \nb.dat: 3 lines, longest 5 bytes, median: three\n";
        assert_eq!(
            (said.as_str(), error.as_str()),
            (expected, ""),
            "{language}"
        );
        profiled(&place, &module, &texts);
    }
}

fn profiled(place: &Place, module: &str, texts: &Path) {
    let found = place.json(&[
        "profile",
        module,
        &texts.to_string_lossy(),
        "--json",
        "--verify=false",
    ]);
    let text = found.to_string();
    assert_eq!(found["invocations"]["succeeded"], 6, "{text}");
    // Six inputs are too few for a formula to be told, but memory grows with the text.
    let calls = found["recommendation"]["calls"].as_array().expect("calls");
    let needs = || {
        calls
            .iter()
            .filter_map(|call| call["needed_bytes"].as_u64())
    };
    assert!(needs().max() > needs().min(), "{text}");
}
