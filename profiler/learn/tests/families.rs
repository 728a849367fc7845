//! Which family a model is of: parts by a word or by a range, powers, trees. The truth is made here, and found again or not.

mod common;

use common::{call, log_spread, rng, settings};
use learn::{Replaying, replay};
use rand::Rng;
use trace::*;

const MIB: f64 = 1_048_576.0;

/// A profile of calls that are made from a number each.
fn profile(calls: usize, mut of: impl FnMut(usize) -> (f64, Vec<Observed>)) -> Profile {
    let traces: Vec<Trace> = (0..calls)
        .map(|at| {
            let (need, observations) = of(at);
            Trace {
                observations,
                ..call(&at.to_string(), need, None)
            }
        })
        .collect();
    let catalogue = learn::Catalogue::bundled();
    let profile = learn::learn(&common::function(), &traces, &settings(), &catalogue);
    println!("{}: {}", profile.model.formula, profile.model.reason);
    profile
}

fn said(name: &str, word: &str) -> Observed {
    Observed::before_the_call(format!("{name}={word}"), 1.0)
}

fn known(name: &str, value: f64) -> Observed {
    Observed::before_the_call(name, value)
}

/// What the model says of a call that has these values.
fn predicted(model: &Model, observed: &[Observed]) -> Option<f64> {
    model.predict(|feature| feature.value_in(observed))
}

#[test]
fn a_word_parts_calls_that_follow_their_size_differently() {
    let mut random = rng(1);
    let words = ["gray", "color", "alpha"];
    let slope = |word: &str| match word {
        "gray" => 1.0,
        "color" => 3.0,
        _ => 8.0,
    };
    let profile = profile(150, |at| {
        let pixels = log_spread(&mut random, 1e5, 1e7);
        let word = words[at % 3];
        let need = 2.0 * MIB + slope(word) * pixels * random.gen_range(0.99..1.01);
        (
            need,
            vec![
                known("pixels", pixels),
                said("mode", word),
                known("seed", random.r#gen()),
            ],
        )
    });
    let model = &profile.model;
    assert_eq!(model.kind, ModelKind::Split);
    for word in words {
        let said = predicted(model, &[known("pixels", 4e6), said("mode", word)]);
        let truth = 2.0 * MIB + slope(word) * 4e6;
        assert!(
            (said.unwrap() / truth - 1.0).abs() < 0.02,
            "{word}: {said:?}"
        );
    }
    // Of a word that nobody has said yet nothing is known.
    let other = predicted(model, &[known("pixels", 4e6), said("mode", "sepia")]);
    assert_eq!(other, None);
    assert!(
        model.formula.contains("mode is color: "),
        "{}",
        model.formula
    );
    assert!(!model.formula.contains("otherwise"), "{}", model.formula);
    assert!(model.held_out.unwrap().p95_ape < 0.02);
    let recommendation = profile.recommendation.unwrap();
    assert_eq!(recommendation.sizing.unwrap().kind, ModelKind::Split);
    // The same model, written and read.
    let json = serde_json::to_string(model).unwrap();
    assert_eq!(serde_json::from_str::<Model>(&json).unwrap(), *model);
}

#[test]
fn a_word_alone_parts_calls_of_which_nothing_else_is_known() {
    let mut random = rng(2);
    let profile = profile(60, |at| {
        let (word, need) = [("thumbnail", 5.0), ("print", 80.0)][at % 2];
        (
            need * MIB * random.gen_range(0.97..1.0),
            vec![said("mode", word)],
        )
    });
    assert_eq!(profile.model.kind, ModelKind::Split);
    let print = predicted(&profile.model, &[said("mode", "print")]).unwrap();
    assert!((print / (79.0 * MIB) - 1.0).abs() < 0.03);
}

#[test]
fn words_that_say_nothing_part_nothing() {
    let mut random = rng(3);
    let profile = profile(120, |at| {
        let rows = log_spread(&mut random, 1e4, 1e6);
        let need = 3.0 * MIB + 90.0 * rows * random.gen_range(0.9..1.1);
        let words = [
            said("mode", ["a", "b", "c"][at % 3]),
            said("name", &at.to_string()),
        ];
        (need, [vec![known("rows", rows)], words.to_vec()].concat())
    });
    assert_eq!(
        profile.model.kind,
        ModelKind::Linear,
        "{}",
        profile.model.formula
    );
}

#[test]
fn small_inputs_are_constant_middle_ones_a_line_and_large_ones_another() {
    let mut random = rng(4);
    let truth = |rows: f64| match rows {
        ..20_000.0 => 6.0 * MIB,
        ..200_000.0 => 2.0 * MIB + 400.0 * rows,
        _ => 40.0 * MIB + 60.0 * rows,
    };
    let profile = profile(200, |_| {
        let rows = log_spread(&mut random, 1e3, 2e6);
        (
            truth(rows) * random.gen_range(0.98..1.02),
            vec![known("rows", rows)],
        )
    });
    assert_eq!(profile.model.kind, ModelKind::Split);
    for rows in [3e3, 6e4, 1.5e5, 5e5, 1.5e6] {
        let said = predicted(&profile.model, &[known("rows", rows)]).unwrap();
        assert!((said / truth(rows) - 1.0).abs() < 0.08, "{rows}: {said}");
    }
}

#[test]
fn a_power_with_errors_that_grow_is_a_generalised_linear_model() {
    let mut random = rng(5);
    let profile = profile(150, |_| {
        let nodes = log_spread(&mut random, 1e2, 1e5);
        let need = 9_000.0 * nodes.powf(0.7) * random.gen_range(0.94..1.06);
        (need, vec![known("nodes", nodes)])
    });
    assert_eq!(profile.model.kind, ModelKind::Glm);
    let power = profile.model.terms[0].coefficient / std::f64::consts::LN_2;
    assert!((power - 0.7).abs() < 0.02, "{power}");
    assert!(
        profile.model.formula.contains("x (1 + nodes)^0.7"),
        "{}",
        profile.model.formula
    );
}

#[test]
fn what_no_formula_follows_is_a_forest() {
    let mut random = rng(6);
    let truth = |a: f64, b: f64| {
        let is_ridge = (a - 50.0).abs() < 20.0 && (b - 50.0).abs() < 20.0;
        if is_ridge { 200.0 * MIB } else { 30.0 * MIB }
    };
    let profile = profile(300, |_| {
        let (a, b) = (random.gen_range(0.0..100.0), random.gen_range(0.0..100.0));
        let need = truth(a, b) * random.gen_range(0.98..1.0);
        (
            need,
            vec![known("a", a), known("b", b), known("c", random.r#gen())],
        )
    });
    let model = &profile.model;
    assert_eq!(model.kind, ModelKind::Forest);
    for (a, b) in [(50.0, 50.0), (5.0, 50.0), (50.0, 95.0)] {
        let said = predicted(model, &[known("a", a), known("b", b), known("c", 0.5)]).unwrap();
        assert!((said / truth(a, b) - 1.0).abs() < 0.3, "{a} {b}: {said}");
    }
    let json = serde_json::to_string(model).unwrap();
    assert!(json.len() < 60_000, "{}", json.len());
    let read: Model = serde_json::from_str(&json).unwrap();
    let ridge = [known("a", 50.0), known("b", 50.0), known("c", 0.5)];
    assert_eq!(predicted(&read, &ridge), predicted(model, &ridge));
}

/// What single calls waste in a stream, as a share of what a function's calls of one size waste.
fn of_a_stream(mut of: impl FnMut(usize) -> (f64, Vec<Observed>)) -> (f64, f64) {
    let calls = (0..1_500).map(|at| {
        let (need, observations) = of(at);
        Trace {
            observations,
            started_unix_ms: at as u64,
            imported: Some(Imported {
                form: "csv".to_owned(),
                configured: Some(Bytes::mib(1024)),
                row: at.to_string(),
            }),
            ..call(&at.to_string(), need, None)
        }
    });
    let functions = [(common::function(), calls.collect::<Vec<Trace>>())];
    let settings = settings();
    let replayed = replay(
        &Replaying {
            functions: &functions,
            settings: &settings,
            preset: None,
        },
        &|| {},
    );
    let rule = |name: &str| {
        replayed
            .rules
            .iter()
            .find(|rule| rule.rule == name)
            .unwrap()
    };
    let (call, function) = (rule("fathom-call"), rule("fathom-function"));
    println!("{call:?}\n{function:?}");
    (
        call.waste_gb_seconds / function.waste_gb_seconds,
        call.first_try_failures,
    )
}

#[test]
fn a_stream_of_two_kinds_is_sized_by_kind() {
    let mut random = rng(7);
    let (waste, failures) = of_a_stream(|at| {
        let (word, slope) = [("gray", 2.0), ("color", 20.0)][usize::from(at % 5 == 0)];
        let pixels = log_spread(&mut random, 1e5, 1e7);
        let need = 100.0 * MIB + 20.0 * slope * pixels * random.gen_range(0.97..1.03);
        (need, vec![known("pixels", pixels), said("mode", word)])
    });
    assert!(waste < 0.2, "{waste}");
    assert!(failures <= 0.02, "{failures}");
}

#[test]
fn a_stream_along_a_power_that_drifts_is_followed() {
    let mut random = rng(8);
    let (waste, failures) = of_a_stream(|at| {
        let nodes = log_spread(&mut random, 1e2, 1e5);
        let drift = 1.0 + at as f64 / 3_000.0;
        let need = 900_000.0 * drift * nodes.powf(0.7) * random.gen_range(0.95..1.05);
        (need, vec![known("nodes", nodes)])
    });
    assert!(waste < 0.06, "{waste}");
    assert!(failures <= 0.02, "{failures}");
}

#[test]
fn a_few_calls_with_other_words_spoil_no_part() {
    let mut random = rng(9);
    for odd in 0..4 {
        let profile = profile(60, |at| {
            let n = random.gen_range(100.0..10_000.0_f64).round();
            let (word, slope) = match at {
                _ if at < odd => ("rare", 1.0),
                _ if at % 2 == 0 => ("gray", 20_000.0),
                _ => ("color", 2_000.0),
            };
            let need = 2.0 * MIB + slope * n * random.gen_range(0.99..1.01);
            (need, vec![known("n", n), said("mode", word)])
        });
        for (word, slope) in [("gray", 20_000.0), ("color", 2_000.0)] {
            let said = predicted(&profile.model, &[known("n", 9_000.0), said("mode", word)]);
            let truth = 2.0 * MIB + slope * 9_000.0;
            assert!(
                (said.unwrap() / truth - 1.0).abs() < 0.05,
                "{odd} {word}: {said:?}"
            );
        }
        // What is off by little on all that is known of is given a small margin.
        let recommendation = profile.recommendation.unwrap();
        assert!(
            recommendation.margin.unwrap() < 1.2,
            "{odd}: {:?}",
            recommendation.margin
        );
    }
}

#[test]
fn a_forest_keeps_its_places_where_a_column_says_nothing() {
    let mut random = rng(10);
    let mut rare = 0;
    let profile = profile(300, |at| {
        let (a, b) = (random.gen_range(0.0..100.0), random.gen_range(0.0..100.0));
        let is_ridge = (a - 50.0_f64).abs() < 20.0 && (b - 50.0_f64).abs() < 20.0;
        let need = if is_ridge { 200.0 * MIB } else { 30.0 * MIB };
        let word = match at % 150 {
            0 => "aaa",
            at if at % 2 == 0 => "raw",
            _ => "zip",
        };
        rare += usize::from(word == "aaa");
        let need = need * random.gen_range(0.98..1.0);
        (need, vec![said("form", word), known("a", a), known("b", b)])
    });
    assert_eq!((rare, profile.model.kind), (2, ModelKind::Forest));
    let asked = profile.model.trees.iter().flat_map(|tree| &tree.0);
    let asked = asked.filter_map(|node| match node {
        Node::Branch { term, .. } => Some(*term),
        Node::Leaf(_) => None,
    });
    assert!(asked.max().unwrap() < profile.model.terms.len());
    let ridge = [said("form", "raw"), known("a", 50.0), known("b", 50.0)];
    let said = predicted(&profile.model, &ridge).unwrap();
    assert!((said / (200.0 * MIB) - 1.0).abs() < 0.1, "{said}");
}

#[test]
fn one_input_called_with_two_words_is_of_one_part() {
    let profile = profile(40, |at| {
        let words = match at {
            0 => vec![said("mode", "gray"), said("mode", "color")],
            _ if at % 2 == 0 => vec![said("mode", "gray")],
            _ => vec![said("mode", "color")],
        };
        let need = if at % 2 == 0 && at > 0 { 10.0 } else { 70.0 };
        (need * MIB + at as f64, words)
    });
    assert_eq!(profile.model.kind, ModelKind::Split);
    let both = predicted(
        &profile.model,
        &[said("mode", "gray"), said("mode", "color")],
    );
    assert!(both.unwrap() < 71.0 * MIB, "{both:?}");
}

#[test]
fn each_kind_has_a_range_of_its_own() {
    let mut random = rng(11);
    let profile = profile(200, |at| {
        let (word, most, slope) = [("gray", 1e3, 100_000.0), ("color", 1e6, 100.0)][at % 2];
        let n = log_spread(&mut random, 10.0, most);
        let need = 5.0 * MIB + slope * n * random.gen_range(0.99..1.01);
        (need, vec![known("n", n), said("mode", word)])
    });
    let recommendation = profile.recommendation.unwrap();
    let size = |n: f64, word: &str| {
        let given = learn::size_call(&recommendation, &[known("n", n), said("mode", word)]);
        given.as_f64()
    };
    // Inside its range hardly more than is needed, outside it the more the farther.
    let margin = |n: f64, word: &str, slope: f64| size(n, word) / (5.0 * MIB + slope * n);
    assert!(margin(900.0, "gray", 100_000.0) < 1.05);
    assert!(margin(9e5, "color", 100.0) < 1.05);
    let outside = margin(30_000.0, "gray", 100_000.0);
    assert!(outside > 1.1, "{outside}");
}
