//! Functions with a body: their names, and what their parameters and results mean in the source.

use super::{
    dwarf::{DebugInfo, Declared, Subprogram},
    dwarf_types::Type,
    names::{Names, demangle},
    survey::Survey,
    text,
};
use crate::{
    ValueType,
    inspection::{Function, GO, Parameter},
    module::Module,
};
use std::collections::HashMap;
use wasmparser::{ExternalKind, FuncType};

pub(super) fn list(
    module: &Module<'_>,
    names: &Names<'_>,
    debug: &DebugInfo,
    survey: &Survey,
    language: Option<&str>,
) -> Vec<Function> {
    let rust = language == Some("Rust");
    let mut exports: HashMap<u32, &str> = HashMap::new();
    for export in &module.exports {
        if matches!(export.kind, ExternalKind::Func | ExternalKind::FuncExact) {
            exports.entry(export.index).or_insert(export.name);
        }
    }
    let by_symbol: HashMap<&str, u32> = names.functions.iter().map(|(i, n)| (*n, *i)).collect();
    let mut functions: Vec<Function> = module
        .bodies
        .iter()
        .enumerate()
        .filter_map(|(position, body)| {
            let index = module.imported_functions + position as u32;
            let signature = module.signature(index)?;
            let symbol = names.functions.get(&index).copied();
            let subprogram = debug.functions.get(&index);
            Some(Function {
                index,
                export: exports.get(&index).map(|name| (*name).to_owned()),
                name: symbol.map(demangle),
                symbol: symbol.map(str::to_owned),
                label: String::new(),
                parameters: parameters(signature, subprogram, rust, |k| names.parameter(index, k)),
                results: results(signature, subprogram),
                code_offset: body.range().start,
                code_bytes: body.range().len(),
                tail_calls: survey.tail_callers.contains(&index),
            })
        })
        .collect();
    look_through_wrappers(&mut functions, &by_symbol, module.imported_functions);
    if language == Some(GO) {
        let own = functions.iter_mut().filter(|f| f.export.is_none());
        own.for_each(hide_parameters);
    }
    label(&mut functions);
    functions
}

/// wasm-ld exports the functions of a command through wrappers (`NAME.command_export`) that run constructors and
/// destructors around them. The function that a person wrote is the one inside.
fn look_through_wrappers(
    functions: &mut [Function],
    by_symbol: &HashMap<&str, u32>,
    imported: u32,
) {
    for position in 0..functions.len() {
        let wrapped = functions[position]
            .symbol
            .as_deref()
            .and_then(|symbol| symbol.strip_suffix(WRAPPER))
            .and_then(|symbol| by_symbol.get(symbol))
            .and_then(|index| index.checked_sub(imported))
            .map(|inner| inner as usize);
        if let Some(inner) = wrapped
            && inner < functions.len()
            && functions[inner].export.is_none()
        {
            functions[inner].export = functions[position].export.take();
        }
    }
}

const WRAPPER: &str = ".command_export";

/// What Go passes from function to function in WebAssembly is where to go on, and whether to. The parameters and
/// results of the source are on a stack of its own, but for those of functions that it exports.
fn hide_parameters(function: &mut Function) {
    for value in function.parameters.iter_mut().chain(&mut function.results) {
        value.value_type = None;
    }
}

/// Gives every function the name that breakpoints use. Exported names are unique; generic functions share theirs after
/// demangling.
fn label(functions: &mut [Function]) {
    let plain = |function: &Function| {
        function
            .export
            .clone()
            .or_else(|| function.name.clone())
            .unwrap_or_else(|| format!("func[{}]", function.index))
    };
    let mut count: HashMap<String, usize> = HashMap::new();
    for function in functions.iter() {
        *count.entry(plain(function)).or_default() += 1;
    }
    for function in functions.iter_mut() {
        let name = plain(function);
        function.label = if count[&name] > 1 && function.export.is_none() {
            format!("{name}#{}", function.index)
        } else {
            name
        };
    }
}

fn parameters<'n>(
    signature: &FuncType,
    subprogram: Option<&Subprogram>,
    rust: bool,
    name_in_section: impl Fn(u32) -> Option<&'n str>,
) -> Vec<Parameter> {
    let mut parameters: Vec<Parameter> = signature
        .params()
        .iter()
        .enumerate()
        .map(|(k, wasm)| Parameter {
            name: name_in_section(k as u32).map(str::to_owned),
            wasm: wasm.to_string(),
            value_type: ValueType::of_wasm(*wasm),
            pointer: false,
        })
        .collect();
    if let Some(subprogram) = subprogram {
        let lowered = lower(subprogram, rust);
        if lowered.len() == parameters.len() {
            for (parameter, source) in parameters.iter_mut().zip(&lowered) {
                describe(parameter, source.name.as_deref(), &source.ty);
            }
        }
        // Where the debug information names a local, it knows better than counting does.
        for declared in &subprogram.parameters {
            if let Some(parameter) = declared
                .local
                .and_then(|local| parameters.get_mut(local as usize))
            {
                describe(parameter, Some(&declared.name), &declared.ty);
            }
        }
    }
    parameters
}

struct Lowered {
    name: Option<String>,
    ty: Type,
}

/// The WebAssembly values that the declared parameters become, as far as the rules are simple.
fn lower(subprogram: &Subprogram, rust: bool) -> Vec<Lowered> {
    let returned_through_memory = match &subprogram.returns {
        Some(Type::Other) | Some(Type::Pair(_)) => Some(Lowered {
            name: None,
            ty: Type::Pointer,
        }),
        _ => None,
    };
    let declared = subprogram
        .parameters
        .iter()
        .flat_map(|p| lower_one(p, rust));
    returned_through_memory
        .into_iter()
        .chain(declared)
        .collect()
}

fn lower_one(declared: &Declared, rust: bool) -> Vec<Lowered> {
    let one = |ty: Type| {
        vec![Lowered {
            name: Some(declared.name.clone()),
            ty,
        }]
    };
    match &declared.ty {
        Type::Nothing => Vec::new(),
        Type::Pair(members) if rust => members
            .iter()
            .map(|(member, ty)| Lowered {
                name: Some(format!("{}.{member}", declared.name)),
                ty: ty.clone(),
            })
            .collect(),
        // Larger structures are passed by address.
        Type::Pair(_) | Type::Other => one(Type::Pointer),
        scalar => one(scalar.clone()),
    }
}

fn describe(parameter: &mut Parameter, name: Option<&str>, ty: &Type) {
    let fits = |value_type: &ValueType| parameter.wasm == text::carrier(*value_type);
    match ty {
        Type::Scalar(value_type) if fits(value_type) => {
            parameter.value_type = Some(*value_type);
            parameter.pointer = false;
        }
        Type::Pointer | Type::Pair(_) | Type::Other if parameter.wasm == "i32" => {
            parameter.value_type = Some(ValueType::U32);
            parameter.pointer = true;
        }
        // The value that arrives is not what the source declares: neither is its name.
        _ => return,
    }
    if let Some(name) = name.filter(|name| !name.is_empty()) {
        parameter.name = Some(name.to_owned());
    }
}

fn results(signature: &FuncType, subprogram: Option<&Subprogram>) -> Vec<Parameter> {
    let mut results: Vec<Parameter> = signature
        .results()
        .iter()
        .map(|wasm| Parameter {
            name: None,
            wasm: wasm.to_string(),
            value_type: ValueType::of_wasm(*wasm),
            pointer: false,
        })
        .collect();
    if let ([result], Some(ty)) = (
        results.as_mut_slice(),
        subprogram.and_then(|subprogram| subprogram.returns.as_ref()),
    ) {
        describe(result, None, ty);
    }
    results
}
