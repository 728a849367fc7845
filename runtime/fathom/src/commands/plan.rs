//! `fathom plan`: the few variables that predict a function's memory, from what was recorded, as a file; and whether a plan
//! still holds, from what was recorded since. Runs no guest.

use crate::{
    analysis::{self, RecordedArgs},
    exit::code,
    output, places, plan_file, quantity,
};
use anyhow::{Context as _, ensure};
use clap::Args;
use learn::{DriftState, Settings};
use std::{collections::HashSet, fs, path::PathBuf, process::ExitCode};
use store::{Detail, Filter, Store};
use trace::{AskedOfPlan, Drift, PredictivePlan, Trace};

/// Write the few breakpoints that predict a function's memory, or check that they still do
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom plan line-reader                          learns from what is recorded, writes fathom-out/line-reader/plan.toml
  fathom plan line-reader -o lines.toml --within 5%
  fathom profile guest-examples/line-reader --plan fathom-out/line-reader/plan.toml
  fathom plan line-reader --check                  ends with code 1 where the plan is stale")]
pub(crate) struct PlanArgs {
    #[command(flatten)]
    recorded: RecordedArgs,
    /// The plan's file [default: plan.toml beside the function's report]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder of reports [default: fathom-out]
    #[arg(
        long,
        value_name = "FOLDER",
        env = "FATHOM_OUT",
        conflicts_with = "output"
    )]
    out: Option<PathBuf>,
    /// Largest error asked for, in the middle case on inputs held out
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = quantity::share)]
    within: f64,
    /// Share of calls that may need more than the plan's bound
    #[arg(long, value_name = "RATE", default_value = "1%", env = "FATHOM_FAILURE_RATE", value_parser = quantity::failure_rate)]
    failure_rate: f64,
    /// Largest share of the CPU time that the plan's probes may take
    #[arg(long, value_name = "SHARE", default_value = "1%", value_parser = quantity::share)]
    cost: f64,
    /// Order of the calls when they are replayed at random
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    seed: u64,
    /// Judge the plan's file by the calls made since; code 1 where it is stale
    #[arg(long, conflicts_with_all = ["within", "failure_rate", "cost", "seed"])]
    check: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub(crate) fn run(args: PlanArgs) -> anyhow::Result<ExitCode> {
    if args.check {
        check(&args)
    } else {
        learn(&args)
    }
}

fn learn(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let (function, traces) = args.recorded.read()?;
    let settings = Settings {
        failure_rate: args.failure_rate,
        seed: args.seed,
        ..Settings::default()
    }
    .check()?;
    let asked = AskedOfPlan {
        error: args.within,
        failure_rate: args.failure_rate,
        cost_share: args.cost,
    };
    let version = env!("CARGO_PKG_VERSION");
    let plan = learn::plan(&function, &traces, &settings, asked, version)
        .with_context(|| format!("no plan for `{}`", function.name))?;
    let path = args.file(&function.name);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    fs::write(&path, plan_file::render(&plan)?)
        .with_context(|| format!("cannot write `{}`", path.display()))?;
    if args.json {
        output::line(serde_json::to_string_pretty(&plan)?)?;
    } else {
        output::text(report::plan_text(&plan, analysis::style()))?;
        output::line(format_args!("\nPlan   {}", path.display()))?;
        output::line(format_args!(
            "Next   fathom profile GUEST --plan {}",
            path.display()
        ))?;
    }
    Ok(ExitCode::SUCCESS)
}

impl PlanArgs {
    fn file(&self, function: &str) -> PathBuf {
        let beside_report = || places::report_folder(self.out.clone(), function).join("plan.toml");
        self.output.clone().unwrap_or_else(beside_report)
    }
}

fn check(args: &PlanArgs) -> anyhow::Result<ExitCode> {
    let path = match (&args.recorded.function, &args.output) {
        (Some(name), _) => args.file(name),
        (None, Some(path)) => path.clone(),
        (None, None) => args.file(&args.recorded.read()?.0.name),
    };
    let plan = plan_file::read(&path)?;
    if let Some(name) = &args.recorded.function {
        ensure!(
            *name == plan.function.name,
            "the plan `{}` is of `{}`, not of `{name}`",
            path.display(),
            plan.function.name
        );
    }
    let drift = since(&plan, args)?;
    if args.json {
        output::line(serde_json::to_string_pretty(&drift)?)?;
    } else {
        output::text(report::drift_text(&drift, analysis::style()))?;
    }
    if drift.stale.is_none() {
        return Ok(ExitCode::SUCCESS);
    }
    if !args.json {
        output::line(format_args!(
            "Next   fathom profile GUEST --all, which observes everything again, then fathom plan {}",
            plan.function.name
        ))?;
    }
    Ok(ExitCode::from(code::NO))
}

/// What the calls recorded since the plan say of it.
fn since(plan: &PredictivePlan, args: &PlanArgs) -> anyhow::Result<Drift> {
    let store = Store::open_existing(&args.recorded.database.db)?;
    let filter = Filter {
        function: Some(plan.function.name.clone()),
        detail: Detail::Summary,
        ..Filter::default()
    };
    let mut judge = Judge::new(plan);
    store.each(&filter, |_, trace| {
        if trace.started_unix_ms > plan.learned.newest_unix_ms {
            judge.see(&trace);
        }
    })?;
    Ok(judge.drift())
}

/// Calls judged by a plan, the repeats of an input once: they would only say the same again.
pub(crate) struct Judge<'p> {
    plan: &'p PredictivePlan,
    state: DriftState,
    inputs: HashSet<(String, String)>,
}

impl<'p> Judge<'p> {
    pub(crate) fn new(plan: &'p PredictivePlan) -> Judge<'p> {
        Judge {
            plan,
            state: DriftState::new(),
            inputs: HashSet::new(),
        }
    }

    pub(crate) fn see(&mut self, trace: &Trace) {
        let input = (trace.function.digest.clone(), trace.input.digest.clone());
        if self.inputs.insert(input) {
            self.state.see(self.plan, trace);
        }
    }

    pub(crate) fn drift(&self) -> Drift {
        self.state.drift(self.plan)
    }
}
