//! Types of WebAssembly as people read them: `func (i32, f64) -> i32`, `memory 17..`, `global mut i32`.

use crate::{ValueType, module::Module};
use wasmparser::{ExternalKind, FuncType, GlobalType, MemoryType, TypeRef, ValType};

fn values(types: &[ValType]) -> String {
    let types: Vec<String> = types.iter().map(ToString::to_string).collect();
    types.join(", ")
}

pub(super) fn function(signature: Option<&FuncType>) -> String {
    let Some(signature) = signature else {
        return "func".to_owned();
    };
    let params = values(signature.params());
    match signature.results() {
        [] => format!("func ({params})"),
        [one] => format!("func ({params}) -> {one}"),
        several => format!("func ({params}) -> ({})", values(several)),
    }
}

fn memory(memory: &MemoryType) -> String {
    let maximum = memory.maximum.map(|m| m.to_string()).unwrap_or_default();
    let shared = if memory.shared { " shared" } else { "" };
    let wide = if memory.memory64 { " of 64 bits" } else { "" };
    format!("memory {}..{maximum}{shared}{wide}", memory.initial)
}

fn global(global: &GlobalType) -> String {
    let mutable = if global.mutable { "mut " } else { "" };
    format!("global {mutable}{}", global.content_type)
}

pub(super) fn import(module: &Module<'_>, ty: &TypeRef) -> String {
    match ty {
        TypeRef::Func(index) | TypeRef::FuncExact(index) => {
            let signature = module
                .types
                .get(*index as usize)
                .and_then(|sub_type| match &sub_type.composite_type.inner {
                    wasmparser::CompositeInnerType::Func(signature) => Some(signature),
                    _ => None,
                });
            function(signature)
        }
        TypeRef::Table(table) => format!("table {}..", table.initial),
        TypeRef::Memory(ty) => memory(ty),
        TypeRef::Global(ty) => global(ty),
        TypeRef::Tag(_) => "tag".to_owned(),
    }
}

pub(super) fn export(module: &Module<'_>, kind: ExternalKind, index: u32) -> String {
    let position = index as usize;
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => function(module.signature(index)),
        ExternalKind::Table => "table".to_owned(),
        ExternalKind::Memory => module
            .memories
            .get(position)
            .map_or_else(|| "memory".to_owned(), memory),
        ExternalKind::Global => module
            .globals
            .get(position)
            .map_or_else(|| "global".to_owned(), global),
        ExternalKind::Tag => "tag".to_owned(),
    }
}

/// The WebAssembly type that carries a scalar, as wasmparser writes it.
pub(super) fn carrier(value_type: ValueType) -> &'static str {
    match value_type {
        ValueType::I64 | ValueType::U64 => "i64",
        ValueType::F32 => "f32",
        ValueType::F64 => "f64",
        _ => "i32",
    }
}
