//! `fathom flame`: who allocated the memory, as a flame graph, or what became more than in another function or version.

use super::stacks::{Calls, Kind, StackArgs, picture, tell, write_out};
use crate::args::DatabaseArgs;
use crate::output;
use clap::Args;
use report::stacks::{By, Comparison, Merged, View, differential, flamegraph, similarity};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;

/// Draw who held or allocated the memory of the recorded calls, or where their time went
#[derive(Args)]
#[command(after_help = "\
Stacks are recorded by `fathom profile GUEST --heap exact` and `--cpu`.

Examples:
  fathom flame line-reader                          who held the memory at the peak, all calls added up
  fathom flame line-reader --view allocated --call twelve/ -o twelve.svg
  fathom flame line-reader --view cpu -o - > cpu.svg
  fathom flame words --diff words@3f9a              this version against that of a module's digest
  fathom flame words-c --diff words --by function   red is what words-c has more of")]
pub(crate) struct FlameArgs {
    /// Name of a recorded function, NAME@DIGEST for one version; may be left out where only one is recorded
    function: Option<String>,
    #[command(flatten)]
    stacks: StackArgs,
    /// What to compare with: another recorded function, or NAME@DIGEST for another version
    #[arg(long, value_name = "FUNCTION")]
    diff: Option<String>,
    /// Only the newest so many calls
    #[arg(long, value_name = "CALLS")]
    newest: Option<usize>,
    /// File to write, `-` for standard output [default: a file in the folder of reports, on a terminal]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder of reports [default: fathom-out]
    #[arg(long, value_name = "FOLDER", env = "FATHOM_OUT")]
    out: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
pub(crate) fn run(args: FlameArgs) -> anyhow::Result<ExitCode> {
    let call = args.stacks.call.as_deref();
    let function = args.function.as_deref();
    let calls = Calls::find(&args.database, function, args.newest, call)?;
    let (svg, name) = match &args.diff {
        None => draw(&args, &calls)?,
        Some(other) => {
            let other = Calls::find(&args.database, Some(other), args.newest, None)?;
            compare(&args, &other, &calls)?
        }
    };
    let path = match args.output {
        Some(path) => Some(path),
        None if std::io::stdout().is_terminal() => {
            Some(picture(args.out, &calls.function.name, &name)?)
        }
        None => None,
    };
    write_out(svg.as_bytes(), path.as_deref(), Kind::Text)?;
    if let Some(path) = path.filter(|path| path.as_os_str() != "-") {
        output::note(format_args!("written: {}", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn draw(args: &FlameArgs, calls: &Calls) -> anyhow::Result<(String, String)> {
    let folded = args.stacks.folded(calls)?;
    Ok((flamegraph(&folded)?, format!("flame-{}.svg", folded.view)))
}

/// Lines move from one version to the next: functions are compared, unless lines are asked for.
fn compare(args: &FlameArgs, before: &Calls, now: &Calls) -> anyhow::Result<(String, String)> {
    let view = args.stacks.view(View::AtPeak);
    let (measure, by) = (args.stacks.measure(), args.stacks.by(By::Function));
    let (before, now) = (before.merged()?, now.merged()?);
    let folded = |merged: &Merged| merged.folded(view, measure, by);
    let (was, is) = (folded(&before)?, folded(&now)?);
    tell(&[before.notes(view), now.notes(view)].concat());
    let machines = before.machine(view).zip(now.machine(view));
    let differ = machines.and_then(|(a, b)| Comparison::of((a, &was), (b, &is)));
    if let Some(differ) = differ {
        output::note(format_args!("note: {}", differ.sentence()));
    } else if let Some(share) = similarity(&was, &is) {
        output::note(format_args!(
            "similarity of the stacks {share:.2} (1 - total variation distance: the share that both give to the same \
             stacks)"
        ));
    }
    Ok((
        differential(&was, &is)?,
        format!("flame-{view}-difference.svg"),
    ))
}
