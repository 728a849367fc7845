//! The two streams a person or a script reads. Colours are taken out where nobody can see them or `NO_COLOR` is set.
//! A standard output that cannot be written to is an error like any other, not a panic.

use anyhow::Context;
use std::{fmt::Display, io::Write};

/// Text on standard output, as it is.
pub(crate) fn text(text: impl Display) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    write!(stdout, "{text}")
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// A line on standard output.
pub(crate) fn line(what: impl Display) -> anyhow::Result<()> {
    text(format_args!("{what}\n"))
}

/// Bytes on standard output, as they are.
pub(crate) fn bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout
        .write_all(bytes)
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// A line on standard error, for people. Where that is closed, nobody is there to be told.
pub(crate) fn note(what: impl Display) {
    let _ = writeln!(anstream::stderr().lock(), "{what}");
}
