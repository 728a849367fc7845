//! Text as `perf script` prints it, for FlameScope, which shows when in a call the memory was allocated. speedscope
//! reads it too.
//!
//! FlameScope counts events and knows no weights, so there is one event for each fixed number of bytes allocated: the
//! allocation that fills it up is the one that is named. A block of ten times that size is ten events. Of the processor
//! there is one event per sample.
//!
//! The grammar is FlameScope's (`app/perf/regexp.py`): ` TIME: EVENT:` in a line that does not begin with a tab, then
//! one line per frame, a tab first, the innermost first: a hexadecimal address, the name, and where it is in brackets.

use super::error::which;
use super::label::label;
use super::{By, StackError, View};
use std::fmt::Write;
use trace::{Bytes, Frame, StackTable, Trace};

/// Events that a call is given, about, where nobody says how many bytes are one.
const EVENTS: f64 = 2_000.0;

/// Most events of all calls together: beyond that the number of bytes is raised.
const MOST_EVENTS: f64 = 1_000_000.0;

/// The text, and how to read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PerfScript {
    /// The events.
    pub text: String,
    /// Bytes that an event stands for; `None` for CPU samples.
    pub every: Option<Bytes>,
    /// Calls in it. They are put one after another in time.
    pub calls: usize,
    /// Allocations that are not in it, because only so many are kept in order.
    pub lost: u64,
}

/// The events of the calls, of what was allocated or of the CPU.
pub fn perf_script(
    traces: &[&Trace],
    view: View,
    every: Option<Bytes>,
    by: By,
) -> Result<PerfScript, StackError> {
    let mut writer = Writer::new(by);
    match view {
        View::Allocated => {
            let heaps: Vec<_> = traces.iter().filter(|t| t.heap_profile.is_some()).collect();
            if heaps.is_empty() {
                return Err(StackError::NoHeap {
                    which: which(traces.len()),
                    no_allocator: traces.iter().all(|t| t.heap == trace::Heap::Unknown),
                });
            }
            let every = every.unwrap_or_else(|| usual(traces));
            let every = Bytes(
                every
                    .0
                    .max((allocated(traces) / MOST_EVENTS).ceil() as u64)
                    .max(1),
            );
            heaps.iter().for_each(|trace| writer.heap(trace, every));
            writer.finish(Some(every), heaps.len(), view)
        }
        View::Cpu => {
            let timed: Vec<_> = traces.iter().filter(|t| t.cpu_profile.is_some()).collect();
            if timed.is_empty() {
                return Err(StackError::NoCpu {
                    which: which(traces.len()),
                });
            }
            timed.iter().for_each(|trace| writer.cpu(trace));
            writer.finish(None, timed.len(), view)
        }
        View::AtPeak | View::AtEnd | View::Temporary => Err(StackError::NotInFormat {
            format: "perf-script",
            shows: "`allocated` or `cpu`",
            view,
        }),
    }
}

/// Bytes allocated in the events that were kept.
fn allocated(traces: &[&Trace]) -> f64 {
    let profiles = traces.iter().filter_map(|t| t.heap_profile.as_ref());
    let events = profiles.flat_map(|p| &p.events);
    events.map(|e| stands_for(e.bytes, e.weight)).sum()
}

/// Bytes that an allocation stands for; 0 for a release.
fn stands_for(bytes: i64, weight: f64) -> f64 {
    let bytes = bytes.max(0) as f64 * weight;
    if bytes.is_finite() {
        bytes.max(0.0)
    } else {
        0.0
    }
}

/// A power of two that gives the largest call some two thousand events, and not less than the smallest blocks have.
fn usual(traces: &[&Trace]) -> Bytes {
    let largest = traces
        .iter()
        .map(|trace| allocated(&[trace]))
        .fold(0.0, f64::max);
    Bytes(
        ((largest / EVENTS).ceil() as u64)
            .max(16)
            .next_power_of_two(),
    )
}

struct Writer {
    by: By,
    text: String,
    calls: usize,
    lost: u64,
    /// Where the next call begins, nanoseconds.
    begins: u64,
    events: u64,
}

impl Writer {
    fn new(by: By) -> Writer {
        Writer {
            by,
            text: String::new(),
            calls: 0,
            lost: 0,
            begins: 0,
            events: 0,
        }
    }

    fn heap(&mut self, trace: &Trace, every: Bytes) {
        let Some(profile) = &trace.heap_profile else {
            return;
        };
        self.calls += 1;
        self.lost = self.lost.saturating_add(profile.events_lost);
        let frames = Frames::of(&profile.table, &trace.function.name, self.by);
        let mut left = every.0 as f64;
        for event in &profile.events {
            let mut bytes = stands_for(event.bytes, event.weight);
            while bytes >= left {
                bytes -= left;
                left = every.0 as f64;
                self.event(trace, event.at.0, "alloc-bytes", &frames, event.stack);
            }
            left -= bytes;
        }
        self.begins = self.begins.saturating_add(trace.wall.0);
    }

    fn cpu(&mut self, trace: &Trace) {
        let Some(profile) = &trace.cpu_profile else {
            return;
        };
        self.calls += 1;
        let frames = Frames::of(&profile.table, &trace.function.name, self.by);
        for sample in &profile.samples {
            self.event(trace, sample.at.0, "cpu-clock", &frames, sample.stack);
        }
        self.begins = self.begins.saturating_add(trace.wall.0);
    }

    fn event(&mut self, trace: &Trace, at: u64, what: &str, frames: &Frames, stack: u32) {
        self.events += 1;
        let nanos = self.begins.saturating_add(at.min(trace.wall.0));
        let (seconds, micros) = (nanos / 1_000_000_000, nanos % 1_000_000_000 / 1000);
        let (comm, call) = (&frames.comm, self.calls);
        // Writing to a string cannot fail.
        let _ = writeln!(
            self.text,
            "{comm} {call}/{call} [000] {seconds}.{micros:06}: {what}:"
        );
        let positions = frames.stacks.get(stack as usize).into_iter().flatten();
        let lines = positions
            .rev()
            .filter_map(|p| frames.lines.get(*p as usize));
        lines.for_each(|line| self.text.push_str(line));
        self.text.push('\n');
    }

    fn finish(
        self,
        every: Option<Bytes>,
        calls: usize,
        view: View,
    ) -> Result<PerfScript, StackError> {
        if self.events == 0 {
            return Err(StackError::Nothing { view });
        }
        let what = match every {
            Some(every) => format!("an event for each {} bytes allocated", every.0),
            None => "an event for each sample of the CPU".to_owned(),
        };
        let lost = match self.lost {
            0 => String::new(),
            lost => {
                format!("# {lost} allocations and releases are not in it: too many were made\n")
            }
        };
        let header = format!("# {what}; calls one after another: {calls}\n{lost}");
        Ok(PerfScript {
            text: header + &self.text,
            every,
            calls,
            lost: self.lost,
        })
    }
}

/// Each frame of a table as its line.
struct Frames<'a> {
    comm: String,
    lines: Vec<String>,
    stacks: &'a [Vec<u32>],
}

impl<'a> Frames<'a> {
    fn of(table: &'a StackTable, function: &str, by: By) -> Frames<'a> {
        let guest = word(function);
        let lines = table.frames.iter().map(|f| frame_line(f, &guest, by));
        Frames {
            // The name of a process ends at its first digit.
            comm: guest.replace(|c: char| c.is_ascii_digit(), "_"),
            lines: lines.collect(),
            stacks: &table.stacks,
        }
    }
}

fn frame_line(frame: &Frame, guest: &str, by: By) -> String {
    let place = match frame.inlined {
        true => "inlined".to_owned(),
        false => format!("{guest}.wasm"),
    };
    format!(
        "\t{:16x} {} ({place})\n",
        frame.address,
        in_perf(&label(frame, by))
    )
}

/// A name that FlameScope takes for one frame: it cuts at the first `+` and at `->`, and a number followed by `: ` would
/// be the time of an event.
fn in_perf(label: &str) -> String {
    label
        .replace("->", "=>")
        .replace('+', "\u{ff0b}")
        .replace(": ", ":")
}

/// Letters, digits, `-`, `_` and `.` of a name, all else as `_`, so that it is one word.
fn word(name: &str) -> String {
    let harmless = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    let word: String = name
        .chars()
        .take(60)
        .map(|c| if harmless(c) { c } else { '_' })
        .collect();
    if word.is_empty() {
        "guest".to_owned()
    } else {
        word
    }
}
