//! The instructions by which wrappers report single blocks, for the profile of who allocated.
//!
//! Sampled: the guest counts bytes down and calls the host for the block that passes zero; which releases the host wants
//! to hear of stands in a filter of one byte for many addresses, so that nearly all cost a load. Every: the host hears of
//! each, with the calling context. Reallocation is a release and an allocation of the whole new size, in place or moved.

use super::layout::{Layout, Reports};
use crate::{mailbox::Mailbox, slot::HeapReports};
use wasm_encoder::{BlockType, InstructionSink, MemArg};

pub(super) struct Blocks {
    reports: Reports,
    mailbox: u32,
    filter: u64,
    /// The global of the calling context.
    context: Option<u32>,
    // Locals, i64.
    wide: u32,
    kept_context: u32,
}

impl Blocks {
    /// For a wrapper whose first local of type i64 is `wide`, followed by another.
    pub(super) fn new(reports: Reports, layout: &Layout, wide: u32) -> Blocks {
        Blocks {
            reports,
            mailbox: layout.mailbox_memory,
            filter: u64::from(layout.filter_offset.unwrap_or_default()),
            context: layout.context.as_ref().map(|context| context.global),
            wide,
            kept_context: wide + 1,
        }
    }

    /// Before the wrapped function is called, which may change the context.
    pub(super) fn begin(&self, sink: &mut InstructionSink<'_>) {
        if let Some(context) = self.context {
            sink.global_get(context).local_set(self.kept_context);
        }
    }

    /// `block` and `size` are locals; the block is not null.
    pub(super) fn handed_out(&self, sink: &mut InstructionSink<'_>, block: u32, size: u32) {
        if self.reports.kind == HeapReports::Every {
            sink.local_get(block)
                .local_get(size)
                .local_get(self.kept_context)
                .call(self.reports.block);
            return;
        }
        let left = self.word(Mailbox::BYTES_TO_SAMPLE);
        sink.i32_const(0)
            .local_get(block)
            .i64_extend_i32_u()
            .i64_store(self.word(Mailbox::NEWEST_BLOCK));
        sink.i32_const(0)
            .i32_const(0)
            .i64_load(left)
            .local_get(size)
            .i64_extend_i32_u()
            .i64_sub()
            .local_tee(self.wide)
            .i64_store(left);
        sink.local_get(self.wide)
            .i64_const(0)
            .i64_lt_s()
            .if_(BlockType::Empty)
            .local_get(block)
            .local_get(size)
            .i64_const(0)
            .call(self.reports.block)
            .end();
    }

    /// `block` is a local that may be null.
    pub(super) fn given_back(&self, sink: &mut InstructionSink<'_>, block: u32, moved: bool) {
        sink.local_get(block);
        if self.reports.kind == HeapReports::Sampled {
            sink.i32_const(Mailbox::FILTER_SHIFT as i32)
                .i32_shr_u()
                .i32_const(Mailbox::FILTER_BYTES as i32 - 1)
                .i32_and()
                .i32_load8_u(MemArg {
                    offset: self.filter,
                    align: 0,
                    memory_index: self.mailbox,
                });
        }
        sink.if_(BlockType::Empty)
            .local_get(block)
            .i32_const(i32::from(moved))
            .call(self.reports.released)
            .end();
    }

    fn word(&self, offset: usize) -> MemArg {
        MemArg {
            offset: offset as u64,
            align: 3,
            memory_index: self.mailbox,
        }
    }
}
