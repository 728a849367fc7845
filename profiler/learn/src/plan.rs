//! The few variables worth keeping: the smallest set that predicts within the asked error, and of those the earliest. Not the
//! explanation of memory, which may know more, and later; not whether a plan still holds, which is `drift`.
//!
//! Candidates are tried in order of time: first what is known before the call, then what is known while at least 99 % of
//! the growth is ahead, 90 %, and so on down to 10 %. The first group that predicts within the asked error is taken. Every
//! model among them is chosen, guarded against chance and judged on held-out inputs like every other: see `explain`.

use crate::armed::{fullest, needs_probe};
use crate::candidates::{TOO_LATE, name};
use crate::cost::Costs;
use crate::data::Columns;
use crate::doubles::moving_with;
use crate::explain::explain;
use crate::features::{self, Column, Table};
use crate::formula::percent;
use crate::lead::Lead;
use crate::recommend::{at_least, function_allocation, sized_by};
use crate::settings::{CheckedSettings, Settings};
use crate::step_ahead::{self, Early};
use std::borrow::Cow;
use std::collections::BTreeSet;
use thiserror::Error;
use trace::{
    AskedOfPlan, Breakpoint, Bytes, Feature, FunctionId, GivenUp, LearnedFrom, Model, ModelKind,
    PlanBound, PlannedVariable, PredictivePlan, Screening, StillAhead, Target, Trace,
};

/// Breakpoints that a plan may arm.
const MOST_BREAKPOINTS: usize = 3;

/// Shares of the growth that must still be ahead, one after the other.
const LEADS: [f64; 6] = [0.99, 0.9, 0.75, 0.5, 0.25, TOO_LATE];

/// Of 100 inputs 95 are predicted within so many times the error that is asked for in the middle case, or as well as by all variables.
const TAIL: f64 = 3.0;

/// Features of a model of which all subsets are tried.
const MOST_FEATURES: usize = 6;

/// Of what is not within the asked error, the earliest that is worse than the best by no more than this.
const ABOUT: f64 = 0.01;

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Error)]
pub enum PlanError {
    /// Nothing was measured.
    #[error("no call has succeeded: there is nothing to learn a plan from")]
    NoCalls,
    /// Nothing explains memory.
    #[error("nothing to keep: {0}")]
    Unexplained(String),
    /// What explains memory does not predict it.
    #[error(
        "{what} explains memory, off by {error} in the middle case, and does not predict it: when its value is final, \
         {ahead} of the growth is ahead; what is known earlier predicts nothing"
    )]
    TooLate {
        /// The variables.
        what: String,
        /// The error on held-out inputs.
        error: String,
        /// Share of the growth.
        ahead: String,
    },
    /// What predicts memory is hit too often.
    #[error(
        "{what} predicts memory, off by {error} in the middle case, but its probes would take {share} of the run; at most \
         {allowed} is allowed"
    )]
    TooCostly {
        /// The variables.
        what: String,
        /// The error on held-out inputs.
        error: String,
        /// Share of the CPU time.
        share: String,
        /// Share allowed.
        allowed: String,
    },
}

/// The plan of a function, from the calls recorded of it. `fathom` is the version that asks.
///
/// # Errors
/// Where nothing predicts: see [`PlanError`].
pub fn plan(
    function: &FunctionId,
    traces: &[Trace],
    settings: &CheckedSettings,
    asked: AskedOfPlan,
    fathom: &str,
) -> Result<PredictivePlan, PlanError> {
    let calls = fullest(traces);
    let table = features::table(calls.iter().copied());
    let needs: Vec<f64> = table.rows.iter().map(|r| r.committed).collect();
    if needs.is_empty() {
        return Err(PlanError::NoCalls);
    }
    let planner = Planner {
        table: &table,
        needs: &needs,
        costs: Costs::of(&calls),
        calls: &calls,
        settings: settings.get(),
        asked,
        start: calls
            .iter()
            .map(|t| t.committed_start.as_f64())
            .fold(0.0, f64::max),
        at_least: at_least(traces),
    };
    let (best, screening) = planner.best();
    let chosen = if best.kind == ModelKind::Constant {
        planner.constant(best.clone())
    } else {
        planner.choose(&best)?
    };
    let newest = calls.iter().map(|t| t.started_unix_ms).max();
    Ok(PredictivePlan {
        schema: PredictivePlan::SCHEMA.to_owned(),
        fathom: fathom.to_owned(),
        function: function.clone(),
        learned: LearnedFrom {
            calls: calls.len(),
            inputs: needs.len(),
            newest_unix_ms: newest.unwrap_or_default(),
        },
        asked,
        screening,
        given_up: planner.given_up(&best, &chosen.model),
        ahead: planner.ahead(&chosen.model),
        variables: planner.variables(&chosen.model),
        bound: chosen.bound,
        model: chosen.model,
    })
}

struct Planner<'a> {
    table: &'a Table,
    needs: &'a [f64],
    costs: Costs<'a>,
    calls: &'a [&'a Trace],
    settings: &'a Settings,
    asked: AskedOfPlan,
    start: f64,
    at_least: Option<Bytes>,
}

/// A model that predicts, and its bound.
struct Chosen {
    model: Model,
    bound: PlanBound,
}

impl<'a> Planner<'a> {
    /// The model of everything, however late, and how it was guarded against chance.
    fn best(&self) -> (Model, Option<Screening>) {
        let needs = Cow::Borrowed(self.needs);
        let seed = self.settings.seed;
        let problem = crate::problem(self.table, needs, Target::Committed, seed);
        let explained = explain(&problem);
        let screening = crate::screened(&problem, &explained);
        (explained.model, screening)
    }

    fn choose(&self, best: &Model) -> Result<Chosen, PlanError> {
        let features = self.earliest().and_then(|model| self.smallest(&model));
        let features = features.ok_or_else(|| self.why_not(best))?;
        let order = step_ahead::order(&self.started(), self.settings);
        let early = self.early(self.columns(&features));
        let calls = sized_by(&early, &order, self.settings, self.at_least);
        let (model, rule) = calls
            .and_then(|c| c.model.zip(c.rule))
            .ok_or_else(|| self.why_not(best))?;
        let bound = PlanBound {
            backed_rate: self.backed_rate(),
            margin: rule.factor,
            added: rule.bounds.added,
            floor: rule.bounds.floor,
            cap: rule.bounds.cap,
            otherwise: self.every_call(),
        };
        Ok(Chosen { model, bound })
    }

    /// Memory that does not move is predicted by no variable at all.
    fn constant(&self, model: Model) -> Chosen {
        let all = self.every_call();
        let bound = PlanBound {
            backed_rate: self.backed_rate(),
            margin: 1.0,
            added: Bytes(0),
            floor: all,
            cap: all,
            otherwise: all,
        };
        Chosen { model, bound }
    }

    fn every_call(&self) -> Bytes {
        function_allocation(self.needs, self.at_least, self.settings.failure_rate)
    }

    fn backed_rate(&self) -> f64 {
        self.settings
            .failure_rate
            .max(1.0 / (self.needs.len() + 1) as f64)
    }

    fn started(&self) -> Vec<u64> {
        self.table.rows.iter().map(|r| r.started).collect()
    }

    fn early(&self, columns: Vec<&'a Column>) -> Early<'a> {
        Early {
            columns,
            needs: self.needs,
            start: self.start,
        }
    }

    /// The model of these columns alone, with its error on held-out inputs.
    fn learn(&self, columns: Vec<&'a Column>) -> Option<(f64, Model)> {
        let all: Vec<usize> = (0..self.needs.len()).collect();
        let (model, _) = self.early(columns).learn(&all, self.settings.seed)?;
        Some((model.held_out?.median_ape, model))
    }

    /// The model of the earliest columns that predict within the asked error; where none do, of the earliest that do about
    /// as well as any.
    fn earliest(&self) -> Option<Model> {
        let affordable = |c: &&Column| self.costs.share(&c.feature) <= self.asked.cost_share;
        let affordable: Vec<&Column> = self.table.columns.iter().filter(affordable).collect();
        let mut tried: Vec<(f64, Model)> = Vec::new();
        let mut before = 0;
        for least in [f64::INFINITY].into_iter().chain(LEADS) {
            let known =
                |c: &&&Column| c.feature.breakpoint == Breakpoint::Input || c.lead.share >= least;
            let columns: Vec<&Column> = affordable.iter().filter(known).copied().collect();
            if columns.len() == before {
                continue;
            }
            before = columns.len();
            let Some((error, model)) = self.learn(columns) else {
                continue;
            };
            if error <= self.asked.error {
                return Some(model);
            }
            tried.push((error, model));
        }
        let least = tried.iter().map(|t| t.0).fold(f64::INFINITY, f64::min);
        let about = tried.into_iter().find(|t| t.0 <= least + ABOUT);
        about.map(|t| t.1)
    }

    /// The fewest features of the model that do within the asked error, or as well as all of them; no more breakpoints, and
    /// no more cost, than a plan may have.
    fn smallest(&self, model: &Model) -> Option<Vec<Feature>> {
        let mut all = variables_of(model);
        all.truncate(MOST_FEATURES);
        let error = model.held_out.map_or(0.0, |h| h.median_ape);
        let enough = error.max(self.asked.error);
        // Where parts are left out the middle case may be in the others.
        let seldom = model.held_out.map_or(0.0, |h| h.p95_ape);
        let seldom = seldom.max(TAIL * self.asked.error);
        let mut subsets: Vec<Vec<Feature>> = (1..1usize << all.len())
            .map(|mask| {
                let chosen = all.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1);
                chosen.flat_map(|(_, features)| features.clone()).collect()
            })
            .filter(|subset: &Vec<Feature>| self.may_be_armed(subset))
            .collect();
        // A stable sort: of sets of one size, the one with the model's first terms first.
        subsets.sort_by_key(Vec::len);
        let mut least: Option<(f64, Vec<Feature>)> = None;
        for subset in subsets {
            let Some((error, learned)) = self.learn(self.columns(&subset)) else {
                continue;
            };
            if error <= enough && learned.held_out.is_some_and(|h| h.p95_ape <= seldom) {
                return Some(subset);
            }
            if least.as_ref().is_none_or(|l| error < l.0) {
                least = Some((error, subset));
            }
        }
        least.map(|l| l.1)
    }

    fn may_be_armed(&self, features: &[Feature]) -> bool {
        let armed = features.iter().filter(|f| needs_probe(&f.breakpoint));
        let places: BTreeSet<&Breakpoint> = armed.map(|f| &f.breakpoint).collect();
        places.len() <= MOST_BREAKPOINTS && self.cost(features) <= self.asked.cost_share
    }

    fn cost(&self, features: &[Feature]) -> f64 {
        let mut counted: Vec<(&str, &Breakpoint)> = Vec::new();
        let mut cost = 0.0;
        for feature in features {
            // Two aggregates of one variable are one probe.
            let place = (feature.variable.as_str(), &feature.breakpoint);
            if !counted.contains(&place) {
                counted.push(place);
                cost += self.costs.share(feature);
            }
        }
        cost
    }

    fn columns(&self, features: &[Feature]) -> Vec<&'a Column> {
        let columns = self.table.columns.iter();
        columns.filter(|c| features.contains(&c.feature)).collect()
    }

    fn lead(&self, model: &Model) -> Lead {
        let leads = self
            .columns(&features_of(model))
            .into_iter()
            .map(|c| c.lead);
        let all = || {
            let before = self.calls.iter().map(|t| Lead::before(t));
            Lead::middle(&before.collect::<Vec<Lead>>())
        };
        leads.reduce(Lead::least).unwrap_or_else(all)
    }

    fn ahead(&self, model: &Model) -> StillAhead {
        self.lead(model).into()
    }

    fn variables(&self, model: &Model) -> Vec<PlannedVariable> {
        let needs = Cow::Borrowed(self.needs);
        let seed = self.settings.seed;
        let problem = crate::problem(self.table, needs, Target::Committed, seed);
        let one = |feature: &Feature| {
            let column = self
                .table
                .columns
                .iter()
                .position(|c| c.feature == *feature)?;
            let with = moving_with(&problem.data, Columns::One(column)).into_iter();
            let with = with.map(|j| problem.features[j].variable.as_str());
            let with: BTreeSet<&str> = with.filter(|v| *v != feature.variable).collect();
            Some(PlannedVariable {
                breakpoint: feature.breakpoint.clone(),
                variable: feature.variable.clone(),
                aggregate: feature.aggregate,
                hits_per_call: rounded(self.costs.hits(feature)),
                cost_share: rounded(self.costs.share(feature)),
                always_reached: self.costs.always_reached(feature),
                ahead: self.table.columns[column].lead.into(),
                moves_with: with.len(),
            })
        };
        features_of(model).iter().filter_map(one).collect()
    }

    /// What predicts better than the chosen model, where that was not chosen.
    fn given_up(&self, best: &Model, chosen: &Model) -> Option<GivenUp> {
        let (theirs, ours) = (best.held_out?.median_ape, chosen.held_out?.median_ape);
        let features = features_of(best);
        if features.is_empty() || features == features_of(chosen) || theirs >= ours {
            return None;
        }
        let share = self.cost(&features);
        let costly = share > self.asked.cost_share;
        Some(GivenUp {
            formula: best.formula.clone(),
            median_ape: theirs,
            ahead: self.ahead(best),
            because: costly.then(|| format!("its probes would take {} of the run", percent(share))),
        })
    }

    /// Why nothing was chosen, from what explains best.
    fn why_not(&self, best: &Model) -> PlanError {
        let features = features_of(best);
        let Some(error) = best.held_out.filter(|_| !features.is_empty()) else {
            return PlanError::Unexplained(best.reason.clone());
        };
        let names: Vec<String> = features.iter().map(|f| name(&f.clone().into())).collect();
        let (what, error) = (names.join(" with "), percent(error.median_ape));
        let lead = self.lead(best).share;
        if lead < TOO_LATE {
            return PlanError::TooLate {
                what,
                error,
                ahead: percent(lead),
            };
        }
        PlanError::TooCostly {
            what,
            error,
            share: percent(self.cost(&features)),
            allowed: percent(self.asked.cost_share),
        }
    }
}

fn features_of(model: &Model) -> Vec<Feature> {
    model.features().into_iter().cloned().collect()
}

/// The same, the words that are said of one variable together: to know one of them is to know all.
fn variables_of(model: &Model) -> Vec<Vec<Feature>> {
    let mut all: Vec<Vec<Feature>> = Vec::new();
    for feature in features_of(model) {
        let said_of = feature.word().map(|(name, _)| name);
        let known = all.iter_mut().find(|known| {
            let first = known.first().and_then(Feature::word);
            said_of.is_some() && first.map(|(name, _)| name) == said_of
        });
        match known {
            Some(known) => known.push(feature),
            None => all.push(vec![feature]),
        }
    }
    all
}

impl From<Lead> for StillAhead {
    fn from(lead: Lead) -> StillAhead {
        StillAhead {
            share: rounded(lead.share),
            bytes: Bytes::from_f64(lead.bytes),
            seconds: rounded(lead.seconds),
        }
    }
}

/// Three significant digits: what is measured is known no better, and a plan learned again differs by what has changed.
fn rounded(value: f64) -> f64 {
    format!("{value:.2e}").parse().unwrap_or(value)
}
