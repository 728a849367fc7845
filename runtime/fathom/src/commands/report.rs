//! `fathom report`: the report of everything recorded of a function, or a table of all functions, without running them.

use crate::analysis::{self, Configured, RecordedArgs, SizingArgs};
use crate::{near, output};
use clap::{Args, ValueEnum};
use std::{path::PathBuf, process::ExitCode};
use trace::{Profile, Trace};

/// Write the report of what was recorded, without running anything
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom report                        the only function recorded
  fathom report line-reader --format markdown > report.md
  fathom report line-reader --call twelve/
  fathom report --all                  a table of all functions recorded, a row each")]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    recorded: RecordedArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// The input whose call is drawn in detail [default: the most telling one]
    #[arg(long, value_name = "INPUT", conflicts_with = "all")]
    call: Option<String>,
    /// Folder of reports [default: fathom-out]
    #[arg(long, value_name = "FOLDER", env = "FATHOM_OUT")]
    out: Option<PathBuf>,
    /// All recorded functions in one table, a row each, as Markdown or JSON
    #[arg(long, conflicts_with = "function")]
    all: bool,
    /// What to print; `html` writes report.html and prints the screen [default: html; with --all: markdown]
    #[arg(long, value_enum)]
    format: Option<Format>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Text,
    Markdown,
    Json,
    Csv,
}

/// Runs the command.
pub(crate) fn run(args: ReportArgs) -> anyhow::Result<ExitCode> {
    if args.all {
        table(&args)?;
    } else {
        report_one(args)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn table(args: &ReportArgs) -> anyhow::Result<()> {
    let profiles = args
        .recorded
        .read_all()?
        .iter()
        .map(|(function, traces)| args.sizing.learn(function, traces, Configured::default()))
        .collect::<anyhow::Result<Vec<Profile>>>()?;
    match args.format {
        None | Some(Format::Markdown) => output::line(report::table(&profiles).trim_end()),
        Some(Format::Json) => output::line(serde_json::to_string_pretty(&profiles)?),
        Some(Format::Html | Format::Text | Format::Csv) => {
            anyhow::bail!(
                "--all prints `markdown` or `json`; the other formats are of one function"
            )
        }
    }
}

fn report_one(args: ReportArgs) -> anyhow::Result<()> {
    let format = args.format.unwrap_or(Format::Html);
    anyhow::ensure!(
        args.call.is_none() || format == Format::Html,
        "--call chooses what report.html draws; the other formats have no pictures"
    );
    let (function, traces) = args.recorded.read()?;
    let profile = args
        .sizing
        .learn(&function, &traces, Configured::default())?;
    let store = store::Store::open_existing(&args.recorded.database.db)?;
    let mut context = analysis::context(&store, &function, None, &traces)?;
    context.database_path = Some(args.recorded.database.db.clone());
    context.call = args.call.map(|call| known(&call, &traces)).transpose()?;
    match format {
        Format::Html => {
            context.report_path = Some(analysis::write_report(
                &profile, &traces, &context, args.out,
            )?);
            analysis::show(&profile, &context, false)?;
        }
        Format::Text => {
            analysis::show(&profile, &context, false)?;
            if let Some(who) = context.who() {
                output::text(format_args!(
                    "\n{}",
                    report::stacks::who_text(&who, analysis::style())
                ))?;
            }
        }
        Format::Json => analysis::show(&profile, &context, true)?,
        Format::Markdown => output::line(report::markdown(&profile, &context).trim_end())?,
        Format::Csv => crate::output::bytes(&report::traces_csv(&traces))?,
    }
    Ok(())
}

/// The label, if a call of that input is recorded.
fn known(label: &str, traces: &[Trace]) -> anyhow::Result<String> {
    let labels = || traces.iter().map(|trace| trace.input.label.as_str());
    anyhow::ensure!(
        labels().any(|known| known == label),
        "no call of input `{label}` is recorded{}",
        near::did_you_mean(label, labels())
    );
    Ok(label.to_owned())
}
