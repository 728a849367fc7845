//! `fathom explain`: why a size is what it is, which calls it is for, and what would change it.

use crate::{
    analysis::{self, Configured, RecordedArgs, SizingArgs},
    output,
};
use clap::Args;
use std::process::ExitCode;

/// Explain a size: its parts, the calls nearest to it, what one more input or the next smaller size would change
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom explain line-reader
  fathom explain line-reader --json | jq '.smaller[] | {name, would_fail}'")]
pub(crate) struct ExplainArgs {
    #[command(flatten)]
    recorded: RecordedArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: ExplainArgs) -> anyhow::Result<ExitCode> {
    let (function, traces) = args.recorded.read()?;
    let configured = Configured::default();
    let profile = args.sizing.learn(&function, &traces, configured)?;
    let settings = args.sizing.settings(&traces, configured)?;
    let Some(explanation) = learn::explain_size(&profile, &traces, &settings) else {
        anyhow::bail!(
            "no call of `{}` has succeeded: there is no size to explain",
            function.name
        );
    };
    if args.json {
        output::line(serde_json::to_string_pretty(&explanation)?)?;
    } else {
        output::text(report::explanation_text(&explanation, analysis::style()))?;
    }
    Ok(ExitCode::SUCCESS)
}
