//! Others who say what allocates, each on a program that reads the same lines, as a ratio to that program alone:
//! CPython with tracemalloc and with memray, and the Rust program compiled natively, with heaptrack. Whole commands, by the
//! clock on the wall. What is not installed is left out: `pip install memray`, Debian's package `heaptrack`.

use crate::{
    guests::{Workload, compiled, text},
    kit::READ_LINES,
    observed::{Observed, breakpoints},
    plain::Plain,
    rounds::{paired, paired_in, row, skipped},
};
use std::{
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};
use trace::{Bytes, HeapSampling, Selection};

/// Enough that the start of an interpreter does not count.
const LINES: usize = 1_000_000;
/// Rounds of whole commands.
const ROUNDS: usize = 5;

const PYTHON: &str = "
import sys
lines = []
for line in sys.stdin:
    lines.append(line)
assert lines
";

pub(crate) fn bench() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let text = text(LINES);
    fs::write(folder.join("lines.py"), PYTHON).expect("a script");
    fs::write(folder.join("text"), &text).expect("a text");
    ours(folder, text);
    let python = ["python3", "lines.py"];
    for (name, observed) in [
        (
            "tracemalloc",
            &["python3", "-X", "tracemalloc", "lines.py"][..],
        ),
        (
            "memray",
            &[
                "python3",
                "-m",
                "memray",
                "run",
                "--quiet",
                "--force",
                "--output",
                "memray.bin",
                "lines.py",
            ],
        ),
    ] {
        compare(&format!("CPython: {name}"), folder, &python, observed);
    }
    let native = [
        "rustc",
        "--edition",
        "2024",
        "-O",
        "guest.rs",
        "-o",
        "native",
    ];
    if run(folder, &native).is_none() {
        skipped("native: heaptrack", "no rustc");
        return;
    }
    let heaptrack = ["heaptrack", "--raw", "./native"];
    compare("native: heaptrack", folder, &["./native"], &heaptrack);
}

/// The same program as a guest.
fn ours(folder: &Path, text: String) {
    let Some(wasm) = compiled(READ_LINES, &[], folder) else {
        skipped("Fathom", "no rustc for wasm32-wasip1");
        return;
    };
    let work = Workload {
        name: "Fathom",
        wasm,
        input: text.into_bytes(),
    };
    let plain = Plain::new(&work.wasm);
    let mean = Bytes(512 * 1024);
    for (how, heap) in [
        ("live bytes", None),
        ("--heap sampled", Some(HeapSampling::Poisson { mean })),
        ("--heap exact", Some(HeapSampling::Exact)),
    ] {
        let selection = Selection {
            heap,
            ..breakpoints(&["end"])
        };
        let observed = Observed::new(&work, &selection);
        let [plain, observed] = paired([&mut || plain.run(&work.input), &mut || {
            observed.run().seconds
        }]);
        row(&format!("Fathom: {how}"), plain, observed, "");
    }
}

fn compare(name: &str, folder: &Path, plain: &[&str], observed: &[&str]) {
    if run(folder, plain).is_none() || run(folder, observed).is_none() {
        skipped(name, "not installed here, or it failed");
        return;
    }
    let mut seconds =
        [plain, observed].map(|command| move || run(folder, command).unwrap_or(f64::INFINITY));
    let [first, second] = &mut seconds;
    let [plain, observed] = paired_in(ROUNDS, &mut [first, second]);
    row(name, plain, observed, "");
}

/// Seconds that a command takes on the text; `None` where it fails.
fn run(folder: &Path, command: &[&str]) -> Option<f64> {
    let (program, arguments) = command.split_first()?;
    let begun = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(File::open(folder.join("text")).ok()?)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    status.ok().filter(|status| status.success())?;
    Some(begun.elapsed().as_secs_f64())
}
