//! One pass over all code: which stores assign a static, which globals are assigned, who makes tail calls.
//!
//! Compilers write a static by `i32.const`, value, `store`; Go makes the address of an `i64.const`. An abstract operand
//! stack that remembers only which values are constants says which constant an address operand came from, across nested
//! blocks, and through locals as long as the code runs straight ahead. What is not understood is unknown, never guessed:
//! then a store is missed, and the variable is said to be sampled.

use crate::{inspection::Assignment, module::Module};
use std::collections::{BTreeMap, HashMap, HashSet};
use wasmparser::{
    BlockType, CompositeInnerType, ContType, FrameKind, FuncType, FunctionBody, MemArg,
    ModuleArity, Operator, RefType, SubType, TypeRef,
};

/// What one pass over all code finds.
pub(super) struct Survey {
    /// Offsets in the module of the instructions that store to each static's address in memory 0, ascending.
    stores: HashMap<u32, Vec<usize>>,
    /// What is stored to other addresses that were asked for.
    pub(super) constants: HashMap<u32, Stored>,
    /// How often each global is assigned.
    pub(super) global_sets: HashMap<u32, usize>,
    /// Functions with tail calls.
    pub(super) tail_callers: HashSet<u32>,
}

/// What the code stores to an address.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// Nothing, as far as is known.
    Nothing,
    /// Always this.
    Constant(u32),
    /// Something that is not known, or now this and now that.
    Varying,
}

/// Looks for stores to `statics`, and for what is stored to `constants`.
pub(super) fn survey(
    module: &Module<'_>,
    statics: impl Iterator<Item = u32>,
    constants: impl Iterator<Item = u32>,
) -> Survey {
    let mut survey = Survey {
        stores: statics.map(|address| (address, Vec::new())).collect(),
        constants: constants
            .map(|address| (address, Stored::Nothing))
            .collect(),
        global_sets: HashMap::new(),
        tail_callers: HashSet::new(),
    };
    let tags = tag_types(module);
    for (index, body) in module.bodies.iter().enumerate() {
        let function = module.imported_functions + index as u32;
        // The module is valid, so nothing here fails; if it did, stores would be missed, which is allowed.
        let _ = survey.function(module, &tags, function, body);
    }
    survey
}

fn tag_types(module: &Module<'_>) -> Vec<u32> {
    let imported = module.imports.iter().filter_map(|import| match import.ty {
        TypeRef::Tag(tag) => Some(tag.func_type_idx),
        _ => None,
    });
    let defined = module.sections.tags.clone().into_iter().flatten();
    imported
        .chain(defined.map_while(Result::ok).map(|tag| tag.func_type_idx))
        .collect()
}

impl Survey {
    /// The stores to one of the statics, ascending.
    pub(super) fn assignments(&self, address: u32) -> impl Iterator<Item = Assignment> {
        let offsets = self.stores.get(&address).into_iter().flatten();
        offsets.map(move |&offset| Assignment { offset, address })
    }

    fn function(
        &mut self,
        module: &Module<'_>,
        tags: &[u32],
        function: u32,
        body: &FunctionBody<'_>,
    ) -> wasmparser::Result<()> {
        let mut constants =
            (!self.stores.is_empty()).then(|| Constants::new(module, tags, function));
        let mut reader = body.get_operators_reader()?;
        while !reader.eof() {
            let offset = reader.original_position();
            let op = reader.read()?;
            match op {
                Operator::GlobalSet { global_index } => {
                    *self.global_sets.entry(global_index).or_default() += 1;
                }
                Operator::ReturnCall { .. }
                | Operator::ReturnCallIndirect { .. }
                | Operator::ReturnCallRef { .. } => {
                    self.tail_callers.insert(function);
                }
                _ => {}
            }
            if let Some(constants) = &mut constants {
                self.store(&op, offset, constants);
                constants.step(&op);
            }
        }
        Ok(())
    }

    fn store(&mut self, op: &Operator<'_>, offset: usize, constants: &Constants<'_, '_>) {
        if let Some((memarg, operands)) = store_of(op)
            && memarg.memory == 0
            && let Some(address) = constants
                .operand(operands)
                .and_then(|base| base.checked_add(memarg.offset))
                .and_then(|address| u32::try_from(address).ok())
        {
            if let Some(offsets) = self.stores.get_mut(&address) {
                offsets.push(offset);
            }
            if let Some(stored) = self.constants.get_mut(&address) {
                let value = constants.operand(operands - 1);
                let value = value.and_then(|value| u32::try_from(value).ok());
                *stored = match (*stored, value) {
                    (Stored::Nothing, Some(value)) => Stored::Constant(value),
                    (Stored::Constant(before), Some(value)) if before == value => *stored,
                    _ => Stored::Varying,
                };
            }
        }
    }
}

/// What is known to be constant on the operand stack and in locals at one point of a function. Constants of 32 bits are
/// kept zero-extended.
struct Constants<'m, 'a> {
    module: &'m Module<'a>,
    tags: &'m [u32],
    stack: Vec<Option<u64>>,
    /// Open blocks: type, kind and where their operands begin in `stack`.
    frames: Vec<(BlockType, FrameKind, usize)>,
    /// No `HashMap`: blocks clear it, and that would cost its capacity each time instead of what it holds.
    locals: BTreeMap<u32, u64>,
}

impl<'m, 'a> Constants<'m, 'a> {
    fn new(module: &'m Module<'a>, tags: &'m [u32], function: u32) -> Self {
        let signature = BlockType::FuncType(module.functions[function as usize]);
        Constants {
            module,
            tags,
            stack: Vec::new(),
            frames: vec![(signature, FrameKind::Block, 0)],
            locals: BTreeMap::new(),
        }
    }

    fn base(&self) -> usize {
        self.frames.last().map_or(0, |(_, _, base)| *base)
    }

    /// The constant that lies `depth` operands deep, 1 being the top.
    fn operand(&self, depth: usize) -> Option<u64> {
        let index = self.stack.len().checked_sub(depth)?;
        if index < self.base() {
            return None;
        }
        self.stack[index]
    }

    /// Operands below the frame exist only in unreachable code, where anything may be popped.
    fn pop(&mut self, count: u32) {
        let keep = self
            .stack
            .len()
            .saturating_sub(count as usize)
            .max(self.base());
        self.stack.truncate(keep);
    }

    fn push_unknown(&mut self, count: u32) {
        let length = self.stack.len() + count as usize;
        self.stack.resize(length, None);
    }

    fn step(&mut self, op: &Operator<'_>) {
        match *op {
            Operator::I32Const { value } => self.stack.push(Some(u64::from(value as u32))),
            Operator::I64Const { value } => self.stack.push(Some(value as u64)),
            Operator::I32WrapI64 => {
                let narrow = self.operand(1).map(|wide| u64::from(wide as u32));
                self.pop(1);
                self.stack.push(narrow);
            }
            Operator::LocalGet { local_index } => {
                self.stack.push(self.locals.get(&local_index).copied());
            }
            Operator::LocalSet { local_index } => {
                self.assign(local_index);
                self.pop(1);
            }
            Operator::LocalTee { local_index } => self.assign(local_index),
            Operator::Block { blockty } => self.open(blockty, FrameKind::Block),
            Operator::Loop { blockty } => self.open(blockty, FrameKind::Loop),
            Operator::If { blockty } => {
                self.pop(1);
                self.open(blockty, FrameKind::If);
            }
            Operator::TryTable { ref try_table } => {
                self.open(try_table.ty, FrameKind::TryTable);
            }
            Operator::Try { blockty } => self.open(blockty, FrameKind::LegacyTry),
            Operator::Else => self.restart_with(|state, block| state.arity(block).0),
            Operator::Catch { tag_index } => self.restart_with(|state, _| {
                state
                    .tag_type_arity(tag_index)
                    .map_or(0, |(params, _)| params)
            }),
            Operator::CatchAll => self.restart_with(|_, _| 0),
            Operator::End | Operator::Delegate { .. } => self.close(),
            _ => match op.operator_arity(self) {
                Some((params, results)) => {
                    self.pop(params);
                    self.push_unknown(results);
                }
                None => {
                    let base = self.base();
                    self.stack.truncate(base);
                }
            },
        }
    }

    fn assign(&mut self, local: u32) {
        match self.operand(1) {
            Some(constant) => self.locals.insert(local, constant),
            None => self.locals.remove(&local),
        };
    }

    fn arity(&self, block: BlockType) -> (u32, u32) {
        self.block_type_arity(block).unwrap_or((0, 0))
    }

    fn open(&mut self, block: BlockType, kind: FrameKind) {
        let (params, _) = self.arity(block);
        self.pop(params);
        self.frames.push((block, kind, self.stack.len()));
        self.push_unknown(params);
        if kind == FrameKind::Loop {
            self.locals.clear();
        }
    }

    fn restart_with(&mut self, operands: impl Fn(&Self, BlockType) -> u32) {
        self.locals.clear();
        if let Some(&(block, _, base)) = self.frames.last() {
            self.stack.truncate(base);
            let count = operands(self, block);
            self.push_unknown(count);
        }
    }

    fn close(&mut self) {
        self.locals.clear();
        if let Some((block, _, base)) = self.frames.pop() {
            self.stack.truncate(base);
            let (_, results) = self.arity(block);
            self.push_unknown(results);
        }
    }
}

impl ModuleArity for Constants<'_, '_> {
    fn sub_type_at(&self, type_index: u32) -> Option<&SubType> {
        self.module.types.get(type_index as usize)
    }

    fn tag_type_arity(&self, tag: u32) -> Option<(u32, u32)> {
        let type_index = *self.tags.get(tag as usize)?;
        self.sub_type_arity(self.sub_type_at(type_index)?)
    }

    fn type_index_of_function(&self, function: u32) -> Option<u32> {
        self.module.functions.get(function as usize).copied()
    }

    fn func_type_of_cont_type(&self, cont: &ContType) -> Option<&FuncType> {
        let type_index = cont.0.as_module_index()?;
        match &self.sub_type_at(type_index)?.composite_type.inner {
            CompositeInnerType::Func(signature) => Some(signature),
            _ => None,
        }
    }

    fn sub_type_of_ref_type(&self, reference: &RefType) -> Option<&SubType> {
        self.sub_type_at(reference.type_index()?.as_module_index()?)
    }

    fn control_stack_height(&self) -> u32 {
        self.frames.len() as u32
    }

    fn label_block(&self, depth: u32) -> Option<(BlockType, FrameKind)> {
        let index = self.frames.len().checked_sub(1 + depth as usize)?;
        self.frames
            .get(index)
            .map(|(block, kind, _)| (*block, *kind))
    }
}

/// Where an instruction that writes memory writes it, and how many operands it takes, the address being the deepest.
fn store_of(op: &Operator<'_>) -> Option<(MemArg, usize)> {
    macro_rules! stores {
        (two: $($name:ident)*; three: $($exchange:ident)*) => {
            match op {
                $(Operator::$name { memarg } => Some((*memarg, 2)),)*
                $(Operator::$exchange { memarg } => Some((*memarg, 3)),)*
                _ => None,
            }
        };
    }
    stores! {
        two: I32Store I64Store F32Store F64Store I32Store8 I32Store16 I64Store8 I64Store16 I64Store32 V128Store
            I32AtomicStore I64AtomicStore I32AtomicStore8 I32AtomicStore16 I64AtomicStore8 I64AtomicStore16
            I64AtomicStore32
            I32AtomicRmwAdd I64AtomicRmwAdd I32AtomicRmw8AddU I32AtomicRmw16AddU I64AtomicRmw8AddU
            I64AtomicRmw16AddU I64AtomicRmw32AddU
            I32AtomicRmwSub I64AtomicRmwSub I32AtomicRmw8SubU I32AtomicRmw16SubU I64AtomicRmw8SubU
            I64AtomicRmw16SubU I64AtomicRmw32SubU
            I32AtomicRmwAnd I64AtomicRmwAnd I32AtomicRmw8AndU I32AtomicRmw16AndU I64AtomicRmw8AndU
            I64AtomicRmw16AndU I64AtomicRmw32AndU
            I32AtomicRmwOr I64AtomicRmwOr I32AtomicRmw8OrU I32AtomicRmw16OrU I64AtomicRmw8OrU
            I64AtomicRmw16OrU I64AtomicRmw32OrU
            I32AtomicRmwXor I64AtomicRmwXor I32AtomicRmw8XorU I32AtomicRmw16XorU I64AtomicRmw8XorU
            I64AtomicRmw16XorU I64AtomicRmw32XorU
            I32AtomicRmwXchg I64AtomicRmwXchg I32AtomicRmw8XchgU I32AtomicRmw16XchgU I64AtomicRmw8XchgU
            I64AtomicRmw16XchgU I64AtomicRmw32XchgU;
        three: I32AtomicRmwCmpxchg I64AtomicRmwCmpxchg I32AtomicRmw8CmpxchgU I32AtomicRmw16CmpxchgU
            I64AtomicRmw8CmpxchgU I64AtomicRmw16CmpxchgU I64AtomicRmw32CmpxchgU
    }
}
