//! Writes every format of a made-up profile, to try viewers on: `cargo run -p report --example stacks -- out-folder`. With
//! a file of `fathom run --heap exact --record FILE` after the folder, of that call's heap instead.

#[path = "../tests/common/mod.rs"]
mod common;

use report::Context;
use report::stacks::{By, Measure, Merged, View, collapsed, differential, firefox, flamegraph};
use report::stacks::{perf_script, pprof_cpu, pprof_heap};
use std::{env, fs, io, path::PathBuf};
use trace::{Frame, HeapProfile, Trace};

fn main() -> io::Result<()> {
    let folder = env::args()
        .nth(1)
        .unwrap_or_else(|| "sample-stacks".to_owned());
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    let failed = |error: report::stacks::StackError| io::Error::other(error.to_string());
    let mut samples = vec![
        ("plain", common::stacks::with_stacks("a.txt", "A")),
        ("hostile", common::stacks::hostile()),
    ];
    if let Some(file) = env::args().nth(2) {
        samples = vec![("recorded", recorded(&fs::read_to_string(file)?)?)];
    }
    for (name, trace) in &samples {
        let merged = Merged::of([trace]).ok_or_else(|| io::Error::other("no calls"))?;
        let write =
            |end: &str, bytes: Vec<u8>| fs::write(folder.join(format!("{name}{end}")), bytes);
        for view in View::ALL {
            let Ok(folded) = merged.folded(view, Measure::Bytes, By::Line) else {
                println!("{name}: no {view}");
                continue;
            };
            write(
                &format!("-{view}.svg"),
                flamegraph(&folded).map_err(failed)?.into_bytes(),
            )?;
            write(&format!("-{view}.folded"), collapsed(&folded).into_bytes())?;
        }
        let view = |view| {
            merged
                .folded(view, Measure::Bytes, By::Function)
                .map_err(failed)
        };
        let difference = differential(&view(View::Allocated)?, &view(View::AtPeak)?);
        write("-diff.svg", difference.map_err(failed)?.into_bytes())?;
        write(
            "-heap.pb.gz",
            pprof_heap(&merged, View::AtPeak).map_err(failed)?,
        )?;
        write("-cpu.pb.gz", pprof_cpu(&merged).map_err(failed)?)?;
        write(
            "-firefox.json",
            firefox(trace, View::AtPeak).map_err(failed)?.into_bytes(),
        )?;
        for view in [View::Allocated, View::Cpu] {
            let text = perf_script(&[trace], view, None, By::Line).map_err(failed)?;
            write(&format!("-{view}.perf"), text.text.into_bytes())?;
        }
    }
    if samples.len() == 1 {
        let traces: Vec<Trace> = samples.into_iter().map(|(_, trace)| trace).collect();
        print!("{}", report::trace_text(&traces[0]));
        let context = Context::of_calls(&traces);
        let page = report::html(&common::profile(), &traces, &context);
        return fs::write(folder.join("report.html"), page);
    }
    let mut traces = common::traces();
    for (seed, trace) in traces.iter_mut().enumerate() {
        trace.heap_profile = Some(forest(seed as u64));
        trace.cpu_profile = Some(common::stacks::cpu());
    }
    let context = Context::of_calls(&traces);
    let page = report::html(&common::profile(), &traces, &context);
    fs::write(folder.join("report.html"), page)
}

/// The heap of a recorded call, in a call that is made up.
fn recorded(text: &str) -> io::Result<Trace> {
    let record: serde_json::Value = serde_json::from_str(text)?;
    let mut trace = common::stacks::with_stacks("recorded", "A");
    trace.heap_profile = serde_json::from_value(record["heap_profile"].clone())?;
    Ok(trace)
}

/// Many deep stacks, the same on every machine.
fn forest(seed: u64) -> HeapProfile {
    let mut state = seed;
    let mut random = |below: u64| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) % below
    };
    let mut heap = common::stacks::heap();
    let kinds = [
        "parse::Parser<T>::next",
        "core::iter::Map<I, F>::fold",
        "table::Table::insert",
        "read",
    ];
    for i in 0..4000_u64 {
        let depth = 3 + random(24);
        let stack = (0..depth).map(|level| {
            heap.table.frames.push(Frame {
                function: format!("app::{}", kinds[random(4) as usize]),
                file: Some(format!("src/module_{}.rs", random(2 + level))),
                line: Some(1 + random(3) as u32),
                inlined: false,
                address: i,
            });
            heap.table.frames.len() as u32 - 1
        });
        let stack: Vec<u32> = [0].into_iter().chain(stack).collect();
        heap.table.stacks.push(stack);
        let mut at = heap.by_stack[0];
        at.stack = heap.table.stacks.len() as u32 - 1;
        let bytes = 10.0 + random(5000) as f64 * random(100) as f64;
        at.at_peak.bytes = bytes;
        at.allocated.bytes = bytes * 3.0;
        heap.by_stack.push(at);
    }
    heap
}
