//! What is observed when nobody says what: all that the user's own functions name. Code of languages' libraries, of the
//! runtime and of the allocator is left out by where it comes from: its source file, or the package in its name.

use super::Planner;
use crate::{inspection::Function, source::origin};
use std::collections::HashSet;

/// The breakpoint that means this.
pub(super) const AUTO: &str = "auto";

impl Planner<'_> {
    /// Parameters, results and local variables of the user's own functions.
    pub(super) fn arm_auto(&mut self) {
        let by_debug_information: Option<HashSet<u32>> = self.source.map(|source| {
            let own = source.instances.iter();
            let own = own.filter(|instance| instance.is_users && !instance.inlined);
            own.map(|instance| instance.function).collect()
        });
        let own: Vec<&Function> = self
            .inspection
            .functions
            .iter()
            .filter(|function| match &by_debug_information {
                Some(own) => own.contains(&function.index),
                None => function
                    .name
                    .as_deref()
                    .is_some_and(origin::is_users_by_name),
            })
            .filter(|function| !self.inspection.is_allocator(function))
            .collect();
        for function in own {
            self.arm_parameters(function);
            if function
                .results
                .iter()
                .any(|result| result.value_type.is_some() && !result.pointer)
            {
                self.arm_exit(function);
            }
        }
        self.arm_users_locals();
    }
}
