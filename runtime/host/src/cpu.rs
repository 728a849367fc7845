//! Where a call spends its time: its stack, taken a thousand times a second by the guest's own thread.
//!
//! The engine can be made to look at a number in every loop and at every function's entry, and to call the host when that
//! number has risen (epochs). A thread raises it. That check is what it costs, whatever the rate, so it is compiled only
//! into guests whose time is asked for. A sample weighs the CPU time since the one before: what ticks were lost to a busy
//! machine, or to a call of the host that took long, is not lost. What passes after the last sample is in none.

use crate::{
    process::thread_cpu_time,
    stacks::{Innermost, Stacks, Symbolizer},
    state::State,
};
use probe::CodeMap;
use std::{
    io,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};
use trace::{CpuProfile, CpuSample, Nanos};
use wasmtime::{Store, StoreContextMut, UpdateDeadline, WasmBacktrace};

/// After so many samples every second tick is left out, after so many more every second of those, and so on.
const SAMPLES_PER_STEP: usize = 10_000;

/// The samples of one call so far, shared with the thread that gives up on a call that does not end.
#[derive(Clone)]
pub(crate) struct CpuSamples {
    period: Nanos,
    taken: Arc<Mutex<Taken>>,
}

#[derive(Default)]
struct Taken {
    stacks: Stacks,
    samples: Vec<CpuSample>,
    /// CPU time of the guest's thread when the last sample had been taken.
    until: Nanos,
}

impl CpuSamples {
    /// None yet. From now on `store` takes them, as often as the epoch rises, on the thread that is calling.
    pub(crate) fn of(store: &mut Store<State>, period: Nanos) -> CpuSamples {
        let samples = CpuSamples {
            period,
            taken: Arc::default(),
        };
        samples.lock().until = thread_cpu_time();
        let taker = samples.clone();
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(move |store| Ok(taker.take(&store)));
        samples
    }

    fn take(&self, store: &StoreContextMut<'_, State>) -> UpdateDeadline {
        let at = store.data().meter.elapsed();
        let now = thread_cpu_time();
        let backtrace = WasmBacktrace::force_capture(store);
        let taken = &mut *self.lock();
        let stack = taken.stacks.enter(&backtrace);
        taken.samples.push(CpuSample {
            at,
            stack,
            cpu: Nanos(now.0.saturating_sub(taken.until.0)),
        });
        let steps = (taken.samples.len() / SAMPLES_PER_STEP).min(32);
        // What taking the sample took is nobody's.
        taken.until = thread_cpu_time();
        UpdateDeadline::Continue(1 << steps)
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The samples so far, readable.
    pub(crate) fn profile(&self, symbolizer: &Symbolizer, map: &CodeMap) -> CpuProfile {
        let taken = self.lock();
        let (table, positions) = symbolizer.resolve(&taken.stacks, map, Innermost::Running);
        let samples = taken.samples.iter().map(|sample| CpuSample {
            stack: positions[sample.stack as usize],
            ..*sample
        });
        CpuProfile {
            period: self.period,
            table,
            samples: samples.collect(),
        }
    }
}

/// A thread that raises the epoch of an engine. Dropping it ends the thread.
pub(crate) struct Ticker {
    ended: Arc<(Mutex<bool>, Condvar)>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Ticker {
    pub(crate) fn start(engine: &wasmtime::Engine, period: Nanos) -> io::Result<Ticker> {
        let ended = Arc::new((Mutex::new(false), Condvar::new()));
        let (engine, shared) = (engine.clone(), ended.clone());
        let period = Duration::from_nanos(period.0);
        let thread = thread::Builder::new()
            .name("ticker".to_owned())
            .spawn(move || {
                let (ended, changed) = &*shared;
                let mut state = ended.lock().unwrap_or_else(PoisonError::into_inner);
                while !*state {
                    (state, _) = changed
                        .wait_timeout_while(state, period, |ended| !*ended)
                        .unwrap_or_else(PoisonError::into_inner);
                    engine.increment_epoch();
                }
            })?;
        Ok(Ticker {
            ended,
            thread: Some(thread),
        })
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        let (ended, changed) = &*self.ended;
        *ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        changed.notify_all();
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and the call has ended either way.
            let _ = thread.join();
        }
    }
}
