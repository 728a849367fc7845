//! Reads the lines of text into memory, works with them, lets go of them.
//!
//! The text is standard input, or, where a directory is granted, each of its `*.dat` files in the order of their
//! names. Only one text is in memory at a time, so memory rises and falls with the number of its lines: `lines`.

use fathom_watch::watch;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    process::ExitCode,
};

fn main() -> ExitCode {
    let done = match granted_files() {
        Some(names) => names
            .iter()
            .try_for_each(|name| read_and_report(name, File::open(format!("/{name}"))?)),
        None => read_and_report("stdin", io::stdin()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("line-reader: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The `*.dat` files of the granted directory by name, or nothing where none is granted.
fn granted_files() -> Option<Vec<String>> {
    let mut names: Vec<String> = std::fs::read_dir("/")
        .ok()?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.ends_with(".dat"))
        .collect();
    names.sort_unstable();
    Some(names)
}

/// The lines are in memory until this returns.
fn read_and_report(name: &str, text: impl Read) -> io::Result<()> {
    let mut lines = read_lines(text)?;
    report(name, &mut lines)
}

/// The experiment's function: every line becomes a string of its own in a list that grows.
fn read_lines(text: impl Read) -> io::Result<Vec<String>> {
    let mut lines = Vec::new();
    watch!("lines", 0);
    for line in BufReader::new(text).lines() {
        lines.push(line?);
        watch!("lines", lines.len());
    }
    Ok(lines)
}

/// One line about one text. The median is found in place: the work needs no memory beside that of the lines.
#[inline(never)]
fn report(name: &str, lines: &mut [String]) -> io::Result<()> {
    let count = lines.len();
    let longest = lines.iter().map(String::len).max().unwrap_or(0);
    let median = match lines {
        [] => "",
        _ => lines.select_nth_unstable(count / 2).1,
    };
    writeln!(
        io::stdout(),
        "{name}: {count} lines, longest {longest} bytes, median: {median}"
    )
}
