//! What a user names when asked for a guest: a `.wasm` or `.wat` file, or a folder with a `fathom.toml`.

use crate::{
    config::{self, Config},
    near, places,
    pool::Loaded,
};
use anyhow::{Context, bail};
use host::{Cache, Engine, Entry, Function};
use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};
use trace::{Nanos, Selection};

/// A guest found, with what its folder says of it.
pub(crate) struct Guest {
    /// The name it is known under.
    pub(crate) name: String,
    /// As the user wrote it, for the commands that are suggested.
    pub(crate) written: PathBuf,
    /// Folder that the configuration's paths are relative to.
    pub(crate) folder: PathBuf,
    /// The module as binary.
    pub(crate) wasm: Vec<u8>,
    /// The folder's `fathom.toml`, or all defaults.
    pub(crate) config: Config,
}

impl Guest {
    /// Its folder's `fathom.toml`, where it was named as a folder, without what only means something beside its other files:
    /// inputs, the module and what builds it.
    pub(crate) fn manifest(&self) -> anyhow::Result<toml::Table> {
        let path = self.folder.join(config::FILE_NAME);
        let mut table = match fs::read_to_string(&path) {
            Ok(text) if self.written.is_dir() => text
                .parse::<toml::Table>()
                .with_context(|| format!("`{}` is not valid TOML", path.display()))?,
            _ => toml::Table::new(),
        };
        table.remove("inputs");
        if let Some(function) = table.get_mut("function").and_then(|f| f.as_table_mut()) {
            function.remove("module");
            function.remove("build");
        }
        Ok(table)
    }

    /// Finds and reads the guest.
    pub(crate) fn find(path: &Path) -> anyhow::Result<Guest> {
        if path.is_dir() {
            return Guest::in_folder(path);
        }
        if !path.exists() {
            bail!("no guest at `{}`{}", path.display(), neighbours(path));
        }
        let folder = path.parent().map(Path::to_owned).unwrap_or_default();
        Ok(Guest {
            name: stem(path),
            written: path.to_owned(),
            wasm: read_module(path)?,
            folder,
            config: Config::default(),
        })
    }

    fn in_folder(folder: &Path) -> anyhow::Result<Guest> {
        let file = folder.join(config::FILE_NAME);
        if !file.is_file() {
            bail!(
                "no {} in `{}`: expected a .wasm or .wat file, or a folder with a {}; `fathom init {}` writes one",
                config::FILE_NAME,
                folder.display(),
                config::FILE_NAME,
                folder.display()
            );
        }
        let config = Config::read(&file)?;
        let module = match &config.function.module {
            Some(module) => folder.join(module),
            None => only_module(folder)?,
        };
        if let Some(build) = &config.function.build
            && !module.exists()
        {
            bail!("no `{}` yet: it is built by `{build}`", module.display());
        }
        Ok(Guest {
            name: config
                .function
                .name
                .clone()
                .unwrap_or_else(|| stem(&module)),
            written: folder.to_owned(),
            wasm: read_module(&module).with_context(|| {
                let config = folder.join(config::FILE_NAME);
                format!(
                    "the module of `{}` (function.module in `{}`)",
                    folder.display(),
                    config.display()
                )
            })?,
            folder: folder.to_owned(),
            config,
        })
    }
}

/// The bytes of a module; text is assembled.
pub(crate) fn read_module(path: &Path) -> anyhow::Result<Vec<u8>> {
    let bytes =
        fs::read(path).with_context(|| format!("cannot read the guest `{}`", path.display()))?;
    if path.extension().is_some_and(|extension| extension == "wat") {
        return wat::parse_bytes(&bytes)
            .map(std::borrow::Cow::into_owned)
            .with_context(|| format!("`{}` is not valid WebAssembly text", path.display()));
    }
    Ok(bytes)
}

fn stem(path: &Path) -> String {
    path.file_stem().map_or_else(
        || "guest".to_owned(),
        |stem| stem.to_string_lossy().into_owned(),
    )
}

/// The modules of a folder, by name.
pub(crate) fn modules_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut modules: Vec<PathBuf> = entries
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|e| e == "wasm" || e == "wat"))
        .collect();
    modules.sort();
    modules
}

fn only_module(folder: &Path) -> anyhow::Result<PathBuf> {
    match modules_in(folder).as_slice() {
        [module] => Ok(module.clone()),
        [] => bail!(
            "no .wasm or .wat in `{}`, and its fathom.toml names no function.module",
            folder.display()
        ),
        several => bail!(
            "several modules in `{}` ({}): say which in its fathom.toml, as function.module",
            folder.display(),
            several
                .iter()
                .filter_map(|m| m.file_name())
                .map(|n| n.to_string_lossy())
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

/// What lies beside a path that is not there.
fn neighbours(path: &Path) -> String {
    let folder = path
        .parent()
        .filter(|p| !p.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let names: Vec<String> = fs::read_dir(folder)
        .into_iter()
        .flatten()
        .flatten()
        .filter(|e| {
            let is_package = e.path().join(places::PACKAGE_MARK).is_file();
            (e.path().is_dir() && !is_package)
                || e.path()
                    .extension()
                    .is_some_and(|x| x == "wasm" || x == "wat")
        })
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| !name.starts_with('.'))
        .collect();
    let wanted = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    near::did_you_mean(&wanted, names.iter().map(String::as_str))
}

/// A guest that was inspected, rewritten, compiled and linked.
pub(crate) struct Ready {
    pub(crate) function: Function,
    pub(crate) entry: Entry,
    selection: Selection,
    cpu_period: Option<Nanos>,
    cache: Option<Cache>,
}

impl Guest {
    /// Makes the guest ready to be called: what is wrong with it, or with what is asked of it, is said here. `invoke`
    /// is the export to call, if not the one of its configuration; `cpu_period` the time between samples of its stack,
    /// where they are to be taken.
    pub(crate) fn ready(
        &self,
        selection: Selection,
        invoke: Option<String>,
        cpu_period: Option<Nanos>,
    ) -> anyhow::Result<Ready> {
        let engine = match cpu_period {
            None => Engine::new()?,
            Some(period) => Engine::sampling_cpu(period)?,
        };
        let cache = places::cache();
        // Two exports of one module are two functions: what is learned of one says nothing of the other.
        let name = match &invoke {
            Some(export) if invoke != self.config.function.invoke => {
                format!("{}:{export}", self.name)
            }
            _ => self.name.clone(),
        };
        let function = Function::load(&engine, cache.as_ref(), &name, &self.wasm, &selection)
            .with_context(|| format!("cannot use the guest `{}`", self.written.display()))?;
        let invoke = invoke.or_else(|| self.config.function.invoke.clone());
        Ok(Ready {
            entry: entry(&function, invoke)?,
            function,
            selection,
            cpu_period,
            cache,
        })
    }
}

impl Ready {
    /// What workers need to make it ready too, with the same bytes.
    pub(crate) fn for_workers(&self, guest: &Guest) -> Loaded {
        Loaded {
            id: self.function.id().clone(),
            wasm: Arc::new(guest.wasm.clone()),
            selection: self.selection.clone(),
            cpu_period: self.cpu_period,
            machine: self.function.machine().clone(),
            cache: self.cache.as_ref().map(|cache| cache.folder().to_owned()),
        }
    }
}

/// What is called: the export asked for, or `_start`.
pub(crate) fn entry(function: &Function, invoke: Option<String>) -> anyhow::Result<Entry> {
    if let Some(name) = invoke {
        let exports = function.invokable();
        if !exports.contains(&name) {
            bail!(
                "the guest exports no function `{name}`{}",
                near::did_you_mean(&name, exports.iter().map(String::as_str))
            );
        }
        return Ok(Entry::Invoke(name));
    }
    function.default_entry().with_context(|| {
        if function.is_component() {
            return "the component exports no `wasi:cli/run`: of components only commands are run"
                .to_owned();
        }
        format!(
            "the guest has no `_start`: it is a reactor, say which export to call with --invoke NAME; it exports {}",
            function.invokable().join(", ")
        )
    })
}
