//! Several processes, killed processes, and processes that are short of something. The child of each test is this
//! test binary itself, told by an environment variable what to do.

use crate::sample::call;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
};
use store::{Filter, Store, TraceId};

const TASK: &str = "FATHOM_STORE_TEST_TASK";
const PATH: &str = "FATHOM_STORE_TEST_PATH";

/// Not a test: what a child does. Without the variable it does nothing.
#[test]
fn child() {
    let (Some(task), Some(path)) = (std::env::var_os(TASK), std::env::var_os(PATH)) else {
        return;
    };
    let path = Path::new(&path);
    match task.to_str().unwrap() {
        // Until killed, or until it fails: says the number of each call that was recorded.
        "append" => {
            let mut store = Store::open(path).unwrap();
            loop {
                match store.append(&call("line-reader", 200)) {
                    Ok(id) => println!("recorded {id}"),
                    Err(error) => return println!("error {error}"),
                }
            }
        }
        "append 200" => {
            let mut store = Store::open(path).unwrap();
            for lines in 1..=200 {
                store.append(&call("line-reader", lines)).unwrap();
            }
        }
        "open" => match Store::open(path) {
            Ok(_) => println!("opened"),
            Err(error) => println!("error {error}"),
        },
        "read" => match Store::open_existing(path).map(|store| store.traces(&Filter::default())) {
            Ok(traces) => println!("read {}", traces.unwrap().len()),
            Err(error) => println!("error {error}"),
        },
        other => panic!("no such task: {other}"),
    }
}

/// Runs `child` in a process of its own. `wrapper` is a shell command line that ends by executing `"$@"`.
fn start(task: &str, path: &Path, wrapper: &str) -> Child {
    Command::new("sh")
        .args(["-c", wrapper, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "processes::child",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(TASK, task)
        .env(PATH, path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

const PLAIN: &str = r#"exec "$@""#;

/// The lines a child says that begin with `word`, without it.
fn said(child: &mut Child, word: &str) -> impl Iterator<Item = String> {
    let word = format!("{word} ");
    BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .filter_map(move |line| line.split_once(&word).map(|(_, rest)| rest.to_owned()))
}

#[test]
fn a_killed_writer_loses_nothing_it_has_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    let mut recorded = 0;
    for round in 1..=8 {
        let mut child = start("append", &path, PLAIN);
        let last: i64 = said(&mut child, "recorded")
            .nth(round * 7)
            .unwrap()
            .parse()
            .unwrap();
        child.kill().unwrap();
        child.wait().unwrap();

        let store = Store::open_existing(&path).unwrap();
        let traces = store.traces(&Filter::default()).unwrap();
        let summaries = store.summaries(&Filter::default()).unwrap();
        let ids: Vec<TraceId> = summaries.iter().map(|summary| summary.id).collect();
        assert!(last > recorded);
        recorded = ids.len() as i64;
        assert!(
            recorded >= last,
            "call {last} was recorded, {recorded} are left"
        );
        assert_eq!(ids, (1..=recorded).map(TraceId).collect::<Vec<_>>());
        assert!(
            traces
                .iter()
                .all(|trace| *trace == call("line-reader", 200))
        );
    }
}

#[test]
fn two_writers_and_a_reader_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    // They also race to make the file.
    let mut writers = [
        start("append 200", &path, PLAIN),
        start("append 200", &path, PLAIN),
    ];
    let mut seen = 0;
    while seen < 400
        && writers
            .iter_mut()
            .any(|writer| writer.try_wait().unwrap().is_none())
    {
        if let Ok(store) = Store::open_existing(&path) {
            let now = store.traces(&Filter::default()).unwrap().len();
            assert!(now >= seen, "{now} calls after {seen}");
            seen = now;
        }
    }
    for mut writer in writers {
        assert!(writer.wait().unwrap().success());
    }
    let store = Store::open_existing(&path).unwrap();
    assert_eq!(store.summaries(&Filter::default()).unwrap().len(), 400);
}

/// A full disk: what was recorded stays, the error names the file, and once there is room it goes on.
fn a_full_disk(wrapper: &str, path: &Path) {
    let mut child = start("append", path, wrapper);
    let lines: Vec<String> = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map_while(Result::ok)
        .collect();
    assert!(child.wait().unwrap().success(), "{lines:?}");
    let recorded = lines
        .iter()
        .filter(|line| line.contains("recorded "))
        .count();
    let error = lines
        .iter()
        .find_map(|line| line.split_once("error "))
        .expect("an error")
        .1;
    assert!(error.contains(path.to_str().unwrap()), "{error}");
    assert!(recorded > 10, "{lines:?}");
    if path.exists() {
        let mut store = Store::open(path).unwrap();
        assert_eq!(store.traces(&Filter::default()).unwrap().len(), recorded);
        store.append(&call("line-reader", 1)).unwrap();
    }
}

#[test]
fn a_limit_on_the_size_of_files() {
    let folder = tempfile::tempdir().unwrap();
    a_full_disk(
        r#"trap '' XFSZ; ulimit -f 1000; exec "$@""#,
        &folder.path().join("fathom.db"),
    );
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_names_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mount = format!(
        "mount -t tmpfs -o size=1m fathom {}",
        folder.path().display()
    );
    if !can_mount(&mount) {
        return;
    }
    // The file is gone with the child's mount, so only what the child says is looked at.
    let wrapper = format!(r#"exec unshare -Urm sh -c '{mount} && exec "$@"' sh "$@""#);
    a_full_disk(&wrapper, &folder.path().join("fathom.db"));
}

/// Whether a test may mount a file system of its own. Where not it is skipped, and says so; with
/// `FATHOM_TOOLS=required` that is a failure.
#[cfg(target_os = "linux")]
fn can_mount(command: &str) -> bool {
    let done = Command::new("unshare")
        .args(["-Urm", "sh", "-c", command])
        .output();
    let can = done.is_ok_and(|done| done.status.success());
    if !can {
        let required = std::env::var_os("FATHOM_TOOLS").is_some_and(|value| value == "required");
        assert!(
            !required,
            "FATHOM_TOOLS=required, but mounting is not allowed here"
        );
        println!("skipped: this system does not let a test mount a file system of its own");
    }
    can
}

/// Reading works where nothing may be written; recording says so at once. Root may write anywhere, so the child gives
/// that up.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_folder() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fathom.db");
    Store::open(&path)
        .unwrap()
        .append(&call("line-reader", 10))
        .unwrap();
    let protect = format!(
        "mount --bind {0} {0} && mount -o remount,ro,bind {0}",
        folder.path().display()
    );
    if !can_mount(&protect) {
        return;
    }
    let wrapper = format!(r#"exec unshare -Urm sh -c '{protect} && exec "$@"' sh "$@""#);
    let mut reader = start("read", &path, &wrapper);
    assert_eq!(said(&mut reader, "read").collect::<Vec<_>>(), ["1"]);
    reader.wait().unwrap();
    let mut writer = start("open", &path, &wrapper);
    let errors: Vec<String> = said(&mut writer, "error").collect();
    assert!(
        errors.len() == 1 && errors[0].contains(path.to_str().unwrap()),
        "{errors:?}"
    );
    writer.wait().unwrap();
}
