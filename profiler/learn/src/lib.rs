//! Traces to features to fits to recommendations: what drives the memory of a function, how sure that is, what to allocate
//! and what it costs.
//!
//! Pure: no files, no clock, no global state. The seed is an argument, the provider catalogue is a value. The same traces,
//! settings and catalogue give the same profile.
//!
//! | step | file | takes | gives |
//! |---|---|---|---|
//! | features | `rows`, `features`, `lead` | traces | a row per distinct input, a column per feature, leads |
//! | choose | `select`, `several`, `products`, `powers`, `split` and `questions`, judged by `press`, `scored`, `needed` | columns, target | a shape: constant, terms, powers, parts, steps, trees |
//! | fit | [`fit`] (linfa), `glm` (linfa), `isotonic`, `forest` | a shape | coefficients |
//! | judge | `folds`, `significance`, `explain`, `told` | a problem | a model with held-out errors, or why there is none |
//! | rank | `candidates`, `doubles` | a model | competitors, doubles, what comes too late |
//! | within a call | `within_call` | hits | live bytes from hit to hit |
//! | size | `margin`, `step_ahead`, `recommend`, `because` | models, needs | allocations and what backs them |
//! | as calls come | [`online`], `tail`, `stream` | calls one by one | the size of the next one |
//! | prove | `replay` | calls, rules | what each rule would have wasted |
//! | keep | `plan`, `cost`, `armed` | the calls that observed most | the few variables that predict, early |
//! | watch | `drift`, `evidence` | calls since | whether a plan still holds |
//! | tell | `explanation`, `difference` | profiles | why a size, and what two versions differ by |
//! | deployed | `cloud`, `as_google`, `line` | calls here, what a cloud says of the same | the offset of its runtime, a size there |
//! | price | [`catalogue`], [`bill`], [`sharing`], `timing`, `compare`, `deploy`, `account`, `classes` | allocation, times | a size and a bill per provider |
//!
//! # Accuracy
//! n counts distinct inputs: repeating a deterministic call adds nothing. Held-out errors are of models whose features and
//! shape were chosen without the input they are tested on. A formula justifies no sentence outside the range seen.
//!
//! # Limits
//! Features and shapes are selected on at most 400 inputs, chosen by the seed; coefficients are fitted on all. Products are
//! tried of two variables, not of three, and of the eight that follow the target most closely.

mod account;
mod allocations;
mod armed;
mod as_google;
mod because;
pub mod bill;
mod candidates;
pub mod catalogue;
mod classes;
mod cloud;
mod compare;
mod cost;
mod data;
mod deploy;
mod difference;
mod doubles;
mod drift;
mod evidence;
mod explain;
mod explanation;
mod features;
pub mod fit;
mod folds;
mod forest;
mod formula;
mod glm;
mod isotonic;
mod lead;
mod line;
mod margin;
mod needed;
mod notes;
pub mod online;
mod plan;
mod powers;
mod press;
mod products;
mod questions;
mod recommend;
mod replay;
mod rows;
mod scored;
mod select;
mod settings;
mod several;
pub mod sharing;
mod significance;
mod split;
pub mod statistics;
mod step_ahead;
mod stream;
mod tail;
mod timing;
mod told;
mod within_call;

pub use account::{Traffic, account};
pub use as_google::as_google;
pub use catalogue::{Catalogue, CatalogueError};
pub use cloud::compare_cloud;
pub use difference::difference;
pub use drift::{DriftState, Predicted, predict};
pub use evidence::Evidence;
pub use explanation::explain_size;
pub use features::early as early_features;
pub use formula::formula;
pub use online::Online;
pub use plan::{PlanError, plan};
pub use recommend::size_call;
pub use replay::{Replaying, calibration, order, replay};
pub use settings::{CheckedSettings, Order, Settings, SettingsError};

use explain::{Explained, Problem, explain};
use features::Table;
use rows::Row;
use std::borrow::Cow;
use told::none;
use trace::{FunctionId, Heap, Model, Models, Profile, Screening, Target, Trace, WithinCall};

/// Everything that the traces of one function say.
///
/// Every field of the profile is filled but `recommendation.verified`, for which the guest must be run again.
pub fn learn(
    function: &FunctionId,
    traces: &[Trace],
    settings: &CheckedSettings,
    catalogue: &Catalogue,
) -> Profile {
    let settings = settings.get();
    let table = features::table(traces);
    let needs: Vec<f64> = table.rows.iter().map(|r| r.committed).collect();
    let committed = problem(
        &table,
        Cow::Borrowed(&needs),
        Target::Committed,
        settings.seed,
    );
    let explained = explain(&committed);
    let screening = screened(&committed, &explained);
    let cpu: Vec<f64> = table.rows.iter().map(|r| r.cpu).collect();
    let counts = notes::counts(traces, table.rows.len());
    Profile {
        schema: Profile::SCHEMA.to_owned(),
        function: function.clone(),
        invocations: counts,
        variables: candidates::rank(&committed, &explained, &table.columns),
        model: explained.model.clone(),
        screening,
        models: Models {
            committed: explained.model,
            live: live(&table, traces, settings.seed),
            cpu_seconds: explain(&problem(
                &table,
                Cow::Owned(cpu),
                Target::CpuSeconds,
                settings.seed,
            ))
            .model,
        },
        within_call: WithinCall {
            live: within_call::live(traces, settings.seed),
        },
        recommendation: recommend::recommend(&table, traces, settings, catalogue),
        notes: notes::notes(traces, &table, &counts),
    }
}

fn problem<'a>(table: &'a Table, y: Cow<'a, [f64]>, target: Target, seed: u64) -> Problem<'a> {
    Problem {
        labels: table.rows.iter().map(|r| r.label.as_str()).collect(),
        ..Problem::new(table.columns.iter(), Cow::Borrowed, y, target, seed)
    }
}

/// How the choice was guarded against chance, where there was one.
fn screened(problem: &Problem, explained: &Explained) -> Option<Screening> {
    let claimed = !explained.model.terms.is_empty();
    let screen = || significance::screen(&problem.data, problem.seed);
    explained.screening.or_else(|| claimed.then(screen))
}

/// Explains the peak of live bytes, over the inputs for which it is known.
fn live(table: &Table, traces: &[Trace], seed: u64) -> Model {
    let known: Vec<(usize, f64)> = table
        .rows
        .iter()
        .enumerate()
        .filter_map(|(i, r): (usize, &Row)| Some((i, r.live?)))
        .collect();
    if known.is_empty() {
        let measured: Vec<&Trace> = traces.iter().filter(|t| t.is_measurement()).collect();
        return none(0, no_live(&measured));
    }
    let gather = |values: &[f64]| Cow::Owned(known.iter().map(|&(i, _)| values[i]).collect());
    let y: Vec<f64> = known.iter().map(|k| k.1).collect();
    let y = Cow::Owned(y);
    let problem = Problem::new(table.columns.iter(), gather, y, Target::Live, seed);
    let labels = known.iter().map(|&(i, _)| table.rows[i].label.as_str());
    explain(&Problem {
        labels: labels.collect(),
        ..problem
    })
    .model
}

/// Why live bytes are unknown.
fn no_live(measured: &[&Trace]) -> String {
    if measured.is_empty() {
        return "no call succeeded".to_owned();
    }
    let only = measured
        .iter()
        .any(|t| matches!(t.heap, Heap::AllocatedOnly { .. }));
    if only {
        "frees cannot be seen in this guest: only allocated bytes are known".to_owned()
    } else {
        "allocator not found".to_owned()
    }
}
