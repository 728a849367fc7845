//! What goes in comes out, bit by bit, in this version and from files of every version before it.

use crate::sample::{Random, call, heap_profile, probes};
use store::{Detail, Filter, Store, TraceId};
use trace::{
    Bytes, CpuProfile, CpuSample, Machine, Nanos, ProbeCost, Served, SizedBy, Touched, Trace,
};

/// As text, because NaN does not equal itself; Rust prints floating-point numbers so that they can be told apart.
fn shown(traces: &[Trace]) -> Vec<String> {
    traces.iter().map(|trace| format!("{trace:?}")).collect()
}

#[test]
fn any_trace_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/fathom.db");
    let mut random = Random(7);
    let mut traces: Vec<Trace> = (0..500).map(|_| random.trace()).collect();
    for trace in traces.iter_mut().step_by(3) {
        trace.imported = Some(random.imported());
    }
    let ids = Store::open(&path).unwrap().append_all(&traces).unwrap();

    let store = Store::open_existing(&path).unwrap();
    assert_eq!(
        shown(&store.traces(&Filter::default()).unwrap()),
        shown(&traces)
    );

    let summaries = store.summaries(&Filter::default()).unwrap();
    assert_eq!(
        summaries
            .iter()
            .map(|summary| summary.id)
            .collect::<Vec<_>>(),
        ids
    );
    for (summary, trace) in std::iter::zip(summaries, &traces) {
        assert_eq!(summary.function, trace.function);
        assert_eq!(summary.input_label, trace.input.label);
        assert_eq!(summary.outcome, trace.outcome);
        assert_eq!(summary.needed, trace.needed());
        assert_eq!(summary.live_peak, trace.heap.live_peak());
        assert_eq!(summary.wall, trace.wall);
        assert_eq!(summary.started_unix_ms, trace.started_unix_ms);
    }
}

#[test]
fn a_summary_is_the_trace_without_its_timeline() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("fathom.db")).unwrap();
    let full = with_everything(call("line-reader", 5_000));
    store.append(&full).unwrap();

    let filter = Filter {
        detail: Detail::Summary,
        ..Filter::default()
    };
    let mut expected = full.clone();
    expected.growths.clear();
    expected.samples.clear();
    for observed in &mut expected.observations {
        observed.hits.clear();
    }
    if let Some(Touched::Measured { samples, .. }) = &mut expected.touched {
        samples.clear();
    }
    expected.heap_profile = None;
    expected.cpu_profile = None;
    assert_ne!(expected, full);
    assert_eq!(store.traces(&filter).unwrap(), [expected]);
}

/// The files were written when their version was the newest, and are never written again: `FATHOM_BLESS=1` makes that of
/// the present one where it is absent.
fn a_copy_of_version(version: u32, contents: &[Trace]) -> (tempfile::TempDir, std::path::PathBuf) {
    let stored = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join(format!("tests/files/version-{version}.db"));
    if std::env::var_os("FATHOM_BLESS").is_some() && !stored.exists() {
        Store::open(&stored).unwrap().append_all(contents).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    std::fs::copy(stored, &path).unwrap();
    (folder, path)
}

/// A file of an older version is read, added to, and stays readable.
fn is_still_read(version: u32, contents: &[Trace]) {
    let (_folder, path) = a_copy_of_version(version, contents);
    let read = |store: &Store| store.traces(&Filter::default()).unwrap();
    assert_eq!(read(&Store::open_existing(&path).unwrap()), contents);

    let mut store = Store::open(&path).unwrap();
    let added = with_everything(call("other", 4));
    store.append(&added).unwrap();
    let all = [contents, &[added]].concat();
    assert_eq!(read(&store), all);
}

/// What version 1 did not keep.
fn with_everything(call: Trace) -> Trace {
    Trace {
        machine: Machine {
            processor: "AMD EPYC 7B13".to_owned(),
            kernel: "Linux 6.18.5".to_owned(),
            engine: "wasmtime 48.0.8, cranelift speed, on-demand".to_owned(),
        },
        armed: probes(3).into(),
        probe_cost: ProbeCost {
            hits: 5_000,
            host_calls: 300,
            cpu_seconds: 1.5e-5,
        },
        touched: Some(Touched::Measured {
            at_end: Bytes(1 << 20),
            samples: vec![(Nanos(5), Bytes(4096)), (Nanos(9), Bytes(8192))],
        }),
        heap_profile: Some(heap_profile(4, 9)),
        cpu_profile: Some(CpuProfile {
            period: Nanos(1_000_000),
            table: heap_profile(4, 9).table,
            samples: vec![CpuSample {
                at: Nanos(7),
                stack: 2,
                cpu: Nanos(999),
            }],
        }),
        ..call
    }
}

/// What version 2 did not keep.
fn as_served(call: Trace) -> Trace {
    Trace {
        served: Some(Served {
            id: "7f3a".to_owned(),
            dialect: "openfaas".to_owned(),
            status: 200,
            cold: true,
            sized_by: SizedBy::Model,
            granted_first: Bytes(1 << 20),
            granted: Bytes(3 << 20),
            mispredicted: true,
            queued: Nanos(12),
            init: Nanos(34),
            total: Nanos(56_000),
            // Files of before know nothing of it.
            reused: 0,
        }),
        ..call
    }
}

#[test]
fn a_file_of_version_3_is_still_read() {
    is_still_read(
        3,
        &[
            as_served(with_everything(call("line-reader", 12))),
            call("other", 3),
        ],
    );
}

#[test]
fn a_file_of_version_4_is_still_read() {
    is_still_read(
        4,
        &[
            as_served(with_everything(call("line-reader", 12))),
            call("other", 3),
        ],
    );
}

#[test]
fn a_file_of_version_5_is_still_read() {
    is_still_read(
        5,
        &[
            as_served(with_everything(call("line-reader", 12))),
            call("other", 3),
        ],
    );
}

#[test]
fn a_file_of_version_6_is_still_read() {
    is_still_read(
        6,
        &[
            as_served(with_everything(call("line-reader", 12))),
            call("other", 3),
        ],
    );
}

#[test]
fn a_served_call_is_found_by_the_id_its_caller_knows() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    let mut store = Store::open(&path).unwrap();
    let served = as_served(call("line-reader", 12));
    store
        .append_all(&[call("other", 3), served.clone()])
        .unwrap();
    let by = |id: &str| {
        let filter = Filter {
            request: Some(id.to_owned()),
            ..Filter::default()
        };
        store.traces(&filter).unwrap()
    };
    assert_eq!(by("7f3a"), [served]);
    assert_eq!(by("7f3b"), []);
}

#[test]
fn a_file_of_version_1_is_still_read() {
    is_still_read(1, &[call("line-reader", 12), call("other", 3)]);
}

#[test]
fn a_file_of_version_2_is_still_read() {
    is_still_read(
        2,
        &[with_everything(call("line-reader", 12)), call("other", 3)],
    );
}

/// A memory of 64 bits may ask for more than a signed number holds.
#[test]
fn what_was_refused_is_as_large_as_it_was_after_an_upgrade() {
    let (_folder, path) = a_copy_of_version(4, &[]);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE calls SET refusals = '[[1,18446744073709486080]]'")
        .unwrap();
    for call in Store::open(&path)
        .unwrap()
        .traces(&Filter::default())
        .unwrap()
    {
        assert_eq!(call.refusals[0].asked, Bytes(u64::MAX - 65_535));
    }
}

/// Number 2 was removed while the file had version 1: in version 2 the next call is number 3.
#[test]
fn a_number_is_not_given_again_after_an_upgrade() {
    let (_folder, path) = a_copy_of_version(1, &[]);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("DELETE FROM calls WHERE id = 2")
        .unwrap();
    let mut store = Store::open(&path).unwrap();
    assert_eq!(store.append(&call("other", 4)).unwrap(), TraceId(3));
}
