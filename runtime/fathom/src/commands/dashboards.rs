//! `fathom dashboards`: the files that a server is watched with, in a folder. What is in them is known in [`dashboards`].

use crate::{
    dashboards::{self, File, Watched},
    output,
};
use anyhow::{Context, bail};
use clap::Args;
use http::uri::{Authority, Uri};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Write dashboards of Grafana, rules and configuration of Prometheus for a server
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom dashboards                          into ./dashboards, for a server on this machine
  fathom dashboards --out watch --target 10.0.0.5:8080 --target 10.0.0.6:8080
  fathom dashboards --most-waste 0.3         tell of who wastes more than 30 % for a day
  prometheus --config.file=dashboards/prometheus.yml")]
pub(crate) struct DashboardsArgs {
    /// Folder to write to; made if need be
    #[arg(short, long, value_name = "FOLDER", default_value = "dashboards")]
    out: PathBuf,
    /// A server, as Prometheus reaches it; may be repeated
    #[arg(long = "target", value_name = "HOST:PORT", default_value = "127.0.0.1:8080", value_parser = target)]
    targets: Vec<String>,
    /// Where a browser reaches the server's own pages [default: http:// and the first target]
    #[arg(long, value_name = "URL", value_parser = server)]
    server: Option<String>,
    /// Of the memory that a function's calls are granted, the share that may be wasted for a day before an alert fires
    #[arg(long, value_name = "SHARE", default_value = "0.5", value_parser = share)]
    most_waste: f64,
    /// Overwrite files that are other than what would be written
    #[arg(long)]
    force: bool,
    /// As JSON: what was written
    #[arg(long)]
    json: bool,
}

fn target(text: &str) -> Result<String, String> {
    let expected = "expected HOST:PORT, as 127.0.0.1:8080";
    if let Some((_, rest)) = text.split_once("://") {
        let rest = rest.trim_end_matches('/');
        return Err(format!("{expected}: without the scheme, `{rest}`"));
    }
    let authority: Authority = text.parse().map_err(|_| expected.to_owned())?;
    let is_plain = authority.port_u16().is_some_and(|port| port > 0) && !text.contains('@');
    match is_plain && !authority.host().is_empty() {
        true => Ok(text.to_owned()),
        false => Err(expected.to_owned()),
    }
}

fn server(text: &str) -> Result<String, String> {
    let expected = "expected the address of a page, as http://127.0.0.1:8080";
    let uri: Uri = text.parse().map_err(|_| expected.to_owned())?;
    let is_page = matches!(uri.scheme_str(), Some("http" | "https")) && uri.query().is_none();
    match is_page {
        true => Ok(text.trim_end_matches('/').to_owned()),
        false => Err(expected.to_owned()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    let share: Option<f64> = text.parse().ok();
    let share = share.filter(|share| *share > 0.0 && *share < 1.0);
    share.ok_or_else(|| "expected a share between 0 and 1, as 0.5 for a half".to_owned())
}

/// Runs the command.
pub(crate) fn run(args: DashboardsArgs) -> anyhow::Result<ExitCode> {
    let first = args.targets.first().map_or("", String::as_str);
    let server = args.server.unwrap_or_else(|| format!("http://{first}"));
    let files = dashboards::files(&Watched {
        targets: args.targets,
        server,
        most_waste: args.most_waste,
    });
    if !args.force {
        check(&args.out, &files)?;
    }
    for file in &files {
        write(&args.out.join(file.path), &file.text)?;
    }
    if args.json {
        let written = files.iter().map(|file| {
            json!({ "path": args.out.join(file.path), "what": file.what, "bytes": file.text.len() })
        });
        let written = json!({ "folder": args.out, "files": written.collect::<Vec<_>>() });
        output::line(format_args!("{written:#}"))?;
        return Ok(ExitCode::SUCCESS);
    }
    let wide = files.iter().map(|file| file.path.len()).max().unwrap_or(0);
    output::line(format_args!("wrote {}:", args.out.display()))?;
    for file in &files {
        output::line(format_args!("  {:<wide$}  {}", file.path, file.what))?;
    }
    output::line(format_args!(
        "next: read {}",
        args.out.join("README.md").display()
    ))?;
    Ok(ExitCode::SUCCESS)
}

/// Nothing that somebody has changed is overwritten unasked.
fn check(out: &Path, files: &[File]) -> anyhow::Result<()> {
    let mut others = Vec::new();
    for file in files {
        let path = out.join(file.path);
        match fs::read(&path) {
            Ok(there) if there == file.text.as_bytes() => {}
            Ok(_) => others.push(format!("  {}", path.display())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => {
                return Err(error).with_context(|| format!("cannot read `{}`", path.display()));
            }
        }
    }
    if others.is_empty() {
        return Ok(());
    }
    bail!(
        "these files are there already and are other than what would be written:\n{}\nnothing was written: choose another folder \
         with --out, or overwrite them with --force",
        others.join("\n")
    )
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write `{}`", path.display()))
}
