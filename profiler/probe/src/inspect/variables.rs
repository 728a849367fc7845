//! Exported variables: mutable globals, and statics, which linkers export as an immutable global holding an address.

use super::{dwarf::DebugInfo, dwarf_types::Type, survey::Survey};
use crate::{
    ValueType,
    inspection::{Assignment, Memory, Variable, VariableKind, has_room},
    module::{self, Module},
};
use wasmparser::{ExternalKind, ValType};

/// What an exported global is, before anything is known of its type.
pub(super) struct Exported<'a> {
    pub(super) name: &'a str,
    pub(super) kind: VariableKind,
}

pub(super) fn exported<'a>(module: &Module<'a>, language: Option<&str>) -> Vec<Exported<'a>> {
    module
        .exports
        .iter()
        .filter(|export| export.kind == ExternalKind::Global && !is_of_the_linker(export.name))
        .filter_map(|export| {
            let kind = kind(module, export.index)?;
            // AssemblyScript has no linker: its immutable globals are constants, never addresses.
            if matches!(kind, VariableKind::Static { .. }) && language == Some("AssemblyScript") {
                return None;
            }
            Some(Exported {
                name: export.name,
                kind,
            })
        })
        .collect()
}

/// `__heap_base`, `__data_end`, `__stack_pointer`, `__rtti_base` and so on: places, not variables.
fn is_of_the_linker(name: &str) -> bool {
    name.starts_with("__")
}

fn kind(module: &Module<'_>, global: u32) -> Option<VariableKind> {
    let ty = module.globals.get(global as usize)?;
    if ty.mutable {
        let scalar = ValueType::of_wasm(ty.content_type).is_some() && !ty.shared;
        return scalar.then_some(VariableKind::Global { index: global });
    }
    let memory = module.memories.first()?;
    let address = constant(module, global)?;
    let page = 1u64 << memory.page_size_log2.unwrap_or(16);
    let inside = ty.content_type == ValType::I32
        && !memory.memory64
        && u64::from(address) < memory.initial.saturating_mul(page);
    inside.then_some(VariableKind::Static { address })
}

/// The value of a global that is initialised with a constant.
fn constant(module: &Module<'_>, global: u32) -> Option<u32> {
    let imported = module.globals.len() - module.defined_globals.len();
    let position = (global as usize).checked_sub(imported)?;
    module::constant(&module.defined_globals.get(position)?.init_expr)
}

/// Addresses of the statics among them, each once.
pub(super) fn addresses(exported: &[Exported<'_>]) -> Vec<u32> {
    let mut addresses: Vec<u32> = exported
        .iter()
        .filter_map(|variable| match variable.kind {
            VariableKind::Static { address } => Some(address),
            VariableKind::Global { .. } => None,
        })
        .collect();
    addresses.sort_unstable();
    addresses.dedup();
    addresses
}

pub(super) fn describe(
    module: &Module<'_>,
    exported: &[Exported<'_>],
    debug: &DebugInfo,
    memories: &[Memory],
    survey: &Survey,
) -> Vec<Variable> {
    exported
        .iter()
        .map(|variable| match variable.kind {
            VariableKind::Global { index } => Variable {
                name: variable.name.to_owned(),
                kind: variable.kind,
                value_type: module
                    .globals
                    .get(index as usize)
                    .and_then(|global| ValueType::of_wasm(global.content_type)),
                typed: false,
                not_scalar: None,
                assignments: survey.global_sets.get(&index).copied().unwrap_or(0),
                cells: Vec::new(),
                stores: Vec::new(),
            },
            VariableKind::Static { address } => {
                let (value_type, not_scalar) = match debug.statics.get(&address) {
                    Some(Type::Scalar(value_type)) if has_room(memories, address, *value_type) => {
                        (Some(*value_type), None)
                    }
                    Some(Type::Pointer) => (None, Some("an address".to_owned())),
                    Some(_) => (None, Some("a structure, not a number".to_owned())),
                    None => (None, None),
                };
                let stores: Vec<Assignment> = survey.assignments(address).collect();
                Variable {
                    name: variable.name.to_owned(),
                    kind: variable.kind,
                    value_type,
                    typed: value_type.is_some(),
                    not_scalar,
                    assignments: stores.len(),
                    cells: Vec::new(),
                    stores,
                }
            }
        })
        .collect()
}

/// Exported variables, then watched ones. Where both have the same name, the watched one is meant: somebody wrote that
/// line to have it observed, and its type is known.
pub(super) fn together(
    mut exported: Vec<Variable>,
    watched: Vec<Variable>,
    notes: &mut Vec<String>,
) -> Vec<Variable> {
    exported.retain(|variable| {
        let twice = watched.iter().any(|other| other.name == variable.name);
        if twice {
            notes.push(format!(
                "`{}` is exported and watched: it is observed as it is watched",
                variable.name
            ));
        }
        !twice
    });
    exported.extend(watched);
    exported
}
