//! One function as it is served: its workers, its limits, and how often its recommendation is learned anew.

use crate::{
    allowance::LimitArgs,
    analysis::{Configured, SizingArgs},
    frame::MakeCall,
    guest::Guest,
    metrics::Metrics,
    pool::{Answer, Loaded, Pool},
};
use host::{Entry, Event, Output};
use std::{
    path::Path,
    sync::atomic::{AtomicU64, Ordering},
};
use store::{Detail, Filter, Store};
use trace::{Bytes, Limits};

/// Learned anew after so many calls.
const CALLS_BETWEEN_LESSONS: u64 = 100;

/// Calls looked back on when learning while serving.
const LOOK_BACK: usize = 1000;

/// Largest answer kept in memory.
const LARGEST_ANSWER: u64 = 16 << 20;

/// A function being served.
pub(super) struct Deployment {
    pub(super) name: String,
    pub(super) limits: Limits,
    pool: Pool,
    loaded: Loaded,
    entry: Entry,
    configured: Configured,
    sizing: SizingArgs,
    args: Vec<String>,
    env: Vec<(String, String)>,
    scratch: Option<Bytes>,
    calls: AtomicU64,
}

impl Deployment {
    /// Makes the function of a folder ready.
    pub(super) fn prepare(
        folder: &Path,
        workers: usize,
        limits: &LimitArgs,
        sizing: SizingArgs,
    ) -> anyhow::Result<Deployment> {
        let guest = Guest::find(folder)?;
        let ready = guest.ready(guest.config.watch.clone(), None, None)?;
        let loaded = ready.for_workers(&guest);
        Ok(Deployment {
            entry: ready.entry,
            pool: Pool::new(loaded.clone(), workers),
            loaded,
            limits: limits.limits(&guest.config.limits),
            scratch: limits.scratch(&guest.config.limits),
            configured: Configured {
                failure_rate: guest.config.recommend.failure_rate,
                memory: guest.config.function.memory,
            },
            sizing,
            args: guest.config.function.args.clone(),
            env: guest.config.function.env.clone().into_iter().collect(),
            name: guest.name,
            calls: AtomicU64::new(0),
        })
    }

    /// Makes one call.
    pub(super) async fn call(&self, mut event: Event) -> anyhow::Result<Answer> {
        event.args.clone_from(&self.args);
        event.env.clone_from(&self.env);
        event.scratch = self.scratch;
        let call = MakeCall {
            event,
            entry: self.entry.clone(),
            limits: self.limits,
            output: Output::Capture {
                most: LARGEST_ANSWER,
            },
            rate_hz: 199.0,
            contended: true,
            touched: false,
            seed: 0,
        };
        self.pool.call(call).await
    }

    /// Counts a call; whether it is time to learn again.
    pub(super) fn is_time_to_learn(&self) -> bool {
        (self.calls.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(CALLS_BETWEEN_LESSONS)
    }

    /// Learns from what is recorded and publishes the recommendation. Without enough calls there is none.
    pub(super) fn refresh(&self, store: &Store, metrics: &Metrics) {
        let filter = Filter {
            function: Some(self.loaded.id.name.clone()),
            digest: Some(self.loaded.id.digest.clone()),
            newest: Some(LOOK_BACK),
            detail: Detail::Summary,
            ..Filter::default()
        };
        let Ok(traces) = store.traces(&filter) else {
            return;
        };
        if traces.is_empty() {
            return;
        }
        if let Ok(profile) = self.sizing.learn(&self.loaded.id, &traces, self.configured)
            && let Some(recommendation) = &profile.recommendation
        {
            metrics.recommend(&self.name, recommendation);
        }
    }
}
