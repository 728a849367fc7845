//! Source lines and local variables: what a user asks for and is told. That the values are right is tested with an engine,
//! in `host`; here no guest runs.

use probe::{Place, ReadableFunction};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{collections::BTreeSet, path::Path};
use trace::Selection;

fn example(path: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../guest-examples");
    std::fs::read(root.join(path)).unwrap()
}

fn selection(breakpoints: &[&str], variables: &[&str]) -> Selection {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Selection {
        breakpoints: owned(breakpoints),
        variables: owned(variables),
        ..Selection::default()
    }
}

fn plan(wasm: &[u8], breakpoints: &[&str], variables: &[&str]) -> Result<probe::ArmedPlan, String> {
    let inspection = probe::inspect(wasm).map_err(|error| error.to_string())?;
    probe::plan(wasm, &inspection, &selection(breakpoints, variables))
        .map_err(|error| error.to_string())
}

/// Breakpoint and variable of every slot.
fn armed(wasm: &[u8], breakpoints: &[&str], variables: &[&str]) -> Vec<String> {
    let plan = plan(wasm, breakpoints, variables).unwrap();
    let slots = plan.slots.iter();
    slots
        .map(|slot| format!("{} {}", slot.breakpoint, slot.variable))
        .collect()
}

fn refused(wasm: &[u8], breakpoints: &[&str], variables: &[&str]) -> String {
    plan(wasm, breakpoints, variables).unwrap_err()
}

const RUST: &str = "line-reader/line-reader.wasm";
const C: &str = "line-reader/c/line-reader.wasm";

#[test]
fn a_line_shows_what_can_be_read_there() {
    let wasm = example(RUST);
    let lengths = armed(&wasm, &["src/main.rs:52"], &["lines.len"]);
    assert_eq!(lengths, ["src/main.rs:52 lines.len"]);
    // The path may be written as long or as short as one likes.
    assert_eq!(armed(&wasm, &["main.rs:52"], &["lines.len"]), lengths);
    let planned = plan(&wasm, &["src/main.rs:52"], &[]).unwrap();
    assert!(
        planned
            .plan
            .notes
            .iter()
            .any(|note| note.contains("places of the code")),
        "that it was inlined is said: {:?}",
        planned.plan.notes
    );
    assert_eq!(
        armed(&example(C), &["c/main.c:54"], &["list.length"]),
        ["c/main.c:54 list.length"]
    );
    // What a pointer points to, as C writes it.
    assert_eq!(
        armed(&example(C), &["push"], &["list->length"]),
        ["set:push.list.length list.length"]
    );
}

#[test]
fn a_line_without_code_is_moved_to_the_next_and_that_is_said() {
    let wasm = example(C);
    let planned = plan(&wasm, &["c/main.c:51"], &["list.length"]).unwrap();
    assert_eq!(planned.slots[0].breakpoint.to_string(), "c/main.c:52");
    assert_eq!(
        planned.plan.notes[0],
        "c/main.c:51 has no code: moved to line 52"
    );
}

#[test]
fn what_is_asked_for_in_vain_is_answered_with_what_there_is() {
    let wasm = example(RUST);
    for (breakpoints, variables, expected) in [
        (
            &["src/mian.rs:12"][..],
            &[][..],
            "the debug information knows no source file `src/mian.rs`; nearest: src/main.rs",
        ),
        (
            &["src/main.rs:5000"],
            &[],
            "no code at or after src/main.rs:5000; the last line with code is 70",
        ),
        (
            &["read_linse"],
            &[],
            "no function `read_linse`; nearest: line_reader::read_lines",
        ),
        (
            &["src/main.rs:48"],
            &["lines.len"],
            "variable `lines.len` cannot be read at src/main.rs:48: readable at 49-54",
        ),
        (
            &[],
            &["lines.lne"],
            "no variable `lines.lne`; nearest: lines.len",
        ),
        (
            &["set:read_lines.nothing"],
            &[],
            "no variable `read_lines.nothing`",
        ),
    ] {
        let message = refused(&wasm, breakpoints, variables);
        assert!(
            message.starts_with(expected),
            "{message}\nexpected {expected}"
        );
    }
    let without = wat::parse_str(r#"(module (func (export "f") (param i32)))"#).unwrap();
    let message = refused(&without, &["src/main.rs:3"], &[]);
    assert!(
        message.contains("needs debug information (DWARF)"),
        "{message}"
    );
}

#[test]
fn a_function_that_was_inlined_everywhere_still_has_variables() {
    let wasm = example(RUST);
    let names = armed(&wasm, &["read_lines"], &[]);
    assert!(
        names.contains(&"set:line_reader::read_lines.lines.len lines.len".to_owned()),
        "{names:?}"
    );
    // By pattern, the user's own functions only.
    let names = armed(&wasm, &["line_reader::*"], &["lines.len"]);
    assert!(
        names.iter().all(|name| name.contains("line_reader::")),
        "{names:?}"
    );
}

#[test]
fn auto_observes_the_users_functions_and_no_library() {
    for (path, expected) in [
        (RUST, "set:line_reader::report.longest longest"),
        (C, "set:report.longest longest"),
        ("maze/maze.wasm", "set:maze::travel.expanded expanded"),
        (
            "n-queens/n-queens.wasm",
            "set:n_queens::report.queens queens",
        ),
    ] {
        let names = armed(&example(path), &["auto"], &[]);
        assert!(names.contains(&expected.to_owned()), "{path}: {names:#?}");
        for library in [
            "alloc::",
            "std::",
            "core::",
            "dlmalloc",
            "printf",
            "hashbrown",
            "fathom_",
        ] {
            let others = |name: &&String| name.contains(&format!(":{library}"));
            assert_eq!(names.iter().find(others), None, "{path}");
        }
    }
}

#[test]
fn the_lines_of_a_function_are_listed() {
    let read: Vec<ReadableFunction> = probe::readable(&example(C), "read_lines").unwrap();
    assert_eq!(
        (read.len(), read[0].file.as_str(), read[0].inlined),
        (1, "c/main.c", 1)
    );
    let line = read[0].lines.iter().find(|line| line.line == 49).unwrap();
    let names: Vec<&str> = line.variables.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["list.length", "list.capacity", "length"]);
    let message = probe::readable(&example(C), "raed_lines")
        .unwrap_err()
        .to_string();
    assert_eq!(
        message,
        "the debug information knows no function `raed_lines`; nearest: read_lines"
    );
}

#[test]
fn a_pattern_that_matches_thousands_is_cut_and_that_is_said() {
    let functions: String = (0..12_000)
        .map(|i| format!("(func $f{i} (param i32))"))
        .collect();
    let wasm = wat::parse_str(format!("(module {functions})")).unwrap();
    let planned = plan(&wasm, &["entry:f*"], &[]).unwrap();
    assert_eq!(planned.slots.len(), 10_000);
    assert_eq!(
        planned.plan.notes,
        [
            "12000 places match, more than can be armed at once: the first 10000 variables are; name fewer"
        ]
    );
}

/// The custom sections of a module, and everything else.
fn apart(wasm: &[u8]) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    let mut debug = Vec::new();
    let mut rest = wasm[..8].to_vec();
    for payload in wasmparser::Parser::new(0).parse_all(wasm) {
        let payload = payload.unwrap();
        if let wasmparser::Payload::CustomSection(section) = &payload
            && section.name().starts_with(".debug")
        {
            debug.push((section.name().to_owned(), section.data().to_vec()));
        } else if let Some((id, range)) = payload.as_section() {
            wasm_encoder::Section::append_to(
                &wasm_encoder::RawSection {
                    id,
                    data: &wasm[range],
                },
                &mut rest,
            );
        }
    }
    (debug, rest)
}

fn together(debug: &[(String, Vec<u8>)], rest: &[u8]) -> Vec<u8> {
    let mut wasm = rest.to_vec();
    for (name, data) in debug {
        let section = wasm_encoder::CustomSection {
            name: name.as_str().into(),
            data: data.as_slice().into(),
        };
        wasm_encoder::Section::append_to(&section, &mut wasm);
    }
    wasm
}

/// Plans and injects everything there is; what comes out is a valid module.
fn survives(wasm: &[u8]) -> usize {
    let inspection = probe::inspect(wasm).unwrap();
    let _ = probe::readable(wasm, "*");
    let mut sites = 0;
    for breakpoints in [&["auto"][..], &["*"], &["main.c:50"], &["main.rs:52"]] {
        let Ok(planned) = probe::plan(wasm, &inspection, &selection(breakpoints, &[])) else {
            continue;
        };
        let injected = probe::inject(wasm, &inspection, &planned).unwrap();
        wasmparser::Validator::new_with_features(wasmparser::WasmFeatures::all())
            .validate_all(&injected.wasm)
            .unwrap();
        let slots = planned.slots.iter();
        sites += slots
            .filter(|slot| matches!(slot.place, Place::Source { .. }))
            .count();
    }
    sites
}

#[test]
fn damaged_debug_information_is_survived() {
    let mut rng = SmallRng::seed_from_u64(3);
    let mut believed = 0;
    for round in 0..24 {
        let (mut debug, rest) = apart(&example(if round % 2 == 0 { C } else { "pi/pi.wasm" }));
        for (_, data) in &mut debug {
            if rng.gen_bool(0.1) {
                data.truncate(rng.gen_range(0..=data.len()));
            }
            for _ in 0..rng.gen_range(0..30) {
                if !data.is_empty() {
                    let at = rng.gen_range(0..data.len());
                    data[at] = rng.r#gen();
                }
            }
        }
        believed += survives(&together(&debug, &rest));
    }
    assert!(believed > 0, "not all of it is damaged beyond use");
}

#[test]
fn debug_information_of_another_module_is_survived() {
    let (mut modules, mut sections) = (Vec::new(), Vec::new());
    for path in [RUST, C, "pi/pi.wasm", "word-count/word-count.wasm"] {
        let (debug, rest) = apart(&example(path));
        modules.push(rest);
        sections.push(debug);
    }
    for (at, rest) in modules.iter().enumerate() {
        let other = (at + 1) % sections.len();
        survives(&together(&sections[other], rest));
    }
}

/// A type that contains itself, and one that is its own origin.
#[test]
fn cyclic_debug_information_is_survived() {
    let wasm = example(C);
    let (debug, rest) = apart(&wasm);
    let (name, info) = debug
        .iter()
        .find(|(name, _)| name == ".debug_info")
        .unwrap();
    // Every four bytes that look like a reference within the unit, made one to the unit's beginning or to themselves.
    let mut rng = SmallRng::seed_from_u64(5);
    for _ in 0..12 {
        let mut info = info.clone();
        for _ in 0..200 {
            let at = rng.gen_range(11..info.len() - 4);
            let to = if rng.gen_bool(0.5) {
                at as u32
            } else {
                rng.gen_range(11..info.len() as u32)
            };
            info[at..at + 4].copy_from_slice(&to.to_le_bytes());
        }
        let mut debug = debug.clone();
        debug.iter_mut().find(|(other, _)| other == name).unwrap().1 = info;
        survives(&together(&debug, &rest));
    }
}

/// What a user may type is what is listed: every variable that `inspect --function` shows at a line can be armed there.
#[test]
fn what_is_listed_at_a_line_can_be_armed_there() {
    for path in [RUST, C, "word-count/word-count.wasm", "maze/maze.wasm"] {
        let wasm = example(path);
        let mut tried = 0;
        for function in probe::readable(&wasm, "*").unwrap() {
            for line in &function.lines {
                let listed: BTreeSet<&str> =
                    line.variables.iter().map(|v| v.name.as_str()).collect();
                for name in listed.into_iter().take(2) {
                    let breakpoint = format!("{}:{}", function.file, line.line);
                    let planned = plan(&wasm, &[&breakpoint], &[name]);
                    assert!(
                        planned.is_ok(),
                        "{path}: {name} at {breakpoint}: {planned:?}"
                    );
                    tried += 1;
                }
                if tried > 25 {
                    break;
                }
            }
        }
        assert!(tried > 5, "{path}");
    }
}
