//! Decides what to arm: an [`Inspection`] and a user's [`Selection`] to slots. Says what is not exact in notes, and
//! names what is near where a name does not exist. Writes no code: that is [`crate::inject`].

mod auto;
mod functions;
mod only;
pub(crate) mod pattern;
mod source;
mod variables;
mod watch;

use crate::{
    error::PlanError,
    inspection::{Function, Inspection},
    mailbox::Mailbox,
    module::Module,
    slot::{ArmedPlan, HeapReports, Place, Slot},
    source::Source,
    value::ValueType,
};
pub(crate) use auto::AUTO;
use pattern::matches;
use std::collections::{BTreeSet, HashMap};
use trace::{Breakpoint, HeapSampling, Plan, PlannedProbe, ProbeMode, Selection};
use watch::{Watch, unknown};

/// The variable whose value is reported at `open:`: the size of the file just opened.
pub const OPENED_VARIABLE: &str = "file_bytes";
/// The variable of breakpoints at which only the number of hits counts.
pub const HITS: &str = "hits";
/// The variable that carries the result of a function.
pub const RESULT: &str = "result";

/// Probes that are armed at most; a pattern may match thousands of functions.
const MOST_SLOTS: usize = 10_000;

/// Chooses the probes for a selection. `wasm` is the module that was inspected.
///
/// With neither breakpoints nor variables, exported and watched variables and the scalar parameters of exported functions are
/// observed. Where there are no such variables, and with the breakpoint `auto`, scalar parameters, results and local variables
/// of the user's own functions are too, as far as the guest names them. Breakpoints
/// alone observe everything that is known there; variables alone are observed wherever they can be; both together observe
/// these variables at these breakpoints, which includes reading exported and watched variables at the entry or exit of a
/// function and at a line.
///
/// # Errors
///
/// Where a breakpoint cannot be parsed, or a name or a type does not fit the guest.
pub fn plan(
    wasm: &[u8],
    inspection: &Inspection,
    selection: &Selection,
) -> Result<ArmedPlan, PlanError> {
    // Reading debug information takes longer than all else here, so it is done only where something is asked of it.
    if !needs_source(inspection, selection) {
        let (planned, _) = plan_with(inspection, selection, None);
        if planned.is_ok() || !inspection.dwarf {
            return planned;
        }
    }
    let module = inspection.dwarf.then(|| Module::parse(wasm).ok()).flatten();
    let source = |everything| {
        let source = Source::read(module.as_ref()?, everything);
        (!source.is_empty()).then_some(source)
    };
    let own = source(false);
    let (planned, saw_library) = plan_with(inspection, selection, own.as_ref());
    // What is asked for is not the user's own: the variables of libraries are wanted too.
    if own.is_some() && (saw_library || planned.is_err()) {
        return plan_with(inspection, selection, source(true).as_ref()).0;
    }
    planned
}

/// Whether a selection means something that only the debug information knows: lines, functions that may have been inlined,
/// local variables by their function, all that the user's functions name.
fn needs_source(inspection: &Inspection, selection: &Selection) -> bool {
    if selection.breakpoints.is_empty() {
        return selection.variables.is_empty() && inspection.variables.is_empty();
    }
    let mut breakpoints = selection.breakpoints.iter();
    breakpoints.any(|text| match text.parse() {
        Ok(Breakpoint::Line { .. }) | Err(_) => true,
        Ok(_) => false,
    })
}

/// The plan, and whether functions of libraries were among those asked for.
fn plan_with(
    inspection: &Inspection,
    selection: &Selection,
    source: Option<&Source<'_, '_>>,
) -> (Result<ArmedPlan, PlanError>, bool) {
    let watch = match Watch::parse(inspection, &selection.variables) {
        Ok(watch) => watch,
        Err(error) => return (Err(error), false),
    };
    let mut planner = Planner {
        inspection,
        source,
        watch: &watch,
        code_mode: if selection.light {
            ProbeMode::Mailbox
        } else {
            ProbeMode::HostCall
        },
        slots: Vec::new(),
        index: HashMap::new(),
        left_out: BTreeSet::new(),
        saw_library: false,
        heap: selection.heap.map(|sampling| match sampling {
            HeapSampling::Exact => HeapReports::Every,
            HeapSampling::Poisson { .. } => HeapReports::Sampled,
        }),
        seldom_hit: selection.seldom_hit,
        notes: inspection.notes.clone(),
    };
    let armed = planner.arm_all(selection);
    let saw_library = planner.saw_library;
    (armed.map(|()| planner.finish()), saw_library)
}

struct Planner<'p> {
    inspection: &'p Inspection,
    /// What the debug information says, where there is any.
    source: Option<&'p Source<'p, 'p>>,
    watch: &'p Watch,
    /// How probes that are code report.
    code_mode: ProbeMode,
    slots: Vec<Slot>,
    /// Positions in `slots` by breakpoint and variable.
    index: HashMap<(Breakpoint, String), Vec<usize>>,
    /// Where probes beyond [`MOST_SLOTS`] would have been.
    left_out: BTreeSet<Breakpoint>,
    /// Whether functions of libraries were among those asked for.
    saw_library: bool,
    heap: Option<HeapReports>,
    seldom_hit: bool,
    notes: Vec<String>,
}

impl<'p> Planner<'p> {
    fn arm_all(&mut self, selection: &Selection) -> Result<(), PlanError> {
        for text in &selection.breakpoints {
            self.arm_text(text)?;
        }
        if selection.breakpoints.is_empty() {
            self.arm_everywhere();
            // Who shows variables has said what matters; all that is named would compete with it.
            if self.watch.is_empty() && self.inspection.variables.is_empty() {
                self.arm_auto();
            }
        }
        self.check_that_all_are_observed(&selection.breakpoints)?;
        self.keep_only(&selection.only)
    }

    /// A breakpoint as a user writes it; a name alone is that of a function.
    fn arm_text(&mut self, text: &str) -> Result<(), PlanError> {
        match text.parse() {
            Ok(breakpoint) => self.arm(&breakpoint),
            Err(_) if text == auto::AUTO => {
                self.arm_everywhere();
                self.arm_auto();
                Ok(())
            }
            Err(error) => {
                let known = text.is_empty() || is_like_a_kind(text);
                if known {
                    Err(error.into())
                } else {
                    self.arm_function(text)
                }
            }
        }
    }

    /// No breakpoint was named: every variable where it can be observed best.
    fn arm_everywhere(&mut self) {
        for variable in &self.inspection.variables {
            if let Some(value_type) = self.observable(variable) {
                self.arm_variable(variable, value_type);
            }
        }
        let exported: Vec<&Function> = self
            .inspection
            .functions
            .iter()
            .filter(|function| self.is_of_the_user(function))
            .collect();
        for function in exported {
            self.arm_parameters(function);
        }
        // A parameter asked for by name may belong to a function that is not exported.
        if self.first_unobserved().is_some() {
            for function in &self.inspection.functions {
                self.arm_parameters(function);
            }
        }
        // Or it is a local variable.
        if self.first_unobserved().is_some() {
            self.arm_users_locals();
        }
    }

    fn arm(&mut self, breakpoint: &Breakpoint) -> Result<(), PlanError> {
        match breakpoint {
            // Both need nothing of the guest: the host knows the input, and openings are always reported.
            Breakpoint::Input | Breakpoint::Open => {}
            Breakpoint::End | Breakpoint::Sample => {
                for variable in &self.inspection.variables {
                    if let Some(value_type) = self.observable(variable) {
                        self.add_read(breakpoint, variable, value_type);
                    }
                }
            }
            Breakpoint::Set(name) => self.arm_set(name)?,
            Breakpoint::Line { file, line } => self.arm_line(file, *line)?,
            Breakpoint::Entry(name) => {
                for function in pattern::functions(self.inspection, name)? {
                    self.arm_entry(function);
                }
            }
            Breakpoint::Exit(name) => {
                for function in pattern::functions(self.inspection, name)? {
                    self.arm_exit(function);
                }
            }
        }
        Ok(())
    }

    fn add_code(
        &mut self,
        breakpoint: Breakpoint,
        variable: &str,
        value_type: ValueType,
        place: Place,
        function: Option<&Function>,
    ) {
        self.add(Slot {
            breakpoint,
            variable: variable.to_owned(),
            mode: self.code_mode,
            value_type,
            place,
            function: function.map(|function| function.index),
            mailbox_offset: None,
        });
    }

    fn add(&mut self, slot: Slot) {
        let key = (slot.breakpoint.clone(), slot.variable.clone());
        let known = self.index.entry(key).or_default();
        if known.iter().any(|at| self.slots[*at].place == slot.place) {
            return;
        }
        if self.slots.len() < MOST_SLOTS {
            known.push(self.slots.len());
            self.slots.push(slot);
        } else {
            self.left_out.insert(slot.breakpoint);
        }
    }

    fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// A name among the variables asked for that no slot observes.
    fn first_unobserved(&self) -> Option<&'p str> {
        self.watch.patterns().find(|pattern| {
            let observed = |slot: &Slot| matches(pattern, &slot.variable);
            !self.slots.iter().any(observed)
        })
    }

    fn check_that_all_are_observed(&self, asked: &[String]) -> Result<(), PlanError> {
        match self.first_unobserved() {
            Some(name) => Err(match self.where_readable(name) {
                Some(why) => PlanError::NotReadable {
                    name: name.to_owned(),
                    place: match asked {
                        [] => "any place".to_owned(),
                        asked => asked.join(", "),
                    },
                    why,
                },
                None => unknown(self.inspection, name, &self.local_names()),
            }),
            None => Ok(()),
        }
    }

    fn finish(mut self) -> ArmedPlan {
        if !self.left_out.is_empty() {
            let armed: BTreeSet<&Breakpoint> = self.slots.iter().map(|s| &s.breakpoint).collect();
            let all = armed.len() + self.left_out.iter().filter(|b| !armed.contains(b)).count();
            self.note(format!(
                "{all} places match, more than can be armed at once: the first {MOST_SLOTS} variables are; name fewer"
            ));
        }
        let mut offset = self.inspection.records_at();
        for slot in &mut self.slots {
            if slot.mode != ProbeMode::HostRead {
                slot.mailbox_offset = Some(offset as u32);
                offset += Mailbox::RECORD_BYTES;
            }
        }
        let opens = !self.inspection.path_open.is_empty();
        let opened = opens.then(|| PlannedProbe {
            breakpoint: Breakpoint::Open,
            variable: OPENED_VARIABLE.to_owned(),
            mode: ProbeMode::HostCall,
        });
        let probes = self.slots.iter().map(|slot| PlannedProbe {
            breakpoint: slot.breakpoint.clone(),
            variable: slot.variable.clone(),
            mode: slot.mode,
        });
        ArmedPlan {
            plan: Plan {
                probes: probes.chain(opened).collect(),
                notes: self.notes,
            },
            slots: self.slots,
            opens,
            heap: self.heap,
            seldom_hit: self.seldom_hit,
        }
    }
}

/// Whether text begins with a word and one colon, as breakpoints do; names have two.
fn is_like_a_kind(text: &str) -> bool {
    let Some((word, rest)) = text.split_once(':') else {
        return false;
    };
    !rest.starts_with(':') && word.bytes().all(|byte| byte.is_ascii_lowercase())
}
