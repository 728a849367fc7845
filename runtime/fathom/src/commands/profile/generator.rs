//! Inputs that a guest makes: the generator of a folder's `fathom.toml`, run in a sandbox like any other guest.

use crate::{
    config::Config,
    frame::MakeCall,
    guest::{self, Guest},
    pool::{Answer, Pool},
    progress,
};
use anyhow::{Context as _, bail};
use host::{Event, Mount};
use std::fs;
use trace::{Limits, Outcome, Selection};

/// Runs the guest's generator of inputs, if it has one and they are not there yet.
pub(super) fn make_inputs(guest: &Guest) -> anyhow::Result<()> {
    let (Some(path), Some(generator)) = (&guest.config.inputs.path, &guest.config.inputs.generator)
    else {
        return Ok(());
    };
    let folder = guest.folder.join(path);
    if folder.exists() {
        return Ok(());
    }
    let spinner = progress::spinner(format!("making inputs in {}", folder.display()));
    // Into a folder beside, so that an interrupted generator leaves nothing that looks complete.
    let unfinished = folder.with_extension(format!("{}.tmp", std::process::id()));
    fs::create_dir_all(&unfinished)
        .with_context(|| format!("cannot make `{}`", unfinished.display()))?;
    let made = generate(guest, &guest.folder.join(generator), &unfinished);
    if let Err(error) = made {
        let _ = fs::remove_dir_all(&unfinished);
        return Err(error.context("cannot make the inputs"));
    }
    let renamed = fs::rename(&unfinished, &folder);
    if renamed.is_err() && folder.exists() {
        // Another fathom was faster; the same generator made the same.
        let _ = fs::remove_dir_all(&unfinished);
    } else {
        renamed.with_context(|| format!("cannot make `{}`", folder.display()))?;
    }
    spinner.finish_and_clear();
    Ok(())
}

fn generate(guest: &Guest, module: &std::path::Path, into: &std::path::Path) -> anyhow::Result<()> {
    let generator = Guest {
        name: format!("{}-inputs", guest.name),
        written: module.to_owned(),
        folder: guest.folder.clone(),
        wasm: guest::read_module(module)?,
        config: Config::default(),
    };
    let ready = generator.ready(Selection::default(), None, None)?;
    let loaded = ready.for_workers(&generator);
    let call = MakeCall {
        event: Event {
            label: "inputs".to_owned(),
            mount: Some(Mount {
                host: into.to_owned(),
                guest: "/".to_owned(),
                writable: true,
                same_for_all: false,
            }),
            ..Event::default()
        },
        entry: ready.entry,
        limits: Limits {
            memory: trace::Bytes::mib(1024),
            timeout: trace::Nanos(300_000_000_000),
        },
        output: host::Output::Discard { most: 1 << 20 },
        rate_hz: 1.0,
        seed: 0,
        contended: false,
        touched: false,
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    match runtime.block_on(Pool::new(loaded, 1).call(call))? {
        Answer::Ended(trace) if trace.outcome == Outcome::Succeeded => Ok(()),
        Answer::Ended(trace) => {
            bail!(
                "the generator `{}` {}",
                module.display(),
                trace.failure.unwrap_or_default()
            )
        }
        Answer::Refused(why) => bail!("{why}"),
    }
}
