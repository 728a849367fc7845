//! The Firefox Profiler's processed profile format, of one call: its memory over time as tracks, its allocations with
//! stacks (also what is retained of them), and its CPU samples.
//!
//! Written by hand, as version 62 of the format, which the profiler brings up to date when it loads a file: the crate
//! for this format has no place for source lines of frames that have no native library. Columns are those of
//! <https://github.com/firefox-devtools/profiler/blob/main/src/types/profile.ts>.

use super::error::which;
use super::label::name;
use super::{StackError, View};
use crate::clean::clean;
use serde_json::{Value, json};
use std::collections::HashMap;
use trace::{Bytes, Frame, Heap, Nanos, StackTable, Trace};

/// Version of the format that is written.
const VERSION: u32 = 62;

/// The largest integer that JavaScript keeps.
const LARGEST: f64 = 9_007_199_254_740_991.0;

/// The call as JSON. `view` says what must be there: CPU samples, or else allocations; the other comes along if it is.
pub fn firefox(trace: &Trace, view: View) -> Result<String, StackError> {
    match view {
        View::Cpu if trace.cpu_profile.is_none() => {
            return Err(StackError::NoCpu { which: which(1) });
        }
        View::Cpu => {}
        _ if trace.heap_profile.is_none() => {
            return Err(StackError::NoHeap {
                which: which(1),
                no_allocator: trace.heap == Heap::Unknown,
            });
        }
        _ => {}
    }
    let mut tables = Tables::new(trace);
    let samples = samples(trace, &mut tables);
    let allocations = allocations(trace, &mut tables);
    let profile = json!({
        "meta": meta(trace),
        "libs": [lib(trace)],
        "pages": [],
        "counters": counters(trace),
        "threads": [thread(trace, samples, allocations)],
        "shared": tables.shared(),
    });
    Ok(format!("{profile}\n"))
}

fn meta(trace: &Trace) -> Value {
    let interval = trace.cpu_profile.as_ref().map(|p| p.period);
    let interval = interval.filter(|p| p.0 > 0).unwrap_or(Nanos(1_000_000));
    json!({
        "version": 30,
        "preprocessedProfileVersion": VERSION,
        "interval": millis(interval),
        "startTime": trace.started_unix_ms as f64,
        "processType": 0,
        "product": format!("{} ({})", clean(&trace.function.name), clean(&trace.input.label)),
        "stackwalk": 1,
        "debug": false,
        "platform": clean(&trace.machine.processor),
        "oscpu": clean(&trace.machine.kernel),
        "importedFrom": "Fathom",
        "symbolicated": true,
        "categories": [
            { "name": "Guest", "color": "green", "subcategories": ["Other"] },
            { "name": "Inlined", "color": "lightgreen", "subcategories": ["Other"] },
        ],
        "markerSchema": [],
        "sampleUnits": { "time": "ms", "eventDelay": "ms", "threadCPUDelta": "\u{b5}s" },
    })
}

fn lib(trace: &Trace) -> Value {
    let name = format!("{}.wasm", clean(&trace.function.name));
    json!({
        "arch": "wasm32", "name": name, "path": name, "debugName": name, "debugPath": name,
        "breakpadId": "000000000000000000000000000000000", "codeId": null,
    })
}

/// A track for committed memory and one for live bytes, where they are known, in steps.
fn counters(trace: &Trace) -> Vec<Value> {
    let start = (Nanos(0), trace.committed_start);
    let grown = trace.growths.iter().map(|g| (g.at, g.to));
    let committed: Vec<(Nanos, Bytes)> = std::iter::once(start).chain(grown).collect();
    let live = trace.samples.iter().filter_map(|s| Some((s.at, s.live?)));
    let live: Vec<(Nanos, Bytes)> = live.collect();
    let end = trace.wall;
    let tracks = [
        ("Committed memory", "orange", with_end(committed, end)),
        ("Live bytes", "blue", with_end(live, end)),
    ];
    let some = tracks.into_iter().filter(|(_, _, points)| points.len() > 1);
    some.map(|(label, color, points)| counter(label, color, &points))
        .collect()
}

/// The points, and the last again at the end, so that the track is as long as the call.
fn with_end(mut points: Vec<(Nanos, Bytes)>, end: Nanos) -> Vec<(Nanos, Bytes)> {
    if let Some(&(at, last)) = points.last() {
        points.push((Nanos(at.0.max(end.0)), last));
    }
    points
}

fn counter(label: &str, color: &str, points: &[(Nanos, Bytes)]) -> Value {
    let mut before = 0.0;
    let mut last = Nanos(0);
    let (mut time, mut count) = (Vec::new(), Vec::new());
    for (at, bytes) in points {
        // Before a step, so that it is drawn as one.
        last = Nanos(at.0.max(last.0));
        time.extend([millis(last), millis(last)]);
        let now = (bytes.0 as f64).min(LARGEST);
        count.extend([0.0, now - before]);
        before = now;
    }
    json!({
        "name": label, "category": "Memory", "description": label, "pid": "1", "mainThreadIndex": 0,
        "samples": { "length": time.len(), "number": vec![0; time.len()], "time": time, "count": count },
        "display": {
            "graphType": "line-accumulated", "unit": "bytes", "color": color, "markerSchemaLocation": null,
            "sortWeight": 20, "label": label,
        },
    })
}

fn thread(trace: &Trace, samples: Value, allocations: Option<Value>) -> Value {
    let mut thread = json!({
        "processType": "default", "processStartupTime": 0, "processShutdownTime": millis(trace.wall),
        "registerTime": 0, "unregisterTime": millis(trace.wall), "pausedRanges": [],
        "showMarkersInTimeline": false, "name": clean(&trace.input.label), "isMainThread": true,
        "processName": clean(&trace.function.name), "pid": "1", "tid": "1",
        "samples": samples,
        "markers": {
            "data": [], "name": [], "startTime": [], "endTime": [], "phase": [], "category": [], "length": 0,
        },
    });
    if let Some(allocations) = allocations {
        thread["nativeAllocations"] = allocations;
    }
    thread
}

/// The CPU samples; without them one at the beginning and one at the end, so that the call has a length.
fn samples(trace: &Trace, tables: &mut Tables) -> Value {
    let (mut stack, mut time, mut cpu): (Vec<Option<usize>>, Vec<f64>, Vec<u64>) =
        (Vec::new(), Vec::new(), Vec::new());
    match &trace.cpu_profile {
        Some(profile) => {
            let stacks = tables.stacks(&profile.table);
            for sample in &profile.samples {
                stack.push(stacks.get(sample.stack as usize).copied().flatten());
                time.push(millis(sample.at));
                cpu.push(sample.cpu.0 / 1000);
            }
        }
        None => {
            stack.extend([None, None]);
            time.extend([0.0, millis(trace.wall)]);
            cpu.extend([0, trace.cpu.0 / 1000]);
        }
    }
    json!({
        "length": time.len(), "stack": stack, "time": time, "threadCPUDelta": cpu,
        "weight": null, "weightType": "samples",
    })
}

/// Allocations as positive, releases as negative numbers of bytes. A sampled one counts for all it stands for.
fn allocations(trace: &Trace, tables: &mut Tables) -> Option<Value> {
    let profile = trace.heap_profile.as_ref()?;
    let stacks = tables.stacks(&profile.table);
    let mut columns: [Vec<Value>; 4] = Default::default();
    for event in &profile.events {
        let bytes = (event.bytes as f64 * event.weight).round();
        if !bytes.is_finite() {
            continue;
        }
        let values = [
            json!(millis(event.at)),
            json!(bytes.clamp(-LARGEST, LARGEST) as i64),
            json!(stacks.get(event.stack as usize).copied().flatten()),
            json!(event.address),
        ];
        for (column, value) in columns.iter_mut().zip(values) {
            column.push(value);
        }
    }
    let [time, weight, stack, address] = columns;
    let length = time.len();
    (length > 0).then(|| {
        json!({
            "time": time, "weight": weight, "weightType": "bytes", "stack": stack, "memoryAddress": address,
            "threadId": vec![1; length], "length": length,
        })
    })
}

fn millis(nanos: Nanos) -> f64 {
    nanos.0 as f64 / 1_000_000.0
}

/// The tables that all samples share.
struct Tables {
    strings: Vec<String>,
    string_numbers: HashMap<String, usize>,
    frames: Vec<Frame>,
    /// The function of each frame, and how deep it was inlined.
    frame_functions: Vec<(usize, usize)>,
    frame_numbers: HashMap<(Frame, usize), usize>,
    /// Name and file.
    functions: Vec<(usize, Option<usize>)>,
    function_numbers: HashMap<(usize, Option<usize>), usize>,
    sources: Vec<usize>,
    source_numbers: HashMap<usize, usize>,
    /// Frame and parent.
    stacks: Vec<(usize, Option<usize>)>,
    stack_numbers: HashMap<(usize, Option<usize>), usize>,
    module: usize,
}

impl Tables {
    fn new(trace: &Trace) -> Tables {
        let mut tables = Tables {
            strings: Vec::new(),
            string_numbers: HashMap::new(),
            frames: Vec::new(),
            frame_functions: Vec::new(),
            frame_numbers: HashMap::new(),
            functions: Vec::new(),
            function_numbers: HashMap::new(),
            sources: Vec::new(),
            source_numbers: HashMap::new(),
            stacks: Vec::new(),
            stack_numbers: HashMap::new(),
            module: 0,
        };
        tables.module = tables.string(format!("{}.wasm", clean(&trace.function.name)));
        tables
    }

    fn string(&mut self, text: String) -> usize {
        let next = self.strings.len();
        *self.string_numbers.entry(text).or_insert_with_key(|text| {
            self.strings.push(text.clone());
            next
        })
    }

    /// The number of the innermost entry of each stack.
    fn stacks(&mut self, table: &StackTable) -> Vec<Option<usize>> {
        let stacks = 0..table.stacks.len() as u32;
        stacks
            .map(|stack| {
                let mut depth = 0;
                table.frames_of(stack).fold(None, |parent, frame| {
                    depth = if frame.inlined { depth + 1 } else { 0 };
                    let frame = self.frame(frame, depth);
                    Some(numbered(
                        &mut self.stacks,
                        &mut self.stack_numbers,
                        (frame, parent),
                    ))
                })
            })
            .collect()
    }

    fn frame(&mut self, frame: &Frame, depth: usize) -> usize {
        let key = (frame.clone(), depth);
        if let Some(&number) = self.frame_numbers.get(&key) {
            return number;
        }
        let file = frame.file.as_deref().map(clean).map(|file| {
            let file = self.string(file);
            numbered(&mut self.sources, &mut self.source_numbers, file)
        });
        let name = self.string(name(frame));
        let function = numbered(
            &mut self.functions,
            &mut self.function_numbers,
            (name, file),
        );
        self.frames.push(frame.clone());
        self.frame_functions.push((function, depth));
        self.frame_numbers.insert(key, self.frames.len() - 1);
        self.frames.len() - 1
    }

    fn shared(self) -> Value {
        let frames = self.frames.len();
        let functions = self.functions.len();
        let sources = self.sources.len();
        let depths = || self.frame_functions.iter().map(|(_, depth)| *depth);
        json!({
            "stackTable": {
                "frame": self.stacks.iter().map(|s| s.0).collect::<Vec<_>>(),
                "prefix": self.stacks.iter().map(|s| s.1).collect::<Vec<_>>(),
                "length": self.stacks.len(),
            },
            "frameTable": {
                "address": self.frames.iter().map(|f| f.address).collect::<Vec<_>>(),
                "inlineDepth": depths().map(|d| d.min(255)).collect::<Vec<_>>(),
                "category": depths().map(|d| usize::from(d > 0)).collect::<Vec<_>>(),
                "subcategory": vec![0; frames],
                "func": self.frame_functions.iter().map(|f| f.0).collect::<Vec<_>>(),
                "nativeSymbol": vec![Value::Null; frames],
                "innerWindowID": vec![0; frames],
                "line": self.frames.iter().map(|f| f.line).collect::<Vec<_>>(),
                "column": vec![Value::Null; frames],
                "length": frames,
            },
            "funcTable": {
                "name": self.functions.iter().map(|f| f.0).collect::<Vec<_>>(),
                "isJS": vec![false; functions],
                "relevantForJS": vec![false; functions],
                "resource": vec![0; functions],
                "source": self.functions.iter().map(|f| f.1).collect::<Vec<_>>(),
                "lineNumber": vec![Value::Null; functions],
                "columnNumber": vec![Value::Null; functions],
                "length": functions,
            },
            "resourceTable": { "lib": [0], "name": [self.module], "host": [null], "type": [1], "length": 1 },
            "nativeSymbols": { "libIndex": [], "address": [], "name": [], "functionSize": [], "length": 0 },
            "sources": {
                "id": vec![Value::Null; sources],
                "filename": self.sources,
                "startLine": vec![1; sources],
                "startColumn": vec![1; sources],
                "sourceMapURL": vec![Value::Null; sources],
                "length": sources,
            },
            "stringArray": self.strings,
        })
    }
}

/// The number of a row, which is added where it is new.
fn numbered<K: Copy + Eq + std::hash::Hash>(
    rows: &mut Vec<K>,
    numbers: &mut HashMap<K, usize>,
    row: K,
) -> usize {
    *numbers.entry(row).or_insert_with(|| {
        rows.push(row);
        rows.len() - 1
    })
}
