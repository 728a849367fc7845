//! Everything that can be wrong with what a user gives: named, with what was expected, exit code not zero, no panic.

use crate::support::{Place, printed, wat};

/// Runs it; it must fail with all of `words` on standard error, and without a word of Rust's own.
fn fails(place: &Place, args: &[&str], words: &[&str]) {
    let (code, _, stderr) = printed(&mut place.fathom(args));
    assert_ne!(code, 0, "{args:?}: {stderr}");
    for word in words {
        assert!(
            stderr.contains(word),
            "`{word}` is not in the error of {args:?}:\n{stderr}"
        );
    }
    for word in ["panicked", "unwrap", "Os {", "Some(", "Err("] {
        assert!(!stderr.contains(word), "{args:?}: {stderr}");
    }
}

#[test]
fn guests_that_are_none() {
    let place = Place::new();
    place.write("text.wasm", "hello");
    place.write("empty.wasm", "");
    place.write("short.wasm", b"\0asm\x01\0\0\0\x01\x7f");
    place.write("component.wasm", b"\0asm\x0d\0\x01\0");
    place.write("wrong.wat", "(module (func (export \"f\") (oops)))");
    fails(
        &place,
        &["run", "component.wasm"],
        &["component", "wasi:cli/run"],
    );
    fails(
        &place,
        &["inject", "component.wasm", "-o", "out.wasm"],
        &["component", "core module"],
    );
    for command in ["inspect", "run"] {
        fails(&place, &[command, "text.wasm"], &["text.wasm", "not"]);
        fails(&place, &[command, "empty.wasm"], &["empty.wasm"]);
        fails(&place, &[command, "short.wasm"], &["short.wasm"]);
        fails(&place, &[command, "wrong.wat"], &["wrong.wat", "oops"]);
        fails(
            &place,
            &[command, "text.wsm"],
            &["text.wsm", "did you mean", "text.wasm"],
        );
    }
    fails(&place, &["profile", "."], &["fathom.toml", "fathom init"]);
}

#[test]
fn a_missing_import_is_named() {
    let place = Place::new();
    let guest = wat("hostile/wants-a-missing-import");
    fails(
        &place,
        &["run", &guest],
        &["`shop`.`discount`", "wasi_snapshot_preview1"],
    );
}

#[test]
fn unknown_variables_and_functions_get_the_nearest_names() {
    let place = Place::new();
    let guest = wat("exact-allocations");
    fails(
        &place,
        &["run", &guest, "--watch", "linse"],
        &["linse", "lines"],
    );
    fails(
        &place,
        &["run", &guest, "--break", "set:line"],
        &["line", "lines"],
    );
    fails(
        &place,
        &["run", &guest, "--break", "entry:maloc"],
        &["maloc", "malloc"],
    );
    fails(
        &place,
        &["run", &guest, "--break", "lines"],
        &["no function `lines`", "read_lines"],
    );
    fails(
        &place,
        &["run", &guest, "--watch", "lines:u9"],
        &["u9", "u32"],
    );
}

#[test]
fn inputs_that_are_none() {
    let place = Place::new();
    let guest = wat("exact-allocations");
    std::fs::create_dir(place.path("empty")).expect("a folder");
    place.write("bad.jsonl", "{\"stdin\": \"fine\"}\n{\"stdni\": \"x\"}\n");
    fails(&place, &["profile", &guest], &["no inputs", "--sweep"]);
    fails(
        &place,
        &["profile", &guest, "empty"],
        &["no inputs", "empty"],
    );
    fails(&place, &["profile", &guest, "nowhere"], &["nowhere"]);
    fails(
        &place,
        &["profile", &guest, "bad.jsonl"],
        &["bad.jsonl", "line 2", "stdni"],
    );
    fails(
        &place,
        &["profile", &guest, "--sweep", "n=9..1", "--", "{n}"],
        &["n=9..1", "1e3..4e5:100"],
    );
    fails(
        &place,
        &["profile", &guest, "--sweep", "n=1..3"],
        &["{n}", "after `--`"],
    );
    fails(
        &place,
        &["run", &guest, "--max-memory", "lots"],
        &["lots", "256 MiB"],
    );
    fails(
        &place,
        &["profile", &guest, "--failure-rate", "2", "empty"],
        &["between 0 and 1"],
    );
}

#[test]
fn a_configuration_with_a_slip_is_not_half_read() {
    let place = Place::new();
    place.write(
        "f/guest.wat",
        r#"(module (memory (export "memory") 1) (func (export "_start")))"#,
    );
    place.write("f/fathom.toml", "[limits]\nmemroy = \"1 MiB\"\n");
    fails(&place, &["profile", "f"], &["fathom.toml", "memroy"]);
    place.write("f/fathom.toml", "[limits]\nmemory = \"one\"\n");
    fails(
        &place,
        &["profile", "f"],
        &["fathom.toml", "one", "256 MiB"],
    );
}

#[test]
fn databases_that_are_none_are_not_touched() {
    let place = Place::new();
    place.write(
        "notes.db",
        "these are my notes, not a database, and they are long enough to look like one\n".repeat(9),
    );
    let before = std::fs::read(place.path("notes.db")).expect("the file");
    place.lines(&[1]);
    let guest = wat("exact-allocations");
    fails(
        &place,
        &["profile", &guest, "lines", "--db", "notes.db"],
        &["notes.db"],
    );
    fails(
        &place,
        &["traces", "list", "--db", "notes.db"],
        &["notes.db"],
    );
    fails(
        &place,
        &["traces", "list", "--db", "none.db"],
        &["none.db", "fathom profile"],
    );
    assert_eq!(
        std::fs::read(place.path("notes.db")).expect("the file"),
        before
    );
}

/// A disk that is full: the kernel's own. What was recorded before stays readable.
#[test]
fn a_full_disk_is_said() {
    let place = Place::new();
    let guest = wat("exact-allocations");
    fails(
        &place,
        &["run", &guest, "--record", "/dev/full"],
        &["/dev/full"],
    );
    place.lines(&[1]);
    std::fs::write(
        place.path("fathom-out"),
        "a file where the folder should be",
    )
    .expect("a file");
    fails(&place, &["profile", &guest, "lines"], &["fathom-out"]);
    let (code, list, _) = printed(&mut place.fathom(["traces", "list"]));
    assert_eq!(code, 0);
    assert!(list.contains("1.txt"), "{list}");
}
