//! Generated modules for tests: wasm-smith from a seed, and names that make some of their functions look like an
//! allocator, so that wrappers are put around code that does anything but allocate.

use arbitrary::Unstructured;
use rand::{Rng, RngCore, rngs::SmallRng};

/// What half of the modules have to export: an allocator by name, and variables and results of every kind.
const EXPORTS: &str = r#"(module
    (memory (export "memory") 1 16)
    (global (export "a") (mut i32) (i32.const 0))
    (global (export "b") (mut f64) (f64.const 0))
    (global (export "c") (mut i64) (i64.const 0))
    (func (export "malloc") (param i32) (result i32) unreachable)
    (func (export "calloc") (param i32 i32) (result i32) unreachable)
    (func (export "realloc") (param i32 i32) (result i32) unreachable)
    (func (export "posix_memalign") (param i32 i32 i32) (result i32) unreachable)
    (func (export "free") (param i32) unreachable)
    (func (export "several") (param i32 i64 f32 f64) (result i32 i64 f32 f64) unreachable)
    (func (export "vector") (param v128) (result v128 i32) unreachable)
    (func (export "none")))"#;

/// A module that exports everything or [`EXPORTS`], and which ends; `None` where the seed gave too little to go on.
pub(crate) fn generate(rng: &mut SmallRng) -> Option<Vec<u8>> {
    let mut bytes = vec![0; rng.gen_range(256..16384)];
    rng.fill_bytes(&mut bytes);
    let allocator = rng.gen_bool(0.5);
    let exports = wat::parse_str(EXPORTS).expect("the exports are valid");
    let config = wasm_smith::Config {
        exports: allocator.then_some(exports),
        export_everything: !allocator,
        canonicalize_nans: true,
        max_memories: 3,
        max_tables: 3,
        min_funcs: 1,
        min_globals: 1,
        max_memory32_bytes: 1 << 20,
        max_memory64_bytes: 1 << 20,
        memory64_enabled: !allocator && rng.gen_bool(0.2),
        tail_call_enabled: rng.gen_bool(0.5),
        gc_enabled: rng.gen_bool(0.5),
        threads_enabled: !allocator && rng.gen_bool(0.3),
        ..wasm_smith::Config::default()
    };
    let mut module = wasm_smith::Module::new(config, &mut Unstructured::new(&bytes)).ok()?;
    module.ensure_termination(1000).ok()?;
    let wasm = module.to_bytes();
    Some(match rng.gen_range(0..3) {
        0 => with_names(&wasm, &[]),
        1 => with_names(&wasm, &[("malloc", "dlmalloc"), ("free", "dlfree")]),
        _ => with_names(
            &wasm,
            &[("malloc", "c.malloc.malloc"), ("free", "c.malloc.free")],
        ),
    })
}

/// Adds a name section in which exported functions have other names: those by which allocators with headers of their
/// own are recognised.
fn with_names(wasm: &[u8], symbols: &[(&str, &str)]) -> Vec<u8> {
    let inspection = probe::inspect(wasm).expect("a generated module is valid");
    let names: Vec<(u32, &str)> = inspection
        .functions
        .iter()
        .filter_map(|function| {
            let export = function.export.as_deref()?;
            let (_, symbol) = symbols.iter().find(|(name, _)| *name == export)?;
            Some((function.index, *symbol))
        })
        .collect();
    let mut map = Vec::new();
    leb128(&mut map, names.len() as u32);
    for (index, name) in names {
        leb128(&mut map, index);
        leb128(&mut map, name.len() as u32);
        map.extend_from_slice(name.as_bytes());
    }
    let mut section = b"\x04name\x01".to_vec();
    leb128(&mut section, map.len() as u32);
    section.extend_from_slice(&map);
    let mut output = wasm.to_vec();
    output.push(0);
    leb128(&mut output, section.len() as u32);
    output.extend_from_slice(&section);
    output
}

fn leb128(bytes: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
