//! Places in rewritten modules are those of the original: every instruction of the guest is found again where it was.
//! The oracle is the two modules read side by side.

mod support;

use probe::{Injected, OriginalPlace};
use rand::{SeedableRng, rngs::SmallRng};
use std::{
    collections::HashMap,
    fs,
    mem::{Discriminant, discriminant},
};
use trace::Selection;
use wasmparser::{Operator, Parser, Payload};

type Kind<'a> = Discriminant<Operator<'a>>;

/// The instructions of all functions with a body: index, offset into the body, kind.
fn instructions(wasm: &[u8]) -> Vec<(u32, u32, Kind<'_>)> {
    let mut found = Vec::new();
    let mut function = 0;
    for payload in Parser::new(0).parse_all(wasm) {
        match payload.unwrap() {
            Payload::ImportSection(reader) => {
                for import in reader.into_imports() {
                    let of_function = matches!(import.unwrap().ty, wasmparser::TypeRef::Func(_));
                    function += u32::from(of_function);
                }
            }
            Payload::CodeSectionEntry(body) => {
                let begin = body.range().start;
                let operators = body.get_operators_reader().unwrap();
                for operator in operators.into_iter_with_offsets() {
                    let (operator, offset) = operator.unwrap();
                    found.push((function, (offset - begin) as u32, discriminant(&operator)));
                }
                function += 1;
            }
            _ => {}
        }
    }
    found
}

/// Every instruction of the original is in the rewritten module, in order, at a place that maps to it.
fn check(wasm: &[u8], injected: &Injected) -> usize {
    let mut places: HashMap<OriginalPlace, Vec<Kind<'_>>> = HashMap::new();
    for (function, offset, kind) in instructions(&injected.wasm) {
        if let Some(place) = injected.code_map.original(function, offset) {
            places.entry(place).or_default().push(kind);
        }
    }
    let originals = instructions(wasm);
    // A `return` becomes a branch where something is done on the way out.
    let branch = discriminant(&Operator::Br { relative_depth: 0 });
    let is_return = discriminant(&Operator::Return);
    for (function, offset, kind) in &originals {
        let place = OriginalPlace {
            function: *function,
            offset: *offset,
        };
        let there = places
            .get(&place)
            .unwrap_or_else(|| panic!("nothing maps to {place:?}"));
        assert!(
            there.contains(kind) || (*kind == is_return && there.contains(&branch)),
            "{place:?}: {kind:?} is not among {there:?}"
        );
    }
    originals.len()
}

fn selection(breakpoints: &[&str]) -> Selection {
    Selection {
        breakpoints: breakpoints.iter().map(|&text| text.to_owned()).collect(),
        ..Selection::default()
    }
}

#[test]
fn every_instruction_of_generated_modules_is_found_again() {
    let mut compared = 0;
    for seed in 0..200 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let Some(wasm) = support::generate(&mut rng) else {
            continue;
        };
        let inspection = probe::inspect(&wasm).unwrap();
        let mut everything = selection(&["entry:*", "exit:*", "end"]);
        if !inspection.variables.is_empty() {
            everything.breakpoints.push("set:*".to_owned());
        }
        let Ok(plan) = probe::plan(&wasm, &inspection, &everything) else {
            continue;
        };
        let injected = probe::inject(&wasm, &inspection, &plan).unwrap();
        compared += check(&wasm, &injected);
    }
    assert!(compared > 10_000, "only {compared} instructions");
}

#[test]
fn every_instruction_of_the_line_readers_is_found_again() {
    for guest in ["", "c/", "assemblyscript/"] {
        let path = format!(
            "{}/../../guest-examples/line-reader/{guest}line-reader.wasm",
            env!("CARGO_MANIFEST_DIR")
        );
        let wasm = fs::read(path).unwrap();
        let inspection = probe::inspect(&wasm).unwrap();
        for breakpoints in [&["end"][..], &["entry:*", "exit:*"], &["auto"]] {
            let plan = probe::plan(&wasm, &inspection, &selection(breakpoints)).unwrap();
            let injected = probe::inject(&wasm, &inspection, &plan).unwrap();
            assert!(check(&wasm, &injected) > 1000);
        }
    }
}
