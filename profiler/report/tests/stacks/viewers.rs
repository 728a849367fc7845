//! The formats in the programs that people open them with. What is absent is skipped, unless all is required.

use crate::common::stacks::{hostile, with_stacks};
use crate::formats::folded;
use crate::{browser, npm, tools};
use report::stacks::{
    By, Merged, View, collapsed, firefox, flamegraph, perf_script, pprof_cpu, pprof_heap,
};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;
use std::{env, fs, thread};
use tempfile::TempDir;
use trace::Bytes;

fn text(output: &Output) -> String {
    let parts =
        [&output.stdout, &output.stderr].map(|part| String::from_utf8_lossy(part).into_owned());
    parts.concat()
}

fn written(folder: &TempDir, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, bytes).expect("written");
    path
}

/// `go tool pprof`, where Go is.
fn pprof(arguments: &[&str], file: &Path) -> Option<String> {
    let go = env::var("GO").unwrap_or_else(|_| "go".to_owned());
    let output = Command::new(&go)
        .args(["tool", "pprof"])
        .args(arguments)
        .arg(file)
        .env("PPROF_TMPDIR", file.parent()?)
        .output();
    match output {
        Ok(output) => {
            assert!(output.status.success(), "{}", text(&output));
            Some(text(&output))
        }
        Err(_) => {
            tools::skipped(&format!("no {go}"));
            None
        }
    }
}

#[test]
fn go_tool_pprof_reads_the_four_sample_types_lines_and_inlined_frames() {
    let folder = tempfile::tempdir().expect("a folder");
    let merged = Merged::of([&with_stacks("a.txt", "A")]).expect("a call");
    let heap = pprof_heap(&merged, View::AtPeak).expect("written");
    let heap = written(&folder, "heap.pb.gz", heap);
    let Some(raw) = pprof(&["-raw"], &heap) else {
        return;
    };
    let squeezed = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let raw = squeezed(&raw);
    for part in [
        "PeriodType: space bytes Period: 1",
        "alloc_objects/count alloc_space/bytes inuse_objects/count inuse_space/bytes[dflt]",
        "2 3000 1 2000: 3 2 1",
        "1 1000 1 1000: 3 4 1",
        "2: 0x2b0 M=1 alloc::vec::Vec::push /rustc/0123abc/library/alloc/src/vec/mod.rs:2500:0",
        "words::read /home/me/words/src/main.rs:31:0",
        "line-reader.wasm 3f9a",
        "[FN][FL][LN][IN]",
    ] {
        assert!(raw.contains(part), "no {part} in {raw}");
    }
    let at_end = pprof_heap(&merged, View::AtEnd).expect("written");
    let at_end = written(&folder, "end.pb.gz", at_end);
    let top = squeezed(&pprof(&["-top", "-sample_index=inuse_space"], &at_end).expect("as before"));
    assert!(
        top.contains("1000B of 1000B total") || top.contains("1000B, 100% of 1000B total"),
        "{top}"
    );
    let cpu = written(&folder, "cpu.pb.gz", pprof_cpu(&merged).expect("written"));
    let top = squeezed(&pprof(&["-top", "-cum"], &cpu).expect("as before"));
    assert!(
        top.contains("3ms 100% words::main") && top.contains("2ms 66.67% words::read"),
        "{top}"
    );
    let strange = Merged::of([&hostile()]).expect("a call");
    let strange = pprof_heap(&strange, View::AtPeak).expect("written");
    pprof(&["-top"], &written(&folder, "strange.pb.gz", strange));
}

/// Folder of a package of npm.
fn viewers(package: &str) -> Option<PathBuf> {
    let package = npm::packages(&[package])?.join(package);
    Some(fs::canonicalize(package).expect("there"))
}

/// The Firefox Profiler's own loader and call trees, on the command line. It keeps a process for a loaded profile.
struct FirefoxProfiler {
    program: PathBuf,
    node: PathBuf,
    folder: TempDir,
}

impl FirefoxProfiler {
    fn load(profile: &str) -> Option<FirefoxProfiler> {
        let profiler = FirefoxProfiler {
            program: viewers("@firefox-devtools/profiler-cli/dist/profiler-cli.js")?,
            node: viewers("node/bin/node")?,
            folder: tempfile::tempdir().expect("a folder"),
        };
        let file = written(&profiler.folder, "profile.json", profile);
        // It waits only half a second for the process that it starts.
        let loaded = profiler.run(&["load", &file.to_string_lossy()]);
        let mut status = profiler.run(&["status"]);
        for _ in 0..150 {
            if status.status.success() {
                return Some(profiler);
            }
            thread::sleep(Duration::from_millis(200));
            status = profiler.run(&["status"]);
        }
        panic!("{}\n{}", text(&loaded), text(&status));
    }

    fn run(&self, arguments: &[&str]) -> Output {
        Command::new(&self.node)
            .arg(&self.program)
            .args(arguments)
            .env("PROFILER_CLI_SESSION_DIR", self.folder.path())
            .output()
            .expect("node")
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let output = self.run(&[arguments, &["--json"]].concat());
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output)))
    }

    /// Name, own and total weight of every function.
    fn functions(&self, strategy: &str) -> Vec<(String, u64, u64)> {
        let told = self.json(&[
            "thread",
            "functions",
            "--strategy",
            strategy,
            "--include-idle",
        ]);
        let functions = told["functions"].as_array().expect("functions").iter();
        let number = |f: &Value, key: &str| f[key].as_f64().expect("a number") as u64;
        let mut functions: Vec<_> = functions
            .map(|f| {
                let name = f["name"].as_str().expect("a name").to_owned();
                (name, number(f, "selfSamples"), number(f, "totalSamples"))
            })
            .collect();
        functions.sort();
        functions
    }
}

impl Drop for FirefoxProfiler {
    fn drop(&mut self) {
        self.run(&["stop", "--all"]);
    }
}

#[test]
fn the_firefox_profiler_shows_memory_over_time_allocations_and_what_is_retained() {
    let trace = with_stacks("a.txt", "A");
    let profile = firefox(&trace, View::AtPeak).expect("written");
    let Some(profiler) = FirefoxProfiler::load(&profile) else {
        return;
    };
    let named = |functions: &[(&str, u64, u64)]| -> Vec<(String, u64, u64)> {
        functions
            .iter()
            .map(|(n, own, all)| ((*n).to_owned(), *own, *all))
            .collect()
    };
    assert_eq!(
        profiler.functions("native-allocations"),
        named(&[
            ("alloc::vec::Vec<T>::push", 0, 3000),
            ("malloc", 4000, 4000),
            ("words::keep", 0, 1000),
            ("words::main", 0, 4000),
            ("words::read", 0, 3000),
        ])
    );
    assert_eq!(
        profiler.functions("native-retained-allocations"),
        named(&[
            ("malloc", 1000, 1000),
            ("words::keep", 0, 1000),
            ("words::main", 0, 1000)
        ])
    );
    assert_eq!(
        profiler.functions("timing"),
        named(&[
            ("alloc::vec::Vec<T>::push", 0, 2),
            ("malloc", 3, 3),
            ("words::keep", 0, 1),
            ("words::main", 0, 3),
            ("words::read", 0, 2),
        ])
    );
    let counters = text(&profiler.run(&["counter", "list"]));
    assert!(
        counters.contains("Committed memory") && counters.contains("Live bytes"),
        "{counters}"
    );
}

#[test]
fn the_firefox_profiler_loads_names_that_would_do_harm() {
    let profile = firefox(&hostile(), View::Cpu).expect("written");
    if let Some(profiler) = FirefoxProfiler::load(&profile) {
        assert!(!profiler.functions("timing").is_empty());
    }
}

/// FlameScope is not published as a package: `flamescope.py` has the lines of it that read the text.
fn flamescope(script: &str) -> Option<Value> {
    if !tools::present(&["python3"]) {
        return None;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = written(&folder, "out.perf", script);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stacks/flamescope.py");
    let output = Command::new("python3")
        .arg(program)
        .arg(file)
        .output()
        .expect("python3");
    Some(
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", text(&output))),
    )
}

fn children(node: &Value) -> Vec<(&str, u64)> {
    let children = node["c"].as_array().expect("children").iter();
    children
        .map(|c| {
            (
                c["n"].as_str().expect("a name"),
                c["v"].as_u64().expect("a count"),
            )
        })
        .collect()
}

#[test]
fn flamescope_reads_the_events_and_their_stacks() {
    let trace = with_stacks("a.txt", "A");
    let script = perf_script(&[&trace], View::Allocated, Some(Bytes(1000)), By::Function);
    let Some(told) = flamescope(&script.expect("written").text) else {
        return;
    };
    assert_eq!(
        told["offsets"],
        serde_json::json!([0.0001, 0.0002, 0.0002, 0.0003])
    );
    let process = &told["root"]["c"][0];
    assert_eq!(process["n"], "line-reader");
    let main = &process["c"][0];
    assert_eq!(main["n"], "words::main");
    assert_eq!(children(main), [("words::read", 0), ("words::keep", 0)]);
    assert_eq!(children(&main["c"][0]["c"][0]), [("malloc", 3)]);
    assert_eq!(children(&main["c"][1]), [("malloc", 1)]);
    // As many events as samples, whatever the names.
    let strange = perf_script(&[&hostile()], View::Cpu, None, By::Line).expect("written");
    let told = flamescope(&strange.text).expect("as before");
    assert_eq!(told["offsets"].as_array().map(Vec::len), Some(3), "{told}");
}

fn chromium(folder: &TempDir, url: &str) -> String {
    let more = ["--virtual-time-budget=10000", "--dump-dom"];
    let dom = browser::chromium(folder.path(), url, &more);
    String::from_utf8_lossy(&dom).into_owned()
}

/// It says the name of the profile in its title once it has read it.
#[test]
fn speedscope_opens_pprof_collapsed_stacks_and_perf_script() {
    let Some(page) = viewers("speedscope/dist/release/index.html") else {
        return;
    };
    if !tools::present(&["chromium"]) {
        return;
    }
    let trace = with_stacks("a.txt", "A");
    let merged = Merged::of([&trace]).expect("a call");
    let script = perf_script(&[&trace], View::Allocated, Some(Bytes(1000)), By::Line);
    for (name, title, bytes) in [
        (
            "heap.pb.gz",
            "heap.pb.gz",
            pprof_heap(&merged, View::AtPeak).expect("written"),
        ),
        (
            "peak.folded",
            "peak.folded",
            collapsed(&folded(&trace, View::AtPeak, By::Line)).into_bytes(),
        ),
        (
            "out.perf",
            "line-reader pid: 1 tid: 1",
            script.expect("written").text.into_bytes(),
        ),
    ] {
        let folder = tempfile::tempdir().expect("a folder");
        let bytes = bytes
            .iter()
            .map(u8::to_string)
            .collect::<Vec<_>>()
            .join(",");
        let load =
            format!("speedscope.loadFileFromBase64({name:?}, btoa(String.fromCharCode({bytes})))");
        let load = written(&folder, "load.js", load);
        let url = format!(
            "file://{}#localProfilePath={}",
            page.display(),
            load.display()
        );
        let dom = chromium(&folder, &url);
        assert!(
            dom.contains(&format!("<title>{title} - speedscope</title>")),
            "{name}: {dom}"
        );
    }
}

#[test]
fn a_browser_opens_the_flame_graph() {
    if !tools::present(&["chromium"]) {
        return;
    }
    for trace in [with_stacks("a.txt", "A"), hostile()] {
        let folder = tempfile::tempdir().expect("a folder");
        let svg = flamegraph(&folded(&trace, View::AtPeak, By::Line)).expect("drawn");
        let file = written(&folder, "flame.svg", &svg);
        let dom = chromium(&folder, &format!("file://{}", file.display()));
        assert!(!dom.contains("parsererror"), "{dom}");
        // The script has run: frames have been given their texts anew.
        assert_eq!(
            dom.matches("<title>").count(),
            svg.matches("<title>").count(),
            "{dom}"
        );
    }
}
