//! `fathom apply`: gives a function of a running server the memory that is recommended for it.

use crate::{
    client::{ClientArgs, path_of},
    output, quantity,
};
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;
use trace::Bytes;

/// Give a function of a running server the memory that is recommended for it, or another limit
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom apply line-reader                     what is recommended now
  fathom apply line-reader --dry-run           what that would be, and what is to be said against it
  fathom apply line-reader --memory 512MiB     this, and back to it

It is written into the function's fathom.toml, so it stays when the server starts again. Calls that have begun keep their limit.")]
pub(crate) struct ApplyArgs {
    /// Name of the function
    function: String,
    /// Memory of a call, rounded up to whole pages of 64 KiB [default: what is recommended]
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes)]
    memory: Option<Bytes>,
    /// Apply what is recommended also where fewer than 5 distinct inputs are known, or it is only a lower bound
    #[arg(long)]
    force: bool,
    /// Check everything, change nothing
    #[arg(long)]
    dry_run: bool,
    /// Print one JSON object: the function, and what was applied
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) fn run(args: ApplyArgs) -> anyhow::Result<ExitCode> {
    let client = args.client.client()?;
    let mut wanted = json!({ "force": args.force, "dry_run": args.dry_run });
    if let Some(memory) = args.memory {
        wanted["memory"] = json!(quantity::exactly(memory));
    }
    let answer = client.document("POST", &path_of(&args.function, "/apply"), Some(&wanted))?;
    let applied = &answer["applied"];
    if args.json {
        output::line(serde_json::to_string_pretty(&answer)?)?;
    } else {
        output::line(said(&args.function, applied))?;
    }
    let warnings = applied["warnings"].as_array();
    for warning in warnings.into_iter().flatten().filter_map(Value::as_str) {
        output::note(format_args!("warning: {warning}"));
    }
    Ok(ExitCode::SUCCESS)
}

/// What has been done, in a line that ends with how to undo it.
fn said(function: &str, applied: &Value) -> String {
    let size = |field: &str| Bytes(applied[field].as_u64().unwrap_or(0));
    let (before, after) = (size("before_bytes"), size("after_bytes"));
    let file = applied["written_to"].as_str().unwrap_or("its fathom.toml");
    if before == after {
        return format!("{function}: {after}, as it was");
    }
    let change = change(before, after);
    if applied["dry_run"] == true {
        return format!(
            "{function}: {before} -> {after} ({change}), not applied; it would be written to {file}"
        );
    }
    let back = quantity::exactly(before).replace(' ', "");
    format!(
        "{function}: {before} -> {after} ({change}), written to {file}; back: fathom apply {function} --memory {back}"
    )
}

fn change(before: Bytes, after: Bytes) -> String {
    let ratio = after.as_f64() / before.as_f64().max(1.0);
    match ratio {
        less if less < 1.0 => format!("{:.1} % less", (1.0 - less) * 100.0),
        more if more < 2.0 => format!("{:.1} % more", (more - 1.0) * 100.0),
        times => format!("{times:.1} times as much"),
    }
}
