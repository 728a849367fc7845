//! Whether a local still holds the variable that the debug information says it does.
//!
//! LLVM gives one WebAssembly local to several values whose lives do not overlap, and goes on saying that it holds the first
//! of them until the basic block ends, even where the block itself assigns the next. What it says at the beginning of a block
//! it has proved: every block that leads there ends with the variable in that local (its pass `LiveDebugValues`, which takes
//! assignments of locals into account since LLVM 16). So after an assignment in the middle of a block the variable is
//! believed to be there only if it is the last one of its block, and a block to which execution goes from there still has it.

use super::{Source, location::Located, scopes::Local};
use std::{cell::LazyCell, ops::Range};

/// Places of a variable that are looked through; more are nobody's, and what is not found is not read.
const MOST_PLACES: usize = 256;

impl Source<'_, '_> {
    /// Whether, at an address in the range of a place, the locals that it is made of have not been given to something else.
    pub(super) fn is_held(
        &self,
        at: usize,
        local: &Local,
        (range, located): (&Range<u32>, &Located),
        address: u32,
    ) -> bool {
        let function = self.instances[at].function;
        let Some(code) = self.code(function) else {
            return false;
        };
        let Some(run) = code.run_around(address) else {
            return false;
        };
        // Looked for once, and in so many places at most: a hostile module has thousands of each.
        let still_there = LazyCell::new(|| {
            let places = local.places.iter();
            let same = places.filter(|(_, place)| place.as_ref() == Ok(located));
            let mut same = same.take(MOST_PLACES);
            same.any(|(range, _)| run.successors().iter().any(|next| range.contains(next)))
        });
        let begin = run.begin.max(range.start);
        assigned_in(located).into_iter().all(|index| {
            let sets = code.after_sets(index);
            let first = sets.partition_point(|after| *after <= begin);
            let behind = sets.partition_point(|after| *after <= run.end);
            let [.., last] = &sets[first..behind] else {
                return true;
            };
            address < sets[first] || (*last <= address && *still_there)
        })
    }
}

/// The locals whose assignment changes what is at a place. Of a place in memory none: the frame's base is set once.
fn assigned_in(located: &Located) -> Vec<u32> {
    match located {
        Located::Memory(_) => Vec::new(),
        Located::Value(program) => program.locals().collect(),
        Located::Pieces(pieces) => {
            let parts = pieces.iter().filter_map(|(_, part)| part.as_ref());
            parts.flat_map(assigned_in).collect()
        }
    }
}
