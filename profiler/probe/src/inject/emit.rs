//! The instructions of one probe: read a value, report it. Every sequence leaves the operand stack as it found it.

use super::{
    fetch::{self, Frame},
    layout::{Armed, AtSite, Fetch, Layout},
    record::{At, Number, Recorder},
};
use crate::{
    mailbox::Mailbox,
    slot::{Place, Slot},
    value::ValueType,
};
use trace::ProbeMode;
use wasm_encoder::{BlockType, InstructionSink, MemArg, ValType};

/// Locals that probes may use, added to the function on demand.
pub(super) struct Scratch {
    /// Index of the first added local.
    base: u32,
    pub(super) types: Vec<ValType>,
    wide: Option<u32>,
    float: Option<u32>,
    address: Option<u32>,
    /// Locals in which results wait while exit probes run: those from `first_result` on, in order.
    pub(super) results: Vec<u32>,
    pub(super) first_result: u32,
}

impl Scratch {
    pub(super) fn new(base: u32) -> Scratch {
        Scratch {
            base,
            types: Vec::new(),
            wide: None,
            float: None,
            address: None,
            results: Vec::new(),
            first_result: 0,
        }
    }

    pub(super) fn add(&mut self, ty: ValType) -> u32 {
        self.types.push(ty);
        self.base + self.types.len() as u32 - 1
    }

    /// A local that holds an address while it is checked.
    pub(super) fn address(&mut self) -> u32 {
        let local = self.address.unwrap_or_else(|| self.add(ValType::I64));
        self.address = Some(local);
        local
    }

    /// A local that holds the reported form of a value.
    fn reported(&mut self, value_type: ValueType) -> u32 {
        let (kept, ty) = if value_type.is_float() {
            (self.float, ValType::F64)
        } else {
            (self.wide, ValType::I64)
        };
        let local = kept.unwrap_or_else(|| self.add(ty));
        let kept = if value_type.is_float() {
            &mut self.float
        } else {
            &mut self.wide
        };
        *kept = Some(local);
        local
    }
}

/// All probes of one place, one after the other.
pub(super) fn probes(
    code: &mut Vec<u8>,
    armed: &Armed<'_>,
    layout: &Layout,
    scratch: &mut Scratch,
) {
    for (number, slot) in armed {
        probe(code, *number, slot, layout, scratch);
    }
}

fn probe(code: &mut Vec<u8>, number: u32, slot: &Slot, layout: &Layout, scratch: &mut Scratch) {
    let Some(offset) = slot.mailbox_offset else {
        return;
    };
    value(code, &slot.place, slot.value_type, layout, scratch);
    record(code, number, slot, offset, layout, scratch);
}

/// The probes before one instruction.
pub(super) fn at_site(
    code: &mut Vec<u8>,
    armed: &[AtSite<'_>],
    frame: &Frame<'_, '_>,
    layout: &Layout,
    scratch: &mut Scratch,
) {
    for site in armed {
        let Some(offset) = site.slot.mailbox_offset else {
            continue;
        };
        match site.fetch {
            Fetch::Place(place) => {
                value(code, place, site.slot.value_type, layout, scratch);
                record(code, site.number, site.slot, offset, layout, scratch);
            }
            Fetch::Program(program) if frame.has(program) => {
                InstructionSink::new(code).block(BlockType::Empty);
                frame.push(code, program, scratch);
                fetch::report(&mut InstructionSink::new(code), site.slot.value_type);
                record(code, site.number, site.slot, offset, layout, scratch);
                InstructionSink::new(code).end();
            }
            Fetch::Program(_) => {}
        }
    }
}

/// Takes the reported form of a value off the stack and into the record of its slot.
fn record(
    code: &mut Vec<u8>,
    number: u32,
    slot: &Slot,
    offset: u32,
    layout: &Layout,
    scratch: &mut Scratch,
) {
    let mut sink = InstructionSink::new(code);
    if let Some(recorder) = layout.recorders.of(slot) {
        sink.i32_const(offset as i32)
            .i32_const(number as i32)
            .call(recorder);
        return;
    }
    let value = scratch.reported(slot.value_type);
    sink.local_set(value);
    let recorder = Recorder {
        value_type: slot.value_type,
        memory: layout.mailbox_memory,
        value,
        at: At::Fixed(offset),
        number: Number::Fixed(number),
    };
    let calls_host = slot.mode == ProbeMode::HostCall;
    recorder.keep(&mut sink, layout.hit.filter(|_| calls_host));
}

/// Pushes the value in its reported form: an integer as i64, sign- or zero-extended, a float as f64.
fn value(
    code: &mut Vec<u8>,
    place: &Place,
    value_type: ValueType,
    layout: &Layout,
    scratch: &Scratch,
) {
    let mut sink = InstructionSink::new(code);
    match place {
        // The last two have ways of their own to each place in the code.
        Place::Hits | Place::TailCalls | Place::Source { .. } | Place::Anywhere { .. } => {
            sink.i64_const(0);
            return;
        }
        Place::Parameter { index } => {
            sink.local_get(*index);
        }
        Place::Result { index } => {
            let waiting = index.wrapping_sub(scratch.first_result) as usize;
            sink.local_get(scratch.results[waiting]);
        }
        Place::Global { index, .. } => {
            sink.global_get(*index);
        }
        Place::Static { address, memory } => {
            let memory = if memory == Mailbox::EXPORT {
                layout.mailbox_memory
            } else {
                0
            };
            load(&mut sink, memory, *address, value_type);
        }
    }
    widen(&mut sink, value_type);
}

/// Copies eight bytes of memory 0 to a word of the mailbox.
pub(super) fn copy_to_mailbox(code: &mut Vec<u8>, from: u32, to: u32, layout: &Layout) {
    let mut sink = InstructionSink::new(code);
    sink.i32_const(to as i32);
    load(&mut sink, 0, from, ValueType::I64);
    sink.i64_store(MemArg {
        offset: 0,
        align: 3,
        memory_index: layout.mailbox_memory,
    });
}

fn load(sink: &mut InstructionSink<'_>, memory: u32, address: u32, value_type: ValueType) {
    let at = MemArg {
        offset: 0,
        align: 0,
        memory_index: memory,
    };
    sink.i32_const(address as i32);
    match value_type {
        ValueType::I8 => sink.i32_load8_s(at),
        ValueType::U8 | ValueType::Bool => sink.i32_load8_u(at),
        ValueType::I16 => sink.i32_load16_s(at),
        ValueType::U16 => sink.i32_load16_u(at),
        ValueType::I32 | ValueType::U32 => sink.i32_load(at),
        ValueType::I64 | ValueType::U64 => sink.i64_load(at),
        ValueType::F32 => sink.f32_load(at),
        ValueType::F64 => sink.f64_load(at),
    };
}

fn widen(sink: &mut InstructionSink<'_>, value_type: ValueType) {
    match value_type {
        ValueType::I8 => sink.i32_extend8_s().i64_extend_i32_s(),
        ValueType::I16 => sink.i32_extend16_s().i64_extend_i32_s(),
        ValueType::I32 => sink.i64_extend_i32_s(),
        ValueType::U8 | ValueType::Bool => sink.i32_const(0xff).i32_and().i64_extend_i32_u(),
        ValueType::U16 => sink.i32_const(0xffff).i32_and().i64_extend_i32_u(),
        ValueType::U32 => sink.i64_extend_i32_u(),
        ValueType::F32 => sink.f64_promote_f32(),
        ValueType::I64 | ValueType::U64 | ValueType::F64 => sink,
    };
}
