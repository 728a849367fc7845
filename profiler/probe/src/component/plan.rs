//! Decides what to arm in a component: in each of its modules what [`crate::plan`] arms in one alone.
//!
//! A name is looked for in every module and has to be in one at least. Where nothing is named, only modules with a memory
//! of their own are observed, not libraries and what linkers added: those export everything they have to each other.
//!
//! Probes in a component never call the host. A component must not be left while it makes room for what it is handed, and
//! a call from there would end the guest; which code runs there is not known beforehand. So every hit is summed up in the
//! mailbox, and none is kept by itself.

use super::inspection::{ComponentInspection, InnerModule};
use crate::{
    Allocator, Inspection, Layer, Place, PlanError,
    plan::{AUTO, OPENED_VARIABLE, plan},
    slot::{ArmedPlan, Slot},
};
use serde::Serialize;
use std::collections::{HashMap, HashSet};
use trace::{Breakpoint, Plan, PlannedProbe, ProbeMode, Selection};

/// What is to be observed in a component.
#[derive(Clone, Debug, Serialize)]
pub struct ArmedComponent {
    /// For people, reports and the store.
    pub plan: Plan,
    /// What is armed in each module that is to be rewritten, with its position in [`ComponentInspection::modules`].
    pub modules: Vec<(usize, ArmedPlan)>,
    /// The modules as they were looked into, with names that are unique in the component.
    #[serde(skip)]
    pub(crate) inspections: HashMap<usize, Inspection>,
}

/// Chooses the probes for a selection, as [`crate::plan`] does for one module. `wasm` is the component that was inspected.
///
/// # Errors
///
/// Where a breakpoint cannot be parsed, or a name or a type fits no module.
pub fn plan_component(
    wasm: &[u8],
    component: &ComponentInspection,
    selection: &Selection,
) -> Result<ArmedComponent, PlanError> {
    let mut notes = Vec::new();
    if selection.heap.is_some() {
        notes.push(
            "who allocated memory is not recorded: probes in a component never call the host"
                .to_owned(),
        );
    }
    let selection = &Selection {
        light: true,
        heap: None,
        ..selection.clone()
    };
    let heap = heap(component, &mut notes);
    let mut inspections: HashMap<usize, Inspection> = component
        .modules
        .iter()
        .enumerate()
        .filter(|(_, module)| module.untouchable.is_none())
        .map(|(position, module)| (position, alone(module, heap == Some(position))))
        .collect();
    tell_apart(component, &mut inspections);
    let mut positions: Vec<usize> = inspections.keys().copied().collect();
    positions.sort_unstable();

    let named = !selection.breakpoints.is_empty() || !selection.variables.is_empty();
    let mut search = Search::new(selection);
    let mut seen = HashSet::new();
    let mut modules = Vec::new();
    for position in positions {
        let module = &component.modules[position];
        let inspection = &inspections[&position];
        let bytes = module.bytes(wasm);
        let is_users = has_own_memory(inspection) && !ComponentInspection::is_glue(module);
        let wanted = if named {
            search.in_module(bytes, inspection, is_users)?
        } else {
            is_users.then(|| selection.clone())
        };
        let mut armed = match wanted {
            Some(wanted) => plan(bytes, inspection, &wanted)?,
            None => ArmedPlan::default(),
        };
        drop_seen(&mut armed, &mut seen, &module.name);
        drop_unreadable(&mut armed, named);
        notes.append(&mut armed.plan.notes);
        if !armed.slots.is_empty() || heap == Some(position) {
            modules.push((position, armed));
        }
    }
    search.all_found()?;
    for module in &component.modules {
        if let (Some(why), false) = (&module.untouchable, ComponentInspection::is_glue(module)) {
            notes.push(format!(
                "the module `{}` is observed without probes: {why}",
                module.name
            ));
        }
    }
    let in_code = |slot: &Slot| slot.mode != ProbeMode::HostRead;
    if modules
        .iter()
        .any(|(_, armed)| armed.slots.iter().any(in_code))
    {
        notes.push(
            "inside a component hits are summed up, none is kept by itself: what varies within a call is not related to \
             memory"
                .to_owned(),
        );
    }
    let probes = modules.iter().flat_map(|(_, armed)| &armed.plan.probes);
    let opened = PlannedProbe {
        breakpoint: Breakpoint::Open,
        variable: OPENED_VARIABLE.to_owned(),
        mode: ProbeMode::HostRead,
    };
    let opens = component
        .imports
        .iter()
        .any(|import| import.name.starts_with("wasi:filesystem/types"));
    Ok(ArmedComponent {
        plan: Plan {
            probes: probes.cloned().chain(opens.then_some(opened)).collect(),
            notes,
        },
        modules,
        inspections,
    })
}

/// The module whose allocator is counted: of several one in C, and of those the one with the most code. They keep their
/// counts apart, and the peak of a sum is not the sum of peaks.
fn heap(component: &ComponentInspection, notes: &mut Vec<String>) -> Option<usize> {
    let found = |module: &InnerModule| matches!(module.inspection.allocator, Allocator::Found(_));
    let mut with_allocator: Vec<usize> = (0..component.modules.len())
        .filter(|position| found(&component.modules[*position]))
        .filter(|position| component.modules[*position].untouchable.is_none())
        .collect();
    with_allocator.sort_by_key(|position| {
        let inspection = &component.modules[*position].inspection;
        let is_c =
            matches!(&inspection.allocator, Allocator::Found(found) if found.layer == Layer::C);
        // In front of others: theirs often hand on to it.
        (!is_c, std::cmp::Reverse(inspection.code_bytes))
    });
    let Some((heap, others)) = with_allocator.split_first() else {
        let main = component.main().map(|module| &module.inspection.allocator);
        notes.push(match main {
            Some(Allocator::NotFound { reason }) => reason.clone(),
            _ => {
                "allocator not found: none of the modules that can be rewritten has one".to_owned()
            }
        });
        return None;
    };
    let own = |position: &&usize| has_own_memory(&component.modules[**position].inspection);
    for other in others.iter().filter(own) {
        notes.push(format!(
            "live bytes are those of the module `{}`: what `{}` allocates is not counted",
            component.modules[*heap].name, component.modules[*other].name
        ));
    }
    let module = &component.modules[*heap];
    if !has_own_memory(&module.inspection) {
        notes.push(format!(
            "live bytes are counted in the library `{}` from what the component was built with: a block of that time \
             that is given back is subtracted",
            module.name
        ));
    }
    Some(*heap)
}

/// What a module has to show when it is rewritten inside a component.
fn alone(module: &InnerModule, heap: bool) -> Inspection {
    let mut inspection = module.inspection.clone();
    // Files are opened through the component's own imports, where the host sees it.
    inspection.path_open.clear();
    // Names that only linkers make, for what they pass from library to library.
    inspection.variables.retain(|v| !v.name.contains(':'));
    // Where its statics will be, its debug information does not say.
    inspection.dwarf &= !module.library;
    if !heap {
        inspection.allocator = Allocator::NotFound {
            reason: String::new(),
        };
    }
    inspection
}

fn has_own_memory(inspection: &Inspection) -> bool {
    inspection.memories.iter().any(|memory| !memory.imported)
}

/// Puts the name of the module before names of functions and variables that several modules have.
fn tell_apart(component: &ComponentInspection, inspections: &mut HashMap<usize, Inspection>) {
    let mut functions: HashMap<String, usize> = HashMap::new();
    let mut variables: HashMap<String, usize> = HashMap::new();
    for inspection in inspections.values() {
        for function in &inspection.functions {
            *functions.entry(function.label.clone()).or_default() += 1;
        }
        for variable in &inspection.variables {
            *variables.entry(variable.name.clone()).or_default() += 1;
        }
    }
    for (position, inspection) in inspections {
        let module = &component.modules[*position].name;
        for function in &mut inspection.functions {
            if functions
                .get(&function.label)
                .is_some_and(|count| *count > 1)
            {
                function.label = format!("{module}/{}", function.label);
            }
        }
        for variable in &mut inspection.variables {
            if variables
                .get(&variable.name)
                .is_some_and(|count| *count > 1)
            {
                variable.name = format!("{module}/{}", variable.name);
            }
        }
    }
}

/// What an earlier module has under the same name, at the same place, is observed there alone: lines and local variables of
/// what was built into several modules.
fn drop_seen(armed: &mut ArmedPlan, seen: &mut HashSet<(Breakpoint, String)>, module: &str) {
    let key = |slot: &Slot| (slot.breakpoint.clone(), slot.variable.clone());
    let before = armed.slots.len();
    armed.slots.retain(|slot| !seen.contains(&key(slot)));
    let dropped = before - armed.slots.len();
    if dropped > 0 {
        armed.plan.notes.push(format!(
            "{dropped} probes of the module `{module}` are left out: another module has variables of the same names there"
        ));
    }
    seen.extend(armed.slots.iter().map(key));
}

/// Globals of a module inside a component cannot be read from outside; where they are assigned, they are observed. Of
/// the others is said what was asked for: linkers export many that only they use.
fn drop_unreadable(armed: &mut ArmedPlan, named: bool) {
    let mut unseen = Vec::new();
    let assigned: Vec<String> = armed
        .slots
        .iter()
        .filter(|slot| slot.mode != ProbeMode::HostRead)
        .map(|slot| slot.variable.clone())
        .collect();
    armed.slots.retain(|slot| {
        let readable =
            slot.mode != ProbeMode::HostRead || !matches!(slot.place, Place::Global { .. });
        if named
            && !readable
            && !assigned.contains(&slot.variable)
            && !unseen.contains(&slot.variable)
        {
            unseen.push(slot.variable.clone());
        }
        readable
    });
    for variable in unseen {
        armed.plan.notes.push(format!(
            "`{variable}` is not observed: it is a global inside a component, which cannot be read from outside, and \
             nothing assigns it"
        ));
    }
    armed.plan.probes = armed
        .slots
        .iter()
        .map(|slot| PlannedProbe {
            breakpoint: slot.breakpoint.clone(),
            variable: slot.variable.clone(),
            mode: slot.mode,
        })
        .collect();
}

/// Looks for named breakpoints and variables in one module after another.
struct Search<'s> {
    selection: &'s Selection,
    breakpoints: Vec<Found>,
    variables: Vec<Found>,
}

/// Whether a name was found, and what was said where it was not.
#[derive(Clone)]
enum Found {
    Yes,
    No(Option<PlanError>),
}

impl<'s> Search<'s> {
    fn new(selection: &'s Selection) -> Search<'s> {
        Search {
            selection,
            breakpoints: vec![Found::No(None); selection.breakpoints.len()],
            variables: vec![Found::No(None); selection.variables.len()],
        }
    }

    /// What of the selection there is in a module, if anything.
    fn in_module(
        &mut self,
        bytes: &[u8],
        inspection: &Inspection,
        is_users: bool,
    ) -> Result<Option<Selection>, PlanError> {
        let mut here = Selection {
            breakpoints: Vec::new(),
            variables: Vec::new(),
            ..self.selection.clone()
        };
        for (breakpoint, found) in self.selection.breakpoints.iter().zip(&mut self.breakpoints) {
            if breakpoint == AUTO && !is_users {
                continue;
            }
            let only = Selection {
                breakpoints: vec![breakpoint.clone()],
                variables: Vec::new(),
                ..self.selection.clone()
            };
            if found.note(plan(bytes, inspection, &only).map(|_| ()))? {
                here.breakpoints.push(breakpoint.clone());
            }
        }
        if here.breakpoints.is_empty() && !self.selection.breakpoints.is_empty() {
            return Ok(None);
        }
        for (variable, found) in self.selection.variables.iter().zip(&mut self.variables) {
            let only = Selection {
                variables: vec![variable.clone()],
                breakpoints: here.breakpoints.clone(),
                ..self.selection.clone()
            };
            if found.note(plan(bytes, inspection, &only).map(|_| ()))? {
                here.variables.push(variable.clone());
            }
        }
        if here.variables.is_empty() && !self.selection.variables.is_empty() {
            return Ok(None);
        }
        Ok(Some(here))
    }

    fn all_found(self) -> Result<(), PlanError> {
        for found in self.breakpoints.into_iter().chain(self.variables) {
            if let Found::No(Some(error)) = found {
                return Err(error);
            }
        }
        Ok(())
    }
}

impl Found {
    /// Whether it is in this module. An error that no other module can mend is passed on.
    fn note(&mut self, here: Result<(), PlanError>) -> Result<bool, PlanError> {
        match here {
            Ok(()) => {
                *self = Found::Yes;
                Ok(true)
            }
            Err(error @ (PlanError::Breakpoint(_) | PlanError::UnknownType { .. })) => Err(error),
            Err(error) => {
                if let Found::No(before) = self {
                    let helps = |error: &PlanError| match error {
                        PlanError::UnknownFunction { nearest, .. }
                        | PlanError::UnknownVariable { nearest, .. }
                        | PlanError::UnknownFile { nearest, .. } => !nearest.is_empty(),
                        PlanError::NoDebugInformation { .. } => false,
                        _ => true,
                    };
                    if before.as_ref().is_none_or(|before| !helps(before)) {
                        *before = Some(error);
                    }
                }
                Ok(false)
            }
        }
    }
}
