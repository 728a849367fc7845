//! `fathom bill`: what calls cost at each provider, today and as recommended, and how much of that is for nothing.

use crate::{
    analysis::{self, Configured, RecordedArgs, SizingArgs},
    output,
};
use clap::Args;
use learn::Traffic;
use std::process::ExitCode;

/// Calls in a month at most: more is a slip.
const MOST: f64 = 1e15;

/// Seconds of a month of 30 days.
const MONTH: f64 = 30.0 * 86_400.0;

/// What calls cost at each provider, and how much of that is for nothing
#[derive(Args)]
#[command(after_help = "\
Two lines for each provider: the size of today (--memory), and the one recommended. Of what a million calls cost: for memory that they do
not use, of that because there is no size between, and for time in which none runs because time is rounded up. Where two or three
deployments of the function, each for calls of its size, cost clearly less than one, they are told with the rule that routes calls to
them.

Examples:
  fathom bill line-reader --memory 512MiB
  fathom bill line-reader --rate 2.5/s             and what a month costs, what is free taken off
  fathom bill line-reader --concurrency 8          eight calls share an instance, where they can
  fathom bill line-reader --rate 3000000/month --json | jq '.providers[] | {name, month: .recommended.usd_per_month}'")]
pub(crate) struct BillArgs {
    #[command(flatten)]
    recorded: RecordedArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    /// Calls in a time: N/s, N/min, N/h, N/day or N/month of 30 days
    #[arg(long, value_name = "CALLS/TIME", value_parser = per_month)]
    rate: Option<f64>,
    /// Calls that an instance makes at a time, where a provider lets several share one: what it has to hold then, and what they pay
    #[arg(long, value_name = "CALLS", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    concurrency: u32,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Calls in a month.
fn per_month(text: &str) -> Result<f64, String> {
    let parsed = text.split_once('/').and_then(|(calls, time)| {
        let times = match time.trim() {
            "s" => MONTH,
            "min" => MONTH / 60.0,
            "h" => MONTH / 3_600.0,
            "day" | "d" => 30.0,
            "month" => 1.0,
            _ => return None,
        };
        let calls: f64 = calls.trim().replace('_', "").parse().ok()?;
        let a_month = calls * times;
        (0.0..=MOST).contains(&a_month).then_some(a_month)
    });
    parsed.ok_or_else(|| {
        format!("`{text}` is not a rate of calls: expected a number with /s, /min, /h, /day or /month, as in 2.5/s")
    })
}

/// Runs the command.
pub(crate) fn run(args: BillArgs) -> anyhow::Result<ExitCode> {
    let (function, traces) = args.recorded.read()?;
    let configured = Configured::default();
    let profile = args.sizing.learn(&function, &traces, configured)?;
    let settings = args.sizing.settings(&traces, configured)?;
    let catalogue = args.sizing.catalogue()?;
    let traffic = Traffic {
        calls_per_month: args.rate,
        at_once: args.concurrency,
    };
    let Some(account) = learn::account(&profile, &traces, &settings, &catalogue, traffic) else {
        anyhow::bail!(
            "no call of `{}` has succeeded: nothing is known of what calls cost",
            function.name
        );
    };
    if args.json {
        output::line(serde_json::to_string_pretty(&account)?)?;
    } else {
        output::text(report::bill_text(&account, analysis::style()))?;
    }
    Ok(ExitCode::SUCCESS)
}
