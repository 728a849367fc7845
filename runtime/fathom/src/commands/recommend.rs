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
use std::{collections::BTreeSet, path::PathBuf, process::ExitCode};
use trace::{Breakpoint, Bytes, Model, Recommendation};

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
    #[arg(long = "value", value_name = "NAME=VALUE", value_parser = name_and_value)]
    values: Vec<(String, f64)>,
    /// Arguments of that call
    #[arg(last = true)]
    args: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// A number by its name; a word is 1 by its own: see [`trace::Feature::word`].
fn name_and_value(text: &str) -> Result<(String, f64), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && !value.is_empty() => Ok(match value.parse() {
            Ok(number) => (name.to_owned(), number),
            Err(_) => (text.to_owned(), 1.0),
        }),
        _ => Err(format!("`{text}` is not NAME=VALUE")),
    }
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
    let asked = recommendation.sizing.iter().flat_map(Model::features);
    let asked: BTreeSet<&str> = asked
        .filter(|feature| feature.breakpoint == Breakpoint::Input)
        .map(|feature| {
            feature
                .word()
                .map_or(feature.variable.as_str(), |(name, _)| name)
        })
        .collect();
    let asked: Vec<&str> = asked.into_iter().collect();
    for (name, _) in &args.values {
        let name = name.split_once('=').map_or(name.as_str(), |(name, _)| name);
        anyhow::ensure!(
            asked.is_empty() || asked.contains(&name),
            "the size does not depend on `{name}`; it is told by `{}`",
            asked.join("` and `")
        );
    }
    Ok(())
}
