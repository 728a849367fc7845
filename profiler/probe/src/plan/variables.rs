//! What is observed of variables that the guest shows: exported ones, and those of the guest kit.

use super::{
    Planner,
    pattern::{is_pattern, matches},
    watch::{Watched, type_needed},
};
use crate::{
    error::PlanError,
    inspection::{Function, Variable, VariableKind},
    mailbox::Mailbox,
    nearest::nearest,
    slot::{MEMORY_EXPORT, Place, Slot},
    value::ValueType,
};
use trace::{Breakpoint, ProbeMode};

impl<'p> Planner<'p> {
    /// The type in which an exported variable is to be observed, if it is.
    pub(super) fn observable(&mut self, variable: &Variable) -> Option<ValueType> {
        match self.watch.variable(variable) {
            Watched::As(value_type) => Some(value_type),
            Watched::TypeUnknown => {
                self.note(match &variable.not_scalar {
                    Some(what) => format!("`{}` is not observed: it is {what}", variable.name),
                    None => format!(
                        "`{0}` is not observed: it is exported as an address and the guest does not say of what \
                         type; if it is a number, give its type, as in `{0}:u32`",
                        variable.name
                    ),
                });
                None
            }
            Watched::No => None,
        }
    }

    pub(super) fn arm_set(&mut self, name: &str) -> Result<(), PlanError> {
        let variables: Vec<&Variable> = self
            .inspection
            .variables
            .iter()
            .filter(|variable| matches(name, &variable.name))
            .collect();
        if variables.is_empty() {
            if self.arm_set_local(name) {
                return Ok(());
            }
            let exported = self.inspection.variables.iter().map(|v| v.name.as_str());
            return Err(PlanError::UnknownVariable {
                name: name.to_owned(),
                nearest: nearest(name, exported),
            });
        }
        for variable in variables {
            match self.watch.named_variable(variable) {
                Watched::As(value_type) => self.arm_variable(variable, value_type),
                Watched::TypeUnknown if !is_pattern(name) => return Err(type_needed(variable)),
                Watched::TypeUnknown | Watched::No => {}
            }
        }
        Ok(())
    }

    /// After each assignment where those are known, with each sample, and at the end.
    pub(super) fn arm_variable(&mut self, variable: &Variable, value_type: ValueType) {
        if variable.assignments > 0 {
            let place = self.place(variable);
            let breakpoint = Breakpoint::Set(variable.name.clone());
            self.add_code(breakpoint, &variable.name, value_type, place, None);
        } else if matches!(variable.kind, VariableKind::Static { .. }) {
            self.note(format!(
                "sampled: `{}` is read at the end and with each sample of the timeline, because no store in the \
                 guest carries its address",
                variable.name
            ));
        }
        self.add_read(&Breakpoint::End, variable, value_type);
        self.add_read(&Breakpoint::Sample, variable, value_type);
    }

    /// Exported variables that were asked for by name, read where a function is entered or left.
    pub(super) fn arm_variables_within(&mut self, breakpoint: &Breakpoint, function: &Function) {
        if self.watch.is_empty() {
            return;
        }
        for variable in &self.inspection.variables {
            if let Watched::As(value_type) = self.watch.variable(variable) {
                let place = self.place(variable);
                self.add_code(
                    breakpoint.clone(),
                    &variable.name,
                    value_type,
                    place,
                    Some(function),
                );
            }
        }
    }

    /// Exported and watched variables that were asked for by name, with their types.
    pub(super) fn exported_and_wanted(&self) -> Vec<(&'p Variable, ValueType)> {
        if self.watch.is_empty() {
            return Vec::new();
        }
        let variables = self.inspection.variables.iter();
        variables
            .filter_map(|variable| match self.watch.variable(variable) {
                Watched::As(value_type) => Some((variable, value_type)),
                Watched::TypeUnknown | Watched::No => None,
            })
            .collect()
    }

    pub(super) fn place(&self, variable: &Variable) -> Place {
        match variable.kind {
            VariableKind::Global { index } => Place::Global {
                export: variable.name.clone(),
                index,
            },
            VariableKind::Static { .. } if variable.cells.len() > 1 => Place::Static {
                address: self.inspection.latest_at(variable),
                memory: Mailbox::EXPORT.to_owned(),
            },
            VariableKind::Static { address } => Place::Static {
                address,
                memory: self
                    .inspection
                    .memory_export()
                    .unwrap_or(MEMORY_EXPORT)
                    .to_owned(),
            },
        }
    }

    pub(super) fn add_read(
        &mut self,
        breakpoint: &Breakpoint,
        variable: &Variable,
        value_type: ValueType,
    ) {
        let slot = Slot {
            breakpoint: breakpoint.clone(),
            variable: variable.name.clone(),
            mode: ProbeMode::HostRead,
            value_type,
            place: self.place(variable),
            function: None,
            mailbox_offset: None,
        };
        self.add(slot);
    }
}
