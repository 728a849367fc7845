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
struct Call {
    cpu: f64,
    /// Time in which the guest waited.
    waiting: f64,
    /// Memory used, runtime base included.
    used: Bytes,
}

/// The calls that are billed, and the noise of their times.
pub(crate) struct Timing {
    calls: Vec<Call>,
    noise: f64,
}

impl Timing {
    /// The calls that ran to their end; those that ran alone if there are any. `None` where no call succeeded.
    pub(crate) fn of(traces: &[Trace], settings: &Settings) -> Option<Timing> {
        let measured = || traces.iter().filter(|t| t.is_measurement());
        let mut billed: Vec<&Trace> = measured().filter(|t| !t.contended).collect();
        if billed.is_empty() {
            billed = measured().collect();
        }
        let calls = billed.iter().map(|t| {
            let (cpu, wall) = (t.cpu.as_seconds(), t.wall.as_seconds());
            Call {
                cpu,
                waiting: (wall - cpu).max(0.0),
                used: Bytes(t.committed_peak.0.saturating_add(settings.runtime_base.0)),
            }
        });
        (!billed.is_empty()).then(|| Timing {
            calls: calls.collect(),
            noise: spread_of_repeats(&billed)
                .unwrap_or(LEAST_NOISE)
                .clamp(LEAST_NOISE, MOST_NOISE),
        })
    }

    /// Estimated seconds of each call at a size, its CPU seconds taken as `speed` times those measured. A guest has one
    /// thread: more than one CPU makes it no faster than it was measured.
    pub(crate) fn seconds(&self, size: &Size, speed: f64) -> impl Iterator<Item = f64> {
        let share = size.vcpu.as_f64().min(1.0);
        let seconds = move |c: &Call| c.cpu * speed / share + c.waiting;
        self.calls.iter().map(seconds)
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
