//! `fathom inspect`: what can be observed in a guest, without running it.

mod component;
mod source;

use crate::guest::Guest;
use crate::output;
use anyhow::Context;
use clap::Args;
use probe::{Allocator, Function, Inspection, VariableKind};
use std::{fmt::Write, path::PathBuf, process::ExitCode};

/// List what can be observed in a guest
#[derive(Args)]
#[command(after_help = "\
Examples:
  fathom inspect guest-examples/line-reader
  fathom inspect guest-examples/maze --function solve       its lines, and what can be read at each
  fathom inspect guest.wasm --function 'reader::*'
  fathom inspect guest.wasm --json | jq '.variables[].name'")]
pub(crate) struct InspectArgs {
    /// A .wasm or .wat file, or a folder with a fathom.toml
    guest: PathBuf,
    /// The source lines of this function and the variables that can be read at each; `*` in names
    #[arg(long, value_name = "NAME")]
    function: Option<String>,
    /// All functions, not only the largest
    #[arg(long)]
    all: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Functions shown unless all are asked for.
const FEW: usize = 20;

/// Runs the command.
pub(crate) fn run(args: InspectArgs) -> anyhow::Result<ExitCode> {
    let guest = Guest::find(&args.guest)?;
    let cannot = || format!("cannot look into `{}`", args.guest.display());
    if probe::is_component(&guest.wasm) {
        let inspection = probe::inspect_component(&guest.wasm).with_context(cannot)?;
        if let Some(name) = &args.function
            && let Some(shown) = source::show_inside(&guest, &inspection, name, args.json)
        {
            return shown;
        }
        print(&inspection, &args, |args| {
            component::text(&guest.name, &inspection, args)
        })?;
    } else {
        let inspection = probe::inspect(&guest.wasm).with_context(cannot)?;
        if let Some(name) = &args.function
            && inspection.dwarf
        {
            return source::show(&guest, name, args.json);
        }
        print(&inspection, &args, |args| {
            text(&guest.name, &inspection, args)
        })?;
    }
    Ok(ExitCode::SUCCESS)
}

fn print(
    inspection: &impl serde::Serialize,
    args: &InspectArgs,
    text: impl FnOnce(&InspectArgs) -> String,
) -> anyhow::Result<()> {
    if args.json {
        output::line(serde_json::to_string_pretty(inspection)?)?;
    } else {
        output::text(text(args))?;
    }
    Ok(())
}

fn text(name: &str, inspection: &Inspection, args: &InspectArgs) -> String {
    let mut out = String::new();
    let language = inspection.language.as_deref().unwrap_or("unknown language");
    let kind = match inspection.kind {
        probe::Kind::Command => "command (`_start`)",
        probe::Kind::Reactor => "reactor (--invoke NAME)",
    };
    let _ = writeln!(
        out,
        "{name}: {kind}, {language}, {}",
        trace::Bytes(inspection.module_bytes as u64)
    );
    let _ = writeln!(
        out,
        "debug information (DWARF): {}",
        if inspection.dwarf { "yes" } else { "no" }
    );
    for memory in &inspection.memories {
        let size = |pages: u64| trace::Bytes(pages.saturating_mul(memory.page_bytes));
        let most = memory.maximum_pages.map_or_else(
            || "no maximum".to_owned(),
            |p| format!("at most {}", size(p)),
        );
        let _ = writeln!(
            out,
            "memory: {} at the start, {most}",
            size(memory.initial_pages)
        );
    }
    match &inspection.allocator {
        Allocator::Found(found) => {
            let _ = writeln!(out, "allocator: {}", found.note);
        }
        Allocator::NotFound { reason } => {
            let _ = writeln!(out, "allocator: {reason}");
        }
    }
    variables(&mut out, inspection);
    functions(&mut out, inspection, args);
    let _ = writeln!(
        out,
        "\nexports: {}",
        list(inspection.exports.iter().map(|export| export.name.as_str()))
    );
    let _ = writeln!(
        out,
        "imports: {}",
        list(inspection.imports.iter().map(|import| import.name.as_str()))
    );
    out
}

fn list<'a>(names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

fn variables(out: &mut String, inspection: &Inspection) {
    if inspection.variables.is_empty() {
        out.push_str(
            "\nvariables: none is watched or exported; input features and function parameters remain\n",
        );
        return;
    }
    out.push_str("\nvariables                      type    where\n");
    for variable in &inspection.variables {
        let place = match variable.kind {
            _ if !variable.cells.is_empty() => "watched".to_owned(),
            VariableKind::Global { .. } => "exported global".to_owned(),
            VariableKind::Static { address } => format!("exported static at {address:#x}"),
        };
        let ty = variable.value_type.map_or_else(
            || format!("unknown: --watch {}:TYPE", variable.name),
            |ty| ty.to_string(),
        );
        let observed = match variable.assignments {
            0 => "sampled".to_owned(),
            1 => format!("set:{}, 1 assignment", variable.name),
            several => format!("set:{}, {several} assignments", variable.name),
        };
        let _ = writeln!(out, "  {:<28} {ty:<7} {place}; {observed}", variable.name);
    }
}

fn functions(out: &mut String, inspection: &Inspection, args: &InspectArgs) {
    let wanted = |function: &&Function| {
        let text = args
            .function
            .as_deref()
            .unwrap_or_default()
            .trim_matches('*');
        function.label.contains(text)
    };
    let mut shown: Vec<&Function> = inspection.functions.iter().filter(wanted).collect();
    shown.sort_by_key(|function| {
        (
            function.export.is_none(),
            std::cmp::Reverse(function.code_bytes),
        )
    });
    let total = shown.len();
    if !args.all && args.function.is_none() {
        shown.truncate(FEW);
    }
    let _ = writeln!(
        out,
        "\nfunctions ({} of {total}; entry:NAME and exit:NAME)",
        shown.len()
    );
    for function in shown {
        let parameters: Vec<String> = function.parameters.iter().map(parameter).collect();
        let results: Vec<&str> = function
            .results
            .iter()
            .map(|result| result.wasm.as_str())
            .collect();
        let results = if results.is_empty() {
            String::new()
        } else {
            format!(" -> {}", results.join(", "))
        };
        let exported = if function.export.is_some() {
            "  exported"
        } else {
            ""
        };
        let _ = writeln!(
            out,
            "  {}({}){results}{exported}",
            function.label,
            parameters.join(", ")
        );
    }
}

fn parameter(parameter: &probe::Parameter) -> String {
    match &parameter.name {
        Some(name) => format!("{name}: {}", parameter.wasm),
        None => parameter.wasm.clone(),
    }
}
