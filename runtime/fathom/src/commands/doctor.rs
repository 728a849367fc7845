//! `fathom doctor`: what this machine offers, where things lie, how large they are.

use crate::output;
use crate::{args::DatabaseArgs, places};
use clap::Args;
use std::{fs, path::Path, process::ExitCode};
use trace::Bytes;

/// Print what this machine offers and where things lie
#[derive(Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    database: DatabaseArgs,
}

/// Runs the command.
pub(crate) fn run(args: DoctorArgs) -> anyhow::Result<ExitCode> {
    let engine = host::Engine::new();
    let machine = engine.as_ref().map(|engine| engine.machine().clone());
    let machine = machine.unwrap_or_default();
    output::line(format_args!(
        "fathom     {} ({})",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH
    ))?;
    output::line(format_args!("processor  {}", machine.processor))?;
    output::line(format_args!("kernel     {}", machine.kernel))?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    output::line(format_args!("cores      {cores}"))?;
    match engine {
        Ok(engine) => {
            output::line(format_args!("engine     {}", machine.engine))?;
            let touched = engine.touched_unavailable();
            output::line(format_args!(
                "touched    {}",
                touched
                    .as_deref()
                    .unwrap_or("pages written to can be counted")
            ))?;
        }
        Err(error) => output::line(format_args!("engine     {error}"))?,
    }
    output::line(format_args!(
        "overcommit {}",
        fs::read_to_string("/proc/sys/vm/overcommit_memory").map_or_else(
            |_| "unknown".to_owned(),
            |mode| match mode.trim() {
                "2" => "strict: guests reserve 4 GiB of addresses each, which may be refused"
                    .to_owned(),
                _ => "ok".to_owned(),
            }
        )
    ))?;
    output::line(format_args!(
        "cpu time   {}",
        present(
            "/proc/self/schedstat",
            "exact at deadlines too",
            "wall time stands in at deadlines"
        )
    ))?;
    output::line(format_args!(
        "providers  prices of {}",
        learn::Catalogue::bundled().dated()
    ))?;
    output::line(format_args!("database   {}", with_size(&args.database.db)))?;
    output::line(format_args!(
        "reports    {}",
        with_size(Path::new(places::REPORTS))
    ))?;
    match places::cache() {
        Some(cache) => output::line(format_args!("compiled   {}", with_size(cache.folder())))?,
        None => output::line(format_args!(
            "compiled   no home directory: every guest is compiled anew"
        ))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn present(path: &str, yes: &'static str, no: &'static str) -> &'static str {
    if Path::new(path).exists() { yes } else { no }
}

fn with_size(path: &Path) -> String {
    match size(path) {
        Some(bytes) => format!("{} ({bytes})", path.display()),
        None => format!("{} (not there yet)", path.display()),
    }
}

fn size(path: &Path) -> Option<Bytes> {
    let about = fs::symlink_metadata(path).ok()?;
    if !about.is_dir() {
        return Some(Bytes(about.len()));
    }
    let entries = fs::read_dir(path).ok()?.flatten();
    Some(Bytes(
        entries
            .filter_map(|entry| size(&entry.path()))
            .map(|bytes| bytes.0)
            .sum(),
    ))
}
