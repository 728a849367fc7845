//! What goes in comes out, bit by bit, in this version and from files of every version before it.

use crate::sample::{Random, call};
use store::{Detail, Filter, Store};
use trace::Trace;

/// As text, because NaN does not equal itself; Rust prints floating-point numbers so that they can be told apart.
fn shown(traces: &[Trace]) -> Vec<String> {
    traces.iter().map(|trace| format!("{trace:?}")).collect()
}

#[test]
fn any_trace_comes_back_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/er/fathom.db");
    let mut random = Random(7);
    let traces: Vec<Trace> = (0..500).map(|_| random.trace()).collect();
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
    let full = call("line-reader", 5_000);
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
    assert_ne!(expected, full);
    assert_eq!(store.traces(&filter).unwrap(), [expected]);
}

/// The file was written by the first version of the schema and is never written again: `FATHOM_BLESS=1` makes one
/// where it is absent.
#[test]
fn a_file_of_version_1_is_still_read() {
    let stored = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/files/version-1.db");
    let traces = [call("line-reader", 12), call("other", 3)];
    if std::env::var_os("FATHOM_BLESS").is_some() && !stored.exists() {
        Store::open(&stored).unwrap().append_all(&traces).unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    std::fs::copy(stored, &path).unwrap();
    assert_eq!(
        Store::open_existing(&path)
            .unwrap()
            .traces(&Filter::default())
            .unwrap(),
        traces
    );

    let mut store = Store::open(&path).unwrap();
    store.append(&call("other", 4)).unwrap();
    assert_eq!(store.summaries(&Filter::default()).unwrap().len(), 3);
}
