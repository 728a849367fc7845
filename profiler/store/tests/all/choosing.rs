//! Which calls are returned, which are removed.

use crate::sample::call;
use store::{Filter, Keep, Stay, Store, TraceId};
use tempfile::TempDir;
use trace::{Outcome, Trace};

/// Ten calls: `a` with odd, `b` with even numbers of lines, 1 to 10; `b` is called last.
fn ten_calls() -> (TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("fathom.db")).unwrap();
    for lines in 1..=10 {
        store
            .append(&call(["bb", "a"][lines as usize % 2], lines))
            .unwrap();
    }
    (folder, store)
}

fn labels(store: &Store, filter: &Filter) -> Vec<String> {
    let traces = store.traces(filter).unwrap();
    let labels: Vec<String> = traces.into_iter().map(|trace| trace.input.label).collect();
    let listed: Vec<String> = store
        .summaries(filter)
        .unwrap()
        .into_iter()
        .map(|s| s.input_label)
        .collect();
    assert_eq!(labels, listed, "traces and summaries choose alike");
    labels
}

#[test]
fn filters_narrow_and_keep_the_order_of_recording() {
    let (_folder, store) = ten_calls();
    let a = Some("a".to_owned());
    for (filter, expected) in [
        (
            Filter {
                function: a.clone(),
                ..Filter::default()
            },
            vec!["1.txt", "3.txt", "5.txt", "7.txt", "9.txt"],
        ),
        (
            Filter {
                function: a.clone(),
                newest: Some(2),
                ..Filter::default()
            },
            vec!["7.txt", "9.txt"],
        ),
        (
            Filter {
                newest: Some(3),
                ..Filter::default()
            },
            vec!["8.txt", "9.txt", "10.txt"],
        ),
        (
            Filter {
                newest: Some(0),
                ..Filter::default()
            },
            vec![],
        ),
        (
            Filter {
                digest: Some(call("bb", 1).function.digest),
                newest: Some(1),
                ..Filter::default()
            },
            vec!["10.txt"],
        ),
        (
            Filter {
                ids: Some(vec![TraceId(4), TraceId(2), TraceId(99)]),
                ..Filter::default()
            },
            vec!["2.txt", "4.txt"],
        ),
        (
            Filter {
                ids: Some(vec![TraceId(4), TraceId(3)]),
                function: a,
                ..Filter::default()
            },
            vec!["3.txt"],
        ),
        (
            Filter {
                ids: Some(vec![]),
                ..Filter::default()
            },
            vec![],
        ),
        (
            Filter {
                function: Some("A".to_owned()),
                ..Filter::default()
            },
            vec![],
        ),
    ] {
        assert_eq!(labels(&store, &filter), expected, "{filter:?}");
    }
}

/// However calls of several functions and versions were recorded together, and whichever went since: the oracle is the list
/// of them.
#[test]
fn calls_are_chosen_alike_however_they_were_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("fathom.db")).unwrap();
    let mut random = crate::sample::Random(11);
    let mut recorded: Vec<Trace> = Vec::new();
    for _ in 0..12 {
        let batch = (0..random.below(9)).map(|_| {
            let mut call = call(["a", "b"][random.below(2) as usize], random.below(5));
            call.function.digest = format!("sha256:{}", random.below(2));
            if random.below(3) > 0 {
                let mut served = crate::sample::Random(random.next()).served();
                // Of some the id is one that we gave.
                if random.below(2) > 0 {
                    let number = random.below(30);
                    served.id = format!("01a22a04-78d0-7{number:03}-a62c-cf806c74ed20");
                }
                call.served = Some(served);
            }
            call
        });
        let batch: Vec<Trace> = batch.collect();
        store.append_all(&batch).unwrap();
        recorded.extend(batch);
        let oldest = random.below(4) as usize;
        let stay = recorded.len().saturating_sub(oldest);
        store.fold(Stay::Newest(stay), 100).unwrap();
        recorded.drain(..recorded.len() - stay);
        assert_eq!(store.calls().unwrap(), recorded.len());
    }
    let requests = recorded
        .iter()
        .filter_map(|call| call.served.as_ref())
        .map(|served| Some(served.id.clone()));
    let requests: Vec<Option<String>> = requests.chain([None]).collect();
    for function in [None, Some("a"), Some("b"), Some("c")] {
        for digest in [None, Some("sha256:1")] {
            for request in &requests {
                for newest in [None, Some(0), Some(1), Some(4)] {
                    let filter = Filter {
                        function: function.map(str::to_owned),
                        digest: digest.map(str::to_owned),
                        request: request.clone(),
                        newest,
                        ..Filter::default()
                    };
                    let is_chosen = |call: &&Trace| {
                        let id = call.served.as_ref().map(|served| &served.id);
                        function.is_none_or(|name| name == call.function.name)
                            && digest.is_none_or(|digest| digest == call.function.digest)
                            && (request.is_none() || request.as_ref() == id)
                    };
                    let chosen: Vec<&Trace> = recorded.iter().filter(is_chosen).collect();
                    let skipped = chosen.len() - newest.unwrap_or(usize::MAX).min(chosen.len());
                    let read = store.traces(&filter).unwrap();
                    let read: Vec<&Trace> = read.iter().collect();
                    assert_eq!(read, chosen[skipped..], "{filter:?}");
                }
            }
        }
    }
}

#[test]
fn functions_are_listed_with_their_versions() {
    let (_folder, mut store) = ten_calls();
    let mut rebuilt = call("a", 3);
    rebuilt.function.digest = "sha256:new".to_owned();
    store.append(&rebuilt).unwrap();
    let listed: Vec<_> = store
        .functions()
        .unwrap()
        .into_iter()
        .map(|f| {
            (
                f.function.name,
                f.function.digest.ends_with("new"),
                f.calls,
                f.last_unix_ms - 1_700_000_000_000,
            )
        })
        .collect();
    assert_eq!(
        listed,
        [
            ("a".to_owned(), true, 1, 3),
            ("a".to_owned(), false, 5, 9),
            ("bb".to_owned(), false, 5, 10)
        ]
    );
}

#[test]
fn pruning_keeps_what_was_asked_for_and_gives_no_number_twice() {
    let (_folder, mut store) = ten_calls();
    assert_eq!(
        store.prune(Keep::StartedSince(1_700_000_000_003)).unwrap(),
        2
    );
    assert_eq!(store.prune(Keep::NewestPerFunction(2)).unwrap(), 4);
    assert_eq!(
        labels(&store, &Filter::default()),
        ["7.txt", "8.txt", "9.txt", "10.txt"]
    );
    assert_eq!(store.prune(Keep::NewestPerFunction(0)).unwrap(), 4);
    assert!(store.functions().unwrap().is_empty());
    assert_eq!(store.append(&call("a", 11)).unwrap(), TraceId(11));
}

/// The oracle is the calls themselves, before they went.
#[test]
fn folding_keeps_what_old_calls_have_come_to() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = Store::open(&folder.path().join("fathom.db")).unwrap();
    let day = 86_400_000;
    let calls: Vec<Trace> = (1..=30)
        .map(|number| Trace {
            started_unix_ms: number * day / 10,
            outcome: match number % 4 {
                0 => Outcome::Limited,
                1 => Outcome::TimedOut,
                _ => Outcome::Succeeded,
            },
            ..call(["a", "b"][number as usize % 2], number)
        })
        .collect();
    store.append_all(&calls).unwrap();
    assert_eq!(store.fold(Stay::Since(25 * day / 10), 7).unwrap(), 7);
    assert_eq!(store.fold(Stay::Since(25 * day / 10), 100).unwrap(), 17);
    assert_eq!(store.fold(Stay::Since(25 * day / 10), 100).unwrap(), 0);
    assert_eq!(store.fold(Stay::Newest(4), 100).unwrap(), 2);
    assert_eq!(store.fold(Stay::Newest(4), 100).unwrap(), 0);
    assert_eq!(store.calls().unwrap(), 4);

    let gone = &calls[..26];
    let folded = store.folded(None).unwrap();
    assert_eq!(folded.len(), 6, "two functions on three days");
    for part in &folded {
        let its: Vec<&Trace> = gone
            .iter()
            .filter(|call| call.function == part.function)
            .filter(|call| call.started_unix_ms / day * day == part.day_unix_ms)
            .collect();
        let with = |outcome| its.iter().filter(|call| call.outcome == outcome).count() as u64;
        assert_eq!(part.calls, its.len() as u64);
        assert_eq!(part.succeeded, with(Outcome::Succeeded));
        assert_eq!(part.limited, with(Outcome::Limited));
        assert_eq!(part.timed_out, with(Outcome::TimedOut));
        let cpu: f64 = its.iter().map(|call| call.cpu.as_seconds()).sum();
        assert!((part.cpu_seconds - cpu).abs() < 1e-9);
        let needed = its.iter().filter(|call| call.outcome == Outcome::Succeeded);
        let needed: Vec<u64> = needed.map(|call| call.needed().0).collect();
        let (least, mean, most) = part.needed.unwrap();
        assert_eq!(Some(&least), needed.iter().min());
        assert_eq!(Some(&most), needed.iter().max());
        let exact = needed.iter().sum::<u64>() as f64 / needed.len() as f64;
        assert!((mean - exact).abs() < 1e-6 * exact);
    }
    assert_eq!(store.folded(Some("a")).unwrap().len(), 3);
    assert_eq!(store.folded(Some("c")).unwrap(), []);
}

#[test]
fn pruning_gives_space_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    let mut store = Store::open(&path).unwrap();
    let calls: Vec<_> = (0..500).map(|_| call("a", 1_000)).collect();
    store.append_all(&calls).unwrap();
    store.prune(Keep::NewestPerFunction(500)).unwrap();
    let before = std::fs::metadata(&path).unwrap().len();
    store.prune(Keep::NewestPerFunction(50)).unwrap();
    let after = std::fs::metadata(&path).unwrap().len();
    assert!(after * 5 < before, "{after} of {before} bytes are left");
}

/// What calls have in common is kept once, and goes with the last of them.
#[test]
fn what_is_shared_is_kept_once_and_goes_with_the_last_call() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    let mut store = Store::open(&path).unwrap();
    let calls = (1..=6).map(|lines| {
        let mut call = call("a", lines);
        call.armed = crate::sample::probes(1 + lines as usize % 2).into();
        call
    });
    let calls: Vec<_> = calls.collect();
    store.append_all(&calls[..3]).unwrap();
    for call in &calls[3..] {
        store.append(call).unwrap();
    }
    assert_eq!(store.traces(&Filter::default()).unwrap(), calls);
    let lists = || -> i64 {
        let connection = rusqlite::Connection::open(&path).unwrap();
        let query = "SELECT count(*) FROM armed WHERE probes <> '[]'";
        connection.query_row(query, (), |row| row.get(0)).unwrap()
    };
    assert_eq!(lists(), 2);
    store.prune(Keep::NewestPerFunction(1)).unwrap();
    assert_eq!(lists(), 1);
    assert_eq!(store.traces(&Filter::default()).unwrap(), &calls[5..]);
}
