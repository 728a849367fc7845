//! Tokens of whoever is logged in with Google's own command line.

use anyhow::{Context, bail};
use std::{env, process::Command};

const PROGRAM: &str = "gcloud";

/// Whether it is installed.
pub(super) fn is_there() -> bool {
    let folders = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&folders).any(|folder| folder.join(PROGRAM).is_file())
}

pub(super) fn token(audience: Option<&str>) -> anyhow::Result<String> {
    let mut command = Command::new(PROGRAM);
    let (what, wanted) = match audience {
        None => ("print-access-token", None),
        Some(audience) => ("print-identity-token", Some(audience)),
    };
    command.args(["auth", what]);
    let mut output = run(&mut command, what)?;
    // Of a service account an audience has to be said, of a person it must not be.
    if let (Some(audience), false) = (wanted, output.status.success()) {
        let mut again = Command::new(PROGRAM);
        again
            .args(["auth", what])
            .arg(format!("--audiences={audience}"));
        let second = run(&mut again, what)?;
        if second.status.success() {
            output = second;
        }
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.lines().find(|line| !line.trim().is_empty());
        bail!(
            "`gcloud auth {what}` failed: {}",
            said.unwrap_or("it does not say why")
        );
    }
    let token = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    anyhow::ensure!(!token.is_empty(), "`gcloud auth {what}` printed nothing");
    Ok(token)
}

fn run(command: &mut Command, what: &str) -> anyhow::Result<std::process::Output> {
    command.output().with_context(|| {
        format!("cannot run `gcloud auth {what}`: is Google's command line installed?")
    })
}
