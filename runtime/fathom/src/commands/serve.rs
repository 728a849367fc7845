//! `fathom serve`: the functions of a folder over HTTP, recorded and limited as in `profile`.

use crate::output;
mod deployment;
mod http;

use crate::{
    allowance::LimitArgs,
    analysis::SizingArgs,
    args::DatabaseArgs,
    config::{Config, FILE_NAME},
    metrics::Metrics,
};
use anyhow::{Context, bail};
use clap::Args;
use deployment::Deployment;
use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{Arc, Mutex},
};
use store::Store;

/// Where the server listens, unless somebody says otherwise. Loopback: guests are not for everyone.
const LISTEN: &str = "127.0.0.1:8080";

/// Calls at the same time, per function, unless somebody says otherwise.
const WORKERS: usize = 2;

/// Serve the functions of a folder over HTTP
#[derive(Args)]
#[command(after_help = "\
Paths:
  POST /function/NAME   the body is the guest's standard input, its standard output the answer
  GET  /metrics         for Prometheus
  GET  /healthz

Example:
  fathom serve guest-examples
  curl --data-binary @text.txt http://127.0.0.1:8080/function/line-reader")]
pub(crate) struct ServeArgs {
    /// A folder with a fathom.toml, or of such folders
    folder: PathBuf,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "FATHOM_LISTEN")]
    listen: Option<SocketAddr>,
    /// Calls at the same time, per function [default: 2]
    #[arg(long, value_name = "CALLS", env = "FATHOM_WORKERS", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    sizing: SizingArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Everything the server's requests share.
struct Server {
    functions: BTreeMap<String, Deployment>,
    metrics: Metrics,
    store: Mutex<Store>,
}

/// Runs the command.
pub(crate) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let own = args.folder.join(FILE_NAME);
    let config = if own.is_file() {
        Config::read(&own)?
    } else {
        Config::default()
    };
    let listen = match (args.listen, &config.serve.listen) {
        (Some(address), _) => address,
        (None, Some(text)) => text
            .parse()
            .with_context(|| format!("serve.listen is `{text}`, not an address and port"))?,
        (None, None) => LISTEN.parse().context("the default address")?,
    };
    let workers = args
        .workers
        .map(usize::from)
        .or(config.serve.workers)
        .unwrap_or(WORKERS)
        .max(1);
    let store = Store::open(&args.database.db)?;
    let metrics = Metrics::new()?;
    let mut functions = BTreeMap::new();
    for folder in function_folders(&args.folder)? {
        let deployment = Deployment::prepare(&folder, workers, &args.limits, args.sizing.clone())?;
        metrics.deploy(&deployment.name, deployment.limits.memory);
        deployment.refresh(&store, &metrics);
        output::note(format_args!(
            "/function/{} ({})",
            deployment.name, deployment.limits.memory
        ));
        if functions
            .insert(deployment.name.clone(), deployment)
            .is_some()
        {
            bail!(
                "two functions have the same name; the second is in `{}`",
                folder.display()
            );
        }
    }
    let server = Arc::new(Server {
        functions,
        metrics,
        store: Mutex::new(store),
    });
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    runtime.block_on(http::serve(listen, server))?;
    Ok(ExitCode::SUCCESS)
}

/// The folders below `folder` that are functions, and itself if it is one.
fn function_folders(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder)
        .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
    let mut folders: Vec<PathBuf> = entries
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join(FILE_NAME).is_file())
        .collect();
    folders.sort();
    // The server's own file is a function's too, if it names a module.
    let own = folder.join(FILE_NAME);
    if own.is_file() && Config::read(&own)?.function.module.is_some() {
        folders.insert(0, folder.to_owned());
    }
    if folders.is_empty() {
        bail!(
            "no functions in `{}`: expected folders with a {FILE_NAME}",
            folder.display()
        );
    }
    Ok(folders)
}
