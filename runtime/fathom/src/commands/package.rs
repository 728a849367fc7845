//! `fathom package`: a function as something that a provider runs. One file for each provider, and beside them what they share.

mod binary;
mod container;
mod folder;
mod function;
mod gcf;
mod instance;
mod made;

use clap::Subcommand;
use std::process::ExitCode;

/// Make a folder of a function that a provider runs
#[derive(Subcommand)]
pub(crate) enum PackageCommand {
    /// A container for Cloud Run functions, in which Fathom runs the guest and records each call
    Gcf(gcf::GcfArgs),
}

/// Runs the command.
pub(crate) fn run(command: PackageCommand) -> anyhow::Result<ExitCode> {
    match command {
        PackageCommand::Gcf(args) => gcf::run(&args),
    }
}
