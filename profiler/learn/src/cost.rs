//! What the probes of a variable cost: hits times what each costs, against the CPU time of the calls.

use crate::armed::needs_probe;
use trace::{Feature, Trace};

/// A hit costs this where the calls did not record it, seconds: a call of the host from a hot function, as
/// `cargo bench -p host --bench overhead` measures it.
const PER_HIT: f64 = 2e-9;

/// Costs of probes in the given calls.
pub(crate) struct Costs<'a> {
    calls: &'a [&'a Trace],
    per_hit: f64,
    cpu: f64,
}

impl<'a> Costs<'a> {
    pub(crate) fn of(calls: &'a [&'a Trace]) -> Costs<'a> {
        let sum = |of: fn(&Trace) -> f64| calls.iter().map(|t| of(t)).sum::<f64>();
        let hits = sum(|t| t.probe_cost.hits as f64);
        let measured = sum(|t| t.probe_cost.cpu_seconds) / hits;
        Costs {
            calls,
            per_hit: if measured.is_finite() && measured > 0.0 {
                measured
            } else {
                PER_HIT
            },
            cpu: sum(|t| t.cpu.as_seconds()),
        }
    }

    /// Hits per call, mean over the calls.
    pub(crate) fn hits(&self, feature: &Feature) -> f64 {
        let seen = self.observations(feature).map(|o| o.count as f64);
        seen.sum::<f64>() / self.calls.len().max(1) as f64
    }

    /// Share of the CPU time that its hits take: 0 for what needs no probe.
    pub(crate) fn share(&self, feature: &Feature) -> f64 {
        if !needs_probe(&feature.breakpoint) || self.cpu <= 0.0 {
            return 0.0;
        }
        self.hits(feature) * self.calls.len() as f64 * self.per_hit / self.cpu
    }

    /// Whether every call has a value of it.
    pub(crate) fn always_reached(&self, feature: &Feature) -> bool {
        self.observations(feature).count() == self.calls.len()
    }

    fn observations(&self, feature: &Feature) -> impl Iterator<Item = &'a trace::Observed> {
        let (variable, breakpoint) = (feature.variable.clone(), feature.breakpoint.clone());
        self.calls.iter().filter_map(move |t| {
            let mut observed = t.observations.iter();
            observed.find(|o| o.variable == variable && o.breakpoint == breakpoint)
        })
    }
}
