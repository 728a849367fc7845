//! What is said about guests: what can be observed, what is armed, and what is wrong with bad input.

use probe::{Allocator, Counted, InspectError, Kind, PlanError, ValueType, VariableKind};
use trace::{ProbeMode, Selection};

const GUEST: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "path_open"
        (func (param i32 i32 i32 i32 i32 i64 i64 i32 i32) (result i32)))
    (memory (export "memory") 2 8)
    (global (export "lines") (mut i32) (i32.const 0))
    (global (export "LINES") i32 (i32.const 1024))
    (global (export "UNTYPED") i32 (i32.const 1028))
    (global (export "OUTSIDE") i32 (i32.const 131072))
    (global (export "AT_THE_END") i32 (i32.const 131071))
    (global (export "__heap_base") i32 (i32.const 2048))
    (global (export "__stack_pointer") (mut i32) (i32.const 1024))
    (func $process (export "process") (param $rows i32) (param f64) (result i64)
        (global.set 0 (local.get $rows))
        (i32.store (i32.const 1024) (local.get $rows))
        (i64.const 0))
    (func $malloc (export "malloc") (param i32) (result i32) (i32.const 0))
    (func $free (export "free") (param i32))
    (func $_ZN6reader10count_rows17h0123456789abcdefE (param $text i32))
    (func (export "_start")))"#;

fn wasm() -> Vec<u8> {
    wat::parse_str(GUEST).unwrap()
}

fn inspection() -> probe::Inspection {
    probe::inspect(&wasm()).unwrap()
}

fn selection(breakpoints: &[&str], variables: &[&str]) -> Selection {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Selection {
        breakpoints: owned(breakpoints),
        variables: owned(variables),
        ..Selection::default()
    }
}

/// Breakpoint, variable and type of every slot.
fn armed(breakpoints: &[&str], variables: &[&str]) -> Vec<(String, String, ValueType)> {
    let plan = probe::plan(&wasm(), &inspection(), &selection(breakpoints, variables)).unwrap();
    plan.slots
        .into_iter()
        .map(|slot| (slot.breakpoint.to_string(), slot.variable, slot.value_type))
        .collect()
}

fn refused(breakpoints: &[&str], variables: &[&str]) -> String {
    probe::plan(&wasm(), &inspection(), &selection(breakpoints, variables))
        .unwrap_err()
        .to_string()
}

#[test]
fn a_guest_is_described() {
    let guest = inspection();
    assert_eq!(guest.kind, Kind::Command);
    assert!(!guest.dwarf);
    assert_eq!(guest.imports[0].ty, "func (i32, i32, i32, i32) -> i32");
    assert_eq!(guest.exports[0].ty, "memory 2..8");
    let memory = &guest.memories[0];
    assert_eq!((memory.initial_pages, memory.maximum_pages), (2, Some(8)));
    let variables: Vec<(&str, VariableKind, Option<ValueType>)> = guest
        .variables
        .iter()
        .map(|v| (v.name.as_str(), v.kind, v.value_type))
        .collect();
    let address = |address| VariableKind::Static { address };
    assert_eq!(
        variables,
        [
            (
                "lines",
                VariableKind::Global { index: 0 },
                Some(ValueType::I32)
            ),
            ("LINES", address(1024), None),
            ("UNTYPED", address(1028), None),
            ("AT_THE_END", address(131_071), None),
        ]
    );
    let labels: Vec<&str> = guest.functions.iter().map(|f| f.label.as_str()).collect();
    assert_eq!(
        labels,
        ["process", "malloc", "free", "reader::count_rows", "_start"]
    );
    let parameters = &guest.functions[0].parameters;
    assert_eq!(parameters[0].name.as_deref(), Some("rows"));
    assert_eq!(
        (&parameters[1].name, parameters[1].wasm.as_str()),
        (&None, "f64")
    );
    let Allocator::Found(allocator) = &guest.allocator else {
        panic!("{:?}", guest.allocator);
    };
    assert_eq!(allocator.counted, Counted::RequestedBytes);
    assert_eq!(
        allocator.note,
        "live bytes are counted as requested, remembered in a table of its own; wrapped: malloc, free"
    );
}

#[test]
fn without_being_asked_variables_and_parameters_of_exports_are_armed() {
    let plan = probe::plan(&wasm(), &inspection(), &Selection::default()).unwrap();
    let slots: Vec<(String, &str, ProbeMode)> = plan
        .slots
        .iter()
        .map(|slot| {
            (
                slot.breakpoint.to_string(),
                slot.variable.as_str(),
                slot.mode,
            )
        })
        .collect();
    let expected = [
        ("set:lines", "lines", ProbeMode::HostCall),
        ("end", "lines", ProbeMode::HostRead),
        ("sample", "lines", ProbeMode::HostRead),
        ("entry:process", "rows", ProbeMode::HostCall),
        ("entry:process", "arg1", ProbeMode::HostCall),
    ];
    assert_eq!(slots, expected.map(|(b, v, m)| (b.to_owned(), v, m)));
    assert!(plan.opens);
    let probes: Vec<String> = plan
        .plan
        .probes
        .iter()
        .map(|p| p.breakpoint.to_string())
        .collect();
    assert_eq!(probes.last().map(String::as_str), Some("open:"));
    let untyped = plan
        .plan
        .notes
        .iter()
        .filter(|n| n.contains("does not say of what type"));
    assert_eq!(untyped.count(), 3, "{:?}", plan.plan.notes);
}

#[test]
fn what_is_asked_for_is_armed_and_nothing_else() {
    let slot = |b: &str, v: &str, t| (b.to_owned(), v.to_owned(), t);
    assert_eq!(
        armed(&[], &["LINES:u32"]),
        [
            slot("set:LINES", "LINES", ValueType::U32),
            slot("end", "LINES", ValueType::U32),
            slot("sample", "LINES", ValueType::U32),
        ]
    );
    assert_eq!(
        armed(&["entry:count_rows"], &[]),
        [slot("entry:reader::count_rows", "text", ValueType::I32)]
    );
    assert_eq!(
        armed(&["entry:_start"], &[]),
        [slot("entry:_start", "hits", ValueType::U64)]
    );
    assert_eq!(
        armed(&["exit:pro*"], &[]),
        [slot("exit:process", "result", ValueType::I64)]
    );
    assert_eq!(
        armed(&[], &["text:u32"]),
        [slot("entry:reader::count_rows", "text", ValueType::U32)]
    );
    assert_eq!(
        armed(&["exit:process"], &["lines:u32"]),
        [slot("exit:process", "lines", ValueType::U32)]
    );
    assert_eq!(armed(&["input", "open:"], &[]), []);
}

#[test]
fn what_does_not_fit_is_refused_by_name_and_with_what_is_near() {
    for (breakpoints, variables, message) in [
        (
            &["at:process"][..],
            &[][..],
            "`at:process` is not a breakpoint: expected input, open:, entry:NAME, exit:NAME, set:NAME, FILE:LINE, end or sample",
        ),
        (
            &["entry:proces"],
            &[],
            "no function `proces`; nearest: process",
        ),
        (&["entry:zebra"], &[], "no function `zebra`"),
        (
            &["exit:fd_read"],
            &[],
            "function `fd_read` is imported: breakpoints can be set in the guest's own functions only",
        ),
        (
            &["set:line"],
            &[],
            "no variable `line`; nearest: lines, LINES",
        ),
        (
            &["set:LINES"],
            &[],
            "variable `LINES` is an address without a known type (the guest has no debug information for it): write its type, as in `LINES:u32`",
        ),
        (
            &[],
            &["LINES"],
            "variable `LINES` is an address without a known type (the guest has no debug information for it): write its type, as in `LINES:u32`",
        ),
        (&[], &["row"], "no variable `row`; nearest: rows"),
        (
            &[],
            &["LINES:u31"],
            "variable `LINES`: `u31` is not a type: expected u8, i8, u16, i16, u32, i32, u64, i64, f32, f64 or bool",
        ),
        (
            &[],
            &["lines:f64"],
            "variable `lines` is a global of i32, not f64",
        ),
        (
            &[],
            &["AT_THE_END:u32"],
            "variable `AT_THE_END` cannot be observed: it is too near to the end of memory to be u32",
        ),
        (
            &["end"],
            &["rows"],
            "variable `rows` is not known at any of the breakpoints asked for",
        ),
    ] {
        let refused = refused(breakpoints, variables);
        assert_eq!(refused, message);
    }
}

#[test]
fn what_is_no_core_module_is_refused_and_said_what_it_is() {
    let module = wat::parse_str(GUEST).unwrap();
    for (bytes, message) in [
        (
            &b""[..],
            "not a WebAssembly module: expected it to begin with the bytes 00 61 73 6d, found an empty file",
        ),
        (
            b"#!/bin/sh",
            "not a WebAssembly module: expected it to begin with the bytes 00 61 73 6d, found 23 21 2f 62",
        ),
        (
            b" (module)",
            "not a WebAssembly module: expected it to begin with the bytes 00 61 73 6d, found what looks like WebAssembly text (WAT), which has to be assembled first",
        ),
        (
            &module[..100],
            "the module is truncated: it ends after 100 bytes, inside something unfinished",
        ),
        (
            b"\0asm\x0d\0\x01\0",
            "this is a WebAssembly component: expected a core module here",
        ),
        (
            b"\0asm\x02\0\0\0",
            "the module is invalid at byte 4 (0x4): unknown binary version: 0x2",
        ),
    ] {
        assert_eq!(probe::inspect(bytes).unwrap_err().to_string(), message);
    }
    let function = wat::parse_str("(module (func (result i32) i64.const 0))");
    let error = probe::inspect(&function.unwrap()).unwrap_err();
    let InspectError::Invalid { offset, what } = &error else {
        panic!("{error}");
    };
    assert_eq!(
        (*offset, what.as_str()),
        (0x1a, "type mismatch: expected i32, found i64")
    );
}

#[test]
fn a_module_is_injected_once() {
    let wasm = wat::parse_str(GUEST).unwrap();
    let inspection = inspection();
    let plan = probe::plan(&wasm, &inspection, &Selection::default()).unwrap();
    let injected = probe::inject(&wasm, &inspection, &plan).unwrap();
    let again = probe::inspect(&injected.wasm).unwrap();
    let plan_again = probe::plan(&injected.wasm, &again, &Selection::default()).unwrap();
    assert_eq!(
        probe::inject(&injected.wasm, &again, &plan_again)
            .unwrap_err()
            .to_string(),
        "the module already carries Fathom's probes (it imports `fathom.hit`): inject the original"
    );
    let error = probe::inject(&injected.wasm, &inspection, &plan).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the module is not the one that was inspected")
    );
    assert!(matches!(
        probe::plan(&wasm, &inspection, &selection(&["set:nothing"], &[])),
        Err(PlanError::UnknownVariable { .. })
    ));
}

#[test]
fn a_memory_is_exported_where_the_host_has_to_read_it_and_the_rest_survives_a_cache() {
    let wasm = wat::parse_str(
        r#"(module (memory 1) (global (export "N") i32 (i32.const 8))
            (func (export "f") (i64.store (i32.const 0) (i64.const 1)) (i32.store (i32.const 8) (i32.const 1))))"#,
    );
    let wasm = wasm.unwrap();
    let inspection = probe::inspect(&wasm).unwrap();
    let light = Selection {
        light: true,
        ..selection(&[], &["N:u16"])
    };
    let plan = probe::plan(&wasm, &inspection, &light).unwrap();
    let injected = probe::inject(&wasm, &inspection, &plan).unwrap();
    let exports: Vec<String> = probe::inspect(&injected.wasm)
        .unwrap()
        .exports
        .into_iter()
        .map(|export| export.name)
        .collect();
    assert_eq!(
        exports,
        ["N", "f", probe::MEMORY_EXPORT, probe::Mailbox::EXPORT]
    );
    let imports = probe::inspect(&injected.wasm).unwrap().imports;
    assert_eq!(imports, [], "light probes call nobody");
    let kept = serde_json::to_string(&injected).unwrap();
    let again: probe::Injected = serde_json::from_str(&kept).unwrap();
    assert_eq!(again.slots, injected.slots);
    assert_eq!(again.mailbox, injected.mailbox);
}

#[test]
fn backtraces_keep_their_names_and_stale_sections_go() {
    let mut wasm = wat::parse_str(GUEST).unwrap();
    for name in [".debug_line", "metadata.code.branch_hint", "kept"] {
        wasm.push(0);
        wasm.push(name.len() as u8 + 2);
        wasm.push(name.len() as u8);
        wasm.extend_from_slice(name.as_bytes());
        wasm.push(0);
    }
    let inspection = probe::inspect(&wasm).unwrap();
    let plan = probe::plan(&wasm, &inspection, &Selection::default()).unwrap();
    let injected = probe::inject(&wasm, &inspection, &plan).unwrap();
    let mut sections = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&injected.wasm) {
        if let wasmparser::Payload::CustomSection(section) = payload.unwrap() {
            sections.push(section.name().to_owned());
        }
    }
    assert_eq!(sections, ["kept", "name"]);
    let names: Vec<String> = probe::inspect(&injected.wasm)
        .unwrap()
        .functions
        .into_iter()
        .filter_map(|function| function.name)
        .collect();
    assert_eq!(
        names,
        [
            "process",
            "fathom:malloc",
            "fathom:free",
            "reader::count_rows",
            "malloc",
            "free"
        ]
    );
}

/// What Go passes to a function is not what its source passes.
#[test]
fn parameters_of_go_are_not_taken_for_those_of_the_source() {
    let wat = r#"(module (@producers (language "Go" "go1.27"))
        (func $main.report (param i32) (result i32) (i32.const 0))
        (func (export "exported") (param i64)))"#;
    let wasm = wat::parse_str(wat).unwrap();
    let guest = probe::inspect(&wasm).unwrap();
    let by_default = probe::plan(&wasm, &guest, &Selection::default()).unwrap();
    let breakpoints: Vec<String> = by_default
        .slots
        .iter()
        .map(|s| s.breakpoint.to_string())
        .collect();
    assert_eq!(breakpoints, ["entry:exported"]);
    let plan = probe::plan(
        &wasm,
        &guest,
        &selection(&["entry:main.report", "exit:main.*"], &[]),
    )
    .unwrap();
    let observed: Vec<&str> = plan.slots.iter().map(|s| s.variable.as_str()).collect();
    assert_eq!(observed, ["hits", "hits"]);
    assert_eq!(plan.plan.notes.len(), 1, "{:?}", plan.plan.notes);
}
