//! Copies the body of a function, with probes inserted and calls renumbered.
//!
//! An exit probe wraps the body in one block of the function's result type. A branch to the function's own label then
//! goes to that block unchanged, falling out of the body does so too, and `return` becomes a branch of the right
//! depth; probes stand between the end of the block and the end of the function. Tail calls stay tail calls: their
//! probes fire before them.

use super::{
    emit::{self, Scratch},
    fetch::Frame,
    layout::{Armed, Layout, Sites, encode},
    unreadable,
};
use crate::{error::InjectError, module::Module, slot::Place};
use wasm_encoder::{BlockType, Encode, InstructionSink, ValType};
use wasmparser::{FunctionBody, Operator};

pub(super) struct Rewriter<'r, 'a> {
    pub(super) wasm: &'a [u8],
    pub(super) module: &'r Module<'a>,
    pub(super) layout: &'r mut Layout,
    pub(super) sites: &'r Sites<'r>,
}

impl Rewriter<'_, '_> {
    /// The new body of a function of the guest, its locals included, its length not.
    pub(super) fn rewrite(
        &mut self,
        function: u32,
        body: &FunctionBody<'_>,
    ) -> Result<Vec<u8>, InjectError> {
        self.try_rewrite(function, body)
            .map_err(|error| unreadable(&error))
    }

    fn try_rewrite(
        &mut self,
        function: u32,
        body: &FunctionBody<'_>,
    ) -> wasmparser::Result<Vec<u8>> {
        let none = Vec::new();
        let entry = self.sites.entry.get(&function).unwrap_or(&none);
        let exit = self.sites.exit.get(&function).unwrap_or(&none);
        let results = self.results(function);
        let mut scratch = Scratch::new(self.locals(function, body)?);
        reserve_results(&mut scratch, exit, &results);
        let mut code = Vec::with_capacity(body.range().len() + 64);

        emit::probes(&mut code, entry, self.layout, &mut scratch);
        if !exit.is_empty() {
            InstructionSink::new(&mut code).block(self.block_type(&results));
        }
        self.copy(function, body, exit, &mut code, &mut scratch)?;
        if !exit.is_empty() {
            self.leave(exit, &mut code, &mut scratch);
        }
        with_locals(self.wasm, body, &scratch, &code)
    }

    fn results(&self, function: u32) -> Vec<ValType> {
        self.module
            .signature(function)
            .map(|signature| signature.results())
            .unwrap_or_default()
            .iter()
            .filter_map(|ty| encode(*ty))
            .collect()
    }

    /// Number of locals, parameters included.
    fn locals(&self, function: u32, body: &FunctionBody<'_>) -> wasmparser::Result<u32> {
        let parameters = self
            .module
            .signature(function)
            .map_or(0, |signature| signature.params().len());
        let mut locals = parameters as u32;
        for declaration in body.get_locals_reader()? {
            locals += declaration?.0;
        }
        Ok(locals)
    }

    fn block_type(&mut self, results: &[ValType]) -> BlockType {
        match results {
            [] => BlockType::Empty,
            [one] => BlockType::Result(*one),
            several => BlockType::FunctionType(self.layout.types.index_of(&[], several)),
        }
    }

    /// Copies the instructions, the last `end` included.
    fn copy(
        &self,
        function: u32,
        body: &FunctionBody<'_>,
        exit: &Armed<'_>,
        code: &mut Vec<u8>,
        scratch: &mut Scratch,
    ) -> wasmparser::Result<()> {
        let inside_allocator = self.layout.moved_to(function).is_some();
        let renumber = |target: u32| {
            // Inside the allocator, its functions call each other's bodies: only the outermost call counts.
            let moved = inside_allocator
                .then(|| self.layout.moved_to(target))
                .flatten();
            moved.unwrap_or_else(|| self.layout.function(target))
        };
        let leaving_without_result: Armed<'_> = exit
            .iter()
            .filter(|(_, slot)| !matches!(slot.place, Place::Result { .. }))
            .copied()
            .collect();
        let leaving_with_result: bool = !exit.is_empty();
        let frame = Frame {
            module: self.module,
            function,
            body,
        };
        let mut reader = body.get_operators_reader()?;
        let mut copied_to = reader.original_position();
        let mut depth = 0;
        while !reader.eof() {
            let start = reader.original_position();
            if !self.sites.before.is_empty()
                && let Some(armed) = self.sites.before.get(&start)
            {
                code.extend_from_slice(&self.wasm[copied_to..start]);
                copied_to = start;
                emit::at_site(code, armed, &frame, self.layout, scratch);
            }
            let op = reader.read()?;
            let end = reader.original_position();
            let mut replace = |code: &mut Vec<u8>| {
                code.extend_from_slice(&self.wasm[copied_to..start]);
                copied_to = end;
            };
            match op {
                Operator::Block { .. }
                | Operator::Loop { .. }
                | Operator::If { .. }
                | Operator::TryTable { .. }
                | Operator::Try { .. } => depth += 1,
                Operator::End | Operator::Delegate { .. } => depth -= 1,
                Operator::Call { function_index } => {
                    replace(code);
                    InstructionSink::new(code).call(renumber(function_index));
                }
                Operator::RefFunc { function_index } => {
                    replace(code);
                    InstructionSink::new(code).ref_func(self.layout.function(function_index));
                }
                Operator::ReturnCall { function_index } => {
                    replace(code);
                    emit::probes(code, &leaving_without_result, self.layout, scratch);
                    InstructionSink::new(code).return_call(renumber(function_index));
                }
                Operator::ReturnCallIndirect { .. } | Operator::ReturnCallRef { .. }
                    if !leaving_without_result.is_empty() =>
                {
                    replace(code);
                    emit::probes(code, &leaving_without_result, self.layout, scratch);
                    code.extend_from_slice(&self.wasm[start..end]);
                }
                Operator::Return if leaving_with_result => {
                    replace(code);
                    InstructionSink::new(code).br(depth as u32);
                }
                Operator::GlobalSet { global_index } => {
                    if let Some(armed) = self.sites.global_set.get(&global_index) {
                        replace(code);
                        code.extend_from_slice(&self.wasm[start..end]);
                        emit::probes(code, armed, self.layout, scratch);
                    }
                }
                _ => {
                    if !self.sites.store.is_empty()
                        && let Some(assigned) = self.sites.store.get(&start)
                    {
                        replace(code);
                        code.extend_from_slice(&self.wasm[start..end]);
                        if let Some((from, to)) = assigned.copied {
                            emit::copy_to_mailbox(code, from, to, self.layout);
                        }
                        emit::probes(code, &assigned.armed, self.layout, scratch);
                    }
                }
            }
        }
        code.extend_from_slice(&self.wasm[copied_to..reader.original_position()]);
        Ok(())
    }

    /// After the block: results wait in locals while the probes run.
    fn leave(&self, exit: &Armed<'_>, code: &mut Vec<u8>, scratch: &mut Scratch) {
        let waiting = scratch.results.clone();
        for local in waiting.iter().rev() {
            InstructionSink::new(code).local_set(*local);
        }
        let normal: Armed<'_> = exit
            .iter()
            .filter(|(_, slot)| slot.place != Place::TailCalls)
            .copied()
            .collect();
        emit::probes(code, &normal, self.layout, scratch);
        for local in waiting {
            InstructionSink::new(code).local_get(local);
        }
        InstructionSink::new(code).end();
    }
}

/// Takes one local for each result from the first that is observed on: those below it stay on the stack.
fn reserve_results(scratch: &mut Scratch, exit: &Armed<'_>, results: &[ValType]) {
    let first = exit
        .iter()
        .filter_map(|(_, slot)| match slot.place {
            Place::Result { index } => Some(index),
            _ => None,
        })
        .min();
    if let Some(first) = first {
        scratch.first_result = first;
        for ty in &results[first as usize..] {
            let local = scratch.add(*ty);
            scratch.results.push(local);
        }
    }
}

/// Puts the locals before the code: those of the guest as they were, then those of the probes.
fn with_locals(
    wasm: &[u8],
    body: &FunctionBody<'_>,
    scratch: &Scratch,
    code: &[u8],
) -> wasmparser::Result<Vec<u8>> {
    let locals = body.get_locals_reader()?;
    let declarations = locals.get_count();
    let from = locals.original_position();
    let to = body.get_binary_reader_for_operators()?.original_position();
    let mut bytes = Vec::with_capacity(code.len() + (to - from) + 16);
    (declarations + scratch.types.len() as u32).encode(&mut bytes);
    bytes.extend_from_slice(&wasm[from..to]);
    for ty in &scratch.types {
        1u32.encode(&mut bytes);
        ty.encode(&mut bytes);
    }
    bytes.extend_from_slice(code);
    Ok(bytes)
}
