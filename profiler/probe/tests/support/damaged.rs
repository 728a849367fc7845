//! Example guests with damaged custom sections, made from the bytes that a fuzzer thinks of: it damages the debug
//! information, not the code, which the validator refuses anyway. Whatever is done to them, nothing may panic, go on for
//! ever or use much memory, and what comes out of injection is valid.

use arbitrary::{Result, Unstructured};
use probe::{OriginalPlace, Symbols};
use trace::Selection;
use wasmparser::{Validator, WasmFeatures};

/// C and Rust, as other compilers write other debug information.
const GUESTS: [&[u8]; 3] = [
    include_bytes!("../../../../guest-examples/word-count/word-count.wasm"),
    include_bytes!("../../../../guest-examples/q-learning/q-learning.wasm"),
    include_bytes!("../../../../guest-examples/random-size/random-size.wasm"),
];

/// Files that the guests were made of: lines of them are asked for.
const FILES: [&str; 4] = ["word-count.c", "q-learning.c", "main.rs", "lib.rs"];

/// Functions that are asked for: some, all, none.
const NAMES: [&str; 5] = ["main", "main::*", "*", "insert", "nothing"];

const MOST_EDITS: usize = 16;

/// Does with one module of the fuzzer's everything that is done with a user's.
pub(crate) fn check(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    // Too few bytes to say what to do is nothing to do.
    let _ = try_check(&mut input);
}

fn try_check(input: &mut Unstructured<'_>) -> Result<()> {
    let wasm = damaged(input)?;
    let Ok(inspection) = probe::inspect(&wasm) else {
        return Ok(());
    };
    let function = input.int_in_range(0..=inspection.functions.len() as u32 + 10)?;
    let offset = u32::from(input.arbitrary::<u16>()?);
    if let Ok(symbols) = Symbols::of(&wasm) {
        for function in [function, function / 2] {
            let frames = symbols.frames(OriginalPlace { function, offset });
            assert!(!frames.is_empty());
        }
    }
    let name = *input.choose(&NAMES)?;
    if let Ok(functions) = probe::readable(&wasm, name) {
        assert!(!functions.is_empty());
    }
    let breakpoint = match input.int_in_range(0..=5)? {
        0 => "entry:*".to_owned(),
        1 => "exit:*".to_owned(),
        2 => "auto".to_owned(),
        3 => name.to_owned(),
        _ => format!("{}:{}", input.choose(&FILES)?, input.int_in_range(1..=400)?),
    };
    let selection = Selection {
        breakpoints: vec![breakpoint],
        light: input.arbitrary()?,
        ..Selection::default()
    };
    // What cannot be planned or injected is refused, in a sentence.
    let Ok(plan) = probe::plan(&wasm, &inspection, &selection) else {
        return Ok(());
    };
    if let Ok(injected) = probe::inject(&wasm, &inspection, &plan) {
        Validator::new_with_features(WasmFeatures::all())
            .validate_all(&injected.wasm)
            .expect("what was injected is valid");
    }
    Ok(())
}

/// A section: its number, and for custom ones where after their name their contents begin.
struct Section {
    id: u8,
    contents: usize,
    bytes: Vec<u8>,
}

fn damaged(input: &mut Unstructured<'_>) -> Result<Vec<u8>> {
    let guest = input.choose_index(GUESTS.len())?;
    let mut sections = split(GUESTS[guest]);
    let custom: Vec<usize> = (0..sections.len())
        .filter(|&at| sections[at].id == 0)
        .collect();
    for _ in 0..input.int_in_range(0..=MOST_EDITS)? {
        let which = *input.choose(&custom)?;
        edit(&mut sections[which], input)?;
    }
    let mut wasm = b"\0asm\x01\0\0\0".to_vec();
    for section in &sections {
        wasm.push(section.id);
        crate::support::leb128(&mut wasm, section.bytes.len() as u32);
        wasm.extend_from_slice(&section.bytes);
    }
    Ok(wasm)
}

fn edit(section: &mut Section, input: &mut Unstructured<'_>) -> Result<()> {
    let contents = &mut section.bytes;
    let at = input.int_in_range(section.contents..=contents.len())?;
    let end = |length: usize| (at + length).min(contents.len());
    match input.int_in_range(0..=5)? {
        0 => {
            let new: [u8; 4] = input.arbitrary()?;
            let length = input.int_in_range(1..=4)?;
            contents.splice(at..end(length), new.into_iter().take(length));
        }
        1 => {
            let new: [u8; 8] = input.arbitrary()?;
            contents.splice(at..at, new);
        }
        2 => {
            let length = usize::from(input.arbitrary::<u16>()?);
            contents.drain(at..end(length));
        }
        3 => contents.truncate(at),
        // A piece of it somewhere else: references go in circles.
        4 => {
            let from = input.int_in_range(section.contents..=contents.len())?;
            let length = usize::from(input.arbitrary::<u8>()?);
            let to = (from + length).min(contents.len());
            let piece = contents[from..to].to_vec();
            let over = end(piece.len());
            contents.splice(at..over, piece);
        }
        // The section of the same name, of another guest.
        _ => {
            let other = split(input.choose(&GUESTS)?);
            let name = &contents[..section.contents];
            let found = other
                .into_iter()
                .find(|other| other.id == 0 && other.bytes.starts_with(name));
            if let Some(found) = found {
                *contents = found.bytes;
            }
        }
    }
    Ok(())
}

/// The sections of a module that is whole.
fn split(wasm: &[u8]) -> Vec<Section> {
    let mut sections = Vec::new();
    let mut rest = &wasm[8..];
    while let [id, after @ ..] = rest {
        rest = after;
        let length = read_leb128(&mut rest);
        let (bytes, after) = rest.split_at(length);
        rest = after;
        let mut name = bytes;
        let contents = if *id == 0 {
            let length = read_leb128(&mut name);
            bytes.len() - name.len() + length
        } else {
            0
        };
        sections.push(Section {
            id: *id,
            contents,
            bytes: bytes.to_vec(),
        });
    }
    sections
}

fn read_leb128(bytes: &mut &[u8]) -> usize {
    let mut value = 0;
    for shift in (0..35).step_by(7) {
        let [byte, rest @ ..] = bytes else { break };
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    value
}
