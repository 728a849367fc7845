//! `fathom compare`: calls here against the same function deployed somewhere. One file per place; what they share beside it.

mod as_google;
mod drive;
mod exported;
mod fetch;
mod gcf;
mod interrupt;
mod known;
mod repeats;
mod writing;

use clap::Subcommand;
use std::process::ExitCode;

/// Compare calls here with the same function deployed at a cloud
#[derive(Subcommand)]
pub(crate) enum CompareCommand {
    /// With a function at Google: memory, time, what is billed, and the size to give it there
    Gcf(gcf::GcfArgs),
}

/// Runs the command.
pub(crate) fn run(command: CompareCommand) -> anyhow::Result<ExitCode> {
    let CompareCommand::Gcf(args) = command;
    gcf::run(args)
}
