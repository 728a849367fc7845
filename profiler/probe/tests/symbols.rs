//! Places in code become names, files, lines and inlined functions, as a second reader of the same debug information has
//! them; damaged debug information becomes names.

use probe::{OriginalPlace, Symbols};
use std::{fs, path::Path, process::Command};
use wasmparser::{Parser, Payload};

fn line_reader(folder: &str) -> Vec<u8> {
    let path = format!(
        "{}/../../guest-examples/line-reader/{folder}line-reader.wasm",
        env!("CARGO_MANIFEST_DIR")
    );
    fs::read(path).unwrap()
}

/// Every call instruction: its place, and its offset in the code section.
fn calls(wasm: &[u8]) -> Vec<(OriginalPlace, usize)> {
    let mut found = Vec::new();
    let (mut function, mut code) = (0, 0);
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::ImportSection(reader) => function += reader.into_imports().count() as u32,
            Payload::CodeSectionStart { range, .. } => code = range.start,
            Payload::CodeSectionEntry(body) => {
                let begin = body.range().start;
                for operator in body
                    .get_operators_reader()
                    .unwrap()
                    .into_iter_with_offsets()
                {
                    let (operator, at) = operator.unwrap();
                    if matches!(operator, wasmparser::Operator::Call { .. }) {
                        let offset = (at - begin) as u32;
                        found.push((OriginalPlace { function, offset }, at - code));
                    }
                }
                function += 1;
            }
            _ => {}
        }
    }
    found
}

/// What llvm-symbolizer says of addresses: function, file and line, innermost first. `None` where it is absent.
fn symbolizer(wasm: &Path, addresses: &[usize]) -> Option<Vec<Vec<(String, String, u32)>>> {
    let list: Vec<String> = addresses.iter().map(|a| format!("{a:#x}")).collect();
    let names = [
        // Version 22 takes the name of the outermost function from the nearest symbol, which is another one's.
        "llvm-symbolizer-14",
    ];
    let output = names.iter().find_map(|name| {
        let mut command = Command::new(name);
        command
            .arg("--output-style=JSON")
            .arg("--no-demangle")
            .arg("--obj")
            .arg(wasm)
            .args(&list);
        command
            .output()
            .ok()
            .filter(|output| output.status.success())
    })?;
    let text = String::from_utf8(output.stdout).ok()?;
    let answers: Vec<serde_json::Value> = match serde_json::from_str(&text).ok()? {
        serde_json::Value::Array(answers) => answers,
        one => vec![one],
    };
    let frame = |frame: &serde_json::Value| {
        (
            probe::demangle(frame["FunctionName"].as_str().unwrap_or_default()),
            frame["FileName"].as_str().unwrap_or_default().to_owned(),
            frame["Line"].as_u64().unwrap_or_default() as u32,
        )
    };
    let frames = |answer: &serde_json::Value| {
        answer["Symbol"]
            .as_array()
            .map(|all| all.iter().map(frame).collect())
            .unwrap_or_default()
    };
    Some(answers.iter().map(frames).collect())
}

#[test]
fn calls_are_where_a_second_reader_finds_them() {
    for folder in ["", "c/"] {
        let wasm = line_reader(folder);
        let symbols = Symbols::of(&wasm).unwrap();
        assert!(symbols.has_lines(), "{folder}");
        let calls = calls(&wasm);
        let path = format!(
            "{}/../../guest-examples/line-reader/{folder}line-reader.wasm",
            env!("CARGO_MANIFEST_DIR")
        );
        let addresses: Vec<usize> = calls.iter().map(|(_, address)| *address).collect();
        let Some(oracle) = symbolizer(Path::new(&path), &addresses) else {
            assert!(
                std::env::var("FATHOM_TOOLS").as_deref() != Ok("required"),
                "no llvm-symbolizer"
            );
            eprintln!("skipped: no llvm-symbolizer");
            return;
        };
        assert_eq!(oracle.len(), calls.len());
        let (mut compared, mut inlined) = (0, 0);
        for ((place, address), expected) in calls.iter().zip(&oracle) {
            let frames = symbols.frames(*place);
            // Of functions without debug information the other reader knows less.
            if expected
                .iter()
                .any(|(name, _, line)| name.is_empty() || *line == 0)
            {
                continue;
            }
            let ours: Vec<u32> = frames.iter().rev().filter_map(|frame| frame.line).collect();
            let theirs: Vec<u32> = expected.iter().map(|(_, _, line)| *line).collect();
            assert_eq!(
                ours, theirs,
                "{folder} at {address:#x}: {frames:#?} {expected:#?}"
            );
            let names = |index: usize| &frames[frames.len() - 1 - index].function;
            for (index, (name, _, _)) in expected.iter().enumerate() {
                assert_eq!(names(index), name, "{folder} at {address:#x}");
            }
            compared += 1;
            inlined += usize::from(frames.len() > 1);
        }
        eprintln!(
            "{folder}: {compared} of {} calls compared, {inlined} in inlined code",
            calls.len()
        );
        assert!(compared > 40, "{folder}: only {compared} calls compared");
    }
}

#[test]
fn without_debug_information_there_are_names_and_without_names_numbers() {
    let named = wat::parse_str(
        "(module (func $_ZN6reader4rows17h0123456789abcdefE) (func (export \"out\")) (func))",
    )
    .unwrap();
    let symbols = Symbols::of(&named).unwrap();
    let names: Vec<String> = (0..4)
        .map(|function| {
            symbols
                .frames(OriginalPlace {
                    function,
                    offset: 1,
                })
                .remove(0)
                .function
        })
        .collect();
    assert_eq!(names, ["reader::rows", "out", "func[2]", "func[3]"]);
}

/// Bytes of debug sections are changed one after the other; whatever they say, every place has a frame.
#[test]
fn damaged_debug_information_becomes_names() {
    let wasm = line_reader("c/");
    let calls = calls(&wasm);
    let sections: Vec<std::ops::Range<usize>> = Parser::new(0)
        .parse_all(&wasm)
        .filter_map(|payload| match payload.unwrap() {
            Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                let start = section.data_offset();
                Some(start..start + section.data().len())
            }
            _ => None,
        })
        .collect();
    assert!(sections.len() > 3);
    let mut seed = 1_u64;
    let mut next = |below: usize| {
        seed = seed
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) as usize % below
    };
    for _ in 0..300 {
        let mut damaged = wasm.clone();
        for _ in 0..1 + next(20) {
            let section = &sections[next(sections.len())];
            let at = section.start + next(section.len());
            damaged[at] = next(256) as u8;
        }
        let symbols = Symbols::of(&damaged).unwrap();
        for (place, _) in calls.iter().step_by(7) {
            let frames = symbols.frames(*place);
            assert!(frames.iter().all(|frame| !frame.function.is_empty()));
        }
    }
}
