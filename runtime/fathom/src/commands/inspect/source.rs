//! `fathom inspect --function`: the lines of a function and what can be read at each. The text of the lines stands beside
//! them where the source is found; the module names it, it does not contain it.

use crate::{guest::Guest, output};
use anyhow::Context;
use probe::{ComponentInspection, ReadableFunction, ReadableLine};
use std::{
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Columns of a line's text that are shown.
const WIDEST: usize = 60;
/// Functions shown in full; of a pattern that means more, the rest is named.
const MOST: usize = 12;

/// Prints the functions that a name or a pattern means.
pub(super) fn show(guest: &Guest, name: &str, json: bool) -> anyhow::Result<ExitCode> {
    let functions = probe::readable(&guest.wasm, name)
        .with_context(|| format!("cannot show `{name}` of `{}`", guest.written.display()))?;
    print(guest, &functions, json)
}

/// Prints the functions that a name or a pattern means in the modules of a component; `None` where the debug information
/// of none of them knows it.
pub(super) fn show_inside(
    guest: &Guest,
    component: &ComponentInspection,
    name: &str,
    json: bool,
) -> Option<anyhow::Result<ExitCode>> {
    let with_dwarf = component.modules.iter().filter(|m| m.inspection.dwarf);
    let functions: Vec<ReadableFunction> = with_dwarf
        .filter_map(|module| probe::readable(module.bytes(&guest.wasm), name).ok())
        .flatten()
        .collect();
    (!functions.is_empty()).then(|| print(guest, &functions, json))
}

fn print(guest: &Guest, functions: &[ReadableFunction], json: bool) -> anyhow::Result<ExitCode> {
    if json {
        output::line(serde_json::to_string_pretty(functions)?)?;
    } else {
        output::text(text(guest, functions))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn text(guest: &Guest, functions: &[ReadableFunction]) -> String {
    let mut out = String::new();
    for function in functions.iter().take(MOST) {
        if !out.is_empty() {
            out.push('\n');
        }
        one(&mut out, guest, function);
    }
    if functions.len() > MOST {
        let rest: Vec<&str> = functions[MOST..]
            .iter()
            .map(|f| f.function.as_str())
            .collect();
        let _ = writeln!(out, "\n{} more: {}", rest.len(), rest.join(", "));
    }
    out
}

fn one(out: &mut String, guest: &Guest, function: &ReadableFunction) {
    let places = match (function.out_of_line, function.inlined) {
        (0, 1) => "inlined at 1 place".to_owned(),
        (0, many) => format!("inlined at {many} places"),
        (1, 0) => "1 function".to_owned(),
        (many, 0) => format!("{many} functions"),
        (many, inlined) => format!("{many} functions, inlined at {inlined} places"),
    };
    let _ = writeln!(out, "{} ({}), {places}", function.function, function.file);
    let lines = source(guest, &function.file);
    for line in &function.lines {
        let readable: Vec<String> = line
            .variables
            .iter()
            .map(|variable| format!("{}: {}", variable.name, variable.value_type))
            .collect();
        let text = lines
            .as_ref()
            .and_then(|lines| lines.get(line.line as usize - 1));
        let text = text.map_or("", |text| text.trim_end());
        let _ = writeln!(
            out,
            "{:>6}  {:<WIDEST$}  {}",
            line.line,
            cut(text),
            if readable.is_empty() {
                "-".to_owned()
            } else {
                readable.join(", ")
            }
        );
    }
    for said in distinct(&function.lines) {
        let _ = writeln!(out, "        not everywhere: {said}");
    }
    if let Some(first) = function
        .lines
        .iter()
        .find(|line| !line.variables.is_empty())
    {
        let _ = writeln!(
            out,
            "        --break {}:{} --watch {}",
            function.file, first.line, first.variables[0].name
        );
    }
}

fn cut(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .filter(|c| !c.is_control())
        .take(WIDEST)
        .collect();
    if text.chars().count() > WIDEST {
        shown.pop();
        shown.push('~');
    }
    shown
}

/// What cannot be read somewhere, each said once.
fn distinct(lines: &[ReadableLine]) -> Vec<&str> {
    let mut said: Vec<&str> = Vec::new();
    for what in lines.iter().flat_map(|line| &line.unreadable) {
        if !said.contains(&what.as_str()) {
            said.push(what);
        }
    }
    said
}

/// The lines of a source file, looked for below the guest's folder and here. Only a regular file inside of them is read.
fn source(guest: &Guest, file: &str) -> Option<Vec<String>> {
    let mut tails: Vec<PathBuf> = Vec::new();
    let mut rest = Path::new(file);
    loop {
        tails.push(rest.to_owned());
        let mut parts = rest.components();
        parts.next();
        rest = parts.as_path();
        if rest.as_os_str().is_empty() {
            break;
        }
    }
    for folder in [guest.folder.as_path(), Path::new(".")] {
        for tail in &tails {
            if tail.is_absolute() || tail.components().any(|c| c.as_os_str() == "..") {
                continue;
            }
            let path = folder.join(tail);
            if path.is_file()
                && let Ok(text) = fs::read_to_string(path)
            {
                return Some(text.lines().map(str::to_owned).collect());
            }
        }
    }
    None
}
