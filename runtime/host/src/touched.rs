//! Pages of the guest's memory that were really written to, over the time of one call.
//!
//! Looking costs some microseconds for each mebibyte written, so it is done seldom: by the thread of the timeline at
//! most twenty times a second, where the guest is in the host anyway at most every millisecond, and never for more than
//! a hundredth of the time. Honest only where an instance has fresh memory, nothing of a call before left in it.

use crate::pagemap::{self, Pagemap, PagemapError};
use std::{
    ops::Range,
    sync::Arc,
    time::{Duration, Instant},
};
use trace::{Bytes, Nanos, Touched};

/// The thread of the timeline looks at most so often.
const BY_TIMELINE: Duration = Duration::from_millis(50);
/// The thread of the guest, at a breakpoint, at most so often.
const BY_GUEST: Duration = Duration::from_millis(1);
/// After a look that took so long, so many times that passes before the next.
const REST: u32 = 100;
/// Looks kept per call. At this many every second one is dropped, and from then on they are half as frequent.
const MOST_LOOKS: usize = 1024;

/// Which thread looks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Thread {
    /// That of the timeline, while the guest goes on.
    Timeline,
    /// The guest's own, which waits.
    Guest,
}

/// The looks of one call.
pub(crate) struct Looks {
    pagemap: Arc<Result<Pagemap, PagemapError>>,
    /// Where the guest's memories can be; what is not committed is not present either. Empty until there is an instance,
    /// and once its store is about to go.
    addresses: Vec<Range<u64>>,
    looks: Vec<(Nanos, Bytes)>,
    /// When the last one ended, and how long must pass before the next.
    last: Option<(Instant, Duration)>,
    /// Doubled whenever looks are dropped.
    slower: u32,
    at_end: Option<Bytes>,
    failed: Option<String>,
}

impl Looks {
    pub(crate) fn new(pagemap: Arc<Result<Pagemap, PagemapError>>) -> Looks {
        Looks {
            pagemap,
            addresses: Vec::new(),
            looks: Vec::new(),
            last: None,
            slower: 1,
            at_end: None,
            failed: None,
        }
    }

    /// From now on there is something to look at, or not, and why.
    pub(crate) fn begin(&mut self, addresses: Result<Vec<Range<u64>>, String>) {
        match addresses {
            Ok(addresses) => {
                addresses.iter().for_each(pagemap::ordinary_pages);
                self.addresses = addresses;
            }
            Err(reason) => self.failed = Some(reason),
        }
    }

    /// The same where the memory is a slot that other calls may have had before: what they have left there cannot be told from
    /// what this one writes.
    pub(crate) fn begin_in_slot(&mut self, addresses: Result<Vec<Range<u64>>, String>) {
        self.begin(addresses);
        if self.written().is_some_and(|bytes| bytes > Bytes(0)) {
            let reason = "pages of its memory had been written to before it was called, perhaps by calls before";
            self.failed = Some(reason.to_owned());
            self.addresses.clear();
        }
    }

    /// Looks, if it is time to.
    pub(crate) fn look(&mut self, at: Nanos, by: Thread) {
        let least = match by {
            Thread::Timeline => BY_TIMELINE,
            Thread::Guest => BY_GUEST,
        };
        let rests = self
            .last
            .is_some_and(|(ended, rest)| ended.elapsed() < rest.max(least * self.slower));
        if rests || self.addresses.is_empty() {
            return;
        }
        let begun = Instant::now();
        if let Some(bytes) = self.written() {
            if self.looks.len() == MOST_LOOKS {
                crate::sampler::drop_every_second(&mut self.looks);
                self.slower *= 2;
            }
            self.looks.push((at, bytes));
        }
        self.last = Some((Instant::now(), begun.elapsed() * REST));
    }

    /// Looks a last time.
    pub(crate) fn end(&mut self) {
        if !self.addresses.is_empty() {
            self.at_end = self.written();
        }
    }

    /// The memory is about to go.
    pub(crate) fn forget_addresses(&mut self) {
        self.addresses.clear();
    }

    fn written(&mut self) -> Option<Bytes> {
        let look = || {
            let pagemap = self.pagemap.as_ref().as_ref().map_err(Clone::clone)?;
            let ranges = self.addresses.iter();
            ranges.map(|range| pagemap.written(range.clone())).sum()
        };
        let written: Result<u64, PagemapError> = look();
        match written {
            Ok(bytes) => Some(Bytes(bytes)),
            Err(error) => {
                self.failed.get_or_insert_with(|| error.to_string());
                self.addresses.clear();
                None
            }
        }
    }

    /// What was seen.
    pub(crate) fn touched(&self) -> Touched {
        match (self.at_end, &self.failed) {
            (_, Some(reason)) => Touched::Unavailable {
                reason: reason.clone(),
            },
            (Some(at_end), None) => Touched::Measured {
                at_end,
                samples: self.looks.clone(),
            },
            (None, None) => Touched::Unavailable {
                reason: "the guest had no memory when the call ended".to_owned(),
            },
        }
    }
}
