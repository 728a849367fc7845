//! A core module taken apart into its sections, borrowed from its bytes: what both looking and rewriting start from.
//! Function bodies stay undecoded; nothing is interpreted here.

use crate::error::{InspectError, invalid};
use gimli::{Dwarf, EndianSlice, LittleEndian};
use wasmparser::{
    CompositeInnerType, ConstExpr, CustomSectionReader, Encoding, Export, ExternalKind, FuncType,
    FunctionBody, Global, GlobalType, Import, MemoryType, Operator, Parser, Payload, SubType,
    TypeRef, ValidPayload, Validator, WasmFeatures,
};

/// Bytes of the debug information.
pub(crate) type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// A parsed module. Index spaces begin with the imports, as in WebAssembly itself.
#[derive(Default)]
pub(crate) struct Module<'a> {
    pub(crate) types: Vec<SubType>,
    pub(crate) imports: Vec<Import<'a>>,
    /// Type index of every function.
    pub(crate) functions: Vec<u32>,
    pub(crate) imported_functions: u32,
    pub(crate) memories: Vec<MemoryType>,
    pub(crate) imported_memories: u32,
    /// Type of every global.
    pub(crate) globals: Vec<GlobalType>,
    /// Globals defined by the module itself, with their initial values.
    pub(crate) defined_globals: Vec<Global<'a>>,
    pub(crate) exports: Vec<Export<'a>>,
    /// Bodies of the functions that are not imported.
    pub(crate) bodies: Vec<FunctionBody<'a>>,
    pub(crate) customs: Vec<CustomSectionReader<'a>>,
    /// Where the contents of the code section begin: what DWARF addresses count from.
    pub(crate) code_start: usize,
    pub(crate) code_bytes: usize,
    pub(crate) sections: Sections<'a>,
}

/// Readers of the sections that are written again, in whole or in part.
#[derive(Default)]
pub(crate) struct Sections<'a> {
    pub(crate) types: Option<wasmparser::TypeSectionReader<'a>>,
    pub(crate) imports: Option<wasmparser::ImportSectionReader<'a>>,
    pub(crate) tables: Option<wasmparser::TableSectionReader<'a>>,
    pub(crate) tags: Option<wasmparser::TagSectionReader<'a>>,
    pub(crate) globals: Option<wasmparser::GlobalSectionReader<'a>>,
    pub(crate) exports: Option<wasmparser::ExportSectionReader<'a>>,
    pub(crate) start: Option<u32>,
    pub(crate) elements: Option<wasmparser::ElementSectionReader<'a>>,
    pub(crate) data_count: Option<u32>,
    pub(crate) data: Option<wasmparser::DataSectionReader<'a>>,
}

impl<'a> Module<'a> {
    /// Takes `wasm` apart and validates it, so that everything after may rely on it.
    pub(crate) fn parse_and_validate(wasm: &'a [u8]) -> Result<Module<'a>, InspectError> {
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        Module::parse_with(wasm, Some(&mut validator))
    }

    /// Takes `wasm` apart, trusting that it has been validated before.
    pub(crate) fn parse(wasm: &'a [u8]) -> Result<Module<'a>, InspectError> {
        Module::parse_with(wasm, None)
    }

    fn parse_with(
        wasm: &'a [u8],
        mut validator: Option<&mut Validator>,
    ) -> Result<Module<'a>, InspectError> {
        check_preamble(wasm)?;
        let mut module = Module::default();
        let mut allocations = wasmparser::FuncValidatorAllocations::default();
        for payload in Parser::new(0).parse_all(wasm) {
            let payload = payload.map_err(|e| invalid(&e, wasm))?;
            if let Some(validator) = validator.as_deref_mut() {
                let valid = validator.payload(&payload).map_err(|e| invalid(&e, wasm))?;
                if let ValidPayload::Func(to_validate, body) = valid {
                    let mut function = to_validate.into_validator(allocations);
                    function.validate(&body).map_err(|e| invalid(&e, wasm))?;
                    allocations = function.into_allocations();
                }
            }
            module.add(payload).map_err(|e| invalid(&e, wasm))?;
        }
        Ok(module)
    }

    fn add(&mut self, payload: Payload<'a>) -> wasmparser::Result<()> {
        match payload {
            Payload::TypeSection(reader) => {
                self.sections.types = Some(reader.clone());
                for group in reader {
                    self.types.extend(group?.into_types());
                }
            }
            Payload::ImportSection(reader) => {
                self.sections.imports = Some(reader.clone());
                for import in reader.into_imports() {
                    self.add_import(import?);
                }
            }
            Payload::FunctionSection(reader) => {
                for type_index in reader {
                    self.functions.push(type_index?);
                }
            }
            Payload::TableSection(reader) => self.sections.tables = Some(reader),
            Payload::MemorySection(reader) => {
                for memory in reader {
                    self.memories.push(memory?);
                }
            }
            Payload::TagSection(reader) => self.sections.tags = Some(reader),
            Payload::GlobalSection(reader) => {
                self.sections.globals = Some(reader.clone());
                for global in reader {
                    let global = global?;
                    self.globals.push(global.ty);
                    self.defined_globals.push(global);
                }
            }
            Payload::ExportSection(reader) => {
                self.sections.exports = Some(reader.clone());
                for export in reader {
                    self.exports.push(export?);
                }
            }
            Payload::StartSection { func, .. } => self.sections.start = Some(func),
            Payload::ElementSection(reader) => self.sections.elements = Some(reader),
            Payload::DataCountSection { count, .. } => self.sections.data_count = Some(count),
            Payload::CodeSectionStart { range, .. } => {
                self.code_start = range.start;
                self.code_bytes = range.len();
            }
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::DataSection(reader) => self.sections.data = Some(reader),
            Payload::CustomSection(reader) => self.customs.push(reader),
            _ => {}
        }
        Ok(())
    }

    fn add_import(&mut self, import: Import<'a>) {
        match import.ty {
            TypeRef::Func(type_index) | TypeRef::FuncExact(type_index) => {
                self.functions.push(type_index);
                self.imported_functions += 1;
            }
            TypeRef::Memory(memory) => {
                self.memories.push(memory);
                self.imported_memories += 1;
            }
            TypeRef::Global(global) => self.globals.push(global),
            TypeRef::Table(_) | TypeRef::Tag(_) => {}
        }
        self.imports.push(import);
    }

    /// The signature of a function, imported or not.
    pub(crate) fn signature(&self, function: u32) -> Option<&FuncType> {
        let type_index = *self.functions.get(function as usize)?;
        match &self.types.get(type_index as usize)?.composite_type.inner {
            CompositeInnerType::Func(signature) => Some(signature),
            _ => None,
        }
    }

    /// Imported functions with their index.
    pub(crate) fn function_imports(&self) -> impl Iterator<Item = (u32, &Import<'a>)> {
        self.imports
            .iter()
            .filter(|import| matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)))
            .enumerate()
            .map(|(index, import)| (index as u32, import))
    }

    /// The name under which something is exported, the first one where there are several.
    pub(crate) fn export_of(&self, kind: ExternalKind, index: u32) -> Option<&'a str> {
        self.exports
            .iter()
            .find(|export| export.kind == kind && export.index == index)
            .map(|export| export.name)
    }

    /// The debug information; `None` where there is none, or none that can be opened.
    pub(crate) fn dwarf(&self) -> Option<Dwarf<Slice<'a>>> {
        let load = |id: gimli::SectionId| -> Result<Slice<'a>, gimli::Error> {
            let data = self.custom(id.name()).unwrap_or_default();
            Ok(EndianSlice::new(data, LittleEndian))
        };
        let present = self.custom(".debug_info").is_some_and(|d| !d.is_empty());
        present.then(|| Dwarf::load(load).ok())?
    }

    /// The contents of a custom section.
    pub(crate) fn custom(&self, name: &str) -> Option<&'a [u8]> {
        self.customs
            .iter()
            .find(|section| section.name() == name)
            .map(CustomSectionReader::data)
    }
}

/// The value of an expression that is a plain `i32.const`.
pub(crate) fn constant(expression: &ConstExpr<'_>) -> Option<u32> {
    let mut operators = expression.get_operators_reader();
    match (operators.read().ok()?, operators.read().ok()?) {
        (Operator::I32Const { value }, Operator::End) => Some(value as u32),
        _ => None,
    }
}

fn check_preamble(wasm: &[u8]) -> Result<(), InspectError> {
    const MAGIC: &[u8] = b"\0asm";
    if wasm.len() < MAGIC.len() && MAGIC.starts_with(wasm) && !wasm.is_empty() {
        return Err(InspectError::Truncated { length: wasm.len() });
    }
    if !wasm.starts_with(MAGIC) {
        return Err(InspectError::not_wasm(wasm));
    }
    if crate::is_component(wasm) {
        return Err(InspectError::Component);
    }
    match Parser::new(0).parse(wasm, true) {
        Ok(wasmparser::Chunk::Parsed {
            payload:
                Payload::Version {
                    encoding: Encoding::Component,
                    ..
                },
            ..
        }) => Err(InspectError::Component),
        Ok(_) => Ok(()),
        Err(e) => Err(invalid(&e, wasm)),
    }
}
