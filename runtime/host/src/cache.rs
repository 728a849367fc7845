//! Compiled code on disk, keyed by module, plan and engine, so that the second run of an unchanged guest starts at
//! once. Not a store of results, and never the only copy of anything: a missing or unreadable entry is made again.
//!
//! # Safety of the contents
//!
//! Compiled code is trusted when it is loaded. The folder must belong to the user and to nobody else; it is created
//! with mode 0700.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt,
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

    pub(crate) fn read(&self, key: &str, extension: &str) -> Option<Vec<u8>> {
        fs::read(self.path(key, extension)).ok()
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
