//! Rewrites modules inside a component.
//!
//! The memory of a module inside a component is not open to its host. So the component itself shows it: what injected code
//! calls becomes imports of the component, lowered and passed to the module as one more argument; and behind everything
//! else stands a small module of ours that, as it is instantiated, calls the host once for each mailbox with a list that
//! is the whole of it. The host then knows where it is, for as long as the store lives: also after a trap or an exit.
//!
//! What is added stands at the beginning of the index spaces of the outermost component, whose own items all move up by
//! the same number, or at their end. Nothing else changes, and the result is validated: where that fails, nothing is
//! rewritten.

use super::{
    inspection::ComponentInspection,
    parse::Component,
    plan::ArmedComponent,
    shift::{Replacements, Shift},
};
use crate::{
    error::InjectError,
    inject::{HOST_MODULE, Injected, inject_beside},
    mailbox::Mailbox,
    module::Module,
    slot::{Place, Slot},
};
use std::convert::Infallible;
use trace::ProbeMode;
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, CodeSection, ComponentAliasSection,
    ComponentImportSection, ComponentTypeRef, ComponentTypeSection, ComponentValType, EntityType,
    ExportKind, Function, FunctionSection, ImportSection, InstanceSection, ModuleArg,
    ModuleSection, PrimitiveValType, StartSection, TypeSection, ValType,
    reencode::{self, ReencodeComponent},
};
use wasmparser::{Parser, Validator, WasmFeatures};

/// A rewritten component and what the host has to know of it.
///
/// The host provides, for the module at position `m` of `modules`, each only where it is used:
///
/// | import | when it is called |
/// |---|---|
/// | `fathom-m0-allocated: func()` | never, as long as [`Mailbox::NEXT_SAMPLE_AT`] is 0, and so it has to stay: a component may be making room for what it is handed, and must not be left then |
/// | `fathom-m0-mailbox: func(list<u64>)` | once, before `wasi:cli/run`: the list is the mailbox |
/// | `fathom-m0-memory: func(list<u8>)` | once, then: the list begins where the module's memory 0 does and holds all statics that are to be read |
#[derive(Clone, Debug)]
pub struct InjectedComponent {
    /// The rewritten component.
    pub wasm: Vec<u8>,
    /// What was injected into each rewritten module; their `wasm` is empty.
    pub modules: Vec<Injected>,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

/// The import by which the mailbox of a module is shown.
pub const SHOW_MAILBOX: &str = "mailbox";
/// The import by which the memory of a module is shown.
pub const SHOW_MEMORY: &str = "memory";

/// The name of an import of a rewritten component: `what` for the rewritten module number `module`.
pub fn component_import(module: usize, what: &str) -> String {
    format!("fathom-m{module}-{}", what.replace('_', "-"))
}

/// Rewrites `wasm`, which `inspection` was made of, so that it does what `armed` says. Modules that cannot be rewritten
/// stay as they are, and notes say why; if the component as a whole cannot, all do.
pub fn inject_component(
    wasm: &[u8],
    inspection: &ComponentInspection,
    armed: &ArmedComponent,
) -> InjectedComponent {
    let mut notes = Vec::new();
    match rewrite(wasm, inspection, armed, &mut notes) {
        Ok((rewritten, modules)) => InjectedComponent {
            wasm: rewritten,
            modules,
            notes,
        },
        Err(why) => {
            notes.push(format!(
                "the component is observed without probes: its rewriting failed ({why})"
            ));
            InjectedComponent {
                wasm: wasm.to_owned(),
                modules: Vec::new(),
                notes,
            }
        }
    }
}

/// Why a component stays as it is.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Unreadable(#[from] crate::InspectError),
    #[error("{0}")]
    Reencode(#[from] reencode::Error<Infallible>),
    #[error("the result is invalid at byte {}: {}", .0.offset(), .0.message())]
    Invalid(#[from] wasmparser::Error),
    #[error("a function of the host has a type that components cannot pass on")]
    NotScalar,
}

/// A rewritten module on its way into the component.
struct Rewritten {
    injected: Injected,
    /// Position of the module among all, and its core instance.
    number: usize,
    instance: u32,
    /// What it imports of the host.
    imports: Vec<Imported>,
    /// The export through which memory 0 is shown, and how much of it.
    memory: Option<(String, u32)>,
}

struct Imported {
    name: String,
    params: Vec<ValType>,
    results: Vec<ValType>,
}

fn rewrite(
    wasm: &[u8],
    inspection: &ComponentInspection,
    armed: &ArmedComponent,
    notes: &mut Vec<String>,
) -> Result<(Vec<u8>, Vec<Injected>), Failed> {
    let component = Component::parse_and_validate(wasm)?;
    let modules = rewrite_modules(&component, inspection, armed, notes)?;
    if modules.is_empty() {
        return Ok((wasm.to_owned(), Vec::new()));
    }
    let beginning = Beginning::of(&modules)?;
    let mut output = wasm_encoder::Component::new();
    output
        .section(&beginning.types)
        .section(&beginning.imports)
        .section(&beginning.lowered)
        .section(&beginning.instances);
    let mut shift = Shift::new(
        beginning.types.len(),
        beginning.imports.len(),
        beginning.lowered.len(),
        beginning.instances.len(),
        Replacements {
            modules: modules
                .iter()
                .map(|module| (module.number, module.injected.wasm.as_slice()))
                .collect(),
            arguments: modules
                .iter()
                .enumerate()
                .map(|(number, module)| (module.instance, number as u32))
                .collect(),
        },
    );
    shift.parse_component(&mut output, Parser::new(0), wasm)?;
    end(&component, &modules, &beginning, &mut output);
    let rewritten = output.finish();
    Validator::new_with_features(WasmFeatures::all()).validate_all(&rewritten)?;
    let injected = modules.into_iter().map(|mut module| {
        module.injected.wasm = Vec::new();
        module.injected
    });
    Ok((rewritten, injected.collect()))
}

fn rewrite_modules(
    component: &Component<'_>,
    inspection: &ComponentInspection,
    armed: &ArmedComponent,
    notes: &mut Vec<String>,
) -> Result<Vec<Rewritten>, Failed> {
    // By its declared maximum the host tells a mailbox from a memory of the guest: of any of its modules.
    let taken: Vec<u64> = inspection
        .modules
        .iter()
        .flat_map(|module| &module.inspection.memories)
        .filter_map(|memory| Some(memory.maximum_pages?.saturating_mul(memory.page_bytes)))
        .collect();
    let mut modules = Vec::new();
    for (position, plan) in &armed.modules {
        let inner = &inspection.modules[*position];
        let (Some(core), Some(instance), Some(alone)) = (
            component.modules.get(inner.number),
            inner.instance,
            armed.inspections.get(position),
        ) else {
            continue;
        };
        let mut injected = match inject_beside(core.bytes, alone, plan, &taken) {
            Ok(injected) => injected,
            Err(why) => {
                notes.push(without_probes(&inner.name, &why));
                continue;
            }
        };
        // Of the allocators that are not counted the plan has spoken.
        injected.notes.retain(|note| !note.is_empty());
        let memory = shown_memory(&injected.slots);
        modules.push(Rewritten {
            imports: imports(&injected.wasm)?,
            injected,
            number: inner.number,
            instance,
            memory,
        });
    }
    Ok(modules)
}

fn without_probes(module: &str, why: &InjectError) -> String {
    format!("the module `{module}` is observed without probes: {why}")
}

/// What a rewritten module imports of the host.
fn imports(wasm: &[u8]) -> Result<Vec<Imported>, Failed> {
    let module = Module::parse(wasm)?;
    let own = module
        .function_imports()
        .filter(|(_, import)| import.module == HOST_MODULE);
    own.map(|(index, import)| {
        let signature = module.signature(index).ok_or(Failed::NotScalar)?;
        let scalars = |types: &[wasmparser::ValType]| {
            let scalars = types.iter().map(|ty| match ty {
                wasmparser::ValType::I32 => Ok(ValType::I32),
                wasmparser::ValType::I64 => Ok(ValType::I64),
                wasmparser::ValType::F32 => Ok(ValType::F32),
                wasmparser::ValType::F64 => Ok(ValType::F64),
                _ => Err(Failed::NotScalar),
            });
            scalars.collect::<Result<Vec<_>, _>>()
        };
        Ok(Imported {
            name: import.name.to_owned(),
            params: scalars(signature.params())?,
            results: scalars(signature.results())?,
        })
    })
    .collect()
}

/// The export through which statics are read, and how far into it they reach.
fn shown_memory(slots: &[Slot]) -> Option<(String, u32)> {
    let mut shown: Option<(String, u32)> = None;
    for slot in slots.iter().filter(|s| s.mode == ProbeMode::HostRead) {
        if let Place::Static { address, memory } = &slot.place
            && memory != Mailbox::EXPORT
        {
            let end = address.saturating_add(slot.value_type.size());
            let before = shown.map_or(0, |(_, end)| end);
            shown = Some((memory.clone(), end.max(before)));
        }
    }
    shown
}

fn component_type(ty: ValType) -> ComponentValType {
    ComponentValType::Primitive(match ty {
        ValType::I64 => PrimitiveValType::S64,
        ValType::F32 => PrimitiveValType::F32,
        ValType::F64 => PrimitiveValType::F64,
        _ => PrimitiveValType::S32,
    })
}

/// Sections that stand before everything else.
struct Beginning {
    types: ComponentTypeSection,
    imports: ComponentImportSection,
    lowered: CanonicalFunctionSection,
    /// For each module an instance of what it imports of the host.
    instances: InstanceSection,
    /// Component function that shows the mailbox of each module, and its memory.
    shows: Vec<(u32, Option<u32>)>,
}

impl Beginning {
    fn of(modules: &[Rewritten]) -> Result<Beginning, Failed> {
        let mut types = ComponentTypeSection::new();
        let mut imports = ComponentImportSection::new();
        let mut lowered = CanonicalFunctionSection::new();
        let mut instances = InstanceSection::new();
        let mut shows = Vec::new();
        let show_type = |types: &mut ComponentTypeSection, of: PrimitiveValType| {
            types.defined_type().list(of);
            let list = ComponentValType::Type(types.len() - 1);
            types.function().params([("all", list)]).result(None);
            types.len() - 1
        };
        let words = show_type(&mut types, PrimitiveValType::U64);
        let bytes = show_type(&mut types, PrimitiveValType::U8);
        let mut import = |number: usize, name: &str, ty: u32| {
            let name = component_import(number, name);
            imports.import(name.as_str(), ComponentTypeRef::Func(ty));
            imports.len() - 1
        };
        for (number, module) in modules.iter().enumerate() {
            let mut exports = Vec::new();
            for imported in &module.imports {
                let params = imported.params.iter().enumerate();
                let names: Vec<String> = params.clone().map(|(at, _)| format!("p{at}")).collect();
                let params = params.map(|(at, ty)| (names[at].as_str(), component_type(*ty)));
                let result = match imported.results.as_slice() {
                    [] => None,
                    [one] => Some(component_type(*one)),
                    _ => return Err(Failed::NotScalar),
                };
                types.function().params(params).result(result);
                let function = import(number, &imported.name, types.len() - 1);
                lowered.lower(function, []);
                exports.push((imported.name.as_str(), ExportKind::Func, lowered.len() - 1));
            }
            instances.export_items(exports);
            let mailbox = import(number, SHOW_MAILBOX, words);
            let memory = module
                .memory
                .is_some()
                .then(|| import(number, SHOW_MEMORY, bytes));
            shows.push((mailbox, memory));
        }
        Ok(Beginning {
            types,
            imports,
            lowered,
            instances,
            shows,
        })
    }
}

/// What stands behind everything else: the module that shows the mailboxes.
fn end(
    component: &Component<'_>,
    modules: &[Rewritten],
    beginning: &Beginning,
    output: &mut wasm_encoder::Component,
) {
    let types = component.types.as_ref();
    let mut aliases = ComponentAliasSection::new();
    let mut lowered = CanonicalFunctionSection::new();
    // Name, core function and length of every list.
    let mut shown: Vec<(String, u32, u32)> = Vec::new();
    let mut show = |name: String, instance: u32, memory: &str, function: u32, length: u32| {
        aliases.alias(Alias::CoreInstanceExport {
            instance: instance + beginning.instances.len(),
            kind: ExportKind::Memory,
            name: memory,
        });
        let memory = types.memory_count() + aliases.len() - 1;
        lowered.lower(function, [CanonicalOption::Memory(memory)]);
        let function = beginning.lowered.len() + types.function_count() + lowered.len() - 1;
        shown.push((name, function, length));
    };
    for (number, (module, shows)) in modules.iter().zip(&beginning.shows).enumerate() {
        if let Some(mailbox) = module.injected.mailbox {
            let words = (mailbox.pages << 16) / 8;
            let name = component_import(number, SHOW_MAILBOX);
            show(
                name,
                module.instance,
                Mailbox::EXPORT,
                shows.0,
                words as u32,
            );
        }
        if let (Some((memory, length)), Some(function)) = (&module.memory, shows.1) {
            let name = component_import(number, SHOW_MEMORY);
            show(name, module.instance, memory, function, *length);
        }
    }
    let module = showing(&shown);
    let mut instances = InstanceSection::new();
    let functions = shown
        .iter()
        .map(|(name, function, _)| (name.as_str(), ExportKind::Func, *function));
    instances.export_items(functions.collect::<Vec<_>>());
    let functions = beginning.instances.len() + types.core_instance_count();
    instances.instantiate(
        types.module_count(),
        [(HOST_MODULE, ModuleArg::Instance(functions))],
    );
    output
        .section(&aliases)
        .section(&lowered)
        .section(&ModuleSection(&module))
        .section(&instances);
}

/// A module that, when it is instantiated, calls each of its imports with address 0 and a length.
fn showing(shown: &[(String, u32, u32)]) -> wasm_encoder::Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32, ValType::I32], []);
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    let mut show = Function::new([]);
    for (number, (name, _, length)) in shown.iter().enumerate() {
        imports.import(HOST_MODULE, name, EntityType::Function(0));
        show.instructions()
            .i32_const(0)
            .i32_const(*length as i32)
            .call(number as u32);
    }
    show.instructions().end();
    let mut functions = FunctionSection::new();
    functions.function(1);
    let mut code = CodeSection::new();
    code.function(&show);
    let mut module = wasm_encoder::Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&StartSection {
            function_index: shown.len() as u32,
        })
        .section(&code);
    module
}
