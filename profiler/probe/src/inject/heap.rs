//! Wrappers around the allocator's functions, which keep the heap counters in the mailbox.
//!
//! A wrapper takes the index of the function it wraps, whose body moves to a new one, so that direct calls, tables,
//! exports and references all pass through it. A depth guard makes nested calls (calloc calling malloc by way of some
//! helper) count once.
//!
//! The counters cannot become negative and cannot drift by rounding: what is subtracted when a block is given back is
//! read from where it was counted. Reallocation is counted as what it changes: in place or moved, grown or shrunk;
//! where it fails (null for a size that is not 0) the old block stays; null for size 0 gives the block back.

use super::{
    blocks::Blocks,
    layout::{Layout, TableFunctions},
};
use crate::{
    inspection::{BlockAt, FoundAllocator, Product, Role, Tracking},
    mailbox::Mailbox,
};
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, ValType};

/// The wrapper for a function with so many parameters, all i32.
pub(super) fn wrapper(
    found: &FoundAllocator,
    role: Role,
    parameters: u32,
    body: u32,
    layout: &Layout,
) -> Function {
    let mut function = Function::new([(4, ValType::I32), (2, ValType::I64)]);
    let mut sink = function.instructions();
    let wrapper = Wrapper {
        tracking: found.tracking,
        table: layout.table_functions,
        mailbox: layout.mailbox_memory,
        allocated: layout.allocated,
        depth: layout.guarded.then_some(layout.depth_global),
        parameters,
        body,
        result: parameters,
        block: parameters + 1,
        old: parameters + 2,
        new: parameters + 3,
        wide: parameters + 4,
        blocks: layout
            .reports
            .map(|reports| Blocks::new(reports, layout, parameters + 4)),
    };
    let returns = !matches!(role, Role::Free { .. });
    wrapper.pass_through_when_nested(&mut sink);
    if let Some(blocks) = &wrapper.blocks {
        blocks.begin(&mut sink);
    }
    match role {
        Role::Allocate { size, result } => wrapper.allocate(&mut sink, size, result),
        Role::Free { block, size } => wrapper.free(&mut sink, block, size),
        Role::Reallocate {
            block,
            size,
            old_size,
        } => wrapper.reallocate(&mut sink, block, size, old_size),
    }
    if returns {
        sink.local_get(wrapper.result);
    }
    sink.end();
    function
}

/// In which direction live bytes can change.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Grows,
    Shrinks,
    Either,
}

struct Wrapper {
    tracking: Tracking,
    table: Option<TableFunctions>,
    mailbox: u32,
    allocated: Option<u32>,
    /// The guard against counting nested calls, where they are possible.
    depth: Option<u32>,
    parameters: u32,
    /// The wrapped body.
    body: u32,
    // Locals.
    result: u32,
    block: u32,
    old: u32,
    new: u32,
    wide: u32,
    /// How single blocks are reported.
    blocks: Option<Blocks>,
}

impl Wrapper {
    fn call_body(&self, sink: &mut InstructionSink<'_>) {
        for parameter in 0..self.parameters {
            sink.local_get(parameter);
        }
        sink.call(self.body);
    }

    fn call_body_guarded(&self, sink: &mut InstructionSink<'_>) {
        if let Some(depth) = self.depth {
            sink.i32_const(1).global_set(depth);
        }
        self.call_body(sink);
        if let Some(depth) = self.depth {
            sink.i32_const(0).global_set(depth);
        }
    }

    fn pass_through_when_nested(&self, sink: &mut InstructionSink<'_>) {
        if let Some(depth) = self.depth {
            sink.global_get(depth).if_(BlockType::Empty);
            self.call_body(sink);
            sink.return_().end();
        }
    }

    fn allocate(&self, sink: &mut InstructionSink<'_>, size: Product, at: BlockAt) {
        self.call_body_guarded(sink);
        sink.local_set(self.result);
        match at {
            BlockAt::Result => {
                sink.local_get(self.result).local_tee(self.block);
            }
            BlockAt::OutParameter(pointer) => {
                sink.local_get(self.result).i32_eqz();
                readable(sink, pointer, 0, 4);
                sink.i32_and()
                    .if_(BlockType::Result(ValType::I32))
                    .local_get(pointer)
                    .i32_load(guest(0))
                    .else_()
                    .i32_const(0)
                    .end()
                    .local_tee(self.block);
            }
        }
        sink.if_(BlockType::Empty);
        self.size_handed_out(sink, size);
        self.enter_into_table(sink);
        self.count_change(sink, Change::Grows);
        self.count_allocation(sink);
        self.sample(sink);
        self.report(sink);
        sink.end();
    }

    fn report(&self, sink: &mut InstructionSink<'_>) {
        if let Some(blocks) = &self.blocks {
            blocks.handed_out(sink, self.block, self.new);
        }
    }

    fn report_release(&self, sink: &mut InstructionSink<'_>, block: u32, moved: bool) {
        if let Some(blocks) = &self.blocks {
            blocks.given_back(sink, block, moved);
        }
    }

    fn free(&self, sink: &mut InstructionSink<'_>, block: u32, size: Option<u32>) {
        sink.local_get(block).if_(BlockType::Empty);
        match (self.table, self.tracking) {
            (Some(table), Tracking::Table) => {
                sink.local_get(block).i32_const(0).call(table.set);
            }
            _ => self.size_of_block(sink, block, size),
        }
        sink.local_set(self.old).end();
        self.call_body_guarded(sink);
        self.count_change(sink, Change::Shrinks);
        self.report_release(sink, block, false);
    }

    fn reallocate(
        &self,
        sink: &mut InstructionSink<'_>,
        block: u32,
        size: Product,
        old_size: Option<u32>,
    ) {
        sink.local_get(block).if_(BlockType::Empty);
        self.size_of_block(sink, block, old_size);
        sink.local_set(self.old).end();
        self.call_body_guarded(sink);
        sink.local_tee(self.result).local_tee(self.block);

        sink.if_(BlockType::Empty);
        self.forget_in_table(sink, block);
        self.size_handed_out(sink, size);
        self.enter_into_table(sink);
        self.count_change(sink, Change::Either);
        sink.local_get(block).i32_eqz().if_(BlockType::Empty);
        self.count_allocation(sink);
        sink.end();
        self.sample(sink);
        self.report_release(sink, block, true);
        self.report(sink);
        sink.else_();
        self.requested(sink, size);
        sink.i32_eqz().if_(BlockType::Empty);
        self.forget_in_table(sink, block);
        self.count_change(sink, Change::Shrinks);
        self.report_release(sink, block, false);
        sink.end();
        sink.end();
    }

    /// What was asked for.
    fn requested(&self, sink: &mut InstructionSink<'_>, size: Product) {
        sink.local_get(size.0);
        if let Some(other) = size.1 {
            sink.local_get(other).i32_mul();
        }
    }

    /// `new` = the size at which the block in `block` is counted.
    fn size_handed_out(&self, sink: &mut InstructionSink<'_>, size: Product) {
        match self.tracking {
            Tracking::DlmallocHeader | Tracking::ZigHeader => {
                self.size_of_block(sink, self.block, None);
            }
            Tracking::Arguments | Tracking::Table | Tracking::Nothing => self.requested(sink, size),
        }
        sink.local_set(self.new);
    }

    /// Pushes the size at which a block was counted. `block` is a local that is not null.
    fn size_of_block(&self, sink: &mut InstructionSink<'_>, block: u32, size: Option<u32>) {
        match (self.tracking, self.table, size) {
            (Tracking::DlmallocHeader, ..) => {
                readable(sink, block, 4, 0);
                // The word before the block: size of the chunk, three flags; the word itself is part of the chunk.
                sink.if_(BlockType::Result(ValType::I32))
                    .local_get(block)
                    .i32_const(4)
                    .i32_sub()
                    .i32_load(guest(2))
                    .i32_const(-8)
                    .i32_and()
                    .i32_const(4)
                    .i32_sub()
                    .else_()
                    .i32_const(0)
                    .end();
            }
            (Tracking::ZigHeader, ..) => {
                readable(sink, block, 8, 0);
                sink.if_(BlockType::Result(ValType::I32))
                    .local_get(block)
                    .i32_const(8)
                    .i32_sub()
                    .i64_load(guest(3))
                    .i64_const(5)
                    .i64_shr_u()
                    .i32_wrap_i64()
                    .else_()
                    .i32_const(0)
                    .end();
            }
            (Tracking::Table, Some(table), _) => {
                sink.local_get(block).call(table.get);
            }
            (_, _, Some(size)) => {
                sink.local_get(size);
            }
            _ => {
                sink.i32_const(0);
            }
        }
    }

    /// Remembers the size of the block in `block`. A block that was there before, and whose release was not seen, is
    /// released now.
    fn enter_into_table(&self, sink: &mut InstructionSink<'_>) {
        if let (Tracking::Table, Some(table)) = (self.tracking, self.table) {
            sink.local_get(self.block)
                .local_get(self.new)
                .call(table.set)
                .local_get(self.old)
                .i32_add()
                .local_set(self.old);
            // What could not be remembered is not counted either: it would never be taken off again.
            sink.local_get(self.block)
                .call(table.get)
                .local_set(self.new);
        }
    }

    fn forget_in_table(&self, sink: &mut InstructionSink<'_>, block: u32) {
        if let (Tracking::Table, Some(table)) = (self.tracking, self.table) {
            sink.local_get(block)
                .if_(BlockType::Empty)
                .local_get(block)
                .i32_const(0)
                .call(table.set)
                .drop()
                .end();
        }
    }

    /// live += new - old, and what follows from it.
    fn count_change(&self, sink: &mut InstructionSink<'_>, change: Change) {
        if self.tracking == Tracking::Nothing {
            return;
        }
        // Only a table can know of an old block where a new one was handed out.
        let change = match (change, self.tracking) {
            (Change::Grows, Tracking::Table) => Change::Either,
            (change, _) => change,
        };
        sink.i32_const(0).i64_load(self.at(Mailbox::LIVE));
        if change != Change::Shrinks {
            sink.local_get(self.new).i64_extend_i32_u().i64_add();
        }
        if change != Change::Grows {
            sink.local_get(self.old).i64_extend_i32_u().i64_sub();
        }
        sink.local_set(self.wide);
        if change != Change::Grows {
            // A block may be given back that was handed out before anything was counted (a guest that was initialised
            // when it was built), or by a copy of the allocator that was inlined.
            sink.local_get(self.wide)
                .i64_const(0)
                .i64_lt_s()
                .if_(BlockType::Empty)
                .i64_const(0)
                .local_set(self.wide)
                .end();
        }
        sink.i32_const(0)
            .local_get(self.wide)
            .i64_store(self.at(Mailbox::LIVE));
        if change != Change::Shrinks {
            self.raise_peaks(sink);
        }
    }

    /// The window's peak is at most the peak of all time, so most calls compare once only.
    fn raise_peaks(&self, sink: &mut InstructionSink<'_>) {
        for peak in [Mailbox::WINDOW_PEAK, Mailbox::LIVE_PEAK] {
            sink.local_get(self.wide)
                .i32_const(0)
                .i64_load(self.at(peak))
                .i64_gt_s()
                .if_(BlockType::Empty)
                .i32_const(0)
                .local_get(self.wide)
                .i64_store(self.at(peak));
        }
        sink.end().end();
    }

    fn count_allocation(&self, sink: &mut InstructionSink<'_>) {
        let at = self.at(Mailbox::ALLOCATIONS);
        sink.i32_const(0)
            .i32_const(0)
            .i64_load(at)
            .i64_const(1)
            .i64_add()
            .i64_store(at);
    }

    /// allocated += what was added, and a call to the host when it wants one.
    fn sample(&self, sink: &mut InstructionSink<'_>) {
        let total = self.at(Mailbox::ALLOCATED);
        sink.local_get(self.new)
            .local_get(self.old)
            .i32_gt_u()
            .if_(BlockType::Empty);
        sink.i32_const(0)
            .i32_const(0)
            .i64_load(total)
            .local_get(self.new)
            .local_get(self.old)
            .i32_sub()
            .i64_extend_i32_u()
            .i64_add()
            .local_tee(self.wide)
            .i64_store(total);
        if let Some(allocated) = self.allocated {
            // Never where the host wrote nothing: 0 - 1 is larger than any total.
            sink.i32_const(0)
                .i64_load(self.at(Mailbox::NEXT_SAMPLE_AT))
                .i64_const(1)
                .i64_sub()
                .local_get(self.wide)
                .i64_lt_u()
                .if_(BlockType::Empty)
                .call(allocated)
                .end();
        }
        sink.end();
    }

    fn at(&self, offset: usize) -> MemArg {
        MemArg {
            offset: offset as u64,
            align: 3,
            memory_index: self.mailbox,
        }
    }
}

/// Pushes whether memory from `before` bytes before the address in a local to `after` bytes after it can be read. True
/// of every block that an allocator handed out; with it, a wrapper cannot trap even where a name was misleading.
fn readable(sink: &mut InstructionSink<'_>, address: u32, before: i64, after: i64) {
    sink.local_get(address)
        .i32_const(before as i32)
        .i32_sub()
        .i64_extend_i32_u()
        .memory_size(0)
        .i64_extend_i32_u()
        .i64_const(16)
        .i64_shl()
        .i64_const(before + after)
        .i64_sub()
        .i64_le_s();
}

fn guest(align: u32) -> MemArg {
    MemArg {
        offset: 0,
        align,
        memory_index: 0,
    }
}
