//! `fathom profile`: run a guest on all its inputs, record, learn, recommend, verify, report.

mod bench;
mod generator;
mod thin;

use super::plan::Judge;
use crate::{
    analysis::{self, Configured, SizingArgs},
    args::{CallArgs, DatabaseArgs, HeapArgs, SweepArgs, WatchArgs},
    exit::code,
    guest::Guest,
    inputs::{self, Wanted},
    output,
};
use anyhow::{Context as _, bail};
use bench::{Bench, Run, calls_to_make};
use clap::{Args, Parser, builder::BoolishValueParser};
use host::Event;
use std::{
    collections::HashMap,
    ffi::OsStr,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Instant,
};
use store::Store;
use trace::{FunctionId, Input, PredictivePlan, Profile, Trace};

/// Inputs up to this many are run again under their recommended limits without being asked.
const VERIFIED_UNASKED: usize = 100;

/// Run a function on many inputs, learn what drives its memory, recommend an allocation
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom profile guest-examples/line-reader
  fathom profile guest.wasm texts/                     each file is one call's standard input
  fathom profile guest.wasm events.jsonl               each line is one call: stdin, args, env, dir
  fathom profile queens.wasm --sweep size=4..12 -- {size}     nine calls, the argument from 4 to 12
  fathom profile lib.wasm --invoke fib --sweep k=1..30 -- {k}
  fathom profile guest.wasm texts/ --json | jq .recommendation.allocation_bytes")]
pub(crate) struct ProfileArgs {
    /// A .wasm or .wat file, or a folder with a fathom.toml
    guest: PathBuf,
    /// Directories, files or event files (.jsonl); `-` reads events [default: inputs.path of fathom.toml]
    #[arg(help_heading = "Inputs")]
    inputs: Vec<PathBuf>,
    #[command(flatten)]
    sweep: SweepArgs,
    /// Arguments of the guest, or of the invoked export; `{NAME}` is filled by a sweep
    #[arg(last = true, help_heading = "Inputs")]
    args: Vec<String>,
    /// Make every call so many times
    #[arg(long, value_name = "TIMES", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..), help_heading = "Inputs")]
    repeat: u32,
    /// Calls at the same time; more than one disturbs the times, and they are marked
    #[arg(long, value_name = "CALLS", env = "FATHOM_JOBS", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1024))]
    jobs: u16,
    #[command(flatten)]
    call: CallArgs,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    heap: HeapArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Make only calls whose input is not recorded yet, and learn from all that are
    #[arg(long, help_heading = "Inputs")]
    resume: bool,
    /// Learn from all recorded calls of this guest, not only from this run's
    #[arg(long, help_heading = "Recommend")]
    all: bool,
    /// Run every input again under its recommended limit [default: yes, up to 100 inputs]
    #[arg(long, num_args = 0..=1, value_parser = BoolishValueParser::new(), default_missing_value = "true", value_name = "YES", help_heading = "Recommend")]
    verify: Option<bool>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Folder of reports [default: fathom-out]
    #[arg(long, value_name = "FOLDER", env = "FATHOM_OUT")]
    out: Option<PathBuf>,
    /// Print one JSON object on standard output instead of the screen
    #[arg(long)]
    json: bool,
    /// End with code 1 if a call failed, or the data does not back the failure rate asked for
    #[arg(long)]
    strict: bool,
}

/// The guest, and the calls that its inputs make.
fn called(args: &ProfileArgs) -> anyhow::Result<(Guest, Vec<Event>)> {
    let guest = Guest::find(&args.guest)?;
    generator::make_inputs(&guest)?;
    let mut events = inputs::find(&guest, &args.wanted())?;
    let scratch = args.call.limits.scratch(&guest.config.limits);
    events.iter_mut().for_each(|event| event.scratch = scratch);
    Ok((guest, events))
}

/// Runs the command.
pub(crate) fn run(args: ProfileArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let (guest, events) = called(&args)?;
    let mut store = Store::open(&args.database.db)?;
    let bench = Bench::set_up(&guest, &args)?;
    let recorded = if args.resume {
        bench.recorded(&store)?
    } else {
        HashMap::new()
    };
    let calls = calls_to_make(&events, args.repeat, &recorded, &bench.entry)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let bench = if bench.observes_everything() {
        runtime.block_on(bench.thinned(&guest, &args, &events))?
    } else {
        bench
    };
    let run = runtime.block_on(bench.run_all(&calls, &mut store))?;
    if run.ids.is_empty() && recorded.is_empty() {
        bail!("interrupted before the first call ended; nothing was recorded");
    }

    let ids = (!args.all && !args.resume).then(|| run.ids.clone());
    let mut traces = analysis::read_traces(&store, &bench.loaded.id, ids.clone())?;
    in_order_of(&events, &mut traces);
    let configured = Configured {
        failure_rate: guest.config.recommend.failure_rate,
        memory: guest.config.function.memory,
    };
    let mut profile = args.sizing.learn(&bench.loaded.id, &traces, configured)?;
    if !run.interrupted && args.verify.unwrap_or(events.len() <= VERIFIED_UNASKED) {
        runtime.block_on(bench.verify(&events, &mut profile))?;
    }
    let mut context = analysis::context(&store, &bench.loaded.id, ids, &traces)?;
    context.elapsed_seconds = Some(begun.elapsed().as_secs_f64());
    context.database_path = Some(args.database.db.clone());
    context.next = Some(next_command(&args, &run));
    let page = analysis::write_report(&profile, &traces, &context, args.out.clone())?;
    context.report_path = Some(page);
    analysis::show(&profile, &context, args.json)?;
    if let Some(plan) = &bench.plan {
        output::note(judged(plan, &traces).trim_end());
    }
    if run.interrupted {
        output::note(format_args!(
            "interrupted: {} of {} calls are recorded; the same command with --resume makes the rest, \
             `fathom report {}` shows what is there",
            run.ids.len(),
            calls.len(),
            profile.function.name
        ));
        return Ok(ExitCode::from(code::INTERRUPTED));
    }
    let content = profile.invocations.succeeded > 0 && (!args.strict || holds(&profile));
    Ok(if content {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(code::NO)
    })
}

/// The calls of a guest that were asked for, all of which are recorded.
pub(crate) struct Missing {
    pub(crate) function: FunctionId,
    /// Each input as it is recorded, and what the guest is given.
    pub(crate) inputs: Vec<(Input, Event)>,
}

/// The flags of this command alone.
#[derive(Parser)]
struct Alone {
    #[command(flatten)]
    args: ProfileArgs,
}

/// Makes the calls whose inputs are not recorded yet, as `fathom profile --resume` does; shows nothing of what they say.
pub(crate) fn make_missing(
    guest: &Path,
    inputs: &[PathBuf],
    database: &Path,
) -> anyhow::Result<Missing> {
    let mut flags = vec![
        OsStr::new("profile"),
        OsStr::new("--db"),
        database.as_os_str(),
    ];
    flags.push(guest.as_os_str());
    flags.extend(inputs.iter().map(|input| input.as_os_str()));
    let args = Alone::try_parse_from(flags)?.args;
    let (guest, events) = called(&args)?;
    let mut store = Store::open(&args.database.db)?;
    let bench = Bench::set_up(&guest, &args)?;
    let recorded = bench.recorded(&store)?;
    let calls = calls_to_make(&events, 1, &recorded, &bench.entry)?;
    let input = |event: Event| {
        let digest = event.digest(&bench.entry)?;
        let label = event.label.clone();
        Ok((Input { label, digest }, event))
    };
    let inputs = events.iter().cloned().map(input);
    let missing = Missing {
        function: bench.loaded.id.clone(),
        inputs: inputs.collect::<anyhow::Result<_>>()?,
    };
    if calls.is_empty() {
        return Ok(missing);
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let bench = if bench.observes_everything() {
        runtime.block_on(bench.thinned(&guest, &args, &events))?
    } else {
        bench
    };
    if runtime
        .block_on(bench.run_all(&calls, &mut store))?
        .interrupted
    {
        bail!("interrupted: the calls that ended here are recorded, none was made there");
    }
    Ok(missing)
}

impl ProfileArgs {
    fn wanted(&self) -> Wanted {
        Wanted {
            paths: self.inputs.clone(),
            sweeps: self.sweep.sweeps.clone(),
            zip: self.sweep.sweep_zip,
            args: self.args.clone(),
        }
    }
}

/// Calls made at the same time end in any order; what is learned from them must not depend on it.
fn in_order_of(events: &[Event], traces: &mut [Trace]) {
    let labels = events.iter().enumerate();
    let position: HashMap<&str, usize> = labels
        .map(|(position, event)| (event.label.as_str(), position))
        .collect();
    traces.sort_by_key(|trace| position.get(trace.input.label.as_str()).copied());
}

/// What the calls of this run say of the plan that was armed.
fn judged(plan: &PredictivePlan, traces: &[Trace]) -> String {
    let mut judge = Judge::new(plan);
    traces.iter().for_each(|trace| judge.see(trace));
    format!(
        "plan {}",
        report::drift_text(&judge.drift(), analysis::style())
    )
}

/// Whether `--strict` is content.
fn holds(profile: &Profile) -> bool {
    profile.invocations.succeeded == profile.invocations.total
        && profile
            .recommendation
            .as_ref()
            .is_some_and(|recommendation| {
                recommendation.failure_rate_backed <= recommendation.failure_rate_target
                    && recommendation
                        .verified
                        .as_ref()
                        .is_none_or(|verified| verified.failures == 0)
            })
}

/// What a user would type next: what is missing, or more of the same.
fn next_command(args: &ProfileArgs, run: &Run) -> String {
    let guest = args.guest.display();
    if run.interrupted {
        format!("fathom profile {guest} --resume")
    } else if args.sweep.sweeps.is_empty() {
        format!("fathom profile {guest} --all more-inputs/")
    } else {
        format!("fathom profile {guest} --all --sweep NAME=VALUES")
    }
}
