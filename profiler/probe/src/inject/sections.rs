//! Writes the rewritten module, section after section in the order that WebAssembly prescribes.
//! Sections that nothing is added to and that mention no function are copied as they are.

use super::{
    body::Rewriter,
    heap,
    layout::{Layout, Sites},
    names, nesting, open, table,
};
use crate::{
    code_map::CodeMap,
    error::InjectError,
    inspection::{Allocator, Inspection},
    mailbox::Mailbox,
    module::Module,
    slot::{ArmedPlan, MEMORY_EXPORT},
};
use std::convert::Infallible;
use wasm_encoder::{
    CodeSection, ConstExpr, CustomSection, DataCountSection, ElementSection, ExportKind,
    ExportSection, FunctionSection, GlobalSection, GlobalType, ImportSection, MemorySection,
    MemoryType, RawSection, SectionId, StartSection, TableSection, TypeSection, ValType,
    reencode::{self, Reencode},
};

/// Gives functions their new index wherever they are mentioned outside code.
struct Renumber<'l>(&'l Layout);

impl Reencode for Renumber<'_> {
    type Error = Infallible;

    fn function_index(&mut self, old: u32) -> Result<u32, reencode::Error> {
        Ok(self.0.function(old))
    }
}

fn failed(section: &'static str) -> impl Fn(reencode::Error) -> InjectError {
    move |error| InjectError::Section {
        section,
        what: error.to_string(),
    }
}

pub(super) fn write(
    wasm: &[u8],
    module: &Module<'_>,
    inspection: &Inspection,
    plan: &ArmedPlan,
    layout: &mut Layout,
) -> Result<(Vec<u8>, CodeMap), InjectError> {
    // Code first: wrapping bodies adds types, which stand before it.
    let mut map = layout.code_map(module);
    let code = code(wasm, module, inspection, plan, layout, &mut map)?;
    let layout = &*layout;
    let mut renumber = Renumber(layout);
    let mut output = wasm_encoder::Module::new();
    output.section(&types(module, layout, &mut renumber)?);
    output.section(&imports(module, layout, &mut renumber)?);
    output.section(&functions(module, layout));
    if let Some(reader) = &module.sections.tables {
        let mut tables = TableSection::new();
        renumber
            .parse_table_section(&mut tables, reader.clone())
            .map_err(failed("tables"))?;
        output.section(&tables);
    }
    let memories = memories(module, layout, &mut renumber)?;
    if !memories.is_empty() {
        output.section(&memories);
    }
    if let Some(reader) = &module.sections.tags {
        output.section(&raw(SectionId::Tag, wasm, reader.range()));
    }
    let globals = globals(module, layout, &mut renumber)?;
    if !globals.is_empty() {
        output.section(&globals);
    }
    output.section(&exports(module, layout, &mut renumber)?);
    if let Some(function) = module.sections.start {
        output.section(&StartSection {
            function_index: layout.function(function),
        });
    }
    if let Some(reader) = &module.sections.elements {
        let mut elements = ElementSection::new();
        renumber
            .parse_element_section(&mut elements, reader.clone())
            .map_err(failed("elements"))?;
        output.section(&elements);
    }
    if let Some(count) = module.sections.data_count {
        output.section(&DataCountSection { count });
    }
    output.section(&code);
    if let Some(reader) = &module.sections.data {
        output.section(&raw(SectionId::Data, wasm, reader.range()));
    }
    customs(module, layout, &mut output);
    Ok((output.finish(), map))
}

fn raw(id: SectionId, wasm: &[u8], range: std::ops::Range<usize>) -> RawSection<'_> {
    RawSection {
        id: id.into(),
        data: &wasm[range],
    }
}

fn types(
    module: &Module<'_>,
    layout: &Layout,
    renumber: &mut Renumber<'_>,
) -> Result<TypeSection, InjectError> {
    let mut types = TypeSection::new();
    if let Some(reader) = &module.sections.types {
        renumber
            .parse_type_section(&mut types, reader.clone())
            .map_err(failed("types"))?;
    }
    for (params, results) in &layout.types.signatures {
        types
            .ty()
            .function(params.iter().copied(), results.iter().copied());
    }
    Ok(types)
}

fn imports(
    module: &Module<'_>,
    layout: &Layout,
    renumber: &mut Renumber<'_>,
) -> Result<ImportSection, InjectError> {
    let mut imports = ImportSection::new();
    if let Some(reader) = &module.sections.imports {
        renumber
            .parse_import_section(&mut imports, reader.clone())
            .map_err(failed("imports"))?;
    }
    for (name, type_index) in &layout.imports {
        imports.import(
            super::HOST_MODULE,
            name,
            wasm_encoder::EntityType::Function(*type_index),
        );
    }
    Ok(imports)
}

fn functions(module: &Module<'_>, layout: &Layout) -> FunctionSection {
    let mut functions = FunctionSection::new();
    for type_index in &module.functions[module.imported_functions as usize..] {
        functions.function(*type_index);
    }
    for (original, _) in layout.moved.iter().chain(&layout.path_open) {
        functions.function(module.functions[*original as usize]);
    }
    if let Some(table) = layout.table_functions {
        functions.function(table.get_type);
        functions.function(table.set_type);
        functions.function(table.get_type);
    }
    for type_index in layout.recorders.types() {
        functions.function(type_index);
    }
    functions
}

fn memories(
    module: &Module<'_>,
    layout: &Layout,
    renumber: &mut Renumber<'_>,
) -> Result<MemorySection, InjectError> {
    let mut memories = MemorySection::new();
    for memory in &module.memories[module.imported_memories as usize..] {
        let memory = renumber.memory_type(*memory).map_err(failed("memories"))?;
        memories.memory(memory);
    }
    let own = |minimum, maximum| MemoryType {
        minimum,
        maximum: Some(maximum),
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    if let Some(size_table) = layout.size_table {
        memories.memory(own(size_table.pages, size_table.maximum_pages));
    }
    if let Some(mailbox) = layout.mailbox {
        memories.memory(own(mailbox.pages, mailbox.maximum_pages));
    }
    Ok(memories)
}

fn globals(
    module: &Module<'_>,
    layout: &Layout,
    renumber: &mut Renumber<'_>,
) -> Result<GlobalSection, InjectError> {
    let mut globals = GlobalSection::new();
    if let Some(reader) = &module.sections.globals {
        renumber
            .parse_global_section(&mut globals, reader.clone())
            .map_err(failed("globals"))?;
    }
    let ty = GlobalType {
        val_type: ValType::I32,
        mutable: true,
        shared: false,
    };
    if layout.guarded {
        globals.global(ty, &ConstExpr::i32_const(0));
    }
    if layout.size_table.is_some() {
        globals.global(ty, &ConstExpr::i32_const(table::FIRST_SHIFT));
    }
    if layout.context.is_some() {
        let wide = GlobalType {
            val_type: ValType::I64,
            ..ty
        };
        globals.global(wide, &ConstExpr::i64_const(0));
    }
    Ok(globals)
}

fn exports(
    module: &Module<'_>,
    layout: &Layout,
    renumber: &mut Renumber<'_>,
) -> Result<ExportSection, InjectError> {
    let mut exports = ExportSection::new();
    if let Some(reader) = &module.sections.exports {
        renumber
            .parse_export_section(&mut exports, reader.clone())
            .map_err(failed("exports"))?;
    }
    if layout.export_memory {
        exports.export(MEMORY_EXPORT, ExportKind::Memory, 0);
    }
    if let Some(context) = &layout.context {
        exports.export(super::CONTEXT_EXPORT, ExportKind::Global, context.global);
    }
    if layout.mailbox.is_some() {
        exports.export(Mailbox::EXPORT, ExportKind::Memory, layout.mailbox_memory);
    }
    Ok(exports)
}

fn code(
    wasm: &[u8],
    module: &Module<'_>,
    inspection: &Inspection,
    plan: &ArmedPlan,
    layout: &mut Layout,
    map: &mut CodeMap,
) -> Result<CodeSection, InjectError> {
    let sites = Sites::new(inspection, plan);
    let untouched = !layout.renumbers() && sites.is_empty();
    let mut code = CodeSection::new();
    let mut moved: Vec<(u32, Vec<u8>)> = Vec::new();
    let mut rewriter = Rewriter {
        wasm,
        module,
        layout,
        sites: &sites,
        map,
    };
    for (position, body) in module.bodies.iter().enumerate() {
        if untouched {
            code.raw(body.as_bytes());
            continue;
        }
        let function = module.imported_functions + position as u32;
        let bytes = rewriter.rewrite(function, body)?;
        match wrapper(module, inspection, rewriter.layout, &sites, function) {
            Some(wrapper) => {
                code.function(&wrapper);
                moved.push((function, bytes));
            }
            None => {
                code.raw(&bytes);
            }
        }
    }
    let layout = &*rewriter.layout;
    for (original, _) in &layout.moved {
        if let Some((_, bytes)) = moved.iter().find(|(function, _)| function == original) {
            code.raw(bytes);
        }
    }
    for (import, _) in &layout.path_open {
        code.function(&open::wrapper(*import, layout));
    }
    if let Some(functions) = layout.table_functions {
        code.function(&table::get(layout));
        code.function(&table::set(layout, functions.relayout));
        code.function(&table::relayout(layout));
    }
    let recorders = &layout.recorders;
    for recorder in recorders.functions(layout.mailbox_memory, layout.hit) {
        code.function(&recorder);
    }
    Ok(code)
}

/// What stands in the place of a function of the allocator.
fn wrapper(
    module: &Module<'_>,
    inspection: &Inspection,
    layout: &Layout,
    sites: &Sites<'_>,
    function: u32,
) -> Option<wasm_encoder::Function> {
    let Allocator::Found(found) = &inspection.allocator else {
        return None;
    };
    // `malloc` that only calls `dlmalloc` is passed by, unless it has probes of its own.
    let mut inner = function;
    if !sites.are_in(function)
        && let Some(next) = nesting::forwards_to(module, function)
        && layout.moved_to(next).is_some()
    {
        inner = next;
    }
    let moved = layout.moved_to(inner)?;
    let role = found.functions.iter().find(|f| f.index == function)?.role;
    let parameters = module.signature(function)?.params().len() as u32;
    Some(heap::wrapper(found, role, parameters, moved, layout))
}

/// Custom sections that are still true: offsets into the code, as in debug information and branch hints, are not.
fn customs(module: &Module<'_>, layout: &Layout, output: &mut wasm_encoder::Module) {
    let stale = ["name", "sourceMappingURL", "external_debug_info", "linking"];
    let stale_prefixes = [".debug_", "metadata.code.", "reloc."];
    for section in &module.customs {
        let name = section.name();
        if !stale.contains(&name) && !stale_prefixes.iter().any(|p| name.starts_with(p)) {
            output.section(&CustomSection {
                name: name.into(),
                data: section.data().into(),
            });
        }
    }
    if let Some(names) = names::section(module, layout) {
        output.section(&names);
    }
}
