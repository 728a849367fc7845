//! Compiled code on disk, keyed by module, plan and engine, so that the second run of an unchanged guest starts at
//! once. Not a store of results, and never the only copy of anything: a missing or unreadable entry is made again.
//!
//! # Safety of the contents
//!
//! Compiled code is trusted when it is loaded. The folder is created with mode 0700, and nothing is read from one
//! that belongs to another user or that others may write to.

use std::{
    fs, io,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

/// A folder of compiled code.
#[derive(Clone, Debug)]
pub struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// The cache in `folder`, which is created when the first entry is written.
    pub fn at(folder: impl Into<PathBuf>) -> Cache {
        Cache {
            folder: folder.into(),
        }
    }

    /// Where the entries are.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn path(&self, key: &str, extension: &str) -> PathBuf {
        self.folder.join(format!("{key}.{extension}"))
    }

    /// An entry; `None` where it is absent, or where somebody else could have written it.
    pub(crate) fn read(&self, key: &str, extension: &str) -> Option<Vec<u8>> {
        if !self.is_private() {
            return None;
        }
        fs::read(self.path(key, extension)).ok()
    }

    fn is_private(&self) -> bool {
        fs::metadata(&self.folder).is_ok_and(|about| {
            about.uid() == rustix::process::geteuid().as_raw() && about.mode() & 0o022 == 0
        })
    }

    /// Writes an entry so that no reader, in this process or another, ever sees half of it.
    pub(crate) fn write(&self, key: &str, extension: &str, contents: &[u8]) -> io::Result<()> {
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&self.folder)?;
        let unfinished = self.path(key, &format!("{extension}.{}.tmp", std::process::id()));
        fs::write(&unfinished, contents)?;
        fs::rename(&unfinished, self.path(key, extension))
    }
}
