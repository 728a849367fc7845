//! A folder that Fathom makes: what is in it, and what of it is Fathom's own. What somebody else has put there is never
//! overwritten unasked, and never deleted.

use anyhow::{Context, bail, ensure};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

/// The file that says what is Fathom's in a folder: a path a line.
const MARK: &str = ".fathom-package";

/// First line of that file.
const HEAD: &str =
    "# Made by `fathom package`. These files are written anew when that is run again.";

/// What a file is to have in it.
pub(super) enum Content {
    Text(String),
    Bytes(Vec<u8>),
    /// As another file.
    Copy(PathBuf),
    /// As another file, and it can be run.
    Program(PathBuf),
}

/// Files by their paths below the folder.
pub(super) type Files = Vec<(PathBuf, Content)>;

/// Whether a folder may be written to: it is not there, is empty, or is one of Fathom's.
///
/// # Errors
///
/// Where it is somebody else's, unless `force` says so.
pub(super) fn check(folder: &Path, force: bool) -> anyhow::Result<()> {
    if !folder.exists() {
        return Ok(());
    }
    ensure!(
        folder.is_dir(),
        "`{}` is there already, and is no folder: choose another with -o",
        folder.display()
    );
    let mut entries = fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    if force || entries.next().is_none() || folder.join(MARK).is_file() {
        return Ok(());
    }
    bail!(
        "`{}` is there already and was not made by `fathom package`: choose another folder with -o, or overwrite \
         what has the same names with --force",
        folder.display()
    )
}

/// Writes the files, in place of those that were written before.
pub(super) fn write(folder: &Path, files: &Files) -> anyhow::Result<()> {
    for old in written_before(folder) {
        let path = folder.join(old);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove `{}`", path.display()));
            }
            _ => {}
        }
    }
    let listed = files.iter().map(|(path, _)| path.display().to_string());
    let mark = [HEAD.to_owned()].into_iter().chain(listed);
    // First: where something fails later, the folder is still known to be Fathom's.
    write_one(
        &folder.join(MARK),
        &Content::Text(mark.collect::<Vec<_>>().join("\n") + "\n"),
    )?;
    files
        .iter()
        .try_for_each(|(path, content)| write_one(&folder.join(path), content))
}

/// What the mark lists; of what somebody has written into it, nothing that lies elsewhere.
fn written_before(folder: &Path) -> Vec<PathBuf> {
    let text = fs::read_to_string(folder.join(MARK)).unwrap_or_default();
    let paths = text.lines().skip(1).map(PathBuf::from);
    paths
        .filter(|path| {
            let plain = |part: Component| matches!(part, Component::Normal(_));
            path.components().all(plain) && path.components().next().is_some()
        })
        .collect()
}

fn write_one(path: &Path, content: &Content) -> anyhow::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)
            .with_context(|| format!("cannot make the folder `{}`", parent.display()))?;
    }
    let written = match content {
        Content::Text(text) => fs::write(path, text),
        Content::Bytes(bytes) => fs::write(path, bytes),
        Content::Copy(from) => fs::copy(from, path).map(drop),
        Content::Program(from) => fs::copy(from, path)
            .and_then(|_| fs::set_permissions(path, fs::Permissions::from_mode(0o755))),
    };
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

/// All files below a folder. A link leads nowhere but to what is below it, too.
pub(super) fn below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let root = folder
        .canonicalize()
        .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    let mut files = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(next) = folders.pop() {
        let path = folder.join(&next);
        let entries = fs::read_dir(&path)
            .with_context(|| format!("cannot read the folder `{}`", path.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot read `{}`", path.display()))?;
            let found = entry.path();
            let real = found
                .canonicalize()
                .with_context(|| format!("cannot read `{}`", found.display()))?;
            ensure!(
                real.starts_with(&root),
                "`{}` leads out of the folder that the function is granted",
                found.display()
            );
            let name = next.join(entry.file_name());
            let is_link = entry.path().is_symlink();
            match real.is_dir() {
                true => {
                    ensure!(
                        !is_link,
                        "`{}` is a link to a folder: expected the folder itself",
                        found.display()
                    );
                    folders.push(name);
                }
                false => files.push(name),
            }
        }
    }
    files.sort();
    Ok(files)
}
