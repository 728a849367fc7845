//! What is recorded of a call beside its memory: the machine, the probes and what they cost, the pages it has written
//! to, where its time went. Guests are small texts whose every number can be worked out by hand.

mod cost;
mod cpu;
mod touched;

use host::{Body, Call, Engine, Entry, Event, Function, Output};
use trace::{Bytes, Limits, Nanos, Outcome, Selection, Trace};

/// A guest from its text, with breakpoints as a user writes them.
fn load(engine: &Engine, wat: &str, breakpoints: &[&str], light: bool) -> Function {
    let selection = Selection {
        breakpoints: breakpoints.iter().map(|&text| text.to_owned()).collect(),
        light,
        ..Selection::default()
    };
    let wasm = wat::parse_str(wat).unwrap();
    Function::load(engine, None, "guest", &wasm, &selection).unwrap()
}

/// A call of an export without parameters.
fn call(export: &str) -> Call {
    Call {
        event: Event {
            body: Body::Empty,
            ..Event::default()
        },
        entry: Entry::Invoke(export.to_owned()),
        limits: Limits {
            memory: Bytes::mib(1024),
            timeout: Nanos(60_000_000_000),
        },
        output: Output::Discard { most: 1 << 16 },
        rate_hz: 199.0,
        contended: false,
        touched: false,
        seed: 0,
    }
}

fn run(function: &Function, call: &Call) -> Trace {
    function.invoke(call, Box::new(|_| {})).unwrap().trace
}

/// A call of `forever`, which does not end, until its deadline. The guest cannot be stopped: its thread ends with the process.
fn run_forever(function: Function, deadline: Nanos) -> Trace {
    let (sender, receiver) = std::sync::mpsc::channel();
    let mut endless = call("forever");
    endless.limits.timeout = deadline;
    std::thread::spawn(move || {
        let _ = function.invoke(
            &endless,
            Box::new(move |trace| {
                let _ = sender.send(trace);
            }),
        );
    });
    let trace = receiver.recv().unwrap();
    assert_eq!(trace.outcome, Outcome::TimedOut);
    trace
}
