//! The CPU time of a call that shares its thread with others: the clock of the thread, summed up over each poll.

use crate::process::thread_cpu_time;
use std::{
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
};
use trace::Nanos;

/// A sum that grows while the call runs.
#[derive(Default)]
pub(super) struct CpuTime(AtomicU64);

impl CpuTime {
    pub(super) fn sum(&self) -> Nanos {
        Nanos(self.0.load(Ordering::Relaxed))
    }
}

/// A future whose polls are timed.
pub(super) struct OnCpu<'c, F> {
    inner: Pin<Box<F>>,
    time: &'c CpuTime,
}

impl<'c, F: Future> OnCpu<'c, F> {
    pub(super) fn new(inner: F, time: &'c CpuTime) -> OnCpu<'c, F> {
        OnCpu {
            inner: Box::pin(inner),
            time,
        }
    }
}

impl<F: Future> Future for OnCpu<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = thread_cpu_time();
        let polled = self.inner.as_mut().poll(context);
        let used = thread_cpu_time().0.saturating_sub(before.0);
        self.time.0.fetch_add(used, Ordering::Relaxed);
        polled
    }
}
