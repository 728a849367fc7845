//! What probes read is what the guest itself prints at the same place, at each optimisation: a mapping that is wrong in
//! one way for probes and debugger alike would show here.

use crate::{
    examples::{Run, run},
    run::inject,
    tools,
};
use std::{collections::BTreeMap, path::Path, process::Command};
use wasmtime::{Engine, Module};

/// A line that prints: its number, its mark, the variables in the order of the values.
struct Marked<'s> {
    line: usize,
    mark: &'s str,
    variables: Vec<&'s str>,
}

fn marked(source: &str) -> Vec<Marked<'_>> {
    let lines = source.lines().enumerate();
    lines
        .filter(|(_, text)| text.trim_start().starts_with("say(\""))
        .map(|(number, text)| {
            let (mark, variables) = text.rsplit_once("// ").unwrap().1.split_once(": ").unwrap();
            Marked {
                line: number + 1,
                mark,
                variables: variables.split(' ').collect(),
            }
        })
        .collect()
}

/// The values printed under a mark, one list per variable.
fn printed(run: &Run, mark: &Marked<'_>) -> Vec<Vec<f64>> {
    let output = String::from_utf8(run.output.clone()).unwrap();
    let mut columns = vec![Vec::new(); mark.variables.len()];
    for line in output.lines() {
        if let Some(values) = line.strip_prefix(&format!("{} ", mark.mark)) {
            for (column, value) in columns.iter_mut().zip(values.split(' ')) {
                column.push(value.parse::<i64>().unwrap() as f64);
            }
        }
    }
    columns
}

/// What a comparison has found.
#[derive(Default)]
struct Compared {
    values: usize,
    /// Variables that cannot be read at their line.
    unreadable: Vec<String>,
    /// Variables of which the value before is read, or not every one.
    lagging: Vec<String>,
}

impl Compared {
    fn tell(&self, what: &str) {
        println!(
            "{what}: {} values compared; not readable: {}; not in step: {}",
            self.values,
            self.unreadable.join(", "),
            self.lagging.join(", ")
        );
    }
}

/// Arms each marked line and compares.
fn compare(what: &str, file: &str, source: &str, wasm: &[u8], engine: &Engine) -> Compared {
    let lines = marked(source);
    let breakpoints: Vec<String> = lines.iter().map(|m| format!("{file}:{}", m.line)).collect();
    let breakpoints: Vec<&str> = breakpoints.iter().map(String::as_str).collect();
    let original = run(&Module::new(engine, wasm).unwrap(), "");
    let mut found = Compared::default();
    for (mark, breakpoint) in lines.iter().zip(&breakpoints) {
        for (column, name) in printed(&original, mark).into_iter().zip(&mark.variables) {
            assert!(
                !column.is_empty(),
                "{what}: nothing was printed at {}",
                mark.mark
            );
            let selection = trace::Selection {
                breakpoints: vec![(*breakpoint).to_owned()],
                variables: vec![(*name).to_owned()],
                light: false,
                ..trace::Selection::default()
            };
            let inspection = probe::inspect(wasm).unwrap();
            match probe::plan(wasm, &inspection, &selection) {
                Err(probe::PlanError::NotReadable { .. }) => {
                    found.unreadable.push((*name).to_owned());
                    continue;
                }
                other => assert!(other.is_ok(), "{what}: {}", other.unwrap_err()),
            }
            let (_, injected) = inject(wasm, &[breakpoint], &[name], false);
            let seen = run(&Module::new(engine, &injected.wasm).unwrap(), "");
            assert_eq!(seen.output, original.output, "{what}: it computes the same");
            let mut read: BTreeMap<usize, Vec<f64>> = BTreeMap::new();
            for (slot, bits) in &seen.hits {
                let value = injected.slots[*slot].value_type.decode(*bits);
                read.entry(*slot).or_default().push(value);
            }
            let of_it = injected
                .slots
                .iter()
                .position(|slot| slot.variable == *name);
            let read = of_it
                .and_then(|slot| read.remove(&slot))
                .unwrap_or_default();
            found.values += read.len();
            if lags(&format!("{what}: {name} at {breakpoint}"), read, &column) {
                found.lagging.push((*name).to_owned());
            }
        }
    }
    found
}

/// Calls of the function that is inlined twice.
const MOST_CALLS: usize = 2;

/// What was read is what was printed, each value in its turn. A line that the compiler has spread is arrived at more than
/// once for one execution: then the same value is read again. Whether it lags: an optimiser may carry out an assignment later
/// than the line after it is arrived at, and then the value before it is there, as a debugger says too.
fn lags(what: &str, read: Vec<f64>, printed: &[f64]) -> bool {
    let changes = |values: &[f64]| {
        let mut changes = values.to_vec();
        changes.dedup();
        changes
    };
    let (read, printed) = (changes(&read), changes(printed));
    if read == printed {
        return false;
    }
    // Values that were printed, in their order, some perhaps missing where a place of the line does not have them; beside them
    // the value with which each call began. Nothing else.
    let (mut next, mut begun) = (0, 0);
    for value in &read {
        match printed[next..].iter().position(|later| later == value) {
            Some(ahead) => next += ahead + 1,
            None if next > 0 && printed[next - 1] == *value => {}
            None => begun += 1,
        }
    }
    assert!(
        begun <= MOST_CALLS,
        "{what}: {begun} others; read {read:?}, printed {printed:?}"
    );
    true
}

const RUST: &str = include_str!("guests/variables.rs");
const C: &str = include_str!("guests/variables.c");

fn folder() -> &'static Path {
    Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/injection/guests"
    ))
}

#[test]
fn probes_read_what_a_rust_guest_prints() {
    let engine = Engine::default();
    let workshop = tempfile::tempdir().unwrap();
    for (level, must_read) in [("0", 1_000), ("1", 500), ("3", 500)] {
        let module = workshop.path().join(format!("rust-{level}.wasm"));
        let mut rustc = Command::new("rustc");
        rustc
            .args(["--edition", "2024", "--target", "wasm32-wasip1", "-g", "-C"])
            .arg(format!("opt-level={level}"))
            .arg(folder().join("variables.rs"))
            .arg("-o")
            .arg(&module);
        if !rustc.status().is_ok_and(|status| status.success()) {
            tools::skipped("no rustc for wasm32-wasip1 (rustup target add wasm32-wasip1)");
            return;
        }
        let wasm = std::fs::read(&module).unwrap();
        let what = format!("opt-level={level}");
        let found = compare(&what, "variables.rs", RUST, &wasm, &engine);
        found.tell(&what);
        assert!(found.values >= must_read, "{what}: only {}", found.values);
        assert!(level != "0" || found.lagging.is_empty(), "{what}");
    }
}

#[test]
fn probes_read_what_a_c_guest_prints() {
    let engine = Engine::default();
    let workshop = tempfile::tempdir().unwrap();
    if !tools::present(&["clang-22"]) {
        return;
    }
    for (level, dwarf, must_read) in [
        ("0", "4", 2_000),
        ("1", "5", 1_000),
        ("2", "4", 1_000),
        ("3", "5", 1_000),
    ] {
        let module = workshop.path().join(format!("c-{level}.wasm"));
        let status = Command::new("clang-22")
            .args(["--target=wasm32-wasi", "--no-wasm-opt"])
            .arg(format!("-gdwarf-{dwarf}"))
            .arg(format!("-O{level}"))
            .arg(folder().join("variables.c"))
            .arg("-o")
            .arg(&module)
            .status();
        assert!(status.unwrap().success());
        let wasm = std::fs::read(&module).unwrap();
        let what = format!("-O{level}, DWARF {dwarf}");
        let found = compare(&what, "variables.c", C, &wasm, &engine);
        found.tell(&what);
        assert!(found.values >= must_read, "{what}: only {}", found.values);
        assert!(found.lagging.is_empty(), "{what}");
    }
}

/// LLVM puts the address of a node into the local that has held its number before, and goes on naming the number.
#[test]
fn a_local_that_was_given_to_another_value_is_not_read_on() {
    let path = "../../guest-examples/n-queens/n-queens.wasm";
    let wasm = std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    let engine = Engine::default();
    // With six queens: a root, a column for each of 34 lines of the board, four nodes for each of 36 squares.
    const NODES: f64 = 1.0 + 34.0 + 144.0;
    for (breakpoint, variable) in [
        (
            "set:n_queens::dancing_links::ExactCover::add_option.above",
            "above",
        ),
        ("src/dancing_links.rs:95", "above"),
        ("src/dancing_links.rs:97", "above"),
        ("src/dancing_links.rs:97", "column"),
        ("src/dancing_links.rs:104", "column"),
    ] {
        let (_, injected) = inject(&wasm, &[breakpoint], &[variable], false);
        let module = Module::new(&engine, &injected.wasm).unwrap();
        let seen = run(&module, r#"{"queens": 6}"#);
        let hits = seen.hits.iter();
        let values = hits.map(|(slot, bits)| injected.slots[*slot].value_type.decode(*bits));
        let values: Vec<f64> = values.collect();
        // Half of the assignments at least; the loop is unrolled, and not every copy of it keeps every variable.
        assert!(values.len() >= 72, "{variable} at {breakpoint}: {values:?}");
        let strange = values.iter().find(|node| **node >= NODES);
        assert_eq!(strange, None, "{variable} at {breakpoint}");
    }
}
