//! Looks into a component: bytes to [`ComponentInspection`]. Every core module in it is looked into as one alone is.

use super::{
    inspection::{ComponentInspection, InnerModule, WorldItem},
    parse::{Component, CoreModule},
};
use crate::{error::InspectError, inspect, module::Module};
use std::collections::HashSet;
use wasmparser::{
    BinaryReader, Name, NameSectionReader, component_types::ComponentEntityType, types::Types,
};

/// Says what can be observed in `wasm`, a component.
///
/// # Errors
///
/// Where the bytes are no component, a truncated or invalid one, or one that unfolds into more than is run here.
pub fn inspect_component(wasm: &[u8]) -> Result<ComponentInspection, InspectError> {
    if !super::is_component(wasm) {
        return Err(InspectError::not_wasm(wasm));
    }
    let component = Component::parse_and_validate(wasm)?;
    let mut names = HashSet::new();
    let mut modules = Vec::new();
    for (number, core) in component.modules.iter().enumerate() {
        let module = Module::parse(core.bytes)?;
        let name = name_of(&module).unwrap_or_else(|| format!("module{number}"));
        let name = if names.insert(name.clone()) {
            name
        } else {
            format!("{name}#{number}")
        };
        let mut inspection = inspect::of_module(&module, core.bytes.len());
        let library = module.custom("dylink.0").is_some();
        if library {
            inspection.variables.clear();
            inspection.notes.clear();
        }
        modules.push(InnerModule {
            untouchable: untouchable(core),
            inspection,
            depth: core.depth,
            instance: core.instances.first().copied(),
            number,
            range: core.range.clone(),
            library,
            name,
        });
    }
    let world = |names: &[&str], of: Of| {
        let items = names.iter().map(|name| WorldItem {
            name: (*name).to_owned(),
            ty: in_words(&component.types, name, of),
        });
        items.collect::<Vec<_>>()
    };
    let exports = world(&component.exports, Of::Exports);
    Ok(ComponentInspection {
        command: exports.iter().any(is_run),
        component_bytes: wasm.len(),
        imports: world(&component.imports, Of::Imports),
        exports,
        components: component.components,
        modules,
    })
}

/// `wasi:cli/run`, of any version of WASI 0.2.
fn is_run(export: &WorldItem) -> bool {
    export.name == "wasi:cli/run" || export.name.starts_with("wasi:cli/run@0.2.")
}

#[derive(Clone, Copy)]
enum Of {
    Imports,
    Exports,
}

fn in_words(types: &Types, name: &str, of: Of) -> String {
    let item = match of {
        Of::Imports => types.component_item_for_import(name),
        Of::Exports => types.component_item_for_export(name),
    };
    match item.map(|item| &item.ty) {
        Some(ComponentEntityType::Instance(id)) => {
            let mut functions = Vec::new();
            let mut resources = Vec::new();
            for (name, item) in &types[*id].exports {
                match item.ty {
                    ComponentEntityType::Func(_) => functions.push(name.as_str()),
                    ComponentEntityType::Type { .. } => resources.push(name.as_str()),
                    _ => {}
                }
            }
            match (functions.as_slice(), resources.as_slice()) {
                ([], []) => "empty".to_owned(),
                ([], types) => format!("types: {}", types.join(", ")),
                (functions, _) => format!("functions: {}", functions.join(", ")),
            }
        }
        Some(ComponentEntityType::Func(_)) => "function".to_owned(),
        Some(ComponentEntityType::Module(_)) => "core module".to_owned(),
        Some(ComponentEntityType::Component(_)) => "component".to_owned(),
        Some(ComponentEntityType::Type { .. }) => "type".to_owned(),
        Some(ComponentEntityType::Value(_)) => "value".to_owned(),
        None => "unknown".to_owned(),
    }
}

/// The name a module has in its name section.
fn name_of(module: &Module<'_>) -> Option<String> {
    let section = module.customs.iter().find(|s| s.name() == "name")?;
    let reader = BinaryReader::new(section.data(), section.data_offset());
    let name = NameSectionReader::new(reader)
        .map_while(Result::ok)
        .find_map(|subsection| match subsection {
            Name::Module { name, .. } => Some(name),
            _ => None,
        })?;
    (!name.is_empty()).then(|| name.trim_end_matches(".wasm").to_owned())
}

/// Why a module has to stay as it is, as far as the component around it is concerned.
fn untouchable(core: &CoreModule<'_>) -> Option<String> {
    if core.depth > 0 {
        return Some("it stands in a nested component".to_owned());
    }
    if core.used_otherwise {
        return Some("it is passed on as a module".to_owned());
    }
    match core.instances.len() {
        0 => Some("it is never instantiated".to_owned()),
        1 => None,
        several => Some(format!("it is instantiated {several} times")),
    }
}
