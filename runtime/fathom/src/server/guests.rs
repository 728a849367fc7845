//! The threads that run guests: as many as there are processors, each with its own queue. A call begins where the fewest
//! compute; one that computes for some turns moves to a thread on which none does. So a short call, which most are, wakes one
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

/// A guest that goes on for so long computes. Its turn ends after 5 ms at most.
const LONG: Duration = Duration::from_millis(1);

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
    /// Those of them that compute: they went on until their turn was over. The others wait for something.
    computing: AtomicUsize,
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
                computing: AtomicUsize::new(0),
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
        let fewest = self.threads.iter().enumerate().min_by_key(|(_, thread)| {
            let computing = thread.computing.load(Ordering::Relaxed);
            (computing, thread.calls.load(Ordering::Relaxed))
        });
        let number = fewest.map_or(0, |(number, _)| number);
        begin(self.threads.clone(), number, Box::pin(call), false);
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

/// Puts a call on a thread, which has counted it among those that compute where it `computes`.
fn begin(threads: Arc<[Thread]>, number: usize, call: Call, computes: bool) {
    let thread = &threads[number];
    thread.calls.fetch_add(1, Ordering::Relaxed);
    let handle = thread.handle.clone();
    handle.spawn(Here {
        call: Some(call),
        turns: 0,
        computes,
        threads,
        number,
    });
}

/// A call on a thread.
struct Here {
    /// `None` once it has moved.
    call: Option<Call>,
    turns: u32,
    computes: bool,
    threads: Arc<[Thread]>,
    number: usize,
}

impl Future for Here {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut task::Context<'_>) -> Poll<()> {
        let Some(call) = &mut self.call else {
            return Poll::Ready(());
        };
        let begun = Instant::now();
        if call.as_mut().poll(context).is_ready() {
            return Poll::Ready(());
        }
        let computes = begun.elapsed() >= LONG;
        self.set_computes(computes);
        self.turns += 1;
        if computes
            && self.turns.is_multiple_of(SETTLED)
            && let Some(number) = self.elsewhere()
            && let Some(call) = self.call.take()
        {
            begin(self.threads.clone(), number, call, true);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Here {
    fn set_computes(&mut self, computes: bool) {
        let computing = &self.threads[self.number].computing;
        match (self.computes, computes) {
            (false, true) => computing.fetch_add(1, Ordering::Relaxed),
            (true, false) => computing.fetch_sub(1, Ordering::Relaxed),
            _ => return,
        };
        self.computes = computes;
    }

    /// A thread on which no call computes, where here another one does. It has counted this one.
    fn elsewhere(&self) -> Option<usize> {
        let here = &self.threads[self.number];
        let alone = here.computing.load(Ordering::Relaxed) < 2;
        let claim = |thread: &Thread| {
            thread
                .computing
                .compare_exchange(0, 1, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        (!alone).then(|| self.threads.iter().position(claim))?
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        self.set_computes(false);
        let here = &self.threads[self.number];
        here.calls.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A call that takes its turns as a guest that loops does, until told to stop. Says where it is.
    async fn loops(ends: Arc<AtomicUsize>, says: mpsc::Sender<thread::ThreadId>) {
        while ends.load(Ordering::Relaxed) == 0 {
            let _ = says.send(thread::current().id());
            thread::sleep(2 * LONG);
            tokio::task::yield_now().await;
        }
    }

    #[test]
    fn a_long_call_moves_to_a_thread_that_has_nothing_to_do() {
        let guests = Guests::start(2).unwrap();
        let calls = [(); 3].map(|()| {
            let ends = Arc::new(AtomicUsize::new(0));
            let (says, place) = mpsc::channel();
            guests.spawn(loops(ends.clone(), says));
            (ends, place)
        });
        let until = Instant::now() + Duration::from_secs(60);
        // Where each of some calls is, once that is as wanted.
        let places = |of: [usize; 3], wanted: fn([thread::ThreadId; 3]) -> bool| loop {
            assert!(Instant::now() < until, "they do not come to be so");
            let now = of.map(|call| {
                let place = &calls[call].1;
                let first = place.recv_timeout(Duration::from_secs(60)).unwrap();
                place.try_iter().last().unwrap_or(first)
            });
            if wanted(now) {
                return now;
            }
        };
        let now = places([0, 1, 2], |[a, b, c]| a != b || b != c);
        let alone = (0..3).find(|call| now.iter().filter(|at| **at == now[*call]).count() == 1);
        let alone = alone.unwrap();
        calls[alone].0.store(1, Ordering::Relaxed);
        let [one, other] = [(alone + 1) % 3, (alone + 2) % 3];
        places([one, other, other], |[a, b, _]| a != b);
        for (ends, _) in &calls {
            ends.store(1, Ordering::Relaxed);
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
