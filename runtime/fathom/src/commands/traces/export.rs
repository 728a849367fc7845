//! `fathom traces export`: recorded calls for other programs, as data or as stacks for a viewer.

use super::ChosenArgs;
use crate::commands::stacks::{Calls, Kind, StackArgs, tell, write_out};
use crate::{output, quantity};
use anyhow::bail;
use clap::{Args, ValueEnum};
use report::stacks::{
    By, View, collapsed, firefox, flamegraph, perf_script, pprof_cpu, pprof_heap,
};
use std::path::PathBuf;
use store::Detail;
use trace::{Bytes, Trace};

/// Recorded calls for other programs: data, or stacks for a viewer
#[derive(Args)]
#[command(after_help = "\
Formats of stacks are of one function, and need calls that were recorded with `--heap exact` or `--cpu`:
  flamegraph   SVG; `fathom flame` has more of it
  collapsed    a line per stack, for FlameGraph, inferno, speedscope
  pprof        for `go tool pprof`, Pyroscope, speedscope; in use is what was held at the peak, or --view at-end
  firefox      for profiler.firefox.com: memory over time, allocations, what is retained; of one call
  perf-script  for FlameScope: an event for every so many bytes allocated, or for every sample with --view cpu

Examples:
  fathom traces export line-reader --format csv > calls.csv
  fathom traces export line-reader --format pprof -o heap.pb.gz && go tool pprof -top heap.pb.gz
  fathom traces export line-reader --format firefox --call twelve/ -o twelve.json
  fathom traces export line-reader --format perf-script --every 64KiB -o line-reader.perf
  fathom traces export line-reader --format collapsed --view temporary --blocks")]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    chosen: ChosenArgs,
    /// CSV has one line per call, JSON everything; the others are of stacks
    #[arg(long, value_enum, default_value_t = ExportFormat::Json)]
    format: ExportFormat,
    #[command(flatten)]
    stacks: StackArgs,
    /// perf-script: bytes that are one event [default: so that the largest call has about 2,000]
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes, help_heading = "Stacks")]
    every: Option<Bytes>,
    /// File to write [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExportFormat {
    Json,
    Csv,
    Flamegraph,
    Collapsed,
    Pprof,
    Firefox,
    PerfScript,
}

/// Runs the command.
pub(super) fn run(args: &ExportArgs) -> anyhow::Result<()> {
    let (bytes, kind) = match args.format {
        ExportFormat::Json | ExportFormat::Csv => (args.data()?, Kind::Text),
        ExportFormat::Flamegraph => (args.picture()?.into_bytes(), Kind::Text),
        ExportFormat::Collapsed => (args.collapsed()?.into_bytes(), Kind::Text),
        ExportFormat::Pprof => (args.pprof()?, Kind::Binary),
        ExportFormat::Firefox => (args.firefox()?.into_bytes(), Kind::Text),
        ExportFormat::PerfScript => (args.perf_script()?.into_bytes(), Kind::Text),
    };
    write_out(&bytes, args.output.as_deref(), kind)
}

impl ExportArgs {
    fn data(&self) -> anyhow::Result<Vec<u8>> {
        if self.stacks.is_asked_for() || self.every.is_some() {
            bail!(
                "--view, --blocks, --by, --call and --every choose stacks, which `json` and `csv` do not: say \
                 --format collapsed, flamegraph, pprof, firefox or perf-script"
            );
        }
        let store = self.chosen.open()?;
        let traces = store.traces(&self.chosen.filter(Detail::Full))?;
        Ok(match self.format {
            ExportFormat::Csv => report::traces_csv(&traces),
            _ => report::traces_json(&traces).into_bytes(),
        })
    }

    /// The calls of the one function that is meant.
    fn calls(&self) -> anyhow::Result<Calls> {
        if self.every.is_some() && self.format != ExportFormat::PerfScript {
            bail!(
                "--every is for --format perf-script: the other formats have the bytes themselves"
            );
        }
        let chosen = &self.chosen;
        Calls::find(
            &chosen.database,
            chosen.function.as_deref(),
            chosen.newest,
            self.stacks.call.as_deref(),
        )
    }

    fn picture(&self) -> anyhow::Result<String> {
        Ok(flamegraph(&self.stacks.folded(&self.calls()?)?)?)
    }

    fn collapsed(&self) -> anyhow::Result<String> {
        Ok(collapsed(&self.stacks.folded(&self.calls()?)?))
    }

    fn pprof(&self) -> anyhow::Result<Vec<u8>> {
        let view = self.stacks.view(View::AtPeak);
        let merged = self.calls()?.merged()?;
        tell(&merged.notes(view));
        Ok(match view {
            View::Cpu => pprof_cpu(&merged)?,
            view => pprof_heap(&merged, view)?,
        })
    }

    fn firefox(&self) -> anyhow::Result<String> {
        let view = self.stacks.view(View::AtPeak);
        let trace = self.calls()?.one(view)?;
        let written = firefox(&trace, view)?;
        let lost = trace.heap_profile.as_ref().map_or(0, |p| p.events_lost);
        if lost > 0 {
            output::note(format_args!("note: {}", not_in_order(lost)));
        }
        if self.stacks.call.is_none() {
            output::note(format_args!(
                "note: a file has one call, this is of input `{}`; --call chooses another",
                trace.input.label
            ));
        }
        Ok(written)
    }

    fn perf_script(&self) -> anyhow::Result<String> {
        let traces = self.calls()?.traces()?;
        let traces: Vec<&Trace> = traces.iter().collect();
        let view = self.stacks.view(View::Allocated);
        let script = perf_script(&traces, view, self.every, self.stacks.by(By::Line))?;
        if script.lost > 0 {
            output::note(format_args!("note: {}", not_in_order(script.lost)));
        }
        Ok(script.text)
    }
}

fn not_in_order(lost: u64) -> String {
    format!(
        "{lost} allocations and releases are not in it: so many were made that not all were kept in order; pprof, \
         collapsed and flamegraph have all of them"
    )
}
