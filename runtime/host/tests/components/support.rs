//! Assembles components and calls them.

use host::{Call, Engine, Entry, Event, Finished, Function, LoadError, Output};
use trace::{Bytes, Limits, Nanos, Selection, Trace};

/// A command made of core modules and their instances. The last instance is `$main` and exports `run`.
pub(crate) fn command(inside: &str) -> Vec<u8> {
    let text = format!(
        r#"(component
             {inside}
             (func $run (result (result)) (canon lift (core func $main "run")))
             (instance $run (export "run" (func $run)))
             (export "wasi:cli/run@0.2.0" (instance $run)))"#
    );
    wat::parse_str(&text).unwrap_or_else(|error| panic!("{error}\n{text}"))
}

pub(crate) fn load(wasm: &[u8], selection: &Selection) -> Result<Function, LoadError> {
    Function::load(&Engine::new().unwrap(), None, "guest", wasm, selection)
}

/// Calls a component that may have so many pages.
pub(crate) fn call(wasm: &[u8], selection: &Selection, pages: u64) -> Finished {
    let function = load(wasm, selection).unwrap_or_else(|error| panic!("{error}"));
    function.invoke(&request(pages), Box::new(|_| {})).unwrap()
}

/// A call that may have so many pages.
pub(crate) fn request(pages: u64) -> Call {
    Call {
        event: Event::default(),
        entry: Entry::Start,
        limits: Limits {
            memory: Bytes(pages << 16),
            timeout: Nanos(60_000_000_000),
        },
        output: Output::Capture { most: 1 << 16 },
        rate_hz: 199.0,
        contended: true,
        touched: false,
        seed: 0,
    }
}

pub(crate) fn run(wasm: &[u8]) -> Trace {
    call(wasm, &Selection::default(), 1000).trace
}

/// Sizes in pages.
pub(crate) fn pages(bytes: impl IntoIterator<Item = Bytes>) -> Vec<u64> {
    bytes.into_iter().map(|bytes| bytes.0 >> 16).collect()
}
