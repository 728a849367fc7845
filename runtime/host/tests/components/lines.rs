//! Source lines of a module inside a component, as a compiler for components makes it.

use crate::{
    support::{call, load},
    tools,
};
use std::{fs, process::Command};
use trace::Selection;

/// With one argument, its name, it adds up the squares below 5.
const SOURCE: &str = "\
#[inline(never)]
fn squares(n: u32) -> u32 {
    let mut sum = 0;
    for i in 0..n {
        sum += i * i;
        std::hint::black_box(sum);
    }
    sum
}

fn main() {
    std::hint::black_box(squares(5 * std::env::args().count() as u32));
}
";

#[test]
fn a_variable_is_read_at_a_line_inside_a_component() {
    let folder = tempfile::tempdir().unwrap();
    let (source, made) = (
        folder.path().join("main.rs"),
        folder.path().join("main.wasm"),
    );
    fs::write(&source, SOURCE).unwrap();
    let built = Command::new("rustc")
        .args(["--edition", "2024", "--target", "wasm32-wasip2", "-g", "-o"])
        .args([&made, &source])
        .output();
    if !tools::present(&["rustc"]) || !built.is_ok_and(|built| built.status.success()) {
        tools::skipped("no rustc for wasm32-wasip2 (rustup target add wasm32-wasip2)");
        return;
    }
    let wasm = fs::read(&made).unwrap();
    let at = |line: &str, variable: &str| Selection {
        breakpoints: vec![line.to_owned()],
        variables: vec![variable.to_owned()],
        ..Selection::default()
    };
    let trace = call(&wasm, &at("main.rs:6", "sum"), 1000).trace;
    let sums = trace.observations.iter().find(|o| o.variable == "sum");
    let sums = sums.unwrap_or_else(|| panic!("no sum in {:?}", trace.observations));
    assert_eq!(
        (sums.count, sums.first, sums.last, sums.sum),
        (5, 0.0, 30.0, 0.0 + 1.0 + 5.0 + 14.0 + 30.0)
    );
    let error = load(&wasm, &at("main.rs:6", "sun")).err().unwrap();
    assert!(error.to_string().contains("sum"), "{error}");
    let error = load(&wasm, &at("mian.rs:6", "sum")).err().unwrap();
    assert!(error.to_string().contains("main.rs"), "{error}");
}
