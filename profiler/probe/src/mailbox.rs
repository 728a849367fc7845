//! The mailbox: one more memory of the guest, written by injected code and read by the host.
//!
//! It is always the guest's last memory and exported as [`Mailbox::EXPORT`]. All numbers are 64 bits wide, little
//! endian and aligned, so that a host thread may read them while the guest runs. It begins as zeroes. The layout is a
//! contract between [`crate::inject`] and the host; nothing else knows it.

use crate::{Place, Slot, ValueType};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// Where the mailbox is and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its size: it is declared with this as minimum and never grows.
    pub pages: u64,
    /// Its declared maximum, in pages, a number that no other memory of the guest declares. A resource limiter is not
    /// told which memory grows, but it is told that memory's maximum: memory declared with this maximum is not the
    /// guest's own.
    pub maximum_pages: u64,
}

impl Mailbox {
    /// The name under which the memory is exported.
    pub const EXPORT: &'static str = "fathom:mailbox";

    /// Offset of the live bytes: handed out and not got back.
    pub const LIVE: usize = 0;
    /// Offset of the highest live bytes since the guest began.
    pub const LIVE_PEAK: usize = 8;
    /// Offset of the highest live bytes since the host last wrote it; the host resets it to [`Mailbox::LIVE`].
    pub const WINDOW_PEAK: usize = 16;
    /// Offset of the bytes handed out in total. A reallocation counts by what it grew.
    pub const ALLOCATED: usize = 24;
    /// Offset of the number of allocations. A reallocation of an existing block is none.
    pub const ALLOCATIONS: usize = 32;
    /// Offset of the total at which the guest calls `fathom.allocated`. Written by the host; 0 is never.
    pub const NEXT_SAMPLE_AT: usize = 40;
    /// Offset of the number of blocks whose size could not be kept, so that their release will not be counted.
    pub const UNTRACKED: usize = 48;
    /// Offset of the guest's committed memory, bytes. Written by the host at every growth, copied by probes.
    pub const COMMITTED: usize = 56;
    /// Offset of the time since the call began, nanoseconds. Written by the host now and then, copied by probes: a
    /// clock that costs a load.
    pub const CLOCK: usize = 64;
    /// Offset of the bytes that may still be handed out before the block that passes them is reported with
    /// `fathom.block`: counted down by the guest by the whole size of every block, also where it was reallocated. Set by
    /// the host.
    pub const BYTES_TO_SAMPLE: usize = 72;
    /// Offset of the address of the block handed out last. Kept where blocks are sampled.
    pub const NEWEST_BLOCK: usize = 80;
    /// Bytes of the filter of sampled blocks. The release of the block at address `a` is reported with `fathom.released`
    /// where byte [`Mailbox::filter_byte`] of it is not 0. Set by the host.
    pub const FILTER_BYTES: usize = 1 << 16;
    /// By how many bits an address is shifted to find its byte in the filter, which the rest of it wraps around.
    pub(crate) const FILTER_SHIFT: u32 = 3;
    /// Offset of the first word that keeps the latest value of a variable with several watch cells. The records of
    /// slots follow the last.
    pub(crate) const LATEST: usize = 128;
    /// Distance between records.
    pub(crate) const RECORD_BYTES: usize = 8 * Record::FIELDS;
    /// Where in a record the number of hits is, bytes from its beginning.
    pub const RECORD_COUNT: usize = 8 * Record::COUNT;
    /// Where in a record of a slot that calls the host it says when: at every hit whose number, counted from 1, is
    /// larger. Written by the host; 0 at the beginning, so the first hit calls.
    pub const RECORD_CALL_AFTER: usize = 8 * Record::CALL_AFTER;

    /// One of the 64-bit numbers at the constants above; `None` beyond the end of `memory`.
    pub fn read(memory: &[u8], offset: usize) -> Option<i64> {
        let bytes = memory.get(offset..offset.checked_add(8)?)?;
        Some(i64::from_le_bytes(bytes.try_into().ok()?))
    }

    /// The byte of the filter that stands for a block, and for others.
    pub fn filter_byte(block: u32) -> usize {
        (block >> Mailbox::FILTER_SHIFT) as usize & (Mailbox::FILTER_BYTES - 1)
    }

    /// What one slot with injected code has recorded; `None` where it was never hit, or beyond the end of `memory`.
    pub fn record(memory: &[u8], offset: u32, value_type: ValueType) -> Option<Record> {
        Mailbox::record_by(|at| Mailbox::read(memory, at), offset, value_type)
    }

    /// As [`Mailbox::record`], for a mailbox whose 64-bit numbers are read by `read`.
    pub fn record_by(
        read: impl Fn(usize) -> Option<i64>,
        offset: u32,
        value_type: ValueType,
    ) -> Option<Record> {
        let field = |index: usize| read(offset as usize + 8 * index);
        let count = field(Record::COUNT)? as u64;
        let value = |index| field(index).map(|bits| value_type.decode(bits));
        let sum = field(Record::SUM)?;
        let snapshot = |first: usize| {
            Some(Snapshot {
                nanos: field(first)? as u64,
                committed: field(first + 1)? as u64,
                live: field(first + 2)? as u64,
            })
        };
        (count > 0).then_some(Record {
            count,
            first: value(Record::FIRST)?,
            last: value(Record::LAST)?,
            min: value(Record::MIN)?,
            max: value(Record::MAX)?,
            sum: if Record::sum_is_float(value_type) {
                f64::from_bits(sum as u64)
            } else {
                sum as f64
            },
            at_first: snapshot(Record::AT_FIRST)?,
            at_last: snapshot(Record::AT_LAST)?,
        })
    }

    /// Where what the slots of a module have recorded and kept is, bytes. Zeroes are what a guest begins with.
    pub fn recorded(slots: &[Slot]) -> Range<usize> {
        let ends = slots.iter().map(|slot| {
            let record = slot
                .mailbox_offset
                .map(|at| at as usize + Mailbox::RECORD_BYTES);
            let kept = match &slot.place {
                Place::Static { memory, address } if memory == Mailbox::EXPORT => {
                    Some(*address as usize + 8)
                }
                _ => None,
            };
            record.max(kept).unwrap_or(Mailbox::LATEST)
        });
        Mailbox::LATEST..ends.max().unwrap_or(Mailbox::LATEST)
    }

    /// Pages needed for so many bytes.
    pub(crate) fn pages_for(bytes: usize) -> u64 {
        bytes.div_ceil(1 << 16) as u64
    }
}

/// What a slot has recorded by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Record {
    pub count: u64,
    pub first: f64,
    pub last: f64,
    pub min: f64,
    pub max: f64,
    /// Exact for integers of up to 32 bits and fewer than 2^31 hits; otherwise summed in floating point.
    pub sum: f64,
    pub at_first: Snapshot,
    pub at_last: Snapshot,
}

/// The mailbox's own numbers at a hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// [`Mailbox::CLOCK`], as the host last set it.
    pub nanos: u64,
    /// [`Mailbox::COMMITTED`].
    pub committed: u64,
    /// [`Mailbox::LIVE`].
    pub live: u64,
}

impl Record {
    pub(crate) const COUNT: usize = 0;
    pub(crate) const FIRST: usize = 1;
    pub(crate) const LAST: usize = 2;
    pub(crate) const MIN: usize = 3;
    pub(crate) const MAX: usize = 4;
    pub(crate) const SUM: usize = 5;
    pub(crate) const CALL_AFTER: usize = 6;
    /// A [`Snapshot`]: three fields.
    pub(crate) const AT_FIRST: usize = 7;
    /// Another.
    pub(crate) const AT_LAST: usize = 10;
    pub(crate) const FIELDS: usize = 13;

    /// Wide integers are summed as floats: their sum would not fit.
    pub(crate) fn sum_is_float(value_type: ValueType) -> bool {
        value_type.size() == 8 || value_type.is_float()
    }
}
