//! `fathom invoke`: calls a function of a running server.

use crate::{
    client::{Client, ClientArgs},
    output,
};
use anyhow::Context;
use clap::Args;
use std::{
    fs,
    io::{self, IsTerminal, Read},
    path::PathBuf,
    process::ExitCode,
};
use trace::Bytes;

/// Call a function of a running server
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom invoke word-count < text.txt
  fathom invoke circle-area --data event.json
  fathom invoke hello --method GET --path '/greet?name=me'")]
pub(crate) struct InvokeArgs {
    /// Name of the function
    function: String,
    /// File to send [default: the standard input, unless that is a terminal]
    #[arg(long, value_name = "FILE")]
    data: Option<PathBuf>,
    /// What is asked for below the function's own path
    #[arg(long, default_value = "/")]
    path: String,
    /// Method of the request
    #[arg(long, default_value = "POST")]
    method: String,
    /// Type of what is sent
    #[arg(long, value_name = "TYPE")]
    content_type: Option<String>,
    /// Do not say what the call used
    #[arg(long, short)]
    quiet: bool,
    #[command(flatten)]
    client: ClientArgs,
}

/// Runs the command.
pub(crate) fn run(args: InvokeArgs) -> anyhow::Result<ExitCode> {
    let client = args.client.client()?;
    let body = args.body()?;
    let path = format!(
        "/function/{}/{}",
        args.function,
        args.path.trim_start_matches('/')
    );
    let response = client.ask(&args.method, &path, args.content_type.as_deref(), &body)?;
    let field = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    let number = |name: &str| field(name)?.parse::<u64>().ok();
    let used = number("x-fathom-memory-needed-bytes").map(Bytes);
    let granted = number("x-fathom-memory-granted-bytes").map(Bytes);
    let id = field("x-call-id");
    if !response.status().is_success() {
        return Err(Client::refused(response));
    }
    let mut answer = Vec::new();
    response
        .into_body()
        .into_reader()
        .read_to_end(&mut answer)
        .context("the answer broke off")?;
    output::bytes(&answer)?;
    if args.quiet {
        return Ok(ExitCode::SUCCESS);
    }
    match (used, granted, id) {
        (Some(used), Some(granted), Some(id)) => output::note(format_args!(
            "needed {used} of {granted} granted; call {id}"
        )),
        (_, _, Some(id)) => output::note(format_args!("call {id}")),
        _ => {}
    }
    Ok(ExitCode::SUCCESS)
}

impl InvokeArgs {
    fn body(&self) -> anyhow::Result<Vec<u8>> {
        match &self.data {
            Some(path) => {
                fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
            }
            None if io::stdin().is_terminal() => Ok(Vec::new()),
            None => {
                let mut body = Vec::new();
                io::stdin()
                    .read_to_end(&mut body)
                    .context("cannot read the standard input")?;
                Ok(body)
            }
        }
    }
}
