//! Keeping the record of a slot: where its probe stands, or in a function that the probe calls. The former is quicker where
//! it is hit all the time. Where a slot is hit seldom, what stands there must be out of the way of code that runs often,
//! and is no more than a value and a call.
//!
//! A record is always kept in the guest. The host is called only when it asked to be, which is for hits that it keeps in
//! full: a call of the host costs ten times what the record does.

use super::layout::AddedTypes;
use crate::{
    mailbox::{Mailbox, Record},
    slot::{ArmedPlan, Slot},
    value::ValueType,
};
use trace::ProbeMode;
use wasm_encoder::{BlockType, Function, InstructionSink, MemArg, ValType};

/// What tells one of the functions from another.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kind {
    /// Of the types that are compared and added up alike, the widest.
    value_type: ValueType,
    calls_host: bool,
}

impl Kind {
    fn of(slot: &Slot) -> Kind {
        Kind {
            value_type: match slot.value_type {
                ValueType::I8 | ValueType::I16 | ValueType::I32 => ValueType::I32,
                ValueType::U8 | ValueType::U16 | ValueType::U32 | ValueType::Bool => ValueType::U32,
                ValueType::F32 | ValueType::F64 => ValueType::F64,
                wide @ (ValueType::I64 | ValueType::U64) => wide,
            },
            calls_host: slot.mode == ProbeMode::HostCall,
        }
    }
}

/// The functions, by kind.
pub(super) struct Recorders {
    /// Kind and type, in the order of their indices.
    kinds: Vec<(Kind, u32)>,
    /// Index of the first of them.
    first: u32,
}

impl Recorders {
    /// Those that a plan needs. `new_function` gives indices that follow each other.
    pub(super) fn new(
        plan: &ArmedPlan,
        types: &mut AddedTypes,
        mut new_function: impl FnMut() -> u32,
    ) -> Recorders {
        let mut recorders = Recorders {
            kinds: Vec::new(),
            first: 0,
        };
        let slots = plan.slots.iter().filter(|_| plan.seldom_hit);
        for slot in slots.filter(|slot| slot.mailbox_offset.is_some()) {
            let kind = Kind::of(slot);
            if !recorders.kinds.iter().any(|(known, _)| *known == kind) {
                let value = match kind.value_type {
                    ValueType::F64 => ValType::F64,
                    _ => ValType::I64,
                };
                let ty = types.index_of(&[value, ValType::I32, ValType::I32], &[]);
                let index = new_function();
                if recorders.kinds.is_empty() {
                    recorders.first = index;
                }
                recorders.kinds.push((kind, ty));
            }
        }
        recorders
    }

    /// The function for a slot, where there is one: (value in its reported form, where its record is, its number).
    pub(super) fn of(&self, slot: &Slot) -> Option<u32> {
        let kind = Kind::of(slot);
        let position = self.kinds.iter().position(|(known, _)| *known == kind)?;
        Some(self.first + position as u32)
    }

    /// Their types, in order.
    pub(super) fn types(&self) -> impl Iterator<Item = u32> {
        self.kinds.iter().map(|(_, ty)| *ty)
    }

    /// Their code, in order. `memory` is that of the mailbox, `hit` the import that is called.
    pub(super) fn functions(
        &self,
        memory: u32,
        hit: Option<u32>,
    ) -> impl Iterator<Item = Function> {
        let kinds = self.kinds.iter();
        kinds.map(move |(kind, _)| {
            let [value, at, number] = [0, 1, 2];
            let recorder = Recorder {
                value_type: kind.value_type,
                memory,
                value,
                at: At::Local(at),
                number: Number::Local(number),
            };
            let mut function = Function::new([]);
            let mut sink = function.instructions();
            recorder.keep(&mut sink, hit.filter(|_| kind.calls_host));
            sink.end();
            function
        })
    }
}

/// Where a record is.
#[derive(Clone, Copy)]
pub(super) enum At {
    /// At this address.
    Fixed(u32),
    /// At the address in a local.
    Local(u32),
}

/// Which slot it is of.
#[derive(Clone, Copy)]
pub(super) enum Number {
    /// This one.
    Fixed(u32),
    /// The one whose number is in a local.
    Local(u32),
}

/// Keeps one record.
pub(super) struct Recorder {
    /// Its own, or one that is compared and added up like it.
    pub(super) value_type: ValueType,
    /// The memory of the mailbox.
    pub(super) memory: u32,
    /// The local that holds the value in its reported form.
    pub(super) value: u32,
    pub(super) at: At,
    pub(super) number: Number,
}

impl Recorder {
    /// Takes a hit into the record; `hit` is what is called where the host has asked for it.
    pub(super) fn keep(&self, sink: &mut InstructionSink<'_>, hit: Option<u32>) {
        self.update(sink);
        if let Some(hit) = hit {
            self.call_if_asked(sink, hit);
        }
    }

    /// Pushes what [`Recorder::field`] counts from.
    fn base(&self, sink: &mut InstructionSink<'_>) {
        match self.at {
            At::Fixed(_) => sink.i32_const(0),
            At::Local(local) => sink.local_get(local),
        };
    }

    /// A field of the record.
    fn field(&self, field: usize) -> MemArg {
        let from = match self.at {
            At::Fixed(address) => address as usize,
            At::Local(_) => 0,
        };
        self.word(from + 8 * field)
    }

    /// A word of the mailbox.
    fn word(&self, offset: usize) -> MemArg {
        MemArg {
            offset: offset as u64,
            align: 3,
            memory_index: self.memory,
        }
    }

    fn is_float(&self) -> bool {
        self.value_type.is_float()
    }

    fn store_value(&self, sink: &mut InstructionSink<'_>, field: usize) {
        self.base(sink);
        sink.local_get(self.value);
        if self.is_float() {
            sink.f64_store(self.field(field));
        } else {
            sink.i64_store(self.field(field));
        }
    }

    fn update(&self, sink: &mut InstructionSink<'_>) {
        self.base(sink);
        sink.i64_load(self.field(Record::COUNT))
            .i64_eqz()
            .if_(BlockType::Empty);
        self.store_value(sink, Record::FIRST);
        self.store_value(sink, Record::MIN);
        self.store_value(sink, Record::MAX);
        self.snapshot(sink, Record::AT_FIRST);
        sink.else_();
        for (field, smaller) in [(Record::MIN, true), (Record::MAX, false)] {
            sink.local_get(self.value);
            self.base(sink);
            if self.is_float() {
                sink.f64_load(self.field(field));
            } else {
                sink.i64_load(self.field(field));
            }
            match (self.is_float(), self.value_type.is_signed(), smaller) {
                (true, _, true) => sink.f64_lt(),
                (true, _, false) => sink.f64_gt(),
                (false, true, true) => sink.i64_lt_s(),
                (false, true, false) => sink.i64_gt_s(),
                (false, false, true) => sink.i64_lt_u(),
                (false, false, false) => sink.i64_gt_u(),
            };
            sink.if_(BlockType::Empty);
            self.store_value(sink, field);
            sink.end();
        }
        sink.end();
        self.store_value(sink, Record::LAST);
        self.snapshot(sink, Record::AT_LAST);
        self.add_up(sink);
        self.base(sink);
        self.base(sink);
        sink.i64_load(self.field(Record::COUNT))
            .i64_const(1)
            .i64_add()
            .i64_store(self.field(Record::COUNT));
    }

    /// Copies the mailbox's own numbers into the record.
    fn snapshot(&self, sink: &mut InstructionSink<'_>, first: usize) {
        let words = [Mailbox::CLOCK, Mailbox::COMMITTED, Mailbox::LIVE];
        for (word, field) in words.into_iter().zip(first..) {
            self.base(sink);
            sink.i32_const(0)
                .i64_load(self.word(word))
                .i64_store(self.field(field));
        }
    }

    fn add_up(&self, sink: &mut InstructionSink<'_>) {
        let sum = self.field(Record::SUM);
        self.base(sink);
        self.base(sink);
        if Record::sum_is_float(self.value_type) {
            sink.f64_load(sum).local_get(self.value);
            match self.value_type {
                ValueType::I64 => sink.f64_convert_i64_s(),
                ValueType::U64 => sink.f64_convert_i64_u(),
                _ => sink,
            };
            sink.f64_add().f64_store(sum);
        } else {
            sink.i64_load(sum)
                .local_get(self.value)
                .i64_add()
                .i64_store(sum);
        }
    }

    fn call_if_asked(&self, sink: &mut InstructionSink<'_>, hit: u32) {
        self.base(sink);
        sink.i64_load(self.field(Record::COUNT));
        self.base(sink);
        sink.i64_load(self.field(Record::CALL_AFTER))
            .i64_gt_u()
            .if_(BlockType::Empty);
        match self.number {
            Number::Fixed(number) => sink.i32_const(number as i32),
            Number::Local(local) => sink.local_get(local),
        };
        sink.local_get(self.value);
        if self.is_float() {
            sink.i64_reinterpret_f64();
        }
        sink.call(hit).end();
    }
}
