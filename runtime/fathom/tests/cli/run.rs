//! `fathom run`: one call, accounted for.

use crate::support::{Place, printed, wat};
use serde_json::Value;

const PAGE: u64 = 65_536;

fn record(place: &Place, args: &[&str], stdin: &str) -> Value {
    let mut command =
        place.fathom(
            ["run"]
                .iter()
                .chain(args)
                .chain(&["--record", "call.json", "--quiet"]),
        );
    command.write_stdin(stdin).output().expect("it runs");
    let text = std::fs::read_to_string(place.path("call.json")).expect("the record");
    serde_json::from_str(&text).expect("JSON")
}

fn observed<'a>(record: &'a Value, variable: &str, breakpoint: &str) -> &'a Value {
    let observations = record["observations"].as_array().expect("observations");
    observations
        .iter()
        .find(|o| o["variable"] == variable && o["breakpoint"] == breakpoint)
        .unwrap_or_else(|| panic!("{variable} at {breakpoint} in {observations:#?}"))
}

/// The guest's comment says by hand what its memory is; here it is to the byte.
#[test]
fn live_bytes_and_variables_are_exact() {
    let place = Place::new();
    for lines in [0_u64, 1, 7, 1000] {
        let text = "x\n".repeat(lines as usize);
        let record = record(&place, &[&wat("exact-allocations")], &text);
        assert_eq!(record["outcome"], "succeeded");
        assert_eq!(record["exit_code"], 0);
        assert_eq!(
            record["live_peak_bytes"],
            256 + 100 * lines,
            "{lines} lines"
        );
        let pointer = 4096 + (8 + 64) + lines * (8 + 104) + (8 + 256);
        assert_eq!(
            record["committed_peak_bytes"],
            pointer.div_ceil(PAGE) * PAGE,
            "{lines} lines"
        );
        if lines > 0 {
            let set = observed(&record, "lines", "set:lines");
            assert_eq!(set["count"], lines);
            assert_eq!(set["sum"], (lines * (lines + 1) / 2) as f64);
            assert_eq!(
                (&set["first"], &set["max"]),
                (&Value::from(1.0), &Value::from(lines as f64))
            );
        }
        assert_eq!(observed(&record, "lines", "end")["last"], lines as f64);
    }
}

#[test]
fn committed_memory_is_exact_and_arguments_are_features() {
    let place = Place::new();
    for pages in [0_u64, 1, 40] {
        let pages_text = pages.to_string();
        let mut command = place.fathom([
            "run",
            &wat("exact-growth"),
            "--record",
            "call.json",
            "--",
            &pages_text,
        ]);
        command.assert().success();
        let text = std::fs::read_to_string(place.path("call.json")).expect("the record");
        let record: Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!(record["committed_peak_bytes"], (1 + pages) * PAGE);
        assert_eq!(record["live_peak_bytes"], Value::Null);
        assert_eq!(observed(&record, "arg1", "input")["first"], pages as f64);
    }
}

#[test]
fn output_and_exit_code_of_the_guest_are_untouched_and_the_account_is_on_stderr() {
    let place = Place::new();
    place.write(
        "hello.wat",
        r#"(module
          (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
          (import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))
          (memory (export "memory") 1)
          (data (i32.const 0) "\08\00\00\00\06\00\00\00hello\n")
          (func (export "_start")
            (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 32)))
            (call $exit (i32.const 42))))"#,
    );
    let (code, stdout, stderr) = printed(&mut place.fathom(["run", "hello.wat"]));
    assert_eq!((code, stdout.as_str()), (42, "hello\n"));
    assert!(stderr.contains("64.0 KiB"), "{stderr}");
    let (_, _, quiet) = printed(&mut place.fathom(["run", "--quiet", "hello.wat"]));
    assert_eq!(quiet, "");
}

#[test]
fn a_reactor_is_called_by_name_and_its_results_are_printed() {
    let place = Place::new();
    place.write(
        "add.wat",
        r#"(module (func (export "add") (param i32 i32) (result i32)
             (i32.add (local.get 0) (local.get 1))))"#,
    );
    let (code, stdout, _) =
        printed(&mut place.fathom(["run", "add.wat", "--invoke", "add", "--", "40", "-2"]));
    assert_eq!((code, stdout.as_str()), (0, "38\n"));
    let (code, _, stderr) =
        printed(&mut place.fathom(["run", "add.wat", "--invoke", "ad", "--", "1", "2"]));
    assert_eq!(code, 125);
    assert!(stderr.contains("did you mean `add`"), "{stderr}");
    let (code, _, stderr) =
        printed(&mut place.fathom(["run", "add.wat", "--invoke", "add", "--", "one", "2"]));
    assert_eq!(code, 125);
    assert!(
        stderr.contains("(i32, i32)") && stderr.contains("one, 2"),
        "{stderr}"
    );
    let (code, _, stderr) = printed(&mut place.fathom(["run", "add.wat"]));
    assert_eq!(code, 125);
    assert!(
        stderr.contains("--invoke") && stderr.contains("add"),
        "{stderr}"
    );
}

/// By function names: blocks and bytes allocated, bytes at the peak, bytes at the end.
fn by_function(record: &Value) -> Vec<(String, [f64; 4])> {
    let profile = &record["heap_profile"];
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let frames = list(&profile["table"]["frames"]);
    let stacks = list(&profile["table"]["stacks"]);
    let mut sums: std::collections::BTreeMap<String, [f64; 4]> = Default::default();
    for found in list(&profile["by_stack"]) {
        let stack = list(&stacks[found["stack"].as_u64().expect("a number") as usize]);
        let names: Vec<&str> = stack
            .iter()
            .filter_map(|frame| frames[frame.as_u64()? as usize]["function"].as_str())
            .collect();
        let sum = sums.entry(names.join(" ")).or_default();
        let number = |of: &str, what: &str| found[of][what].as_f64().expect("a number");
        sum[0] += number("allocated", "blocks");
        sum[1] += number("allocated", "bytes");
        sum[2] += number("at_peak", "bytes");
        sum[3] += number("at_end", "bytes");
    }
    sums.into_iter().collect()
}

#[test]
fn who_allocated_is_recorded_where_it_is_asked_for() {
    let place = Place::new();
    let guest = wat("exact-allocations");
    let text = "x\n".repeat(7);
    let unasked = record(&place, &[&guest], &text);
    assert_eq!(unasked["heap_profile"], Value::Null);

    let exact = record(&place, &[&guest, "--heap", "exact"], &text);
    assert_eq!(exact["heap_profile"]["sampling"]["kind"], "exact");
    assert_eq!(
        by_function(&exact),
        [
            // 64 bytes become 256 by reallocation: a block given back and one allocated.
            ("_start".to_owned(), [2.0, 64.0 + 256.0, 256.0, 0.0]),
            ("_start read_lines".to_owned(), [7.0, 700.0, 700.0, 0.0]),
        ]
    );

    let text = "x\n".repeat(3000);
    let sampled = record(&place, &[&guest, "--heap-interval", "1KiB"], &text);
    assert_eq!(sampled["heap_profile"]["sampling"]["mean"], 1024);
    let sums = by_function(&sampled);
    let (_, [_, bytes, ..]) = sums
        .iter()
        .find(|(names, _)| names == "_start read_lines")
        .expect("the reader");
    assert!((bytes / 300_000.0 - 1.0).abs() < 0.3, "{bytes}");

    let (code, _, stderr) = printed(&mut place.fathom(["run", &guest, "--heap-interval", "7B"]));
    assert_eq!(code, 125);
    assert!(stderr.contains("1KiB to 1GiB"), "{stderr}");
}
