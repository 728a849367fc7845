//! Who may run: the memory of this machine and the places for calls, shared among all functions.
//!
//! A call is admitted with what it is predicted to need, and that is reserved for it until it ends: the sum of what is
//! granted never exceeds the whole. What does not fit waits, in order; smaller calls may pass a large one, but not for
//! ever. A call that turns out to need more is granted it from what is free, of which a reserve is kept back from
//! admission. What a call holds beyond what it has taken it may give back before it ends. When nothing is free the youngest
//! of those that were predicted wrongly is stopped. Nobody waits for memory while holding memory that others wait for: the
//! one that grows waits at most for a call that is being stopped, and that one waits for nothing.
//!
//! What calls have left in memory for the next ones is in no grant; there is less for all by that.
//!
//! Not here: how much a call is predicted to need (`sizing`), and what becomes of one that was stopped (`call`).

use host::Growing;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::sync::oneshot;
use trace::Bytes;

/// Of the whole, the part that is kept for calls that need more than predicted.
const RESERVE_SHARE: u64 = 10;

/// So many may pass a call that waits for more than is free.
const MOST_PASSED: u32 = 64;

/// How large everything is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Capacity {
    /// Bytes, of all calls together.
    pub(crate) memory: u64,
    /// Calls at the same time.
    pub(crate) calls: usize,
    /// Calls that wait.
    pub(crate) waiting: usize,
}

/// The memory and the places.
pub(crate) struct Admission {
    capacity: Capacity,
    /// Bytes that calls have left behind for the next ones: in no grant, and in memory.
    kept: AtomicU64,
    state: Mutex<State>,
}

/// Why a call is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// It never fits.
    #[error("the call needs {needed}, and all calls together have {memory}")]
    TooLarge {
        /// What it was to be granted.
        needed: Bytes,
        /// What there is.
        memory: Bytes,
    },
    /// Too many wait already.
    #[error("too many calls are waiting")]
    QueueFull,
}

/// What is going on, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) granted: u64,
    pub(crate) calls: usize,
    pub(crate) waiting: usize,
}

#[derive(Default)]
struct State {
    granted: u64,
    /// By number; the youngest is the last.
    calls: BTreeMap<u64, Held>,
    waiting: VecDeque<Waiter>,
    next: u64,
}

impl State {
    /// Whether a call waits that has not gone in the meantime.
    fn is_waited_for(&self) -> bool {
        let mut waiting = self.waiting.iter();
        waiting.any(|waiter| !waiter.admitted.is_closed())
    }
}

/// What a running call holds.
struct Held {
    bytes: u64,
    mispredicted: bool,
    /// Ready once the call has to stop.
    stop: Option<oneshot::Sender<()>>,
    /// Calls that get what it leaves: number, bytes in all, and how they are told.
    heirs: Vec<(u64, u64, oneshot::Sender<()>)>,
}

struct Waiter {
    bytes: u64,
    passed: u32,
    /// Before those that are not.
    first: bool,
    admitted: oneshot::Sender<Grant>,
}

impl Admission {
    pub(crate) fn new(capacity: Capacity) -> Arc<Admission> {
        Arc::new(Admission {
            capacity,
            kept: AtomicU64::new(0),
            state: Mutex::default(),
        })
    }

    /// Waits until the call may run with `bytes`. Dropping the future leaves the queue. `first` puts it before those that
    /// wait and are not: it has waited before.
    pub(crate) async fn admit(
        self: &Arc<Admission>,
        bytes: u64,
        first: bool,
    ) -> Result<Grant, Refused> {
        let admitted = {
            let mut state = self.lock();
            // Who has gone in the meantime holds no place.
            state.waiting.retain(|waiter| !waiter.admitted.is_closed());
            if bytes > self.capacity.memory {
                return Err(Refused::TooLarge {
                    needed: Bytes(bytes),
                    memory: Bytes(self.capacity.memory),
                });
            }
            if state.waiting.is_empty() && self.fits(&state, bytes) {
                return Ok(self.hold(&mut state, bytes));
            }
            if state.waiting.len() >= self.capacity.waiting && !first {
                return Err(Refused::QueueFull);
            }
            let (sender, admitted) = oneshot::channel();
            let waiter = Waiter {
                bytes,
                passed: 0,
                first,
                admitted: sender,
            };
            let all = state.waiting.len();
            let before = state.waiting.iter().position(|waiter| !waiter.first);
            let place = before.filter(|_| first).unwrap_or(all);
            state.waiting.insert(place, waiter);
            self.let_in(state);
            admitted
        };
        admitted.await.map_err(|_| Refused::QueueFull)
    }

    /// What is going on.
    pub(crate) fn load(&self) -> Load {
        let mut state = self.lock();
        state.waiting.retain(|waiter| !waiter.admitted.is_closed());
        Load {
            granted: state.granted,
            calls: state.calls.len(),
            waiting: state.waiting.len(),
        }
    }

    /// Whether a call waits.
    pub(crate) fn is_waited_for(&self) -> bool {
        self.lock().is_waited_for()
    }

    /// So much is in memory that no call has, and calls together have less by that. A call that is alone may have it all:
    /// it is given what was kept.
    pub(crate) fn set_kept(self: &Arc<Admission>, bytes: u64) {
        let before = self.kept.swap(bytes, Ordering::Relaxed);
        if bytes < before {
            self.let_in(self.lock());
        }
    }

    /// What all calls together have, beside `others` that run.
    fn whole(&self, others: usize) -> u64 {
        let kept = match others {
            0 => 0,
            _ => self.kept.load(Ordering::Relaxed),
        };
        self.capacity.memory.saturating_sub(kept)
    }

    /// The same without the reserve.
    fn admissible(&self, others: usize) -> u64 {
        let whole = self.whole(others);
        whole - whole / RESERVE_SHARE
    }

    /// Bytes of all calls together.
    pub(crate) fn memory(&self) -> Bytes {
        Bytes(self.capacity.memory)
    }

    /// Without the reserve, unless the call would never fit then.
    fn fits(&self, state: &State, bytes: u64) -> bool {
        let others = state.calls.len();
        let admissible = self.admissible(others);
        let most = if bytes > admissible {
            self.whole(others)
        } else {
            admissible
        };
        state.calls.len() < self.capacity.calls && state.granted.saturating_add(bytes) <= most
    }

    fn hold(self: &Arc<Admission>, state: &mut State, bytes: u64) -> Grant {
        let number = state.next;
        state.next += 1;
        state.granted += bytes;
        let (stop, stopped) = oneshot::channel();
        state.calls.insert(
            number,
            Held {
                bytes,
                mispredicted: false,
                stop: Some(stop),
                heirs: Vec::new(),
            },
        );
        Grant {
            admission: self.clone(),
            number,
            first: bytes,
            stopped: Mutex::new(Some(stopped)),
        }
    }

    /// Lets in whoever fits, in order. Whom others pass too often, nobody passes any more.
    fn let_in(self: &Arc<Admission>, mut state: MutexGuard<'_, State>) {
        let mut admitted = Vec::new();
        let mut position = 0;
        while position < state.waiting.len() {
            if state.waiting[position].admitted.is_closed() {
                state.waiting.remove(position);
                continue;
            }
            let bytes = state.waiting[position].bytes;
            if self.fits(&state, bytes) {
                for passed in state.waiting.iter_mut().take(position) {
                    passed.passed += 1;
                }
                if let Some(waiter) = state.waiting.remove(position) {
                    admitted.push((waiter.admitted, self.hold(&mut state, bytes)));
                }
            } else if state.waiting[position].passed >= MOST_PASSED {
                break;
            } else {
                position += 1;
            }
        }
        drop(state);
        for (told, grant) in admitted {
            // Whoever has gone in the meantime gives it back by dropping it, here, where nothing is locked.
            drop(told.send(grant));
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one call has been granted. Dropping it gives everything back.
pub(crate) struct Grant {
    admission: Arc<Admission>,
    number: u64,
    first: u64,
    stopped: Mutex<Option<oneshot::Receiver<()>>>,
}

impl Grant {
    /// What it was admitted with, bytes.
    pub(crate) fn first(&self) -> Bytes {
        Bytes(self.first)
    }

    /// What it holds now, bytes.
    pub(crate) fn bytes(&self) -> Bytes {
        let state = self.admission.lock();
        Bytes(state.calls.get(&self.number).map_or(0, |held| held.bytes))
    }

    /// Whether it has needed more than was predicted.
    pub(crate) fn is_mispredicted(&self) -> bool {
        let state = self.admission.lock();
        state
            .calls
            .get(&self.number)
            .is_some_and(|held| held.mispredicted)
    }

    /// Ready when the call has to stop, because another one needs the memory. Only the first who asks is told.
    pub(crate) async fn stopped(&self) {
        let receiver = self
            .stopped
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(receiver) = receiver
            && receiver.await.is_ok()
        {
            return;
        }
        std::future::pending().await
    }

    /// More for a call that runs: `to` bytes in all. `predicted` says how much it would take in all to be sure, by what is
    /// known now; where that is less than `to` it was predicted wrongly.
    pub(crate) fn grow(&self, to: u64, predicted: impl FnOnce() -> Option<u64>) -> Growing {
        if to <= self.bytes().0 {
            return Growing::Granted;
        }
        // Before everything is locked: it is a model that says so.
        let predicted = predicted().filter(|predicted| *predicted >= to);
        let state = &mut *self.admission.lock();
        let whole = self.admission.whole(state.calls.len() - 1);
        let Some(held) = state.calls.get(&self.number) else {
            return Growing::Refused { most: Bytes(0) };
        };
        let before = held.bytes;
        let free = whole.saturating_sub(state.granted);
        let wanted = match predicted {
            Some(predicted) if predicted - before <= free => predicted,
            _ => to,
        };
        if predicted.is_none()
            && let Some(held) = state.calls.get_mut(&self.number)
        {
            held.mispredicted = true;
        }
        if wanted - before <= free {
            state.granted += wanted - before;
            if let Some(held) = state.calls.get_mut(&self.number) {
                held.bytes = wanted;
            }
            return Growing::Granted;
        }
        self.take_from_youngest(state, to, free)
    }

    /// A grant of another size in place of this one, at once, for what is in memory already. Where others wait, or there is
    /// not as much, it stays as it was.
    ///
    /// # Errors
    ///
    /// Itself, where it stays.
    pub(crate) fn exchange(self, bytes: u64) -> Result<Grant, Grant> {
        let admission = self.admission.clone();
        let mut state = admission.lock();
        let held = match state.calls.get(&self.number) {
            Some(held) if held.heirs.is_empty() && !state.is_waited_for() => held.bytes,
            _ => return Err(self),
        };
        let granted = state.granted - held;
        let most = admission.admissible(state.calls.len() - 1);
        if bytes > held && granted.saturating_add(bytes) > most {
            return Err(self);
        }
        state.calls.remove(&self.number);
        state.granted = granted;
        Ok(admission.hold(&mut state, bytes))
    }

    /// Whether it could not have `to` bytes now without taking them from another call.
    pub(crate) fn lacks(&self, to: u64) -> bool {
        let state = self.admission.lock();
        let held = state.calls.get(&self.number).map_or(0, |held| held.bytes);
        let whole = self.admission.whole(state.calls.len().saturating_sub(1));
        to.saturating_sub(held) > whole.saturating_sub(state.granted)
    }

    /// Gives back what it holds beyond `to` bytes.
    pub(crate) fn give_back(&self, to: u64) {
        let mut state = self.admission.lock();
        let Some(held) = state.calls.get_mut(&self.number) else {
            return;
        };
        let surplus = held.bytes.saturating_sub(to);
        held.bytes -= surplus;
        state.granted -= surplus;
        if surplus > 0 {
            self.admission.let_in(state);
        }
    }

    fn take_from_youngest(&self, state: &mut State, to: u64, free: u64) -> Growing {
        let before = state.calls.get(&self.number).map_or(0, |held| held.bytes);
        let missing = (to - before) - free;
        let youngest = state
            .calls
            .iter_mut()
            .rev()
            .find(|(_, held)| held.mispredicted);
        match youngest {
            Some((number, held)) if *number != self.number && held.bytes >= missing => {
                if let Some(stop) = held.stop.take() {
                    // It may be about to end by itself, which is as good.
                    let _ = stop.send(());
                }
                let (told, freed) = oneshot::channel();
                held.heirs.push((self.number, to, told));
                Growing::After(Box::pin(async {
                    // Told, or dropped: either way it has gone.
                    let _ = freed.await;
                }))
            }
            _ => Growing::Refused {
                most: Bytes(before + free),
            },
        }
    }
}

impl Drop for Grant {
    fn drop(&mut self) {
        let mut state = self.admission.lock();
        let Some(held) = state.calls.remove(&self.number) else {
            return;
        };
        state.granted -= held.bytes;
        for (heir, to, told) in held.heirs {
            let others = state.calls.len().saturating_sub(1);
            let free = self.admission.whole(others).saturating_sub(state.granted);
            if let Some(heir) = state.calls.get_mut(&heir)
                && let Some(more) = to.checked_sub(heir.bytes)
                && more <= free
            {
                heir.bytes = to;
                state.granted += more;
            }
            let _ = told.send(());
        }
        self.admission.let_in(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};
    use std::{
        pin::pin,
        task::{Context, Poll, Waker},
    };

    fn admission(memory: u64) -> Arc<Admission> {
        Admission::new(Capacity {
            memory,
            calls: 50,
            waiting: 1000,
        })
    }

    fn at_once<T>(future: impl Future<Output = T>) -> Option<T> {
        match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(done) => Some(done),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_call_that_never_fits_is_refused_and_one_that_fits_alone_is_not() {
        let admission = admission(100);
        assert!(matches!(
            at_once(admission.admit(101, false)),
            Some(Err(Refused::TooLarge { .. }))
        ));
        let whole = at_once(admission.admit(100, false)).expect("at once");
        assert!(whole.is_ok());
    }

    #[test]
    fn what_waits_comes_in_when_there_is_room_and_a_small_one_passes() {
        let admission = admission(100);
        let first = at_once(admission.admit(80, false)).unwrap().unwrap();
        let mut large = Box::pin(admission.admit(60, false));
        let context = &mut Context::from_waker(Waker::noop());
        assert!(large.as_mut().poll(context).is_pending());
        let small = at_once(async {
            // Waits behind the large one, and passes it.
            admission.admit(10, false).await
        });
        assert!(small.is_some());
        drop(small);
        drop(first);
        assert!(matches!(large.as_mut().poll(context), Poll::Ready(Ok(_))));
    }

    #[test]
    fn what_is_kept_for_the_next_is_not_granted_beside_it() {
        let admission = admission(100);
        admission.set_kept(20);
        let first = at_once(admission.admit(50, false)).unwrap().unwrap();
        let mut second = Box::pin(admission.admit(30, false));
        let context = &mut Context::from_waker(Waker::noop());
        assert!(second.as_mut().poll(context).is_pending());
        admission.set_kept(5);
        let Poll::Ready(Ok(second)) = second.as_mut().poll(context) else {
            panic!("there is room");
        };
        assert!(matches!(
            first.grow(66, || Some(66)),
            Growing::Refused { most: Bytes(65) }
        ));
        drop(second);
        // Alone, it has what was kept.
        assert!(matches!(first.grow(100, || Some(100)), Growing::Granted));
    }

    #[test]
    fn the_youngest_that_was_predicted_wrongly_is_stopped_for_an_older_one() {
        let admission = admission(100);
        let old = at_once(admission.admit(40, false)).unwrap().unwrap();
        let young = at_once(admission.admit(40, false)).unwrap().unwrap();
        assert!(matches!(young.grow(55, || None), Growing::Granted));
        assert!(matches!(old.grow(45, || None), Growing::Granted));
        // Nothing is free. The older one takes it from the younger.
        let Growing::After(freed) = old.grow(60, || None) else {
            panic!("it waits for the younger one");
        };
        assert!(at_once(young.stopped()).is_some());
        drop(young);
        assert!(at_once(freed).is_some());
        assert!(matches!(old.grow(60, || None), Growing::Granted));
        assert_eq!(old.bytes(), Bytes(60));
        // The youngest itself is refused.
        assert!(matches!(
            old.grow(101, || None),
            Growing::Refused { most: Bytes(100) }
        ));
    }

    #[test]
    fn what_a_breakpoint_explains_is_no_misprediction() {
        let admission = admission(100);
        let call = at_once(admission.admit(10, false)).unwrap().unwrap();
        assert!(matches!(call.grow(20, || Some(50)), Growing::Granted));
        assert_eq!(call.bytes(), Bytes(50));
        assert!(!call.is_mispredicted());
    }

    /// Whatever happens, no more is granted than there is, and in the end everything is given back and nobody is forgotten.
    #[test]
    fn no_more_is_granted_than_there_is() {
        for seed in 0..50 {
            let mut rng = SmallRng::seed_from_u64(seed);
            let admission = admission(1000);
            let mut running: Vec<Grant> = Vec::new();
            let mut waiting = Vec::new();
            let context = &mut Context::from_waker(Waker::noop());
            for _ in 0..500 {
                match rng.gen_range(0..5) {
                    0 | 1 => {
                        let admission = admission.clone();
                        let bytes = rng.gen_range(1..400);
                        let first = rng.gen_bool(0.1);
                        let mut call = Box::pin(async move { admission.admit(bytes, first).await });
                        match call.as_mut().poll(context) {
                            Poll::Ready(grant) => running.extend(grant),
                            Poll::Pending => waiting.push(call),
                        }
                    }
                    2 if !running.is_empty() => {
                        let call = &running[rng.gen_range(0..running.len())];
                        if rng.gen_bool(0.3) {
                            call.give_back(rng.gen_range(0..=call.bytes().0));
                        }
                        let to = call.bytes().0 + rng.gen_range(1..200);
                        drop(call.grow(to, || rng.gen_bool(0.5).then_some(to + 10)));
                    }
                    3 if !running.is_empty() => {
                        let call = running.swap_remove(rng.gen_range(0..running.len()));
                        if rng.gen_bool(0.5) {
                            let to = rng.gen_range(1..400);
                            let (Ok(call) | Err(call)) = call.exchange(to);
                            running.push(call);
                        }
                    }
                    _ => admission.set_kept(rng.gen_range(0..125)),
                }
                waiting.retain_mut(|call| match call.as_mut().poll(context) {
                    Poll::Ready(grant) => {
                        running.extend(grant);
                        false
                    }
                    Poll::Pending => true,
                });
                let held: u64 = running.iter().map(|call| call.bytes().0).sum();
                assert_eq!(held, admission.load().granted);
                assert!(held <= 1000, "{held}");
            }
            while !running.is_empty() || !waiting.is_empty() {
                assert!(!running.is_empty(), "seed {seed}: somebody was forgotten");
                running.clear();
                waiting.retain_mut(|call| match call.as_mut().poll(context) {
                    Poll::Ready(grant) => {
                        running.extend(grant);
                        false
                    }
                    Poll::Pending => true,
                });
            }
            assert_eq!(admission.load(), Load::default());
        }
    }
}
