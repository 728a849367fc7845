//! Generated modules, armed with everything, must come out valid. What they compute is compared by the tests of `host`,
//! which has an engine; here the only oracle is the validator.

mod support;

use rand::{Rng, SeedableRng, rngs::SmallRng};
use trace::Selection;
use wasmparser::{Validator, WasmFeatures};

/// Every exported variable and every function, at entry and at exit.
fn everything(light: bool) -> Selection {
    Selection {
        breakpoints: ["entry:*", "exit:*", "end", "sample"]
            .map(String::from)
            .to_vec(),
        variables: Vec::new(),
        light,
        ..Selection::default()
    }
}

#[test]
fn armed_modules_validate() {
    let mut armed = 0;
    let mut wrapped = 0;
    for seed in 0..400 {
        let mut rng = SmallRng::seed_from_u64(seed);
        let Some(wasm) = support::generate(&mut rng) else {
            continue;
        };
        let inspection = probe::inspect(&wasm).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        let mut selection = everything(rng.r#gen());
        if inspection.functions.is_empty() {
            selection.breakpoints.clear();
        } else if !inspection.variables.is_empty() {
            selection.breakpoints.push("set:*".to_owned());
        }
        let plan = match probe::plan(&wasm, &inspection, &selection) {
            Ok(plan) => plan,
            // All functions belong to the allocator, so the pattern means none.
            Err(probe::PlanError::UnknownFunction { .. }) => continue,
            Err(e) => panic!("seed {seed}: {e}"),
        };
        let injected =
            probe::inject(&wasm, &inspection, &plan).unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        Validator::new_with_features(WasmFeatures::all())
            .validate_all(&injected.wasm)
            .unwrap_or_else(|e| panic!("seed {seed}: {e}"));
        armed += usize::from(!plan.slots.is_empty());
        wrapped += usize::from(injected.heap.is_some());
    }
    // Otherwise nothing has been tested.
    assert!(armed > 200, "only {armed} modules had something to arm");
    assert!(
        wrapped > 100,
        "only {wrapped} modules had something like an allocator"
    );
}
