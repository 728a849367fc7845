//! How much memory a call is predicted to need: its setting, what is recommended for its function, or the model, for this
//! call alone; and again when its breakpoints have said more. Not here: who gets it (`admission`), learning (`teacher`).

use super::live::Live;
use std::sync::{Arc, PoisonError, RwLock};
use trace::{
    Bytes, FunctionId, Input, Limits, Observed, PredictivePlan, Profile, Recommendation, SizedBy,
    Trace,
};

/// By what calls are sized.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    clap::ValueEnum,
    serde::Deserialize,
    serde::Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SizeBy {
    /// The memory that its fathom.toml says, for every call
    Setting,
    /// What is recommended for the function, for every call
    Recommendation,
    /// The model, for each call
    #[default]
    Call,
}

/// What was learned of a function.
pub(crate) struct Learned {
    pub(crate) recommendation: Recommendation,
    /// Everything else, without it.
    pub(crate) profile: Profile,
    /// The breakpoints that say more while a call runs; `None` where none do.
    pub(crate) plan: Option<PredictivePlan>,
}

impl Learned {
    /// The profile with its recommendation.
    pub(crate) fn whole(&self) -> Profile {
        Profile {
            recommendation: Some(self.recommendation.clone()),
            ..self.profile.clone()
        }
    }
}

/// What is known of the needs of one function's calls. Changes while calls run.
pub(crate) struct Sizing {
    learned: RwLock<Option<Arc<Learned>>>,
    /// What single calls are given, learned as they come.
    pub(crate) live: Live,
}

/// What a call is predicted to need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) bytes: Bytes,
    pub(crate) by: SizedBy,
}

impl Sizing {
    /// Of a module of which nothing is known.
    pub(crate) fn of(digest: String) -> Sizing {
        Sizing {
            learned: RwLock::default(),
            live: Live::of(digest),
        }
    }

    pub(crate) fn learned(&self) -> Option<Arc<Learned>> {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        learned.clone()
    }

    pub(crate) fn set(&self, learned: Learned) {
        let mut place = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        *place = Some(Arc::new(learned));
    }

    /// The module is another one: what was learned of the one before is provisional, see [`Live`].
    pub(crate) fn begin_anew(&self, digest: String) {
        let before = {
            let mut place = self.learned.write().unwrap_or_else(PoisonError::into_inner);
            place.take()
        };
        let least = before.map(|learned| learned.recommendation.allocation_bytes);
        self.live.begin_anew(digest, least);
    }

    /// Before the call: never more than its setting, which is its limit.
    pub(crate) fn size(&self, by: SizeBy, setting: Bytes, input: &[Observed]) -> Size {
        let recommended = |bytes| (bytes, SizedBy::Recommendation);
        // Of few distinct inputs there is a recommendation, but nothing for a single call.
        let every_call = || {
            let learned = self.learned()?;
            Some(recommended(learned.recommendation.allocation_bytes))
        };
        let sized = match by {
            SizeBy::Setting => None,
            // A new module gets what the one before got, and more, until its own calls confirm it.
            SizeBy::Recommendation => {
                let provisional = self.live.provisional();
                let inherited = provisional.and_then(|_| Some(self.live.size(&[])?.bytes));
                match (every_call(), inherited) {
                    (Some((own, by)), inherited) => {
                        Some((own.max(inherited.unwrap_or_default()), by))
                    }
                    (None, inherited) => inherited.map(recommended),
                }
            }
            SizeBy::Call => match self.live.size(input) {
                Some(given) if given.by_model => Some((given.bytes, SizedBy::Model)),
                Some(given) => Some(recommended(given.bytes)),
                None => every_call(),
            },
        };
        let (bytes, by) = sized.unwrap_or((setting, SizedBy::Setting));
        Size {
            bytes: bytes.min(setting),
            by,
        }
    }
}

/// What a running call is predicted to need in all, by what was known before and what its breakpoints have seen so far.
pub(crate) fn refined(
    plan: &PredictivePlan,
    function: &FunctionId,
    limits: Limits,
    input: &[Observed],
    seen: Vec<Observed>,
) -> Option<Bytes> {
    let nobody = Input {
        label: String::new(),
        digest: String::new(),
    };
    let mut so_far = Trace::nothing_measured(function.clone(), nobody, limits);
    so_far.observations = input.to_vec();
    so_far.observations.extend(seen);
    ::learn::predict(plan, &so_far).map(|predicted| predicted.bound)
}
