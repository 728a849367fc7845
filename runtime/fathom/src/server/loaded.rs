//! Compiled code in memory: none that nobody calls, and never more than so many. Each is a file descriptor and some memory,
//! and comes back from the cache. Not here: bringing it there (`function`).

use super::{
    Server,
    function::{self, Code, Version},
};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How often code that nobody uses is looked for.
const SWEEP: Duration = Duration::from_secs(5);

/// Functions that are traced deep at the same time, each with a second code: others are when these have gone.
const DEEP: usize = 64;

/// Code that traces deep and was not used for so long makes room for that of others, where there is none.
const DEEP_IDLE: Duration = Duration::from_secs(10);

/// Where there is too much, so much of what may be stays: looking for what is to go takes longer than letting it go.
const STAYS: f64 = 0.95;

/// How much there is.
pub(crate) struct Loaded {
    most: usize,
    /// At most: what went since it was counted is still in it.
    counted: AtomicUsize,
    letting_go: Mutex<SmallRng>,
    deep: Arc<Semaphore>,
    /// Of these places, those that functions do not get of which many calls were traced deep.
    left_to_others: usize,
}

/// A place among the codes that trace deep. Goes back when it is dropped.
pub(super) struct DeepPlace(#[expect(dead_code, reason = "held")] OwnedSemaphorePermit);

impl Loaded {
    pub(crate) fn at_most(most: usize) -> Loaded {
        let deep = DEEP.min(most / 8).max(1);
        Loaded {
            most,
            counted: AtomicUsize::new(0),
            letting_go: Mutex::new(SmallRng::from_entropy()),
            deep: Arc::new(Semaphore::new(deep)),
            left_to_others: deep / 4,
        }
    }

    /// A place for code that traces deep, if one is free. Some are left to functions of which few calls were.
    pub(super) fn place_for_deep(&self, is_patient: bool) -> Option<DeepPlace> {
        if is_patient && self.deep.available_permits() <= self.left_to_others {
            return None;
        }
        let place = self.deep.clone().try_acquire_owned();
        place.ok().map(DeepPlace)
    }

    /// Whether a function that is to be traced deep may have to wait for others.
    fn is_crowded(&self) -> bool {
        self.deep.available_permits() == 0
    }

    /// Some code has come. Lets other code go where that makes too much.
    pub(super) fn has_come(&self, server: &Server) {
        if self.counted.fetch_add(1, Ordering::Relaxed) < self.most {
            return;
        }
        let mut random = self
            .letting_go
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut there = in_memory(server);
        let stay = (self.most as f64 * STAYS) as usize;
        while there.len() > stay.max(1) {
            // The longer unused of two that chance has picked: nearly as good as the one that is unused for longest, and
            // where many functions are called in turn, that one is the one that is called next.
            let [one, other] = [(); 2].map(|()| random.gen_range(0..there.len()));
            let goes = if there[one].used < there[other].used {
                one
            } else {
                other
            };
            there.swap_remove(goes).let_go();
        }
        self.counted.store(there.len(), Ordering::Relaxed);
    }
}

/// Code in memory.
struct InMemory {
    version: Arc<Version>,
    of: fn(&Version) -> &Code,
    used: u64,
}

impl InMemory {
    fn let_go(self) {
        (self.of)(&self.version).let_go();
    }
}

/// All that there is, but for versions that were replaced: those go with their last call.
fn in_memory(server: &Server) -> Vec<InMemory> {
    let kinds: [fn(&Version) -> &Code; 2] = [Version::serving, Version::deep];
    let mut there = Vec::new();
    for function in server.registry.all() {
        let version = function.version();
        for of in kinds {
            if let Some(used) = of(&version).used_last() {
                there.push(InMemory {
                    version: version.clone(),
                    of,
                    used,
                });
            }
        }
    }
    there
}

/// Code that nobody has called for a while goes.
pub(super) async fn unload_idle(server: Arc<Server>) {
    let mut ticks = tokio::time::interval(SWEEP);
    loop {
        ticks.tick().await;
        let now = function::now(&server);
        let longest = |idle: Duration| now.checked_sub(idle.as_millis() as u64);
        let idle = longest(server.settings.idle);
        let crowded = server.loaded.is_crowded();
        let deep_idle = match crowded {
            true => longest(server.settings.idle.min(DEEP_IDLE)),
            false => idle,
        };
        for function in server.registry.all() {
            let version = function.version();
            version.serving().let_go_unused(idle);
            if crowded && function.phases.is_patient() {
                version.deep().let_go();
            } else if function.phases.owes_deep() {
                // It has come for the next call.
                version.deep().let_go_unused(idle);
            } else {
                version.deep().let_go_unused(deep_idle);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_that_were_traced_deep_often_leave_places_to_others() {
        let loaded = Loaded::at_most(16);
        // An eighth of what is in memory, and none of so few is left to others.
        let two: Vec<_> = (0..2).map(|_| loaded.place_for_deep(false)).collect();
        assert!(two.iter().all(Option::is_some) && loaded.is_crowded());
        assert!(loaded.place_for_deep(false).is_none());
        drop(two);
        assert!(!loaded.is_crowded());
        let loaded = Loaded::at_most(900);
        let patient: Vec<_> = std::iter::from_fn(|| loaded.place_for_deep(true)).collect();
        assert_eq!(patient.len(), DEEP - DEEP / 4);
        let others: Vec<_> = std::iter::from_fn(|| loaded.place_for_deep(false)).collect();
        assert_eq!(others.len(), DEEP / 4);
        drop(patient);
        assert!(loaded.place_for_deep(true).is_some());
    }
}
