//! A plan that holds is left alone, however long one looks; one that does not is found out soon, and the reason is said.

mod common;

use common::{call, function, log_spread, normal, pages, rng, seen_once, settings};
use learn::{DriftState, plan, predict};
use rand::Rng;
use trace::*;

/// A call whose need follows the rows that `process` is entered with, but for noise.
fn one(label: &str, rows: f64, noise: f64) -> Trace {
    let mut trace = call(label, pages(1.2e6 + 86.0 * rows * noise), None);
    let start = trace.committed_start;
    let process = Breakpoint::Entry("process".to_owned());
    trace.observations = vec![seen_once("rows", process, rows, start)];
    trace
}

fn noisy(label: &str, rng: &mut rand::rngs::SmallRng) -> Trace {
    let rows = log_spread(rng, 1e4, 1e6);
    let noise = (0.05 * normal(rng)).exp();
    one(label, rows, noise)
}

fn learned(inputs: usize, seed: u64) -> PredictivePlan {
    let mut rng = rng(seed);
    let traces: Vec<Trace> = (0..inputs)
        .map(|i| noisy(&i.to_string(), &mut rng))
        .collect();
    let asked = AskedOfPlan {
        error: 0.1,
        failure_rate: 0.01,
        cost_share: 0.01,
    };
    plan(&function(), &traces, &settings(), asked, "0.0.0").unwrap()
}

/// The call with a need just above what the plan expects, or just within.
fn judged(plan: &PredictivePlan, trace: &mut Trace, misses: bool) {
    let bound = predict(plan, trace).unwrap().bound;
    trace.committed_peak = if misses {
        Bytes(bound.0 + PAGE.0)
    } else {
        bound
    };
}

/// Calls until the plan is stale; `None` where it never is.
fn until_stale(
    plan: &PredictivePlan,
    calls: usize,
    mut misses: impl FnMut(usize) -> bool,
) -> Option<u64> {
    let mut trace = one("again", 1e5, 1.0);
    let mut state = DriftState::new();
    for i in 0..calls {
        judged(plan, &mut trace, misses(i));
        state.see(plan, &trace);
        if let Some(stale) = state.drift(plan).stale {
            return Some(stale.since_call);
        }
    }
    None
}

/// Of plans whose calls miss exactly as often as they may, one in a thousand may ever be called stale.
#[test]
fn misses_at_the_allowed_rate_raise_no_alarm() {
    for inputs in [14, 99, 300] {
        let plan = learned(inputs, 1);
        let rate = plan.bound.backed_rate;
        assert_eq!(rate, (1.0 / (inputs + 1) as f64).max(0.01));
        let alarms = (0..200).filter(|&seed| {
            let mut rng = rng(seed);
            until_stale(&plan, 10_000, |_| rng.gen_bool(rate)).is_some()
        });
        assert!(alarms.count() <= 1, "{inputs}");
    }
}

/// The bound is widened where inputs are few, so that it is hardly ever an unlucky one.
#[test]
fn calls_like_those_learned_from_raise_no_alarm() {
    let alarms = (0..60).filter(|&seed| {
        let plan = learned(12, seed);
        let mut rng = rng(1_000 + seed);
        let mut state = DriftState::new();
        for i in 0..1_000 {
            state.see(&plan, &noisy(&i.to_string(), &mut rng));
        }
        state.drift(&plan).stale.is_some()
    });
    assert_eq!(alarms.count(), 0);
}

#[test]
fn a_change_is_noticed_soon_also_after_long_success() {
    let (few, many) = (learned(14, 1), learned(120, 1));
    let at_once = |plan| until_stale(plan, 100, |_| true).unwrap();
    assert!(at_once(&few) <= 12, "{}", at_once(&few));
    assert!(at_once(&many) <= 6, "{}", at_once(&many));
    // Every fifth call from the thousandth on.
    let later = |plan| until_stale(plan, 3_000, |i| i >= 1_000 && i % 5 == 0).unwrap();
    assert!(later(&few) <= 1_300, "{}", later(&few));
    assert!(later(&many) <= 1_120, "{}", later(&many));
    // Three times the rate is found out in the end.
    let mut rng = rng(5);
    assert!(until_stale(&many, 20_000, |_| rng.gen_bool(0.03)).is_some());
}

fn reason(plan: &PredictivePlan, calls: impl IntoIterator<Item = Trace>) -> Stale {
    let mut state = DriftState::new();
    for trace in calls {
        state.see(plan, &trace);
    }
    state.drift(plan).stale.expect("it is stale")
}

#[test]
fn the_reason_is_said() {
    let plan = learned(14, 1);
    // Three times as much beyond the range.
    let beyond = reason(&plan, (0..30).map(|i| one(&format!("big{i}"), 5e6, 9.0)));
    assert_eq!(beyond.reason, StaleReason::NewRange);
    assert!(
        beyond.why.contains("`first(rows)`") && beyond.input.starts_with("big"),
        "{beyond:?}"
    );
    // Another function does the work.
    let elsewhere = (0..30).map(|i| {
        let mut trace = one(&i.to_string(), 1e5, 1.0);
        trace.observations.clear();
        trace
    });
    let elsewhere = reason(&plan, elsewhere);
    assert_eq!(elsewhere.reason, StaleReason::OtherPath);
    assert!(
        elsewhere
            .why
            .contains("`rows` at entry:process, was not reached"),
        "{elsewhere:?}"
    );
    // The same rows need more.
    let more = reason(&plan, (0..30).map(|i| one(&i.to_string(), 1e5, 2.0)));
    assert_eq!(more.reason, StaleReason::OtherPath);
    // One call of another module is enough.
    let mut other = one("other", 1e5, 1.0);
    other.function.digest = "sha256:1".to_owned();
    let other = reason(&plan, [one("same", 1e5, 1.0), other]);
    assert_eq!(
        (other.reason, other.since_call),
        (StaleReason::NewModule, 2)
    );
    assert!(other.why.contains("sha256:0") && other.why.contains("sha256:1"));
}

/// The range may be left without harm, and a call that ended early says nothing unless it had taken too much by then.
#[test]
fn what_is_no_miss_is_none() {
    let plan = learned(14, 1);
    let mut state = DriftState::new();
    let with = |outcome: Outcome, noise: f64| Trace {
        outcome,
        ..one("cut", 1e5, noise)
    };
    state.see(&plan, &one("beyond", 2e6, 1.0));
    state.see(&plan, &with(Outcome::Failed, 0.1));
    state.see(&plan, &with(Outcome::TimedOut, 1.0));
    let drift = state.drift(&plan);
    assert_eq!((drift.calls, drift.misses, drift.outside), (1, 0, 1));
    state.see(&plan, &with(Outcome::TimedOut, 3.0));
    assert_eq!(state.drift(&plan).misses, 1);
}

/// What a server keeps between two calls.
#[test]
fn the_state_is_a_value_that_goes_on_where_it_was() {
    let plan = learned(14, 1);
    let mut whole = DriftState::new();
    let mut in_parts = DriftState::new();
    for i in 0..20 {
        let trace = one(&i.to_string(), 1e5, if i % 3 == 0 { 2.0 } else { 1.0 });
        whole.see(&plan, &trace);
        let kept = toml::to_string(&in_parts).unwrap();
        in_parts = toml::from_str(&kept).unwrap();
        in_parts.see(&plan, &trace);
    }
    assert_eq!(whole, in_parts);
}
