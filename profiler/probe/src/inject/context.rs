//! The calling context in a number: by it the host knows the call stack of an allocation without walking it.
//!
//! A global holds the context that a call is made in. A function keeps what it finds there in a local of its own when it is
//! entered, and before each call puts the number for "that, and this call" into the global. Nothing is undone on the way
//! out, so returns, branches, traps, exceptions and exits need no care; a tail call is a call. The number is a hash of
//! 64 bits of the places of all calls on the stack: the same stack has the same number, and two stacks share one with a
//! probability of about 1 in 10^11 for ten thousand stacks. The host walks the stack when it meets a new number.
//!
//! Only calls that can reach the allocator are numbered: calls of imported functions, and of functions that call nothing
//! else, cost nothing. What is called through a table may reach it.

use super::nesting::Called;
use crate::{inspection::FoundAllocator, module::Module};
use std::collections::{HashMap, HashSet};
use wasm_encoder::InstructionSink;
use wasmparser::Operator;

/// Odd, with its bits well mixed: 2^64 divided by the golden ratio.
const MULTIPLIER: i64 = 0x9E37_79B9_7F4A_7C15_u64 as i64;

pub(super) struct Context {
    /// An i64 global.
    pub(super) global: u32,
    /// Functions from which the allocator can be reached, its own included.
    reaching: HashSet<u32>,
    allocator: HashSet<u32>,
}

impl Context {
    pub(super) fn new(module: &Module<'_>, found: &FoundAllocator, global: u32) -> Context {
        let allocator: HashSet<u32> = found.functions.iter().map(|f| f.index).collect();
        Context {
            global,
            reaching: reaching(module, &allocator),
            allocator,
        }
    }

    pub(super) fn reaches_allocator(&self, function: u32) -> bool {
        self.reaching.contains(&function)
    }

    /// Whether a function has calls to be numbered. Those inside the allocator are not: it is one thing.
    pub(super) fn is_kept_in(&self, function: u32) -> bool {
        self.reaching.contains(&function) && !self.allocator.contains(&function)
    }

    pub(super) fn kept_in(&self, local: u32) -> Kept {
        Kept {
            global: self.global,
            local,
        }
    }
}

/// The context of the function that is being written.
#[derive(Clone, Copy)]
pub(super) struct Kept {
    global: u32,
    local: u32,
}

impl Kept {
    /// At the beginning of the function.
    pub(super) fn enter(self, code: &mut Vec<u8>) {
        InstructionSink::new(code)
            .global_get(self.global)
            .local_set(self.local);
    }

    /// Before a call, which is at `site` in the original module.
    pub(super) fn call(self, site: usize, code: &mut Vec<u8>) {
        InstructionSink::new(code)
            .local_get(self.local)
            .i64_const(site as i64)
            .i64_xor()
            .i64_const(MULTIPLIER)
            .i64_mul()
            .global_set(self.global);
    }
}

/// All functions from which one of `targets` can be reached, the targets included. What cannot be read, can.
fn reaching(module: &Module<'_>, targets: &HashSet<u32>) -> HashSet<u32> {
    let mut callers: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut found = targets.clone();
    for (position, body) in module.bodies.iter().enumerate() {
        let function = module.imported_functions + position as u32;
        let mut note = |operator: Operator<'_>| match Called::by(&operator) {
            Some(Called::Function(target)) => callers.entry(target).or_default().push(function),
            Some(Called::Anything) => {
                found.insert(function);
            }
            None => {}
        };
        let read = body.get_operators_reader().and_then(|mut reader| {
            while !reader.eof() {
                note(reader.read()?);
            }
            Ok(())
        });
        if read.is_err() {
            found.insert(function);
        }
    }
    let mut pending: Vec<u32> = found.iter().copied().collect();
    while let Some(function) = pending.pop() {
        for caller in callers.remove(&function).unwrap_or_default() {
            if found.insert(caller) {
                pending.push(caller);
            }
        }
    }
    found
}
