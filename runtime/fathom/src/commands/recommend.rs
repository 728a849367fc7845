//! `fathom recommend`: what to allocate, for the function or for one call that is still to be made (`one_call`).

mod one_call;

use crate::output;
use crate::{
    analysis::{self, Configured, RecordedArgs, SizingArgs},
    exit::code,
};
use anyhow::Context as _;
use clap::Args;
use std::{path::PathBuf, process::ExitCode};
use trace::Bytes;

/// Recommend an allocation from what was recorded
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom recommend line-reader
  fathom recommend line-reader --input next.txt     for this one call, before it is made
  fathom recommend queens --value size=11           for the value of a sweep
  fathom recommend line-reader --json | jq .allocation_bytes")]
pub(crate) struct RecommendArgs {
    #[command(flatten)]
    recorded: RecordedArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Size one call with this file as its standard input, or this directory granted
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// A swept value of that call, a number or a word
    #[arg(long = "value", value_name = "NAME=VALUE", value_parser = one_call::value)]
    values: Vec<one_call::Value>,
    /// Arguments of that call
    #[arg(last = true)]
    args: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: RecommendArgs) -> anyhow::Result<ExitCode> {
    let (function, traces) = args.recorded.read()?;
    let profile = args
        .sizing
        .learn(&function, &traces, Configured::default())?;
    let Some(recommendation) = &profile.recommendation else {
        anyhow::bail!(
            "no call of `{}` has succeeded: there is nothing to recommend from",
            function.name
        );
    };
    if args.input.is_some() || !args.args.is_empty() || !args.values.is_empty() {
        return one_call::size(&args, &profile, recommendation, &traces);
    }
    if args.json {
        output::line(format_args!(
            "{}",
            serde_json::to_string_pretty(recommendation).context("cannot write JSON")?
        ))?;
    } else {
        let mut context = report::Context::of_calls(&traces);
        context.database_path = Some(args.recorded.database.db.clone());
        analysis::show(&profile, &context, false)?;
    }
    let empty = recommendation.allocation_bytes == Bytes(0);
    Ok(if empty {
        ExitCode::from(code::NO)
    } else {
        ExitCode::SUCCESS
    })
}
