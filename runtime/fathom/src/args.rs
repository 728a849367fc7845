//! Flags that several commands share. What they mean to a command is said there.

use crate::{allowance::LimitArgs, sweep::Sweep};
use clap::Args;
use std::path::PathBuf;
use trace::Selection;

/// Where results are recorded.
#[derive(Args, Clone)]
pub(crate) struct DatabaseArgs {
    /// Database of recorded calls
    #[arg(long, value_name = "FILE", env = "FATHOM_DB", default_value = crate::places::DATABASE)]
    pub(crate) db: PathBuf,
}

/// What to look at in a guest.
#[derive(Args, Clone, Default)]
pub(crate) struct WatchArgs {
    /// Where to look: input, open:, entry:NAME, exit:NAME, set:NAME, end; `*` in names [default: all that is watched or exported]
    #[arg(long = "break", value_name = "BREAKPOINT", help_heading = "Observe")]
    pub(crate) breakpoints: Vec<String>,
    /// What to look at; NAME:TYPE for a static whose type the guest does not tell
    #[arg(long = "watch", value_name = "VARIABLE", help_heading = "Observe")]
    pub(crate) variables: Vec<String>,
    /// Arm only what a plan needs, as `fathom plan` wrote it
    #[arg(long, value_name = "FILE", conflicts_with_all = ["breakpoints", "variables"], help_heading = "Observe")]
    pub(crate) plan: Option<PathBuf>,
    /// Only counts and values, kept in the guest: no measurable cost, no moments in time
    #[arg(long, help_heading = "Observe")]
    pub(crate) light: bool,
}

impl WatchArgs {
    /// The selection: what the command line says, else the guest's configuration.
    pub(crate) fn selection(&self, configured: &Selection) -> Selection {
        let pick = |given: &Vec<String>, configured: &Vec<String>| {
            if given.is_empty() {
                configured.clone()
            } else {
                given.clone()
            }
        };
        Selection {
            breakpoints: pick(&self.breakpoints, &configured.breakpoints),
            variables: pick(&self.variables, &configured.variables),
            light: self.light || configured.light,
            only: configured.only.clone(),
        }
    }
}

/// What is called, and how.
#[derive(Args, Clone)]
pub(crate) struct CallArgs {
    /// Call this export instead of `_start`; the arguments after `--` are its parameters
    #[arg(long, value_name = "NAME")]
    pub(crate) invoke: Option<String>,
    /// Samples of the timeline per second
    #[arg(long, value_name = "HZ", default_value_t = 199.0, value_parser = rate, help_heading = "Observe")]
    pub(crate) rate: f64,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

fn rate(text: &str) -> Result<f64, String> {
    let parsed = text
        .parse::<f64>()
        .ok()
        .filter(|rate| (0.1..=10_000.0).contains(rate));
    parsed.ok_or_else(|| {
        format!("`{text}` is not a rate: expected samples per second between 0.1 and 10000")
    })
}

/// Values for placeholders.
#[derive(Args, Clone, Default)]
pub(crate) struct SweepArgs {
    /// Values for {NAME} in arguments and events: NAME=4..12, NAME=1000,2000,5000 or NAME=1e3..4e5:100
    #[arg(long = "sweep", value_name = "NAME=VALUES", help_heading = "Inputs")]
    pub(crate) sweeps: Vec<Sweep>,
    /// Pair the values of several sweeps instead of combining all
    #[arg(long, help_heading = "Inputs")]
    pub(crate) sweep_zip: bool,
}
