//! `fathom list`: the functions of a running server.

use crate::{client::ClientArgs, output};
use clap::Args;
use serde_json::Value;
use std::process::ExitCode;
use trace::Bytes;

/// List the functions of a running server
#[derive(Args)]
pub(crate) struct ListArgs {
    /// Print one JSON array
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) fn run(args: ListArgs) -> anyhow::Result<ExitCode> {
    let functions = args
        .client
        .client()?
        .document("GET", "/api/v1/functions", None)?;
    if args.json {
        output::line(serde_json::to_string_pretty(&functions)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let functions = functions.as_array().map_or(&[][..], Vec::as_slice);
    let name = |function: &Value| function["name"].as_str().unwrap_or_default().to_owned();
    let width = functions
        .iter()
        .map(|f| name(f).len())
        .max()
        .unwrap_or(0)
        .max(8);
    output::line(format_args!(
        "{:<width$}  {:>9}  {:>8}  {:>7}  {:>11}  {:>11}  {:>11}",
        "function", "phase", "calls", "failed", "limit", "p99 needed", "recommended"
    ))?;
    for function in functions {
        let count = |field: &str| function[field].as_u64().unwrap_or(0);
        let size = |value: &Value| {
            value
                .as_u64()
                .map_or("-".to_owned(), |b| Bytes(b).to_string())
        };
        let failed = count("failed") + count("limited") + count("timed_out");
        output::line(format_args!(
            "{:<width$}  {:>9}  {:>8}  {:>7}  {:>11}  {:>11}  {:>11}",
            name(function),
            function["phase"].as_str().unwrap_or_default(),
            count("calls"),
            failed,
            size(&function["memory_limit_bytes"]),
            size(&function["needed_bytes"]["p99"]),
            size(&function["recommended_bytes"]),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
