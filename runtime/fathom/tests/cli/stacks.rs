//! Stacks on the command line: flame graphs, exports, and what is said where there are none. The amounts are put into the
//! database by hand, so that they are known.

use crate::{
    support::{Place, printed, wat},
    tools,
};
use std::fs;
use store::{Filter, Store};
use trace::*;

/// Two recorded calls with stacks, by `grow`, `read` and `main`; at the peak `read` held 3,000 bytes, `main` 1,000.
fn with_stacks() -> Place {
    let place = Place::new();
    place.lines(&[300]);
    place
        .fathom(["profile", &wat("exact-allocations"), "lines", "--heap=off"])
        .assert()
        .success();
    let mut store = Store::open(&place.path(".fathom/fathom.db")).expect("the database");
    let recorded = store.traces(&Filter::default()).expect("the call");
    let mut trace = recorded.into_iter().next().expect("a call");
    trace.heap_profile = Some(heap(3000.0));
    trace.machine.processor = "A".to_owned();
    for label in ["one", "two"] {
        trace.input.label = label.to_owned();
        trace.input.digest = format!("sha256:{label}");
        store.append(&trace).expect("recorded");
    }
    trace.function.digest = format!("sha256:{}", "b".repeat(64));
    trace.machine.processor = "B".to_owned();
    trace.heap_profile = Some(heap(9000.0));
    trace.started_unix_ms -= 1_000_000;
    store.append(&trace).expect("recorded");
    place
}

fn heap(read: f64) -> HeapProfile {
    let frame = |function: &str, line, address| Frame {
        function: function.to_owned(),
        file: Some("src/main.rs".to_owned()),
        line: Some(line),
        inlined: false,
        address,
    };
    let amount = |bytes| Amount { blocks: 1.0, bytes };
    let at = |stack, bytes| HeapAtStack {
        stack,
        allocated: amount(2.0 * bytes),
        at_peak: amount(bytes),
        at_end: Amount::default(),
        temporary: Amount::default(),
    };
    let event = |at, stack, bytes| HeapEvent {
        at: Nanos(at),
        stack,
        address: 4096,
        bytes,
        weight: 1.0,
    };
    HeapProfile {
        sampling: HeapSampling::Exact,
        table: StackTable {
            frames: vec![frame("main", 3, 16), frame("read", 7, 32)],
            stacks: vec![vec![0], vec![0, 1]],
        },
        by_stack: vec![at(0, 1000.0), at(1, read)],
        peak_at: Nanos(1),
        events: vec![event(10, 0, 1000), event(20, 1, read as i64)],
        events_lost: 0,
    }
}

#[test]
fn stacks_of_all_calls_or_of_one_are_exported() {
    let place = with_stacks();
    let collapsed = |more: &[&str]| {
        let args = [
            &[
                "traces",
                "export",
                "exact-allocations",
                "--format",
                "collapsed",
            ],
            more,
        ]
        .concat();
        printed(&mut place.fathom(args))
    };
    let (code, text, notes) = collapsed(&[]);
    assert_eq!(
        (code, text.as_str()),
        (
            0,
            "main (main.rs:3) 2000\nmain (main.rs:3);read (main.rs:7) 6000\n"
        )
    );
    assert!(notes.contains("2 of 3 calls have stacks"), "{notes}");
    let (_, one, _) = collapsed(&["--call", "two", "--view", "allocated", "--by", "function"]);
    assert_eq!(one, "main 2000\nmain;read 6000\n");
    let (_, blocks, _) = collapsed(&["--blocks", "--by", "function", "--call", "2"]);
    assert_eq!(blocks, "main 1\nmain;read 1\n");
    let pprof = place.path("heap.pb.gz");
    let out = pprof.to_string_lossy();
    let export = ["traces", "export", "exact-allocations", "--format"];
    for (format, first) in [
        ("pprof", &[0x1f, 0x8b][..]),
        ("flamegraph", b"<?xml"),
        ("firefox", b"{"),
        ("perf-script", b"# an event for each 16 bytes"),
    ] {
        let args = [&export[..], &[format, "-o", &out]].concat();
        place.fathom(args).assert().success();
        let bytes = fs::read(&pprof).expect("written");
        assert!(
            bytes.starts_with(first),
            "{format}: {:?}",
            &bytes[..40.min(bytes.len())]
        );
    }
}

#[test]
fn what_cannot_be_exported_is_said() {
    let place = with_stacks();
    let said = |args: &[&str]| {
        let (code, _, stderr) = printed(&mut place.fathom(args));
        assert_ne!(code, 0, "{args:?}");
        stderr
    };
    let export = |more: &[&str]| said(&[&["traces", "export", "exact-allocations"], more].concat());
    let cpu = export(&["--format", "pprof", "--view", "cpu"]);
    assert!(
        cpu.contains("none of 3 calls has") && cpu.contains("--cpu"),
        "{cpu}"
    );
    let one = export(&["--format", "firefox", "--call", "300.txt"]);
    assert!(one.contains("--heap exact"), "{one}");
    let call = export(&["--format", "collapsed", "--call", "twoo"]);
    assert!(call.contains("did you mean `two`"), "{call}");
    let end = export(&["--format", "collapsed", "--view", "at-end"]);
    assert!(end.contains("given back before the end"), "{end}");
    let data = export(&["--view", "at-end"]);
    assert!(data.contains("--format collapsed"), "{data}");
    let perf = export(&["--format", "perf-script", "--view", "at-peak"]);
    assert!(perf.contains("`allocated` or `cpu`"), "{perf}");
    let name = said(&["flame", "exact-alocations"]);
    assert!(name.contains("did you mean `exact-allocations`"), "{name}");
    let version = said(&[
        "flame",
        "exact-allocations",
        "--diff",
        "exact-allocations@77",
    ]);
    assert!(
        version.contains("no version") && version.contains("sha256:bbbb"),
        "{version}"
    );
}

/// The other version, on another machine, held 9,000 of 10,000 in `read`, this one 3,000 of 4,000: 0.1 and 0.75 are in
/// both.
#[test]
fn two_versions_are_compared_and_their_machines_too() {
    let place = with_stacks();
    let (code, svg, notes) = printed(&mut place.fathom(["flame", "exact-allocations"]));
    assert!(
        code == 0 && svg.contains("read (main.rs:7) (6,000 bytes, 75.00%)"),
        "{notes}"
    );
    let (code, svg, notes) = printed(&mut place.fathom([
        "flame",
        "exact-allocations",
        "--diff",
        "exact-allocations@bbbb",
    ]));
    assert_eq!(code, 0, "{notes}");
    assert!(
        notes.contains("similarity of their stacks 0.85")
            && notes.contains("processor `B` and `A`"),
        "{notes}"
    );
    assert!(
        svg.contains("read (6,000 bytes, 75.00%; -150.00%)"),
        "{svg}"
    );
}

#[test]
fn who_held_the_memory_is_told_on_every_page() {
    let place = with_stacks();
    let (_, shown, _) = printed(&mut place.fathom(["traces", "show", "2"]));
    assert!(
        shown.contains("Who held the memory") && shown.contains("main.rs:7"),
        "{shown}"
    );
    let (_, text, _) = printed(&mut place.fathom(["report", "--format", "text"]));
    let sentence = "Who    75 % of the peaks are held by `read` (main.rs:7)";
    assert!(
        text.contains(sentence) && text.contains("with callees"),
        "{text}"
    );
    if !tools::present(&["chromium"]) {
        return;
    }
    place.fathom(["report"]).assert().success();
    let page = place.path("fathom-out/exact-allocations/report.html");
    let dom = String::from_utf8_lossy(&crate::page::chromium(&place, &page, &["--dump-dom"]))
        .into_owned();
    assert_eq!(
        dom.matches("<figure class=\"flame\"").count(),
        2,
        "at peak, allocated"
    );
    // The script has run: it shows the tools that it serves.
    assert!(dom.contains("<div class=\"tools\">") && !dom.contains("<div class=\"tools\" hidden"));
}
