//! `fathom logs`: what the calls of a function have written to their standard error.

use crate::{
    client::{Client, ClientArgs, path_of},
    output,
};
use anyhow::Context;
use clap::Args;
use serde_json::Value;
use std::{
    io::{BufRead, BufReader},
    process::ExitCode,
};

/// Print what the calls of a function have written to their standard error
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom logs hello --tail 20
  fathom logs hello --follow")]
pub(crate) struct LogsArgs {
    /// Name of the function
    function: String,
    /// So many lines at most [default: all that are kept]
    #[arg(long, value_name = "LINES")]
    tail: Option<usize>,
    /// Go on with the lines that come
    #[arg(long, short)]
    follow: bool,
    /// Print a JSON object for each line
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) fn run(args: LogsArgs) -> anyhow::Result<ExitCode> {
    let tail = args
        .tail
        .map_or(String::new(), |tail| format!("&tail={tail}"));
    let rest = format!("/logs?follow={}{tail}", args.follow);
    let path = path_of(&args.function, &rest);
    let response = args.client.client()?.ask("GET", &path, None, &[])?;
    if !response.status().is_success() {
        return Err(Client::refused(response));
    }
    for line in BufReader::new(response.into_body().into_reader()).lines() {
        let line = line.context("the server's answer broke off")?;
        if args.json {
            output::line(line)?;
            continue;
        }
        let line: Value = serde_json::from_str(&line).context("the server's answer is no log")?;
        let text = |field: &str| line[field].as_str().unwrap_or_default();
        output::line(format_args!(
            "{} {} {}",
            text("timestamp"),
            text("instance"),
            text("text")
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
