//! What Linux says about this process and its threads. Best effort: where `/proc` is absent the answer is `None`.

use std::fs;
use trace::{Bytes, Nanos};

/// Resident memory of this process.
pub(crate) fn resident_bytes() -> Option<Bytes> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(Bytes(pages * rustix::param::page_size() as u64))
}

/// CPU time of the calling thread so far.
pub(crate) fn thread_cpu_time() -> Nanos {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Nanos(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

/// The calling thread, to ask for its CPU time from another one.
pub(crate) fn current_thread() -> ThreadId {
    ThreadId(rustix::thread::gettid().as_raw_nonzero().get())
}

/// A thread of this process.
#[derive(Clone, Copy)]
pub(crate) struct ThreadId(i32);

impl ThreadId {
    /// CPU time of that thread so far; `None` where the system does not tell.
    pub(crate) fn cpu_time(self) -> Option<Nanos> {
        let text = fs::read_to_string(format!("/proc/self/task/{}/schedstat", self.0)).ok()?;
        text.split_whitespace().next()?.parse().ok().map(Nanos)
    }
}
