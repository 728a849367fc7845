//! A line of the guest kit that nobody looks at: the same source without and with it, both in a plain engine.

use crate::{
    guests::{LINES, compiled, rustc, text},
    plain::Plain,
    rounds::{paired, row, skipped},
};

/// Two lines of work: `cfg(watched)` adds a third, which shows a variable.
pub(crate) const READ_LINES: &str = r#"
    use std::io::Read;
    fn main() {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).expect("text");
        let mut lines = Vec::new();
        for line in text.lines() {
            lines.push(line.to_owned());
            #[cfg(watched)]
            fathom_watch::watch!("lines", lines.len());
        }
        assert!(!lines.is_empty());
    }"#;

/// The same for a hundred million rounds of next to nothing.
const ROUNDS_OF_NOTHING: u32 = 100_000_000;
const NOTHING: &str = r#"
    fn main() {
        let mut sum = 0u32;
        for i in 0..100_000_000u32 {
            sum = sum.rotate_left(5) ^ i;
            #[cfg(watched)]
            fathom_watch::watch!("i", i);
        }
        assert!(sum != 1);
    }"#;

pub(crate) fn bench() {
    compare("lines into memory", READ_LINES, &text(LINES), LINES as u32);
    compare("a loop of two instructions", NOTHING, "", ROUNDS_OF_NOTHING);
}

fn compare(name: &str, source: &str, input: &str, shown: u32) {
    let name = format!("{name}: a watch that nobody looks at");
    let Some(modules) = without_and_with_watch(source) else {
        skipped(&name, "no rustc for wasm32-wasip1");
        return;
    };
    let [without, with] = modules.map(|wasm| Plain::new(&wasm));
    let input = input.as_bytes();
    let [without, with] = paired([&mut || without.run(input), &mut || with.run(input)]);
    let each = (with - without) * 1e9 / f64::from(shown);
    let more = format!("{shown} shown, {each:.2} ns each");
    row(&name, without, with, &more);
}

/// A module from Rust source, without and with what `cfg(watched)` adds.
fn without_and_with_watch(source: &str) -> Option<[Vec<u8>; 2]> {
    let folder = tempfile::tempdir().ok()?;
    let kit = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../guest-examples/kit/rust/src/lib.rs"
    );
    let library = [kit, "--crate-type=rlib", "--crate-name=fathom_watch"];
    rustc(&library, folder.path())?;
    let watched = ["--cfg=watched", "--extern=fathom_watch", "-L."];
    Some([
        compiled(source, &[], folder.path())?,
        compiled(source, &watched, folder.path())?,
    ])
}
