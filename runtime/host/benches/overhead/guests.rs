//! The guests, each with one input.

use std::{fs, path::Path, process::Command};

/// A guest and what it is given.
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) wasm: Vec<u8>,
    pub(crate) input: Vec<u8>,
}

fn example(name: &'static str, input: String) -> Workload {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-examples");
    let path = folder.join(name).join(format!("{name}.wasm"));
    Workload {
        name,
        wasm: fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())),
        input: input.into_bytes(),
    }
}

/// Lines that are all kept.
pub(crate) const LINES: usize = 150_000;

/// A text of so many lines.
pub(crate) fn text(lines: usize) -> String {
    "a line of some sixty bytes, as long as those of many texts\n".repeat(lines)
}

/// Allocation-heavy: a string for every line.
pub(crate) fn line_reader() -> Workload {
    example("line-reader", text(LINES))
}

/// Allocation-heavy: a table of 20,000 words, each a block of its own, in a text of 300,000.
pub(crate) fn word_count() -> Workload {
    // A word is made of letters.
    let letters = |number: u32| {
        let digit = |place: u32| char::from(b'a' + (number / 10u32.pow(place) % 10) as u8);
        (0..5).map(digit).collect::<String>()
    };
    let words = (0..300_000u32).map(|i| letters(i.wrapping_mul(2_654_435_761) % 20_000));
    example("word-count", words.map(|word| word + " ").collect())
}

/// Mostly computing, on nodes that it allocates first.
pub(crate) fn n_queens() -> Workload {
    example("n-queens", r#"{"queens": 11}"#.to_owned())
}

/// Computing alone: a sieve of Eratosthenes, again and again, nothing but loops, loads and stores.
pub(crate) fn sieve() -> Workload {
    from_text("sieve", SIEVE)
}

/// Twenty million calls of a function that does almost nothing.
pub(crate) fn hot() -> Workload {
    from_text("a hot function", HOT)
}

fn from_text(name: &'static str, text: &str) -> Workload {
    Workload {
        name,
        wasm: wat::parse_str(text).expect(name),
        input: Vec::new(),
    }
}

const SIEVE: &str = r#"(module
  (memory (export "memory") 16)
  (global $rounds (export "rounds") (mut i32) (i32.const 0))
  (func (export "_start") (local $i i32) (local $j i32)
    (loop $again
      (local.set $i (i32.const 2))
      (loop $next
        (local.set $j (i32.mul (local.get $i) (local.get $i)))
        (if (i32.lt_u (local.get $j) (i32.const 1000000)) (then
          (loop $strike
            (i32.store8 (local.get $j) (i32.const 1))
            (local.set $j (i32.add (local.get $j) (local.get $i)))
            (br_if $strike (i32.lt_u (local.get $j) (i32.const 1000000))))))
        (local.set $i (i32.add (local.get $i) (i32.const 1)))
        (br_if $next (i32.lt_u (local.get $i) (i32.const 1000))))
      (global.set $rounds (i32.add (global.get $rounds) (i32.const 1)))
      (br_if $again (i32.lt_u (global.get $rounds) (i32.const 40))))))"#;

const HOT: &str = r#"(module
  (memory (export "memory") 1)
  (func $step (export "step") (param $n i32) (param $sum i32) (result i32)
    (i32.xor (i32.rotl (local.get $sum) (i32.const 5)) (local.get $n)))
  (func (export "_start") (local $n i32) (local $sum i32)
    (loop $again
      (local.set $sum (call $step (local.get $n) (local.get $sum)))
      (local.set $n (i32.add (local.get $n) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $n) (i32.const 20000000))))
    (i32.store (i32.const 0) (local.get $sum))))"#;

/// Compiles Rust source for WebAssembly in a folder of its own; `None` where there is no compiler for it.
pub(crate) fn compiled(source: &str, arguments: &[&str], folder: &Path) -> Option<Vec<u8>> {
    fs::write(folder.join("guest.rs"), source).ok()?;
    rustc(
        &[&["guest.rs", "-o", "guest.wasm"], arguments].concat(),
        folder,
    )?;
    fs::read(folder.join("guest.wasm")).ok()
}

/// Runs the compiler for WebAssembly.
pub(crate) fn rustc(arguments: &[&str], folder: &Path) -> Option<()> {
    let status = Command::new("rustc")
        .args(["--edition", "2024", "--target", "wasm32-wasip1"])
        .args(["-C", "opt-level=3", "-C", "panic=abort"])
        .args(arguments)
        .current_dir(folder)
        .status();
    status.ok().filter(|status| status.success()).map(|_| ())
}
