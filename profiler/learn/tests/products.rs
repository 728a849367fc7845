//! Memory that is a product of two variables is found as one, and nothing else is: no sum, no square, no noise.

mod common;

use common::{call, log_spread, pages, profile, rng, seen_once, set_once};
use learn::size_call;
use rand::rngs::SmallRng;
use trace::*;

const SEEDS: u64 = 10;

fn input(variable: &str, value: f64) -> Observed {
    Observed::before_the_call(variable, value)
}

/// A call that holds `live` bytes at its peak, in whole pages beside 1.1 MB that it begins with.
fn holds(live: f64, observations: Vec<Observed>) -> Trace {
    let label: Vec<String> = observations.iter().map(|o| o.max.to_string()).collect();
    let mut trace = call(&label.join(" "), pages(1.15e6 + live), Some(live));
    trace.observations = observations;
    trace
}

fn made(calls: usize, seed: u64, one: impl Fn(&mut SmallRng) -> Trace) -> Vec<Trace> {
    let mut rng = rng(seed);
    (0..calls).map(|_| one(&mut rng)).collect()
}

/// `states x actions`: what the terms of a model are made of, without how their values become one number.
fn followed(model: &Model) -> Vec<String> {
    let all = model.terms.iter();
    all.map(|t| t.predictor.variables()).collect()
}

fn error_of(profile: &Profile, variables: &str) -> f64 {
    let mut all = profile.variables.iter();
    let one = all.find(|c| c.predictor.variables() == variables);
    one.expect(variables).held_out_median_ape
}

/// A table of 12 bytes per state and action; episodes only take time.
fn q_learning(rng: &mut SmallRng) -> Trace {
    let states = log_spread(rng, 10.0, 2_000.0);
    let actions = log_spread(rng, 4.0, 1_000.0);
    let episodes = log_spread(rng, 10.0, 1_000.0);
    let body = format!(r#"{{"states": {states}, "actions": {actions}, "episodes": {episodes}}}"#);
    let named = [
        ("states", states),
        ("actions", actions),
        ("episodes", episodes),
    ];
    let mut observed = vec![input("stdin_bytes", body.len() as f64)];
    observed.extend(named.map(|(name, x)| input(&format!("json.{name}"), x)));
    observed.extend(named.map(|(name, x)| set_once(name, x)));
    let mut trace = holds(4_000.0 + 12.0 * states * actions, observed);
    trace.cpu = Nanos((2e5 + 900.0 * states * episodes) as u64);
    trace
}

#[test]
fn a_table_of_states_and_actions_is_a_product_and_episodes_are_not_in_it() {
    for (calls, seed) in [15, 20, 40]
        .into_iter()
        .flat_map(|n| (0..SEEDS).map(move |s| (n, s)))
    {
        let profile = profile(&made(calls, seed, q_learning));
        let (live, committed) = (&profile.models.live, &profile.model);
        for model in [live, committed] {
            assert_eq!(followed(model), ["states x actions"], "{}", model.formula);
            assert_eq!(model.kind, ModelKind::Multiple);
            assert!(model.reason.contains("the product of two"));
        }
        assert_eq!(
            live.formula,
            "4,000 B + 12 B x first(states) x first(actions)"
        );
        let slope = committed.terms[0].coefficient;
        assert!((slope / 12.0 - 1.0).abs() < 0.05, "{}", committed.formula);
        let cpu = &profile.models.cpu_seconds;
        assert_eq!(followed(cpu), ["states x episodes"], "{}", cpu.formula);
        // The range of the product, then of its features.
        let seen: Vec<String> = committed
            .seen
            .iter()
            .map(|s| s.predictor.variables())
            .collect();
        assert_eq!(seen, ["states x actions", "states", "actions"]);
        // It is chosen, and that no feature does it alone can be seen, the size of the request among them.
        let chosen = &profile.variables[0];
        assert_eq!(chosen.predictor, committed.terms[0].predictor);
        assert_eq!((&chosen.note, chosen.lead), (&CandidateNote::Chosen, 1.0));
        for alone in ["states", "actions", "stdin_bytes"] {
            assert!(error_of(&profile, alone) > 3.0 * chosen.held_out_median_ape);
        }
    }
}

#[test]
fn a_call_is_sized_by_both_features_of_a_product_or_like_every_other() {
    let traces = made(30, 1, q_learning);
    let r = profile(&traces).recommendation.unwrap();
    let sized_by = r.sizing_feature.as_ref().unwrap();
    assert_eq!(sized_by.variables(), "json.states x json.actions");
    assert!(sized_by.is_early());
    let ask = |states: f64, actions: f64| {
        let known = [input("json.states", states), input("json.actions", actions)];
        size_call(&r, &known)
    };
    let need = |states: f64, actions: f64| pages(1.15e6 + 4_000.0 + 12.0 * states * actions);
    for (states, actions) in [(50.0, 20.0), (500.0, 100.0), (1_000.0, 900.0)] {
        let given = ask(states, actions).as_f64();
        assert!(given >= need(states, actions), "{states} x {actions}");
        assert!(given < 1.1 * need(states, actions), "{states} x {actions}");
    }
    // As many cells, but of a table unlike all that were seen.
    let (usual, unlike) = (ask(200.0, 50.0), ask(10_000.0, 1.0));
    assert!(unlike > usual, "{unlike} {usual}");
    let half = [input("json.states", 100.0)];
    assert_eq!(size_call(&r, &half), r.allocation_bytes);
    for (call, trace) in r.calls.iter().zip(&traces) {
        assert_eq!(call.feature_value, sized_by.value(|f| trace.value_of(f)));
        assert!(call.feature_value.is_some());
    }
}

/// A request may say any number. The largest get all that there is, never the least.
#[test]
fn wild_values_never_get_the_smallest_size() {
    let r = profile(&made(30, 1, q_learning)).recommendation.unwrap();
    let most = Bytes(1 << 32);
    for (states, actions) in [(1e300, 1.0), (0.0, 1e300), (1e9, 1e9), (f64::MAX, f64::MAX)] {
        let known = [input("json.states", states), input("json.actions", actions)];
        let given = size_call(&r, &known);
        assert!(
            given <= most && given >= r.allocation_bytes,
            "{states} x {actions}: {given}"
        );
    }
}

/// What waits for a variable inside the call is not known before it, whatever else is.
#[test]
fn a_sizing_model_is_as_late_as_its_latest_term() {
    for seed in 0..SEEDS {
        let traces = made(30, seed, |rng| {
            let (a, size) = (log_spread(rng, 1e3, 1e6), log_spread(rng, 1e3, 1e6));
            let observed = vec![input("json.a", a), set_once("size", size)];
            holds(3.0 * a + 30.0 * size, observed)
        });
        let r = profile(&traces).recommendation.unwrap();
        let Some(sizing) = &r.sizing else { continue };
        let mut terms = sizing.terms.iter().map(|t| t.predictor.variables());
        if terms.any(|name| name == "size") {
            assert_eq!(r.sizing_feature.as_ref().unwrap().variables(), "size");
            assert_eq!(r.sizing_range().unwrap().predictor.variables(), "size");
            assert_eq!(size_call(&r, &[input("json.a", 5e5)]), r.allocation_bytes);
        }
    }
}

/// A picture of 4 bytes a pixel, made from a file whose size says little; `kept`: bytes of it that stay in memory.
fn picture(rng: &mut SmallRng, kept: f64) -> Trace {
    let width = log_spread(rng, 32.0, 4_000.0);
    let height = log_spread(rng, 32.0, 4_000.0);
    let file = log_spread(rng, 1e3, 1e7);
    let observed = vec![
        input("stdin_bytes", file),
        set_once("width", width),
        set_once("height", height),
    ];
    holds(64_000.0 + 4.0 * width * height + kept * file, observed)
}

#[test]
fn pixels_are_found_where_the_size_of_the_file_says_nothing() {
    for (calls, seed) in [15, 30]
        .into_iter()
        .flat_map(|n| (0..SEEDS).map(move |s| (n, s)))
    {
        let profile = profile(&made(calls, seed, |rng| picture(rng, 0.0)));
        let model = &profile.model;
        assert_eq!(followed(model), ["width x height"], "{}", model.formula);
        let slope = model.terms[0].coefficient;
        assert!((slope / 4.0 - 1.0).abs() < 0.05, "{}", model.formula);
        let ours = profile.variables[0].held_out_median_ape;
        assert!(error_of(&profile, "stdin_bytes") > 10.0 * ours);
        // Known early, though not before the call.
        let r = profile.recommendation.unwrap();
        assert_eq!(r.sizing_feature.unwrap().variables(), "width x height");
        let said =
            "first(width) at set:width x first(height) at set:height is not known before the call";
        assert!(r.because.iter().any(|b| b.starts_with(said)));
    }
}

#[test]
fn what_is_held_beside_a_product_is_a_further_term() {
    for seed in 0..SEEDS {
        let live = profile(&made(30, seed, |rng| picture(rng, 1.0)))
            .models
            .live;
        let mut terms = live.terms.iter().collect::<Vec<&Term>>();
        terms.sort_by_key(|t| t.predictor.times.is_none());
        let [pixels, file] = terms[..] else {
            panic!("{}", live.formula);
        };
        assert_eq!(pixels.predictor.variables(), "width x height");
        assert_eq!(file.predictor.variables(), "stdin_bytes");
        assert!((pixels.coefficient / 4.0 - 1.0).abs() < 1e-3);
        assert!((file.coefficient - 1.0).abs() < 1e-2);
    }
}

#[test]
fn the_capacity_of_a_vector_of_pixels_is_found() {
    let capacity = |rng: &mut SmallRng| {
        let mut trace = picture(rng, 0.0);
        let [width, height] = [1, 2].map(|i| trace.observations[i].first);
        let live = 9_000.0 + 4.0 * Transform::Pow2Ceil.apply(width * height);
        trace.heap = Heap::Live {
            peak: Bytes::from_f64(live),
            at_end: Bytes(0),
            allocations: 1,
        };
        trace
    };
    let live = profile(&made(30, 3, capacity)).models.live;
    assert_eq!(
        live.formula,
        "9,000 B + 4 B x pow2ceil(first(width) x first(height))"
    );
}

fn has_a_product(model: &Model) -> bool {
    model.terms.iter().any(|t| t.predictor.times.is_some())
}

#[test]
fn sums_squares_and_noise_are_no_products() {
    let sum = |rng: &mut SmallRng| {
        let [rows, columns] = [(); 2].map(|()| log_spread(rng, 100.0, 100_000.0));
        let observed = vec![
            input("rows", rows),
            input("columns", columns),
            input("decoy", log_spread(rng, 1.0, 1e3)),
        ];
        holds(4_000.0 + 100.0 * rows + 60.0 * columns, observed)
    };
    let square = |rng: &mut SmallRng| {
        let side = log_spread(rng, 10.0, 3_000.0);
        let observed = vec![
            input("side", side),
            input("decoy", log_spread(rng, 1.0, 1e3)),
        ];
        holds(4_000.0 + 8.0 * side * side, observed)
    };
    let noise = |rng: &mut SmallRng| {
        let names = (0..12).map(|i| format!("decoy{i}"));
        let observed = names.map(|name| input(&name, log_spread(rng, 1.0, 1e3)));
        let observed = observed.collect();
        holds(log_spread(rng, 1e5, 1e8), observed)
    };
    for (calls, seed) in [15, 20, 40]
        .into_iter()
        .flat_map(|n| (0..SEEDS).map(move |s| (n, s)))
    {
        for traces in [
            made(calls, seed, sum),
            made(calls, seed, square),
            made(calls, seed, noise),
        ] {
            let profile = profile(&traces);
            for model in [&profile.model, &profile.models.live] {
                assert!(!has_a_product(model), "{}", model.formula);
            }
        }
        let live = profile(&made(calls, seed, square)).models.live;
        assert_eq!(live.formula, "4,000 B + 8 B x side^2");
        let live = profile(&made(calls, seed, noise)).models.live;
        assert_eq!(live.kind, ModelKind::None, "{}", live.formula);
    }
}

#[test]
fn neither_one_variable_twice_nor_parameters_without_names_are_multiplied() {
    // The largest value and the number of hits of one variable are independent, and memory is their product.
    let twice = |rng: &mut SmallRng| {
        let largest = log_spread(rng, 10.0, 1_000.0);
        let hits = log_spread(rng, 10.0, 1_000.0);
        let observed = Observed {
            count: hits as u64,
            ..set_once("n", largest)
        };
        holds(4_000.0 + 8.0 * largest * hits, vec![observed])
    };
    let nameless = |rng: &mut SmallRng| {
        let [a, b] = [(); 2].map(|()| log_spread(rng, 10.0, 1_000.0));
        let entered = |name: &str, value: f64| {
            let at = Breakpoint::Entry("table".to_owned());
            seen_once(name, at, value, Bytes(17 * PAGE.0))
        };
        let observed = vec![entered("arg0", a), entered("arg1", b)];
        holds(4_000.0 + 8.0 * a * b, observed)
    };
    for seed in 0..SEEDS {
        for traces in [made(30, seed, twice), made(30, seed, nameless)] {
            let profile = profile(&traces);
            assert!(!has_a_product(&profile.models.live));
            assert!(!has_a_product(&profile.model));
        }
    }
}

#[test]
fn pictures_of_one_format_do_not_tell_a_product_from_a_square() {
    for seed in 0..SEEDS {
        let traces = made(20, seed, |rng| {
            let width = log_spread(rng, 60.0, 4_000.0);
            let height = (0.75 * width).round();
            let observed = vec![set_once("width", width), set_once("height", height)];
            holds(4_000.0 + 4.0 * width * height, observed)
        });
        let profile = profile(&traces);
        let [term] = &profile.model.terms[..] else {
            panic!("{}", profile.model.formula);
        };
        assert_eq!(term.transform, Transform::Square);
        let doubles = |c: &&Candidate| matches!(c.note, CandidateNote::DoubleOf(_));
        let doubles = profile.variables.iter().filter(doubles);
        let mut doubles: Vec<String> = doubles.map(|c| c.predictor.variables()).collect();
        doubles.push(term.predictor.variables());
        doubles.sort();
        assert_eq!(doubles, ["height", "width", "width x height"]);
    }
}

#[test]
fn a_product_is_as_late_as_the_later_of_its_features() {
    let traces = made(30, 2, |rng| {
        let mut trace = picture(rng, 0.0);
        // The height is counted row by row, up to the end.
        let peak = trace.committed_peak;
        let height = &mut trace.observations[2];
        (height.first, height.count) = (1.0, height.max as u64);
        height.last_moment = height.last_moment.map(|m| Moment {
            committed: peak,
            ..m
        });
        trace
    });
    let profile = profile(&traces);
    assert_eq!(followed(&profile.model), ["width x height"]);
    assert!(!profile.model.terms[0].predictor.is_early());
    assert_eq!(profile.variables[0].lead, 0.0);
    let r = profile.recommendation.unwrap();
    assert!(r.sizing.is_none(), "{:?}", r.sizing_feature);
    // Sizes that are not set at the same place may still be multiplied: one before the call, one early in it.
    let mixed = made(30, 2, |rng| {
        let mut trace = picture(rng, 0.0);
        trace.observations[1].breakpoint = Breakpoint::Input;
        trace
    });
    let sized_by = common::profile(&mixed)
        .recommendation
        .unwrap()
        .sizing_feature;
    assert_eq!(sized_by.unwrap().variables(), "width x height");
}
