//! The functions that are deployed, by name, and how they come and go. A function lies in a folder: the user's own, or one
//! that was made for what came over HTTP. Compiling happens elsewhere (`build`), calls too (`call`).

use super::{
    Server, build,
    function::{self, Deployed, Version},
    manifest::{Manifest, Protocol},
    modules::write_whole,
};
use crate::{
    config::{Config, FILE_NAME},
    guest::Guest,
    near,
};
use anyhow::{Context, bail, ensure};
use host::{Entry, digest};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};
use trace::FunctionId;

/// Longest name of a function.
const LONGEST_NAME: usize = 128;

/// File of a module that came over HTTP.
const MODULE: &str = "module.wasm";

/// The functions.
#[derive(Default)]
pub(crate) struct Registry {
    functions: RwLock<BTreeMap<String, Arc<Deployed>>>,
    /// Which function a folder is, so that a name that changes there is noticed.
    folders: Mutex<BTreeMap<PathBuf, String>>,
    /// Held while something is deployed or removed: one at a time.
    changing: Mutex<()>,
    /// The file of a folder as the server has written it itself: it is deployed already.
    own_writing: Mutex<BTreeMap<PathBuf, String>>,
}

/// What became of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The function is new.
    Made,
    /// It has another module or manifest now.
    Replaced,
}

impl Registry {
    pub(crate) fn find(&self, name: &str) -> Option<Arc<Deployed>> {
        let functions = self
            .functions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        functions.get(name).cloned()
    }

    /// Another folder that has a function of this name.
    fn elsewhere(&self, name: &str, folder: &Path) -> Option<PathBuf> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others = folders
            .iter()
            .filter(|(of, known)| *known == name && of.as_path() != folder);
        others.next().map(|(other, _)| other.clone())
    }

    /// As long as this is held nothing else is deployed or removed.
    pub(super) fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a function lies.
    pub(super) fn folder_of(&self, name: &str) -> Option<PathBuf> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut of_that_name = folders.iter().filter(|(_, known)| *known == name);
        of_that_name.next().map(|(folder, _)| folder.clone())
    }

    /// Remembers, or with `None` forgets, that the server has written a folder's file itself.
    pub(super) fn set_own_writing(&self, folder: &Path, text: Option<String>) {
        let mut own = self
            .own_writing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match text {
            Some(text) => own.insert(folder.to_owned(), text),
            None => own.remove(folder),
        };
    }

    /// Whether a folder has changed by nothing but what the server has written there and deployed.
    pub(super) fn is_own_writing(&self, folder: &Path) -> bool {
        let own = {
            let own = self
                .own_writing
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            own.get(folder).cloned()
        };
        let Some(own) = own else {
            return false;
        };
        let is_as_written =
            fs::read_to_string(folder.join(FILE_NAME)).is_ok_and(|text| text == own);
        if !is_as_written {
            self.set_own_writing(folder, None);
            return false;
        }
        let deployed = self.folder_name(folder).and_then(|name| self.find(&name));
        let module = Guest::find(folder).map(|guest| digest(&guest.wasm));
        deployed
            .zip(module.ok())
            .is_some_and(|(deployed, digest)| deployed.version().id.digest == digest)
    }

    fn folder_name(&self, folder: &Path) -> Option<String> {
        let folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        folders.get(folder).cloned()
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Arc<Deployed>> {
        let functions = self
            .functions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        functions.values().cloned().collect()
    }

    /// Brings the metrics of those that have been called up to date. None of them goes meanwhile: its metrics would come back.
    pub(crate) fn show(&self, server: &Server) {
        let functions = self
            .functions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        for function in functions.values() {
            function.show(server);
        }
    }

    /// What is near a name that is not there.
    pub(crate) fn near(&self, name: &str) -> String {
        let functions = self
            .functions
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        near::did_you_mean(name, functions.keys().map(String::as_str))
    }

    pub(super) fn set(
        &self,
        server: &Server,
        name: &str,
        version: Version,
    ) -> (Arc<Deployed>, Change) {
        let version = Arc::new(version);
        let mut functions = self
            .functions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let (function, change) = match functions.get(name) {
            Some(function) => {
                if let Some(change) = function.replace(version) {
                    server.records.changed(name, change);
                }
                (function.clone(), Change::Replaced)
            }
            None => {
                let function = Arc::new(Deployed::new(name.to_owned(), version));
                functions.insert(name.to_owned(), function.clone());
                (function, Change::Made)
            }
        };
        drop(functions);
        server.teacher.teach(&function);
        (function, change)
    }

    fn forget(&self, server: &Server, name: &str) -> bool {
        let mut functions = self
            .functions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(function) = functions.remove(name) else {
            return false;
        };
        if let Some(metrics) = function.metrics_so_far() {
            server.metrics.forget(metrics);
        }
        true
    }
}

/// Deploys the function of a folder, or what it has become. Takes as long as compiling takes; until then, and where it
/// fails, calls go to the version before.
///
/// # Errors
///
/// Where its manifest, or its module, is none, or another folder has a function of that name.
pub(crate) fn deploy_folder(
    server: &Arc<Server>,
    folder: &Path,
) -> anyhow::Result<(Arc<Deployed>, Change)> {
    let _one_at_a_time = server.registry.changing();
    let guest = Guest::find(folder)?;
    let name = checked_name(&guest.name)?.to_owned();
    if let Some(other) = server.registry.elsewhere(&name, folder) {
        bail!(
            "two functions have the name `{name}`: that in `{}` and that in `{}`",
            other.display(),
            folder.display()
        );
    }
    let version = make_version(server, &guest, name.clone())?;
    let before = {
        let mut folders = server
            .registry
            .folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        folders.insert(folder.to_owned(), name.clone())
    };
    if let Some(before) = before.filter(|before| *before != name) {
        server.registry.forget(server, &before);
    }
    Ok(server.registry.set(server, &name, version))
}

/// Deploys a module that came over HTTP. It lies below the server's own folder from then on.
///
/// # Errors
///
/// As [`deploy_folder`].
pub(crate) fn deploy_module(
    server: &Arc<Server>,
    name: &str,
    wasm: &[u8],
    manifest: &str,
) -> anyhow::Result<(Arc<Deployed>, Change)> {
    let name = checked_name(name)?;
    let _one_at_a_time = server.registry.changing();
    let folder = server.uploads().join(name);
    if let Some(other) = server.registry.elsewhere(name, &folder) {
        bail!(
            "`{name}` is the function in `{}`: change it there, or choose another name",
            other.display()
        );
    }
    let config: Config =
        toml::from_str(manifest).context("the manifest is not a valid fathom.toml")?;
    ensure!(
        config.grants.directory.is_none() && config.function.module.is_none(),
        "the manifest names a file of this machine: grants.directory and function.module are for functions in folders"
    );
    let unfinished = server.uploads().join(format!(".{name}.unfinished"));
    // What a server that was killed has left.
    let _ = fs::remove_dir_all(&unfinished);
    fs::create_dir_all(&unfinished)
        .with_context(|| format!("cannot make the folder `{}`", unfinished.display()))?;
    let checked = || {
        write_whole(&unfinished.join(MODULE), wasm)?;
        write_whole(
            &unfinished.join(FILE_NAME),
            with_name(manifest, name)?.as_bytes(),
        )?;
        let guest = Guest::find(&unfinished)?;
        make_version(server, &guest, name.to_owned())
    };
    let version = checked().inspect_err(|_| {
        // The error is what matters.
        let _ = fs::remove_dir_all(&unfinished);
    })?;
    let old = server.uploads().join(format!(".{name}.old"));
    let _ = fs::remove_dir_all(&old);
    if folder.exists() {
        fs::rename(&folder, &old)
            .with_context(|| format!("cannot replace `{}`", folder.display()))?;
    }
    fs::rename(&unfinished, &folder)
        .with_context(|| format!("cannot put `{}` in place", folder.display()))?;
    let _ = fs::remove_dir_all(&old);
    let mut folders = server
        .registry
        .folders
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    folders.insert(folder, name.to_owned());
    drop(folders);
    Ok(server.registry.set(server, name, version))
}

/// Removes a function; its running calls go on to their end. Whether it was there.
///
/// # Errors
///
/// Where it lies in a folder of the user's: it would be back at the next start.
pub(crate) fn remove(server: &Server, name: &str) -> anyhow::Result<bool> {
    let _one_at_a_time = server.registry.changing();
    let mut folders = server
        .registry
        .folders
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let folder = folders.iter().find(|(_, known)| *known == name);
    let folder = folder.map(|(folder, _)| folder.clone());
    if let Some(folder) = folder {
        ensure!(
            folder.starts_with(server.uploads()),
            "`{name}` is the function in `{}`: remove it there",
            folder.display()
        );
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove `{}`", folder.display()))?;
        folders.remove(&folder);
    }
    drop(folders);
    Ok(server.registry.forget(server, name))
}

/// A folder has gone, and with it its function.
pub(crate) fn folder_has_gone(server: &Server, folder: &Path) -> Option<String> {
    let mut folders = server
        .registry
        .folders
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let name = folders.remove(folder)?;
    drop(folders);
    server.registry.forget(server, &name);
    Some(name)
}

fn make_version(server: &Arc<Server>, guest: &Guest, name: String) -> anyhow::Result<Version> {
    let manifest = Manifest::of(guest, &server.settings)?;
    let id = FunctionId {
        name,
        digest: digest(&guest.wasm),
    };
    build::build(server, &id, &guest.wasm, &manifest.watch)?;
    // What cannot be called is not deployed either.
    let ready = function::load(
        server,
        &id,
        &guest.wasm,
        &manifest.watch,
        manifest.invoke.clone(),
    )?;
    ensure!(
        manifest.scratch.is_none() || !ready.function.is_component(),
        "`{}` is a component, and those get no scratch directory: limits.scratch is for modules",
        id.name
    );
    if manifest.reuse > 1 {
        ensure!(
            ready.entry != Entry::Start,
            "`{}` is a program, and one run of it is one call: serve.reuse is for components that answer requests and for reactors",
            id.name
        );
        ensure!(
            manifest.protocol != Protocol::Cgi,
            "`{}` is given each request in its environment, which a guest keeps: protocol `cgi` and serve.reuse do not go together",
            id.name
        );
        ensure!(
            manifest.scratch.is_none(),
            "`{}` has a scratch directory, which is for one call: limits.scratch and serve.reuse do not go together",
            id.name
        );
    }
    server.modules.keep(&id.digest, &guest.wasm)?;
    Ok(Version::new(id, manifest))
}

/// A name that is one in paths, labels and URLs.
pub(crate) fn checked_name(name: &str) -> anyhow::Result<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    ensure!(
        (1..=LONGEST_NAME).contains(&name.len())
            && name.chars().all(plain)
            && !name.starts_with('.'),
        "`{}` is not a name for a function: expected letters, digits, `-`, `_` and `.`, at most {LONGEST_NAME}",
        name.escape_debug()
    );
    Ok(name)
}

/// The manifest with the name under which it was deployed.
fn with_name(manifest: &str, name: &str) -> anyhow::Result<String> {
    let mut table: toml::Table = manifest.parse().context("the manifest is not valid TOML")?;
    let function = table
        .entry("function")
        .or_insert_with(|| toml::Table::new().into());
    if let Some(function) = function.as_table_mut() {
        function.insert("name".to_owned(), name.into());
        function.insert("module".to_owned(), MODULE.into());
    }
    toml::to_string(&table).context("cannot write the manifest")
}

/// The folders below `folder` that are functions, and itself if it is one.
pub(crate) fn function_folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| !entry.file_name().to_string_lossy().starts_with('.'))
        .map(|entry| entry.path())
        .filter(|path| path.join(FILE_NAME).is_file())
        .collect();
    folders.sort();
    // The server's own file is a function's too, if it names a module.
    let own = folder.join(FILE_NAME);
    if own.is_file() && Config::read(&own)?.function.module.is_some() {
        folders.insert(0, folder.to_owned());
    }
    Ok(folders)
}
