//! `fathom deploy`: gives a module to a running server.

use crate::{
    client::{ClientArgs, path_of},
    guest::Guest,
    output, quantity,
};
use anyhow::Context;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use clap::Args;
use serde_json::json;
use std::{path::PathBuf, process::ExitCode};
use trace::Bytes;

/// Deploy a function to a running server
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom deploy guest-examples/word-count
  fathom deploy hello.wasm --name hello --memory 64MiB")]
pub(crate) struct DeployArgs {
    /// A .wasm or .wat file, or a folder with a fathom.toml
    guest: PathBuf,
    /// Name of the function [default: that in its fathom.toml, or of the module]
    #[arg(long)]
    name: Option<String>,
    /// Memory of a call [default: that in its fathom.toml, or 256 MiB]
    #[arg(long, value_name = "SIZE", value_parser = quantity::bytes)]
    memory: Option<Bytes>,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) fn run(args: DeployArgs) -> anyhow::Result<ExitCode> {
    let client = args.client.client()?;
    let guest = Guest::find(&args.guest)?;
    let name = args.name.clone().unwrap_or_else(|| guest.name.clone());
    let deployment = json!({
        "manifest": args.manifest(&guest)?,
        "module_base64": BASE64_STANDARD.encode(&guest.wasm),
    });
    let answer = client.document("PUT", &path_of(&name, ""), Some(&deployment))?;
    output::line(format_args!(
        "/function/{name} ({})",
        Bytes(answer["memory_limit_bytes"].as_u64().unwrap_or(0))
    ))?;
    Ok(ExitCode::SUCCESS)
}

impl DeployArgs {
    /// The guest's own, with the memory that was asked for.
    fn manifest(&self, guest: &Guest) -> anyhow::Result<String> {
        let mut table = guest.manifest()?;
        if let Some(memory) = self.memory {
            let function = table
                .entry("function")
                .or_insert_with(|| toml::Table::new().into());
            if let Some(function) = function.as_table_mut() {
                function.insert("memory".to_owned(), format!("{} B", memory.0).into());
            }
        }
        toml::to_string(&table).context("cannot write the manifest")
    }
}
