//! How long learning takes: 10,000 traces with 50 variables, and how that grows from 1,000; and 30 traces with 500
//! variables, most of which are nothing to do with memory. How long it takes to replay 10,000 calls by all rules, and what
//! sizing one call takes, and learning from it. Prints; asserts nothing.
//!
//! `cargo run --release -p learn --example speed`

use learn::{Catalogue, Online, Order, Replaying, Settings, learn, online::Known, replay};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::time::{Duration, Instant};
use trace::*;

fn main() {
    let settings = Settings::default().check().expect("defaults are valid");
    let catalogue = Catalogue::bundled();
    let mut took = Vec::new();
    for (count, variables) in [(1_000, 50), (10_000, 50), (30, 500)] {
        let traces = traces(count, variables);
        let function = traces[0].function.clone();
        let time = best_of_three(|| learn(&function, &traces, &settings, &catalogue));
        println!(
            "{count:>6} traces, {variables} variables: {:.3} s",
            time.as_secs_f64()
        );
        took.push(time.as_secs_f64());
    }
    println!(
        "ten times the traces take {:.1} times as long",
        took[1] / took[0]
    );
    replaying();
    online("a sum", |x| 1e6 + 86.0 * x[3] * (0.9 + 0.2 * x[4] / 1e5));
    online("a forest", |x| {
        let is_ridge = (x[3] - 5e4).abs() < 2e4 && (x[4] - 5e4).abs() < 2e4;
        if is_ridge { 2e8 } else { 3e7 }
    });
}

/// 10,000 calls of 20 functions as somebody else has recorded them, by every rule.
fn replaying() {
    let mut rng = SmallRng::seed_from_u64(2);
    let functions: Vec<(FunctionId, Vec<Trace>)> = (0..20)
        .map(|_| {
            let mut calls = traces(500, 21);
            for call in &mut calls {
                let need = call.committed_peak.as_f64() * (0.95 + 0.1 * rng.r#gen::<f64>());
                call.committed_peak = Bytes::from_f64(need);
                call.imported = Some(Imported {
                    form: "synthetic".to_owned(),
                    configured: None,
                    row: String::new(),
                });
            }
            (calls[0].function.clone(), calls)
        })
        .collect();
    let settings = Settings::default().check().expect("defaults are valid");
    let replaying = Replaying {
        functions: &functions,
        settings: &settings,
        preset: None,
    };
    let start = Instant::now();
    let replayed = replay(&replaying, &|| {});
    println!(
        "{:>6} calls replayed by {} rules: {:.3} s",
        replayed.calls,
        replayed.rules.len(),
        start.elapsed().as_secs_f64()
    );
}

/// What was known of a call, and what it needed.
type Ended = (Vec<Known>, f64);

/// One call of a function with five features, of which 1,000 were seen.
fn online(model: &str, need: impl Fn(&[f64]) -> f64) {
    const CALLS: u32 = 100_000;
    let mut rng = SmallRng::seed_from_u64(3);
    let features = (0..5).map(|v| Feature {
        variable: format!("input{v}"),
        breakpoint: Breakpoint::Input,
        aggregate: Aggregate::First,
    });
    let mut online = Online::new(features.collect(), 0.01, 1, Order::Stream);
    let mut call = || -> Ended {
        let mut known = || Known {
            value: rng.gen_range(1e3..1e5_f64).round(),
            at_seconds: 0.0,
            ahead: 1.0,
        };
        let known: Vec<Known> = std::iter::repeat_with(&mut known).take(5).collect();
        let values: Vec<f64> = known.iter().map(|known| known.value).collect();
        let need = need(&values) * rng.gen_range(0.98..1.0);
        (known, need)
    };
    let calls: Vec<Ended> = (0..1_000).map(|_| call()).collect();
    for (known, need) in &calls {
        online.see(known, *need);
    }
    online.refit();
    println!(
        "        {}",
        online.model().map_or_else(String::new, |m| m.formula)
    );
    let each = |what: &str, work: &mut dyn FnMut(&Ended)| {
        let start = Instant::now();
        for at in 0..CALLS as usize {
            work(&calls[at % calls.len()]);
        }
        let each = start.elapsed() / CALLS;
        println!(
            "        {what} one call, by {model}: {:.3} us",
            each.as_secs_f64() * 1e6
        );
    };
    let mut sum = 0.0;
    each("sizing", &mut |(known, _)| {
        sum += online.size(known).map_or(0.0, |sized| sized.start);
    });
    each("learning from", &mut |(known, need)| {
        online.see(known, *need)
    });
    assert!(sum > 0.0, "nothing was sized");
}

fn best_of_three(mut work: impl FnMut() -> Profile) -> Duration {
    let once = |work: &mut dyn FnMut() -> Profile| {
        let start = Instant::now();
        let profile = work();
        let took = start.elapsed();
        println!("        {}", profile.model.formula);
        took
    };
    (0..3).map(|_| once(&mut work)).min().unwrap_or_default()
}

/// Calls of which 10 variables are known before and all others are set inside, 16 hits each; two of them drive memory.
fn traces(count: usize, variables: usize) -> Vec<Trace> {
    let mut rng = SmallRng::seed_from_u64(1);
    (0..count).map(|i| trace(i, variables, &mut rng)).collect()
}

fn trace(index: usize, variables: usize, rng: &mut SmallRng) -> Trace {
    let values: Vec<f64> = (0..variables)
        .map(|_| (1e3 * 100f64.powf(rng.r#gen())).round())
        .collect();
    let live = 9e3 + 86.0 * values[20] + 3.0 * values[4] * (0.9 + 0.2 * rng.r#gen::<f64>());
    let start = Bytes(17 * PAGE.0);
    let observations = values.iter().enumerate().map(|(v, &value)| match v {
        0..10 => Observed::before_the_call(format!("input{v}"), value),
        _ => inside(format!("global{v}"), value, live, start),
    });
    let function = FunctionId {
        name: "synthetic".to_owned(),
        digest: "sha256:0".to_owned(),
    };
    let input = Input {
        label: index.to_string(),
        digest: format!("sha256:{index}"),
    };
    let limits = Limits {
        memory: Bytes::mib(1024),
        timeout: Nanos(1_000_000_000),
    };
    Trace {
        started_unix_ms: index as u64,
        outcome: Outcome::Succeeded,
        exit_code: Some(0),
        committed_start: start,
        committed_peak: Bytes::from_f64(1.1e6 + live).round_up_to_pages(),
        heap: Heap::Live {
            peak: Bytes::from_f64(live),
            at_end: Bytes(0),
            allocations: 1,
        },
        observations: observations.collect(),
        wall: Nanos(9_000_000),
        cpu: Nanos((1e6 + 50.0 * values[20] * (0.8 + 0.4 * rng.r#gen::<f64>())) as u64),
        ..Trace::nothing_measured(function, input, limits)
    }
}

/// A variable that counts up to `value` in 16 hits.
fn inside(variable: String, value: f64, live: f64, committed: Bytes) -> Observed {
    const HITS: u32 = 16;
    let hit = |i: u32| {
        let share = f64::from(i + 1) / f64::from(HITS);
        Hit {
            value: (value * share).round(),
            moment: Moment {
                at: Nanos(u64::from(i)),
                committed,
                live: Some(Bytes::from_f64(live * share)),
            },
            live_until_next: Some(Bytes::from_f64(live * share)),
        }
    };
    let hits: Vec<Hit> = (0..HITS).map(hit).collect();
    let sum = hits.iter().map(|h| h.value).sum();
    Observed {
        breakpoint: Breakpoint::Set(variable.to_uppercase()),
        count: u64::from(HITS),
        first: hits[0].value,
        min: hits[0].value,
        sum,
        first_moment: Some(hits[0].moment),
        last_moment: hits.last().map(|h| h.moment),
        hits,
        ..Observed::before_the_call(variable, value)
    }
}
