//! How long looking into and rewriting a large module takes, beside copying and validating it.
//! `cargo bench -p probe --bench inject`. Not a test: nothing here fails for being slow.

use std::{hint::black_box, time::Instant};
use wasm_encoder::{
    CodeSection, ConstExpr, ExportKind, ExportSection, Function, FunctionSection, GlobalSection,
    GlobalType, MemorySection, MemoryType, Module, TypeSection, ValType,
};

/// A module of about so many bytes: many functions of arithmetic, loads, stores, calls and assignments of an exported
/// global.
fn large(bytes: usize) -> Vec<u8> {
    const BYTES_PER_FUNCTION: usize = 2000;
    let functions = (bytes / BYTES_PER_FUNCTION) as u32;
    let mut types = TypeSection::new();
    types
        .ty()
        .function([ValType::I32, ValType::I32], [ValType::I32]);
    let (mut declared, mut code) = (FunctionSection::new(), CodeSection::new());
    for index in 0..functions {
        declared.function(0);
        let mut function = Function::new([(1, ValType::I32)]);
        while function.byte_len() < BYTES_PER_FUNCTION - 20 {
            function
                .instructions()
                .local_get(0)
                .local_get(1)
                .i32_mul()
                .i32_const(12_345)
                .i32_add()
                .local_tee(2)
                .drop()
                .local_get(0)
                .local_get(2)
                .i32_store(wasm_encoder::MemArg {
                    offset: 8,
                    align: 2,
                    memory_index: 0,
                })
                .local_get(2)
                .local_get(1)
                .call((index + 1) % functions)
                .local_set(1);
        }
        // One assignment of the exported global in each function.
        function
            .instructions()
            .local_get(2)
            .global_set(0)
            .local_get(1)
            .end();
        code.function(&function);
    }
    let mut memories = MemorySection::new();
    memories.memory(MemoryType {
        minimum: 1,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    });
    let mut globals = GlobalSection::new();
    globals.global(
        GlobalType {
            val_type: ValType::I32,
            mutable: true,
            shared: false,
        },
        &ConstExpr::i32_const(0),
    );
    let mut exports = ExportSection::new();
    exports.export("memory", ExportKind::Memory, 0);
    exports.export("n", ExportKind::Global, 0);
    exports.export("first", ExportKind::Func, 0);
    let mut module = Module::new();
    module
        .section(&types)
        .section(&declared)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&code);
    module.finish()
}

fn least<T>(mut work: impl FnMut() -> T) -> f64 {
    let time = |work: &mut dyn FnMut() -> T| {
        let begun = Instant::now();
        black_box(work());
        begun.elapsed().as_secs_f64()
    };
    (0..7)
        .map(|_| time(&mut work))
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let wasm = large(20 << 20);
    let inspection = probe::inspect(&wasm).expect("inspected");
    let nothing_but_end = trace::Selection {
        breakpoints: vec!["end".to_owned()],
        ..Default::default()
    };
    let few = probe::plan(&wasm, &inspection, &nothing_but_end).expect("a plan");
    let every_set = probe::plan(&wasm, &inspection, &trace::Selection::default()).expect("a plan");
    println!("module of {:.1} MB", wasm.len() as f64 / 1e6);
    let copy = least(|| wasm.clone());
    for (name, seconds) in [
        ("copy", copy),
        ("inspect", least(|| probe::inspect(&wasm))),
        (
            "inject, nothing to probe",
            least(|| probe::inject(&wasm, &inspection, &few)),
        ),
        (
            "inject, every assignment of a global",
            least(|| probe::inject(&wasm, &inspection, &every_set)),
        ),
    ] {
        println!(
            "{name:<40} {:>8.3} s {:>8.1}x a copy",
            seconds,
            seconds / copy
        );
    }
}
