//! Exactly these variables at these breakpoints, and nothing else that the breakpoints have to offer: what a plan arms that
//! was learned before.

use super::Planner;
use crate::{error::PlanError, nearest::nearest};
use trace::PlannedPlace;

impl Planner<'_> {
    /// Drops all slots but those of `only`; does nothing where that is empty.
    ///
    /// # Errors
    /// Where one of them does not exist.
    pub(super) fn keep_only(&mut self, only: &[PlannedPlace]) -> Result<(), PlanError> {
        if only.is_empty() {
            return Ok(());
        }
        for place in only {
            let mut here = self
                .slots
                .iter()
                .filter(|s| s.breakpoint == place.breakpoint);
            if !here.any(|slot| slot.variable == place.variable) {
                let here = self
                    .slots
                    .iter()
                    .filter(|s| s.breakpoint == place.breakpoint);
                let names: Vec<&str> = here.map(|s| s.variable.as_str()).collect();
                let near = nearest(&place.variable, names.iter().copied());
                return Err(PlanError::NotThere {
                    name: place.variable.clone(),
                    breakpoint: place.breakpoint.to_string(),
                    nearest: if near.is_empty() {
                        names.into_iter().take(3).map(str::to_owned).collect()
                    } else {
                        near
                    },
                });
            }
        }
        self.slots.retain(|slot| {
            let mut only = only.iter();
            only.any(|p| p.breakpoint == slot.breakpoint && p.variable == slot.variable)
        });
        Ok(())
    }
}
