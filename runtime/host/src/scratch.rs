//! A scratch directory: empty when a call begins, writable for the guest as `/tmp`, gone when the call has ended. Not a
//! way for calls to share files, and not the granted directory, which stays read-only. What may be written into it is
//! said in `budget`.

use crate::budget::{Budget, Over};
use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};
use trace::Bytes;

/// Where the guest sees it.
pub(crate) const GUEST_PATH: &str = "/tmp";

/// How often its removal is tried where somebody still writes into it, and how long is waited in between.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// The directory on this machine; removed when this is dropped, at the latest.
pub(crate) struct Scratch {
    folder: PathBuf,
    most: Bytes,
    over: Over,
}

impl Scratch {
    /// An empty directory that only this user may look into, for a call that may write so much.
    pub(crate) fn make(most: Bytes) -> io::Result<Scratch> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{number}", prefix_of(std::process::id()));
        let folder = std::env::temp_dir().join(name);
        // Left by an earlier process of the same number, if at all.
        remove(&folder);
        fs::DirBuilder::new().mode(0o700).create(&folder)?;
        Ok(Scratch {
            folder,
            most,
            over: Over::default(),
        })
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.folder
    }

    /// What may be written into it.
    pub(crate) fn budget(&self) -> Budget {
        Budget::new(self.most, self.over.clone())
    }

    /// Removes it while the guest still runs, which may write no more.
    pub(crate) fn give_up(&self) {
        self.over.set();
        remove(&self.folder);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.folder);
    }
}

/// Removes what a process has left that was ended in the middle of a call.
pub fn remove_scratch_of(process: u32) {
    let prefix = prefix_of(process);
    let entries = fs::read_dir(std::env::temp_dir()).into_iter().flatten();
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            remove(&entry.path());
        }
    }
}

fn prefix_of(process: u32) -> String {
    format!("fathom-scratch-{process}-")
}

/// Removes a directory, also while a guest that is about to be ended still makes files in it. There is nobody to be told
/// if that fails: what is left is named after us, in a folder for what may go.
fn remove(folder: &Path) {
    for _ in 0..TRIES {
        match fs::remove_dir_all(folder) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => thread::sleep(PAUSE),
            _ => return,
        }
    }
}
