//! DWARF location expressions to places: where a variable is, as far as a probe can get at it.
//!
//! What LLVM writes for WebAssembly is understood: locals, globals, the frame base, fixed addresses, constants, pieces
//! and plain arithmetic. Values on the operand stack are not read: they are there between two instructions only.

use crate::{
    module::Slice,
    program::{Op, Program},
};
use gimli::{Encoding, Expression, Operation};

/// Where a variable is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Located {
    /// In memory, at this address.
    Memory(Program),
    /// It is this value.
    Value(Program),
    /// In several places: bytes, and where those are.
    Pieces(Vec<(u64, Option<Located>)>),
}

/// Why a variable cannot be read at a place where it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// The compiler has not kept it.
    OptimisedOut,
    /// It is on the operand stack.
    OperandStack,
    /// The debug information says it in a way that is not understood, or that cannot be true.
    NotUnderstood,
}

/// What an expression may refer to.
pub(crate) struct Surroundings<'s> {
    pub(crate) encoding: Encoding,
    /// The frame base of the function.
    pub(crate) frame_base: Option<&'s Program>,
    /// Address number so-and-so of the unit.
    pub(crate) address: Box<dyn Fn(gimli::DebugAddrIndex<usize>) -> Option<u64> + 's>,
}

/// Where the expression says that a variable is.
pub(crate) fn locate(
    expression: Expression<Slice<'_>>,
    around: &Surroundings<'_>,
) -> Result<Located, Unreadable> {
    let mut operations = expression.operations(around.encoding);
    let mut ops: Vec<Op> = Vec::new();
    let mut is_value = false;
    let mut pieces: Vec<(u64, Option<Located>)> = Vec::new();
    loop {
        let operation = operations.next().map_err(|_| Unreadable::NotUnderstood)?;
        match operation {
            None => break,
            Some(Operation::StackValue) => is_value = true,
            Some(Operation::Piece {
                size_in_bits,
                bit_offset: None,
            }) if size_in_bits % 8 == 0 => {
                let part = whole(std::mem::take(&mut ops), is_value).ok();
                is_value = false;
                pieces.push((size_in_bits / 8, part));
            }
            Some(operation) => step(&mut ops, operation, around)?,
        }
        if ops.len() > 64 || pieces.len() > 64 {
            return Err(Unreadable::NotUnderstood);
        }
    }
    if pieces.is_empty() {
        return whole(ops, is_value);
    }
    if pieces.iter().all(|(_, part)| part.is_none()) {
        return Err(Unreadable::OptimisedOut);
    }
    Ok(Located::Pieces(pieces))
}

fn whole(ops: Vec<Op>, is_value: bool) -> Result<Located, Unreadable> {
    if ops.is_empty() {
        return Err(Unreadable::OptimisedOut);
    }
    // A local or a global alone is a place, like a register: older compilers leave out the word that says so.
    let is_register = matches!(ops.as_slice(), [Op::Local(_) | Op::Global(_)]);
    let program = Program::new(ops).ok_or(Unreadable::NotUnderstood)?;
    Ok(if is_value || is_register {
        Located::Value(program)
    } else {
        Located::Memory(program)
    })
}

fn step(
    ops: &mut Vec<Op>,
    operation: Operation<Slice<'_>>,
    around: &Surroundings<'_>,
) -> Result<(), Unreadable> {
    // Numbers of the generic type are as wide as an address: 32 bits. Only shifts to the right see what is above.
    const LOW: [Op; 2] = [Op::Const(0xffff_ffff), Op::And];
    match operation {
        Operation::WasmLocal { index } => ops.push(Op::Local(index)),
        Operation::WasmGlobal { index } => ops.push(Op::Global(index)),
        Operation::WasmStack { .. } => return Err(Unreadable::OperandStack),
        Operation::FrameOffset { offset } => {
            let base = around.frame_base.ok_or(Unreadable::NotUnderstood)?;
            ops.extend_from_slice(base.ops());
            ops.extend([Op::Const(offset), Op::Add]);
        }
        Operation::Address { address } => ops.push(Op::Const(address as i64)),
        Operation::AddressIndex { index } => {
            let address = (around.address)(index).ok_or(Unreadable::NotUnderstood)?;
            ops.push(Op::Const(address as i64));
        }
        Operation::UnsignedConstant { value } => ops.push(Op::Const(value as i64)),
        Operation::SignedConstant { value } => ops.push(Op::Const(value)),
        Operation::PlusConstant { value } => ops.extend([Op::Const(value as i64), Op::Add]),
        Operation::Plus => ops.push(Op::Add),
        Operation::Minus => ops.push(Op::Sub),
        Operation::Mul => ops.push(Op::Mul),
        Operation::And => ops.push(Op::And),
        Operation::Or => ops.push(Op::Or),
        Operation::Xor => ops.push(Op::Xor),
        Operation::Shl => ops.push(Op::Shl),
        Operation::Shr => match ops.pop() {
            Some(by @ Op::Const(_)) => {
                ops.extend(LOW);
                ops.extend([by, Op::ShrU]);
            }
            _ => return Err(Unreadable::NotUnderstood),
        },
        Operation::Deref {
            size, space: false, ..
        } if matches!(size, 1 | 2 | 4 | 8) => ops.push(Op::Load(size)),
        Operation::Nop => {}
        _ => return Err(Unreadable::NotUnderstood),
    }
    Ok(())
}
