//! Looks into a module: bytes to [`Inspection`]. Parses and validates once, runs nothing, changes nothing.

mod allocator;
mod cells;
mod dwarf;
pub(crate) mod dwarf_types;
mod functions;
mod names;
mod survey;
mod text;
mod variables;

use crate::{
    error::InspectError,
    inspection::{Export, GO, Import, Inspection, Kind, Memory},
    module::Module,
};
pub use allocator::is_allocation_function;
use cells::Cells;
pub(crate) use names::Names;
pub use names::demangle;
use wasmparser::{BinaryReader, ExternalKind, ProducersSectionReader, ValType};

/// Says what can be observed in `wasm`, a core module.
///
/// # Errors
///
/// Where the bytes are no module, a truncated or invalid one, or a component.
pub fn inspect(wasm: &[u8]) -> Result<Inspection, InspectError> {
    Ok(of_module(&Module::parse_and_validate(wasm)?, wasm.len()))
}

/// Says what can be observed in a module of `module_bytes` that is known to be valid.
pub(crate) fn of_module(module: &Module<'_>, module_bytes: usize) -> Inspection {
    let names = Names::of(module);
    let (language, producers) = producers(module, &names);
    let exported = variables::exported(module, language.as_deref());
    let addresses = variables::addresses(&exported);
    let debug = dwarf::read(module, &addresses);
    let memories = memories(module);
    let cells = Cells::find(module, &memories);
    let statics = addresses.into_iter().chain(cells.values());
    let survey = survey::survey(module, statics, cells.late_names());
    let exported = variables::describe(module, &exported, &debug, &memories, &survey);
    let (watched, mut notes) = cells.variables(&survey);
    let variables = variables::together(exported, watched, &mut notes);
    Inspection {
        kind: kind(module),
        dwarf: module.dwarf().is_some(),
        code_bytes: module.code_bytes,
        module_bytes,
        imports: imports(module),
        exports: exports(module),
        variables,
        functions: functions::list(module, &names, &debug, &survey, language.as_deref()),
        allocator: allocator::find(module, &memories, &names, language.as_deref()),
        notes,
        memories,
        language,
        producers,
        function_count: module.functions.len(),
        path_open: path_open(module),
    }
}

fn kind(module: &Module<'_>) -> Kind {
    let command = module
        .exports
        .iter()
        .any(|export| export.kind == ExternalKind::Func && export.name == "_start");
    if command {
        Kind::Command
    } else {
        Kind::Reactor
    }
}

fn imports(module: &Module<'_>) -> Vec<Import> {
    module
        .imports
        .iter()
        .map(|import| Import {
            module: import.module.to_owned(),
            name: import.name.to_owned(),
            ty: text::import(module, &import.ty),
        })
        .collect()
}

fn exports(module: &Module<'_>) -> Vec<Export> {
    module
        .exports
        .iter()
        .map(|export| Export {
            name: export.name.to_owned(),
            ty: text::export(module, export.kind, export.index),
        })
        .collect()
}

fn memories(module: &Module<'_>) -> Vec<Memory> {
    module
        .memories
        .iter()
        .enumerate()
        .map(|(index, memory)| Memory {
            initial_pages: memory.initial,
            maximum_pages: memory.maximum,
            page_bytes: 1 << memory.page_size_log2.unwrap_or(16),
            imported: (index as u32) < module.imported_memories,
            exported: module
                .export_of(ExternalKind::Memory, index as u32)
                .map(str::to_owned),
            memory64: memory.memory64,
            shared: memory.shared,
        })
        .collect()
}

/// The source language and the tools, as the producers section says.
fn producers(module: &Module<'_>, names: &Names<'_>) -> (Option<String>, Vec<String>) {
    let mut languages = Vec::new();
    let mut tools = Vec::new();
    for section in module.customs.iter().filter(|s| s.name() == "producers") {
        let reader = BinaryReader::new(section.data(), section.data_offset());
        let Ok(fields) = ProducersSectionReader::new(reader) else {
            continue;
        };
        for field in fields.into_iter().map_while(Result::ok) {
            for value in field.values.into_iter().map_while(Result::ok) {
                if field.name == "language" {
                    languages.push(value.name.to_owned());
                } else {
                    tools.push(
                        format!("{} {}", value.name, value.version)
                            .trim()
                            .to_owned(),
                    );
                }
            }
        }
    }
    // Rust guests contain C (the C library), so the first of several is not the guest's own.
    let language = ["Rust", "Zig", GO, "Swift"]
        .into_iter()
        .find(|known| languages.iter().any(|language| language == known))
        .map(str::to_owned)
        .or_else(|| languages.first().cloned())
        .or_else(|| {
            let script = names
                .functions
                .values()
                .any(|name| name.starts_with("~lib/"));
            let exports = module
                .exports
                .iter()
                .any(|export| export.name == "__rtti_base");
            (script || exports).then(|| "AssemblyScript".to_owned())
        });
    (language, tools)
}

/// The imports through which files are opened, if they have the signature that WASI preview 1 gives them.
fn path_open(module: &Module<'_>) -> Vec<u32> {
    use ValType::{I32, I64};
    module
        .function_imports()
        .filter(|(_, import)| {
            import.module == "wasi_snapshot_preview1" && import.name == "path_open"
        })
        .map(|(index, _)| index)
        .filter(|index| {
            module.signature(*index).is_some_and(|signature| {
                signature.params() == [I32, I32, I32, I32, I32, I64, I64, I32, I32]
                    && signature.results() == [I32]
            })
        })
        .collect()
}
