//! What is known early sizes a call, what is known late only explains it, and what is random does neither.

mod common;

use common::{call, log_spread, pages, profile, rng, set_once};
use rand::Rng;
use trace::*;

fn of<'p>(profile: &'p Profile, variable: &str) -> &'p Candidate {
    let mut all = profile.variables.iter();
    let one = all.find(|c| c.predictor.variables() == variable);
    one.expect(variable)
}

/// A size is drawn from a seed inside the function, and shown at once; memory and time follow it.
#[test]
fn a_seed_explains_nothing_and_the_size_that_is_drawn_from_it_sizes_the_call() {
    for (calls, seed) in [(15, 1), (30, 2), (40, 3)] {
        let mut rng = rng(seed);
        let traces: Vec<Trace> = (0..calls)
            .map(|i| {
                let seed = log_spread(&mut rng, 1.0, 1e6);
                let size = log_spread(&mut rng, 1e3, 3e7);
                let live = 1_000.0 + 8.0 * size;
                let mut trace = call(&i.to_string(), pages(1.15e6 + live), Some(live));
                let body = format!(r#"{{"seed": {seed}}}"#).len() as f64;
                trace.observations = vec![
                    Observed::before_the_call("stdin_bytes", body),
                    Observed::before_the_call("json.seed", seed),
                    set_once("size", size),
                ];
                trace.cpu = Nanos((2e4 + 5.0 * size * rng.gen_range(0.9..1.1)) as u64);
                trace
            })
            .collect();
        let profile = profile(&traces);
        assert_eq!(profile.models.live.formula, "1,000 B + 8 B x first(size)");
        for model in [&profile.model, &profile.models.cpu_seconds] {
            assert_eq!(model.terms.len(), 1, "{}", model.formula);
            assert_eq!(model.terms[0].predictor.variables(), "size");
        }
        let slope = profile.model.terms[0].coefficient;
        assert!((slope / 8.0 - 1.0).abs() < 0.02, "{slope}");
        assert_eq!(of(&profile, "json.seed").note, CandidateNote::Worse);
        assert_eq!(of(&profile, "stdin_bytes").note, CandidateNote::Worse);
        let r = profile.recommendation.unwrap();
        let sized_by = r.sizing_feature.unwrap();
        assert_eq!(sized_by.to_string(), "first(size)");
        assert!(sized_by.is_early());
    }
}

/// Rows of a table are grouped by key: how many keys there are is known when they have all been seen.
#[test]
fn a_count_that_rises_explains_and_is_known_too_late() {
    for (calls, seed) in [(15, 1), (30, 2), (40, 3)] {
        let mut rng = rng(seed);
        let traces: Vec<Trace> = (0..calls)
            .map(|i| {
                let keys = log_spread(&mut rng, 10.0, 200_000.0);
                let rows = log_spread(&mut rng, 200_000.0, 400_000.0);
                let live = 70_000.0 + 120.0 * keys;
                let mut trace = call(&i.to_string(), pages(1.15e6 + live), Some(live));
                // 1, 2, 3 ... up to the last, when everything has been committed.
                let counted = |name: &str, last: f64| {
                    let once = set_once(name, 1.0);
                    let moment = once.first_moment.map(|m| Moment {
                        committed: trace.committed_peak,
                        ..m
                    });
                    Observed {
                        count: last as u64,
                        last,
                        max: last,
                        sum: last * (last + 1.0) / 2.0,
                        last_moment: moment,
                        ..once
                    }
                };
                let bytes = (rows * rng.gen_range(18.0..19.0)).round();
                trace.observations = vec![
                    Observed::before_the_call("stdin_bytes", bytes),
                    counted("keys", keys),
                    counted("rows", rows),
                ];
                trace
            })
            .collect();
        let profile = profile(&traces);
        assert_eq!(profile.models.live.formula, "68.4 KiB + 120 B x max(keys)");
        let explaining = &profile.variables[0];
        assert_eq!(explaining.predictor.to_string(), "max(keys)");
        assert_eq!(explaining.lead, 0.0);
        assert!(!explaining.predictor.is_early());
        // By the size of its request nobody could size a call.
        let request = of(&profile, "stdin_bytes");
        assert_eq!(request.note, CandidateNote::Worse);
        assert!(request.held_out_median_ape > 10.0 * explaining.held_out_median_ape);
        let r = profile.recommendation.unwrap();
        assert!(r.sizing.is_none(), "{:?}", r.sizing_feature);
        let nothing = "every call gets the same: nothing known before the call predicts its need";
        assert!(r.because.iter().any(|b| b == nothing), "{:?}", r.because);
    }
}

/// The size of the request is a candidate however badly it predicts, and however few values it has.
#[test]
fn the_size_of_the_request_is_always_among_the_candidates() {
    let mut rng = rng(4);
    let traces: Vec<Trace> = (0..30)
        .map(|i| {
            let size = log_spread(&mut rng, 1e3, 1e6);
            let mut trace = call(&i.to_string(), pages(1.15e6 + 86.0 * size), None);
            let bytes = f64::from(14 + i % 2);
            trace.observations = vec![
                Observed::before_the_call("stdin_bytes", bytes),
                set_once("size", size),
            ];
            // More variables than are listed, each better than two lengths of a request.
            trace.observations.extend((0..40).map(|d| {
                let about = size * rng.gen_range(0.1..10.0);
                set_once(&format!("about{d}"), about)
            }));
            trace
        })
        .collect();
    let profile = profile(&traces);
    assert_eq!(profile.variables[0].predictor.variables(), "size");
    assert_eq!(of(&profile, "stdin_bytes").note, CandidateNote::Worse);
}

/// Of one value the first is known sooner than the last; what is set when all is over is no lead, whatever it is called.
#[test]
fn what_is_set_once_is_known_as_soon_as_it_is_set() {
    let calls = |at_peak: bool| -> Vec<Trace> {
        let mut rng = rng(6);
        let one = |i: u32| {
            let lines = log_spread(&mut rng, 1e3, 1e6);
            let mut trace = call(&i.to_string(), pages(1.15e6 + 86.0 * lines), None);
            let mut set = set_once("lines", lines);
            if at_peak {
                let peak = trace.committed_peak;
                let late = set.first_moment.map(|m| Moment {
                    committed: peak,
                    ..m
                });
                (set.first_moment, set.last_moment) = (late, late);
            }
            trace.observations = vec![set];
            trace
        };
        (0..20).map(one).collect()
    };
    let early = profile(&calls(false));
    assert_eq!(early.variables[0].predictor.to_string(), "first(lines)");
    assert_eq!(early.variables[0].lead, 1.0);
    assert!(early.recommendation.unwrap().sizing.is_some());
    let late = profile(&calls(true));
    assert_eq!(late.variables[0].lead, 0.0);
    assert!(late.recommendation.unwrap().sizing.is_none());
}
