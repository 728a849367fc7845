//! From places in the rewritten module back to places in the module it was made of. Backtraces name the former, debug
//! information and people the latter.
//!
//! Kept as small as the changes are: functions whose bytes did not move are not in it.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where every piece of the original code is in a rewritten module.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CodeMap {
    /// Functions the guest imports: they keep their index.
    pub(crate) imported: u32,
    /// Imports that were added after them: by so many the guest's own functions are shifted.
    pub(crate) added: u32,
    /// Functions of the original module, imported ones included.
    pub(crate) functions: u32,
    /// Functions whose index belongs to something that was added, in order of where their bodies went: after all others.
    pub(crate) moved: Vec<u32>,
    /// Bodies that changed, by original index.
    pub(crate) changed: BTreeMap<u32, Pieces>,
}

/// A place in the original module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OriginalPlace {
    /// Index of the function.
    pub function: u32,
    /// Bytes from the beginning of its body, where its locals are declared.
    pub offset: u32,
}

impl CodeMap {
    /// What was at `offset` bytes into the body of function `function` of the rewritten module. What was added after an
    /// instruction belongs to that; `None` for functions that were added whole, and for numbers that are no function.
    pub fn original(&self, function: u32, offset: u32) -> Option<OriginalPlace> {
        let defined = function.checked_sub(self.imported + self.added)?;
        let guests = self.functions - self.imported;
        let original = if defined < guests {
            let original = defined + self.imported;
            // A wrapper stands there now.
            (!self.moved.contains(&original)).then_some(original)?
        } else {
            *self.moved.get((defined - guests) as usize)?
        };
        let pieces = self.changed.get(&original);
        Some(OriginalPlace {
            function: original,
            offset: pieces.map_or(offset, |pieces| pieces.original(offset)),
        })
    }

    /// The function of the original module that a function of the rewritten one is or stands in for.
    pub fn original_function(&self, function: u32) -> Option<u32> {
        if function < self.imported {
            return Some(function);
        }
        let defined = function.checked_sub(self.imported + self.added)?;
        let guests = self.functions - self.imported;
        if defined < guests {
            Some(defined + self.imported)
        } else {
            self.moved.get((defined - guests) as usize).copied()
        }
    }
}

/// The pieces that a body was copied in, in order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Pieces {
    /// Where each begins: in the new body, in the original one.
    starts: Vec<(u32, u32)>,
}

impl Pieces {
    /// From here on, what follows is what followed `original`. Must be called in order.
    pub(crate) fn continue_at(&mut self, new: usize, original: usize) {
        let (new, original) = (new as u32, original as u32);
        if let Some((last_new, last_original)) = self.starts.last_mut() {
            if new.wrapping_sub(*last_new) == original.wrapping_sub(*last_original) {
                return;
            }
            if new == *last_new {
                *last_original = original;
                return;
            }
        }
        self.starts.push((new, original));
    }

    /// Whether nothing is elsewhere than it was.
    pub(crate) fn is_identity(&self) -> bool {
        self.starts.iter().all(|(new, original)| new == original)
    }

    /// The numbers counted from the beginning of the bodies, which they are so many bytes before.
    pub(crate) fn shift(&mut self, new: usize, original: usize) {
        for (at_new, at_original) in &mut self.starts {
            *at_new += new as u32;
            *at_original += original as u32;
        }
    }

    fn original(&self, offset: u32) -> u32 {
        let next = self.starts.partition_point(|(new, _)| *new <= offset);
        let Some((new, original)) = next.checked_sub(1).map(|last| self.starts[last]) else {
            // Before the first instruction of the guest.
            return self
                .starts
                .first()
                .map_or(offset, |(_, original)| *original);
        };
        let linear = original.saturating_add(offset - new);
        match self.starts.get(next) {
            // What was added belongs to the instruction before it.
            Some((_, after)) => linear.min((*after).max(original + 1) - 1),
            None => linear,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_belongs_to_what_it_follows() {
        let mut pieces = Pieces::default();
        // Ten bytes of entry code; then the original from 3 on; at 20 (original 13) seven bytes are added.
        pieces.continue_at(10, 3);
        pieces.continue_at(20, 13);
        pieces.continue_at(27, 13);
        pieces.continue_at(30, 16);
        assert_eq!(pieces.starts, [(10, 3), (27, 13)]);
        let originals: Vec<u32> = [0, 9, 10, 19, 20, 26, 27, 30]
            .into_iter()
            .map(|offset| pieces.original(offset))
            .collect();
        assert_eq!(originals, [3, 3, 3, 12, 12, 12, 13, 16]);
    }
}
