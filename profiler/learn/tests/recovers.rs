//! What was put into the traces comes out of the models: bytes per line, doubling, thresholds, several variables.

mod common;

use common::{call, lines, log_spread, normal, pages, profile, rng, seen_once, spread};
use rand::Rng;
use trace::*;

/// Calls over one variable each, `lines`, with the given live peaks and whole pages committed.
fn line_calls(values: &[f64], live: impl Fn(f64) -> f64) -> Vec<Trace> {
    let made = values.iter().map(|&x| {
        let mut trace = call(&x.to_string(), pages(1.1e6 + live(x)), Some(live(x)));
        trace.observations = vec![
            lines(x),
            Observed::before_the_call("stdin_bytes", 61.0 * x + 7.0 * (x * 0.37).sin() * x.sqrt()),
        ];
        trace
    });
    made.collect()
}

#[test]
fn exact_bytes_per_line_are_recovered_within_one_percent() {
    let profile = profile(&line_calls(&spread(1_000.0, 250_000.0, 12), |x| {
        9_000.0 + 86.0 * x
    }));
    let live = &profile.models.live;
    println!("{}\n{}", live.formula, profile.model.formula);
    assert_eq!(live.kind, ModelKind::Linear);
    assert_eq!(live.terms[0].predictor.to_string(), "first(lines)");
    assert!((live.terms[0].coefficient / 86.0 - 1.0).abs() < 1e-6);
    assert!((live.intercept / 9_000.0 - 1.0).abs() < 1e-6);
    assert_eq!(live.formula, "9,000 B + 86 B x first(lines)");
    let committed = &profile.model;
    assert_eq!(committed.terms[0].predictor.feature.variable, "lines");
    let slope = committed.terms[0].coefficient;
    assert!((slope / 86.0 - 1.0).abs() < 0.02, "{slope}");
}

#[test]
fn a_vector_that_doubles_is_found_and_named() {
    // 24 bytes per slot of a Vec<String> that doubles, 62 bytes of text per line.
    let need = |x: f64| 2_000.0 + 62.0 * x + 24.0 * Transform::Pow2Ceil.apply(x);
    let profile = profile(&line_calls(&spread(1_000.0, 250_000.0, 14), need));
    for model in [&profile.models.live, &profile.model] {
        println!("{} {:?}", model.formula, model.held_out);
        let doubling: Vec<&Term> = model
            .terms
            .iter()
            .filter(|t| t.transform == Transform::Pow2Ceil)
            .collect();
        assert_eq!(doubling.len(), 1, "{}", model.formula);
        assert!(
            (doubling[0].coefficient / 24.0 - 1.0).abs() < 0.15,
            "{}",
            model.formula
        );
        assert!(model.reason.contains("doubles"));
    }
    assert_eq!(
        profile.models.live.formula,
        "2,000 B + 62 B x first(lines) + 24 B x pow2ceil(first(lines))"
    );
}

#[test]
fn a_hash_table_is_told_from_a_vector() {
    // 41 bytes per bucket of a table or per slot of a vector, 16 bytes per key.
    let bytes = |truth: Transform| move |x: f64| 9_000.0 + 16.0 * x + 41.0 * truth.apply(x);
    let mut tables = 0;
    for seed in 0..32 {
        let mut rng = rng(seed);
        let inputs = 15 + seed % 16;
        let values: Vec<f64> = (0..inputs)
            .map(|_| log_spread(&mut rng, 100.0, 200_000.0))
            .collect();
        let tells_them_apart =
            |x: &&f64| Transform::Buckets.apply(**x) != Transform::Pow2Ceil.apply(**x);
        let telling: Vec<&f64> = values.iter().filter(tells_them_apart).collect();
        let [table, vector] = [Transform::Buckets, Transform::Pow2Ceil]
            .map(|truth| profile(&line_calls(&values, bytes(truth))));
        let has = |model: &Model, transform| model.terms.iter().any(|t| t.transform == transform);
        println!(
            "seed {seed}: {telling:?} of {inputs}, {}",
            table.model.formula
        );

        // A vector is never taken for a table, exact or in whole pages.
        for model in [&vector.models.live, &vector.model] {
            assert!(has(model, Transform::Pow2Ceil), "{}", model.formula);
            assert!(!has(model, Transform::Buckets), "{}", model.formula);
        }
        if telling.is_empty() {
            continue;
        }
        let live = &table.models.live;
        let buckets = live
            .terms
            .iter()
            .find(|t| t.transform == Transform::Buckets);
        let buckets = buckets.unwrap_or_else(|| panic!("{}", live.formula));
        assert!((buckets.coefficient / 41.0 - 1.0).abs() < 0.03);
        // In whole pages on top of a mebibyte, a small table is as good as a vector.
        if telling.iter().any(|x| **x > 10_000.0) {
            assert!(
                has(&table.model, Transform::Buckets),
                "{}",
                table.model.formula
            );
            assert!(table.model.reason.contains("hash table"));
            tables += 1;
        }
    }
    assert!(tables > 10, "{tables}");
}

#[test]
fn a_threshold_below_which_nothing_grows_is_found() {
    let profile = profile(&line_calls(&spread(200.0, 60_000.0, 24), |x| {
        50_000.0 + 80.0 * (x - 5_000.0).max(0.0)
    }));
    println!("{}", profile.models.live.formula);
    let held_out = profile.models.live.held_out.unwrap();
    assert!(
        held_out.median_ape < 0.02,
        "{}",
        profile.models.live.formula
    );
}

#[test]
fn a_square_of_the_only_input_is_a_square() {
    // The side of a board, small and in steps of one; that of a grid, over two decades.
    let boards: Vec<f64> = (6..=20).map(f64::from).collect();
    for sides in [boards, spread(10.0, 1_500.0, 15)] {
        let mut rng = rng(5);
        let calls = sides.iter().map(|&side| {
            let live = 900.0 + 5_000.0 * side * side;
            let mut trace = call(&side.to_string(), pages(1.15e6 + live), Some(live));
            let body = format!(r#"{{"side": {side}}}"#).len() as f64;
            trace.observations = vec![
                Observed::before_the_call("stdin_bytes", body),
                Observed::before_the_call("json.side", side),
                Observed::before_the_call("json.seed", rng.gen_range(1.0..1e6)),
            ];
            trace
        });
        let profile = profile(&calls.collect::<Vec<Trace>>());
        assert_eq!(profile.models.live.formula, "900 B + 5,000 B x json.side^2");
        let [term] = &profile.model.terms[..] else {
            panic!("{}", profile.model.formula);
        };
        assert_eq!(term.transform, Transform::Square);
        assert!((term.coefficient / 5_000.0 - 1.0).abs() < 0.02);
    }
}

#[test]
fn several_variables_are_recovered() {
    let mut rng = rng(7);
    let calls: Vec<Trace> = (0..60)
        .map(|i| {
            let (rows, columns, cache) = (
                rng.gen_range(100.0f64..9_000.0).round(),
                rng.gen_range(10.0f64..900.0).round(),
                rng.gen_range(1.0f64..64.0).round(),
            );
            let live = 30_000.0 + 120.0 * rows + 4_000.0 * columns + 65_536.0 * cache;
            let mut trace = call(
                &i.to_string(),
                pages(1.1e6 + live),
                Some(live * (1.0 + 0.005 * normal(&mut rng))),
            );
            let input = |name: &str, value: f64| Observed::before_the_call(name, value);
            trace.observations = vec![
                input("rows", rows),
                input("columns", columns),
                input("cache", cache),
            ];
            trace
                .observations
                .extend((0..20).map(|d| input(&format!("decoy{d}"), rng.r#gen())));
            trace
        })
        .collect();
    let model = profile(&calls).models.live;
    println!("{} {:?}", model.formula, model.held_out);
    assert_eq!(model.kind, ModelKind::Multiple);
    for (name, coefficient) in [("rows", 120.0), ("columns", 4_000.0), ("cache", 65_536.0)] {
        let term = model
            .terms
            .iter()
            .find(|t| t.predictor.feature.variable == name)
            .unwrap();
        assert!(
            (term.coefficient / coefficient - 1.0).abs() < 0.02,
            "{name}: {}",
            term.coefficient
        );
    }
    assert_eq!(model.terms.len(), 3);
}

#[test]
fn elastic_net_recovers_known_coefficients() {
    let mut rng = rng(3);
    let columns: Vec<Vec<f64>> = (0..8)
        .map(|j| {
            (0..200)
                .map(|_| 10f64.powi(j) * (3.0 + normal(&mut rng)))
                .collect()
        })
        .collect();
    let y: Vec<f64> = (0..200)
        .map(|i| 1.1e6 + 86.0 * columns[0][i] - 5.0 * columns[3][i] + 0.01 * columns[6][i])
        .collect();
    let found = learn::fit::elastic_net(&columns, &y, &[1.0; 200], 1e-4, 0.5).unwrap();
    for (j, coefficient) in [(0, 86.0), (3, -5.0), (6, 0.01)] {
        assert!(
            (found.slopes[j] / coefficient - 1.0).abs() < 0.01,
            "{j}: {}",
            found.slopes[j]
        );
    }
    for j in [1, 2, 4, 5, 7] {
        // In units of the column's own deviation, against the largest effect of 10,000.
        assert!(
            (found.slopes[j] * 10f64.powi(j as i32)).abs() < 100.0,
            "{j}: {}",
            found.slopes[j]
        );
    }
    assert!((found.intercept / 1.1e6 - 1.0).abs() < 0.01);
}

#[test]
fn monotone_steps_are_isotonic() {
    // Arenas of uneven size: no curve that is tried.
    let level = |x: f64| match x {
        ..2_000.0 => 3e6,
        ..9_000.0 => 3.5e6,
        ..30_000.0 => 15e6,
        ..80_000.0 => 17e6,
        _ => 60e6,
    };
    let model = profile(&line_calls(&spread(1_000.0, 250_000.0, 60), level))
        .models
        .live;
    println!("{} {:?}", model.formula, model.held_out);
    assert_eq!(model.kind, ModelKind::Isotonic);
    let at = |x: f64| model.predict(|_| Some(x)).unwrap();
    assert!((at(20_000.0) / 15e6 - 1.0).abs() < 0.05);
}

#[test]
fn constant_memory_and_too_little_data_are_said() {
    let constant = profile(&line_calls(&spread(10.0, 4_000.0, 9), |_| 12_345.0));
    assert_eq!(constant.models.live.kind, ModelKind::Constant);
    assert_eq!(constant.models.live.formula, "12.1 KiB");
    assert_eq!(constant.model.kind, ModelKind::Constant);

    // Inputs that differ in everything that is known of them, and need the same.
    let same: Vec<Trace> = spread(1.0, 1e6, 30)
        .iter()
        .map(|&radius| {
            let body = format!(r#"{{"radius": {radius}}}"#).len() as f64;
            let mut trace = call(&radius.to_string(), pages(1.2e6), Some(900.0));
            trace.observations = vec![
                Observed::before_the_call("stdin_bytes", body),
                Observed::before_the_call("json.radius", radius),
            ];
            trace
        })
        .collect();
    let same = profile(&same);
    assert_eq!(same.model.kind, ModelKind::Constant);
    assert_eq!(
        same.model.reason,
        "constant: it is the same on all 30 inputs"
    );
    assert!(same.variables.is_empty());
    let r = same.recommendation.unwrap();
    assert!(r.sizing.is_none());
    assert_eq!(r.largest_need_bytes.as_f64(), pages(1.2e6));
    // Nothing is added: there is no spread to be careful about.
    assert_eq!(r.allocation_bytes, r.largest_need_bytes);
    assert!(
        r.because[0].contains("what each of 30 distinct inputs needed"),
        "{:?}",
        r.because
    );

    let three = profile(&line_calls(&[10.0, 1_000.0, 9_000.0], |x| 1e6 + 86.0 * x));
    assert_eq!(three.model.kind, ModelKind::None);
    assert_eq!(
        three.model.reason,
        "not enough data: 3 distinct values, 5 needed"
    );
    assert_eq!(three.recommendation.unwrap().confidence, Confidence::None);

    // Many inputs, but the only variable takes three values.
    let mut few: Vec<Trace> = Vec::new();
    for i in 0..12 {
        let mut trace = call(&i.to_string(), pages(2e6 + 1e6 * f64::from(i)), None);
        trace.observations = vec![lines(f64::from(i % 3))];
        few.push(trace);
    }
    let few = profile(&few);
    assert_eq!(
        few.model.reason,
        "not enough data: 3 distinct values, 5 needed"
    );
    assert_eq!(few.models.live.reason, "allocator not found");
}

/// Moments of one call that reads twelve files one after another and counts their lines.
fn twelve_files(counts: &[f64], hits_of: impl Fn(f64) -> Vec<(f64, f64, f64)>) -> Trace {
    let mut trace = call("dir", pages(3e7), Some(3e7));
    let hit = |(value, now, until_next): (f64, f64, f64)| Hit {
        value,
        moment: Moment {
            at: Nanos(1),
            committed: Bytes::from_f64(pages(now)),
            live: Some(Bytes::from_f64(now)),
        },
        live_until_next: Some(Bytes::from_f64(until_next)),
    };
    let hits: Vec<Hit> = counts.iter().flat_map(|&c| hits_of(c)).map(hit).collect();
    let mut observed = seen_once("lines", Breakpoint::Set("LINES".to_owned()), 0.0, Bytes(0));
    observed.count = hits.len() as u64;
    observed.hits = hits;
    trace.observations = vec![observed];
    trace
}

const BASE: f64 = 4_096.0;

#[test]
fn one_call_over_twelve_files_gives_the_bytes_per_line() {
    let counts = spread(500.0, 250_000.0, 12);
    let full = |lines: f64| BASE + 86.0 * lines;
    let before = |c: f64| counts.iter().copied().take_while(|x| *x < c).last();
    // Set once per file, before the lines are kept.
    let once = twelve_files(&counts, |c| vec![(c, BASE, full(c))]);
    // Counted up line by line from 0, thinned; the memory of the file before is still held when the count falls to 0.
    let counted = twelve_files(&counts, |c| {
        let values = std::iter::successors(Some(1.0f64), |v| (*v < c).then_some((v * 2.0).min(c)));
        let held = before(c).map_or(BASE, full);
        let mut hits = vec![(0.0, held, held)];
        hits.extend(values.map(|v| (v, full(v - 1.0), full(v))));
        hits
    });
    // Set when the file has been read, before it is dropped: the peak until the next hit is the next file's.
    let after = {
        let next = |c: f64| {
            counts
                .iter()
                .position(|x| *x == c)
                .and_then(|i| counts.get(i + 1))
                .copied()
                .unwrap_or(c)
        };
        twelve_files(&counts, |c| vec![(c, full(c), full(c).max(full(next(c))))])
    };
    for trace in [once, counted, after] {
        let model = profile(&[trace]).within_call.live;
        println!("{} | {}", model.formula, model.reason);
        assert_eq!(model.kind, ModelKind::Linear);
        assert_eq!(model.terms[0].predictor.feature.aggregate, Aggregate::Value);
        assert!(
            (model.terms[0].coefficient / 86.0 - 1.0).abs() < 0.01,
            "{}",
            model.formula
        );
        assert!(
            (model.intercept / BASE - 1.0).abs() < 0.05,
            "{}",
            model.formula
        );
    }
}

#[test]
fn a_pointer_that_happens_to_lie_on_a_line_explains_nothing_within_a_call() {
    // Five addresses close to each other, and bytes that grow with them from far below zero.
    let addresses: Vec<f64> = (0..5)
        .map(|i| 1_050_000.0 + 40_000.0 * f64::from(i))
        .collect();
    let mut trace = twelve_files(&addresses, |a| {
        let live = 1.12 * a - 825.0 * 1024.0;
        vec![(a, live, live)]
    });
    for observed in &mut trace.observations {
        observed.variable = "arg0".to_owned();
        observed.breakpoint = Breakpoint::Entry("process".to_owned());
    }
    let model = profile(&[trace]).within_call.live;
    assert_eq!(model.kind, ModelKind::None, "{}", model.formula);

    // Of two that say the same, the one with a name.
    let mut trace = twelve_files(&spread(500.0, 250_000.0, 12), |c| {
        vec![(c, BASE, BASE + 86.0 * c)]
    });
    let mut nameless = trace.observations[0].clone();
    nameless.variable = "arg0".to_owned();
    nameless.breakpoint = Breakpoint::Entry("process".to_owned());
    trace.observations.insert(0, nameless);
    let named = trace.observations[1].variable.clone();
    let model = profile(&[trace]).within_call.live;
    assert_eq!(model.terms[0].predictor.feature.variable, named);
}

#[test]
fn what_rounding_leaves_of_nothing_is_not_in_a_formula() {
    let traces: Vec<Trace> = (20..40)
        .map(|i| {
            let mut trace = call(&i.to_string(), 65_536.0 * f64::from(i), None);
            trace.observations = vec![lines(f64::from(i))];
            trace
        })
        .collect();
    let model = profile(&traces).model;
    assert_eq!(model.intercept, 0.0);
    assert!(model.formula.starts_with("64 KiB x"), "{}", model.formula);
}
