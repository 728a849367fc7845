//! What to allocate, for the function as a whole and for each call, with all that is needed to judge it. Prices are in
//! `deploy`.
//!
//! The numbers next to the function's allocation (`calls_replayed`, `failures_replayed`, `failure_rate_upper95`) are of the
//! rule that gave that allocation, one number for every call, because that is what a reader of the file will deploy. The
//! rule for single calls has its own replay in `replay_call`.

use crate::because::because;
use crate::catalogue::Catalogue;
use crate::data::FEWEST;
use crate::deploy;
use crate::features::{Column, Table};
use crate::margin::{CAP, Rule, rule, size};
use crate::settings::{Order, Settings};
use crate::statistics::{backing_inputs, poisson_at_least};
use crate::step_ahead::{self, Early, one_step};
use crate::stream::of_stream;
use trace::{
    Breakpoint, Bytes, CallAllocation, Confidence, Feature, Model, Observed, Outcome, Predictor,
    Recommendation, Replay, Trace,
};

/// A value that is not known before the call, but early in it, must leave this share of the growth ahead.
const EARLY_ENOUGH: f64 = 0.5;

/// The allocation for one call that has not been made yet, from what is known of its input, in whole pages.
///
/// What the recommendation gives every call, where it sizes no single call or a value that it needs is missing.
pub fn size_call(recommendation: &Recommendation, input_features: &[Observed]) -> Bytes {
    let value_of = |feature: &Feature| feature.value_in(input_features);
    let sized = recommendation
        .sizing
        .as_ref()
        .zip(Rule::of(recommendation))
        .and_then(|(model, rule)| size(model, &rule, &value_of));
    sized.map_or(recommendation.allocation_bytes, |(_, given)| given)
}

/// The recommendation; `None` where not a single call succeeded.
pub(crate) fn recommend(
    table: &Table,
    traces: &[Trace],
    settings: &Settings,
    catalogue: &Catalogue,
) -> Option<Recommendation> {
    let needs: Vec<f64> = table.rows.iter().map(|r| r.committed).collect();
    let n = needs.len();
    let largest = needs.iter().copied().max_by(f64::total_cmp)?;
    let at_least = at_least(traces);
    let started: Vec<u64> = table.rows.iter().map(|r| r.started).collect();
    let order = step_ahead::order(&started, settings);
    let measured = function_allocation(&needs, at_least, settings.failure_rate);
    let (allocation, replayed, calls) = match settings.order {
        Order::Sweep => {
            let replayed = step_ahead::function(&needs, &order, settings.failure_rate);
            let calls = single_calls(table, &needs, &order, traces, settings, at_least);
            (measured, replayed, calls)
        }
        Order::Stream => {
            let stream = of_stream(table, traces, settings);
            // What was cut off needed more than anything that was measured.
            let is_cut_off = at_least.is_some_and(|b| b.as_f64() > largest);
            let allocation = stream.allocation.filter(|_| !is_cut_off);
            (allocation.unwrap_or(measured), stream.replay, stream.calls)
        }
    };
    let inputs_needed = backing_inputs(settings.failure_rate).saturating_sub(n);
    let mut recommendation = Recommendation {
        allocation_bytes: allocation,
        largest_need_bytes: Bytes::from_f64(largest),
        failure_rate_target: settings.failure_rate,
        failure_rate_backed: settings.failure_rate.max(1.0 / (n + 1) as f64),
        inputs_needed,
        confidence: confidence(n, inputs_needed, replayed.as_ref(), settings.failure_rate),
        calls_replayed: replayed.map(|r| r.calls),
        failures_replayed: replayed.map(|r| r.failures),
        failure_rate_upper95: replayed.map(|r| r.failure_rate_upper95),
        baseline_bytes: settings.baseline,
        memory_saving_share: 1.0 - allocation.as_f64() / settings.baseline.as_f64(),
        runtime_base_bytes: settings.runtime_base,
        sizing_feature: calls.model.as_ref().and_then(known_last).cloned(),
        sizing: calls.model,
        margin: calls.rule.map(|r| r.factor),
        margin_from: calls.rule.and_then(|r| r.from),
        call_bounds: calls.rule.map(|r| r.bounds).unwrap_or_default(),
        replay_function: replayed,
        replay_call: calls.replay,
        calls: Vec::new(),
        verified: None,
        providers: deploy::bills(traces, allocation, settings, catalogue),
        because: Vec::new(),
    };
    recommendation.calls = traces.iter().map(|t| call(&recommendation, t)).collect();
    // Inputs of unknown need, larger ones perhaps, are not among those that the rate is told of; and what a call that was
    // refused a growth would have taken is not known either.
    let refused = traces
        .iter()
        .any(|t| t.is_measurement() && t.refused_count > 0);
    let unknown = refused || recommendation.cut_off().calls() > 0;
    if unknown && recommendation.confidence != Confidence::None {
        recommendation.confidence = Confidence::Low;
    }
    recommendation.because = because(&recommendation, table, settings, at_least, calls.lead);
    Some(recommendation)
}

/// What a model waits for: where some of it is known before the call and some only inside, that inside.
fn known_last(model: &Model) -> Option<&Predictor> {
    let mut predictors = model.terms.iter().map(|term| &term.predictor);
    let inside = predictors.find(|p| !p.is_known_before());
    inside.or_else(|| model.first_predictor())
}

/// The largest size that a call was refused and failed for, or had reached at its deadline: it needed at least that.
pub(crate) fn at_least(traces: &[Trace]) -> Option<Bytes> {
    let cut_off = traces
        .iter()
        .filter(|t| matches!(t.outcome, Outcome::Limited | Outcome::TimedOut));
    cut_off.map(Trace::needed).max()
}

pub(crate) fn function_allocation(
    needs: &[f64],
    at_least: Option<Bytes>,
    failure_rate: f64,
) -> Bytes {
    let needs = step_ahead::Needs::of(needs);
    let measured = needs.bound(failure_rate);
    // What a call that was cut off had reached is only a lower bound: it gets the widest margin.
    let beyond = at_least
        .map(|b| b.as_f64())
        .filter(|b| *b > needs.largest)
        .map_or(0.0, |b| b * CAP);
    Bytes::from_f64(measured.max(beyond).ceil()).round_up_to_pages()
}

/// The rule for single calls.
pub(crate) struct SingleCalls {
    pub(crate) model: Option<Model>,
    pub(crate) rule: Option<Rule>,
    pub(crate) replay: Option<Replay>,
    /// Share of the growth still ahead when all terms of the model are known.
    pub(crate) lead: f64,
}

fn single_calls(
    table: &Table,
    needs: &[f64],
    order: &[usize],
    traces: &[Trace],
    settings: &Settings,
    at_least: Option<Bytes>,
) -> SingleCalls {
    let known_before = |c: &&Column| c.feature.breakpoint == Breakpoint::Input;
    let known_early = |c: &&Column| c.feature.is_early() && c.lead.share >= EARLY_ENOUGH;
    let start = traces
        .iter()
        .map(|t| t.committed_start)
        .max()
        .unwrap_or_default();
    let groups: [Vec<&Column>; 2] = [
        table.columns.iter().filter(known_before).collect(),
        table.columns.iter().filter(known_early).collect(),
    ];
    for columns in groups {
        let early = Early {
            columns,
            needs,
            start: start.as_f64(),
        };
        if let Some(calls) = sized_by(&early, order, settings, at_least) {
            return calls;
        }
    }
    SingleCalls {
        model: None,
        rule: None,
        replay: None,
        lead: 0.0,
    }
}

/// The rule by which these columns size single calls; `None` where they predict nothing.
pub(crate) fn sized_by(
    early: &Early,
    order: &[usize],
    settings: &Settings,
    at_least: Option<Bytes>,
) -> Option<SingleCalls> {
    let all: Vec<usize> = (0..early.needs.len()).collect();
    let (model, left_out) = early.learn(&all, settings.seed)?;
    let replayed = step_ahead::per_call(early, order, settings);
    let mut bounds = early.bounds(&all, settings);
    bounds.cap = bounds
        .cap
        .max(at_least.map_or(Bytes(0), |b| Bytes::from_f64(b.as_f64() * CAP)));
    let rule = rule(
        &left_out,
        one_step(&replayed.ahead),
        settings.failure_rate,
        bounds,
    );
    let leads = model.features().into_iter().map(|f| early.lead(f));
    let lead = leads.map(|lead| lead.unwrap_or(0.0)).fold(1.0, f64::min);
    Some(SingleCalls {
        model: Some(model),
        rule: Some(rule),
        replay: replayed.replay,
        lead,
    })
}

/// How well the asked rate is backed. A replay contradicts it where so many failures would be seen in fewer than 5 % of
/// cases: each replayed call may fail with the asked rate, or with 1 in i + 1 where only i calls were before it.
fn confidence(
    n: usize,
    inputs_needed: usize,
    replayed: Option<&Replay>,
    failure_rate: f64,
) -> Confidence {
    if n < FEWEST {
        return Confidence::None;
    }
    let Some(replayed) = replayed else {
        return Confidence::Low;
    };
    let backed = |before: usize| failure_rate.max(1.0 / (before + 1) as f64);
    let expected: f64 = (FEWEST..FEWEST + replayed.calls).map(backed).sum();
    let contradicted = poisson_at_least(replayed.failures, expected) < 0.05;
    if inputs_needed > 0 || contradicted {
        Confidence::Low
    } else if replayed.failure_rate_upper95 <= failure_rate {
        Confidence::High
    } else {
        Confidence::Good
    }
}

fn call(recommendation: &Recommendation, trace: &Trace) -> CallAllocation {
    let value_of = |feature: &Feature| trace.value_of(feature);
    let sized = recommendation
        .sizing
        .as_ref()
        .zip(Rule::of(recommendation))
        .and_then(|(model, rule)| size(model, &rule, &value_of));
    let given = sized.map_or(recommendation.allocation_bytes, |s| s.1);
    let refused = trace.outcome == Outcome::Limited;
    CallAllocation {
        input: trace.input.label.clone(),
        input_digest: trace.input.digest.clone(),
        outcome: trace.outcome,
        needed_bytes: trace.needed(),
        predicted_bytes: sized.map(|s| Bytes::from_f64(s.0)),
        allocation_bytes: if refused {
            given.max(trace.needed().round_up_to_pages())
        } else {
            given
        },
        feature_value: recommendation
            .sizing_feature
            .as_ref()
            .and_then(|sized_by| sized_by.value(value_of)),
    }
}
