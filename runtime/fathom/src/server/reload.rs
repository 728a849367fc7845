//! Notices what changes in the folders of functions. Calls that have begun go on with what they began with; where what is
//! new cannot be used, what was there stays.

use super::{Server, registry};
use crate::{config::FILE_NAME, output};
use anyhow::Context;
use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

/// Changes so close to each other are one: a module is not written at once.
const SETTLED: Duration = Duration::from_millis(150);

/// Where changes never cease they are looked at all the same after so long.
const LONGEST: Duration = Duration::from_secs(2);

/// Watches until it is dropped.
pub(crate) struct Reload {
    _watcher: Arc<Mutex<RecommendedWatcher>>,
}

/// Watches a folder of functions.
pub(crate) fn watch(server: &Arc<Server>, root: &Path) -> anyhow::Result<Reload> {
    let (changed, changes) = mpsc::channel();
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if let Ok(event) = event
            && !matches!(event.kind, notify::EventKind::Access(_))
        {
            // The thread ends with the server.
            let _ = changed.send(event.paths);
        }
    })
    .context("cannot watch folders")?;
    watcher
        .watch(root, RecursiveMode::NonRecursive)
        .with_context(|| format!("cannot watch `{}`", root.display()))?;
    for folder in registry::function_folders(root)? {
        // A folder that cannot be watched is served as it is.
        let _ = watcher.watch(&folder, RecursiveMode::NonRecursive);
    }
    let watcher = Arc::new(Mutex::new(watcher));
    let watching = Arc::downgrade(&watcher);
    let root = root.to_owned();
    let server = Arc::downgrade(server);
    thread::Builder::new()
        .name("reload".to_owned())
        .spawn(move || {
            while let Ok(paths) = changes.recv() {
                let mut all: BTreeSet<PathBuf> = paths.into_iter().collect();
                let begun = Instant::now();
                while begun.elapsed() < LONGEST
                    && let Ok(paths) = changes.recv_timeout(SETTLED)
                {
                    all.extend(paths);
                }
                let (Some(server), Some(watching)) = (server.upgrade(), watching.upgrade()) else {
                    return;
                };
                for folder in folders_of(&all, &root) {
                    if folder != root && folder.is_dir() {
                        // It may be new; what changes in it before this is read below.
                        let mut watcher = watching.lock().unwrap_or_else(PoisonError::into_inner);
                        let _ = watcher.watch(&folder, RecursiveMode::NonRecursive);
                    }
                    changed_folder(&server, &folder);
                }
            }
        })
        .context("cannot start a thread")?;
    Ok(Reload { _watcher: watcher })
}

/// The folders of functions among what has changed.
fn folders_of(paths: &BTreeSet<PathBuf>, root: &Path) -> BTreeSet<PathBuf> {
    let folder = |path: &PathBuf| {
        let below = path.strip_prefix(root).ok()?;
        let first = below.components().next()?;
        let folder = root.join(first);
        // What lies in the root itself belongs to the function that the root is.
        if folder.is_dir() || !folder.exists() && below.components().count() == 1 {
            Some(folder)
        } else {
            Some(root.to_owned())
        }
    };
    paths.iter().filter_map(folder).collect()
}

fn changed_folder(server: &Arc<Server>, folder: &Path) {
    if !folder.join(FILE_NAME).is_file() {
        if let Some(name) = registry::folder_has_gone(server, folder) {
            output::note(format_args!("/function/{name} has gone"));
        }
        return;
    }
    if server.registry.is_own_writing(folder) {
        return;
    }
    match registry::deploy_folder(server, folder) {
        Ok((function, change)) => {
            let what = match change {
                registry::Change::Made => "is new",
                registry::Change::Replaced => "was changed",
            };
            output::note(format_args!("/function/{} {what}", function.name));
        }
        Err(error) => output::note(format_args!(
            "warning: `{}` stays as it was: {error:#}",
            folder.display()
        )),
    }
}
