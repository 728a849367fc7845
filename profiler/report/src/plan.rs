//! A plan and whether it still holds, as text for a terminal. The file form of a plan is not here: it is written by the
//! command line, which also reads it.

use crate::Style;
use crate::clean::{clean, quoted};
use crate::layout::{Tone, labelled, wrap};
use crate::show::{count, counted, number, odds, percent, seconds, size};
use crate::words::{error, formula, listed, screened, seen};
use trace::{
    Aggregate, Breakpoint, Bytes, Drift, ModelKind, PlannedVariable, PredictivePlan, StillAhead,
    Trace,
};

/// What a plan keeps, when that is known, what it costs, and what was given up.
pub fn plan_text(plan: &PredictivePlan, style: Style) -> String {
    let style = Style {
        width: style.width.max(60),
        ..style
    };
    let mut lines: Vec<String> = wrap(&headline(plan), style.width)
        .iter()
        .map(|line| style.paint(Tone::Strong, line))
        .collect();
    lines.extend(labelled(style, "Why", &why(plan)));
    lines.extend(labelled(style, "When", &when(plan)));
    lines.extend(labelled(style, "Cost", &[cost(plan)]));
    lines.extend(labelled(style, "Bound", &[bound(plan)]));
    lines.join("\n") + "\n"
}

fn headline(plan: &PredictivePlan) -> String {
    let name = clean(&plan.function.name);
    let inputs = counted(plan.learned.inputs, "distinct input");
    match plan.variables.len() {
        0 => format!("{name}: no variable is needed, memory was the same on {inputs}."),
        n => {
            let probes = match plan.places().len() {
                0 => "no probe".to_owned(),
                places => counted(places, "probe"),
            };
            format!(
                "{name}: {} and {probes}, learned from {inputs}.",
                counted(n, "variable")
            )
        }
    }
}

fn why(plan: &PredictivePlan) -> Vec<String> {
    let model = &plan.model;
    if model.kind == ModelKind::Constant {
        return vec![format!("peak = {}", size(Bytes::from_f64(model.intercept)))];
    }
    let mut parts = vec![format!("peak = {}", formula(model))];
    parts.extend(error(model));
    parts.extend(seen(model));
    let mut said = vec![parts.join(", ")];
    said.extend(plan.screening.as_ref().and_then(screened));
    if !plan.is_within_asked() {
        said.push(format!(
            "not within the {} asked: nothing that is known early enough is",
            percent(plan.asked.error)
        ));
    }
    said
}

fn when(plan: &PredictivePlan) -> Vec<String> {
    let mut said: Vec<String> = plan.variables.iter().map(known).collect();
    said.extend(plan.given_up.as_ref().map(|better| {
        let why = match &better.because {
            Some(why) => clean(why),
            None => format!("known with {} ahead", ahead(&better.ahead)),
        };
        format!(
            "given up: {}, off by {} in the middle case; {why}",
            clean(&better.formula),
            percent(better.median_ape)
        )
    }));
    said
}

/// A variable, where, and what is still to come then.
fn known(variable: &PlannedVariable) -> String {
    let named = match variable.aggregate {
        Aggregate::First if variable.breakpoint == Breakpoint::Input => quoted(&variable.variable),
        _ => quoted(&variable.feature().to_string()),
    };
    let place = match variable.breakpoint {
        Breakpoint::Input => "is known before the call".to_owned(),
        _ => format!("at {}", clean(&variable.breakpoint.to_string())),
    };
    let others = match variable.moves_with {
        0 => String::new(),
        1 => "; 1 other moves with it".to_owned(),
        n => format!("; {} others move with it", count(n)),
    };
    format!("{named} {place}, {} ahead{others}", ahead(&variable.ahead))
}

fn ahead(ahead: &StillAhead) -> String {
    if ahead.share <= 0.0 {
        return "no growth".to_owned();
    }
    format!(
        "{} of growth ({}) and {}",
        percent(ahead.share),
        size(ahead.bytes),
        seconds(ahead.seconds)
    )
}

fn cost(plan: &PredictivePlan) -> String {
    let armed: Vec<&PlannedVariable> = plan.variables.iter().filter(|v| v.needs_probe()).collect();
    if armed.is_empty() {
        return "nothing is armed: what is read is known without a probe".to_owned();
    }
    let one = |v: &&PlannedVariable| {
        format!(
            "{} at {}: {} {} a call, {} of the run",
            quoted(&v.variable),
            clean(&v.breakpoint.to_string()),
            number(v.hits_per_call),
            if v.hits_per_call == 1.0 {
                "hit"
            } else {
                "hits"
            },
            percent(v.cost_share)
        )
    };
    listed(&armed.iter().map(one).collect::<Vec<String>>())
}

fn bound(plan: &PredictivePlan) -> String {
    let margin = plan.bound.margin - 1.0;
    let beyond = match plan.bound.added {
        Bytes(0) => percent(margin),
        added if margin < 5e-4 => size(added),
        added => format!("{} and {}", percent(margin), size(added)),
    };
    format!(
        "{} calls may need more than the prediction + {beyond}",
        odds(plan.bound.backed_rate)
    )
}

/// What a plan said of a call that was made under it, prediction and bound, as a line of its account; `None` where what the
/// plan reads was not observed.
pub fn planned_text(trace: &Trace, said: Option<(Bytes, Bytes)>) -> String {
    let Some((predicted, bound)) = said else {
        return "\tPlan: no prediction, what it reads was not reached".to_owned();
    };
    let (needed, held) = (trace.needed(), trace.needed() <= bound);
    format!(
        "\tPlan: {} predicted, {} at most; {} needed: {}",
        size(predicted),
        size(bound),
        size(needed),
        if held { "as planned" } else { "NOT as planned" }
    )
}

/// Whether a plan still holds.
pub fn drift_text(drift: &Drift, style: Style) -> String {
    let calls = |n: u64| counted(usize::try_from(n).unwrap_or(usize::MAX), "call");
    let evidence = format!(
        "e-value {}, stale from {}",
        number((drift.e_value * 100.0).round() / 100.0),
        number(drift.alarm_at)
    );
    let outside = match drift.outside {
        0 => String::new(),
        n => format!("; {} outside the range learned from", calls(n)),
    };
    let (word, tone, said) = match &drift.stale {
        None if drift.calls == 0 => (
            "fresh",
            Tone::Good,
            "no call since it was learned".to_owned(),
        ),
        None => (
            "fresh",
            Tone::Good,
            format!(
                "{} since, {} beyond the bound ({} may be){outside}; {evidence}",
                calls(drift.calls),
                number(drift.misses as f64),
                odds(drift.allowed_rate)
            ),
        ),
        Some(stale) => (
            "stale",
            Tone::Bad,
            format!(
                "since call {} of {}, input {}: {}, {}; {evidence}",
                number(stale.since_call as f64),
                number(drift.calls as f64),
                quoted(&stale.input),
                stale.reason,
                clean(&stale.why)
            ),
        ),
    };
    let lines = wrap(&said, style.width.max(60).saturating_sub(word.len() + 2));
    let indent = " ".repeat(word.len() + 2);
    let text = lines.join(&format!("\n{indent}"));
    format!("{}: {text}\n", style.paint(tone, word))
}
