//! Files that are refused, and stay as they were.

use crate::sample::call;
use std::{fs, path::Path};
use store::{Filter, OpenError, ReadError, Store};

/// A file with some calls in it, all of it in the main file.
fn healthy(path: &Path, calls: u64) {
    let mut store = Store::open(path).unwrap();
    let traces: Vec<_> = (0..calls).map(|_| call("line-reader", 500)).collect();
    store.append_all(&traces).unwrap();
}

/// Both ways of opening give the expected error, whose message names the file; nothing in the folder changes.
fn is_refused(content: &[u8], expected: fn(&OpenError) -> bool) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    fs::write(&path, content).unwrap();
    for error in [
        Store::open(&path).unwrap_err(),
        Store::open_existing(&path).unwrap_err(),
    ] {
        assert!(expected(&error), "{error:?}");
        assert!(
            error.to_string().contains(path.to_str().unwrap()),
            "{error}"
        );
    }
    assert!(fs::read(&path).unwrap() == content, "the file was changed");
}

fn healthy_bytes(calls: u64) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    healthy(&path, calls);
    fs::read(&path).unwrap()
}

#[test]
fn what_is_not_a_database() {
    let not_ours = |error: &OpenError| matches!(error, OpenError::NotADatabase { .. });
    is_refused(b"lines of text\n", not_ours);
    is_refused(&[0; 8192], not_ours);
    is_refused(b"SQLite format 3\0", not_ours);
}

#[test]
fn a_database_of_another_program() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("other.db");
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    is_refused(&fs::read(&path).unwrap(), |error| {
        matches!(error, OpenError::Foreign { .. })
    });
}

#[test]
fn a_newer_schema() {
    let mut content = healthy_bytes(1);
    // `user_version`, big-endian: https://www.sqlite.org/fileformat2.html#the_database_header
    content[60..64].copy_from_slice(&7u32.to_be_bytes());
    is_refused(&content, |error| {
        matches!(
            error,
            OpenError::Newer {
                found: 7,
                known: 6,
                ..
            }
        )
    });
}

/// A newer version was killed: its schema is in the log only, and the log must not be written into the file.
#[test]
fn a_newer_schema_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    healthy(&path, 1);
    let newer = rusqlite::Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 8).unwrap();
    let copy = folder.path().join("copy.db");
    fs::copy(&path, &copy).unwrap();
    fs::copy(
        folder.path().join("fathom.db-wal"),
        folder.path().join("copy.db-wal"),
    )
    .unwrap();
    drop(newer);

    let content = fs::read(&copy).unwrap();
    let log = fs::read(folder.path().join("copy.db-wal")).unwrap();
    for error in [
        Store::open(&copy).unwrap_err(),
        Store::open_existing(&copy).unwrap_err(),
    ] {
        assert!(
            matches!(error, OpenError::Newer { found: 8, .. }),
            "{error}"
        );
    }
    assert!(fs::read(&copy).unwrap() == content);
    assert!(fs::read(folder.path().join("copy.db-wal")).unwrap() == log);
}

#[test]
fn a_damaged_file() {
    let damaged = |error: &OpenError| matches!(error, OpenError::Damaged { .. });
    let content = healthy_bytes(50);
    is_refused(&content[..content.len() / 2], damaged);
    is_refused(&content[..content.len() - 1], damaged);
    // Every page lost, one at a time, apart from those that hold nothing but text.
    let mut noticed = 0;
    for page in (0..content.len()).step_by(4096) {
        let mut holed = content.clone();
        holed[page..page + 100].fill(0xaa);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("fathom.db");
        fs::write(&path, &holed).unwrap();
        let error = match Store::open_existing(&path) {
            Ok(store) => store
                .traces(&Filter::default())
                .err()
                .map(|error| error.to_string()),
            Err(error) => Some(error.to_string()),
        };
        noticed += usize::from(error.is_some());
        assert!(
            fs::read(&path).unwrap() == holed,
            "page at {page} was changed"
        );
    }
    assert_eq!(noticed, content.len() / 4096);
}

#[test]
fn one_damaged_call_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    healthy(&path, 3);
    rusqlite::Connection::open(&path)
        .unwrap()
        .execute_batch("UPDATE calls SET timeline = replace(timeline, '[', '') WHERE id = 2")
        .unwrap();
    let store = Store::open_existing(&path).unwrap();
    let error = store.traces(&Filter::default()).unwrap_err();
    assert!(
        matches!(&error, ReadError::Damaged { id, .. } if id.0 == 2),
        "{error}"
    );
    assert_eq!(store.summaries(&Filter::default()).unwrap().len(), 3);
}

#[test]
fn nothing_recorded_yet_says_which_command_records() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("no/fathom.db");
    let error = Store::open_existing(&path).unwrap_err();
    assert!(error.to_string().contains("fathom profile"), "{error}");
    assert!(!path.parent().unwrap().exists(), "reading makes no folder");

    let empty = folder.path().join("empty.db");
    fs::write(&empty, b"").unwrap();
    assert!(matches!(
        Store::open_existing(&empty),
        Err(OpenError::Missing { .. })
    ));
    assert!(Store::open(&empty).is_ok());
}

#[test]
fn places_where_no_file_can_be() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, b"x").unwrap();
    assert!(matches!(
        Store::open(folder.path()),
        Err(OpenError::Unreadable { .. })
    ));
    assert!(matches!(
        Store::open(&file.join("fathom.db")),
        Err(OpenError::Folder { .. })
    ));
}
