//! What was injected into a guest: into the one module that it is, or into modules of a component. Numbers of slots count
//! through all of them. Not here: what the host reads of it during a call (`injected`, `state`).

use crate::injected::Static;
use probe::{CodeMap, Counted, Injected, Mailbox, Place, Slot, ValueType};
use trace::{Breakpoint, PAGE};

/// The rewritten modules of a guest, in order. None, where nothing could be rewritten.
#[derive(Debug, Default)]
pub(crate) struct Parts(Vec<Injected>);

impl Parts {
    pub(crate) fn new(mut modules: Vec<Injected>) -> Parts {
        for module in &mut modules {
            // Compiled by now.
            module.wasm = Vec::new();
        }
        Parts(modules)
    }

    pub(crate) fn modules(&self) -> &[Injected] {
        &self.0
    }

    /// Every slot with the module it is in; its place in this order is its number.
    pub(crate) fn slots(&self) -> impl Iterator<Item = (usize, &Slot)> {
        let modules = self.0.iter().enumerate();
        modules.flat_map(|(module, part)| part.slots.iter().map(move |slot| (module, slot)))
    }

    /// Number of the first slot of a module.
    pub(crate) fn first_slot(&self, module: usize) -> usize {
        let before = self.0.iter().take(module);
        before.map(|part| part.slots.len()).sum()
    }

    /// The variables of a module that are read at each sample, with their slots, as far as `find` finds them.
    pub(crate) fn sampled(
        &self,
        module: usize,
        find: impl Fn(&Place, ValueType) -> Option<Static>,
    ) -> Vec<(usize, Static)> {
        let slots = self.0.get(module).map_or(&[][..], |part| &part.slots);
        let numbered = (self.first_slot(module)..).zip(slots);
        numbered
            .filter(|(_, slot)| slot.breakpoint == Breakpoint::Sample)
            .filter_map(|(number, slot)| Some((number, find(&slot.place, slot.value_type)?)))
            .collect()
    }

    /// Number of the slot for sizes of opened files: after those of the plan. The host finds that value by itself.
    pub(crate) fn open_slot(&self) -> usize {
        self.first_slot(self.0.len())
    }

    /// Breakpoint and variable of a slot.
    pub(crate) fn name_of_slot(&self, number: usize) -> Option<(Breakpoint, String)> {
        if number == self.open_slot() {
            return Some((Breakpoint::Open, "file_bytes".to_owned()));
        }
        let (_, planned) = self.slots().nth(number)?;
        Some((planned.breakpoint.clone(), planned.variable.clone()))
    }

    /// The module whose allocator is counted, and what its counters mean. There is one at most.
    pub(crate) fn heap(&self) -> Option<(usize, Counted)> {
        let mut modules = self.0.iter().enumerate();
        modules.find_map(|(module, part)| Some((module, part.heap?)))
    }

    /// What was injected into the module whose allocator is counted.
    pub(crate) fn with_heap(&self) -> Option<&Injected> {
        self.0.iter().find(|part| part.heap.is_some())
    }

    /// Whether single blocks are reported, and so who allocates them.
    pub(crate) fn reports_blocks(&self) -> bool {
        self.0.iter().any(|part| part.heap_reports.is_some())
    }

    /// Where the code of a guest that is a module is.
    pub(crate) fn code_map(&self) -> Option<&CodeMap> {
        self.0.first().map(|part| &part.code_map)
    }

    /// Whether the allocator of a module is counted.
    pub(crate) fn has_heap(&self, module: usize) -> bool {
        self.heap().is_some_and(|(heap, _)| heap == module)
    }

    /// By what the limiter knows the memories that are not the guest's own: declared maxima, bytes.
    pub(crate) fn injected_maxima(&self) -> Vec<u64> {
        let maxima = self.0.iter().flat_map(|part| {
            let mailbox = part.mailbox.map(|memory: Mailbox| memory.maximum_pages);
            let size_table = part.size_table.map(|memory| memory.maximum_pages);
            mailbox.into_iter().chain(size_table)
        });
        maxima.map(|pages| pages * PAGE.0).collect()
    }
}
