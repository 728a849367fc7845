//! Generated modules, made from the bytes that a fuzzer thinks of, injected with every probe there is.

use crate::support::{Choices, module, with_allocator_of};
use arbitrary::{Result, Unstructured};
use probe::InjectError;
use trace::{Bytes, HeapSampling, Selection};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

/// What is injected into a valid module is valid.
pub(crate) fn check(bytes: &[u8]) {
    // Too few bytes to say what to do is nothing to do.
    let _ = try_check(&mut Unstructured::new(bytes));
}

fn try_check(input: &mut Unstructured<'_>) -> Result<()> {
    let allocator = input.arbitrary()?;
    let choices = Choices {
        allocator,
        memory64: !allocator && input.arbitrary()?,
        tail_calls: input.arbitrary()?,
        gc: input.arbitrary()?,
        threads: !allocator && input.arbitrary()?,
    };
    let kind = input.int_in_range(0..=2)?;
    let light = input.arbitrary()?;
    let Some(wasm) = module(&choices, input) else {
        return Ok(());
    };
    let wasm = with_allocator_of(kind, &wasm);
    let inspection = probe::inspect(&wasm).expect("a generated module is valid");
    let mean = Bytes(4096);
    // Who allocates in every way, records in place and apart.
    let ways = [
        (None, false),
        (Some(HeapSampling::Exact), true),
        (Some(HeapSampling::Poisson { mean }), false),
    ];
    for breakpoints in [
        &["entry:*", "exit:*", "set:*", "end", "sample"][..],
        &["entry:*", "exit:*"],
        &["set:*"],
        &[],
    ] {
        for (heap, seldom_hit) in ways {
            let selection = Selection {
                breakpoints: breakpoints.iter().map(|&text| text.to_owned()).collect(),
                light,
                heap,
                seldom_hit,
                ..Selection::default()
            };
            // A pattern that nothing matches is refused.
            let Ok(plan) = probe::plan(&wasm, &inspection, &selection) else {
                continue;
            };
            let injected = match probe::inject(&wasm, &inspection, &plan) {
                Err(InjectError::AlreadyInjected { .. }) if speaks_of_fathom(&wasm) => continue,
                injected => injected.expect("room for the probes"),
            };
            Validator::new_with_features(WasmFeatures::all())
                .validate_all(&injected.wasm)
                .expect("what was injected is valid");
        }
    }
    Ok(())
}

/// Whether a fuzzer has learned the names of our own imports and exports, which are refused.
fn speaks_of_fathom(wasm: &[u8]) -> bool {
    Parser::new(0)
        .parse_all(wasm)
        .any(|payload| match payload.expect("validated before") {
            Payload::ExportSection(exports) => exports
                .into_iter()
                .any(|export| export.is_ok_and(|e| e.name.starts_with("fathom:"))),
            Payload::ImportSection(imports) => imports
                .into_imports()
                .any(|import| import.is_ok_and(|i| i.module == "fathom")),
            _ => false,
        })
}
