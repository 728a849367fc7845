//! What a probe costs on this machine: measured once per process with the probe that guests get, on a guest of a few
//! bytes that does nothing else. A few milliseconds, most of them compiling; never inside the time of a call.

use crate::{
    Engine,
    parts::Parts,
    state::{self, State, add_probes_to_linker},
};
use std::{sync::Arc, time::Instant};
use trace::{ProbeCost, Selection};
use wasmtime::{AsContextMut, Linker, Module, Store, TypedFunc};

/// `run` calls `step`, which gets a probe at its entry, as often as it is told; `run_bare` calls a function like it that
/// gets none. As text it is among the tests.
const GUEST: &[u8] = b"\0asm\x01\0\0\0\
    \x01\x05\x01\x60\x01\x7f\0\
    \x03\x05\x04\0\0\0\0\
    \x07\x19\x03\x04step\0\x01\x08run_bare\0\x02\x03run\0\x03\
    \x0a\x2d\x04\x02\0\x0b\x02\0\x0b\
    \x12\0\x03\x40\x20\0\x10\0\x20\0\x41\x01\x6b\x22\0\x0d\0\x0b\x0b\
    \x12\0\x03\x40\x20\0\x10\x01\x20\0\x41\x01\x6b\x22\0\x0d\0\x0b\x0b";

/// Hits at the beginning of a call, all of which call the host, since all of them are kept.
const FEW: i32 = 200;
/// Hits of which most do not.
const MANY: i32 = 50_000;
const ROUNDS: usize = 5;

/// Seconds that a hit takes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    /// Counting and summing up inside the guest.
    hit: f64,
    /// Calling the host in addition, what it records included.
    host_call: f64,
}

impl Rates {
    /// Measures. Where that is not possible, which would be a defect of ours, probes seem to cost nothing.
    pub(crate) fn measure(engine: &Engine) -> Rates {
        measure(engine).unwrap_or_default()
    }

    /// What so many hits cost.
    pub(crate) fn cost(&self, hits: u64, host_calls: u64) -> ProbeCost {
        ProbeCost {
            hits,
            host_calls,
            cpu_seconds: hits as f64 * self.hit + host_calls as f64 * self.host_call,
        }
    }
}

/// Seconds of a run, and the calls of the host in it.
#[derive(Clone, Copy)]
struct Run {
    hits: f64,
    seconds: f64,
    host_calls: f64,
}

fn measure(engine: &Engine) -> Option<Rates> {
    let inspection = probe::inspect(GUEST).ok()?;
    let selection = Selection {
        breakpoints: vec!["entry:step".to_owned()],
        ..Selection::default()
    };
    let armed = probe::plan(GUEST, &inspection, &selection).ok()?;
    let injected = probe::inject(GUEST, &inspection, &armed).ok()?;
    let module = Module::new(&engine.inner, &injected.wasm).ok()?;
    let mut linker = Linker::new(&engine.inner);
    add_probes_to_linker(&mut linker).ok()?;
    let instance = linker.instantiate_pre(&module).ok()?;
    let parts = Arc::new(Parts::new(vec![injected]));

    let (mut bare, mut few, mut many) = (f64::INFINITY, None, None);
    for _ in 0..ROUNDS {
        let mut store = State::store_for_linking(&engine.inner, &parts);
        engine.never_interrupt(&mut store);
        let instance = instance.instantiate(&mut store).ok()?;
        state::attach(store.as_context_mut(), |store, name| {
            instance.get_export(&mut *store, name)
        });
        let run_bare = instance.get_typed_func(&mut store, "run_bare").ok()?;
        let run = instance.get_typed_func(&mut store, "run").ok()?;
        bare = bare.min(timed(&mut store, &run_bare, MANY)?.seconds / f64::from(MANY));
        keep_faster(&mut few, timed(&mut store, &run, FEW)?);
        // Once to reach the state of a call that has gone on for long, once to measure it.
        timed(&mut store, &run, MANY)?;
        keep_faster(&mut many, timed(&mut store, &run, MANY)?);
    }
    Some(solve(bare, few?, many?))
}

fn timed(store: &mut Store<State>, function: &TypedFunc<i32, ()>, hits: i32) -> Option<Run> {
    let calls_before = store.data().host_calls;
    let begun = Instant::now();
    function.call(&mut *store, hits).ok()?;
    Some(Run {
        hits: hits.into(),
        seconds: begun.elapsed().as_secs_f64(),
        host_calls: (store.data().host_calls - calls_before) as f64,
    })
}

fn keep_faster(least: &mut Option<Run>, run: Run) {
    if least.is_none_or(|least| run.seconds < least.seconds) {
        *least = Some(run);
    }
}

/// Two runs that differ in how many of their hits call the host, two unknowns.
fn solve(bare: f64, few: Run, many: Run) -> Rates {
    let [few_extra, many_extra] = [few, many].map(|run| run.seconds - bare * run.hits);
    let determinant = many.hits * few.host_calls - few.hits * many.host_calls;
    if determinant <= 0.0 {
        return Rates::default();
    }
    let hit = (many_extra * few.host_calls - few_extra * many.host_calls) / determinant;
    let host_call = (many.hits * few_extra - few.hits * many_extra) / determinant;
    // A clock is not exact: what is too cheap to be seen costs nothing, never less.
    Rates {
        hit: hit.max(0.0),
        host_call: host_call.max(0.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Slots;
    use trace::Bytes;

    #[test]
    fn the_guest_is_what_its_text_says() {
        let text = r#"(module
            (func (param i32))
            (func (export "step") (param i32))
            (func (export "run_bare") (param i32)
              (loop
                (call 0 (local.get 0))
                (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1))))))
            (func (export "run") (param i32)
              (loop
                (call 1 (local.get 0))
                (br_if 0 (local.tee 0 (i32.sub (local.get 0) (i32.const 1)))))))"#;
        assert_eq!(GUEST, wat::parse_str(text).unwrap());
    }

    /// Hits and calls are those that are meant; how long they take is not asserted.
    #[test]
    fn the_first_hits_all_call_the_host_and_later_ones_hardly_do() {
        let slots = Slots {
            calls: 4,
            keep_resident: Bytes(0),
        };
        for engine in [Engine::new(), Engine::serving(slots)] {
            let rates = measure(&engine.unwrap()).expect("rates");
            let cost = rates.cost(1_000, 10);
            assert_eq!((cost.hits, cost.host_calls), (1_000, 10));
            assert!(rates.host_call.is_finite() && rates.hit.is_finite());
            assert!(cost.cpu_seconds > 0.0, "{rates:?}");
        }
    }

    #[test]
    fn two_runs_give_two_rates() {
        let run = |hits: f64, host_calls: f64| Run {
            hits,
            host_calls,
            seconds: hits * 1e-9 + hits * 2e-9 + host_calls * 50e-9,
        };
        let rates = solve(1e-9, run(200.0, 200.0), run(50_000.0, 400.0));
        assert!((rates.hit - 2e-9).abs() < 1e-13, "{rates:?}");
        assert!((rates.host_call - 50e-9).abs() < 1e-11, "{rates:?}");
    }
}
