//! Flags that several commands share. What they mean to a command is said there.

use crate::{allowance::LimitArgs, config::HeapSection, sweep::Sweep};
use clap::{Args, ValueEnum};
use serde::Deserialize;
use std::path::PathBuf;
use trace::{Bytes, HeapSampling, Nanos, Selection};

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
    /// Where to look: input, open:, entry:NAME, exit:NAME, set:NAME, end; FILE:LINE, FUNCTION, auto; `*` in names [default of profile: auto, everything that the user's functions name; else what the guest shows]
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
            heap: configured.heap,
            only: configured.only.clone(),
            seldom_hit: configured.seldom_hit,
        }
    }
}

/// Whose allocations are recorded.
#[derive(Args, Clone, Default)]
pub(crate) struct HeapArgs {
    /// Record who allocates memory, by call stack: every block, blocks chosen at random, or nothing
    #[arg(long, value_name = "MODE", value_enum, help_heading = "Observe")]
    heap: Option<HeapMode>,
    /// With --heap sampled: bytes from one chosen block to the next, on average [default: 512KiB]
    #[arg(long, value_name = "BYTES", value_parser = interval, help_heading = "Observe")]
    heap_interval: Option<Bytes>,
}

/// Which allocations are recorded with their call stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HeapMode {
    /// Every block
    Exact,
    /// Blocks chosen at random, the larger the likelier
    Sampled,
    /// None
    Off,
}

/// Bytes from one sampled block to the next where nobody says otherwise: what Go, jemalloc and Node have.
const HEAP_INTERVAL: Bytes = Bytes(512 * 1024);

impl HeapArgs {
    /// Which allocations are recorded: what the command line says, else the guest's configuration, else `unasked`.
    /// An interval alone asks for samples.
    pub(crate) fn sampling(
        &self,
        configured: &HeapSection,
        unasked: HeapMode,
    ) -> Option<HeapSampling> {
        let given = self.heap_interval.map(|_| HeapMode::Sampled);
        match self.heap.or(given).or(configured.mode).unwrap_or(unasked) {
            HeapMode::Off => None,
            HeapMode::Exact => Some(HeapSampling::Exact),
            HeapMode::Sampled => Some(HeapSampling::Poisson {
                mean: self
                    .heap_interval
                    .or(configured.interval)
                    .unwrap_or(HEAP_INTERVAL),
            }),
        }
    }
}

/// An interval between sampled blocks.
pub(crate) fn interval(text: &str) -> Result<Bytes, String> {
    let bytes = crate::quantity::bytes(text)?;
    if (1024..=1 << 30).contains(&bytes.0) {
        Ok(bytes)
    } else {
        Err(format!(
            "`{text}` is not an interval between samples: expected 1KiB to 1GiB, as in 512KiB"
        ))
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
    /// Count the pages of memory that are really written to; done anyway where the guest's allocator is not known
    #[arg(long, help_heading = "Observe")]
    pub(crate) touched: bool,
    /// Record where the time goes, by call stack, so often per second [if given without: 1000]; guests are then 1.2 to 1.7
    /// times as slow, so times and prices are not those of calls without
    #[arg(long, value_name = "HZ", num_args = 0..=1, require_equals = true, default_missing_value = "1000", value_parser = rate, help_heading = "Observe")]
    cpu: Option<f64>,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

impl CallArgs {
    /// Time between two samples of the guest's stack, where they are asked for.
    pub(crate) fn cpu_period(&self) -> Option<Nanos> {
        self.cpu.map(|rate| Nanos((1e9 / rate) as u64))
    }
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
