//! `fathom serve`: functions over HTTP. What the command line, the environment and the file say becomes the settings of a
//! [`server`]; how it serves is known there.

use crate::{
    allowance::LimitArgs,
    analysis::SizingArgs,
    args::DatabaseArgs,
    config::{Config, FILE_NAME, ServeSection},
    memory, output, quantity,
    server::{self, LogCalls, OnPort, Settings, Signature, SizeBy},
};
use anyhow::{Context, bail, ensure};
use clap::{Args, ValueEnum};
use host::Outbound;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};
use trace::{Bytes, Nanos};

/// Where the server listens, unless somebody says otherwise. Loopback: guests are not for everyone.
const LISTEN: &str = "127.0.0.1:8080";

/// Port of a function that has one of its own, unless somebody says otherwise.
const PORT: u16 = 8080;

/// Calls at the same time, unless somebody says otherwise.
const CALLS: u32 = 256;

/// Calls that wait, unless somebody says otherwise.
const QUEUE: usize = 1_000;

/// Largest body, unless somebody says otherwise.
const BODY: Bytes = Bytes::mib(32);

/// Less than this for all calls together is no memory for calls.
const LEAST: Bytes = Bytes::mib(4);

/// Of the machine's memory, the part that calls may have when nobody says how much.
const SHARE_OF_MACHINE: u64 = 2;

/// Serve functions over HTTP: every call measured, limited and rightsized
#[derive(Args)]
#[command(after_help = "\
Paths:
  GET  /                      pages for a browser: functions, /functions/NAME, /calls/ID
  ANY  /function/NAME[/...]   the function
  GET  /metrics               for Prometheus
  GET  /healthz, /readyz
  *    /api/v1/...            functions, calls, logs: see /api/v1/openapi.json
  *    /system/...            for faas-cli, the client of OpenFaaS

Examples:
  fathom serve guest-examples
  curl --data-binary @text.txt http://127.0.0.1:8080/function/line-reader
  fathom serve guest-examples --memory 2GiB --size-by call
  fathom serve guest-examples --log-calls > calls.jsonl       then: fathom import calls.jsonl
  FUNCTION_TARGET=line-reader fathom serve guest-examples     that one on port 8080, for every path")]
pub(crate) struct ServeArgs {
    /// A folder with a fathom.toml, or of such folders; or that file. Without it only what is deployed over HTTP is served
    folder: Option<PathBuf>,
    /// Address and port to listen on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDRESS", env = "FATHOM_LISTEN")]
    listen: Option<SocketAddr>,
    /// Memory that all calls together may have [default: half of the machine's, or of what this process may have of it]
    #[arg(long, value_name = "SIZE", env = "FATHOM_BUDGET", value_parser = quantity::bytes)]
    memory: Option<Bytes>,
    /// In place of --memory: what is not for calls of the machine's memory, or of what this process may have of it, as in a
    /// container; of the rest a ninth is for bodies of requests
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes, conflicts_with = "memory")]
    reserve: Option<Bytes>,
    /// By what calls are sized [default: call]
    #[arg(long, value_name = "BY", env = "FATHOM_SIZE_BY", value_enum)]
    size_by: Option<SizeBy>,
    /// Calls at the same time, of all functions [default: 256]
    #[arg(long, value_name = "CALLS", env = "FATHOM_CALLS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    calls: Option<u32>,
    /// Calls of one function at the same time [default: as many]
    #[arg(long, value_name = "CALLS", env = "FATHOM_WORKERS", value_parser = clap::value_parser!(u32).range(1..=10_000))]
    workers: Option<u32>,
    /// Calls that may wait for memory [default: 1000]
    #[arg(long, value_name = "CALLS", env = "FATHOM_QUEUE")]
    queue: Option<usize>,
    /// Longest that a call waits for memory
    #[arg(long, value_name = "TIME", env = "FATHOM_PATIENCE", default_value = "30 s", value_parser = quantity::duration)]
    patience: Nanos,
    /// Largest body of a request [default: 32 MiB]
    #[arg(long, value_name = "SIZE", env = "FATHOM_BODY", value_parser = quantity::bytes)]
    body: Option<Bytes>,
    /// Longest that the head of a request may take
    #[arg(long, value_name = "TIME", default_value = "10 s", value_parser = quantity::duration)]
    head_timeout: Nanos,
    /// Longest silence in the body of a request, and longest that a client reads nothing of its answer
    #[arg(long, value_name = "TIME", default_value = "30 s", value_parser = quantity::duration)]
    body_timeout: Nanos,
    /// Connections at the same time
    #[arg(long, value_name = "NUMBER", default_value_t = 4_096)]
    connections: usize,
    /// Longest that running calls are waited for at the end
    #[arg(long, value_name = "TIME", default_value = "30 s", value_parser = quantity::duration)]
    drain: Nanos,
    /// Of a guest's memory, what is cleared after a call rather than given back to the system, an eighth of --memory for all
    /// calls together at most [default: what the last 1,000 recorded calls have touched, or committed where that was not counted; not less than 2 MiB]
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes)]
    keep_resident: Option<Bytes>,
    /// Code that nobody has called for so long leaves the memory
    #[arg(long, value_name = "TIME", default_value = "60 s", value_parser = quantity::duration)]
    idle: Nanos,
    /// Functions whose code is in memory at the same time; those beyond are brought back when they are called. Each takes a
    /// file descriptor
    #[arg(long, value_name = "NUMBER", default_value_t = 900, value_parser = clap::value_parser!(u32).range(8..))]
    loaded: u32,
    /// Leave functions as they were when they began to be served, whatever changes in their folders
    #[arg(long)]
    no_reload: bool,
    /// Folder of what was deployed over HTTP [default: that of the database]
    #[arg(long, value_name = "FOLDER", env = "FATHOM_STATE")]
    state: Option<PathBuf>,
    /// A host that the caller of an asynchronous call may have told of its end, `HOST` or `HOST:PORT`; may be repeated
    #[arg(
        long = "callback-host",
        value_name = "HOST",
        env = "FATHOM_CALLBACK_HOSTS",
        value_delimiter = ','
    )]
    callback_hosts: Vec<String>,
    /// File with the token that the control plane asks for; made where it is absent. Without: a token only where others
    /// than this machine can connect
    #[arg(long, value_name = "FILE", env = "FATHOM_TOKEN_FILE")]
    token_file: Option<PathBuf>,
    /// How long calls are kept; older ones are folded into a few numbers a day [default: for ever]
    #[arg(long, value_name = "TIME", value_parser = quantity::duration)]
    keep: Option<Nanos>,
    /// How large the database may become; the oldest calls are folded [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes)]
    store_max: Option<Bytes>,
    /// Print each call on standard output too, a JSON object a line, as Cloud Logging reads it and `fathom import` reads it back;
    /// of a JSON body that has its numbers and lengths, by the names of their fields
    #[arg(long, env = "FATHOM_LOG_CALLS", value_parser = clap::builder::BoolishValueParser::new())]
    log_calls: bool,
    /// Google's project whose traces requests are of: lines then name the trace of their request
    #[arg(long, value_name = "PROJECT", env = "GOOGLE_CLOUD_PROJECT")]
    log_project: Option<String>,
    /// Give this function a port of its own, on which every path is a call of it, as Functions Framework does
    #[arg(
        long,
        value_name = "NAME",
        env = "FUNCTION_TARGET",
        help_heading = "Functions Framework"
    )]
    target: Option<String>,
    /// Address of that port [env: FATHOM_HOST=] [default: 127.0.0.1]
    #[arg(
        long,
        value_name = "ADDRESS",
        requires = "target",
        help_heading = "Functions Framework"
    )]
    host: Option<IpAddr>,
    /// That port [env: PORT=] [default: 8080]
    #[arg(
        long,
        value_name = "PORT",
        requires = "target",
        help_heading = "Functions Framework"
    )]
    port: Option<u16>,
    /// What that function takes [env: FUNCTION_SIGNATURE_TYPE=] [default: http]
    #[arg(
        long,
        value_enum,
        value_name = "TYPE",
        requires = "target",
        help_heading = "Functions Framework"
    )]
    signature_type: Option<Signature>,
    /// Share of calls that may fail for want of memory [default: 0.01]
    #[arg(long, value_name = "RATE", env = "FATHOM_FAILURE_RATE", value_parser = quantity::failure_rate)]
    failure_rate: Option<f64>,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
pub(crate) fn run(args: ServeArgs) -> anyhow::Result<ExitCode> {
    let folder = args.folder()?;
    let own = folder.as_ref().map(|folder| folder.join(FILE_NAME));
    let file = match own.filter(|own| own.is_file()) {
        Some(own) => Config::read(&own)?.serve,
        None => ServeSection::default(),
    };
    let on_port = args.on_port()?;
    let settings = args.settings(folder, file, on_port.as_ref())?;
    server::run(settings, on_port)?;
    Ok(ExitCode::SUCCESS)
}

/// What the environment says, where there is something to say it of: `PORT` is there for many a program that is not this one.
fn from_environment<T>(
    name: &str,
    expected: &str,
    read: impl Fn(&str) -> Option<T>,
) -> anyhow::Result<Option<T>> {
    let Some(text) = std::env::var_os(name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let text = text.to_string_lossy();
    let value = read(&text).with_context(|| {
        format!(
            "{name} in the environment is `{}`: expected {expected}",
            text.escape_debug()
        )
    })?;
    Ok(Some(value))
}

impl ServeArgs {
    /// The function that has a port of its own.
    fn on_port(&self) -> anyhow::Result<Option<OnPort>> {
        let Some(function) = self.target.clone() else {
            return Ok(None);
        };
        let host = match self.host {
            None => from_environment("FATHOM_HOST", "an address, as 127.0.0.1", |text| {
                text.parse().ok()
            })?,
            said => said,
        };
        let port = match self.port {
            None => from_environment("PORT", "a port, as 8080", |text| text.parse().ok())?,
            said => said,
        };
        let signature = match self.signature_type {
            None => from_environment("FUNCTION_SIGNATURE_TYPE", "http or cloudevent", |text| {
                Signature::from_str(text, false).ok()
            })?,
            said => said,
        };
        let host = host.unwrap_or(IpAddr::V4(Ipv4Addr::LOCALHOST));
        Ok(Some(OnPort {
            function,
            signature: signature.unwrap_or_default(),
            listen: SocketAddr::new(host, port.unwrap_or(PORT)),
        }))
    }

    /// Canonical, so that it is known again when something changes in it.
    fn folder(&self) -> anyhow::Result<Option<PathBuf>> {
        let Some(path) = &self.folder else {
            return Ok(None);
        };
        let folder = match path.file_name() {
            Some(name) if name == FILE_NAME => path.parent().unwrap_or(path),
            _ => path,
        };
        let folder = if folder.as_os_str().is_empty() {
            std::path::Path::new(".")
        } else {
            folder
        };
        let found = folder
            .canonicalize()
            .with_context(|| format!("cannot read the folder `{}`", folder.display()))?;
        if !found.is_dir() {
            bail!("`{}` is no folder, and no {FILE_NAME}", folder.display());
        }
        Ok(Some(found))
    }

    fn settings(
        self,
        folder: Option<PathBuf>,
        file: ServeSection,
        on_port: Option<&OnPort>,
    ) -> anyhow::Result<Settings> {
        let listen = match (self.listen, file.listen, on_port) {
            (Some(address), ..) => address,
            (None, Some(text), _) => text
                .parse()
                .with_context(|| format!("serve.listen is `{text}`, not an address and port"))?,
            // The function has the port that is meant for both.
            (None, None, Some(_)) => SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            (None, None, None) => LISTEN.parse().context("the default address")?,
        };
        let state = self.state.clone().unwrap_or_else(|| {
            let beside = self.database.db.parent().map(PathBuf::from);
            beside.unwrap_or_default()
        });
        let token = match &self.token_file {
            Some(path) => Some(server::token_in(path)?),
            None if listen.ip().is_loopback() => None,
            None => {
                std::fs::create_dir_all(&state)
                    .with_context(|| format!("cannot make the folder `{}`", state.display()))?;
                let path = state.join("token");
                let token = server::token_in(&path)?;
                output::note(format_args!(
                    "the control plane asks for the token in `{}`",
                    path.display()
                ));
                Some(token)
            }
        };
        let calls = self.calls.or(file.calls).unwrap_or(CALLS);
        let log_calls = log_calls(
            self.log_calls || file.log_calls.unwrap_or_default(),
            self.log_project,
        )?;
        let duration = |nanos: Nanos| Duration::from_nanos(nanos.0);
        Ok(Settings {
            listen,
            folder,
            state,
            database: self.database.db,
            memory: match (self.memory, self.reserve, file.budget) {
                (Some(memory), ..) => memory,
                (None, Some(reserved), _) => beside(reserved)?,
                (None, None, Some(memory)) => memory,
                (None, None, None) => Bytes(memory::of_this_process()?.0 / SHARE_OF_MACHINE),
            },
            calls,
            calls_per_function: self.workers.or(file.workers).unwrap_or(calls),
            queue: self.queue.unwrap_or(QUEUE),
            patience: duration(self.patience),
            body: self.body.unwrap_or(BODY).0 as usize,
            head: 64 << 10,
            head_timeout: duration(self.head_timeout),
            body_timeout: duration(self.body_timeout),
            connections: self.connections,
            drain: duration(self.drain),
            keep_resident: self.keep_resident,
            idle: duration(self.idle),
            loaded: self.loaded as usize,
            size_by: self.size_by.or(file.size_by).unwrap_or_default(),
            limits: self.limits,
            learning: SizingArgs {
                failure_rate: self.failure_rate,
                memory: None,
                seed: 1,
                providers: Vec::new(),
            },
            token,
            callbacks: Outbound {
                hosts: self.callback_hosts.into_iter().collect(),
            },
            reload: !self.no_reload,
            keep: self.keep.map(duration),
            store_max: self.store_max,
            log_calls,
        })
    }
}

/// What calls may have beside what is reserved.
fn beside(reserved: Bytes) -> anyhow::Result<Bytes> {
    let whole = memory::of_this_process()?;
    let calls = memory::beside(whole, reserved);
    ensure!(
        calls >= LEAST,
        "--reserve {reserved} leaves nothing for calls: this process may have {whole}; expected a smaller one, or more memory"
    );
    Ok(calls)
}

/// What a call prints its trace as a part of: a project's name is a part of it.
fn log_calls(asked: bool, project: Option<String>) -> anyhow::Result<Option<LogCalls>> {
    if !asked {
        return Ok(None);
    }
    let project = project.filter(|project| !project.is_empty());
    if let Some(project) = &project {
        checked_project(project).map_err(|what| anyhow::anyhow!("--log-project: {what}"))?;
    }
    Ok(Some(LogCalls { project }))
}

/// The name of one of Google's projects, with its domain where it has one.
pub(crate) fn checked_project(text: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.:".contains(c);
    if !text.is_empty() && text.len() <= 63 && text.chars().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(format!(
        "`{}` is no project: expected lower-case letters, digits and hyphens, as in my-project-123",
        text.escape_debug()
    ))
}
