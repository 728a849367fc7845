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
    let history = client.document("GET", &path_of(&args.function, "/history"), None)?;
    if args.json {
        function["last_calls"] = json!(calls);
        function["history"] = history;
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
        (
            "Model",
            match function["provisional"]["e_value"].as_f64() {
                Some(e_value) => format!(
                    "that of the module before, until its own calls confirm it (evidence against it {e_value:.2}, dropped at {})",
                    function["provisional"]["dropped_at"]
                ),
                None => text(&function["model"]),
            },
        ),
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
    let before = before(&history).map(|said| ("Before", said));
    for (what, said) in rows.into_iter().chain(before) {
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

/// What calls have come to that are kept no longer; `None` where there are none.
fn before(history: &Value) -> Option<String> {
    let days = history.as_array().filter(|days| !days.is_empty())?;
    let sum = |name: &str| -> u64 { days.iter().filter_map(|day| day[name].as_u64()).sum() };
    let ends = |name: &str| {
        days.iter()
            .filter_map(|day| day["needed_bytes"][name].as_u64())
            .collect::<Vec<_>>()
    };
    let needed = match (ends("min").into_iter().min(), ends("max").into_iter().max()) {
        (Some(least), Some(most)) => format!(", needed {} to {}", Bytes(least), Bytes(most)),
        _ => String::new(),
    };
    Some(format!(
        "{} calls since {}, {} failed, {} out of memory, {} timed out{needed}",
        sum("calls"),
        days[0]["day"].as_str().unwrap_or("-"),
        sum("failed"),
        sum("limited"),
        sum("timed_out"),
    ))
}
