//! `fathom completions`: a script for a shell, on standard output.

use clap::Args;
use clap_complete::Shell;
use std::process::ExitCode;

/// Print a completion script for a shell
#[derive(Args)]
#[command(after_help = "\
Example:
  fathom completions bash > ~/.local/share/bash-completion/completions/fathom")]
pub(crate) struct CompletionsArgs {
    /// The shell
    shell: Shell,
}

/// Runs the command; `whole` is the command line that is completed.
pub(crate) fn run(args: CompletionsArgs, mut whole: clap::Command) -> anyhow::Result<ExitCode> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut whole, "fathom", &mut script);
    crate::output::bytes(&script)?;
    Ok(ExitCode::SUCCESS)
}
