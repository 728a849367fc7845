//! Where the time goes, against a guest of which that is known: nine parts of its work in one function, one in another.

use crate::{call, load, run, run_forever};
use host::{Engine, Function};
use std::collections::HashMap;
use trace::{CpuProfile, Nanos, Outcome, Selection};

const MILLISECOND: Nanos = Nanos(1_000_000);

/// `deep` calls itself ten times before it works, and `run` gives nine of ten rounds to it, the tenth to `shallow`.
const WORK: &str = r#"(module
    (memory (export "memory") 1)
    (global $keep (export "keep") (mut i32) (i32.const 0))
    (func $work (param $n i32)
        (loop $again
            (global.set $keep (i32.add (i32.rotl (global.get $keep) (i32.const 5)) (local.get $n)))
            (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func $deep (param $depth i32) (param $n i32)
        (if (local.get $depth)
            (then (call $deep (i32.sub (local.get $depth) (i32.const 1)) (local.get $n)))
            (else (call $work (local.get $n)))))
    (func $shallow (param $n i32) (call $work (local.get $n)))
    (func (export "run")
        (call $deep (i32.const 10) (i32.const 90000000))
        (call $shallow (i32.const 10000000)))
    (func (export "forever") (loop $again (call $shallow (i32.const 1000)) (br $again)))
    (func (export "at_once")))"#;

fn sampled(engine: &Engine) -> Function {
    // A probe moves the code: what is said is said of the original all the same.
    load(
        engine,
        WORK,
        &["entry:shallow", "entry:deep", "set:keep"],
        true,
    )
}

fn names(profile: &CpuProfile, stack: u32) -> Vec<&str> {
    let frames = profile.table.frames_of(stack);
    frames.map(|frame| frame.function.as_str()).collect()
}

/// Share of the sampled time by stack.
fn shares(profile: &CpuProfile) -> HashMap<Vec<&str>, f64> {
    let total: u64 = profile.samples.iter().map(|sample| sample.cpu.0).sum();
    let mut shares = HashMap::new();
    for sample in &profile.samples {
        let share = sample.cpu.0 as f64 / total as f64;
        *shares.entry(names(profile, sample.stack)).or_default() += share;
    }
    shares
}

#[test]
fn samples_are_where_the_work_is() {
    let engine = Engine::sampling_cpu(MILLISECOND).unwrap();
    let trace = run(&sampled(&engine), &call("run"));
    assert_eq!(trace.outcome, Outcome::Succeeded);
    let profile = trace.cpu_profile.unwrap();
    assert_eq!(profile.period, MILLISECOND);
    assert!(profile.samples.len() > 20, "{}", profile.samples.len());
    assert!(profile.samples.is_sorted_by_key(|sample| sample.at));

    let sampled: u64 = profile.samples.iter().map(|sample| sample.cpu.0).sum();
    assert!(sampled <= trace.cpu.0, "{sampled} of {:?}", trace.cpu);
    let shares = shares(&profile);
    let of = |stack: &[&str]| shares.get(stack).copied().unwrap_or_default();
    let deep = [&["run"][..], &["deep"; 11], &["work"]].concat();
    // The work is nine to one; a busy machine may stretch a sample, not the most of them.
    assert!((0.75..=0.99).contains(&of(&deep)), "{shares:?}");
    assert!(of(&["run", "shallow", "work"]) > 0.0, "{shares:?}");
    for stack in shares.keys() {
        assert_eq!(stack[0], "run", "{stack:?}");
    }
}

#[test]
fn nobody_asks_nobody_pays() {
    let engine = Engine::new().unwrap();
    let trace = run(&sampled(&engine), &call("at_once"));
    assert_eq!(trace.cpu_profile, None);
    assert!(!trace.machine.engine.contains("epochs"));

    // A sample is taken when the time for one has come, which in an hour it has not.
    let engine = Engine::sampling_cpu(Nanos(3_600_000_000_000)).unwrap();
    let trace = run(&sampled(&engine), &call("at_once"));
    assert!(trace.machine.engine.contains("epochs"));
    assert!(trace.cpu_profile.unwrap().samples.is_empty());
}

/// Of a call that never ends it is known where it was.
#[test]
fn a_call_that_does_not_end_says_where_it_was() {
    let engine = Engine::sampling_cpu(MILLISECOND).unwrap();
    let function = sampled(&engine);
    let trace = run_forever(function, Nanos(200_000_000));
    let profile = trace.cpu_profile.unwrap();
    assert!(!profile.samples.is_empty());
    assert!(
        profile
            .samples
            .iter()
            .all(|s| names(&profile, s.stack)[0] == "forever")
    );
}

/// Compiled with checks and without is not the same code: one cache, two entries.
#[test]
fn compiled_code_is_kept_apart() {
    let folder = tempfile::tempdir().unwrap();
    let cache = host::Cache::at(folder.path());
    let wasm = wat::parse_str(WORK).unwrap();
    for engine in [Engine::new(), Engine::sampling_cpu(MILLISECOND)] {
        let engine = engine.unwrap();
        for _ in 0..2 {
            let selection = Selection::default();
            let function = Function::load(&engine, Some(&cache), "work", &wasm, &selection);
            let trace = run(&function.unwrap(), &call("at_once"));
            assert_eq!(trace.outcome, Outcome::Succeeded);
        }
    }
    let compiled = std::fs::read_dir(folder.path()).unwrap().flatten();
    let compiled = compiled.filter(|file| file.path().extension().is_some_and(|e| e == "cwasm"));
    assert_eq!(compiled.count(), 2);
}
