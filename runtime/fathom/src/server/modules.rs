//! The modules that are deployed, each once, by what is in it. A file in a user's folder may change at any moment; what a
//! function was deployed from must not.

use anyhow::Context;
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};

/// A folder of modules.
pub(crate) struct Modules(PathBuf);

impl Modules {
    /// In a folder, which is made.
    pub(crate) fn at(folder: PathBuf) -> anyhow::Result<Modules> {
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        Ok(Modules(folder))
    }

    /// Keeps a module.
    pub(crate) fn keep(&self, digest: &str, wasm: &[u8]) -> anyhow::Result<()> {
        let path = self.path(digest);
        if path.exists() {
            return Ok(());
        }
        write_whole(&path, wasm)
    }

    /// The bytes of a module that was kept.
    pub(crate) fn read(&self, digest: &str) -> anyhow::Result<Vec<u8>> {
        let path = self.path(digest);
        fs::read(&path).with_context(|| format!("cannot read the module `{}`", path.display()))
    }

    /// Removes those that no function is of any more, and nothing else that lies there. Not while calls are made: some may
    /// be of a version that was replaced.
    pub(crate) fn keep_only(&self, digests: &HashSet<String>) -> anyhow::Result<()> {
        let kept: HashSet<PathBuf> = digests.iter().map(|digest| self.path(digest)).collect();
        let cannot = || format!("cannot clear the folder `{}`", self.0.display());
        for entry in fs::read_dir(&self.0).with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            if !kept.contains(&path) && is_ours(&path) {
                fs::remove_file(&path).with_context(cannot)?;
            }
        }
        Ok(())
    }

    fn path(&self, digest: &str) -> PathBuf {
        let hex = digest.trim_start_matches("sha256:");
        self.0.join(format!("{hex}.wasm"))
    }
}

/// Whether a file is one that was written here, or was begun: it has the name of a digest.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    let Some((stem, rest)) = name.and_then(|name| name.split_once('.')) else {
        return false;
    };
    stem.len() == 64
        && stem.bytes().all(|byte| byte.is_ascii_hexdigit())
        && (rest == "wasm" || rest.ends_with(".tmp"))
        && path.is_file()
}

/// Writes a file so that nobody ever sees half of it, also after a fall of the process.
pub(crate) fn write_whole(path: &Path, contents: &[u8]) -> anyhow::Result<()> {
    let unfinished = path.with_extension(format!("{}.tmp", std::process::id()));
    fs::write(&unfinished, contents)
        .and_then(|()| fs::rename(&unfinished, path))
        .with_context(|| format!("cannot write `{}`", path.display()))
}
