//! Exit codes, and the one place where an error is printed.

use crate::output;
use std::process::ExitCode;

/// Exit codes of `fathom run`, those of `timeout` and of the shell where they have one.
pub(crate) mod code {
    /// Fathom itself failed: bad input, no such guest, no disk.
    pub(crate) const FATHOM: u8 = 125;
    /// The guest passed its deadline.
    pub(crate) const TIMED_OUT: u8 = 124;
    /// The guest trapped.
    pub(crate) const TRAPPED: u8 = 134;
    /// The guest ran into its memory limit.
    pub(crate) const LIMITED: u8 = 137;
    /// Ctrl-C.
    pub(crate) const INTERRUPTED: u8 = 130;
    /// A command did its work, and the answer is no: `--strict`.
    pub(crate) const NO: u8 = 1;
    /// A new version is not within the limits: `fathom diff --fail-if-...`.
    pub(crate) const OVER: u8 = 3;
}

/// Prints an error, with the causes it names, and turns the result into an exit code.
pub(crate) fn report(done: anyhow::Result<ExitCode>) -> ExitCode {
    match done {
        Ok(code) => code,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            say(&error);
            ExitCode::from(code::FATHOM)
        }
    }
}

/// Prints an error of something that is not all that a command does.
pub(crate) fn say(error: &anyhow::Error) {
    let red = anstyle::AnsiColor::Red.on_default().bold();
    output::note(format_args!(
        "{red}error{red:#}: {}",
        without_repetition(error)
    ));
}

/// The reader of our output has gone, as `head` does: nobody is left to tell.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    })
}

/// The chain of causes, leaving out what the message before has already said.
fn without_repetition(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}
