//! What a function's `fathom.toml` says of how it is served.

use super::{settings::Settings, sizing::SizeBy};
use crate::{config::Config, guest::Guest};
use anyhow::{Context, ensure};
use host::{Mount, Outbound};
use std::{collections::BTreeMap, path::Path, sync::Arc};
use trace::{Breakpoint, Bytes, Limits, Selection};

/// Memory of a call, unless somebody says otherwise.
const MEMORY: Bytes = Bytes::mib(256);

/// Largest answer, unless somebody says otherwise.
const OUTPUT: Bytes = Bytes::mib(16);

/// How requests reach a guest that is a program.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    /// The body is the standard input, the standard output the answer.
    #[default]
    Stdio,
    /// The same, with the variables of CGI/1.1, and the answer begins with header fields.
    Cgi,
}

/// How a function is served.
#[derive(Clone, Debug)]
pub(crate) struct Manifest {
    /// `memory` is the setting: no call gets more.
    pub(crate) limits: Limits,
    pub(crate) output: Bytes,
    pub(crate) scratch: Option<Bytes>,
    pub(crate) invoke: Option<String>,
    pub(crate) protocol: Protocol,
    pub(crate) args: Vec<String>,
    pub(crate) env: Vec<(String, String)>,
    pub(crate) mount: Option<Mount>,
    pub(crate) outbound: Arc<Outbound>,
    /// To a browser its pages are of this server's origin.
    pub(crate) same_origin: bool,
    /// What is observed of every call until there is a plan.
    pub(crate) watch: Selection,
    pub(crate) calls: u32,
    /// Calls that a sandbox makes before a fresh one takes its place.
    pub(crate) reuse: u32,
    pub(crate) size_by: SizeBy,
    pub(crate) failure_rate: Option<f64>,
    /// What others say of it: labels and annotations.
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) annotations: BTreeMap<String, String>,
    pub(crate) image: Option<String>,
    /// What the caller of a deployment asked to have at least; said, not enforced.
    pub(crate) requested: Option<Bytes>,
}

impl Manifest {
    /// Of a function in a folder.
    pub(crate) fn of(guest: &Guest, settings: &Settings) -> anyhow::Result<Manifest> {
        Manifest::from(&guest.config, &guest.folder, settings)
    }

    fn from(config: &Config, folder: &Path, settings: &Settings) -> anyhow::Result<Manifest> {
        let args = &settings.limits;
        let limits = Limits {
            memory: memory(config, settings),
            ..args.limits(&config.limits)
        };
        let output = args.max_output.or(config.limits.output);
        Ok(Manifest {
            limits,
            output: output.unwrap_or(OUTPUT),
            scratch: args.scratch(&config.limits),
            invoke: config.function.invoke.clone(),
            protocol: config.serve.protocol,
            args: config.function.args.clone(),
            env: config.function.env.clone().into_iter().collect(),
            mount: mount(config, folder)?,
            outbound: Arc::new(Outbound {
                hosts: config.grants.hosts.iter().cloned().collect(),
            }),
            same_origin: config.grants.same_origin,
            watch: watched(&config.watch),
            calls: config.serve.calls.unwrap_or(settings.calls_per_function),
            reuse: config.serve.reuse.unwrap_or(1),
            size_by: config.serve.size_by.unwrap_or(settings.size_by),
            failure_rate: config.recommend.failure_rate,
            labels: config.serve.labels.clone(),
            annotations: config.serve.annotations.clone(),
            image: config.serve.image.clone(),
            requested: config.serve.requested,
        })
    }
}

/// What no call gets more than.
pub(super) fn memory(config: &Config, settings: &Settings) -> Bytes {
    let memory = match (config.function.memory, config.limits.memory) {
        (Some(setting), Some(most)) => Some(setting.min(most)),
        (setting, most) => setting.or(most),
    };
    settings.limits.max_memory.or(memory).unwrap_or(MEMORY)
}

/// What is observed of every call until there is a plan. Where nothing is said that is what the guest shows by itself, read
/// once it has ended: probes in its code are for the few calls that are traced deep.
fn watched(said: &Selection) -> Selection {
    let mut watch = said.clone();
    if watch.breakpoints.is_empty() && watch.variables.is_empty() {
        watch.breakpoints.push(Breakpoint::End.to_string());
    }
    watch
}

/// The directory that every call is granted, below the function's own folder.
fn mount(config: &Config, folder: &Path) -> anyhow::Result<Option<Mount>> {
    let Some(directory) = &config.grants.directory else {
        return Ok(None);
    };
    let host = folder.join(directory);
    let real = host
        .canonicalize()
        .with_context(|| format!("cannot grant the directory `{}`", host.display()))?;
    let below = folder
        .canonicalize()
        .with_context(|| format!("cannot look into `{}`", folder.display()))?;
    ensure!(
        real.starts_with(&below) && real.is_dir(),
        "cannot grant `{}`: it is no directory below the function's own folder",
        host.display()
    );
    Ok(Some(Mount {
        host: real,
        guest: config.function.mount.clone().unwrap_or("/".to_owned()),
        writable: false,
        same_for_all: true,
    }))
}
