//! A folder that Fathom makes: what is in it, and what of it is Fathom's own. What somebody else has put there is never
//! overwritten unasked, and never deleted; nor is what it is made of, which may lie in it.

use crate::places::PACKAGE_MARK as MARK;
use anyhow::{Context, bail, ensure};
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

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

/// Writes the files, in place of those that were written before. All of them are written beside the folder first: what they are
/// copied from may be among those that go.
pub(super) fn write(folder: &Path, files: &Files) -> anyhow::Result<()> {
    let listed = files.iter().map(|(path, _)| path.display().to_string());
    let mark = [HEAD.to_owned()].into_iter().chain(listed);
    let mark = Content::Text(mark.collect::<Vec<_>>().join("\n") + "\n");
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    let real = folder
        .canonicalize()
        .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    let beside = real.parent().unwrap_or(&real);
    let made = tempfile::Builder::new()
        .prefix(".fathom-package-")
        .tempdir_in(beside)
        .with_context(|| format!("cannot make a folder in `{}`", beside.display()))?;
    write_one(&made.path().join(MARK), &mark)?;
    for (path, content) in files {
        write_one(&made.path().join(path), content)?;
    }
    let new: BTreeSet<&Path> = files.iter().map(|(path, _)| path.as_path()).collect();
    let gone: Vec<PathBuf> = written_before(folder)
        .into_iter()
        .filter(|old| !new.contains(old.as_path()))
        .collect();
    // Before anything is changed.
    for path in new.iter().copied().chain(gone.iter().map(PathBuf::as_path)) {
        leads_nowhere_else(folder, path)?;
    }
    for old in &gone {
        let path = folder.join(old);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove `{}`", path.display()));
            }
            _ => {}
        }
    }
    // The mark first: where something fails later, the folder is still known to be Fathom's.
    for path in [Path::new(MARK)].into_iter().chain(new) {
        let to = folder.join(path);
        make_parent(&to)?;
        fs::rename(made.path().join(path), &to)
            .with_context(|| format!("cannot write `{}`", to.display()))?;
    }
    Ok(())
}

/// A link among the folders above a file would have it written, or removed, somewhere else.
fn leads_nowhere_else(folder: &Path, path: &Path) -> anyhow::Result<()> {
    let above = path.ancestors().skip(1);
    for parent in above.filter(|parent| !parent.as_os_str().is_empty()) {
        let parent = folder.join(parent);
        ensure!(
            !parent.is_symlink(),
            "`{}` is a link, which leads out of the folder that is made: expected a folder there, or nothing",
            parent.display()
        );
    }
    Ok(())
}

/// Whether a folder lies in another, or would once it is made.
pub(super) fn lies_in(folder: &Path, outer: &Path) -> bool {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    let real = absolute
        .ancestors()
        .find_map(|path| path.canonicalize().ok());
    real.zip(outer.canonicalize().ok())
        .is_some_and(|(real, outer)| real.starts_with(outer))
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

fn make_parent(path: &Path) -> anyhow::Result<()> {
    let Some(parent) = path.parent() else {
        return Ok(());
    };
    fs::create_dir_all(parent)
        .with_context(|| format!("cannot make the folder `{}`", parent.display()))
}

fn write_one(path: &Path, content: &Content) -> anyhow::Result<()> {
    make_parent(path)?;
    let written = match content {
        Content::Text(text) => fs::write(path, text),
        Content::Bytes(bytes) => fs::write(path, bytes),
        Content::Copy(from) => fs::copy(from, path).map(drop),
        Content::Program(from) => fs::copy(from, path)
            .and_then(|_| fs::set_permissions(path, fs::Permissions::from_mode(0o755))),
    };
    written.with_context(|| format!("cannot write `{}`", path.display()))
}

/// What is below a folder, by paths from there.
pub(super) struct Below {
    pub(super) files: Vec<PathBuf>,
    /// Folders without anything in them.
    pub(super) empty: Vec<PathBuf>,
}

/// All that is below a folder. A link leads nowhere but to what is below it, too.
pub(super) fn below(folder: &Path) -> anyhow::Result<Below> {
    let root = folder
        .canonicalize()
        .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    let (mut files, mut empty) = (Vec::new(), Vec::new());
    let mut folders = vec![PathBuf::new()];
    while let Some(next) = folders.pop() {
        let path = folder.join(&next);
        let entries = fs::read_dir(&path)
            .with_context(|| format!("cannot read the folder `{}`", path.display()))?;
        let mut has_any = false;
        for entry in entries {
            has_any = true;
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
        if !has_any {
            empty.push(next);
        }
    }
    files.sort();
    empty.sort();
    Ok(Below { files, empty })
}
