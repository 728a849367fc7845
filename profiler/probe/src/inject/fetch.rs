//! The instructions of a [`Program`]: a value fetched from where the compiler has left it, as 64 bits.
//!
//! Whatever the debug information claims, nothing here can trap: an address outside of memory leaves the enclosing block
//! without a value, and so without a report.

use super::emit::Scratch;
use crate::{
    module::Module,
    program::{Op, Program},
    value::ValueType,
};
use wasm_encoder::{InstructionSink, MemArg};
use wasmparser::{FunctionBody, ValType};

/// What a program refers to.
pub(super) struct Frame<'f, 'a> {
    pub(super) module: &'f Module<'a>,
    pub(super) function: u32,
    pub(super) body: &'f FunctionBody<'a>,
}

impl Frame<'_, '_> {
    /// The type of a local, parameters included.
    fn local(&self, index: u32) -> Option<ValType> {
        let parameters = self.module.signature(self.function)?.params();
        if let Some(ty) = parameters.get(index as usize) {
            return Some(*ty);
        }
        let mut left = index - parameters.len() as u32;
        for declared in self.body.get_locals_reader().ok()? {
            let (count, ty) = declared.ok()?;
            if left < count {
                return Some(ty);
            }
            left -= count;
        }
        None
    }

    /// Whether all that a program refers to is there. Debug information is not the only source of programs: a plan may have
    /// been made for another module.
    pub(super) fn has(&self, program: &Program) -> bool {
        let number = |ty: Option<ValType>| ty.is_some_and(crate::source::code::is_number);
        program.locals().all(|index| number(self.local(index)))
            && program.globals().all(|index| {
                number(
                    self.module
                        .globals
                        .get(index as usize)
                        .map(|g| g.content_type),
                )
            })
            && (!program.loads()
                || self
                    .module
                    .memories
                    .first()
                    .is_some_and(|memory| !memory.memory64 && memory.page_size_log2.is_none()))
    }

    /// Pushes the value of a program as an `i64`. The innermost enclosing block has no results, and is left where there is
    /// no value.
    pub(super) fn push(&self, code: &mut Vec<u8>, program: &Program, scratch: &mut Scratch) {
        let address = program.loads().then(|| scratch.address());
        let mut sink = InstructionSink::new(code);
        for op in program.ops() {
            match *op {
                Op::Local(index) => {
                    sink.local_get(index);
                    widen(&mut sink, self.local(index));
                }
                Op::Global(index) => {
                    sink.global_get(index);
                    let global = self.module.globals.get(index as usize);
                    widen(&mut sink, global.map(|global| global.content_type));
                }
                Op::Const(value) => {
                    sink.i64_const(value);
                }
                Op::Load(width) => {
                    if let Some(address) = address {
                        load(&mut sink, width, address);
                    }
                }
                Op::Add => {
                    sink.i64_add();
                }
                Op::Sub => {
                    sink.i64_sub();
                }
                Op::Mul => {
                    sink.i64_mul();
                }
                Op::And => {
                    sink.i64_and();
                }
                Op::Or => {
                    sink.i64_or();
                }
                Op::Xor => {
                    sink.i64_xor();
                }
                Op::Shl => {
                    sink.i64_shl();
                }
                Op::ShrU => {
                    sink.i64_shr_u();
                }
            }
        }
    }
}

fn widen(sink: &mut InstructionSink<'_>, ty: Option<ValType>) {
    match ty {
        Some(ValType::I32) => sink.i64_extend_i32_u(),
        Some(ValType::F32) => sink.i32_reinterpret_f32().i64_extend_i32_u(),
        Some(ValType::F64) => sink.i64_reinterpret_f64(),
        _ => sink,
    };
}

/// Pops an address and pushes what is there, or leaves the block where it is not inside memory.
fn load(sink: &mut InstructionSink<'_>, width: u8, address: u32) {
    sink.local_tee(address)
        .i64_const(i64::from(u32::MAX))
        .i64_gt_u()
        .br_if(0)
        .local_get(address)
        .i64_const(i64::from(width))
        .i64_add()
        .memory_size(0)
        .i64_extend_i32_u()
        .i64_const(16)
        .i64_shl()
        .i64_gt_u()
        .br_if(0)
        .local_get(address)
        .i32_wrap_i64();
    let at = MemArg {
        offset: 0,
        align: 0,
        memory_index: 0,
    };
    match width {
        1 => sink.i64_load8_u(at),
        2 => sink.i64_load16_u(at),
        4 => sink.i64_load32_u(at),
        _ => sink.i64_load(at),
    };
}

/// The reported form of the lowest bytes of an `i64`: see [`ValueType::decode`].
pub(super) fn report(sink: &mut InstructionSink<'_>, value_type: ValueType) {
    match value_type {
        ValueType::Bool | ValueType::U8 => sink.i64_const(0xff).i64_and(),
        ValueType::U16 => sink.i64_const(0xffff).i64_and(),
        ValueType::U32 => sink.i64_const(0xffff_ffff).i64_and(),
        ValueType::I8 => sink.i64_extend8_s(),
        ValueType::I16 => sink.i64_extend16_s(),
        ValueType::I32 => sink.i64_extend32_s(),
        ValueType::I64 | ValueType::U64 => sink,
        ValueType::F32 => sink.i32_wrap_i64().f32_reinterpret_i32().f64_promote_f32(),
        ValueType::F64 => sink.f64_reinterpret_i64(),
    };
}
