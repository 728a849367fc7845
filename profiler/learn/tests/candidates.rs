//! What is said beside the formula: competitors, doubles, what comes too late, leads, and what the data lack.

mod common;

use common::{call, lines, normal, pages, profile, rng, seen_once, spread};
use trace::*;

fn note<'p>(profile: &'p Profile, variable: &str) -> &'p Candidate {
    profile
        .variables
        .iter()
        .find(|c| c.predictor.variables() == variable)
        .unwrap()
}

#[test]
fn candidates_are_ranked_and_told_apart() {
    let mut rng = rng(11);
    let mut traces = Vec::new();
    for x in spread(1_000.0, 250_000.0, 24) {
        let mut trace = call(&x.to_string(), pages(1.1e6 + 86.0 * x), None);
        let (start, peak) = (trace.committed_start, trace.committed_peak);
        let input = |name: &str, value: f64| Observed::before_the_call(name, value);
        trace.observations = vec![
            lines(x),
            input("stdin_bytes", 61.0 * x),
            // Within 2 %: known before, and nearly as good.
            input("rows", x * (1.0 + 0.003 * normal(&mut rng))),
            input("weekday", (x * 7.7) % 7.0),
            // As good, but read when all is over.
            seen_once(
                "sorted",
                Breakpoint::End,
                x * (1.0 + 0.003 * normal(&mut rng)),
                peak,
            ),
            seen_once(
                "size",
                Breakpoint::Entry("parse".to_owned()),
                x.sqrt() * (1.0 + 0.3 * normal(&mut rng)),
                start,
            ),
            // Depends on timing, and is the allocator's own business.
            seen_once("lines", Breakpoint::Sample, x, peak),
            seen_once("heard", Breakpoint::Sample, x, peak),
            seen_once(
                "size",
                Breakpoint::Entry("malloc".to_owned()),
                86.0 * x,
                start,
            ),
        ];
        traces.push(trace);
    }
    let profile = profile(&traces);
    let first = &profile.variables[0];
    assert_eq!(
        (
            first.predictor.feature.variable.as_str(),
            first.predictor.feature.breakpoint.to_string().as_str()
        ),
        ("lines", "set:LINES")
    );
    assert_eq!((&first.note, first.lead), (&CandidateNote::Chosen, 1.0));
    let double = CandidateNote::DoubleOf("first(lines) at set:LINES".to_owned());
    assert_eq!(note(&profile, "stdin_bytes").note, double);
    assert_eq!(note(&profile, "stdin_bytes").lead, 1.0);
    assert_eq!(note(&profile, "weekday").note, CandidateNote::Worse);
    assert_eq!(note(&profile, "size").note, CandidateNote::Worse);
    assert_eq!(note(&profile, "sorted").lead, 0.0);
    let places: Vec<String> = profile
        .variables
        .iter()
        .map(|c| c.predictor.feature.breakpoint.to_string())
        .collect();
    assert!(
        !places.iter().any(|p| p == "sample" || p == "entry:malloc"),
        "{places:?}"
    );
    // The formula names the guest's variable; calls are sized by what is known before them.
    assert_eq!(profile.model.terms[0].predictor.feature.variable, "lines");
    let recommendation = profile.recommendation.unwrap();
    assert_eq!(
        recommendation.sizing_feature.unwrap().feature.breakpoint,
        Breakpoint::Input
    );
    // What is also observed at a breakpoint lacks nothing; what only the timeline reads does.
    let sampled: Vec<&String> = profile
        .notes
        .iter()
        .filter(|n| n.contains("timeline"))
        .collect();
    assert_eq!(sampled.len(), 1, "{sampled:?}");
    assert!(sampled[0].starts_with("`heard` read only when"));
}

#[test]
fn what_comes_too_late_and_what_competes_is_said() {
    let mut rng = rng(12);
    let mut traces = Vec::new();
    for x in spread(1_000.0, 250_000.0, 60) {
        let mut about = |share: f64| x * (1.0 + share * normal(&mut rng));
        let need = pages(1.1e6 + 86.0 * about(0.15));
        let mut trace = call(&x.to_string(), need, None);
        trace.observations = vec![
            lines(x),
            Observed::before_the_call("rows", about(0.08)),
            seen_once(
                "sorted",
                Breakpoint::End,
                about(0.08),
                Bytes::from_f64(need),
            ),
        ];
        traces.push(trace);
    }
    let profile = profile(&traces);
    assert_eq!(note(&profile, "lines").note, CandidateNote::Chosen);
    assert_eq!(note(&profile, "rows").note, CandidateNote::Competitor);
    assert_eq!(note(&profile, "sorted").note, CandidateNote::TooLate);
}

#[test]
fn what_the_data_lack_is_noted() {
    let mut traces: Vec<Trace> = spread(1_000.0, 250_000.0, 8)
        .iter()
        .map(|&x| {
            let mut trace = call(&x.to_string(), pages(1.1e6 + 86.0 * x), None);
            trace.observations = vec![lines(x)];
            trace
        })
        .collect();
    traces[0].observations.clear();
    traces[1].contended = true;
    traces[2].refused_count = 3;
    traces[3].outcome = Outcome::TimedOut;
    traces[4].heap = Heap::AllocatedOnly {
        total: Bytes(1),
        allocations: 1,
    };
    let profile = profile(&traces);
    let counts = profile.invocations;
    assert_eq!(
        (
            counts.total,
            counts.succeeded,
            counts.timed_out,
            counts.distinct_inputs
        ),
        (8, 7, 1, 7)
    );
    for expected in [
        "1 call was stopped at its deadline",
        "1 call was refused a growth and succeeded all the same",
        "1 call ran beside others",
        "frees cannot be seen",
        "`lines` at set:LINES was not seen in 1 of 7 inputs",
    ] {
        assert!(
            profile.notes.iter().any(|n| n.starts_with(expected)),
            "{expected}: {:#?}",
            profile.notes
        );
    }
    assert!(
        profile
            .models
            .live
            .reason
            .starts_with("frees cannot be seen")
    );
    // An input that never reached the breakpoint had no lines.
    assert_eq!(profile.model.seen[0].min, 0.0);
}

#[test]
fn what_has_two_names_is_told_by_the_better_one_and_gaps_take_one_note() {
    let named = |traces: &mut Vec<Trace>, names: &[&str]| {
        for (i, &x) in spread(1_000.0, 250_000.0, 12).iter().enumerate() {
            let mut trace = call(&format!("{i} {names:?}"), pages(1.1e6 + 86.0 * x), None);
            let observed = names.iter().map(|n| Observed::before_the_call(*n, x));
            trace.observations = observed.collect();
            // Three variables that only one input has.
            if i == 0 {
                let rare = ["a", "b", "c", "d"].map(|n| Observed::before_the_call(n, 1.0));
                trace.observations.extend(rare);
            }
            traces.push(trace);
        }
    };
    for (names, better) in [
        (["largest_input_bytes", "stdin_bytes"], "stdin_bytes"),
        (
            ["dir_largest_bytes", "largest_input_bytes"],
            "dir_largest_bytes",
        ),
        (["arg1", "n"], "n"),
        (["arg1", "arguments"], "arguments"),
    ] {
        let mut traces = Vec::new();
        named(&mut traces, &names);
        let profile = profile(&traces);
        assert_eq!(profile.model.terms[0].predictor.feature.variable, better);
        let sizing = profile.recommendation.unwrap().sizing_feature.unwrap();
        assert_eq!(sizing.feature.variable, better);
        assert_eq!(profile.variables.len(), 1, "one thing, not two that agree");
        let gaps = "`a`, `b` and 2 more were not seen in every input: left out, or taken as 0";
        assert_eq!(profile.notes.len(), 2, "and one on the allocator");
        assert_eq!(profile.notes[1], gaps);
    }
    // Where they differ in one input, both stay.
    let mut traces = Vec::new();
    named(&mut traces, &["largest_input_bytes", "stdin_bytes"]);
    traces[3].observations[1] = Observed::before_the_call("stdin_bytes", 5.0);
    assert_eq!(profile(&traces).variables.len(), 2);
}

#[test]
fn without_a_single_success_nothing_is_recommended() {
    let mut trace = call("broken", 5e6, None);
    trace.outcome = Outcome::Failed;
    let profile = profile(&[trace]);
    assert!(profile.recommendation.is_none() && profile.variables.is_empty());
    assert_eq!(profile.model.kind, ModelKind::None);
    assert_eq!(profile.invocations.failed, 1);
    assert_eq!(profile.notes, ["1 call failed: recorded, not learned from"]);
    // Nothing at all is a profile too.
    assert_eq!(common::profile(&[]).invocations.total, 0);
}
