//! What is observed at functions: parameters where they are entered, results where they return. Their local variables are
//! `source`'s.

use super::{HITS, Planner, RESULT, pattern};
use crate::{
    error::PlanError,
    inspection::{Function, GO, Parameter},
    slot::Place,
    value::ValueType,
};
use trace::Breakpoint;

impl Planner<'_> {
    /// Everything that is known of a function: its parameters, its result, its local variables.
    pub(super) fn arm_function(&mut self, name: &str) -> Result<(), PlanError> {
        let locals = self.arm_locals_of(name);
        match pattern::functions(self.inspection, name) {
            Ok(functions) => {
                for function in functions {
                    self.arm_entry(function);
                    if self.watch.is_empty() {
                        self.arm_exit(function);
                    }
                }
                Ok(())
            }
            // Inlined everywhere: only the debug information knows it.
            Err(_) if locals > 0 => {
                self.note(format!(
                    "`{name}` was inlined everywhere: its variables are observed, its entry and exit cannot be"
                ));
                Ok(())
            }
            Err(PlanError::UnknownFunction { name, nearest }) => Err(PlanError::UnknownFunction {
                nearest: if nearest.is_empty() {
                    self.near_inlined(&name)
                } else {
                    nearest
                },
                name,
            }),
            Err(error) => Err(error),
        }
    }

    pub(super) fn arm_parameters(&mut self, function: &Function) {
        for (index, name) in parameter_names(function).into_iter().enumerate() {
            if let Some(value_type) = self.watch.parameter(&name, &function.parameters[index]) {
                self.add_code(
                    Breakpoint::Entry(function.label.clone()),
                    &name,
                    value_type,
                    Place::Parameter {
                        index: index as u32,
                    },
                    Some(function),
                );
            }
        }
    }

    pub(super) fn arm_entry(&mut self, function: &Function) {
        self.note_resumptions(function);
        let before = self.slots.len();
        self.arm_parameters(function);
        let breakpoint = Breakpoint::Entry(function.label.clone());
        self.arm_variables_within(&breakpoint, function);
        // What was there before may be what would have been added.
        let nothing = || self.slots.iter().all(|slot| slot.breakpoint != breakpoint);
        if self.watch.is_empty() && self.slots.len() == before && nothing() {
            self.add_hits(breakpoint, Place::Hits, function);
        }
    }

    pub(super) fn arm_exit(&mut self, function: &Function) {
        self.note_resumptions(function);
        let breakpoint = Breakpoint::Exit(function.label.clone());
        self.arm_variables_within(&breakpoint, function);
        let result = function
            .results
            .iter()
            .position(|result| result.value_type.is_some())
            .and_then(|index| {
                let value_type = self.result_type(&function.results[index])?;
                Some((index as u32, value_type))
            });
        match result {
            Some((index, value_type)) => {
                let place = Place::Result { index };
                self.add_code(
                    breakpoint.clone(),
                    RESULT,
                    value_type,
                    place,
                    Some(function),
                );
                if function.tail_calls {
                    self.note(format!(
                        "`{}` can leave by a tail call, whose result it never sees: these exits are counted as \
                         `{HITS}`, without a value",
                        function.label
                    ));
                    self.add_hits(breakpoint, Place::TailCalls, function);
                }
            }
            None if self.watch.is_empty() => {
                self.add_hits(breakpoint, Place::Hits, function);
            }
            None => {}
        }
    }

    fn note_resumptions(&mut self, function: &Function) {
        if self.inspection.language.as_deref() == Some(GO) && function.export.is_none() {
            self.note(
                "Go leaves a function and enters it again to go on with another goroutine: that counts as well; its \
                 parameters and results are not seen"
                    .to_owned(),
            );
        }
    }

    /// A result is asked for by its breakpoint, be it an address or not, unless other variables were named.
    fn result_type(&self, result: &Parameter) -> Option<ValueType> {
        if self.watch.is_empty() {
            result.value_type
        } else {
            self.watch.parameter(RESULT, result)
        }
    }

    /// Exported functions that a person wrote: not the entry point, not the runtime, not the allocator.
    pub(super) fn is_of_the_user(&self, function: &Function) -> bool {
        let reserved = ["_", "cabi_", "asyncify_"];
        function
            .export
            .as_deref()
            .is_some_and(|export| !reserved.iter().any(|prefix| export.starts_with(prefix)))
            && !self.inspection.is_allocator(function)
    }

    /// Where only the number of hits counts.
    fn add_hits(&mut self, breakpoint: Breakpoint, place: Place, function: &Function) {
        self.add_code(breakpoint, HITS, ValueType::U64, place, Some(function));
    }
}

/// What the parameters of a function are called: `argN` where the guest does not say, or says the same twice.
fn parameter_names(function: &Function) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for (index, parameter) in function.parameters.iter().enumerate() {
        let name = parameter
            .name
            .clone()
            .filter(|name| !names.contains(name))
            .unwrap_or_else(|| format!("arg{index}"));
        names.push(name);
    }
    names
}
