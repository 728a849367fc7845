//! `fathom describe`: one function of a running server, with its last calls.

use crate::{
    client::{ClientArgs, path_of},
    output,
};
use clap::Args;
use serde_json::{Value, json};
use std::process::ExitCode;
use trace::{Bytes, Nanos};

/// Describe a function of a running server, with its last calls
#[derive(Args)]
pub(crate) struct DescribeArgs {
    /// Name of the function
    function: String,
    /// Calls that are listed
    #[arg(long, value_name = "NUMBER", default_value_t = 5)]
    calls: usize,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) fn run(args: DescribeArgs) -> anyhow::Result<ExitCode> {
    let client = args.client.client()?;
    let mut function = client.document("GET", &path_of(&args.function, ""), None)?;
    // The name is one by now: there is a function of it.
    let path = format!(
        "/api/v1/calls?function={}&limit={}",
        args.function, args.calls
    );
    let calls = client.document("GET", &path, None)?;
    if args.json {
        function["last_calls"] = json!(calls);
        output::line(serde_json::to_string_pretty(&function)?)?;
        return Ok(ExitCode::SUCCESS);
    }
    let size = |value: &Value| {
        value
            .as_u64()
            .map_or("-".to_owned(), |b| Bytes(b).to_string())
    };
    let time = |value: &Value| Nanos(value.as_u64().unwrap_or(0)).to_string();
    let text = |value: &Value| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let needed = &function["needed_bytes"];
    let rows = [
        ("Function", text(&function["name"])),
        ("Module", text(&function["digest"])),
        (
            "Memory",
            format!(
                "limit {}, needed {} to {} (median {}, p99 {}), recommended {}",
                size(&function["memory_limit_bytes"]),
                size(&needed["min"]),
                size(&needed["max"]),
                size(&needed["median"]),
                size(&needed["p99"]),
                size(&function["recommended_bytes"]),
            ),
        ),
        (
            "Phase",
            match function["stale_because"].as_str() {
                Some(why) => format!("{}: {why}", text(&function["phase"])),
                None => text(&function["phase"]),
            },
        ),
        ("Model", text(&function["model"])),
        (
            "Calls",
            format!(
                "{}, {} failed, {} out of memory, {} timed out, {} cold, {} mispredicted",
                text(&function["calls"]),
                text(&function["failed"]),
                text(&function["limited"]),
                text(&function["timed_out"]),
                text(&function["cold_starts"]),
                text(&function["mispredictions"]),
            ),
        ),
        (
            "Time",
            format!(
                "{} CPU, {} wall",
                time(&function["cpu_ns"]),
                time(&function["wall_ns"])
            ),
        ),
    ];
    for (what, said) in rows {
        output::line(format_args!("{what:<10}{said}"))?;
    }
    for call in calls.as_array().map_or(&[][..], Vec::as_slice) {
        output::line(format_args!(
            "  {}  {:<9}  needed {:>9} of {:>9}  {:>9}",
            text(&call["id"]),
            text(&call["outcome"]),
            size(&call["needed_bytes"]),
            size(&call["granted_bytes"]),
            time(&call["wall_ns"]),
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}
