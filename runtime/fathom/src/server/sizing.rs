//! How much memory a call is predicted to need: its setting, what is recommended for its function, or the model, for this
//! call alone; and again when its breakpoints have said more. Not here: who gets it (`admission`), learning (`teacher`).

use std::sync::{Arc, PoisonError, RwLock};
use trace::{
    Bytes, FunctionId, Input, Limits, Observed, PredictivePlan, Recommendation, SizedBy, Trace,
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
    /// The breakpoints that say more while a call runs; `None` where none do.
    pub(crate) plan: Option<PredictivePlan>,
}

/// What is known of the needs of one function's calls. Changes while calls run.
#[derive(Default)]
pub(crate) struct Sizing {
    learned: RwLock<Option<Arc<Learned>>>,
}

/// What a call is predicted to need.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) bytes: Bytes,
    pub(crate) by: SizedBy,
}

impl Sizing {
    pub(crate) fn learned(&self) -> Option<Arc<Learned>> {
        let learned = self.learned.read().unwrap_or_else(PoisonError::into_inner);
        learned.clone()
    }

    pub(crate) fn set(&self, learned: Option<Learned>) {
        let mut place = self.learned.write().unwrap_or_else(PoisonError::into_inner);
        *place = learned.map(Arc::new);
    }

    /// Before the call: never more than its setting, which is its limit.
    pub(crate) fn size(&self, by: SizeBy, setting: Bytes, input: &[Observed]) -> Size {
        let learned = self.learned();
        let (bytes, by) = match (by, learned) {
            (SizeBy::Setting, _) | (_, None) => (setting, SizedBy::Setting),
            (SizeBy::Recommendation, Some(learned)) => (
                learned.recommendation.allocation_bytes,
                SizedBy::Recommendation,
            ),
            (SizeBy::Call, Some(learned)) => {
                let by = match learned.recommendation.sizing {
                    Some(_) => SizedBy::Model,
                    None => SizedBy::Recommendation,
                };
                (::learn::size_call(&learned.recommendation, input), by)
            }
        };
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
