//! Whether a local still holds the variable that the debug information says it does.
//!
//! LLVM gives one WebAssembly local to several values whose lives do not overlap, and goes on saying that it holds the first
//! of them where it already holds the next. So an assignment of the local counts as one of the variable only where the
//! variable's own function makes it and no other variable begins there; after any other, nothing is read.

use super::{
    Source,
    location::Located,
    scopes::{Instance, Local},
};
use crate::program::{Op, Program};
use std::{collections::HashMap, ops::Range, rc::Rc};

/// By function, local and address: the instances of which a variable begins to be in that local there, and its name.
pub(super) type Claims = HashMap<(u32, u32, u32), Vec<(usize, Rc<str>)>>;

/// By instance, line of declaration, local and where its range begins: from where on the local may hold something else.
pub(super) type Losses = HashMap<(usize, u32, u32, u32), Option<u32>>;

/// Where which variables begin to be in which local.
pub(super) fn claims(instances: &[Instance]) -> Claims {
    let mut claims = Claims::new();
    for (at, instance) in instances.iter().enumerate() {
        for local in &instance.variables {
            for (range, place) in &local.places {
                if let Ok(Located::Value(program)) = place
                    && let [Op::Local(index)] = program.ops()
                {
                    let key = (instance.function, *index, range.start);
                    let here = claims.entry(key).or_default();
                    here.push((at, local.name.as_str().into()));
                }
            }
        }
    }
    claims
}

impl Source<'_, '_> {
    /// Whether, at an address in a range, the locals that a place is made of have not been given to something else since the
    /// range began.
    pub(super) fn is_held(
        &self,
        at: usize,
        local: &Local,
        range: &Range<u32>,
        located: &Located,
        address: u32,
    ) -> bool {
        match located {
            // The frame's base is set once.
            Located::Memory(_) => true,
            Located::Value(program) => self.locals_hold(at, local, range, program, address),
            Located::Pieces(pieces) => pieces.iter().all(|(_, part)| match part {
                Some(part) => self.is_held(at, local, range, part, address),
                None => true,
            }),
        }
    }

    fn locals_hold(
        &self,
        at: usize,
        local: &Local,
        range: &Range<u32>,
        program: &Program,
        address: u32,
    ) -> bool {
        program.locals().all(|index| {
            let lost = self.lost(at, local, range, index);
            lost.is_none_or(|lost| address < lost)
        })
    }

    /// From where on in a range a local may hold something else; `None` where it holds the variable throughout.
    fn lost(&self, at: usize, local: &Local, range: &Range<u32>, index: u32) -> Option<u32> {
        let key = (at, local.line, index, range.start);
        if let Some(known) = self.lost.borrow().get(&key) {
            return *known;
        }
        let code = self.code(self.instances[at].function)?;
        // Sets come in the order of the code.
        let mut sets = code
            .after_sets(index)
            .filter(|after| range.start < *after && *after < range.end);
        let lost = sets.find(|after| !self.is_own_assignment(at, local, index, *after));
        let lost = lost.map(|lost| code.lost_from(range.start, lost));
        self.lost.borrow_mut().insert(key, lost);
        lost
    }

    /// Whether the assignment of a local that ends at an address is one of the variable.
    fn is_own_assignment(&self, at: usize, local: &Local, index: u32, after: u32) -> bool {
        let function = self.instances[at].function;
        let claimed = self.claims.get(&(function, index, after));
        let by_another = claimed.is_some_and(|claims| {
            let own =
                |(instance, name): &(usize, Rc<str>)| *instance == at && **name == *local.name;
            !claims.iter().any(own)
        });
        !by_another && self.innermost(at, after.saturating_sub(1))
    }

    /// Whether nothing that was inlined into an instance contains an address.
    fn innermost(&self, at: usize, address: u32) -> bool {
        let children = self.children.get(&at).into_iter().flatten();
        self.instances[at].contains(address)
            && !children
                .into_iter()
                .any(|child| self.instances[*child].contains(address))
    }
}
