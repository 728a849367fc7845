//! Little programs that fetch a value from where a compiler has left it: a local, a global, memory, pieces of these.
//!
//! They are what is left of DWARF expressions once everything is known that does not depend on the run. Each becomes a
//! few instructions; nothing here decides where they run.

use serde::{Deserialize, Serialize};

/// One step. All values are 64 bits wide: integers of 32 bits zero-extended, floats as their bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Op {
    /// Pushes a local of the function.
    Local(u32),
    /// Pushes a global, by its index in the original module.
    Global(u32),
    /// Pushes a number.
    Const(i64),
    /// Pops an address of linear memory 0 and pushes so many bytes from there (1, 2, 4 or 8), zero-extended. Where the
    /// address is outside of memory, the program ends without a value.
    Load(u8),
    /// Pops two, pushes their sum.
    Add,
    /// Pops two, pushes the lower one less the upper one.
    Sub,
    /// Pops two, pushes their product.
    Mul,
    /// Pops two, pushes the bits that both have.
    And,
    /// Pops two, pushes the bits that any has.
    Or,
    /// Pops two, pushes the bits that one of them has.
    Xor,
    /// Pops two, pushes the lower one shifted left by the upper one.
    Shl,
    /// Pops two, pushes the lower one shifted right by the upper one, zeroes shifted in.
    ShrU,
}

impl Op {
    /// Values taken from the stack; each step but these pushes one.
    fn pops(self) -> usize {
        match self {
            Op::Local(_) | Op::Global(_) | Op::Const(_) => 0,
            Op::Load(_) => 1,
            Op::Add | Op::Sub | Op::Mul | Op::And | Op::Or | Op::Xor | Op::Shl | Op::ShrU => 2,
        }
    }
}

/// Steps that leave exactly one value.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Program {
    ops: Vec<Op>,
}

impl Program {
    /// The most steps a program has; more are nobody's variable.
    const LONGEST: usize = 48;

    /// `None` where the steps do not leave exactly one value, or are too many.
    pub(crate) fn new(ops: Vec<Op>) -> Option<Program> {
        let mut depth = 0usize;
        for op in &ops {
            depth = depth.checked_sub(op.pops())? + 1;
        }
        (depth == 1 && ops.len() <= Program::LONGEST).then_some(Program { ops })
    }

    /// The steps, first to last.
    pub fn ops(&self) -> &[Op] {
        &self.ops
    }

    /// The same, followed by more steps on its value.
    pub(crate) fn then(&self, more: &[Op]) -> Option<Program> {
        Program::new(self.ops.iter().chain(more).copied().collect())
    }

    /// The locals that the value depends on.
    pub(crate) fn locals(&self) -> impl Iterator<Item = u32> {
        self.ops.iter().filter_map(|op| match op {
            Op::Local(index) => Some(*index),
            _ => None,
        })
    }

    /// The globals that the value depends on.
    pub(crate) fn globals(&self) -> impl Iterator<Item = u32> {
        self.ops.iter().filter_map(|op| match op {
            Op::Global(index) => Some(*index),
            _ => None,
        })
    }

    /// Whether it reads memory.
    pub(crate) fn loads(&self) -> bool {
        self.ops.iter().any(|op| matches!(op, Op::Load(_)))
    }

    /// Where in memory the last step reads, as an offset from something else: what a store to it most likely carries.
    pub(crate) fn last_offset(&self) -> Option<i64> {
        match self.ops.as_slice() {
            [.., Op::Const(offset), Op::Add, Op::Load(_)] => Some(*offset),
            [.., Op::Load(_)] => Some(0),
            _ => None,
        }
    }
}
