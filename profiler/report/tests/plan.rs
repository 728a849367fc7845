//! A plan, and whether it holds, as a user reads them, against `tests/expected`; names from a guest or a file stay harmless.

mod common;

use report::{Style, drift_text, plan_text, planned_text};
use std::path::Path;
use std::{env, fs};
use trace::*;

#[track_caller]
fn expect(name: &str, actual: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/expected");
    let path = folder.join(name);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, actual).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(actual, expected, "{name} differs (BLESS=1 accepts it)");
}

fn ahead(share: f64) -> StillAhead {
    StillAhead {
        share,
        bytes: Bytes((share * 8e6) as u64),
        seconds: share * 0.02,
    }
}

fn plan() -> PredictivePlan {
    let rows = common::feature(
        "rows",
        Breakpoint::Entry("process".to_owned()),
        Aggregate::First,
    );
    let model = common::model(
        ModelKind::Linear,
        "1.1 MiB + 86 B x first(rows)",
        Some(rows.clone()),
    );
    let variable = |feature: Feature, lead: f64, hits: f64| PlannedVariable {
        breakpoint: feature.breakpoint,
        variable: feature.variable,
        aggregate: feature.aggregate,
        hits_per_call: hits,
        cost_share: hits * 1e-5,
        always_reached: true,
        ahead: ahead(lead),
        moves_with: 7,
    };
    PredictivePlan {
        schema: PredictivePlan::SCHEMA.to_owned(),
        fathom: "0.1.0".to_owned(),
        function: common::function(),
        learned: LearnedFrom {
            calls: 15,
            inputs: 12,
            newest_unix_ms: 0,
        },
        asked: AskedOfPlan {
            error: 0.01,
            failure_rate: 0.01,
            cost_share: 0.01,
        },
        ahead: ahead(0.9),
        screening: Some(Screening {
            candidates: 412,
            inputs: 12,
            shuffles: Screening::SHUFFLES,
            better: 0,
        }),
        given_up: Some(GivenUp {
            formula: "1.1 MiB + 86 B x max(lines)".to_owned(),
            median_ape: 0.004,
            ahead: ahead(0.0),
            because: None,
        }),
        bound: PlanBound {
            backed_rate: 1.0 / 13.0,
            margin: 1.024,
            added: Bytes(0),
            floor: Bytes(1 << 20),
            cap: Bytes(1 << 25),
            otherwise: Bytes(1 << 25),
        },
        variables: vec![variable(rows, 0.9, 1.0)],
        model,
    }
}

fn drift(stale: Option<Stale>) -> Drift {
    Drift {
        calls: 120,
        misses: if stale.is_some() { 9 } else { 0 },
        outside: 4,
        allowed_rate: 1.0 / 13.0,
        e_value: if stale.is_some() { 2_345.6 } else { 0.043 },
        alarm_at: 1_000.0,
        stale,
    }
}

fn stale(input: &str) -> Stale {
    Stale {
        since_call: 117,
        input: input.to_owned(),
        reason: StaleReason::NewRange,
        why: "8 of 9 misses lie outside what was learned, `first(rows)` 1000..250000".to_owned(),
    }
}

#[test]
fn a_plan_and_its_state_read_as_agreed() {
    let style = Style::default();
    let mut texts = plan_text(&plan(), style);
    texts.push('\n');
    texts.push_str(&drift_text(&drift(None), style));
    texts.push_str(&drift_text(&drift(Some(stale("lines-9000000.txt"))), style));
    texts.push('\n');
    let call = common::call("one", 52_000, 1);
    let needed = call.needed();
    for said in [
        Some((needed, Bytes(needed.0 + 1))),
        Some((Bytes(needed.0 / 2), Bytes(needed.0 - 1))),
        None,
    ] {
        texts.push_str(planned_text(&call, said).trim_start());
        texts.push('\n');
    }
    expect("plan.txt", &texts);
}

#[test]
fn names_are_harmless() {
    let mut plan = plan();
    plan.function.name = "\u{1b}[31mred\n".to_owned();
    plan.variables[0].variable = "a\u{1b}[2J".to_owned();
    plan.model.formula = "\u{7}".to_owned();
    let text = plan_text(&plan, Style::default())
        + &drift_text(&drift(Some(stale("\u{1b}[2J\n"))), Style::default());
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );
}
