//! pprof's format: `go tool pprof`, Pyroscope, Parca, speedscope and Grafana read it.
//!
//! Heap profiles have the four sample types of Go's, so that their tools need no flags: what was allocated, and what was
//! in use. In use is what was held at the peak, or at the end if that is asked for. Amounts of a sampled profile are
//! already estimates of all blocks; the period says how they were sampled, and no tool scales this format again.

use super::label::name;
use super::merge::Merged;
use super::proto::{Function, Line, Location, Mapping, Profile, Sample, ValueType};
use super::{Measure, StackError, View};
use crate::clean::clean;
use flate2::{Compression, write::GzEncoder};
use prost::Message;
use std::collections::HashMap;
use std::io::Write;
use trace::{Frame, HeapSampling};

/// Who allocated the memory, gzipped. `in_use` says when: [`View::AtEnd`], or else at the peak.
pub fn pprof_heap(merged: &Merged, in_use: View) -> Result<Vec<u8>, StackError> {
    merged.require(in_use)?;
    let in_use = match in_use {
        View::AtEnd => View::AtEnd,
        _ => View::AtPeak,
    };
    let mut writer = Writer::new(merged);
    for (kind, unit) in [
        ("alloc_objects", "count"),
        ("alloc_space", "bytes"),
        ("inuse_objects", "count"),
        ("inuse_space", "bytes"),
    ] {
        writer.sample_type(kind, unit);
    }
    for (&stack, at) in &merged.heap_by_stack() {
        let values = [
            (View::Allocated, Measure::Blocks),
            (View::Allocated, Measure::Bytes),
            (in_use, Measure::Blocks),
            (in_use, Measure::Bytes),
        ]
        .map(|(view, measure)| view.of(at, measure).round() as i64);
        writer.sample(stack, values.to_vec());
    }
    writer.profile.period_type = Some(writer.value_type("space", "bytes"));
    let sampling = match merged.sampling() {
        Some(HeapSampling::Poisson { mean }) => {
            writer.profile.period = i64::try_from(mean.0).unwrap_or(i64::MAX);
            format!(
                "allocations sampled, one choice every {mean} on average; amounts are estimates"
            )
        }
        Some(HeapSampling::Exact) | None => {
            writer.profile.period = 1;
            "every allocation is in it".to_owned()
        }
    };
    writer.profile.default_sample_type = writer.text("inuse_space");
    let held = match in_use {
        View::AtEnd => "in use: still held when the call ended",
        _ => "in use: held at the peak of each call",
    };
    Ok(writer.finish(in_use, &[held, &sampling]))
}

/// Where the CPU time went, gzipped.
pub fn pprof_cpu(merged: &Merged) -> Result<Vec<u8>, StackError> {
    merged.require(View::Cpu)?;
    let mut writer = Writer::new(merged);
    writer.sample_type("samples", "count");
    writer.sample_type("cpu", "nanoseconds");
    for (stack, (samples, nanos)) in merged.cpu_by_stack() {
        let value = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        writer.sample(stack, vec![value(samples), value(nanos)]);
    }
    writer.profile.period_type = Some(writer.value_type("cpu", "nanoseconds"));
    writer.profile.period = i64::try_from(merged.cpu_period()).unwrap_or(i64::MAX);
    writer.profile.default_sample_type = writer.text("cpu");
    Ok(writer.finish(View::Cpu, &[]))
}

struct Writer<'a> {
    merged: &'a Merged,
    profile: Profile,
    texts: HashMap<String, i64>,
    functions: HashMap<(String, String), u64>,
    /// Keyed by the frames that it stands for, as positions in the table: one with code of its own, then the inlined.
    locations: HashMap<Vec<u32>, u64>,
}

impl<'a> Writer<'a> {
    fn new(merged: &'a Merged) -> Writer<'a> {
        let mut writer = Writer {
            merged,
            profile: Profile::default(),
            texts: HashMap::new(),
            functions: HashMap::new(),
            locations: HashMap::new(),
        };
        writer.text("");
        let frames = || merged.table.frames.iter();
        let end = frames().map(|f| f.address).max().unwrap_or(0);
        let mapping = Mapping {
            id: 1,
            memory_start: 0,
            memory_limit: end.saturating_add(1),
            filename: writer.text(&format!("{}.wasm", clean(&merged.function.name))),
            build_id: writer.text(merged.function.digest.trim_start_matches("sha256:")),
            has_functions: true,
            has_filenames: frames().any(|f| f.file.is_some()),
            has_line_numbers: frames().any(|f| f.line.is_some()),
            has_inline_frames: frames().any(|f| f.inlined),
        };
        writer.profile.mapping.push(mapping);
        writer
    }

    fn text(&mut self, text: &str) -> i64 {
        if let Some(&position) = self.texts.get(text) {
            return position;
        }
        let position = self.profile.string_table.len() as i64;
        self.profile.string_table.push(text.to_owned());
        self.texts.insert(text.to_owned(), position);
        position
    }

    fn value_type(&mut self, kind: &str, unit: &str) -> ValueType {
        ValueType {
            r#type: self.text(kind),
            unit: self.text(unit),
        }
    }

    fn sample_type(&mut self, kind: &str, unit: &str) {
        let value_type = self.value_type(kind, unit);
        self.profile.sample_type.push(value_type);
    }

    fn sample(&mut self, stack: u32, value: Vec<i64>) {
        if value.iter().all(|v| *v == 0) {
            return;
        }
        let mut location_id = self.locations(stack);
        location_id.reverse();
        self.profile.sample.push(Sample { location_id, value });
    }

    /// The locations of a stack, the outermost first. What was inlined into a function shares its location.
    fn locations(&mut self, stack: u32) -> Vec<u64> {
        let merged = self.merged;
        let Some(stack) = merged.table.stacks.get(stack as usize) else {
            return Vec::new();
        };
        let frame = |position: &u32| merged.table.frames.get(*position as usize);
        let mut groups: Vec<Vec<u32>> = Vec::new();
        for position in stack {
            let Some(this) = frame(position) else {
                continue;
            };
            match groups.last_mut() {
                Some(group) if this.inlined && same_place(group.last().and_then(frame), this) => {
                    group.push(*position);
                }
                _ => groups.push(vec![*position]),
            }
        }
        groups
            .into_iter()
            .map(|group| self.location(group))
            .collect()
    }

    fn location(&mut self, group: Vec<u32>) -> u64 {
        if let Some(&id) = self.locations.get(&group) {
            return id;
        }
        let merged = self.merged;
        let frames: Vec<&Frame> = group
            .iter()
            .filter_map(|position| merged.table.frames.get(*position as usize))
            .collect();
        let mut line: Vec<Line> = frames
            .iter()
            .map(|frame| Line {
                function_id: self.function(frame),
                line: frame.line.unwrap_or(0).into(),
            })
            .collect();
        line.reverse();
        let id = self.profile.location.len() as u64 + 1;
        self.profile.location.push(Location {
            id,
            mapping_id: 1,
            address: frames.first().map_or(0, |frame| frame.address),
            line,
        });
        self.locations.insert(group, id);
        id
    }

    fn function(&mut self, frame: &Frame) -> u64 {
        let file = clean(frame.file.as_deref().unwrap_or_default());
        let key = (name(frame), file);
        if let Some(&id) = self.functions.get(&key) {
            return id;
        }
        let id = self.profile.function.len() as u64 + 1;
        let function = Function {
            id,
            name: self.text(&key.0),
            system_name: self.text(&key.0),
            filename: self.text(&key.1),
        };
        self.profile.function.push(function);
        self.functions.insert(key, id);
        id
    }

    fn finish(mut self, view: View, comments: &[&str]) -> Vec<u8> {
        let merged = self.merged;
        let calls = format!("{} calls added up", merged.calls_in(view));
        let machine = merged.machine(view).map(|m| {
            let parts = [&m.processor, &m.kernel, &m.engine].map(|part| clean(part));
            parts.join(", ")
        });
        let said = comments.iter().map(|c| (*c).to_owned());
        let comments: Vec<String> = said
            .chain([calls])
            .chain(machine)
            .chain(merged.notes(view))
            .collect();
        for comment in comments {
            let position = self.text(&comment);
            self.profile.comment.push(position);
        }
        gzipped(&self.profile.encode_to_vec())
    }
}

fn same_place(before: Option<&Frame>, this: &Frame) -> bool {
    before.is_some_and(|before| before.address == this.address)
}

/// Writing to memory does not fail.
fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(bytes);
    debug_assert!(written.is_ok());
    encoder.finish().unwrap_or_default()
}
