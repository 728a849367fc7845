//! The machine, the probes that were armed, and what they cost.

use crate::{call, load, run};
use host::Engine;
use trace::{ProbeCost, ProbeMode};

/// A thousand calls of `step`.
const STEPS: &str = r#"(module
    (func $step (export "step") (param $n i32))
    (func (export "run") (local $n i32)
        (loop $again
            (call $step (local.get $n))
            (local.set $n (i32.add (local.get $n) (i32.const 1)))
            (br_if $again (i32.lt_u (local.get $n) (i32.const 1000))))))"#;

#[test]
fn hits_are_exact_and_only_those_that_are_kept_call_the_host() {
    let engine = Engine::new().unwrap();
    let trace = run(&load(&engine, STEPS, &["entry:step"], false), &call("run"));
    let cost = trace.probe_cost;
    assert_eq!(cost.hits, 1_000);
    // The first 256 all; then every second, fourth and eighth are kept, and each is followed by one more call.
    assert!((256..1_000).contains(&cost.host_calls), "{cost:?}");
    assert!(
        cost.cpu_seconds > 0.0 && cost.cpu_seconds < 0.01,
        "{cost:?}"
    );

    let [armed] = trace.armed.as_ref() else {
        panic!("{:?}", trace.armed)
    };
    assert_eq!(armed.breakpoint.to_string(), "entry:step");
    assert_eq!(armed.mode, ProbeMode::HostCall);
}

#[test]
fn light_probes_never_call_the_host_and_unarmed_ones_cost_nothing() {
    let engine = Engine::new().unwrap();
    let light = run(&load(&engine, STEPS, &["entry:step"], true), &call("run"));
    assert_eq!(
        (light.probe_cost.hits, light.probe_cost.host_calls),
        (1_000, 0)
    );
    assert_eq!(light.armed[0].mode, ProbeMode::Mailbox);

    let none = run(&load(&engine, STEPS, &["end"], false), &call("run"));
    assert_eq!(none.probe_cost, ProbeCost::default());
}

/// What `uname` says is what the system call says: both are asked.
#[test]
fn the_machine_is_the_one_we_are_on() {
    let engine = Engine::new().unwrap();
    let trace = run(&load(&engine, STEPS, &["end"], false), &call("run"));
    let uname = std::process::Command::new("uname").arg("-sr").output();
    let uname = String::from_utf8(uname.unwrap().stdout).unwrap();
    assert_eq!(trace.machine.kernel, uname.trim());
    assert!(trace.machine.engine.starts_with("wasmtime "));
    assert!(!trace.machine.processor.is_empty());
}
