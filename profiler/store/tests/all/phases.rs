//! What is kept of a function's phases.

use crate::sample::call;
use store::{Keep, Store};
use trace::PhaseChange;

fn change(n: u64) -> PhaseChange {
    PhaseChange {
        unix_ms: 1_000 + n,
        to: "stale".to_owned(),
        why: format!("it's `{n}`"),
    }
}

#[test]
fn the_newest_changes_of_each_function_outlive_who_wrote_them_and_its_calls() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    let mut store = Store::open(&path).unwrap();
    store.append(&call("busy", 1)).unwrap();
    store.append_phase_change("calm", &change(0)).unwrap();
    for n in 0..103 {
        store.append_phase_change("busy", &change(n)).unwrap();
    }
    store.prune(Keep::NewestPerFunction(0)).unwrap();
    drop(store);

    let store = Store::open_existing(&path).unwrap();
    let newest: Vec<PhaseChange> = (3..103).map(change).collect();
    assert_eq!(store.phase_changes("busy").unwrap(), newest);
    assert_eq!(store.phase_changes("calm").unwrap(), [change(0)]);
    assert_eq!(store.phase_changes("nobody").unwrap(), []);
}
