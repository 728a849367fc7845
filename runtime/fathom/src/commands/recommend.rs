//! `fathom recommend`: what to allocate, for the function or for one call that is still to be made.

use crate::output;
use crate::{
    analysis::{self, Configured, RecordedArgs, SizingArgs},
    exit::code,
    inputs::MOUNT_AT,
};
use anyhow::Context as _;
use clap::Args;
use host::{Body, Event, Mount};
use std::{path::PathBuf, process::ExitCode};
use trace::{Breakpoint, Bytes, Recommendation};

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
    /// A swept value of that call
    #[arg(long = "value", value_name = "NAME=NUMBER", value_parser = name_and_number)]
    values: Vec<(String, f64)>,
    /// Arguments of that call
    #[arg(last = true)]
    args: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

fn name_and_number(text: &str) -> Result<(String, f64), String> {
    let parsed = text
        .split_once('=')
        .and_then(|(name, number)| Some((name.to_owned(), number.parse().ok()?)));
    parsed.ok_or_else(|| format!("`{text}` is not NAME=NUMBER"))
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
        return size_one_call(&args, recommendation);
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

/// The call that is still to be made: a file is its standard input, a directory is granted to it.
fn size_one_call(
    args: &RecommendArgs,
    recommendation: &Recommendation,
) -> anyhow::Result<ExitCode> {
    let granted = args.input.as_ref().filter(|input| input.is_dir());
    let event = Event {
        label: "this call".to_owned(),
        body: match (&args.input, granted) {
            (Some(file), None) => Body::File(file.clone()),
            _ => Body::Empty,
        },
        mount: granted.map(|folder| Mount {
            host: folder.clone(),
            guest: MOUNT_AT.to_owned(),
            writable: false,
            same_for_all: false,
        }),
        args: args.args.clone(),
        swept: args.values.clone(),
        ..Event::default()
    };
    let features = host::input_features(&event)?;
    check_values(args, recommendation)?;
    let size = learn::size_call(recommendation, &features);
    let sized_by = recommendation.sizing_feature.as_ref();
    let named = sized_by.map(|by| (by.variables(), by.value(|f| f.value_in(&features))));
    if args.json {
        let known = named.and_then(|(by, value)| Some((by, value?)));
        let (by, value) = known.unzip();
        output::line(serde_json::json!({
            "allocation_bytes": size,
            "sized_by": by,
            "value": value,
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let every_call = recommendation.allocation_bytes;
    output::line(match named {
        Some((by, Some(value))) => {
            let outside = outside_seen(recommendation, value);
            format!("{size}   by {by} = {value}{outside}; every call the same: {every_call}")
        }
        Some((by, None)) if sized_by.is_some_and(|by| !by.is_known_before()) => {
            format!("{size}   as every call: {by} is known only while the call runs")
        }
        Some((by, None)) => format!("{size}   as every call: {by} is not known of this one"),
        None => format!("{size}   as every call: nothing known before a call predicts its memory"),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Where a value lies outside what was seen, the size is an extrapolation, and that is said.
fn outside_seen(recommendation: &Recommendation, value: f64) -> String {
    recommendation
        .sizing_range()
        .filter(|seen| !seen.holds(value))
        .map(|seen| {
            format!(
                " (outside the seen {}..{}, extrapolated)",
                seen.min, seen.max
            )
        })
        .unwrap_or_default()
}

/// A value by a name that the size does not depend on is a slip, and would be ignored.
fn check_values(args: &RecommendArgs, recommendation: &Recommendation) -> anyhow::Result<()> {
    let terms = recommendation.sizing.iter().flat_map(|model| &model.terms);
    let asked: Vec<&str> = terms
        .flat_map(|term| term.predictor.features())
        .filter(|feature| feature.breakpoint == Breakpoint::Input)
        .map(|feature| feature.variable.as_str())
        .collect();
    for (name, _) in &args.values {
        anyhow::ensure!(
            asked.is_empty() || asked.contains(&name.as_str()),
            "the size does not depend on `{name}`; it is told by `{}`",
            asked.join("` and `")
        );
    }
    Ok(())
}
