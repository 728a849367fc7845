//! The nouns of Fathom: what is recorded of a call, and what is derived from it.
//!
//! Values only. Nothing here reads a file, runs a guest, fits a model or draws a chart; every other crate of the
//! workspace speaks in these words, so that each stage can be run alone on what the stage before it saved.
//!
//! | stage | takes | gives |
//! |---|---|---|
//! | inspect, plan, inject (`probe`) | wasm bytes, [`Selection`] | [`Plan`], rewritten bytes |
//! | run (`host`) | rewritten bytes, an event | [`Trace`] |
//! | learn (`learn`) | traces | [`Profile`]: [`Model`]s, ranked [`Candidate`]s, [`Recommendation`] |
//! | report (`report`) | [`Profile`], traces | text, JSON, CSV, HTML |
//!
//! Units are in the types or in the names: [`Bytes`], [`Nanos`], `..._seconds`, `..._share` (0 to 1).

mod bill;
mod breakpoint;
mod call;
mod cloud;
mod condition;
mod difference;
mod distribution;
mod drift;
mod explanation;
mod feature;
mod log_line;
mod machine;
mod model;
mod origin;
mod phase;
mod plan;
mod predictive;
mod profile;
mod recommendation;
mod replayed;
mod stacks;
mod transform;
mod tree;
mod unit;

pub use bill::{
    Account, ProviderAccount, SharedAccount, SharedAt, SizeAccount, SizeClass, SizeClasses,
};
pub use breakpoint::{Breakpoint, ParseBreakpointError};
pub use call::{
    FunctionId, Growth, Heap, Hit, Imported, Input, Limits, Moment, Observed, Outcome, Refusal,
    Sample, Served, SizedBy, Touched, Trace,
};
pub use cloud::{
    AsGoogle, CloudComparison, CloudCounts, CloudDuration, CloudMemory, CloudPoint, CloudSize,
    Deployed, DeployedCall, GoogleMinute, JoinedBy, Measured, QuantilePair, SeenByGoogle, TierUse,
};
pub use condition::Condition;
pub use difference::{
    BillDifference, Both, Difference, Estimate, PairedDifference, RelationDifference,
};
pub use distribution::{Bucket, Distribution, ExponentialBuckets};
pub use drift::{Drift, Stale, StaleReason};
pub use explanation::{CallMargin, Explanation, MarginFrom, Near, OneMore, Part, Smaller};
pub use feature::{Aggregate, Feature, Predictor, word};
pub use log_line::{LeftOut, LogLabels, LogLine, Severity};
pub use machine::{Machine, ProbeCost};
pub use model::{HeldOut, Model, ModelKind, SeenRange, Target, Term};
pub use origin::is_users_file;
pub use phase::PhaseChange;
pub use plan::{Plan, PlannedPlace, PlannedProbe, ProbeMode, Selection};
pub use predictive::{
    AskedOfPlan, GivenUp, LearnedFrom, PlanBound, PlannedVariable, PredictivePlan, StillAhead,
};
pub use profile::{
    Candidate, CandidateNote, InvocationCounts, Models, Profile, Screening, WithinCall,
};
pub use recommendation::{
    CallAllocation, CallBounds, Confidence, CutOff, ProviderBill, Recommendation, Replay, SizeBill,
    Verification,
};
pub use replayed::{Calibrated, Replayed, RuleReplayed};
pub use stacks::{
    Amount, CpuProfile, CpuSample, Frame, HeapAtStack, HeapEvent, HeapProfile, HeapSampling,
    StackTable,
};
pub use transform::Transform;
pub use tree::{Node, Tree};
pub use unit::{Bytes, Nanos, PAGE};
