//! Writes every format of a made-up profile, to try viewers on: `cargo run -p report --example stacks -- out-folder`.

#[path = "../tests/common/mod.rs"]
mod common;

use report::stacks::{By, Measure, Merged, View, collapsed, differential, firefox, flamegraph};
use report::stacks::{perf_script, pprof_cpu, pprof_heap};
use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder = env::args()
        .nth(1)
        .unwrap_or_else(|| "sample-stacks".to_owned());
    let folder = PathBuf::from(folder);
    fs::create_dir_all(&folder)?;
    let failed = |error: report::stacks::StackError| io::Error::other(error.to_string());
    for (name, trace) in [
        ("plain", common::stacks::with_stacks("a.txt", "A")),
        ("hostile", common::stacks::hostile()),
    ] {
        let merged = Merged::of([&trace]).ok_or_else(|| io::Error::other("no calls"))?;
        let write =
            |end: &str, bytes: Vec<u8>| fs::write(folder.join(format!("{name}{end}")), bytes);
        for view in View::ALL {
            let folded = merged
                .folded(view, Measure::Bytes, By::Line)
                .map_err(failed)?;
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
            firefox(&trace, View::AtPeak).map_err(failed)?.into_bytes(),
        )?;
        for view in [View::Allocated, View::Cpu] {
            let text = perf_script(&[&trace], view, None, By::Line).map_err(failed)?;
            write(&format!("-{view}.perf"), text.text.into_bytes())?;
        }
    }
    Ok(())
}
