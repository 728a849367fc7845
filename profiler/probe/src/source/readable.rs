//! What can be read at each line of a function, for people: `fathom inspect --function`.

use super::{Source, scopes::Local, shape::Leaf, sites::in_words};
use crate::{ValueType, error::InspectError, module::Module, nearest, plan::pattern};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A function of the source with its lines.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadableFunction {
    /// Its name, without type parameters.
    pub function: String,
    /// Its file.
    pub file: String,
    /// Functions of the module that it became.
    pub out_of_line: usize,
    /// Places at which it was inlined.
    pub inlined: usize,
    /// Its lines that have code, ascending.
    pub lines: Vec<ReadableLine>,
}

/// A line of the source and what can be read when it is about to be executed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadableLine {
    /// From 1.
    pub line: u32,
    /// What can be read, in the order of declaration.
    pub variables: Vec<ReadableVariable>,
    /// Variables whose name is known here but whose value is not, and why.
    pub unreadable: Vec<String>,
}

/// A number that can be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ReadableVariable {
    /// As `--watch` takes it: `rows`, `lines.len`.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub value_type: ValueType,
}

/// Why the source cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The module cannot be looked into.
    #[error(transparent)]
    Inspect(#[from] InspectError),
    /// It has no debug information.
    #[error(
        "the guest has no debug information (DWARF), so its source lines are not known: build it with it (Rust: debug = 2, C: -g)"
    )]
    NoDebugInformation,
    /// No function of that name.
    #[error("the debug information knows no function `{name}`{}", nearest::suggestion(.nearest))]
    UnknownFunction {
        /// As asked for.
        name: String,
        /// Names that exist and are near.
        nearest: Vec<String>,
    },
}

/// Numbers shown per variable and line; the rest is inside of structures, and found by its name.
const MOST_LEAVES: usize = 4;

/// What can be read at each line of the functions that a name or a pattern means, by name.
///
/// # Errors
///
/// See [`SourceError`].
pub fn readable(wasm: &[u8], name: &str) -> Result<Vec<ReadableFunction>, SourceError> {
    let module = Module::parse_and_validate(wasm)?;
    let mut source = Source::read(&module, false);
    if source.is_empty() {
        return Err(SourceError::NoDebugInformation);
    }
    if pattern::instances(&source, name).is_empty() {
        source = Source::read(&module, true);
    }
    let found = pattern::instances(&source, name);
    if found.is_empty() {
        let users = source.instances.iter().filter(|i| i.is_users);
        return Err(SourceError::UnknownFunction {
            name: name.to_owned(),
            nearest: nearest::nearest(name, users.map(|instance| &*instance.name)),
        });
    }
    let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for position in found {
        by_name
            .entry(&source.instances[position].name)
            .or_default()
            .push(position);
    }
    Ok(by_name
        .into_iter()
        .map(|(name, positions)| function(&source, name, &positions))
        .collect())
}

fn function(source: &Source<'_, '_>, name: &str, positions: &[usize]) -> ReadableFunction {
    let instances = || {
        positions
            .iter()
            .map(|position| &source.instances[*position])
    };
    let file = instances().find_map(|instance| instance.file);
    let mut lines: BTreeMap<u32, ReadableLine> = BTreeMap::new();
    for &at in positions {
        let instance = &source.instances[at];
        for row in source.frame(at).iter() {
            if row.arrives && Some(row.file) == instance.file {
                lines.entry(row.line).or_insert_with(|| ReadableLine {
                    line: row.line,
                    variables: Vec::new(),
                    unreadable: Vec::new(),
                });
            }
        }
    }
    for &at in positions {
        for local in &source.instances[at].variables {
            add_variable(source, at, local, &mut lines);
        }
    }
    // Another place of the same function may have what one has not.
    for line in lines.values_mut() {
        let known: Vec<String> = line.variables.iter().map(|v| v.name.clone()).collect();
        line.unreadable.retain(|said| {
            let name = said.split(':').next().unwrap_or_default();
            !known
                .iter()
                .any(|known| known == name || known.starts_with(&format!("{name}.")))
        });
    }
    ReadableFunction {
        function: name.to_owned(),
        file: file.map_or_else(String::new, |file| source.lines.shown(file)),
        out_of_line: instances().filter(|instance| !instance.inlined).count(),
        inlined: instances().filter(|instance| instance.inlined).count(),
        lines: lines.into_values().collect(),
    }
}

/// Adds a variable to the lines at which it can be read, and to the others why not.
fn add_variable(
    source: &Source<'_, '_>,
    at: usize,
    local: &Local,
    lines: &mut BTreeMap<u32, ReadableLine>,
) {
    let Some(shape) = source.shape(local) else {
        return;
    };
    let mut somewhere: BTreeSet<u32> = BTreeSet::new();
    for leaf in shown(&shape.leaves) {
        let name = joined(&local.name, &leaf.path);
        let readable = source.readable_lines(at, local, leaf);
        for number in &readable {
            if let Some(line) = lines.get_mut(number)
                && !line.variables.iter().any(|v| v.name == name)
            {
                line.variables.push(ReadableVariable {
                    name: name.clone(),
                    value_type: leaf.ty,
                });
            }
        }
        somewhere.extend(readable);
    }
    let said = match in_words(&somewhere) {
        Some(lines) => format!("{}: readable at {lines}", local.name),
        None => format!("{}: optimised out", local.name),
    };
    for (number, line) in lines {
        let after = *number > local.line || (local.is_parameter && *number >= local.line);
        if after && !somewhere.contains(number) && !line.unreadable.contains(&said) {
            line.unreadable.push(said.clone());
        }
    }
}

/// The numbers inside a variable that people look for: itself, its length, its members; each once.
fn shown(leaves: &[Leaf]) -> Vec<&Leaf> {
    let mut shown: Vec<&Leaf> = Vec::new();
    for leaf in leaves {
        let known = shown.iter().any(|other| other.offsets == leaf.offsets);
        if !leaf.is_pointer && !leaf.path.contains('.') && !known && shown.len() < MOST_LEAVES {
            shown.push(leaf);
        }
    }
    shown
}

/// `lines.len` of `lines` and `len`.
pub(crate) fn joined(variable: &str, path: &str) -> String {
    if path.is_empty() {
        variable.to_owned()
    } else {
        format!("{variable}.{path}")
    }
}
