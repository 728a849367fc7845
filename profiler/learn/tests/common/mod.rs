//! Traces made by hand for the tests of this folder: what a call observed and what it needed, nothing run.

#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses some of these, none uses all"
)]

use learn::{Catalogue, CheckedSettings, Settings};
use rand::{Rng, SeedableRng, rngs::SmallRng};
use trace::*;

/// A generator for a seed.
pub fn rng(seed: u64) -> SmallRng {
    SmallRng::seed_from_u64(seed)
}

/// A standard normal number (Box and Muller 1958).
pub fn normal(rng: &mut SmallRng) -> f64 {
    let (u, v): (f64, f64) = (rng.gen_range(f64::MIN_POSITIVE..1.0), rng.r#gen());
    (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
}

/// A call named `label` that committed and held so many bytes at its peak and observed nothing yet.
pub fn call(label: &str, committed: f64, live: Option<f64>) -> Trace {
    let function = function();
    let input = Input {
        label: label.to_owned(),
        digest: format!("sha256:{label}"),
    };
    let limits = Limits {
        memory: Bytes::mib(4096),
        timeout: Nanos(60_000_000_000),
    };
    Trace {
        outcome: Outcome::Succeeded,
        exit_code: Some(0),
        committed_start: Bytes(17 * PAGE.0),
        committed_peak: Bytes::from_f64(committed),
        heap: live.map_or(Heap::Unknown, |peak| Heap::Live {
            peak: Bytes::from_f64(peak),
            at_end: Bytes(0),
            allocations: 1,
        }),
        wall: Nanos(10_000_000),
        cpu: Nanos(10_000_000),
        ..Trace::nothing_measured(function, input, limits)
    }
}

pub fn function() -> FunctionId {
    FunctionId {
        name: "line-reader".to_owned(),
        digest: "sha256:0".to_owned(),
    }
}

/// A variable seen once at a breakpoint, when so much had been committed.
pub fn seen_once(variable: &str, breakpoint: Breakpoint, value: f64, committed: Bytes) -> Observed {
    let moment = Moment {
        at: Nanos(1),
        committed,
        live: None,
    };
    Observed {
        breakpoint,
        first_moment: Some(moment),
        last_moment: Some(moment),
        ..Observed::before_the_call(variable, value)
    }
}

/// A variable that is set once, before memory grows.
pub fn set_once(variable: &str, value: f64) -> Observed {
    let place = Breakpoint::Set(variable.to_owned());
    seen_once(variable, place, value, Bytes(17 * PAGE.0))
}

/// `LINES`, set once before memory grows.
pub fn lines(value: f64) -> Observed {
    Observed {
        breakpoint: Breakpoint::Set("LINES".to_owned()),
        ..set_once("lines", value)
    }
}

/// Whole pages, and never less than the module begins with.
pub fn pages(bytes: f64) -> f64 {
    Bytes::from_f64(bytes.max(17.0 * PAGE.as_f64()).ceil())
        .round_up_to_pages()
        .as_f64()
}

/// A whole number of which the logarithm is evenly distributed.
pub fn log_spread(rng: &mut SmallRng, from: f64, to: f64) -> f64 {
    (from * (to / from).powf(rng.r#gen())).round()
}

/// Values spread evenly over the logarithm.
pub fn spread(from: f64, to: f64, count: usize) -> Vec<f64> {
    let step = (to / from).ln() / (count - 1) as f64;
    (0..count)
        .map(|i| (from * (step * i as f64).exp()).round())
        .collect()
}

pub fn settings() -> CheckedSettings {
    Settings::default().check().unwrap()
}

/// Learns with default settings and the bundled catalogue.
pub fn profile(traces: &[Trace]) -> Profile {
    learn::learn(&function(), traces, &settings(), &Catalogue::bundled())
}
