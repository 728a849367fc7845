//! `fathom replay`: what rules for sizing would have done with the recorded calls, each sized only from those before it.

use crate::{analysis, args::DatabaseArgs, near, output, picture, progress, quantity};
use anyhow::{Context, bail};
use clap::Args;
use learn::{Replaying, Settings};
use std::{fs, path::PathBuf, process::ExitCode};
use store::{Detail, Filter, Store};
use trace::{Bytes, FunctionId, Trace};

/// Replay recorded calls under each rule for sizing: what it wastes, and how often it fails
#[derive(Args)]
#[command(after_help = "\
Each call is sized only from the calls of its function before it. Calls that were served or imported are replayed in the
order in which they were made; those of a sweep in 20 orders, of which the mean is told. The first 5 distinct inputs of a
function are given what calls are given today. A call that is given too little wastes all of it for its whole time, and is
made again with twice as much.

Rules:
  preset           what calls are given today
  max15            the largest need seen + 15 % (KRR)
  vpa              90 % of the needs, newer ones weighted more, + 15 % (Kubernetes VPA)
  p95              95 % of the needs
  witt             least squares on the size of the input, + one deviation (Witt and others 2019)
  fixed            the best size of 128 MiB, 256 MiB, ... for all calls, in hindsight
  fathom-function  ours, one size for all calls of a function
  fathom-call      ours, each call for itself

Examples:
  fathom replay                              all that is recorded
  fathom replay line-reader --memory 512MiB  of one function, given 512 MiB today
  fathom replay --calibration calibration.svg
  fathom replay --json | jq '.rules[] | {rule, waste_share_of_preset, first_try_failures}'")]
pub(crate) struct ReplayArgs {
    /// Only these functions
    #[arg(value_name = "FUNCTION")]
    functions: Vec<String>,
    #[command(flatten)]
    database: DatabaseArgs,
    /// Share of calls that may fail for want of memory
    #[arg(long, value_name = "RATE", env = "FATHOM_FAILURE_RATE", default_value = "0.01", value_parser = quantity::failure_rate)]
    failure_rate: f64,
    /// What every call is given today [default: what is recorded, 256 MiB where nothing is]
    #[arg(long, value_name = "SIZE", env = "FATHOM_MEMORY", value_parser = quantity::bytes)]
    memory: Option<Bytes>,
    /// Decides the orders in which the calls of a sweep are replayed, and which old calls are kept
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Replay ours at other rates too, and draw how often calls fail against how often they may, as SVG or PNG
    /// by the end of the name
    #[arg(long, value_name = "FILE", value_parser = picture::file)]
    calibration: Option<PathBuf>,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Rates of failure that are asked for to see whether they are kept.
const RATES: [f64; 7] = [0.3, 0.2, 0.1, 0.05, 0.02, 0.01, 0.005];

/// Runs the command.
pub(crate) fn run(args: ReplayArgs) -> anyhow::Result<ExitCode> {
    let functions = read(&args)?;
    let settings = Settings {
        failure_rate: args.failure_rate,
        seed: args.seed,
        ..Settings::default()
    }
    .check()?;
    let replaying = Replaying {
        functions: &functions,
        settings: &settings,
        preset: args.memory,
    };
    let bar = progress::bar(functions.len(), "replaying");
    let mut replayed = learn::replay(&replaying, &|| bar.inc(1));
    bar.finish_and_clear();
    if args.calibration.is_some() {
        let bar = progress::bar(functions.len() * RATES.len(), "calibrating");
        replayed.calibration = learn::calibration(&replaying, &RATES, &|| bar.inc(1));
        bar.finish_and_clear();
    }
    if replayed.calls == 0 {
        bail!(
            "no call in `{}` has run to its own end: there is nothing to replay",
            args.database.db.display()
        );
    }
    if let Some(path) = &args.calibration {
        let theme = report::chart::Theme::default();
        let chart = report::chart::calibration(&replayed, &theme);
        fs::write(path, picture::bytes(&chart, path)?)
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    if args.json {
        output::line(serde_json::to_string_pretty(&replayed)?)?;
    } else {
        output::text(report::replay_text(&replayed, analysis::style()))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Every recorded function that is meant, with its calls.
fn read(args: &ReplayArgs) -> anyhow::Result<Vec<(FunctionId, Vec<Trace>)>> {
    let store = Store::open_existing(&args.database.db)?;
    let recorded = store.functions()?;
    let names = || recorded.iter().map(|f| f.function.name.as_str());
    for wanted in &args.functions {
        if !names().any(|name| name == wanted) {
            bail!(
                "no calls of `{wanted}` are recorded in `{}`{}",
                args.database.db.display(),
                near::did_you_mean(wanted, names())
            );
        }
    }
    let is_meant = |name: &String| args.functions.is_empty() || args.functions.contains(name);
    let meant = recorded.iter().filter(|f| is_meant(&f.function.name));
    let calls = meant.map(|recorded| {
        let filter = Filter {
            function: Some(recorded.function.name.clone()),
            digest: Some(recorded.function.digest.clone()),
            detail: Detail::Summary,
            ..Filter::default()
        };
        Ok((recorded.function.clone(), store.traces(&filter)?))
    });
    calls.collect()
}
