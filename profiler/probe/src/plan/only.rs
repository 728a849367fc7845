//! Exactly these variables at these breakpoints, and nothing else that the breakpoints have to offer: what a plan arms that
//! was learned before.

use super::Planner;
use crate::{error::PlanError, nearest::nearest, slot::Slot};
use std::collections::HashSet;
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
        let armed = |slot: &Slot| PlannedPlace::of(&slot.breakpoint, &slot.variable);
        let there: HashSet<PlannedPlace> = self.slots.iter().map(armed).collect();
        if let Some(place) = only.iter().find(|place| !there.contains(place)) {
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
        let only: HashSet<&PlannedPlace> = only.iter().collect();
        self.slots.retain(|slot| only.contains(&armed(slot)));
        Ok(())
    }
}
