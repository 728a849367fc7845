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

/// What a generated module may have.
pub(crate) struct Choices {
    /// An allocator by its exports; otherwise everything is exported.
    pub(crate) allocator: bool,
    pub(crate) memory64: bool,
    pub(crate) tail_calls: bool,
    pub(crate) gc: bool,
    pub(crate) threads: bool,
}

/// A module of random choices; `None` where the seed gave too little to go on.
pub(crate) fn generate(rng: &mut SmallRng) -> Option<Vec<u8>> {
    let mut bytes = vec![0; rng.gen_range(256..16384)];
    rng.fill_bytes(&mut bytes);
    let allocator = rng.gen_bool(0.5);
    let choices = Choices {
        allocator,
        memory64: !allocator && rng.gen_bool(0.2),
        tail_calls: rng.gen_bool(0.5),
        gc: rng.gen_bool(0.5),
        threads: !allocator && rng.gen_bool(0.3),
    };
    let wasm = module(&choices, &mut Unstructured::new(&bytes))?;
    Some(with_allocator_of(rng.gen_range(0..3), &wasm))
}

/// A module that exports everything or [`EXPORTS`], and which ends; `None` where `bytes` gave too little to go on.
pub(crate) fn module(choices: &Choices, bytes: &mut Unstructured<'_>) -> Option<Vec<u8>> {
    let exports = wat::parse_str(EXPORTS).expect("the exports are valid");
    let config = wasm_smith::Config {
        exports: choices.allocator.then_some(exports),
        export_everything: !choices.allocator,
        canonicalize_nans: true,
        max_memories: 3,
        max_tables: 3,
        min_funcs: 1,
        min_globals: 1,
        max_memory32_bytes: 1 << 20,
        max_memory64_bytes: 1 << 20,
        memory64_enabled: choices.memory64,
        tail_call_enabled: choices.tail_calls,
        gc_enabled: choices.gc,
        threads_enabled: choices.threads,
        ..wasm_smith::Config::default()
    };
    let mut module = wasm_smith::Module::new(config, bytes).ok()?;
    module.ensure_termination(1000).ok()?;
    Some(module.to_bytes())
}

/// The same with names by which the one or the other allocator is recognised, where there is one; of three kinds.
pub(crate) fn with_allocator_of(kind: u8, wasm: &[u8]) -> Vec<u8> {
    match kind {
        0 => with_names(wasm, &[]),
        1 => with_names(wasm, &[("malloc", "dlmalloc"), ("free", "dlfree")]),
        _ => with_names(
            wasm,
            &[("malloc", "c.malloc.malloc"), ("free", "c.malloc.free")],
        ),
    }
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

pub(crate) fn leb128(bytes: &mut Vec<u8>, mut value: u32) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
