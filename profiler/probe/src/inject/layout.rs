//! Where everything that is added goes: indices only, no code.

use super::{SizeTable, context::Context, nesting, record::Recorders};
use crate::{
    code_map::CodeMap,
    inspection::{Allocator, Assignment, FoundAllocator, Inspection, Tracking},
    mailbox::Mailbox,
    module::Module,
    program::Program,
    slot::{ArmedPlan, HeapReports, MEMORY_EXPORT, Place, Slot},
};
use std::collections::HashMap;
use trace::ProbeMode;
use wasm_encoder::ValType;

/// Indices in the rewritten module.
pub(super) struct Layout {
    /// Functions the guest imports: they keep their index.
    imported: u32,
    /// The imports that are added, in order, with their type.
    pub(super) imports: Vec<(&'static str, u32)>,
    pub(super) hit: Option<u32>,
    pub(super) opened: Option<u32>,
    pub(super) allocated: Option<u32>,
    /// How single blocks are reported.
    pub(super) reports: Option<Reports>,
    /// Where in the mailbox the filter of sampled blocks is.
    pub(super) filter_offset: Option<u32>,
    /// The calling context: an i64 global, where every block is reported.
    pub(super) context: Option<Context>,
    /// Original index of each imported `path_open`, and the function that stands in for it.
    pub(super) path_open: Vec<(u32, u32)>,
    /// Original index of each function of the allocator, and where its body moves to.
    pub(super) moved: Vec<(u32, u32)>,
    /// The functions of the table of sizes: look up, and enter.
    pub(super) table_functions: Option<TableFunctions>,
    /// Functions that keep records, where those are not kept in place.
    pub(super) recorders: Recorders,
    pub(super) types: AddedTypes,
    pub(super) mailbox: Option<Mailbox>,
    pub(super) mailbox_memory: u32,
    pub(super) size_table: Option<SizeTable>,
    pub(super) table_memory: u32,
    /// Whether the allocator can come back to itself in a way that calls do not show.
    pub(super) guarded: bool,
    /// Whether the guest is inside its allocator already: an i32 global.
    pub(super) depth_global: u32,
    /// By how many bits addresses are shifted to find their cell in the table of sizes: an i32 global.
    pub(super) shift_global: u32,
    /// Whether memory 0 has to be exported for the host to read statics.
    pub(super) export_memory: bool,
}

/// The functions by which blocks are reported.
#[derive(Clone, Copy)]
pub(super) struct Reports {
    pub(super) kind: HeapReports,
    pub(super) block: u32,
    pub(super) released: u32,
}

/// Functions that keep the table of sizes.
#[derive(Clone, Copy)]
pub(super) struct TableFunctions {
    /// (block) -> size
    pub(super) get: u32,
    pub(super) get_type: u32,
    /// (block, size) -> size before
    pub(super) set: u32,
    pub(super) set_type: u32,
    /// (shift) -> 1, or 0 where memory was refused
    pub(super) relayout: u32,
}

/// Function types that are added after the guest's.
pub(super) struct AddedTypes {
    base: u32,
    pub(super) signatures: Vec<(Vec<ValType>, Vec<ValType>)>,
}

impl AddedTypes {
    pub(super) fn index_of(&mut self, params: &[ValType], results: &[ValType]) -> u32 {
        let known = self
            .signatures
            .iter()
            .position(|(p, r)| p == params && r == results);
        let position = known.unwrap_or_else(|| {
            self.signatures.push((params.to_vec(), results.to_vec()));
            self.signatures.len() - 1
        });
        self.base + position as u32
    }
}

impl Layout {
    pub(super) fn new(
        module: &Module<'_>,
        inspection: &Inspection,
        plan: &ArmedPlan,
        taken: &[u64],
    ) -> Layout {
        use ValType::{I32, I64};
        let mut types = AddedTypes {
            base: module.types.len() as u32,
            signatures: Vec::new(),
        };
        let allocator = match &inspection.allocator {
            Allocator::Found(found) => Some(found),
            Allocator::NotFound { .. } => None,
        };
        let mut imports: Vec<(&'static str, u32)> = Vec::new();
        let mut import = |wanted: bool, name: &'static str, params: &[ValType]| {
            wanted.then(|| {
                imports.push((name, types.index_of(params, &[])));
                module.imported_functions + imports.len() as u32 - 1
            })
        };
        let host_calls = plan.slots.iter().any(|s| s.mode == ProbeMode::HostCall);
        let hit = import(host_calls, super::HIT, &[I32, I64]);
        let opened = import(plan.opens, super::OPENED, &[I32, I32, I32]);
        let allocated = import(allocator.is_some(), super::ALLOCATED, &[]);
        let kind = plan.heap.filter(|_| allocator.is_some());
        let block = import(kind.is_some(), super::BLOCK, &[I32, I32, I64]);
        let released = import(kind.is_some(), super::RELEASED, &[I32, I32]);
        let reports = match (kind, block, released) {
            (Some(kind), Some(block), Some(released)) => Some(Reports {
                kind,
                block,
                released,
            }),
            _ => None,
        };

        let mut next_function = module.functions.len() as u32 + imports.len() as u32;
        let mut new_function = || {
            next_function += 1;
            next_function - 1
        };
        let moved = allocator
            .map(|found| found.functions.as_slice())
            .unwrap_or_default()
            .iter()
            .map(|function| (function.index, new_function()))
            .collect();
        let opens = if plan.opens {
            inspection.path_open.as_slice()
        } else {
            &[]
        };
        let path_open = opens.iter().map(|old| (*old, new_function())).collect();
        let with_table = allocator.is_some_and(|found| found.tracking == Tracking::Table);
        let table_functions = with_table.then(|| TableFunctions {
            get: new_function(),
            get_type: types.index_of(&[I32], &[I32]),
            set: new_function(),
            set_type: types.index_of(&[I32, I32], &[I32]),
            relayout: new_function(),
        });
        let recorders = Recorders::new(plan, &mut types, &mut new_function);
        let guarded = allocator.is_some_and(|found| nesting::is_possible(module, found));
        let globals = module.globals.len() as u32;
        let memories = module.memories.len() as u32;
        let (mailbox, size_table, filter_offset) = memories_needed(module, allocator, plan, taken);
        let own_globals = u32::from(guarded) + u32::from(size_table.is_some());
        let context = allocator
            .filter(|_| kind == Some(HeapReports::Every))
            .map(|found| Context::new(module, found, globals + own_globals));
        Layout {
            imported: module.imported_functions,
            imports,
            hit,
            opened,
            allocated,
            reports,
            filter_offset,
            context,
            path_open,
            moved,
            table_functions,
            recorders,
            types,
            mailbox,
            mailbox_memory: memories + u32::from(size_table.is_some()),
            size_table,
            table_memory: memories,
            guarded,
            depth_global: globals,
            shift_global: globals + u32::from(guarded),
            export_memory: plan.slots.iter().any(|slot| {
                matches!(&slot.place, Place::Static { memory, .. } if memory == MEMORY_EXPORT)
            }),
        }
    }

    /// Where functions go; nothing yet of what becomes of their code.
    pub(super) fn code_map(&self, module: &Module<'_>) -> CodeMap {
        CodeMap {
            imported: self.imported,
            added: self.imports.len() as u32,
            functions: module.functions.len() as u32,
            moved: self.moved.iter().map(|(original, _)| *original).collect(),
            ..CodeMap::default()
        }
    }

    /// The index of a function of the guest; what stands in for it where there is something.
    pub(super) fn function(&self, old: u32) -> u32 {
        let stand_in = self.path_open.iter().find(|(original, _)| *original == old);
        stand_in.map_or_else(|| self.shifted(old), |(_, wrapper)| *wrapper)
    }

    /// The index of a function of the guest, itself.
    pub(super) fn shifted(&self, old: u32) -> u32 {
        if old < self.imported {
            old
        } else {
            old + self.imports.len() as u32
        }
    }

    /// Where the body of an allocator's function has moved to.
    pub(super) fn moved_to(&self, old: u32) -> Option<u32> {
        self.moved
            .iter()
            .find(|(original, _)| *original == old)
            .map(|(_, new)| *new)
    }

    /// Whether calls in the guest's code need other numbers than before.
    pub(super) fn renumbers(&self) -> bool {
        !self.imports.is_empty() || !self.path_open.is_empty()
    }
}

fn memories_needed(
    module: &Module<'_>,
    allocator: Option<&FoundAllocator>,
    plan: &ArmedPlan,
    taken_beside: &[u64],
) -> (Option<Mailbox>, Option<SizeTable>, Option<u32>) {
    // The limit of a memory that declares none is what its index type can address.
    let taken: Vec<u64> = module
        .memories
        .iter()
        .filter_map(|m| {
            let page = 1u64 << m.page_size_log2.unwrap_or(16);
            m.maximum.map(|maximum| maximum.saturating_mul(page))
        })
        .chain(taken_beside.iter().copied())
        .collect();
    let free = |pages: &u64| !taken.contains(&(pages << 16));
    let used = plan.slots.iter().filter_map(mailbox_end).max();
    let used = used.or(allocator.map(|_| Mailbox::LATEST));
    let filtered = plan.heap == Some(HeapReports::Sampled) && allocator.is_some();
    let filter_offset = used.filter(|_| filtered).map(|used| used as u32);
    let used = used.map(|bytes| bytes + filter_offset.map_or(0, |_| Mailbox::FILTER_BYTES));
    let mailbox = used.map(|bytes| {
        let pages = Mailbox::pages_for(bytes);
        Mailbox {
            pages,
            maximum_pages: (pages + 1..).find(free).unwrap_or(pages),
        }
    });
    let size_table = allocator
        .is_some_and(|found| found.tracking == Tracking::Table)
        .then(|| SizeTable {
            pages: 1,
            maximum_pages: (1..65536).rev().find(free).unwrap_or(65535),
        });
    (mailbox, size_table, filter_offset)
}

/// Where in the mailbox what a slot uses of it ends; `None` where it uses nothing.
fn mailbox_end(slot: &Slot) -> Option<usize> {
    let record = slot
        .mailbox_offset
        .map(|offset| offset as usize + Mailbox::RECORD_BYTES);
    let latest = latest_word(&slot.place).map(|offset| offset as usize + 8);
    record.max(latest)
}

/// Where in the mailbox the value of a slot is, if it is there.
fn latest_word(place: &Place) -> Option<u32> {
    match place {
        Place::Static { address, memory } if memory == Mailbox::EXPORT => Some(*address),
        _ => None,
    }
}

/// Value types in the encoder's terms. Type indices stay what they are, because types are only added at the end.
pub(super) fn encode(ty: wasmparser::ValType) -> Option<ValType> {
    use wasm_encoder::reencode::{Reencode, RoundtripReencoder};
    RoundtripReencoder.val_type(ty).ok()
}

/// Slots of one place in the code, with their numbers.
pub(super) type Armed<'p> = Vec<(u32, &'p Slot)>;

/// What is done after an instruction that stores into a static.
#[derive(Default)]
pub(super) struct Assigned<'p> {
    /// The static's address and the word of the mailbox that its value is copied to.
    pub(super) copied: Option<(u32, u32)>,
    pub(super) armed: Armed<'p>,
}

/// A slot at one place in the code.
pub(super) struct AtSite<'p> {
    pub(super) number: u32,
    pub(super) slot: &'p Slot,
    pub(super) fetch: Fetch<'p>,
}

/// How its value is fetched there.
#[derive(Clone, Copy)]
pub(super) enum Fetch<'p> {
    Program(&'p Program),
    Place(&'p Place),
}

/// Which slots are hit where: what rewriting a body looks up.
#[derive(Default)]
pub(super) struct Sites<'p> {
    pub(super) entry: HashMap<u32, Armed<'p>>,
    pub(super) exit: HashMap<u32, Armed<'p>>,
    /// By global.
    pub(super) global_set: HashMap<u32, Armed<'p>>,
    /// By offset of the storing instruction in the original module.
    pub(super) store: HashMap<usize, Assigned<'p>>,
    /// By offset of the instruction in the original module before which they are hit.
    pub(super) before: HashMap<usize, Vec<AtSite<'p>>>,
}

impl<'p> Sites<'p> {
    pub(super) fn new(inspection: &Inspection, plan: &'p ArmedPlan) -> Sites<'p> {
        use trace::Breakpoint;
        let mut sites = Sites::default();
        for (number, slot) in plan.slots.iter().enumerate() {
            if let Some(word) = latest_word(&slot.place) {
                for assignment in assignments(inspection, &slot.variable) {
                    let site = sites.store.entry(assignment.offset).or_default();
                    site.copied = Some((assignment.address, word));
                }
            }
            if slot.mode == ProbeMode::HostRead {
                continue;
            }
            let armed = (number as u32, slot);
            match (&slot.breakpoint, slot.function, &slot.place) {
                (_, _, Place::Source { sites: places }) => {
                    for place in places {
                        sites.add(place.offset, armed, Fetch::Program(&place.program));
                    }
                }
                (_, _, Place::Anywhere { place, offsets }) => {
                    for offset in offsets {
                        sites.add(*offset, armed, Fetch::Place(place));
                    }
                }
                (Breakpoint::Entry(_), Some(function), _) => {
                    sites.entry.entry(function).or_default().push(armed);
                }
                (Breakpoint::Exit(_), Some(function), _) => {
                    sites.exit.entry(function).or_default().push(armed);
                }
                (Breakpoint::Set(_), _, Place::Global { index, .. }) => {
                    sites.global_set.entry(*index).or_default().push(armed);
                }
                (Breakpoint::Set(name), _, Place::Static { .. }) => {
                    for assignment in assignments(inspection, name) {
                        let site = sites.store.entry(assignment.offset).or_default();
                        site.armed.push(armed);
                    }
                }
                _ => {}
            }
        }
        sites
    }

    fn add(&mut self, offset: usize, (number, slot): (u32, &'p Slot), fetch: Fetch<'p>) {
        let here = self.before.entry(offset).or_default();
        here.push(AtSite {
            number,
            slot,
            fetch,
        });
    }

    /// Whether a function is observed where it is entered or left.
    pub(super) fn are_in(&self, function: u32) -> bool {
        self.entry.contains_key(&function) || self.exit.contains_key(&function)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entry.is_empty()
            && self.exit.is_empty()
            && self.global_set.is_empty()
            && self.store.is_empty()
            && self.before.is_empty()
    }
}

/// The stores to a variable.
fn assignments<'i>(inspection: &'i Inspection, name: &str) -> &'i [Assignment] {
    let mut variables = inspection.variables.iter();
    let variable = variables.find(|variable| variable.name == name);
    variable.map(|v| v.stores.as_slice()).unwrap_or_default()
}
