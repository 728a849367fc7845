//! Times and memory of the calls, as bills need them: what each call would take at a size, and how far its measured CPU
//! seconds are to be trusted.

use crate::catalogue::Size;
use crate::settings::Settings;
use crate::statistics::{mean, median};
use std::collections::HashMap;
use trace::{Bytes, Trace};

/// CPU seconds are trusted no better than this share: another run on the same machine differs by as much ...
const LEAST_NOISE: f64 = 0.10;

/// ... and no worse than this, or nothing could be said at all.
const MOST_NOISE: f64 = 0.50;

/// What one recorded call does.
pub(crate) struct Call {
    cpu: f64,
    /// Time in which the guest waited.
    waiting: f64,
    /// Memory used, runtime base included.
    pub(crate) used: Bytes,
}

impl Call {
    pub(crate) fn of(trace: &Trace, settings: &Settings) -> Call {
        let (cpu, wall) = (trace.cpu.as_seconds(), trace.wall.as_seconds());
        Call {
            cpu,
            waiting: (wall - cpu).max(0.0),
            used: Bytes(
                trace
                    .committed_peak
                    .0
                    .saturating_add(settings.runtime_base.0),
            ),
        }
    }

    /// Estimated seconds at a size, its CPU seconds taken as `speed` times those measured. A guest has one thread: more than one
    /// CPU makes it no faster than it was measured.
    pub(crate) fn seconds(&self, size: &Size, speed: f64) -> f64 {
        self.seconds_beside(size, speed, 1.0)
    }

    /// The same where so many calls, itself included, share the CPU of the size evenly.
    pub(crate) fn seconds_beside(&self, size: &Size, speed: f64, at_once: f64) -> f64 {
        let part = size.vcpu.as_f64() / at_once.max(1.0);
        self.cpu * speed / part.min(1.0) + self.waiting
    }

    /// Whether it took any time.
    pub(crate) fn took_time(&self) -> bool {
        self.cpu + self.waiting > 0.0
    }
}

/// Which of the calls are billed, by their places: those that ran to their end; those that ran alone if there are any.
pub(crate) fn billed(traces: &[Trace]) -> Vec<usize> {
    let measured = || (0..traces.len()).filter(|&at| traces[at].is_measurement());
    let alone: Vec<usize> = measured().filter(|&at| !traces[at].contended).collect();
    if alone.is_empty() {
        measured().collect()
    } else {
        alone
    }
}

/// The calls that are billed, and the noise of their times.
pub(crate) struct Timing {
    calls: Vec<Call>,
    noise: f64,
}

impl Timing {
    /// The calls that are billed. `None` where no call succeeded.
    pub(crate) fn of(traces: &[Trace], settings: &Settings) -> Option<Timing> {
        let billed: Vec<&Trace> = billed(traces).into_iter().map(|at| &traces[at]).collect();
        let calls = billed.iter().map(|trace| Call::of(trace, settings));
        (!billed.is_empty()).then(|| Timing {
            calls: calls.collect(),
            noise: spread_of_repeats(&billed)
                .unwrap_or(LEAST_NOISE)
                .clamp(LEAST_NOISE, MOST_NOISE),
        })
    }

    /// Estimated seconds of each call at a size: see [`Call::seconds`].
    pub(crate) fn seconds(&self, size: &Size, speed: f64) -> impl Iterator<Item = f64> {
        self.calls.iter().map(move |call| call.seconds(size, speed))
    }

    /// Memory used by each call, runtime base included.
    pub(crate) fn used(&self) -> impl Iterator<Item = Bytes> {
        self.calls.iter().map(|c| c.used)
    }

    /// Factors of the measured CPU seconds that the next measurement may well find.
    pub(crate) fn speeds(&self) -> [f64; 5] {
        [-1.0, -0.5, 0.0, 0.5, 1.0].map(|part| 1.0 + part * self.noise)
    }
}

/// Half the relative range of the CPU seconds of repeats, median over the inputs that were repeated.
fn spread_of_repeats(calls: &[&Trace]) -> Option<f64> {
    let mut by_input: HashMap<&str, Vec<f64>> = HashMap::new();
    for call in calls {
        let repeats = by_input.entry(&call.input.digest).or_default();
        repeats.push(call.cpu.as_seconds());
    }
    let spreads = by_input.values().filter(|r| r.len() > 1).filter_map(|r| {
        let middle = mean(r).filter(|m| *m > 0.0)?;
        let least = r.iter().copied().min_by(f64::total_cmp)?;
        let most = r.iter().copied().max_by(f64::total_cmp)?;
        Some((most - least) / (2.0 * middle))
    });
    median(&spreads.collect::<Vec<f64>>())
}
