//! Replay: what rules would have wasted, by hand on a few calls, and on streams made by chance as a promise.

mod common;

use common::{normal, rng};
use learn::{Online, Replaying, online::Known, replay};
use rand::Rng;
use trace::*;

const MB: f64 = 1e6;

/// A call that somebody else has recorded.
fn imported(function: &str, at: usize, used: f64, configured: f64, input: f64) -> Trace {
    let function = FunctionId {
        name: function.to_owned(),
        digest: "imported".to_owned(),
    };
    let label = Input {
        label: at.to_string(),
        digest: format!("sha256:{at}"),
    };
    let nothing = Limits {
        memory: Bytes(0),
        timeout: Nanos(0),
    };
    Trace {
        outcome: Outcome::Succeeded,
        started_unix_ms: at as u64,
        committed_peak: Bytes::from_f64(used),
        wall: Nanos(2_000_000_000),
        observations: vec![Observed::before_the_call("size", input)],
        imported: Some(Imported {
            form: "csv".to_owned(),
            configured: Some(Bytes::from_f64(configured)),
            row: at.to_string(),
        }),
        ..Trace::nothing_measured(function, label, nothing)
    }
}

fn replayed(functions: &[Vec<Trace>]) -> Replayed {
    let functions: Vec<(FunctionId, Vec<Trace>)> = functions
        .iter()
        .map(|calls| (calls[0].function.clone(), calls.clone()))
        .collect();
    let settings = common::settings();
    let replaying = Replaying {
        functions: &functions,
        settings: &settings,
        preset: None,
    };
    replay(&replaying, &|| {})
}

fn rule<'r>(replayed: &'r Replayed, name: &str) -> &'r RuleReplayed {
    let mut rules = replayed.rules.iter();
    rules.find(|rule| rule.rule == name).expect(name)
}

#[test]
fn waste_and_failures_are_those_counted_by_hand() {
    // Five calls at the preset of 100 MB; then 20 MB and 50 MB are needed, each for two seconds.
    let needs = [10.0, 10.0, 10.0, 10.0, 10.0, 20.0, 50.0];
    let calls = needs.iter().enumerate();
    let calls: Vec<Trace> = calls
        .map(|(at, need)| imported("f", at, need * MB, 100.0 * MB, 1.0))
        .collect();
    let replayed = replayed(&[calls]);
    assert_eq!(
        (replayed.calls, replayed.functions, replayed.left_out),
        (7, 1, 0)
    );
    let preset = rule(&replayed, "preset");
    let first = 5.0 * 90.0 * 2.0;
    assert_eq!(preset.waste_gb_seconds, (first + (80.0 + 50.0) * 2.0) / 1e3);
    assert_eq!(preset.waste_share_of_preset, Some(1.0));
    assert_eq!(preset.first_try_failures, 0.0);
    assert_eq!(preset.median_allocated_over_used, 10.0);
    // 11.5 are given, all of it is wasted, and 23 the second time; then 23, all wasted, 46, all wasted, and 92.
    let max15 = rule(&replayed, "max15");
    let sixth = (11.5 + (23.0 - 20.0)) * 2.0;
    let seventh = (23.0 + 46.0 + (92.0 - 50.0)) * 2.0;
    let by_hand = (first + sixth + seventh) / 1e3;
    assert!((max15.waste_gb_seconds - by_hand).abs() < 1e-9, "{max15:?}");
    assert_eq!(max15.first_try_failures, 2.0 / 7.0);
    // The best size of all for all of them: 128 MiB.
    let fixed = rule(&replayed, "fixed");
    let mib = 134.217728;
    let by_hand = (first + (mib - 20.0 + mib - 50.0) * 2.0) / 1e3;
    assert!((fixed.waste_gb_seconds - by_hand).abs() < 1e-9, "{fixed:?}");
    assert_eq!(fixed.first_try_failures, 0.0);
}

#[test]
fn peers_give_what_their_authors_say() {
    let hour = 3_600_000;
    let call = |at: usize, need: f64, input: f64| {
        let mut call = imported("f", at, need * MB, 1_000.0 * MB, input);
        call.started_unix_ms = 1_700_000_000_000 + (at * hour) as u64;
        call.wall = Nanos(1_000_000_000);
        call
    };
    let given = |replayed: &Replayed, name: &str, first: f64| {
        // All but the last call are at the preset, or of no time.
        (rule(replayed, name).waste_gb_seconds - first) * 1e3 + 50.0
    };
    // Twenty needs of 1 to 20 MB, of which only the last one takes time, and then one of 50 MB.
    let mut calls: Vec<Trace> = (0..20)
        .map(|at| call(at, 1.0 + at as f64, 1.0 + at as f64))
        .collect();
    calls.iter_mut().for_each(|call| call.wall = Nanos(0));
    calls.push(call(20, 50.0, 100.0));
    let all = replayed(&[calls.clone()]);
    // 19 by nearest rank, wasted, and 38 wasted, and 76.
    let p95 = given(&all, "p95", 0.0);
    assert!((p95 - (19.0 + 38.0 + 76.0)).abs() < 1e-6, "{p95}");
    // Needs are on a line, and what it was wrong by is next to nothing: 100.
    let witt = given(&all, "witt", 0.0);
    assert!((witt - 100.0).abs() < 1.0, "{witt}");
    // With a half-life of a day 90 % of the weight is reached at 19 MB, whose bucket ends at 10 (1.05^2 - 1) / 0.05 = 20.5,
    // and 15 % more is 23.575.
    let vpa = given(&all, "vpa", 0.0);
    let first = 1.15 * 20.5;
    assert!(
        (vpa - (first + 2.0 * first + 4.0 * first)).abs() < 1e-6,
        "{vpa}"
    );
    // A call that runs out of memory counts twice: with what it needed, and with 100 MiB more than it was given. So 90 % are not
    // reached by the twenty any more (26 of 29.7), but by the 50 MB. What was given to the second is 23.575 MB again, without it.
    let mut later = call(20 + 24 * 30, 50.0, 100.0);
    later.input.digest = "sha256:later".to_owned();
    calls.push(later);
    let with = replayed(&[calls]);
    let vpa = (rule(&with, "vpa").waste_gb_seconds - rule(&all, "vpa").waste_gb_seconds) * 1e3;
    let mut ends = (1..).map(|i| 10.0 * (1.05f64.powi(i) - 1.0) / 0.05);
    let bucket = ends.find(|end| *end > 50.0).expect("one");
    assert!((vpa - (1.15 * bucket - 50.0)).abs() < 1e-6, "{vpa}");
}

/// No rule knows of calls to come: not what they need, nor what is told of them.
#[test]
fn calls_to_come_change_nothing() {
    let mut calls = streams(4, true)[0].clone();
    let before = replayed(&[calls.clone()]);
    // Later ones have another variable, lack this one, need more, and take no time, so that they cost nothing themselves.
    for at in 200..260 {
        let mut call = imported("f0", at, 5_000.0 * MB, 1e5 * MB, 1.0);
        call.observations = vec![Observed::before_the_call("another", at as f64)];
        call.wall = Nanos(0);
        call.committed_start = Bytes::mib(4_000);
        calls.push(call);
    }
    let after = replayed(&[calls]);
    for (before, after) in before.rules.iter().zip(&after.rules) {
        if before.rule != "fixed" {
            assert_eq!(
                before.waste_gb_seconds, after.waste_gb_seconds,
                "{}",
                before.rule
            );
        }
    }
}

/// Also where every call needs a little more than those like it have needed before.
#[test]
fn the_asked_rate_is_held_while_a_stream_drifts() {
    let mut rng = rng(8);
    let calls: Vec<Trace> = (0..3_000)
        .map(|at| {
            let input = common::log_spread(&mut rng, 1e4, 1e6);
            let slope = 100.0 * (1.0 + 0.66 * at as f64 / 1_500.0);
            let need = (20e6 + slope * input) * (0.01 * normal(&mut rng)).exp();
            imported("f", at, need, 1e9, input)
        })
        .collect();
    let replayed = replayed(&[calls]);
    let ours = rule(&replayed, "fathom-call");
    assert!(ours.chance_of_as_many_failures > Some(0.05), "{ours:?}");
    // And not by giving much more than is needed.
    assert!(ours.waste_share_of_preset < Some(0.02), "{ours:?}");
}

/// What is recommended after a stream has drifted is for the calls of now.
#[test]
fn what_is_recommended_follows_a_stream_that_drifts() {
    let mut rng = rng(6);
    let calls: Vec<Trace> = (0..1_000)
        .map(|at| {
            let input = common::log_spread(&mut rng, 1e5, 1e7);
            let slope = 100.0 + 0.1 * at as f64;
            imported(
                "f",
                at,
                20.0 * MB + slope * input * (0.01 * normal(&mut rng)).exp(),
                1e10,
                input,
            )
        })
        .collect();
    for until in [700, 850, 1_000] {
        let settings = learn::Settings {
            order: learn::Order::Stream,
            ..learn::Settings::default()
        };
        let settings = settings.check().unwrap();
        let catalogue = learn::Catalogue::bundled();
        let profile = learn::learn(&calls[0].function, &calls[..until], &settings, &catalogue);
        let r = profile.recommendation.expect("one");
        let newest = &calls[until - 100..until];
        let fails = newest
            .iter()
            .filter(|call| learn::size_call(&r, &call.observations) < call.committed_peak);
        assert!(fails.count() <= 3, "{until}");
    }
}

/// The inputs of a sweep were chosen: their order means nothing, and what is told is the mean of several orders.
#[test]
fn sweeps_are_replayed_in_many_orders_and_given_whole_pages() {
    let sweep: Vec<Trace> = (0..12)
        .map(|at| {
            let mut call =
                common::call(&at.to_string(), common::pages(2e6 + 1e6 * at as f64), None);
            call.observations = vec![Observed::before_the_call("n", at as f64)];
            call.started_unix_ms = at;
            call.wall = Nanos(1_000_000_000);
            call
        })
        .collect();
    let mut backwards = sweep.clone();
    backwards.reverse();
    for (at, call) in backwards.iter_mut().enumerate() {
        call.started_unix_ms = at as u64;
    }
    let max15 = |calls: &[Trace]| rule(&replayed(&[calls.to_vec()]), "max15").first_try_failures;
    // In one order each of seven fails, in the other none does. Of 20 random orders it is a share of 12 x 20 calls.
    let failures = max15(&sweep);
    assert!((0.02..0.4).contains(&failures), "{failures}");
    assert!(((failures * 240.0).round() - failures * 240.0).abs() < 1e-9);
    assert!((max15(&backwards) - failures).abs() < 0.15);
    assert_eq!(replayed(&[sweep]).calls, 12);
}

/// What never moves is given exactly, by ours: whole MiB of what no guest has measured.
#[test]
fn what_never_moves_is_given_exactly_and_repeats_of_an_input_say_nothing() {
    let mib = 1_048_576.0;
    let calls: Vec<Trace> = (0..30)
        .map(|at| imported("f", at, 7.0 * mib, 64.0 * mib, 1.0))
        .collect();
    let replayed_once = replayed(std::slice::from_ref(&calls));
    for name in ["fathom-function", "fathom-call"] {
        let ours = rule(&replayed_once, name);
        let first = 5.0 * 57.0 * mib * 2.0 / 1e9;
        assert!((ours.waste_gb_seconds - first).abs() < 1e-9, "{ours:?}");
    }
    // Calls of four inputs are all given what they are given today, however many they are.
    let mut calls = calls;
    for (at, call) in calls.iter_mut().enumerate() {
        call.input.digest = format!("sha256:{}", at % 4);
    }
    let replayed = replayed(&[calls]);
    for rule in &replayed.rules {
        assert_eq!(rule.waste_share_of_preset, Some(1.0), "{rule:?}");
    }
}

#[test]
fn calls_that_were_stopped_are_left_out_and_learned_from() {
    let mut calls: Vec<Trace> = (0..20)
        .map(|at| imported("f", at, 10.0 * MB, 100.0 * MB, 1.0))
        .collect();
    let killed = &mut calls[10];
    killed.outcome = Outcome::Limited;
    killed.refusals = vec![Refusal {
        at: Nanos(1),
        asked: Bytes::from_f64(40.0 * MB),
    }];
    killed.refused_count = 1;
    calls[11].outcome = Outcome::Failed;
    let with = replayed(&[calls.clone()]);
    assert_eq!((with.calls, with.left_out), (18, 2));
    calls.remove(10);
    let without = replayed(&[calls]);
    // Who has seen a call that needed 40 MB at least gives more to those after it.
    for name in ["max15", "fathom-function"] {
        let (with, without) = (rule(&with, name), rule(&without, name));
        assert!(
            with.waste_gb_seconds > 1.5 * without.waste_gb_seconds,
            "{name}"
        );
    }
}

/// Functions of which each call needs more the larger its input is, or about as much whatever its input is.
fn streams(seed: u64, informs: bool) -> Vec<Vec<Trace>> {
    let mut rng = rng(seed);
    let streams = (0..40).map(|function| {
        let noise = rng.gen_range(0.01..0.1);
        let base = rng.gen_range(20.0..200.0) * MB;
        let slope = rng.gen_range(10.0..400.0);
        let calls = (0..200).map(|at| {
            let input = common::log_spread(&mut rng, 1e4, 2e6);
            let driven = if informs { slope * input } else { base };
            let need = (base + driven) * (noise * normal(&mut rng)).exp();
            imported(&format!("f{function}"), at, need, 2_000.0 * MB, input)
        });
        calls.collect()
    });
    streams.collect()
}

#[test]
fn the_asked_rate_is_held_at_half_the_waste_of_who_holds_it_too() {
    let replayed = replayed(&streams(1, true));
    assert_eq!(replayed.calls, 8_000);
    let ours = rule(&replayed, "fathom-call");
    assert!(ours.first_try_failures <= 0.012, "{ours:?}");
    assert!(ours.chance_of_as_many_failures > Some(0.05), "{ours:?}");
    for name in ["max15", "vpa", "p95", "witt"] {
        let peer = rule(&replayed, name);
        let fails_as_rarely = peer.first_try_failures <= 0.012;
        assert!(
            !fails_as_rarely || ours.waste_gb_seconds < 0.5 * peer.waste_gb_seconds,
            "{ours:?} {peer:?}"
        );
    }
    assert!(rule(&replayed, "max15").first_try_failures <= 0.012);
}

#[test]
fn where_nothing_informs_no_more_is_wasted_than_by_the_best_that_fails_as_rarely() {
    let replayed = replayed(&streams(2, false));
    for name in ["fathom-call", "fathom-function"] {
        let ours = rule(&replayed, name);
        assert!(ours.first_try_failures <= 0.012, "{ours:?}");
        for peer in replayed
            .rules
            .iter()
            .filter(|r| !r.rule.starts_with("fathom"))
        {
            let fails_as_rarely = peer.first_try_failures <= 0.012;
            assert!(
                !fails_as_rarely || ours.waste_gb_seconds <= 1.02 * peer.waste_gb_seconds,
                "{ours:?} {peer:?}"
            );
        }
    }
}

/// What a breakpoint inside the call says is not known before it: until then a call is given what every call is given.
#[test]
fn a_call_is_given_the_start_grant_until_its_breakpoint_is_reached() {
    let feature = Feature {
        variable: "lines".to_owned(),
        breakpoint: Breakpoint::Set("LINES".to_owned()),
        aggregate: Aggregate::First,
    };
    let mut online = Online::new(vec![feature], 0.01, 1, learn::Order::Stream);
    let known = |value: f64| Known {
        value,
        at_seconds: 0.5,
        ahead: 0.9,
    };
    let mut rng = rng(3);
    for _ in 0..200 {
        let lines = common::log_spread(&mut rng, 1e3, 1e6);
        online.see(&[known(lines)], 1e6 + 86.0 * lines);
        if online.is_refit_due() {
            online.refit();
        }
    }
    let sized = online.size(&[known(1e4)]).expect("enough calls");
    let (at, then) = sized.then.expect("sized by the breakpoint");
    assert_eq!(at, 0.5);
    let need = 1e6 + 86.0 * 1e4;
    assert!((need * 0.999..need * 1.05).contains(&then), "{then}");
    // All calls, of which one in a hundred needs nearly 86 MB.
    assert!(sized.start > 80e6, "{}", sized.start);
    // A call that never gets there keeps it.
    let never = Known {
        value: f64::NAN,
        at_seconds: 0.0,
        ahead: 0.0,
    };
    let never = online.size(&[never]).expect("enough calls");
    assert_eq!((never.start, never.then), (sized.start, None));
}

/// Inputs that grow, of a function whose buffers double: each model is wrong of the calls after it. The last one is judged by what it
/// says of all calls, not by what those before it have missed.
#[test]
fn steps_learned_anew_are_not_held_to_what_former_ones_have_missed() {
    let feature = Feature {
        variable: "stdin_bytes".to_owned(),
        breakpoint: Breakpoint::Input,
        aggregate: Aggregate::First,
    };
    // From so many thousands of bytes on, so many pages.
    const PAGES: [(u32, u32); 12] = [
        (0, 17),
        (12, 18),
        (21, 19),
        (42, 20),
        (82, 23),
        (147, 24),
        (167, 30),
        (312, 31),
        (329, 43),
        (602, 44),
        (637, 45),
        (658, 69),
    ];
    let need = |bytes: u32| {
        let reached = PAGES.iter().rfind(|(from, _)| from * 1_000 <= bytes);
        reached.map_or(0.0, |(_, pages)| f64::from(pages * 65_536))
    };
    let known = |bytes: u32| Known {
        value: f64::from(bytes),
        at_seconds: 0.0,
        ahead: 1.0,
    };
    let mut online = Online::new(vec![feature], 0.01, 1, learn::Order::Stream);
    let growing = (1..=100).map(|step| 7_000 * step);
    let others = (0..170).map(|step| 5_000 + 2_900 * step);
    for bytes in growing.chain(others) {
        online.see(&[known(bytes)], need(bytes));
        if [12, 25, 46, 170, 270].contains(&online.calls()) {
            online.refit();
        }
    }
    for bytes in [20_000, 200_000, 600_000] {
        let sized = online.size(&[known(bytes)]).expect("enough calls");
        assert!(sized.by_model, "{bytes}: {sized:?}");
        let allowed = need(bytes)..1.7 * need(bytes);
        assert!(allowed.contains(&sized.start), "{bytes}: {sized:?}");
    }
}
