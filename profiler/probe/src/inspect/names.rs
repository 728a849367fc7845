//! Names of functions and of their parameters, from the name section, and demangling.
//! A damaged name section is no reason to refuse a module: what cannot be read is left out.

use crate::module::Module;
use std::collections::HashMap;
use wasmparser::{BinaryReader, Name, NameSectionReader};

/// Names in the name section, by function index.
#[derive(Default)]
pub(crate) struct Names<'a> {
    pub(crate) functions: HashMap<u32, &'a str>,
    locals: HashMap<u32, Vec<(u32, &'a str)>>,
}

impl<'a> Names<'a> {
    pub(crate) fn of(module: &Module<'a>) -> Names<'a> {
        let mut names = Names::default();
        for section in module.customs.iter().filter(|s| s.name() == "name") {
            let reader = BinaryReader::new(section.data(), section.data_offset());
            for subsection in NameSectionReader::new(reader) {
                match subsection {
                    Ok(Name::Function(map)) => names.functions.extend(
                        map.into_iter()
                            .map_while(Result::ok)
                            .map(|n| (n.index, n.name)),
                    ),
                    Ok(Name::Local(map)) => names.add_locals(module, map),
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
        names
    }

    fn add_locals(&mut self, module: &Module<'a>, map: wasmparser::IndirectNameMap<'a>) {
        for function in map.into_iter().map_while(Result::ok) {
            let parameters = module
                .signature(function.index)
                .map_or(0, |signature| signature.params().len());
            let names = function
                .names
                .into_iter()
                .map_while(Result::ok)
                .filter(|naming| (naming.index as usize) < parameters)
                .map(|naming| (naming.index, naming.name))
                .collect();
            self.locals.insert(function.index, names);
        }
    }

    /// The name of a parameter.
    pub(super) fn parameter(&self, function: u32, parameter: u32) -> Option<&'a str> {
        let (_, name) = self
            .locals
            .get(&function)?
            .iter()
            .find(|(index, _)| *index == parameter)?;
        (!name.is_empty()).then_some(*name)
    }
}

/// A symbol as its source has it, without the hashes that compilers add: `reader::count_rows`, `ns::f(int)`.
pub fn demangle(symbol: &str) -> String {
    // wasm-ld wraps exports of commands; the suffix is not part of the mangling.
    let (stem, suffix) = match symbol.strip_suffix(".command_export") {
        Some(stem) => (stem, ".command_export"),
        None => (symbol, ""),
    };
    if let Ok(rust) = rustc_demangle::try_demangle(stem) {
        return format!("{rust:#}{suffix}");
    }
    if stem.starts_with("_Z")
        && let Some(cpp) = cpp_demangle::Symbol::new(stem)
            .ok()
            .and_then(|symbol| symbol.demangle().ok())
    {
        return format!("{cpp}{suffix}");
    }
    symbol.to_owned()
}
