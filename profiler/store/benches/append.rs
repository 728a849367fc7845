//! What recording a call costs and takes: time per call, appended in batches of 100, and bytes of the file; with few
//! probes, with many, and with stacks. `cargo bench -p store --bench append`. Not a test: nothing here fails for being
//! slow.

use std::time::Instant;
use store::{Detail, Filter, Store};
use trace::{Breakpoint, Bytes, Nanos, Observed, Served, SizedBy, Trace};

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/all/sample.rs"]
mod sample;

const CALLS: usize = 2_000;
const ROUNDS: usize = 5;

fn main() {
    let plain = sample::call("line-reader", 5_000);
    let mut many_probes = plain.clone();
    many_probes.armed = sample::probes(300).into();
    let mut stacks = many_probes.clone();
    stacks.heap_profile = Some(sample::heap_profile(200, 2_000));
    println!(
        "{:<34} {:>10} {:>12} {:>12} {:>12}",
        "", "append", "bytes", "read", "summary"
    );
    measure("served, few probes", &served(&plain));
    measure("few probes, no stacks", &plain);
    measure("300 probes, no stacks", &many_probes);
    measure("300 probes, 200 stacks, 2,000 events", &stacks);
}

/// A short call that was served: hardly any timeline, a variable or two of each of a few probes.
fn served(call: &Trace) -> Trace {
    let watched = (0..8).map(|number| Observed {
        variable: format!("arg{}", number % 3),
        breakpoint: Breakpoint::Entry(format!("a::path::of::modules::to::function_{}", number / 3)),
        hits: Vec::new(),
        ..call.observations[1].clone()
    });
    Trace {
        growths: Vec::new(),
        samples: call.samples[..1].to_vec(),
        observations: call.observations[..1]
            .iter()
            .cloned()
            .chain(watched)
            .collect(),
        armed: sample::probes(8).into(),
        served: Some(Served {
            id: String::new(),
            dialect: "http".to_owned(),
            status: 200,
            cold: false,
            sized_by: SizedBy::Model,
            granted_first: Bytes::mib(2),
            granted: Bytes::mib(2),
            mispredicted: false,
            queued: Nanos(7_704),
            init: Nanos(71_233),
            total: Nanos(11_931_934),
            reused: 0,
        }),
        ..call.clone()
    }
}

/// Prints one line: microseconds to append and to read a call in full and without its timeline, and bytes per call.
fn measure(name: &str, call: &Trace) {
    let traces: Vec<Trace> = (0..CALLS as u64)
        .map(|number| Trace {
            started_unix_ms: call.started_unix_ms + number,
            // One after the other, as those of Fathom are.
            served: call.served.clone().map(|served| Served {
                id: format!("019a0000-0000-7000-8000-{number:012x}"),
                ..served
            }),
            ..call.clone()
        })
        .collect();
    let folder = tempfile::tempdir().expect("a temporary directory");
    let [mut append, mut read, mut summary] = [f64::INFINITY; 3];
    let mut bytes = 0;
    for round in 0..ROUNDS {
        let path = folder.path().join(format!("{round}.db"));
        let mut store = Store::open(&path).expect("a file");
        append = append.min(per_call(|| {
            for batch in traces.chunks(100) {
                store.append_all(batch).expect("recorded");
            }
        }));
        read = read.min(per_call(|| read_all(&store, Detail::Full)));
        summary = summary.min(per_call(|| read_all(&store, Detail::Summary)));
        drop(store);
        bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
    }
    println!(
        "{name:<34} {append:>7.1} us {:>10} B {read:>9.1} us {summary:>9.1} us",
        bytes / CALLS as u64
    );
}

fn read_all(store: &Store, detail: Detail) {
    let filter = Filter {
        detail,
        ..Filter::default()
    };
    let mut calls = 0;
    store
        .each(&filter, |_, _| calls += 1)
        .expect("what was recorded");
    assert_eq!(calls, CALLS);
}

/// Microseconds for each of the calls.
fn per_call(work: impl FnOnce()) -> f64 {
    let begun = Instant::now();
    work();
    begun.elapsed().as_secs_f64() * 1e6 / CALLS as f64
}
