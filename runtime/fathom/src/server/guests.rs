//! The threads that run guests: as many as there are processors, each with its own queue. A call begins where the fewest
//! are; one that goes on for some turns moves to a thread that has nothing to do. So a short call, which most are, wakes one
//! thread and no other: threads that looked into each other's queues took a sixth of its time.
//!
//! Nothing else runs here. Not here: what a call is (`call`), and who may begin (`admission`).

use anyhow::Context;
use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    task::{self, Poll},
    thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::{Builder, Handle, Runtime},
    sync::watch,
};

/// So many turns are taken before it is looked for what else is ready: a guest may run for a whole turn. Not after each, or
/// what waits in a thread's own queue would never come to it.
const TURNS: u32 = 3;

/// Turns after which a call looks whether it would have a thread for itself elsewhere.
const SETTLED: u32 = 4;

/// How long the threads are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(2);

/// All of them.
pub(crate) struct Guests {
    threads: Arc<[Thread]>,
    stop: watch::Sender<bool>,
    ended: Mutex<mpsc::Receiver<()>>,
}

/// What the others know of one.
struct Thread {
    handle: Handle,
    /// Calls that are there.
    calls: AtomicUsize,
}

impl Guests {
    /// Starts so many.
    ///
    /// # Errors
    ///
    /// Where the system gives no thread.
    pub(crate) fn start(number: usize) -> anyhow::Result<Guests> {
        let (stop, stopped) = watch::channel(false);
        let (ends, ended) = mpsc::channel();
        let mut threads = Vec::with_capacity(number);
        for _ in 0..number.max(1) {
            let runtime = Builder::new_current_thread()
                .enable_all()
                .event_interval(TURNS)
                .global_queue_interval(TURNS)
                .build()
                .context("cannot start the threads of guests")?;
            threads.push(Thread {
                handle: runtime.handle().clone(),
                calls: AtomicUsize::new(0),
            });
            let (stopped, ends) = (stopped.clone(), ends.clone());
            thread::Builder::new()
                .name("guests".to_owned())
                .spawn(move || run(runtime, stopped, ends))
                .context("cannot start the threads of guests")?;
        }
        Ok(Guests {
            threads: threads.into(),
            stop,
            ended: Mutex::new(ended),
        })
    }

    /// Runs a call to its end.
    pub(crate) fn spawn(&self, call: impl Future<Output = ()> + Send + 'static) {
        let calls = self.threads.iter().map(|thread| &thread.calls);
        let fewest = calls
            .enumerate()
            .min_by_key(|(_, calls)| calls.load(Ordering::Relaxed));
        let number = fewest.map_or(0, |(number, _)| number);
        self.threads[number].calls.fetch_add(1, Ordering::Relaxed);
        begin(self.threads.clone(), number, Box::pin(call));
    }

    /// Ends the threads and drops the calls that are still there.
    pub(crate) fn stop(&self) {
        // Nobody listens where none runs any more.
        let _ = self.stop.send(true);
        let until = Instant::now() + PATIENCE;
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        for _ in 0..self.threads.len() {
            let left = until.saturating_duration_since(Instant::now());
            if ended.recv_timeout(left).is_err() {
                // A guest that cannot be interrupted ends with the process.
                return;
            }
        }
    }
}

fn run(runtime: Runtime, mut stopped: watch::Receiver<bool>, ends: mpsc::Sender<()>) {
    // Its sender is gone, or has said so: that is the end, too.
    let _ = runtime.block_on(stopped.wait_for(|stopped| *stopped));
    runtime.shutdown_timeout(PATIENCE / 2);
    // Nobody may wait.
    let _ = ends.send(());
}

type Call = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Puts a call on a thread that has counted it.
fn begin(threads: Arc<[Thread]>, number: usize, call: Call) {
    let handle = threads[number].handle.clone();
    handle.spawn(Here {
        call: Some(call),
        turns: 0,
        threads,
        number,
    });
}

/// A call on a thread.
struct Here {
    /// `None` once it has moved.
    call: Option<Call>,
    turns: u32,
    threads: Arc<[Thread]>,
    number: usize,
}

impl Future for Here {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        let Some(call) = &mut self.call else {
            return Poll::Ready(());
        };
        if call.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        self.turns += 1;
        if self.turns.is_multiple_of(SETTLED)
            && let Some(number) = self.elsewhere()
            && let Some(call) = self.call.take()
        {
            begin(self.threads.clone(), number, call);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Here {
    /// A thread that has nothing to do, where this one has more than this call. It has counted the call.
    fn elsewhere(&self) -> Option<usize> {
        let alone = self.threads[self.number].calls.load(Ordering::Relaxed) < 2;
        let claim = |thread: &Thread| {
            thread
                .calls
                .compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        (!alone).then(|| self.threads.iter().position(claim))?
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.threads[self.number]
            .calls
            .fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashSet, sync::mpsc};

    /// A call that takes its turns as a guest that loops does, until told to stop.
    async fn loops(until: Arc<AtomicUsize>, seen: mpsc::Sender<thread::ThreadId>) {
        while until.load(Ordering::Relaxed) == 0 {
            let _ = seen.send(thread::current().id());
            thread::sleep(Duration::from_micros(100));
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn a_long_call_moves_to_a_thread_that_has_nothing_to_do() {
        let guests = Guests::start(2).unwrap();
        let ends = [(); 3].map(|()| Arc::new(AtomicUsize::new(0)));
        let (seen, first) = mpsc::channel();
        let (other, third) = mpsc::channel();
        guests.spawn(loops(ends[0].clone(), seen));
        guests.spawn(loops(ends[1].clone(), mpsc::channel().0));
        guests.spawn(loops(ends[2].clone(), other));
        // The first and the third share a thread as long as the second runs.
        let place = first.recv().unwrap();
        assert_eq!(third.recv().unwrap(), place);
        ends[1].store(1, Ordering::Relaxed);
        let mut places: HashSet<_> = HashSet::new();
        let until = Instant::now() + Duration::from_secs(60);
        while places.len() < 2 {
            assert!(Instant::now() < until, "none of them has moved");
            places.extend(first.try_iter().chain(third.try_iter()));
        }
        for end in &ends {
            end.store(1, Ordering::Relaxed);
        }
        guests.stop();
    }

    #[test]
    fn what_still_runs_at_the_end_is_dropped() {
        struct Told(mpsc::Sender<()>);
        impl Drop for Told {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let guests = Guests::start(1).unwrap();
        let (tell, told) = mpsc::channel();
        let held = Told(tell);
        guests.spawn(async move {
            let _held = held;
            std::future::pending::<()>().await;
        });
        guests.stop();
        assert_eq!(told.recv_timeout(Duration::from_secs(60)), Ok(()));
    }
}
