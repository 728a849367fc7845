//! `fathom learn`: the stage between recording and recommending, alone: fitted models and ranked variables as JSON.

use crate::analysis::{Configured, RecordedArgs, SizingArgs};
use crate::output;
use clap::Args;
use std::process::ExitCode;

/// Fit models to what was recorded and print them
#[derive(Args)]
#[command(after_help = "\
Example:
  fathom learn line-reader | jq .models.committed.formula")]
pub(crate) struct LearnArgs {
    #[command(flatten)]
    recorded: RecordedArgs,
    #[command(flatten)]
    sizing: SizingArgs,
}

/// Runs the command.
pub(crate) fn run(args: LearnArgs) -> anyhow::Result<ExitCode> {
    let (function, traces) = args.recorded.read()?;
    let profile = args
        .sizing
        .learn(&function, &traces, Configured::default())?;
    let learned = serde_json::json!({
        "function": profile.function,
        "invocations": profile.invocations,
        "models": profile.models,
        "within_call": profile.within_call,
        "variables": profile.variables,
    });
    output::line(serde_json::to_string_pretty(&learned)?)?;
    Ok(ExitCode::SUCCESS)
}
