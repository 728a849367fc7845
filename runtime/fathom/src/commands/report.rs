//! `fathom report`: the report of everything recorded of a function, without running it.

use crate::analysis::{self, Configured, RecordedArgs, SizingArgs};
use crate::output;
use clap::{Args, ValueEnum};
use std::{path::PathBuf, process::ExitCode};

/// Write the report of what was recorded, without running anything
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom report                        the only function recorded
  fathom report line-reader --format markdown > report.md")]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    recorded: RecordedArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Folder of reports [default: fathom-out]
    #[arg(long, value_name = "FOLDER", env = "FATHOM_OUT")]
    out: Option<PathBuf>,
    /// What to print; `html` writes report.html and prints the screen
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
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
    let (function, traces) = args.recorded.read()?;
    let profile = args
        .sizing
        .learn(&function, &traces, Configured::default())?;
    let mut context = report::Context::of_calls(&traces);
    context.database_path = Some(args.recorded.database.db.clone());
    match args.format {
        Format::Html => {
            context.report_path = Some(analysis::write_report(
                &profile, &traces, &context, args.out,
            )?);
            analysis::show(&profile, &context, false)?;
        }
        Format::Text => analysis::show(&profile, &context, false)?,
        Format::Json => analysis::show(&profile, &context, true)?,
        Format::Markdown => output::line(report::markdown(&profile, &context).trim_end())?,
        Format::Csv => crate::output::bytes(&report::traces_csv(&traces))?,
    }
    Ok(ExitCode::SUCCESS)
}
