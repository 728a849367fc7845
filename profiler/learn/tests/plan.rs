//! The plan: the fewest variables that predict within the asked error, and of those the earliest; what comes too late or
//! costs too much is not in it, and that is said.

mod common;

use common::{call, function, log_spread, normal, pages, rng, seen_once, settings};
use learn::{PlanError, plan};
use trace::*;

const ASKED: AskedOfPlan = AskedOfPlan {
    error: 0.1,
    failure_rate: 0.01,
    cost_share: 0.01,
};

fn planned(traces: &[Trace], asked: AskedOfPlan) -> Result<PredictivePlan, PlanError> {
    plan(&function(), traces, &settings(), asked, "0.0.0")
}

fn within(error: f64) -> AskedOfPlan {
    AskedOfPlan { error, ..ASKED }
}

fn entry(name: &str) -> Breakpoint {
    Breakpoint::Entry(name.to_owned())
}

/// The body tells the need by a half, `rows` at the entry of `process` exactly, when a tenth has grown and half the time has
/// passed; `sorted` tells it when all is over.
fn calls(n: usize) -> Vec<Trace> {
    let mut rng = rng(7);
    let one = |i: usize| {
        let rows = log_spread(&mut rng, 1e4, 1e6);
        let mut trace = call(&i.to_string(), pages(1.2e6 + 86.0 * rows), None);
        trace.started_unix_ms = 1_000 + i as u64;
        let grown = (trace.committed_peak.0 - trace.committed_start.0) / 10;
        let early = Bytes(trace.committed_start.0 + grown);
        let body = 60.0 * rows * (0.5 * normal(&mut rng)).exp();
        let at = |mut observed: Observed, at: u64| {
            for moment in [&mut observed.first_moment, &mut observed.last_moment] {
                *moment = moment.map(|m| Moment { at: Nanos(at), ..m });
            }
            observed
        };
        trace.observations = vec![
            Observed::before_the_call("stdin_bytes", body.round()),
            at(seen_once("rows", entry("process"), rows, early), 5_000_000),
            at(
                seen_once("table", entry("process"), 8.0 * rows, early),
                5_000_000,
            ),
            at(
                seen_once("sorted", Breakpoint::End, rows, trace.committed_peak),
                10_000_000,
            ),
        ];
        trace
    };
    (0..n).map(one).collect()
}

#[test]
fn the_earliest_that_predicts_within_the_asked_error_is_kept() {
    let traces = calls(24);
    let plan = planned(&traces, within(0.1)).unwrap();
    let [rows] = plan.variables.as_slice() else {
        panic!("{:?}", plan.variables)
    };
    assert_eq!(
        (rows.variable.as_str(), &rows.breakpoint),
        ("rows", &entry("process"))
    );
    assert_eq!(
        (rows.aggregate, rows.always_reached),
        (Aggregate::First, true)
    );
    // `table` says the same there, and `sorted` in the end.
    assert_eq!(rows.moves_with, 2);
    assert!((plan.ahead.share - 0.9).abs() < 0.01, "{:?}", plan.ahead);
    assert_eq!(plan.ahead.seconds, 0.005);
    let (mut left, middle): (Vec<u64>, usize) =
        (traces.iter().map(|t| t.committed_peak.0).collect(), 12);
    left.sort_unstable();
    let grows = (left[middle - 1] + left[middle]) as f64 / 2.0 - 17.0 * PAGE.as_f64();
    assert!(
        (plan.ahead.bytes.as_f64() / (0.9 * grows) - 1.0).abs() < 0.01,
        "{:?}",
        plan.ahead
    );
    assert_eq!(plan.given_up, None, "nothing predicts better");
    assert_eq!(
        plan.learned,
        LearnedFrom {
            calls: 24,
            inputs: 24,
            newest_unix_ms: 1_023
        }
    );
    assert!(plan.is_within_asked());
    let place = PlannedPlace {
        breakpoint: entry("process"),
        variable: "rows".to_owned(),
    };
    assert_eq!(plan.places(), [place]);

    // Who is content with less knows it before the call, and is told what was given up.
    let early = planned(&traces, within(0.4)).unwrap();
    assert_eq!(early.variables[0].variable, "stdin_bytes");
    assert!(early.places().is_empty() && early.ahead.share == 1.0);
    let given_up = early.given_up.unwrap();
    assert!(given_up.formula.contains("first(rows)"), "{given_up:?}");
    assert!(given_up.median_ape < 0.02 && given_up.ahead == plan.ahead);
}

#[test]
fn what_comes_too_late_is_no_plan() {
    let mut traces = calls(24);
    for trace in &mut traces {
        trace.observations.retain(|o| o.variable == "sorted");
    }
    let error = planned(&traces, ASKED).unwrap_err();
    assert!(
        matches!(&error, PlanError::TooLate { what, ahead, .. } if what == "last(sorted) at end" && ahead == "0 %"),
        "{error}"
    );
}

/// Ten thousand hits of 2 ns are 20 us, and a call takes 1 ms.
#[test]
fn what_is_hit_too_often_is_left_out_and_that_is_said() {
    let mut traces = calls(24);
    for trace in &mut traces {
        trace.cpu = Nanos(1_000_000);
        trace.observations[1].count = 10_000;
        trace.observations[2].count = 10_000;
    }
    let plan = planned(&traces, within(0.1)).unwrap();
    assert_eq!(
        plan.variables[0].variable, "stdin_bytes",
        "for want of a better one"
    );
    assert!(!plan.is_within_asked());
    let because = plan.given_up.unwrap().because.unwrap();
    assert_eq!(because, "its probes would take 2.0 % of the run");
    // Where the calls say what a hit costs, that counts.
    for trace in &mut traces {
        trace.probe_cost = ProbeCost {
            hits: 20_000,
            host_calls: 0,
            cpu_seconds: 8e-6,
        };
    }
    let plan = planned(&traces, within(0.1)).unwrap();
    let rows = &plan.variables[0];
    assert_eq!(
        (rows.variable.as_str(), rows.hits_per_call),
        ("rows", 10_000.0)
    );
    assert!(
        (rows.cost_share - 0.004).abs() < 1e-9,
        "{}",
        rows.cost_share
    );
    for trace in &mut traces {
        trace.observations.retain(|o| o.variable == "rows");
        trace.probe_cost = ProbeCost::default();
    }
    let error = planned(&traces, ASKED).unwrap_err();
    assert!(matches!(error, PlanError::TooCostly { .. }), "{error}");
}

#[test]
fn a_second_variable_is_kept_only_where_it_is_needed() {
    let mut rng = rng(9);
    let mut traces = Vec::new();
    for i in 0..30 {
        let (rows, keys) = (
            log_spread(&mut rng, 1e5, 1e6),
            log_spread(&mut rng, 1e4, 1e5),
        );
        let mut trace = call(
            &i.to_string(),
            pages(1.2e6 + 86.0 * rows + 400.0 * keys),
            None,
        );
        let start = trace.committed_start;
        trace.observations = vec![
            seen_once("rows", entry("process"), rows, start),
            seen_once("keys", entry("group"), keys, start),
        ];
        traces.push(trace);
    }
    let names = |error: f64| {
        let plan = planned(&traces, within(error)).unwrap();
        plan.variables
            .into_iter()
            .map(|v| v.variable)
            .collect::<Vec<String>>()
    };
    assert_eq!(names(0.02).len(), 2);
    assert_eq!(names(0.5), ["rows"]);
}

#[test]
fn memory_that_does_not_move_needs_no_variable_and_noise_gives_none() {
    let still: Vec<Trace> = calls(8)
        .into_iter()
        .map(|t| Trace {
            committed_peak: Bytes::mib(2),
            ..t
        })
        .collect();
    let plan = planned(&still, ASKED).unwrap();
    assert!(plan.variables.is_empty() && plan.ahead.share == 1.0);
    assert_eq!(plan.bound.floor, plan.bound.cap);
    let mut needs = rng(3);
    let noise: Vec<Trace> = calls(20)
        .into_iter()
        .map(|t| Trace {
            committed_peak: Bytes::from_f64(pages(log_spread(&mut needs, 2e6, 1e8))),
            ..t
        })
        .collect();
    assert!(matches!(
        planned(&noise, ASKED),
        Err(PlanError::Unexplained(_))
    ));
    assert_eq!(planned(&[], ASKED), Err(PlanError::NoCalls));
}

/// Calls under a plan observe little: what was not armed in them was not zero, and they do not hide what others saw.
#[test]
fn calls_under_a_plan_do_not_count_as_calls_where_nothing_happened() {
    let mut traces = calls(24);
    let probe = |variable: &str, breakpoint: Breakpoint| PlannedProbe {
        breakpoint,
        variable: variable.to_owned(),
        mode: ProbeMode::HostCall,
    };
    let counted = |trace: &mut Trace| {
        // Reached as often as there are rows: a count, which would be 0 where it was not reached.
        trace.observations[1].count = trace.observations[1].first as u64;
        trace.observations[1].first = 1.0;
    };
    traces.iter_mut().for_each(counted);
    for trace in &mut traces {
        trace.cpu = Nanos(10_000_000_000);
        trace.armed = [
            probe("rows", entry("process")),
            probe("table", entry("process")),
        ]
        .into();
        trace.observations.truncate(3);
    }
    for trace in &mut traces[..6] {
        trace.armed = [probe("other", entry("other"))].into();
        trace.observations.truncate(1);
    }
    let plan = planned(&traces, within(0.05)).unwrap();
    assert_eq!(plan.learned.inputs, 18, "those that observed most");
    assert!(["rows", "table"].contains(&plan.variables[0].variable.as_str()));
    let profile = common::profile(&traces);
    assert_eq!(profile.model.n, 24);
    let of_rows = profile
        .variables
        .iter()
        .any(|c| c.predictor.variables() == "rows");
    assert!(!of_rows, "unknown in six calls, and not 0 there");
}

/// More than half of the calls follow one variable, whatever the other is: the middle case alone would leave that out.
#[test]
fn no_kind_of_calls_is_left_out_because_others_are_more() {
    let mut rng = rng(12);
    let traces: Vec<Trace> = (0..200)
        .map(|i| {
            let (a, b) = (
                log_spread(&mut rng, 1e4, 1e6),
                log_spread(&mut rng, 1e4, 1e6),
            );
            let (word, need) = match i % 5 {
                0..3 => ("a", 100.0 * a),
                _ => ("b", 100.0 * b),
            };
            let mut trace = call(&i.to_string(), 5e6 + need, None);
            trace.observations = vec![
                Observed::before_the_call("a", a),
                Observed::before_the_call("b", b),
                Observed::before_the_call(format!("follows={word}"), 1.0),
            ];
            trace
        })
        .collect();
    let plan = planned(&traces, within(0.1)).unwrap();
    let names = plan.variables.iter().map(|v| v.variable.as_str());
    let names: Vec<&str> = names.collect();
    assert!(names.contains(&"a") && names.contains(&"b"), "{names:?}");
}
