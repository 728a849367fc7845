//! What `fathom inspect` prints of a component: its world, its core modules one line each, and of the module that holds
//! the guest's own code what is printed of a module alone; with `--all` or `--function`, of every module.

use super::{InspectArgs, functions, variables};
use probe::{Allocator, ComponentInspection, InnerModule, Inspection, WorldItem};
use std::fmt::Write;

/// Names of functions shown of an interface.
const NAMES: usize = 4;

pub(super) fn text(name: &str, component: &ComponentInspection, args: &InspectArgs) -> String {
    let mut out = String::new();
    let kind = if component.command {
        "command (`wasi:cli/run`)"
    } else {
        "no command: it exports no `wasi:cli/run`"
    };
    let _ = writeln!(
        out,
        "{name}: component, {kind}, {}, {} core modules, {} nested components",
        trace::Bytes(component.component_bytes as u64),
        component.modules.len(),
        component.components
    );
    world(&mut out, "exports", &component.exports);
    world(&mut out, "imports", &component.imports);
    out.push_str("\ncore modules                       code  memory at the start\n");
    for module in &component.modules {
        line(&mut out, module);
    }
    let main = component.main().map(|module| module.name.as_str());
    for module in &component.modules {
        let wanted = match &args.function {
            Some(text) => has_function(module, text),
            None => args.all || main == Some(module.name.as_str()),
        };
        if wanted {
            section(&mut out, module, args);
        }
    }
    out
}

fn world(out: &mut String, what: &str, items: &[WorldItem]) {
    if items.is_empty() {
        let _ = writeln!(out, "{what}: none");
    }
    for (position, item) in items.iter().enumerate() {
        let heading = if position == 0 { what } else { "" };
        let colon = if position == 0 { ":" } else { " " };
        let ty = shortened(&item.ty);
        let _ = writeln!(out, "{heading:>7}{colon} {} ({ty})", item.name);
    }
}

/// The first few of many names.
fn shortened(names: &str) -> String {
    let all: Vec<&str> = names.split(", ").collect();
    match all.get(..NAMES) {
        Some(first) if all.len() > NAMES => {
            format!("{} and {} more", first.join(", "), all.len() - NAMES)
        }
        _ => names.to_owned(),
    }
}

fn line(out: &mut String, module: &InnerModule) {
    let inspection = &module.inspection;
    let probes = match &module.untouchable {
        Some(why) => format!("no probes: {why}"),
        None => String::new(),
    };
    let _ = writeln!(
        out,
        "  {:<28} {:>8}  {:>10}  {probes}",
        module.name,
        trace::Bytes(inspection.code_bytes as u64).to_string(),
        memory(inspection)
    );
}

fn memory(inspection: &Inspection) -> String {
    let own: u64 = inspection
        .memories
        .iter()
        .filter(|memory| !memory.imported)
        .map(|memory| memory.initial_pages.saturating_mul(memory.page_bytes))
        .sum();
    match (inspection.memories.is_empty(), own) {
        (true, _) => "none".to_owned(),
        (false, 0) => "another's".to_owned(),
        (false, own) => trace::Bytes(own).to_string(),
    }
}

fn has_function(module: &InnerModule, text: &str) -> bool {
    let text = text.trim_matches('*');
    let mut functions = module.inspection.functions.iter();
    functions.any(|function| function.label.contains(text))
}

fn section(out: &mut String, module: &InnerModule, args: &InspectArgs) {
    let inspection = &module.inspection;
    let language = inspection.language.as_deref().unwrap_or("unknown language");
    let debug = if inspection.dwarf { "yes" } else { "no" };
    let _ = writeln!(out, "\nmodule `{}`: {language}", module.name);
    let _ = writeln!(out, "debug information (DWARF): {debug}");
    let allocator = match &inspection.allocator {
        Allocator::Found(found) => &found.note,
        Allocator::NotFound { reason } => reason,
    };
    let _ = writeln!(out, "allocator: {allocator}");
    variables(out, inspection);
    functions(out, inspection, args);
}
