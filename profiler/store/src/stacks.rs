//! The JSON forms of stacks inside a row: who allocated, where the time went. Private to the file, as in `wire`.
//!
//! Long lists are kept by column. Of texts, which are long and alike, each is kept once per call, and of a stack only
//! what differs from the one before: a call with two hundred stacks is some twenty kilobytes.

use crate::wire::{Exact, Steps, WireError};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::HashMap};
use trace::{
    Amount, Bytes, CpuProfile, CpuSample, Frame, HeapAtStack, HeapEvent, HeapProfile, HeapSampling,
    Nanos, StackTable,
};

#[derive(Serialize, Deserialize)]
struct TableWire<'a> {
    /// Names of functions and files, each once.
    texts: Vec<Cow<'a, str>>,
    function: Vec<u32>,
    file: Vec<Option<u32>>,
    line: Vec<Option<u32>>,
    inlined: Vec<bool>,
    address: Steps,
    /// How many frames each stack has in common with the one before, and the others.
    stacks: Vec<(usize, Vec<u32>)>,
}

/// Distinct texts in the order in which they were first met.
#[derive(Default)]
struct Texts<'a> {
    list: Vec<Cow<'a, str>>,
    positions: HashMap<&'a str, u32>,
}

impl<'a> Texts<'a> {
    fn position(&mut self, text: &'a str) -> u32 {
        *self.positions.entry(text).or_insert_with(|| {
            self.list.push(Cow::Borrowed(text));
            self.list.len() as u32 - 1
        })
    }
}

fn table_wire(table: &StackTable) -> TableWire<'_> {
    let mut texts = Texts::default();
    let frames = &table.frames;
    let function = frames.iter().map(|f| texts.position(&f.function)).collect();
    let file = frames
        .iter()
        .map(|f| f.file.as_deref().map(|file| texts.position(file)))
        .collect();
    let mut before: &[u32] = &[];
    let stacks = table.stacks.iter().map(|stack| {
        let common = std::iter::zip(before, stack)
            .take_while(|(a, b)| a == b)
            .count();
        before = stack;
        (common, stack[common..].to_vec())
    });
    let stacks = stacks.collect();
    TableWire {
        texts: texts.list,
        function,
        file,
        line: frames.iter().map(|frame| frame.line).collect(),
        inlined: frames.iter().map(|frame| frame.inlined).collect(),
        address: Steps(frames.iter().map(|frame| frame.address).collect()),
        stacks,
    }
}

fn decode_table(wire: TableWire<'_>) -> Result<StackTable, WireError> {
    let count = wire.function.len();
    let lengths = [
        wire.file.len(),
        wire.line.len(),
        wire.inlined.len(),
        wire.address.0.len(),
    ];
    if lengths.iter().any(|&length| length != count) {
        return Err(WireError::Ragged("frames"));
    }
    let text = |position: u32| {
        let text = wire.texts.get(position as usize);
        text.map(|text| text.clone().into_owned())
            .ok_or(WireError::Missing("text"))
    };
    let frame = |at: usize| {
        Ok(Frame {
            function: text(wire.function[at])?,
            file: wire.file[at].map(text).transpose()?,
            line: wire.line[at],
            inlined: wire.inlined[at],
            address: wire.address.0[at],
        })
    };
    let mut stacks: Vec<Vec<u32>> = Vec::with_capacity(wire.stacks.len());
    for (common, others) in wire.stacks {
        let before = stacks.last().map_or(&[][..], Vec::as_slice);
        let common = before
            .get(..common)
            .ok_or(WireError::Missing("frame of a stack"))?;
        stacks.push([common, &others].concat());
    }
    Ok(StackTable {
        frames: (0..count).map(frame).collect::<Result<_, WireError>>()?,
        stacks,
    })
}

#[derive(Serialize, Deserialize)]
struct AmountsWire {
    blocks: Vec<Exact>,
    bytes: Vec<Exact>,
}

impl AmountsWire {
    fn of(amounts: impl Iterator<Item = Amount> + Clone) -> AmountsWire {
        AmountsWire {
            blocks: amounts.clone().map(|amount| Exact(amount.blocks)).collect(),
            bytes: amounts.map(|amount| Exact(amount.bytes)).collect(),
        }
    }

    fn decode(self, count: usize) -> Result<Vec<Amount>, WireError> {
        if self.blocks.len() != count || self.bytes.len() != count {
            return Err(WireError::Ragged("amounts"));
        }
        let columns = std::iter::zip(self.blocks, self.bytes);
        Ok(columns
            .map(|(blocks, bytes)| Amount {
                blocks: blocks.0,
                bytes: bytes.0,
            })
            .collect())
    }
}

#[derive(Serialize, Deserialize)]
struct ByStackWire {
    stack: Vec<u32>,
    allocated: AmountsWire,
    at_peak: AmountsWire,
    at_end: AmountsWire,
    temporary: AmountsWire,
}

fn by_stack_wire(by_stack: &[HeapAtStack]) -> ByStackWire {
    ByStackWire {
        stack: by_stack.iter().map(|held| held.stack).collect(),
        allocated: AmountsWire::of(by_stack.iter().map(|held| held.allocated)),
        at_peak: AmountsWire::of(by_stack.iter().map(|held| held.at_peak)),
        at_end: AmountsWire::of(by_stack.iter().map(|held| held.at_end)),
        temporary: AmountsWire::of(by_stack.iter().map(|held| held.temporary)),
    }
}

fn decode_by_stack(wire: ByStackWire) -> Result<Vec<HeapAtStack>, WireError> {
    let count = wire.stack.len();
    let allocated = wire.allocated.decode(count)?;
    let at_peak = wire.at_peak.decode(count)?;
    let at_end = wire.at_end.decode(count)?;
    let temporary = wire.temporary.decode(count)?;
    let held = |at: usize| HeapAtStack {
        stack: wire.stack[at],
        allocated: allocated[at],
        at_peak: at_peak[at],
        at_end: at_end[at],
        temporary: temporary[at],
    };
    Ok((0..count).map(held).collect())
}

#[derive(Serialize, Deserialize)]
struct EventsWire {
    at: Steps,
    stack: Vec<u32>,
    address: Steps,
    bytes: Vec<i64>,
    /// Each weight once: there are as many as sizes of blocks.
    weights: Vec<Exact>,
    weight: Vec<u32>,
}

fn events_wire(events: &[HeapEvent]) -> EventsWire {
    let mut weights = Vec::new();
    // By their bits, so that no two that differ are taken for one.
    let mut positions: HashMap<u64, u32> = HashMap::new();
    let weight = events.iter().map(|event| {
        *positions.entry(event.weight.to_bits()).or_insert_with(|| {
            weights.push(Exact(event.weight));
            weights.len() as u32 - 1
        })
    });
    let weight = weight.collect();
    EventsWire {
        at: Steps(events.iter().map(|event| event.at.0).collect()),
        stack: events.iter().map(|event| event.stack).collect(),
        address: Steps(events.iter().map(|event| event.address).collect()),
        bytes: events.iter().map(|event| event.bytes).collect(),
        weights,
        weight,
    }
}

fn decode_events(wire: EventsWire) -> Result<Vec<HeapEvent>, WireError> {
    let count = wire.at.0.len();
    let lengths = [
        wire.stack.len(),
        wire.address.0.len(),
        wire.bytes.len(),
        wire.weight.len(),
    ];
    if lengths.iter().any(|&length| length != count) {
        return Err(WireError::Ragged("allocations"));
    }
    let event = |at: usize| {
        let weight = wire.weights.get(wire.weight[at] as usize);
        Ok(HeapEvent {
            at: Nanos(wire.at.0[at]),
            stack: wire.stack[at],
            address: wire.address.0[at],
            bytes: wire.bytes[at],
            weight: weight.ok_or(WireError::Missing("weight"))?.0,
        })
    };
    (0..count).map(event).collect()
}

#[derive(Serialize, Deserialize)]
struct HeapWire<'a> {
    /// The mean of a Poisson process; absent where all were looked at.
    mean: Option<Bytes>,
    peak_at: Nanos,
    table: TableWire<'a>,
    by_stack: ByStackWire,
    events: EventsWire,
    events_lost: u64,
}

pub(crate) fn encode_heap(profile: &HeapProfile) -> serde_json::Result<String> {
    serde_json::to_string(&HeapWire {
        mean: match profile.sampling {
            HeapSampling::Exact => None,
            HeapSampling::Poisson { mean } => Some(mean),
        },
        peak_at: profile.peak_at,
        table: table_wire(&profile.table),
        by_stack: by_stack_wire(&profile.by_stack),
        events: events_wire(&profile.events),
        events_lost: profile.events_lost,
    })
}

pub(crate) fn decode_heap(text: &str) -> Result<HeapProfile, WireError> {
    let wire: HeapWire<'_> = serde_json::from_str(text)?;
    Ok(HeapProfile {
        sampling: wire
            .mean
            .map_or(HeapSampling::Exact, |mean| HeapSampling::Poisson { mean }),
        table: decode_table(wire.table)?,
        by_stack: decode_by_stack(wire.by_stack)?,
        peak_at: wire.peak_at,
        events: decode_events(wire.events)?,
        events_lost: wire.events_lost,
    })
}

#[derive(Serialize, Deserialize)]
struct CpuWire<'a> {
    period: Nanos,
    table: TableWire<'a>,
    at: Steps,
    stack: Vec<u32>,
    cpu: Vec<Nanos>,
}

pub(crate) fn encode_cpu(profile: &CpuProfile) -> serde_json::Result<String> {
    let samples = &profile.samples;
    serde_json::to_string(&CpuWire {
        period: profile.period,
        table: table_wire(&profile.table),
        at: Steps(samples.iter().map(|sample| sample.at.0).collect()),
        stack: samples.iter().map(|sample| sample.stack).collect(),
        cpu: samples.iter().map(|sample| sample.cpu).collect(),
    })
}

pub(crate) fn decode_cpu(text: &str) -> Result<CpuProfile, WireError> {
    let wire: CpuWire<'_> = serde_json::from_str(text)?;
    if wire.stack.len() != wire.at.0.len() || wire.cpu.len() != wire.at.0.len() {
        return Err(WireError::Ragged("samples of the processor"));
    }
    let columns = wire.at.0.into_iter().zip(wire.stack).zip(wire.cpu);
    let samples = columns.map(|((at, stack), cpu)| CpuSample {
        at: Nanos(at),
        stack,
        cpu,
    });
    Ok(CpuProfile {
        period: wire.period,
        table: decode_table(wire.table)?,
        samples: samples.collect(),
    })
}
