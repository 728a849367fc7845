//! How an allocator's functions call each other, and whether they can do so by a way around them.
//!
//! Direct calls among the allocator's functions go from body to body and are never counted twice. What remains are ways
//! through other code: a helper that calls `malloc`, a table, a reference, a host that calls back. Where none of these
//! can be reached from the allocator, wrappers need no guard, which halves what they cost.

use crate::{inspection::FoundAllocator, module::Module};
use std::collections::HashSet;
use wasmparser::Operator;

/// Functions looked at before giving up; allocators reach a handful.
const LIMIT: usize = 200;

pub(super) fn is_possible(module: &Module<'_>, allocator: &FoundAllocator) -> bool {
    let own: HashSet<u32> = allocator.functions.iter().map(|f| f.index).collect();
    let mut seen = own.clone();
    let mut pending: Vec<u32> = own.iter().copied().collect();
    while let Some(function) = pending.pop() {
        let Ok(Reach::Calls(targets)) = calls(module, function) else {
            return true;
        };
        for target in targets {
            if own.contains(&target) && !own.contains(&function) {
                return true;
            }
            if seen.insert(target) {
                pending.push(target);
            }
        }
        if seen.len() > LIMIT {
            return true;
        }
    }
    false
}

/// What a function can reach in one step.
enum Reach {
    Calls(Vec<u32>),
    Anything,
}

/// What an instruction calls, or leaves for.
#[derive(Clone, Copy)]
pub(super) enum Called {
    /// This function.
    Function(u32),
    /// One that only the run can tell.
    Anything,
}

impl Called {
    /// `None` where an instruction calls nothing.
    pub(super) fn by(operator: &Operator<'_>) -> Option<Called> {
        match *operator {
            Operator::Call { function_index } | Operator::ReturnCall { function_index } => {
                Some(Called::Function(function_index))
            }
            Operator::CallIndirect { .. }
            | Operator::ReturnCallIndirect { .. }
            | Operator::CallRef { .. }
            | Operator::ReturnCallRef { .. }
            | Operator::Resume { .. }
            | Operator::ResumeThrow { .. }
            | Operator::ResumeThrowRef { .. }
            | Operator::Switch { .. } => Some(Called::Anything),
            _ => None,
        }
    }
}

fn calls(module: &Module<'_>, function: u32) -> wasmparser::Result<Reach> {
    let Some(position) = function.checked_sub(module.imported_functions) else {
        return Ok(import(module, function));
    };
    let mut targets = Vec::new();
    let mut reader = module.bodies[position as usize].get_operators_reader()?;
    while !reader.eof() {
        match Called::by(&reader.read()?) {
            Some(Called::Function(target)) => targets.push(target),
            Some(Called::Anything) => return Ok(Reach::Anything),
            None => {}
        }
    }
    Ok(Reach::Calls(targets))
}

/// The function that a body does nothing but call, with its own parameters in their order.
pub(super) fn forwards_to(module: &Module<'_>, function: u32) -> Option<u32> {
    let position = function.checked_sub(module.imported_functions)?;
    let mut reader = module.bodies[position as usize]
        .get_operators_reader()
        .ok()?;
    for parameter in 0..module.signature(function)?.params().len() {
        match reader.read().ok()? {
            Operator::LocalGet { local_index } if local_index as usize == parameter => {}
            _ => return None,
        }
    }
    let Operator::Call { function_index } = reader.read().ok()? else {
        return None;
    };
    let same = module.signature(function_index) == module.signature(function);
    let ends = matches!(reader.read().ok()?, Operator::End);
    (same && ends).then_some(function_index)
}

/// WASI does not call back into the guest's allocator; of other hosts nothing is known.
fn import(module: &Module<'_>, function: u32) -> Reach {
    let wasi = module
        .function_imports()
        .any(|(index, import)| index == function && import.module == "wasi_snapshot_preview1");
    if wasi {
        Reach::Calls(Vec::new())
    } else {
        Reach::Anything
    }
}
