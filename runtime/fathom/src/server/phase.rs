//! Where a function is in its life: learning (some calls are traced deep), selective (only what predicts is armed), stale
//! (what predicted does no more, so it learns again). Never in the way of serving: a call is traced deep only if the code
//! for that is there already, and then one in a few.

use crate::moment::unix_ms;
use learn::DriftState;
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    time::SystemTime,
};
use trace::{Drift, PhaseChange, PredictivePlan, Trace};

/// Of the calls of a function whose sandboxes make several, one in so many has one of its own.
const FRESH_EVERY: u64 = 8;

/// One call in so many is traced deep while a function is learned.
const DEEP_EVERY: u64 = 4;

/// After so many deep calls without a plan it is one in `RARELY`.
const PATIENT: u64 = 200;

/// See `PATIENT`.
const RARELY: u64 = 64;

/// Changes remembered, the newest.
const REMEMBERED: usize = 100;

/// Where a function is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Phase {
    /// Some calls are traced deep.
    #[default]
    Learning,
    /// The few breakpoints that predict are armed.
    Selective,
    /// They do not predict any more: as learning.
    Stale,
}

impl Phase {
    /// All of them, for metrics.
    pub(crate) const ALL: [Phase; 3] = [Phase::Learning, Phase::Selective, Phase::Stale];

    /// As it is written.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Phase::Learning => "learning",
            Phase::Selective => "selective",
            Phase::Stale => "stale",
        }
    }
}

/// The phase of one function.
#[derive(Default)]
pub(crate) struct Phases {
    state: Mutex<State>,
    /// Since it was deployed.
    history: Mutex<VecDeque<PhaseChange>>,
    /// Before that, by former servers; once somebody has asked.
    before: OnceLock<Vec<PhaseChange>>,
}

#[derive(Default)]
struct State {
    phase: Phase,
    calls: u64,
    /// Calls that were traced deep.
    deep: u64,
    /// One was to be, and the code for that was not there.
    owed: bool,
    drift: DriftState,
    why_stale: Option<String>,
}

/// What a call is for beside being answered.
pub(crate) struct Wanted {
    /// To be traced deep.
    pub(crate) deep: bool,
    /// Where others share a sandbox, to have one of its own.
    pub(crate) fresh: bool,
}

impl Phases {
    pub(crate) fn now(&self) -> Phase {
        self.lock().phase
    }

    /// Why it is stale, where it is.
    pub(crate) fn why_stale(&self) -> Option<String> {
        self.lock().why_stale.clone()
    }

    /// Counts a call; what it is to be learned from. Where one is to be traced deep so are those after it, until one has been.
    pub(crate) fn count(&self) -> Wanted {
        let mut state = self.lock();
        state.calls += 1;
        let fresh = state.calls.is_multiple_of(FRESH_EVERY);
        if state.phase == Phase::Selective {
            return Wanted { deep: false, fresh };
        }
        let every = if state.deep < PATIENT {
            DEEP_EVERY
        } else {
            RARELY
        };
        state.owed |= state.calls % every == 1;
        Wanted {
            deep: state.owed,
            fresh,
        }
    }

    /// A call that was to be traced deep is.
    pub(crate) fn has_deep(&self) {
        let mut state = self.lock();
        state.deep += 1;
        state.owed = false;
    }

    /// Whether one was to be traced deep, and the code for that was not there.
    pub(crate) fn owes_deep(&self) -> bool {
        self.lock().owed
    }

    /// Whether so many were traced deep that others may be expected to learn more from it.
    pub(crate) fn is_patient(&self) -> bool {
        self.lock().deep >= PATIENT
    }

    /// A plan was learned, or somebody said so.
    #[must_use = "it is to be recorded"]
    pub(crate) fn become_selective(&self, why: &str) -> PhaseChange {
        *self.lock() = State {
            phase: Phase::Selective,
            ..State::default()
        };
        self.remember(Phase::Selective, why.to_owned())
    }

    /// Everything is forgotten, but what has been.
    #[must_use = "it is to be recorded"]
    pub(crate) fn begin_anew(&self, why: &str) -> PhaseChange {
        *self.lock() = State::default();
        self.remember(Phase::Learning, why.to_owned())
    }

    /// From phase to phase, oldest first. What was recorded of it before it was deployed is read once.
    pub(crate) fn history<E>(
        &self,
        recorded: impl FnOnce() -> Result<Vec<PhaseChange>, E>,
    ) -> Result<Vec<PhaseChange>, E> {
        let before = match self.before.get() {
            Some(before) => before.clone(),
            None => {
                let recorded = recorded()?;
                self.before.get_or_init(|| recorded).clone()
            }
        };
        let since = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(before.into_iter().chain(since.iter().cloned()).collect())
    }

    /// What calls say of the plan; `None` where none is judged.
    pub(crate) fn drift(&self, plan: &PredictivePlan) -> Option<Drift> {
        let state = self.lock();
        (state.phase == Phase::Selective).then(|| state.drift.drift(plan))
    }

    fn remember(&self, to: Phase, why: String) -> PhaseChange {
        let change = PhaseChange {
            unix_ms: unix_ms(SystemTime::now()),
            to: to.name().to_owned(),
            why,
        };
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        if history.len() >= REMEMBERED {
            history.pop_front();
        }
        history.push_back(change.clone());
        change
    }

    /// Judges the plan by a call; the change, where that made it stale.
    #[must_use = "it is to be recorded"]
    pub(crate) fn see(&self, plan: &PredictivePlan, trace: &Trace) -> Option<PhaseChange> {
        let mut state = self.lock();
        if state.phase != Phase::Selective {
            return None;
        }
        state.drift.see(plan, trace);
        let stale = state.drift.drift(plan).stale?;
        *state = State {
            phase: Phase::Stale,
            why_stale: Some(stale.why.clone()),
            ..State::default()
        };
        drop(state);
        Some(self.remember(Phase::Stale, format!("{}: {}", stale.reason, stale.why)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The code that traces deep may come late, or go before it was used: so few calls would be traced deep, or none.
    #[test]
    fn one_call_in_four_is_traced_deep_however_late_the_code_for_that_comes() {
        let phases = Phases::default();
        for _ in 0..100 {
            assert!(phases.count().deep);
        }
        assert!(!phases.is_patient());
        let deep = (0..400).filter(|_| {
            let deep = phases.count().deep;
            if deep {
                phases.has_deep();
            }
            deep
        });
        assert_eq!(deep.count(), 100);
    }
}
