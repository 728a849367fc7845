//! `fathom run`: one call. The guest's standard output and exit code stay untouched; the account goes to standard
//! error, as with `time -v`.

use crate::output;
use crate::{
    args::{CallArgs, HeapArgs, HeapMode, WatchArgs},
    exit::code,
    guest::Guest,
    inputs::MOUNT_AT,
    plan_file,
};
use anyhow::Context;
use clap::Args;
use host::{Body, Call, Event, Mount, Output};
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{self, ExitCode},
};
use trace::{Outcome, Trace};

/// Run one call and print what it used
#[derive(Args)]
#[command(after_help = "\
Exit codes: the guest's own; 124 timeout, 125 fathom's own error, 134 trap, 137 memory limit.

Examples:
  fathom run guest.wasm < input.txt
  fathom run guest.wasm --dir data -- --verbose
  fathom run lib.wasm --invoke fib -- 30
  fathom run guest.wasm --max-memory 16MiB --record call.json < input.txt")]
pub(crate) struct RunArgs {
    /// A .wasm or .wat file, or a folder with a fathom.toml
    guest: PathBuf,
    /// Arguments of the guest, or of the invoked export
    #[arg(last = true)]
    args: Vec<String>,
    /// Grant a directory, read-only; HOST or HOST::GUEST
    #[arg(long, value_name = "DIR")]
    dir: Option<String>,
    /// Set a variable of the guest's environment, which is empty otherwise
    #[arg(long = "env", value_name = "NAME=VALUE", value_parser = name_and_value)]
    env: Vec<(String, String)>,
    #[command(flatten)]
    call: CallArgs,
    #[command(flatten)]
    watch: WatchArgs,
    #[command(flatten)]
    heap: HeapArgs,
    /// Write what was recorded to this file, as JSON
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// Do not print the account
    #[arg(long, short)]
    quiet: bool,
}

fn name_and_value(text: &str) -> Result<(String, String), String> {
    let (name, value) = text
        .split_once('=')
        .ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    Ok((name.to_owned(), value.to_owned()))
}

/// Runs the command.
pub(crate) fn run(args: RunArgs) -> anyhow::Result<ExitCode> {
    let guest = Guest::find(&args.guest)?;
    let mut armed = plan_file::armed(&args.watch, &guest)?;
    armed.selection.heap = args.heap.sampling(&guest.config.heap, HeapMode::Off);
    let cpu_period = args.call.cpu_period();
    let ready = guest.ready(armed.selection, args.call.invoke.clone(), cpu_period)?;
    let call = Call {
        event: event(&args, &guest),
        entry: ready.entry,
        limits: args.call.limits.limits(&guest.config.limits),
        output: Output::Inherit,
        rate_hz: args.call.rate,
        contended: false,
        touched: args.call.touched,
        seed: 0,
    };
    // The file is opened before the guest runs: what cannot be written is said while nothing is lost.
    let record = args.record.as_deref().map(open).transpose()?;
    let late_record = record.as_ref().map(fs::File::try_clone).transpose()?;
    let (quiet, path) = (args.quiet, args.record.clone());
    let give_up = move |trace: Trace| {
        let _ = account(&trace, quiet, late_record, path.as_deref());
        process::exit(i32::from(code::TIMED_OUT));
    };
    let finished = ready.function.invoke(&call, Box::new(give_up))?;
    let mut stdout = std::io::stdout();
    for result in &finished.results {
        writeln!(stdout, "{result}")?;
    }
    stdout.flush()?;
    account(&finished.trace, args.quiet, record, args.record.as_deref())?;
    if let Some(plan) = armed.plan.filter(|_| !args.quiet) {
        let said = learn::predict(&plan, &finished.trace).map(|p| (p.predicted, p.bound));
        output::note(report::planned_text(&finished.trace, said));
    }
    Ok(exit_code(&finished.trace))
}

fn event(args: &RunArgs, guest: &Guest) -> Event {
    let mount_at = guest.config.function.mount.as_deref().unwrap_or(MOUNT_AT);
    let mount = args.dir.as_ref().map(|dir| {
        let (host, at) = dir.split_once("::").unwrap_or((dir, mount_at));
        Mount {
            host: PathBuf::from(host),
            guest: at.to_owned(),
            writable: false,
            same_for_all: false,
        }
    });
    let mut env: Vec<(String, String)> = guest.config.function.env.clone().into_iter().collect();
    env.retain(|(name, _)| !args.env.iter().any(|(given, _)| given == name));
    env.extend(args.env.iter().cloned());
    let label = match (&args.dir, &args.call.invoke) {
        (Some(dir), _) => dir.clone(),
        (None, Some(export)) => format!("{export}({})", args.args.join(", ")),
        (None, None) => "stdin".to_owned(),
    };
    Event {
        label,
        body: Body::Inherited,
        args: if args.args.is_empty() {
            guest.config.function.args.clone()
        } else {
            args.args.clone()
        },
        env,
        mount,
        scratch: args.call.limits.scratch(&guest.config.limits),
        ..Event::default()
    }
}

fn open(path: &Path) -> anyhow::Result<fs::File> {
    fs::File::create(path).with_context(|| format!("cannot write `{}`", path.display()))
}

fn account(
    trace: &Trace,
    quiet: bool,
    record: Option<fs::File>,
    path: Option<&Path>,
) -> anyhow::Result<()> {
    if !quiet {
        output::note(report::account(trace).trim_end());
    }
    if let (Some(mut file), Some(path)) = (record, path) {
        let text = serde_json::to_string_pretty(&report::run_record(trace))?;
        writeln!(file, "{text}").with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

fn exit_code(trace: &Trace) -> ExitCode {
    match (trace.outcome, trace.exit_code) {
        (Outcome::Limited, _) => ExitCode::from(code::LIMITED),
        (Outcome::TimedOut, _) => ExitCode::from(code::TIMED_OUT),
        // A guest's code has 32 bits, a process's 8: as a shell, the low ones.
        (Outcome::Succeeded | Outcome::Failed, Some(code)) => ExitCode::from(code as u8),
        (Outcome::Succeeded | Outcome::Failed, None) => ExitCode::from(code::TRAPPED),
    }
}
