//! Calls that share an instance, where a provider lets several run in one at a time: for how much of the instance's time each pays.
//! Where calls came from outside with the times at which they did, that is replayed; else it is as asked, every instance always full.
//! What an instance costs is known in `bill`, which sizes there are in `catalogue`.

use crate::bill::billed_ms;
use crate::catalogue::{Provider, Size};
use trace::{Nanos, Trace};

/// Earlier than this, 2000-01-01 UTC in milliseconds, a time only orders calls and is no time.
const FIRST_TIME: u64 = 946_684_800_000;

/// How calls share instances.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sharing {
    /// Of the time that calls would be billed alone, the part that their instances are billed: 1 where nothing is shared, never
    /// more.
    pub share: f64,
    /// Of the time that instances are billed, the part in which a call runs: the rest is rounding.
    pub busy: f64,
    /// Calls in an instance while there is one, on average.
    pub at_once: f64,
    /// Calls whose times say this; 0 where it is as asked.
    pub recorded: usize,
}

/// Instances that are always full, and so hardly ever have an end that is rounded: each of `calls` at a time, which take these times,
/// pays its part of the time that it runs. Where none took any time, its part of what is billed at least.
pub fn as_asked(provider: &Provider, times: &[Nanos], calls: u32) -> Sharing {
    let calls = f64::from(calls.max(1));
    let running: f64 = times.iter().map(|time| time.as_seconds()).sum();
    let alone_ms: u128 = times
        .iter()
        .map(|time| u128::from(billed_ms(provider, *time)))
        .sum();
    let runs = running * 1e3 / alone_ms as f64;
    let runs = if runs > 0.0 { runs.min(1.0) } else { 1.0 };
    Sharing {
        share: runs / calls,
        busy: 1.0,
        at_once: calls,
        recorded: 0,
    }
}

/// Calls as they arrived, each `(milliseconds since any moment, time that it takes)`, at most `most` in an instance at a time:
/// into the first instance that has room, else into another one. An instance is billed from its first call until none is left,
/// rounded up, and then anew. `None` where there are no calls.
pub fn as_recorded(provider: &Provider, calls: &[(u64, Nanos)], most: u32) -> Option<Sharing> {
    let recorded = calls.len();
    let mut calls: Vec<(u128, u128, Nanos)> = calls
        .iter()
        .map(|(at, time)| {
            let from = u128::from(*at) * 1_000_000;
            (from, from + u128::from(time.0.max(1)), *time)
        })
        .collect();
    calls.sort_unstable_by_key(|(from, ..)| *from);
    let mut instances: Vec<Instance> = Vec::new();
    let (mut alone_ms, mut running) = (0_u128, 0_u128);
    for (from, until, time) in &calls {
        alone_ms += u128::from(billed_ms(provider, *time));
        running += until - from;
        let room = instances
            .iter_mut()
            .position(|instance| instance.has_room(*from, most));
        match room {
            Some(at) => instances[at].take(provider, *from, *until),
            None => instances.push(Instance::begun(*from, *until)),
        }
    }
    for instance in &mut instances {
        instance.end(provider);
    }
    let billed_ms: u128 = instances.iter().map(|instance| instance.billed_ms).sum();
    let busy: u128 = instances.iter().map(|instance| instance.busy).sum();
    (alone_ms > 0 && busy > 0).then(|| Sharing {
        share: (billed_ms as f64 / alone_ms as f64).min(1.0),
        busy: (busy as f64 / 1e6 / billed_ms as f64).min(1.0),
        at_once: (running as f64 / busy as f64).max(1.0),
        recorded,
    })
}

/// One instance, all times in nanoseconds.
struct Instance {
    /// Ends of the calls that are in it.
    ends: Vec<u128>,
    /// Since when there is always one.
    since: u128,
    until: u128,
    busy: u128,
    billed_ms: u128,
}

impl Instance {
    fn begun(from: u128, until: u128) -> Instance {
        Instance {
            ends: vec![until],
            since: from,
            until,
            busy: 0,
            billed_ms: 0,
        }
    }

    fn has_room(&mut self, at: u128, most: u32) -> bool {
        self.ends.retain(|end| *end > at);
        self.ends.len() < most.max(1) as usize
    }

    fn take(&mut self, provider: &Provider, from: u128, until: u128) {
        if from >= self.until {
            self.end(provider);
            self.since = from;
        }
        self.until = self.until.max(until);
        self.ends.push(until);
    }

    /// Bills the time since there was always a call in it.
    fn end(&mut self, provider: &Provider) {
        let busy = self.until - self.since;
        let time = Nanos(u64::try_from(busy).unwrap_or(u64::MAX));
        self.busy += busy;
        self.billed_ms += u128::from(billed_ms(provider, time));
    }
}

/// When a call came, milliseconds since 1970-01-01 UTC, where that is known.
pub(crate) fn arrival(trace: &Trace) -> Option<u64> {
    let is_time = trace.is_of_a_stream() && trace.started_unix_ms >= FIRST_TIME;
    is_time.then_some(trace.started_unix_ms)
}

/// Calls that share an instance of this size at most: what is asked, and what the provider lets.
pub(crate) fn at_most(provider: &Provider, size: &Size, asked: u32) -> u32 {
    match &provider.concurrency {
        Some(shared) if size.vcpu >= shared.least_vcpu => asked.min(shared.most),
        _ => 1,
    }
}
