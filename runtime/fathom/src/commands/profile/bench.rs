//! The calls of a profile: made by workers, recorded one by one as they end, and made again under their limits.

use super::ProfileArgs;
use crate::{
    args::HeapMode,
    frame::MakeCall,
    guest::Guest,
    output, plan_file,
    pool::{Answer, Loaded, Pool},
    progress,
};
use anyhow::{Context as _, bail};
use host::{Entry, Event};
use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};
use store::{Detail, Filter, Store, TraceId};
use tokio::task::JoinSet;
use trace::{Limits, Nanos, Outcome, PredictivePlan, Profile, Selection, Trace, Verification};

/// The breakpoint that means everything.
const AUTO: &str = "auto";

/// A guest ready to be called, and how.
pub(super) struct Bench {
    pub(super) loaded: Loaded,
    pool: Arc<Pool>,
    pub(super) entry: Entry,
    limits: Limits,
    output: host::Output,
    rate_hz: f64,
    touched: bool,
    jobs: usize,
    calls_made: AtomicU64,
    /// What there is to say of what is observed.
    notes: Vec<String>,
    /// The plan that is armed, where it is one.
    pub(super) plan: Option<PredictivePlan>,
}

/// What a run has recorded.
pub(super) struct Run {
    pub(super) ids: Vec<TraceId>,
    pub(super) interrupted: bool,
}

impl Bench {
    /// Finds what is wrong with the guest, or with what is asked of it, before the first call. Where nobody says what to
    /// observe, everything is.
    pub(super) fn set_up(guest: &Guest, args: &ProfileArgs) -> anyhow::Result<Bench> {
        let spinner = progress::spinner(format!("preparing {}", guest.name));
        let mut armed = plan_file::armed(&args.watch, guest)?;
        armed.selection.heap = args.heap.sampling(&guest.config.heap, HeapMode::Sampled);
        if armed.selection.breakpoints.is_empty() && armed.selection.variables.is_empty() {
            armed.selection.breakpoints.push(AUTO.to_owned());
        }
        let bench = Bench::arm(guest, args, armed.selection, armed.plan)?;
        spinner.finish_and_clear();
        for note in &bench.notes {
            output::note(format_args!("note: {note}"));
        }
        if args.call.cpu_period().is_some() {
            output::note(
                "note: --cpu makes guests 1.2 to 1.7 times as slow: times and prices of this run are too large",
            );
        }
        Ok(bench)
    }

    /// A guest that is observed as a selection says.
    pub(super) fn arm(
        guest: &Guest,
        args: &ProfileArgs,
        selection: Selection,
        plan: Option<PredictivePlan>,
    ) -> anyhow::Result<Bench> {
        let ready = guest.ready(selection, args.call.invoke.clone(), args.call.cpu_period())?;
        let loaded = ready.for_workers(guest);
        Ok(Bench {
            pool: Arc::new(Pool::new(loaded.clone(), usize::from(args.jobs))),
            loaded,
            notes: ready.function.notes().map(str::to_owned).collect(),
            entry: ready.entry,
            limits: args.call.limits.limits(&guest.config.limits),
            output: args.call.limits.discard(&guest.config.limits),
            rate_hz: args.call.rate,
            touched: args.call.touched,
            jobs: usize::from(args.jobs),
            calls_made: AtomicU64::new(0),
            plan,
        })
    }

    /// Whether everything is observed, by default or because somebody wants it, and nothing that somebody has named.
    pub(super) fn observes_everything(&self) -> bool {
        let selection = &self.loaded.selection;
        selection.breakpoints == [AUTO] && selection.variables.is_empty()
    }

    /// Makes a call that is not recorded. It may take `at_least` so long.
    pub(super) async fn try_out(
        &self,
        event: Event,
        at_least: Option<Nanos>,
    ) -> anyhow::Result<Trace> {
        let limits = Limits {
            timeout: at_least.map_or(self.limits.timeout, |t| t.max(self.limits.timeout)),
            ..self.limits
        };
        trace_of(self.pool.call(self.call(event, limits)).await?)
    }

    /// Makes the next call the first one, whose allocations are chosen as in any other run.
    pub(super) fn forget_calls(&self) {
        self.calls_made.store(0, Ordering::Relaxed);
    }

    fn call(&self, event: Event, limits: Limits) -> MakeCall {
        MakeCall {
            event,
            entry: self.entry.clone(),
            limits,
            output: self.output,
            rate_hz: self.rate_hz,
            contended: self.jobs > 1,
            touched: self.touched,
            // Which allocations are looked at differs from call to call, so that together they show all.
            seed: self.calls_made.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Makes all calls, recording each as it ends. Ctrl-C stops after what has ended.
    pub(super) async fn run_all(&self, calls: &[Event], store: &mut Store) -> anyhow::Result<Run> {
        let bar = progress::bar(calls.len(), "profiling");
        let mut waiting = calls.iter();
        let mut running = JoinSet::new();
        let mut run = Run {
            ids: Vec::new(),
            interrupted: false,
        };
        loop {
            while running.len() < self.jobs
                && let Some(event) = waiting.next()
            {
                let (pool, call) = (self.pool.clone(), self.call(event.clone(), self.limits));
                running.spawn(async move { pool.call(call).await });
            }
            tokio::select! {
                ended = running.join_next() => match ended {
                    None => break,
                    Some(ended) => {
                        let trace = trace_of(ended.context("a call was lost")??)?;
                        bar.set_prefix(trace.input.label.clone());
                        bar.inc(1);
                        run.ids.push(store.append(&trace)?);
                    }
                },
                _ = tokio::signal::ctrl_c() => {
                    run.interrupted = true;
                    break;
                }
            }
        }
        bar.finish_and_clear();
        Ok(run)
    }

    /// Runs every input that succeeded again, under the limit recommended for it.
    /// Ctrl-C ends it without a verdict.
    pub(super) async fn verify(
        &self,
        events: &[Event],
        profile: &mut Profile,
    ) -> anyhow::Result<()> {
        let Some(recommendation) = &mut profile.recommendation else {
            return Ok(());
        };
        let bar = progress::bar(events.len(), "verifying");
        let mut verified = Verification {
            calls: 0,
            failures: 0,
            failed_inputs: Vec::new(),
        };
        let mut seen = BTreeSet::new();
        for event in events {
            bar.inc(1);
            let sized = recommendation
                .calls
                .iter()
                .find(|call| call.input == event.label && call.outcome == Outcome::Succeeded);
            let Some(sized) = sized.filter(|_| seen.insert(event.label.clone())) else {
                continue;
            };
            let limits = Limits {
                memory: sized.allocation_bytes,
                ..self.limits
            };
            let trace = tokio::select! {
                answer = self.pool.call(self.call(event.clone(), limits)) => trace_of(answer?)?,
                _ = tokio::signal::ctrl_c() => {
                    bar.finish_and_clear();
                    return Ok(());
                }
            };
            verified.calls += 1;
            if trace.outcome != Outcome::Succeeded {
                verified.failures += 1;
                verified.failed_inputs.push(event.label.clone());
            }
        }
        bar.finish_and_clear();
        recommendation.verified = Some(verified);
        Ok(())
    }
}

fn trace_of(answer: Answer) -> anyhow::Result<Trace> {
    match answer {
        Answer::Ended(trace) => Ok(*trace),
        Answer::Refused(why) => bail!("{why}"),
    }
}

/// The calls that are still to be made: each event so many times, less what is recorded of it already when resuming.
pub(super) fn calls_to_make(
    events: &[Event],
    repeat: u32,
    recorded: &HashMap<String, u32>,
    entry: &Entry,
) -> anyhow::Result<Vec<Event>> {
    let mut calls = Vec::new();
    for round in 0..repeat {
        for event in events {
            let made = if recorded.is_empty() {
                0
            } else {
                recorded.get(&event.digest(entry)?).copied().unwrap_or(0)
            };
            if round >= made {
                calls.push(event.clone());
            }
        }
    }
    Ok(calls)
}

impl Bench {
    /// How often each input, by digest, is recorded with success.
    pub(super) fn recorded(&self, store: &Store) -> anyhow::Result<HashMap<String, u32>> {
        let filter = Filter {
            function: Some(self.loaded.id.name.clone()),
            digest: Some(self.loaded.id.digest.clone()),
            detail: Detail::Summary,
            ..Filter::default()
        };
        let mut recorded = HashMap::new();
        store.each(&filter, |_, trace| {
            if trace.outcome == Outcome::Succeeded {
                *recorded.entry(trace.input.digest).or_default() += 1;
            }
        })?;
        Ok(recorded)
    }
}
