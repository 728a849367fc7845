//! `fathom remove`: takes a function from a running server.

use crate::{
    client::{ClientArgs, path_of},
    output,
};
use clap::Args;
use std::process::ExitCode;

/// Remove a function from a running server
#[derive(Args)]
pub(crate) struct RemoveArgs {
    /// Name of the function
    function: String,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) fn run(args: RemoveArgs) -> anyhow::Result<ExitCode> {
    let client = args.client.client()?;
    client.document("DELETE", &path_of(&args.function, ""), None)?;
    output::line(format_args!("/function/{} has gone", args.function))?;
    Ok(ExitCode::SUCCESS)
}
