//! The table of sizes: for allocators that do not say how large a block is, a memory of its own remembers it.
//!
//! A block at address `p` has the four bytes at `(p >> shift) * 4`. The shift begins at 3, because allocators align
//! blocks to 8 bytes or more, and half the guest's heap is then the most that the table can take. At the first block
//! that is aligned to less, the table is spread out once, to a shift of 2 or 0, so that no two blocks ever share a cell.
//! It grows with the addresses that are used. Where growth is refused, blocks are counted as untracked, never guessed.

use super::layout::Layout;
use crate::mailbox::Mailbox;
use wasm_encoder::{BlockType, Function, MemArg, ValType};

/// The shift at the beginning.
pub(super) const FIRST_SHIFT: i32 = 3;

fn cell(layout: &Layout) -> MemArg {
    MemArg {
        offset: 0,
        align: 2,
        memory_index: layout.table_memory,
    }
}

/// `get(block) -> size`: 0 where nothing is known.
pub(super) fn get(layout: &Layout) -> Function {
    let mut function = Function::new([]);
    let shift = layout.shift_global;
    let mut sink = function.instructions();
    // Misaligned: it cannot have been entered.
    sink.local_get(0)
        .i32_const(1)
        .global_get(shift)
        .i32_shl()
        .i32_const(1)
        .i32_sub()
        .i32_and()
        .if_(BlockType::Empty)
        .i32_const(0)
        .return_()
        .end();
    sink.local_get(0)
        .global_get(shift)
        .i32_shr_u()
        .i32_const(2)
        .i32_shl()
        .local_tee(0)
        .i32_const(16)
        .i32_shr_u()
        .memory_size(layout.table_memory)
        .i32_ge_u()
        .if_(BlockType::Empty)
        .i32_const(0)
        .return_()
        .end();
    sink.local_get(0).i32_load(cell(layout)).end();
    function
}

/// `set(block, size) -> size before`.
pub(super) fn set(layout: &Layout, relayout: u32) -> Function {
    const BLOCK: u32 = 0;
    const SIZE: u32 = 1;
    const ADDRESS: u32 = 2;
    const PAGES: u32 = 3;
    let memory = layout.table_memory;
    let mut function = Function::new([(2, ValType::I32)]);
    let mut sink = function.instructions();
    // The outer block is left where the size cannot be remembered.
    sink.block(BlockType::Empty);
    sink.local_get(BLOCK)
        .i32_const(1)
        .global_get(layout.shift_global)
        .i32_shl()
        .i32_const(1)
        .i32_sub()
        .i32_and()
        .if_(BlockType::Empty);
    sink.local_get(SIZE)
        .i32_eqz()
        .if_(BlockType::Empty)
        .i32_const(0)
        .return_()
        .end();
    // 2 where the address is a multiple of 4, else 0.
    sink.i32_const(0)
        .i32_const(2)
        .local_get(BLOCK)
        .i32_const(3)
        .i32_and()
        .select()
        .call(relayout)
        .i32_eqz()
        .br_if(1);
    sink.end();
    // With a shift of 0 the table could not address all of memory.
    sink.global_get(layout.shift_global)
        .i32_eqz()
        .local_get(BLOCK)
        .i32_const(30)
        .i32_shr_u()
        .i32_const(0)
        .i32_ne()
        .i32_and()
        .br_if(0);
    sink.local_get(BLOCK)
        .global_get(layout.shift_global)
        .i32_shr_u()
        .i32_const(2)
        .i32_shl()
        .local_tee(ADDRESS)
        .i32_const(16)
        .i32_shr_u()
        .local_tee(PAGES)
        .memory_size(memory)
        .i32_ge_u()
        .if_(BlockType::Empty);
    sink.local_get(SIZE)
        .i32_eqz()
        .if_(BlockType::Empty)
        .i32_const(0)
        .return_()
        .end();
    sink.local_get(PAGES)
        .i32_const(1)
        .i32_add()
        .memory_size(memory)
        .i32_sub()
        .local_set(PAGES);
    // Half as much again, so that it seldom grows; else what is needed; else untracked.
    sink.local_get(PAGES)
        .memory_size(memory)
        .i32_const(1)
        .i32_shr_u()
        .i32_add()
        .memory_grow(memory)
        .i32_const(-1)
        .i32_eq()
        .if_(BlockType::Empty)
        .local_get(PAGES)
        .memory_grow(memory)
        .i32_const(-1)
        .i32_eq()
        .br_if(2)
        .end();
    sink.end();
    sink.local_get(ADDRESS)
        .i32_load(cell(layout))
        .local_get(ADDRESS)
        .local_get(SIZE)
        .i32_store(cell(layout))
        .return_();
    sink.end();
    untracked(&mut sink, layout);
    sink.i32_const(0).end();
    function
}

fn untracked(sink: &mut wasm_encoder::InstructionSink<'_>, layout: &Layout) {
    let at = MemArg {
        offset: Mailbox::UNTRACKED as u64,
        align: 3,
        memory_index: layout.mailbox_memory,
    };
    sink.i32_const(0)
        .i32_const(0)
        .i64_load(at)
        .i64_const(1)
        .i64_add()
        .i64_store(at);
}

/// `relayout(shift) -> done`: spreads the cells out for a smaller shift, from the last to the first.
pub(super) fn relayout(layout: &Layout) -> Function {
    const SHIFT: u32 = 0;
    const BY: u32 = 1;
    const INDEX: u32 = 2;
    const SIZE: u32 = 3;
    let memory = layout.table_memory;
    let mut function = Function::new([(3, ValType::I32)]);
    let mut sink = function.instructions();
    sink.global_get(layout.shift_global)
        .local_get(SHIFT)
        .i32_sub()
        .local_set(BY);
    sink.memory_size(memory)
        .i32_const(14)
        .i32_shl()
        .local_set(INDEX);
    sink.memory_size(memory)
        .local_get(BY)
        .i32_shl()
        .memory_size(memory)
        .i32_sub()
        .memory_grow(memory)
        .i32_const(-1)
        .i32_eq()
        .if_(BlockType::Empty)
        .i32_const(0)
        .return_()
        .end();
    // Cell 0 would be the null pointer's: it is always empty.
    sink.block(BlockType::Empty).loop_(BlockType::Empty);
    sink.local_get(INDEX)
        .i32_const(1)
        .i32_sub()
        .local_tee(INDEX)
        .i32_const(0)
        .i32_le_s()
        .br_if(1);
    sink.local_get(INDEX)
        .i32_const(2)
        .i32_shl()
        .i32_load(cell(layout))
        .local_tee(SIZE)
        .i32_eqz()
        .br_if(0);
    sink.local_get(INDEX)
        .i32_const(2)
        .i32_shl()
        .i32_const(0)
        .i32_store(cell(layout));
    sink.local_get(INDEX)
        .local_get(BY)
        .i32_shl()
        .i32_const(2)
        .i32_shl()
        .local_get(SIZE)
        .i32_store(cell(layout))
        .br(0);
    sink.end().end();
    sink.local_get(SHIFT)
        .global_set(layout.shift_global)
        .i32_const(1)
        .end();
    function
}
