//! Workers of one function: calls go to whichever is idle, and a worker that is lost is replaced.

use crate::{
    frame::{self, Load, MakeCall, Reply},
    moment::unix_ms,
};
use anyhow::{Context, bail};
use host::Body;
use std::{
    path::PathBuf,
    process::Stdio,
    time::{Duration, SystemTime},
};
use tokio::{
    process::{Child, ChildStdin, ChildStdout, Command},
    sync::{Mutex, Semaphore},
    time::timeout,
};
use trace::{Input, Machine, Outcome, Trace};

/// A worker keeps the deadline itself; this much later it is held to be lost, and killed. Reading and hashing a large
/// input come before the deadline begins, hence the length.
const GRACE: Duration = Duration::from_secs(60);

/// What all workers of a pool load.
#[derive(Clone)]
pub(crate) struct Loaded {
    pub(crate) id: trace::FunctionId,
    pub(crate) wasm: std::sync::Arc<Vec<u8>>,
    pub(crate) selection: trace::Selection,
    pub(crate) cpu_period: Option<trace::Nanos>,
    pub(crate) cache: Option<PathBuf>,
    /// What its calls run on.
    pub(crate) machine: Machine,
}

/// Workers of one function.
pub(crate) struct Pool {
    loaded: Loaded,
    places: Semaphore,
    idle: Mutex<Vec<Worker>>,
}

/// How a call ended, seen from outside.
pub(crate) enum Answer {
    /// It ended, in whatever way.
    Ended(Box<Trace>),
    /// It could not begin.
    Refused(String),
}

struct Worker {
    process: Child,
    /// The number of the process, once it was given a scratch directory: ended in the middle of a call, it leaves that.
    scratch_of: Option<u32>,
    requests: ChildStdin,
    answers: ChildStdout,
}

impl Pool {
    /// At most `workers` calls at the same time. Workers are started when they are first needed.
    pub(crate) fn new(loaded: Loaded, workers: usize) -> Pool {
        Pool {
            loaded,
            places: Semaphore::new(workers),
            idle: Mutex::default(),
        }
    }

    /// Makes one call, when a place is free.
    pub(crate) async fn call(&self, call: MakeCall) -> anyhow::Result<Answer> {
        let _place = self.places.acquire().await.context("the pool is closed")?;
        let mut worker = match self.idle_worker().await {
            Some(worker) => worker,
            None => self.start().await?,
        };
        let started_unix_ms = unix_ms(SystemTime::now());
        let longest = Duration::from_nanos(call.limits.timeout.0) + GRACE;
        match timeout(longest, worker.make(&call)).await {
            Ok(Ok((Reply::Ended { trace }, _))) => {
                if trace.outcome != Outcome::TimedOut {
                    self.idle.lock().await.push(worker);
                }
                Ok(Answer::Ended(trace))
            }
            Ok(Ok((Reply::Refused { why }, _))) => {
                self.idle.lock().await.push(worker);
                Ok(Answer::Refused(why))
            }
            Ok(Ok((Reply::Ready, _))) => bail!("a worker answered out of turn"),
            Ok(Err(_)) => {
                // It may still be alive, waiting for more; then it would be waited for without end.
                let _ = worker.process.start_kill();
                let how = worker
                    .process
                    .wait()
                    .await
                    .context("cannot ask how a worker ended")?;
                let why = format!("its worker process ended: {how}");
                Ok(self.lost(&call, started_unix_ms, Outcome::Failed, why)?)
            }
            Err(_) => {
                let _ = worker.process.kill().await;
                let why = "its worker process did not answer and was killed".to_owned();
                Ok(self.lost(&call, started_unix_ms, Outcome::TimedOut, why)?)
            }
        }
    }

    /// An idle worker that is still alive: one that was killed in the meantime fails no call.
    async fn idle_worker(&self) -> Option<Worker> {
        let mut idle = self.idle.lock().await;
        while let Some(mut worker) = idle.pop() {
            if matches!(worker.process.try_wait(), Ok(None)) {
                return Some(worker);
            }
        }
        None
    }

    async fn start(&self) -> anyhow::Result<Worker> {
        let program =
            std::env::current_exe().context("cannot find this program to start workers")?;
        let mut process = Command::new(program)
            .arg("worker")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C is for the process that the user started; it ends its workers when it is ready.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .context("cannot start a worker process")?;
        let (Some(requests), Some(answers)) = (process.stdin.take(), process.stdout.take()) else {
            bail!("a worker process has no pipes");
        };
        let mut worker = Worker {
            scratch_of: None,
            process,
            requests,
            answers,
        };
        let load = Load {
            name: self.loaded.id.name.clone(),
            selection: self.loaded.selection.clone(),
            cpu_period: self.loaded.cpu_period,
            cache: self.loaded.cache.clone(),
            build: None,
        };
        frame::send_to(&mut worker.requests, &load, &self.loaded.wasm)
            .await
            .context("a worker ended early")?;
        match frame::receive_from(&mut worker.answers)
            .await
            .context("a worker ended early")?
            .0
        {
            Reply::Ready => Ok(worker),
            Reply::Refused { why } => bail!("{why}"),
            Reply::Ended { .. } => bail!("a worker answered out of turn"),
        }
    }

    /// The trace of a call whose worker is gone: nothing was measured, but the call is not forgotten.
    fn lost(
        &self,
        call: &MakeCall,
        started_unix_ms: u64,
        outcome: Outcome,
        why: String,
    ) -> anyhow::Result<Answer> {
        let function = self.loaded.id.clone();
        let input = Input {
            label: call.event.label.clone(),
            digest: call.event.digest(&call.entry)?,
        };
        let limits = call.limits;
        let trace = Trace {
            started_unix_ms,
            outcome,
            failure: Some(why),
            observations: host::input_features(&call.event)?,
            wall: trace::Nanos(
                unix_ms(SystemTime::now()).saturating_sub(started_unix_ms) * 1_000_000,
            ),
            contended: call.contended,
            machine: self.loaded.machine.clone(),
            ..Trace::nothing_measured(function, input, limits)
        };
        Ok(Answer::Ended(Box::new(trace)))
    }
}

/// A worker that ended in the middle of a call may have left files.
impl Drop for Worker {
    fn drop(&mut self) {
        // It is killed when it is dropped anyway; what no longer runs writes no more files.
        let _ = self.process.start_kill();
        if let Some(number) = self.scratch_of {
            host::remove_scratch_of(number);
        }
    }
}

impl Worker {
    async fn make(&mut self, call: &MakeCall) -> std::io::Result<(Reply, Vec<u8>)> {
        if call.event.scratch.is_some() {
            self.scratch_of = self.process.id();
        }
        let body: &[u8] = match &call.event.body {
            Body::Bytes(bytes) => bytes,
            Body::Empty | Body::File(_) | Body::Inherited => &[],
        };
        frame::send_to(&mut self.requests, call, body).await?;
        frame::receive_from(&mut self.answers).await
    }
}
