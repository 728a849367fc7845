//! `fathom traces`: the recorded calls themselves.

mod export;

use crate::output;
use crate::{analysis, args::DatabaseArgs, moment::unix_ms, quantity};
use anyhow::bail;
use clap::{Args, Subcommand};
use export::ExportArgs;
use std::{process::ExitCode, time::SystemTime};
use store::{Detail, Filter, Keep, Store, TraceId};
use trace::Nanos;

/// List, show, export and prune recorded calls
#[derive(Subcommand)]
pub(crate) enum TracesCommand {
    /// One line per recorded call
    List(ListArgs),
    /// Everything recorded of one call
    Show(ShowArgs),
    /// Recorded calls for other programs: data, or stacks for a viewer
    Export(ExportArgs),
    /// Remove old calls
    Prune(PruneArgs),
}

/// Which calls are meant.
#[derive(Args)]
pub(crate) struct ChosenArgs {
    /// Only calls of this function
    function: Option<String>,
    /// Only the newest so many
    #[arg(long, value_name = "CALLS")]
    newest: Option<usize>,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Args)]
pub(crate) struct ListArgs {
    #[command(flatten)]
    chosen: ChosenArgs,
}

#[derive(Args)]
pub(crate) struct ShowArgs {
    /// Number of the call, as `fathom traces list` prints it
    id: i64,
    #[command(flatten)]
    database: DatabaseArgs,
}

#[derive(Args)]
#[command(group(clap::ArgGroup::new("keep").required(true)))]
pub(crate) struct PruneArgs {
    /// Keep so many of each function
    #[arg(long, value_name = "CALLS", group = "keep")]
    newest: Option<usize>,
    /// Keep calls younger than this, as in 30days
    #[arg(long, value_name = "TIME", value_parser = quantity::duration, group = "keep")]
    younger_than: Option<Nanos>,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
pub(crate) fn run(command: TracesCommand) -> anyhow::Result<ExitCode> {
    match command {
        TracesCommand::List(args) => list(&args)?,
        TracesCommand::Show(args) => show(&args)?,
        TracesCommand::Export(args) => export::run(&args)?,
        TracesCommand::Prune(args) => prune(&args)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl ChosenArgs {
    fn filter(&self, detail: Detail) -> Filter {
        Filter {
            function: self.function.clone(),
            newest: self.newest,
            detail,
            ..Filter::default()
        }
    }

    /// The store, after making sure that the function is in it.
    fn open(&self) -> anyhow::Result<Store> {
        let store = Store::open_existing(&self.database.db)?;
        if let Some(wanted) = &self.function {
            let recorded = store.functions()?;
            let mut names = recorded.iter().map(|f| f.function.name.as_str());
            if !names.any(|name| name == wanted) {
                let names = recorded.iter().map(|f| f.function.name.as_str());
                bail!(
                    "no calls of `{wanted}` are recorded{}",
                    crate::near::did_you_mean(wanted, names)
                );
            }
        }
        Ok(store)
    }
}

fn list(args: &ListArgs) -> anyhow::Result<()> {
    let store = args.chosen.open()?;
    let mut calls = Vec::new();
    store.each(&args.chosen.filter(Detail::Summary), |id, trace| {
        calls.push((id.0, trace))
    })?;
    let lines = calls.iter().map(|(id, trace)| (*id, trace));
    output::text(format_args!(
        "{}",
        report::trace_list(lines, analysis::style())
    ))?;
    Ok(())
}

fn show(args: &ShowArgs) -> anyhow::Result<()> {
    let store = Store::open_existing(&args.database.db)?;
    let filter = Filter {
        ids: Some(vec![TraceId(args.id)]),
        detail: Detail::Full,
        ..Filter::default()
    };
    let traces = store.traces(&filter)?;
    let Some(trace) = traces.first() else {
        bail!(
            "no call {} is recorded; `fathom traces list` shows their numbers",
            args.id
        );
    };
    output::text(report::trace_text(trace))?;
    Ok(())
}

fn prune(args: &PruneArgs) -> anyhow::Result<()> {
    let keep = match (args.newest, args.younger_than) {
        (Some(calls), _) => Keep::NewestPerFunction(calls),
        (None, Some(age)) => {
            let now = unix_ms(SystemTime::now());
            Keep::StartedSince(now.saturating_sub(age.0 / 1_000_000))
        }
        (None, None) => bail!("say what to keep: --newest CALLS or --younger-than TIME"),
    };
    let removed = Store::open_existing(&args.database.db)?.prune(keep)?;
    output::line(format_args!("removed {removed} calls"))?;
    Ok(())
}
