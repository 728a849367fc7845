//! Sentences beside a recommendation: why this number, what its floor is, what was clipped. Decides nothing.

use crate::candidates::name;
use crate::data::FEWEST;
use crate::features::Table;
use crate::formula::percent;
use crate::margin::CAP;
use crate::settings::{Order, Settings};
use crate::step_ahead::Needs;
use trace::{Bytes, CallBounds, CutOff, Model, ModelKind, Predictor, Recommendation};

/// Why this number, what its floor is, what was clipped.
pub(crate) fn because(
    r: &Recommendation,
    table: &Table,
    settings: &Settings,
    at_least: Option<Bytes>,
    lead: f64,
) -> Vec<String> {
    let n = table.rows.len();
    let mut because = vec![match settings.order {
        Order::Stream if n >= FEWEST => stream_sentence(r, n),
        Order::Stream | Order::Sweep => function_sentence(r, table, n),
    }];
    if let Some(at_least) = at_least.filter(|b| *b > r.largest_need_bytes) {
        because.push(format!(
            "a call that was cut off raises it: it needed at least {at_least}, so 15 % more is given"
        ));
    }
    because.extend(lower_bound(r.cut_off()));
    if n < FEWEST {
        because.push(format!(
            "no regression from {n} distinct {}: {FEWEST} are needed",
            inputs(n)
        ));
    }
    match (&r.sizing, &r.sizing_feature) {
        (Some(model), Some(sized_by)) => because.extend(call_sentences(r, model, sized_by, lead)),
        _ => because.push(
            "every call gets the same: nothing known before the call predicts its need".to_owned(),
        ),
    }
    because
}

/// That nobody knows what the calls that were cut off would have needed.
fn lower_bound(cut_off: CutOff) -> Option<String> {
    let calls = |n: usize| {
        if n == 1 {
            "1 call was".to_owned()
        } else {
            format!("{n} calls were")
        }
    };
    let stopped: Vec<String> = [
        (cut_off.limited, "refused memory"),
        (cut_off.timed_out, "stopped at the deadline"),
    ]
    .into_iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, how)| format!("{} {how}", calls(n)))
    .collect();
    (!stopped.is_empty()).then(|| {
        format!(
            "only a lower bound: {} before the need was known",
            stopped.join(" and ")
        )
    })
}

fn inputs(n: usize) -> &'static str {
    if n == 1 { "input" } else { "inputs" }
}

fn stream_sentence(r: &Recommendation, n: usize) -> String {
    format!(
        "every call gets what the next one exceeds in {} of cases, by how the largest needs of the latest calls fall off; the \
         largest need of {n} distinct inputs was {}",
        percent(r.failure_rate_target),
        r.largest_need_bytes
    )
}

fn function_sentence(r: &Recommendation, table: &Table, n: usize) -> String {
    let largest = table
        .rows
        .iter()
        .max_by(|a, b| a.committed.total_cmp(&b.committed));
    let label = largest
        .map(|row| format!(" ({})", row.label))
        .unwrap_or_default();
    let inputs = inputs(n);
    let needed = r.largest_need_bytes;
    let needs: Vec<f64> = table.rows.iter().map(|row| row.committed).collect();
    if Needs::of(&needs).are_one() {
        return format!(
            "every call gets what each of {n} distinct {inputs} needed, {needed}, which is its floor"
        );
    }
    if r.inputs_needed == 0 {
        return format!(
            "every call gets the largest need of {n} distinct {inputs}, {needed}{label}, which is also its floor"
        );
    }
    format!(
        "every call gets the largest need of {n} distinct {inputs}, {needed}{label}, and {} more because they back no more than 1 \
         failure in {}; the largest need seen is the floor",
        percent((1.0 / n as f64).min(CAP - 1.0)),
        n + 1
    )
}

fn call_sentences(
    r: &Recommendation,
    model: &Model,
    sized_by: &Predictor,
    lead: f64,
) -> Vec<String> {
    let CallBounds {
        floor,
        cap,
        cap_outside,
        added,
    } = r.call_bounds;
    let margin = percent(r.margin.unwrap_or(1.0) - 1.0);
    let added = if added > Bytes(0) {
        format!(" and {added}")
    } else {
        String::new()
    };
    let beyond = match (cap_outside, model.kind) {
        (true, _) => "also outside the range seen",
        (false, ModelKind::Isotonic | ModelKind::Forest) => {
            "outside the range seen the need is taken as proportional and the margin widens"
        }
        (false, _) => "outside the range seen there is no cap and the margin widens",
    };
    let mut sentences = vec![format!(
        "a single call gets {} with a margin of {margin}{added}, at least {floor}, at most {cap}; {beyond}",
        model.formula
    )];
    if !sized_by.is_known_before() {
        sentences.push(format!(
            "{} is not known before the call: it sizes a call only where memory can still be set then, with {} of the growth ahead",
            name(sized_by),
            percent(lead)
        ));
    }
    if let (Some(call), Some(function)) = (r.replay_call, r.replay_function) {
        sentences.push(format!(
            "sized one by one from the calls before, {} of {} would have failed; given one number for all, {}",
            call.failures, call.calls, function.failures
        ));
    }
    sentences
}
