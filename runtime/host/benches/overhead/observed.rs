//! A guest through `host`, with the probes of a selection.

use crate::{
    guests::Workload,
    plain::Plain,
    rounds::{paired, row},
};
use host::{Body, Call, Engine, Entry, Event, Function, Output};
use std::hint::black_box;
use trace::{Bytes, Limits, Nanos, Selection};

pub(crate) struct Observed<'w> {
    function: Function,
    input: &'w [u8],
}

/// What one call has taken.
pub(crate) struct Taken {
    pub(crate) seconds: f64,
    /// Hits of all breakpoints together.
    pub(crate) hits: u64,
}

impl<'w> Observed<'w> {
    pub(crate) fn new(work: &'w Workload, selection: &Selection) -> Observed<'w> {
        Observed::on(&Engine::new().expect("an engine"), work, selection)
    }

    pub(crate) fn on(engine: &Engine, work: &'w Workload, selection: &Selection) -> Observed<'w> {
        let function = Function::load(engine, None, "bench", &work.wasm, selection);
        Observed {
            function: function.unwrap_or_else(|error| panic!("{}: {error}", work.name)),
            input: &work.input,
        }
    }

    pub(crate) fn run(&self) -> Taken {
        let call = Call {
            event: Event {
                body: Body::Bytes(self.input.to_vec().into()),
                ..Event::default()
            },
            entry: Entry::Start,
            limits: Limits {
                memory: Bytes::mib(4096),
                timeout: Nanos(600_000_000_000),
            },
            output: Output::Discard { most: u64::MAX },
            rate_hz: 199.0,
            contended: false,
            touched: false,
            seed: 0,
        };
        let finished = self.function.invoke(&call, Box::new(|_| {}));
        let trace = black_box(finished.expect("a call").trace);
        let observations = trace.observations.iter();
        Taken {
            seconds: trace.cpu.as_seconds(),
            hits: observations.map(|observed| observed.count).sum(),
        }
    }
}

/// Breakpoints as a user writes them, and nothing else.
pub(crate) fn breakpoints(breakpoints: &[&str]) -> Selection {
    Selection {
        breakpoints: breakpoints.iter().map(|&text| text.to_owned()).collect(),
        ..Selection::default()
    }
}

/// Prints one line: a guest observed over the same as it is, and what one hit costs.
pub(crate) fn compare(work: &Workload, how: &str, selection: &Selection) {
    let engine = Engine::new().expect("an engine");
    compare_on(&engine, work, how, selection);
}

/// The same in an engine of one's choice.
pub(crate) fn compare_on(engine: &Engine, work: &Workload, how: &str, selection: &Selection) {
    let plain = Plain::new(&work.wasm);
    let observed = Observed::on(engine, work, selection);
    let mut hits = 0;
    let [as_it_is, seconds] = paired([&mut || plain.run(&work.input), &mut || {
        let taken = observed.run();
        hits = taken.hits;
        taken.seconds
    }]);
    let more = per_hit(hits, seconds - as_it_is);
    row(&format!("{}: {how}", work.name), as_it_is, seconds, &more);
}

/// Hits, and what each has cost where there are enough of them to tell.
pub(crate) fn per_hit(hits: u64, seconds: f64) -> String {
    match hits {
        0 => String::new(),
        1..10_000 => format!("{hits} hits"),
        _ => format!("{hits} hits, {:.2} ns each", seconds * 1e9 / hits as f64),
    }
}
