//! The function that goes into a container: its module, its manifest with what holds there, and the files that it is granted.

use super::folder::{Content, Files, below, lies_in};
use crate::{
    config::FILE_NAME,
    guest::{self, Guest},
    places, plan_file,
    server::checked_name,
};
use anyhow::{Context, ensure};
use host::{Engine, Function, Slots};
use std::path::{Path, PathBuf};
use trace::{Bytes, PredictivePlan};

/// Folder of the function in the container.
pub(super) const FOLDER: &str = "function";

/// Its module there.
const MODULE: &str = "module.wasm";

/// Of a server's settings, those that its start command says there.
const OF_THE_SERVER: [&str; 5] = ["listen", "budget", "workers", "calls", "log_calls"];

/// What keeps a folder there that has nothing in it: neither what builds a container nor what sends its files takes it along else.
const KEEP: &str = ".keep";

/// Checks that a guest can be served, before anything is written.
pub(super) fn check(guest: &Guest) -> anyhow::Result<()> {
    checked_name(&guest.name)?;
    // As a server does: of some guests only that can call them.
    let engine = Engine::serving(Slots {
        calls: 1,
        keep_resident: Bytes(0),
    })?;
    let (cache, watch) = (places::cache(), &guest.config.watch);
    let loaded = Function::load(&engine, cache.as_ref(), &guest.name, &guest.wasm, watch)
        .with_context(|| format!("cannot use the guest `{}`", guest.written.display()))?;
    guest::entry(&loaded, guest.config.function.invoke.clone())?;
    Ok(())
}

/// The plan of a guest: the file that is named, or the one that `fathom plan` writes, where it is for this module.
pub(super) fn plan(
    guest: &Guest,
    named: Option<&Path>,
    usual: &Path,
) -> anyhow::Result<Option<(PathBuf, PredictivePlan)>> {
    let path = match named {
        Some(path) => path,
        None if usual.is_file() => usual,
        None => return Ok(None),
    };
    let plan = plan_file::read(path)?;
    let digest = host::digest(&guest.wasm);
    if plan.function.digest != digest {
        ensure!(
            named.is_none(),
            "the plan `{}` is for `{}`, module {}; this guest is {digest}",
            path.display(),
            plan.function.name,
            plan.function.digest
        );
        return Ok(None);
    }
    Ok(Some((path.to_owned(), plan)))
}

/// Its files, for a folder `output`.
pub(super) fn files(
    guest: &Guest,
    memory: Bytes,
    plan: Option<&(PathBuf, PredictivePlan)>,
    output: &Path,
) -> anyhow::Result<Files> {
    let at = |name: &str| Path::new(FOLDER).join(name);
    let mut files = vec![
        (at(MODULE), Content::Bytes(guest.wasm.clone())),
        (at(FILE_NAME), Content::Text(manifest(guest, memory, plan)?)),
    ];
    if let Some((path, _)) = plan {
        files.push((at("plan.toml"), Content::Copy(path.clone())));
    }
    if let Some(granted) = &guest.config.grants.directory {
        let folder = guest.folder.join(granted);
        let inner = folder
            .canonicalize()
            .ok()
            .zip(guest.folder.canonicalize().ok());
        ensure!(
            inner.is_some_and(|(folder, below)| folder.starts_with(below)),
            "cannot take along `{}`: it is no directory below the function's own folder",
            folder.display()
        );
        ensure!(
            !lies_in(output, &folder),
            "`{}` lies in `{}`, which the function is granted and which is taken along: choose another folder with -o",
            output.display(),
            folder.display()
        );
        let found = below(&folder)?;
        // As paths are compared: without a `.` in between.
        let there: PathBuf = at("").join(granted).components().collect();
        let own: Vec<PathBuf> = files.iter().map(|(path, _)| path.clone()).collect();
        for file in found.files {
            let path = there.join(&file);
            if !own.contains(&path) {
                files.push((path, Content::Copy(folder.join(file))));
            }
        }
        let kept = found.empty.into_iter().map(|empty| there.join(empty));
        files.extend(kept.map(|empty| (empty.join(KEEP), Content::Text(String::new()))));
    }
    Ok(files)
}

/// Its manifest in the container.
fn manifest(
    guest: &Guest,
    memory: Bytes,
    plan: Option<&(PathBuf, PredictivePlan)>,
) -> anyhow::Result<String> {
    let mut table = guest.manifest()?;
    if let Some(serve) = table.get_mut("serve").and_then(toml::Value::as_table_mut) {
        for key in OF_THE_SERVER {
            serve.remove(key);
        }
    }
    if let Some((_, plan)) = plan {
        let armed = plan_file::only(plan, guest.config.watch.clone());
        let armed = toml::Value::try_from(armed).context("cannot write what the plan arms")?;
        table.insert("watch".to_owned(), armed);
    }
    let function = table
        .entry("function")
        .or_insert_with(|| toml::Table::new().into());
    if let Some(function) = function.as_table_mut() {
        function.insert("name".to_owned(), guest.name.clone().into());
        function.insert("module".to_owned(), MODULE.into());
        function.insert("memory".to_owned(), format!("{} B", memory.0).into());
    }
    toml::to_string(&table).context("cannot write the manifest")
}
