//! Calls that are served: many in one process, asynchronously, each in a sandbox of its own unless it is said otherwise.
//!
//! What differs from [`Function::invoke`]: guests take turns, so that one which loops for ever keeps no other from running;
//! a call is stopped by dropping it, not by ending a process; memory is shared among the calls by whoever
//! [`Grants`] it; there is no thread per call, so the timeline has points where the guest allocates and none between.
//!
//! Not here: HTTP servers, queues, who gets how much. A request and its answer are values.

mod clock;
mod grants;
mod http;

pub use grants::{Grants, Growing};
pub use http::{Ahead, BodyError, GuestBody, HttpCall, Outbound};

pub(crate) use http::Http;

use crate::{
    Call, Entry, Finished, Function, InvokeError,
    guest::{Running, Target},
    meter::RefusedBy,
    outcome::Ending,
    sandbox::{Sandbox, Times, memory_addresses},
    stdio::{Log, OutputRoom},
};
use clock::{CpuTime, OnCpu};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use trace::{Bytes, Nanos, Observed, Outcome};
use wasmtime::WasmBacktrace;

/// What a served call is given beside what every call is.
#[derive(Clone, Default)]
pub struct Service {
    /// What is known of the call before it begins: [`input_features`](crate::input_features) of its event.
    pub input: Vec<Observed>,
    /// Who shares the memory of this machine among the calls. Nobody: the limit alone counts.
    pub grants: Option<Arc<dyn Grants>>,
    /// Where its standard error goes, and of a component that answers requests its standard output too.
    pub log: Option<Arc<dyn Log>>,
    /// Who shares the memory for what guests print. Nobody: what the call is allowed alone counts.
    pub room: Option<Arc<dyn OutputRoom>>,
    /// Which hosts it may ask.
    pub outbound: Arc<Outbound>,
}

/// Why a call was stopped from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stop {
    /// How it counts.
    pub outcome: Outcome,
    /// One sentence.
    pub why: String,
}

/// A sandbox that has made a call, for the next one. Its guest has in memory what that call has left there.
pub struct Used {
    sandbox: Sandbox,
    running: Running,
    calls: u32,
}

impl Used {
    /// What its guest has: its memories, and what its tables have grown by.
    pub fn taken(&self) -> Bytes {
        self.sandbox.taken()
    }

    /// Calls it has made.
    pub fn calls(&self) -> u32 {
        self.calls
    }
}

/// Which sandbox a call gets, and what becomes of it.
pub struct Turn {
    /// One of this function that has made calls; a fresh one where there is none.
    pub used: Option<Used>,
    /// Once the guest has done what it was to do, the sandbox is [`Served::left`].
    pub leaves: bool,
}

/// A served call that has ended.
pub struct Served {
    /// What was recorded, and the output.
    pub finished: Finished,
    /// From the begin of the call until its guest could run.
    pub init: Nanos,
    /// Functions of the guest in which it failed, innermost first; empty where it did not, or where that is not known.
    pub stack: Vec<String>,
    /// Of a component that answers requests, the bytes of its answer that were read so far, which goes on after its end.
    pub passed: Option<Arc<AtomicU64>>,
    /// Whether it was stopped from outside, or at its deadline.
    pub stopped: bool,
    /// Whether it failed for want of memory that its limit would have allowed and other calls had.
    pub starved: bool,
    /// Whether somebody else can have noticed that the call was made: then making it again is another thing.
    pub had_effect: bool,
    /// Calls that its sandbox had made before.
    pub reused: u32,
    /// Its sandbox, where it was to be left, and the guest has not failed and has nothing of the request any more.
    pub left: Option<Used>,
}

impl Function {
    /// Makes one call on the thread that polls it. Dropping the future stops the guest; to have a record of it too,
    /// let `stop` become ready.
    ///
    /// The function must have been loaded with an engine of [`Engine::serving`](crate::Engine::serving).
    ///
    /// # Errors
    ///
    /// See [`InvokeError`]. Whatever the guest does once it runs is an outcome in the trace, not an error.
    pub async fn serve(
        &self,
        call: &Call,
        service: &Service,
        http: Option<HttpCall>,
        turn: Turn,
        stop: impl Future<Output = Stop>,
    ) -> Result<Served, InvokeError> {
        let mut target = match &call.entry {
            Entry::Http => Target::Http,
            entry => self.guest.target(entry, &call.event.args)?,
        };
        let mut started = Started::default();
        let mut reused = 0;
        let mut sandbox = match turn.used {
            None => Sandbox::set_up(self, call, service)?,
            Some(mut used) => {
                used.sandbox.begin_anew(call, service)?;
                target = target.again();
                reused = used.calls;
                started.running = Some(used.running);
                used.sandbox
            }
        };
        sandbox.share(service, self);
        let request = match http {
            Some(http) => Some(http::begin(&mut sandbox, http)?),
            None => None,
        };
        let broken = request.as_ref().map(http::Request::broken);
        let kept = request.as_ref().map(http::Request::kept);
        let passed = request.is_some().then(|| sandbox.output());
        let timeout = Duration::from_nanos(call.limits.timeout.0);
        let begun = Instant::now();
        let cpu = CpuTime::default();
        let ended = {
            let guest = OnCpu::new(
                run(&mut sandbox, self, &target, request, &mut started),
                &cpu,
            );
            tokio::select! {
                biased;
                // First: for a short call nothing has to be set up that would stop it.
                result = guest => Ok(result),
                why = stop => Err(why),
                () = tokio::time::sleep(timeout) => Err(Stop {
                    outcome: Outcome::TimedOut,
                    why: format!("still running after {}", call.limits.timeout),
                }),
            }
        };
        if let (Some(broken), Err(_) | Ok(Err(_))) = (&broken, &ended) {
            broken.store(true, Ordering::Release);
        }
        let stack = match &ended {
            Ok(Err(error)) => stack(error),
            _ => Vec::new(),
        };
        let had_effect = sandbox.had_effect();
        let refused_last = sandbox.refused_by();
        let times = Times {
            wall: begun.elapsed().into(),
            cpu: cpu.sum(),
        };
        let init = started.init.unwrap_or(times.wall);
        let stopped = ended.is_err();
        let mut left = None;
        let finished = match (ended, started.running) {
            // A body that the guest still has would be in nobody's account.
            (Ok(Ok(results)), Some(running))
                if turn.leaves && kept.is_none_or(|kept| Arc::strong_count(&kept) == 1) =>
            {
                let finished = sandbox.finish_call(self, results, &running, times);
                left = Some(Used {
                    sandbox,
                    running,
                    calls: reused.saturating_add(1),
                });
                finished
            }
            (Ok(result), running) => sandbox.finish(self, result, running, times, None),
            (Err(stop), running) => {
                let ending = Ending {
                    outcome: stop.outcome,
                    exit_code: None,
                    failure: Some(stop.why),
                };
                sandbox.finish(self, Ok(Vec::new()), running, times, Some(ending))
            }
        };
        Ok(Served {
            passed,
            stopped,
            starved: finished.trace.outcome == Outcome::Limited
                && matches!(refused_last, Some(RefusedBy::Machine(_))),
            finished,
            init,
            stack,
            had_effect,
            reused,
            left,
        })
    }
}

/// What there is of a guest that has begun.
#[derive(Default)]
struct Started {
    running: Option<Running>,
    init: Option<Nanos>,
}

async fn run(
    sandbox: &mut Sandbox,
    function: &Function,
    target: &Target,
    request: Option<http::Request>,
    started: &mut Started,
) -> wasmtime::Result<Vec<String>> {
    let begun = Instant::now();
    let store = sandbox.store();
    let running = match started.running.take() {
        Some(running) => running,
        None => {
            let running = function.guest.instantiate_async(&mut *store).await?;
            if store.data().looks {
                let addresses = memory_addresses(store, &running, function);
                store.data().timeline.begin_looking_in_slot(addresses);
            }
            running
        }
    };
    started.init = Some(begun.elapsed().into());
    let running = started.running.insert(running);
    match request {
        Some(request) => http::call(store, running, function, request).await,
        None => running.call_async(store, target).await,
    }
}

/// Functions in which a guest failed, innermost first.
fn stack(error: &wasmtime::Error) -> Vec<String> {
    let Some(trace) = error.downcast_ref::<WasmBacktrace>() else {
        return Vec::new();
    };
    let names = trace.frames().iter().map(|frame| match frame.func_name() {
        Some(name) => probe::demangle(name).to_string(),
        None => format!("function {}", frame.func_index()),
    });
    names.collect()
}
