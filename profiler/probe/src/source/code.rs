//! What is in the body of one function, as far as placing probes needs it: where instructions begin, and which of them
//! assign locals or store to memory. Addresses are DWARF's: they count from the beginning of the code section.

use super::runs::{Run, Runs};
use crate::{Op, Program, ValueType, module::Module};
use std::collections::HashMap;
use wasmparser::{Operator, ValType};

/// The body of a function, looked through once.
pub(crate) struct Code {
    /// Where its instructions begin, ascending.
    starts: Vec<u32>,
    /// By local: where the instructions after its assignments begin, ascending.
    sets: HashMap<u32, Vec<u32>>,
    /// Stores to memory 0: the offset that the instruction carries, and where the one after it begins.
    stores: Vec<(u64, u32)>,
    runs: Runs,
    /// Types of the locals, parameters included. Those beyond [`Code::MOST_LOCALS`] are not known.
    locals: Vec<ValType>,
    parameters: usize,
}

impl Code {
    /// Locals whose type is kept. A function may declare four billion of them in a few bytes.
    const MOST_LOCALS: usize = 50_000;

    /// Looks through a function; `None` for an import, or a number that is no function.
    pub(crate) fn of(module: &Module<'_>, function: u32) -> Option<Code> {
        let position = function.checked_sub(module.imported_functions)?;
        let body = module.bodies.get(position as usize)?;
        let address = |offset: usize| u32::try_from(offset.checked_sub(module.code_start)?).ok();
        let mut reader = body.get_operators_reader().ok()?;
        let begin = address(reader.original_position())?;
        let mut code = Code {
            starts: Vec::new(),
            sets: HashMap::new(),
            stores: Vec::new(),
            runs: Runs::from(begin),
            locals: module.signature(function)?.params().to_vec(),
            parameters: module.signature(function)?.params().len(),
        };
        for declared in body.get_locals_reader().ok()? {
            let (count, ty) = declared.ok()?;
            let room = Code::MOST_LOCALS.saturating_sub(code.locals.len());
            let count = room.min(count as usize);
            code.locals.extend(std::iter::repeat_n(ty, count));
        }
        while !reader.eof() {
            let start = address(reader.original_position())?;
            code.starts.push(start);
            let op = reader.read().ok()?;
            let next = address(reader.original_position())?;
            code.runs.visit(&op, start, next);
            match op {
                Operator::LocalSet { local_index } | Operator::LocalTee { local_index } => {
                    code.sets.entry(local_index).or_default().push(next);
                }
                Operator::I32Store { memarg }
                | Operator::I64Store { memarg }
                | Operator::F32Store { memarg }
                | Operator::F64Store { memarg }
                | Operator::I32Store8 { memarg }
                | Operator::I32Store16 { memarg }
                | Operator::I64Store8 { memarg }
                | Operator::I64Store16 { memarg }
                | Operator::I64Store32 { memarg }
                    if memarg.memory == 0 =>
                {
                    code.stores.push((memarg.offset, next));
                }
                _ => {}
            }
        }
        Some(code)
    }

    /// The first instruction at or after an address; `None` behind the last.
    pub(crate) fn instruction_at(&self, address: u32) -> Option<u32> {
        let position = self.starts.partition_point(|start| *start < address);
        self.starts.get(position).copied()
    }

    /// Where an instruction follows an assignment of a local, ascending.
    pub(crate) fn after_sets(&self, local: u32) -> &[u32] {
        self.sets.get(&local).map_or(&[], Vec::as_slice)
    }

    /// The straight run of code that contains an address.
    pub(crate) fn run_around(&self, address: u32) -> Option<&Run> {
        self.runs.around(address)
    }

    /// Where an instruction follows a store that carries an offset.
    pub(crate) fn after_stores(&self, offset: i64) -> impl Iterator<Item = u32> {
        let stores = self.stores.iter();
        let stores = stores.filter(move |(stored, _)| i64::try_from(*stored) == Ok(offset));
        stores.map(|(_, next)| *next)
    }

    /// From where on a local has a value of its own: the beginning for a parameter, else after its first assignment.
    pub(crate) fn set_from(&self, local: u32) -> Option<u32> {
        if (local as usize) < self.parameters {
            return Some(0);
        }
        self.after_sets(local).first().copied()
    }

    /// Whether a local is there and holds a number.
    pub(crate) fn has_number(&self, local: u32) -> bool {
        let ty = self.locals.get(local as usize);
        ty.is_some_and(|ty| is_number(*ty))
    }

    /// Whether a local that is all of a variable can be of its type: as wide at least, and a float where that is one.
    pub(crate) fn fits(&self, program: &Program, value_type: ValueType) -> bool {
        let [Op::Local(index)] = program.ops() else {
            return true;
        };
        match self.locals.get(*index as usize) {
            Some(ValType::I32) => value_type.size() <= 4 && !value_type.is_float(),
            Some(ValType::I64) => !value_type.is_float(),
            Some(ValType::F32) => value_type == ValueType::F32,
            Some(ValType::F64) => value_type == ValueType::F64,
            _ => false,
        }
    }
}

/// Whether values of this type are numbers of 32 or 64 bits.
pub(crate) fn is_number(ty: ValType) -> bool {
    matches!(
        ty,
        ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64
    )
}
