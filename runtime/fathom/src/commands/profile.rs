//! `fathom profile`: run a guest on all its inputs, record, learn, recommend, verify, report.

use crate::{
    analysis::{self, Configured, SizingArgs},
    cli::{CallArgs, DatabaseArgs, SweepArgs, WatchArgs},
    exit::code,
    frame::MakeCall,
    guest::{self, Guest},
    inputs::{self, Wanted},
    places,
    pool::{Answer, Loaded, Pool},
    progress,
};
use anstream::eprintln;
use anyhow::{Context as _, bail};
use clap::Args;
use host::{Engine, Entry, Event, Function, Mount};
use std::{collections::BTreeSet, fs, path::PathBuf, process::ExitCode, sync::Arc, time::Instant};
use store::{Store, TraceId};
use tokio::task::JoinSet;
use trace::{Limits, Outcome, Profile, Selection, Trace, Verification};

/// Inputs up to this many are run again under their recommended limits without being asked.
const VERIFIED_UNASKED: usize = 100;

/// Run a function on many inputs, learn what drives its memory, recommend an allocation
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom profile guest-examples/line-reader
  fathom profile guest.wasm texts/                     each file is one call's standard input
  fathom profile guest.wasm events.jsonl               each line is one call: stdin, args, env, dir
  fathom profile queens.wasm --sweep n=4..12 -- {n}    nine calls, the argument from 4 to 12
  fathom profile lib.wasm --invoke fib --sweep n=1..30 -- {n}
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
    sizing: SizingArgs,
    /// Learn from all recorded calls of this guest, not only from this run's
    #[arg(long, help_heading = "Recommend")]
    all: bool,
    /// Run every input again under its recommended limit [default: yes, up to 100 inputs]
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_name = "YES", help_heading = "Recommend")]
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

/// Runs the command.
pub(crate) fn run(args: ProfileArgs) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let guest = Guest::find(&args.guest)?;
    make_inputs(&guest)?;
    let events = inputs::find(
        &guest,
        &Wanted {
            paths: args.inputs.clone(),
            sweeps: args.sweep.sweeps.clone(),
            zip: args.sweep.sweep_zip,
            args: args.args.clone(),
        },
    )?;
    let mut store = Store::open(&args.database.db)?;
    let bench = Bench::set_up(&guest, &args)?;
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let run = runtime.block_on(bench.run_all(&events, args.repeat, &mut store))?;
    if run.ids.is_empty() {
        bail!("interrupted before the first call ended; nothing was recorded");
    }

    let ids = (!args.all).then(|| run.ids.clone());
    let traces = analysis::read_traces(&store, &bench.loaded.id, ids)?;
    let configured = Configured {
        failure_rate: guest.config.recommend.failure_rate,
        memory: guest.config.function.memory,
    };
    let mut profile = args.sizing.learn(&bench.loaded.id, &traces, configured)?;
    if !run.interrupted && args.verify.unwrap_or(events.len() <= VERIFIED_UNASKED) {
        runtime.block_on(bench.verify(&events, &mut profile))?;
    }
    let mut context = report::Context::of_calls(&traces);
    context.elapsed_seconds = Some(begun.elapsed().as_secs_f64());
    context.database_path = Some(args.database.db.clone());
    context.next = Some(next_command(&args, &run));
    context.report_path = Some(analysis::write_report(
        &profile,
        &traces,
        &context,
        args.out.clone(),
    )?);
    analysis::show(&profile, &context, args.json);
    if run.interrupted {
        eprintln!(
            "interrupted: {} of {} calls are recorded; run the same command again for the rest, or \
             `fathom report {}` for what is there",
            run.ids.len(),
            events.len() * args.repeat as usize,
            guest.name
        );
        return Ok(ExitCode::from(130));
    }
    Ok(if args.strict && !holds(&profile) {
        ExitCode::from(code::NO)
    } else {
        ExitCode::SUCCESS
    })
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

/// What a user would type next: the same with more inputs, or the report of everything.
fn next_command(args: &ProfileArgs, run: &Run) -> String {
    let guest = args.guest.display();
    if run.interrupted || args.sweep.sweeps.is_empty() {
        format!("fathom profile {guest} --all MORE-INPUTS   adds inputs to what is recorded")
    } else {
        format!("fathom profile {guest} --all --sweep ...   adds values to what is recorded")
    }
}

/// Runs the guest's generator of inputs, if it has one and they are not there yet.
fn make_inputs(guest: &Guest) -> anyhow::Result<()> {
    let (Some(path), Some(generator)) = (&guest.config.inputs.path, &guest.config.inputs.generator)
    else {
        return Ok(());
    };
    let folder = guest.folder.join(path);
    if folder.exists() {
        return Ok(());
    }
    let spinner = progress::spinner(format!("making inputs in {}", folder.display()));
    // Into a folder beside, so that an interrupted generator leaves nothing that looks complete.
    let unfinished = folder.with_extension(format!("{}.tmp", std::process::id()));
    fs::create_dir_all(&unfinished)
        .with_context(|| format!("cannot make `{}`", unfinished.display()))?;
    let made = generate(guest, &guest.folder.join(generator), &unfinished);
    if let Err(error) = made {
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error.context("cannot make the inputs"));
    }
    fs::rename(&unfinished, &folder)
        .with_context(|| format!("cannot make `{}`", folder.display()))?;
    spinner.finish_and_clear();
    Ok(())
}

fn generate(guest: &Guest, module: &std::path::Path, into: &std::path::Path) -> anyhow::Result<()> {
    let wasm = Arc::new(guest::read_module(module)?);
    let engine = Engine::new()?;
    let cache = places::cache();
    let nothing = Selection::default();
    let function = Function::load(
        &engine,
        cache.as_ref(),
        &format!("{}-inputs", guest.name),
        &wasm,
        &nothing,
    )?;
    let loaded = Loaded {
        id: function.id().clone(),
        wasm,
        selection: nothing,
        cache: cache.map(|cache| cache.folder().to_owned()),
    };
    let call = MakeCall {
        event: Event {
            label: "inputs".to_owned(),
            mount: Some(Mount {
                host: into.to_owned(),
                guest: "/".to_owned(),
                writable: true,
            }),
            ..Event::default()
        },
        entry: Entry::Start,
        limits: Limits {
            memory: trace::Bytes::mib(1024),
            timeout: trace::Nanos(300_000_000_000),
        },
        output: host::Output::Discard { most: 1 << 20 },
        rate_hz: 1.0,
        contended: false,
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    match runtime.block_on(Pool::new(loaded, 1).call(call))? {
        Answer::Ended { trace, .. } if trace.outcome == Outcome::Succeeded => Ok(()),
        Answer::Ended { trace, .. } => {
            bail!(
                "the generator `{}` {}",
                module.display(),
                trace.failure.unwrap_or_default()
            )
        }
        Answer::Refused(why) => bail!("{why}"),
    }
}

/// A guest ready to be called, and how.
struct Bench {
    loaded: Loaded,
    pool: Arc<Pool>,
    entry: Entry,
    limits: Limits,
    output: host::Output,
    rate_hz: f64,
    jobs: usize,
}

/// What a run has recorded.
struct Run {
    ids: Vec<TraceId>,
    interrupted: bool,
}

impl Bench {
    fn set_up(guest: &Guest, args: &ProfileArgs) -> anyhow::Result<Bench> {
        let engine = Engine::new()?;
        let cache = places::cache();
        let selection = args.watch.selection(&guest.config.watch);
        let spinner = progress::spinner(format!("preparing {}", guest.name));
        let function = Function::load(
            &engine,
            cache.as_ref(),
            &guest.name,
            &guest.wasm,
            &selection,
        )
        .with_context(|| format!("cannot use the guest `{}`", guest.written.display()))?;
        spinner.finish_and_clear();
        for note in function.notes() {
            eprintln!("note: {note}");
        }
        let invoke = args
            .call
            .invoke
            .clone()
            .or_else(|| guest.config.function.invoke.clone());
        let entry = entry(&function, invoke)?;
        let loaded = Loaded {
            id: function.id().clone(),
            wasm: Arc::new(guest.wasm.clone()),
            selection,
            cache: cache.map(|cache| cache.folder().to_owned()),
        };
        Ok(Bench {
            pool: Arc::new(Pool::new(loaded.clone(), usize::from(args.jobs))),
            loaded,
            entry,
            limits: args.call.limits.limits(&guest.config.limits),
            output: args.call.limits.discard(&guest.config.limits),
            rate_hz: args.call.rate,
            jobs: usize::from(args.jobs),
        })
    }

    fn call(&self, event: Event, limits: Limits) -> MakeCall {
        MakeCall {
            event,
            entry: self.entry.clone(),
            limits,
            output: self.output,
            rate_hz: self.rate_hz,
            contended: self.jobs > 1,
        }
    }

    /// Makes all calls, recording each as it ends. Ctrl-C stops after what has ended.
    async fn run_all(
        &self,
        events: &[Event],
        repeat: u32,
        store: &mut Store,
    ) -> anyhow::Result<Run> {
        let bar = progress::bar(events.len() * repeat as usize, "profiling");
        let mut waiting = (0..repeat).flat_map(|_| events.iter());
        let mut running = JoinSet::new();
        let mut run = Run {
            ids: Vec::new(),
            interrupted: false,
        };
        loop {
            while running.len() < self.jobs
                && let Some(event) = waiting.next()
            {
                let (pool, call) = (self.pool.clone(), self.call(event.clone(), self.limits));
                running.spawn(async move { pool.call(call).await });
            }
            tokio::select! {
                ended = running.join_next() => match ended {
                    None => break,
                    Some(ended) => {
                        let trace = trace_of(ended.context("a call was lost")??)?;
                        bar.set_prefix(trace.input.label.clone());
                        bar.inc(1);
                        run.ids.push(store.append(&trace)?);
                    }
                },
                _ = tokio::signal::ctrl_c() => {
                    run.interrupted = true;
                    break;
                }
            }
        }
        bar.finish_and_clear();
        Ok(run)
    }

    /// Runs every input that succeeded again, under the limit recommended for it.
    async fn verify(&self, events: &[Event], profile: &mut Profile) -> anyhow::Result<()> {
        let Some(recommendation) = &mut profile.recommendation else {
            return Ok(());
        };
        let bar = progress::bar(events.len(), "verifying");
        let mut verified = Verification {
            calls: 0,
            failures: 0,
            failed_inputs: Vec::new(),
        };
        let mut seen = BTreeSet::new();
        for event in events {
            bar.inc(1);
            let sized = recommendation
                .calls
                .iter()
                .find(|call| call.input == event.label && call.outcome == Outcome::Succeeded);
            let Some(sized) = sized.filter(|_| seen.insert(event.label.clone())) else {
                continue;
            };
            let limits = Limits {
                memory: sized.allocation_bytes,
                ..self.limits
            };
            let trace = trace_of(self.pool.call(self.call(event.clone(), limits)).await?)?;
            verified.calls += 1;
            if trace.outcome != Outcome::Succeeded {
                verified.failures += 1;
                verified.failed_inputs.push(event.label.clone());
            }
        }
        bar.finish_and_clear();
        recommendation.verified = Some(verified);
        Ok(())
    }
}

fn trace_of(answer: Answer) -> anyhow::Result<Trace> {
    match answer {
        Answer::Ended { trace, .. } => Ok(*trace),
        Answer::Refused(why) => bail!("{why}"),
    }
}

/// What is called: the export asked for, or `_start`.
pub(crate) fn entry(function: &Function, invoke: Option<String>) -> anyhow::Result<Entry> {
    if let Some(name) = invoke {
        let exports = function.invokable();
        if !exports.contains(&name) {
            bail!(
                "the guest exports no function `{name}`{}",
                crate::near::did_you_mean(&name, exports.iter().map(String::as_str))
            );
        }
        return Ok(Entry::Invoke(name));
    }
    function.default_entry().with_context(|| {
        format!(
            "the guest has no `_start`: it is a reactor, say which export to call with --invoke NAME; it exports {}",
            function.invokable().join(", ")
        )
    })
}
