//! `fathom inject`: the stage alone: a guest rewritten with its probes, and the table that says what they report.

use crate::output;
use crate::{args::WatchArgs, guest::Guest, plan_file};
use anyhow::Context;
use clap::Args;
use std::{fs, path::PathBuf, process::ExitCode};

/// Write a guest with its probes injected
#[derive(Args)]
#[command(after_help = "\
Example:
  fathom inject guest.wasm --break 'entry:*' -o probed.wasm")]
pub(crate) struct InjectArgs {
    /// A .wasm or .wat file, or a folder with a fathom.toml
    guest: PathBuf,
    #[command(flatten)]
    watch: WatchArgs,
    /// Where to write the rewritten module; its probe table goes beside it, as .json
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
}

/// Runs the command.
pub(crate) fn run(args: InjectArgs) -> anyhow::Result<ExitCode> {
    let guest = Guest::find(&args.guest)?;
    let inspection = probe::inspect(&guest.wasm)
        .with_context(|| format!("cannot look into `{}`", args.guest.display()))?;
    let plan = probe::plan(
        &guest.wasm,
        &inspection,
        &plan_file::armed(&args.watch, &guest)?.selection,
    )?;
    let injected = probe::inject(&guest.wasm, &inspection, &plan)?;
    let table = args.output.with_extension("json");
    fs::write(&args.output, &injected.wasm)
        .with_context(|| format!("cannot write `{}`", args.output.display()))?;
    fs::write(&table, serde_json::to_vec_pretty(&injected.slots)?)
        .with_context(|| format!("cannot write `{}`", table.display()))?;
    output::note(format_args!(
        "{} probes in {}, their table in {}",
        injected.slots.len(),
        args.output.display(),
        table.display()
    ));
    for note in &injected.notes {
        output::note(format_args!("note: {note}"));
    }
    Ok(ExitCode::SUCCESS)
}
