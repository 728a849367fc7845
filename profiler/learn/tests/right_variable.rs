//! Among many decoys the right variable is found, and in noise none is: over 100 seeds each.

mod common;

use common::{call, lines, normal, pages, profile, rng, spread};
use rand::{Rng, rngs::SmallRng};
use trace::{ModelKind, Observed, Trace};

const SEEDS: u64 = 100;
const DECOYS: usize = 200;
const INPUTS: usize = 20;

/// 200 variables known before the call: every tenth correlates with `truth` at 0.95, the others with nothing.
fn decoys(truth: &[f64], rng: &mut SmallRng) -> Vec<Vec<Observed>> {
    let n = truth.len() as f64;
    let mean = truth.iter().sum::<f64>() / n;
    let deviation = (truth.iter().map(|t| (t - mean).powi(2)).sum::<f64>() / n).sqrt();
    let mut rows = vec![Vec::new(); truth.len()];
    for decoy in 0..DECOYS {
        let share: f64 = if decoy % 10 == 0 { 0.95 } else { 0.0 };
        for (row, value) in rows.iter_mut().zip(truth) {
            let noise = normal(rng);
            let z = share * (value - mean) / deviation + (1.0 - share * share).sqrt() * noise;
            row.push(Observed::before_the_call(
                format!("decoy{decoy}"),
                mean + z * deviation,
            ));
        }
    }
    rows
}

fn calls(needs: &[f64], observed: Vec<Vec<Observed>>) -> Vec<Trace> {
    let made = needs
        .iter()
        .zip(observed)
        .enumerate()
        .map(|(i, (need, observed))| {
            let mut trace = call(&i.to_string(), *need, None);
            trace.observations = observed;
            trace
        });
    made.collect()
}

#[test]
fn the_right_one_of_201_variables_is_found() {
    let mut right = 0;
    for seed in 0..SEEDS {
        let mut rng = rng(seed);
        let truth: Vec<f64> = spread(1_000.0, 250_000.0, INPUTS);
        let needs: Vec<f64> = truth
            .iter()
            .map(|l| pages((1.1e6 + 86.0 * l) * (1.0 + 0.02 * normal(&mut rng))))
            .collect();
        let mut observed = decoys(&truth, &mut rng);
        for (row, value) in observed.iter_mut().zip(&truth) {
            row.push(lines(*value));
        }
        let model = profile(&calls(&needs, observed)).model;
        let found = model
            .terms
            .first()
            .is_some_and(|t| t.predictor.feature.variable == "lines");
        if found && model.seen.len() == 1 {
            right += 1;
        } else {
            println!("seed {seed}: {} ({})", model.formula, model.reason);
        }
    }
    assert!(right * 100 >= SEEDS * 99, "{right} of {SEEDS}");
}

#[test]
fn in_noise_there_is_none() {
    let mut none = 0;
    for seed in 0..SEEDS {
        let mut rng = rng(1_000 + seed);
        let truth: Vec<f64> = spread(1_000.0, 250_000.0, INPUTS);
        let observed = decoys(&truth, &mut rng);
        // Half of the seeds with needs over a factor of 20, half around a value.
        let wide = seed % 2 == 0;
        let needs: Vec<f64> = (0..INPUTS)
            .map(|_| {
                pages(if wide {
                    1.2e6 * 20f64.powf(rng.r#gen())
                } else {
                    2e7 * (1.0 + 0.2 * normal(&mut rng))
                })
            })
            .collect();
        let model = profile(&calls(&needs, observed)).model;
        if matches!(model.kind, ModelKind::None | ModelKind::Constant) {
            none += 1;
        } else {
            println!("seed {seed}: {} ({})", model.formula, model.reason);
        }
    }
    assert!(none * 100 >= SEEDS * 95, "{none} of {SEEDS}");
}
