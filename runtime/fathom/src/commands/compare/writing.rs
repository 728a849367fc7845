//! Files that a comparison writes: tried before calls are made for them, and whole or not at all, so that what was there is not lost
//! to a full disk.

use anyhow::{Context, bail};
use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

/// Whether a file can be written there. Nothing of it is left.
pub(super) fn probe(path: &Path) -> anyhow::Result<()> {
    if path.is_dir() {
        bail!("cannot write `{}`: it is a directory", path.display());
    }
    let beside = beside(path);
    fs::write(&beside, "")
        .and_then(|()| fs::remove_file(&beside))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// Writes a file.
pub(super) fn whole(path: &Path, contents: impl AsRef<[u8]>) -> anyhow::Result<()> {
    let beside = beside(path);
    fs::write(&beside, contents)
        .and_then(|()| fs::rename(&beside, path))
        .with_context(|| format!("cannot write `{}`", path.display()))
}

/// Where it is until it is whole.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".new");
    PathBuf::from(name)
}
