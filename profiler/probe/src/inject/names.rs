//! The name section of the rewritten module: functions keep their names under their new indices, so that backtraces
//! stay readable. Names of locals, labels and the like are left out; engines do not use them.

use super::layout::Layout;
use crate::module::Module;
use std::collections::BTreeMap;
use wasm_encoder::{NameMap, NameSection};
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// `None` where the guest has no names, or none that can be read.
pub(super) fn section(module: &Module<'_>, layout: &Layout) -> Option<NameSection> {
    let mut module_name = None;
    let mut functions: BTreeMap<u32, String> = BTreeMap::new();
    for section in module.customs.iter().filter(|s| s.name() == "name") {
        let reader = BinaryReader::new(section.data(), section.data_offset());
        for subsection in NameSectionReader::new(reader).map_while(Result::ok) {
            match subsection {
                Name::Module { name, .. } => module_name = Some(name),
                Name::Function(map) => {
                    for naming in map.into_iter().map_while(Result::ok) {
                        name_function(&mut functions, naming.index, naming.name, layout);
                    }
                }
                _ => {}
            }
        }
    }
    if functions.is_empty() && module_name.is_none() {
        return None;
    }
    let mut section = NameSection::new();
    if let Some(name) = module_name {
        section.module(name);
    }
    let mut map = NameMap::new();
    for (index, name) in &functions {
        map.append(*index, name);
    }
    section.functions(&map);
    Some(section)
}

/// A wrapper is called after what it wraps, which keeps its own name.
fn name_function(names: &mut BTreeMap<u32, String>, old: u32, name: &str, layout: &Layout) {
    let wrapped = || format!("fathom:{name}");
    match layout.moved_to(old) {
        Some(moved) => {
            names.insert(moved, name.to_owned());
            names.insert(layout.shifted(old), wrapped());
        }
        None => {
            names.insert(layout.shifted(old), name.to_owned());
            if layout.function(old) != layout.shifted(old) {
                names.insert(layout.function(old), wrapped());
            }
        }
    }
}
