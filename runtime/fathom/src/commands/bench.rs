//! `fathom bench`: what this machine gives with this Fathom. `density`: how many calls fit into a budget of memory, sized in
//! different ways.

use crate::{
    allowance::LimitArgs,
    analysis::SizingArgs,
    output, quantity,
    server::{
        Settings, SizeBy,
        density::{self, Outcome, Policy},
    },
};
use anyhow::Context;
use clap::{Args, Subcommand};
use host::Outbound;
use serde_json::json;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    process::ExitCode,
    time::Duration,
};
use trace::Bytes;

/// Measure what this machine gives
#[derive(Subcommand)]
pub(crate) enum BenchCommand {
    /// How many calls fit into a budget of memory: one preset for all, a recommendation for each function, a model for each
    /// call, and, as the best there can be, every need known
    Density(DensityArgs),
}

/// How many calls of which stream.
#[derive(Args)]
#[command(after_help = "\
Eight functions need 1 to 200 MiB, evenly on a logarithmic scale; of two nobody can tell how much. Each was called 200 times
before, which is what recommendations and models come from. Calls hold their memory for 50 ms; 250 callers make them one after
another. Everything but HTTP is what `fathom serve` does.")]
pub(crate) struct DensityArgs {
    /// Memory that all calls together may have
    #[arg(long, value_name = "SIZE", default_value = "2 GiB", value_parser = quantity::bytes)]
    memory: Bytes,
    /// Calls in each stream
    #[arg(long, value_name = "NUMBER", default_value_t = 3_000)]
    calls: usize,
    /// What the needs are drawn from
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Print one JSON array
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(command: BenchCommand) -> anyhow::Result<ExitCode> {
    let BenchCommand::Density(args) = command;
    let scratch = tempfile::tempdir().context("cannot make a scratch folder")?;
    let functions = scratch.path().join("functions");
    let settings = |size_by, memory| settings(scratch.path(), &functions, size_by, memory);
    let outcomes = density::measure(settings, &functions, args.memory, args.calls, args.seed)?;
    if args.json {
        let documents: Vec<_> = outcomes.iter().map(document).collect();
        output::line(serde_json::to_string_pretty(&documents)?)?;
    } else {
        table(&outcomes, args.memory)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn name(policy: Policy) -> &'static str {
    match policy {
        Policy::Preset => "one preset",
        Policy::Recommendation => "recommendation",
        Policy::Call => "each call",
        Policy::Clairvoyant => "every need known",
    }
}

fn document(outcome: &Outcome) -> serde_json::Value {
    json!({
        "policy": name(outcome.policy),
        "calls": outcome.calls,
        "in_flight": outcome.in_flight,
        "calls_per_second": outcome.per_second,
        "waste_gb_seconds": outcome.waste_gb_seconds,
        "mispredicted": outcome.mispredicted,
        "made_again": outcome.made_again,
        "failed": outcome.failed,
    })
}

fn table(outcomes: &[Outcome], memory: Bytes) -> anyhow::Result<()> {
    output::line(format_args!(
        "{:<16}  {:>9}  {:>7}  {:>11}  {:>12}  {:>10}  {:>6}",
        format!("under {memory}"),
        "in flight",
        "calls/s",
        "waste, GB-s",
        "mispredicted",
        "made again",
        "failed"
    ))?;
    for outcome in outcomes {
        output::line(format_args!(
            "{:<16}  {:>9.1}  {:>7.0}  {:>11.1}  {:>12}  {:>10}  {:>6}",
            name(outcome.policy),
            outcome.in_flight,
            outcome.per_second,
            outcome.waste_gb_seconds,
            outcome.mispredicted,
            outcome.made_again,
            outcome.failed
        ))?;
    }
    let of = |policy| outcomes.iter().find(|outcome| outcome.policy == policy);
    if let (Some(preset), Some(call), Some(best)) = (
        of(Policy::Preset),
        of(Policy::Call),
        of(Policy::Clairvoyant),
    ) {
        output::line(format_args!(
            "each call: {:.1} x the preset's calls in flight, {:.0} % of what is possible where every need is known",
            call.in_flight / preset.in_flight,
            100.0 * call.in_flight / best.in_flight
        ))?;
    }
    Ok(())
}

/// A server that nobody connects to, with everything in a scratch folder.
fn settings(scratch: &Path, functions: &Path, size_by: SizeBy, memory: Bytes) -> Settings {
    let long = Duration::from_secs(600);
    Settings {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        folder: Some(functions.to_owned()),
        state: scratch.join("state"),
        database: scratch.join("fathom.db"),
        memory,
        calls: 256,
        calls_per_function: 256,
        queue: 1_000,
        patience: long,
        body: 1 << 20,
        head: 64 << 10,
        head_timeout: long,
        body_timeout: long,
        connections: 1,
        drain: long,
        keep_resident: Some(Bytes::mib(1)),
        idle: long,
        loaded: usize::MAX,
        size_by,
        limits: LimitArgs::default(),
        learning: SizingArgs {
            failure_rate: None,
            memory: None,
            seed: 1,
            providers: Vec::new(),
        },
        token: None,
        callbacks: Outbound::default(),
        reload: false,
        keep: None,
        store_max: None,
        log_calls: None,
    }
}
