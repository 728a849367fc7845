//! Rewrites a module so that it reports what an [`ArmedPlan`] asks for and counts what its allocator hands out.
//!
//! Nothing the guest computes changes. What is added stands at the end of every index space: imports after the guest's
//! imports (which shifts its own functions, so every call is renumbered), functions, globals, types and memories after
//! the guest's. Code is copied byte by byte around the few instructions that change; it is never decoded and encoded
//! again, which is what makes a module of 20 MB a matter of a fraction of a second.
//!
//! Limits: exits by exception, trap or `proc_exit` do not fire exit probes. An exception thrown through an allocation
//! function would stop the counting; C, Rust and AssemblyScript do not do that.

mod blocks;
mod body;
mod context;
mod emit;
mod fetch;
mod heap;
mod layout;
mod names;
mod nesting;
mod open;
mod record;
mod sections;
mod table;

use crate::{
    code_map::CodeMap,
    error::{InjectError, InspectError},
    inspection::{Allocator, Counted, Inspection},
    mailbox::Mailbox,
    module::Module,
    slot::{ArmedPlan, HeapReports, Slot},
};
use layout::Layout;
use serde::{Deserialize, Serialize};

/// The module that injected imports come from.
pub const HOST_MODULE: &str = "fathom";
/// Called at each hit: (slot, value bits).
pub const HIT: &str = "hit";
/// Called after a file was opened: (directory descriptor, address of the path, its length).
pub const OPENED: &str = "opened";
/// Called with a block that was handed out: (address, size, calling context).
pub const BLOCK: &str = "block";
/// Called when a block is given back: (address, whether a reallocation did it).
pub const RELEASED: &str = "released";
/// The name under which the calling context is exported, a mutable global. The host sets it to 0 before it calls.
pub const CONTEXT_EXPORT: &str = "fathom:context";
/// Called when so many bytes were handed out as the host asked for.
pub const ALLOCATED: &str = "allocated";

/// A rewritten module and what the host has to know of it. It can be kept beside the compiled code: everything but
/// `wasm` is serialized.
///
/// The host provides, in module [`HOST_MODULE`], each only where it is used:
///
/// | import | when it is called |
/// |---|---|
/// | `hit(slot: i32, bits: i64)` | a slot in host-call mode is hit; see [`crate::ValueType::decode`] |
/// | `opened(dirfd: i32, path_ptr: i32, path_len: i32)` | `path_open` has just succeeded |
/// | `block(address: i32, size: i32, context: i64)` | a block was handed out, with [`HeapReports::Every`] each, else the one that [`Mailbox::BYTES_TO_SAMPLE`] chose; the context is 0 then |
/// | `released(address: i32, moved: i32)` | it may be one that was reported is given back; `moved` is 1 where by reallocation, whose new block is reported next, if it is |
/// | `allocated()` | the bytes handed out passed [`Mailbox::NEXT_SAMPLE_AT`] |
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Injected {
    /// The rewritten module. Empty after deserialization.
    #[serde(skip)]
    pub wasm: Vec<u8>,
    /// Slots by number.
    pub slots: Vec<Slot>,
    /// The mailbox, present where an allocator is counted or a probe has code.
    pub mailbox: Option<Mailbox>,
    /// The memory in which the sizes of blocks are kept, present where the allocator does not keep them readably.
    pub size_table: Option<SizeTable>,
    /// What the heap counters mean; `None` where no allocator is counted.
    pub heap: Option<Counted>,
    /// How single blocks are reported; `None` where they are not.
    pub heap_reports: Option<HeapReports>,
    /// Where in the mailbox the filter of sampled blocks is.
    pub filter_offset: Option<u32>,
    /// Whether `fathom.opened` is called.
    pub opens: bool,
    /// Where the guest's own code is.
    pub code_map: CodeMap,
    /// Sentences for the user.
    pub notes: Vec<String>,
}

/// One more memory of the guest, not exported, that grows with the guest's heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeTable {
    /// Its size at the start, in pages.
    pub pages: u64,
    /// Its declared maximum, in pages: see [`Mailbox::maximum_pages`]. Memory growing under this maximum is Fathom's
    /// own; refusing it leaves blocks untracked, see [`Mailbox::UNTRACKED`].
    pub maximum_pages: u64,
}

/// Rewrites `wasm`, which `inspection` was made of, so that it does what `plan` says.
///
/// # Errors
///
/// Where the bytes are not the inspected module, were injected before, or have no room for one more memory.
pub fn inject(
    wasm: &[u8],
    inspection: &Inspection,
    plan: &ArmedPlan,
) -> Result<Injected, InjectError> {
    inject_beside(wasm, inspection, plan, &[])
}

/// As [`inject`], for a module that runs beside others, some of whose memories are declared to be at most so many bytes.
pub(crate) fn inject_beside(
    wasm: &[u8],
    inspection: &Inspection,
    plan: &ArmedPlan,
    taken: &[u64],
) -> Result<Injected, InjectError> {
    let module = Module::parse(wasm)?;
    check(&module, inspection)?;
    let mut layout = Layout::new(&module, inspection, plan, taken);
    let (wasm, code_map) = sections::write(wasm, &module, inspection, plan, &mut layout)?;
    Ok(Injected {
        wasm,
        slots: plan.slots.clone(),
        mailbox: layout.mailbox,
        size_table: layout.size_table,
        heap: match &inspection.allocator {
            Allocator::Found(found) => Some(found.counted),
            Allocator::NotFound { .. } => None,
        },
        heap_reports: layout.reports.map(|reports| reports.kind),
        filter_offset: layout.filter_offset,
        opens: plan.opens,
        code_map,
        notes: notes(inspection, plan),
    })
}

fn notes(inspection: &Inspection, plan: &ArmedPlan) -> Vec<String> {
    let heap = match &inspection.allocator {
        Allocator::Found(found) if found.counted == Counted::AllocatedOnly => {
            Some(found.note.clone())
        }
        Allocator::Found(_) => None,
        Allocator::NotFound { reason } => Some(reason.clone()),
    };
    let blocks = plan.heap.and_then(|_| match &inspection.allocator {
        Allocator::Found(found) if found.counted == Counted::AllocatedOnly => Some(
            "who allocated memory is recorded; who held it is not known, since what is given back cannot be seen",
        ),
        Allocator::Found(_) => None,
        Allocator::NotFound { .. } => {
            Some("who allocated memory is not recorded: no allocator is known")
        }
    });
    let notes = plan.plan.notes.iter().cloned();
    notes.chain(heap).chain(blocks.map(str::to_owned)).collect()
}

/// As many memories as a module may have (a limit that engines and validators share).
const MAX_MEMORIES: usize = 100;

fn check(module: &Module<'_>, inspection: &Inspection) -> Result<(), InjectError> {
    if module.functions.len() != inspection.function_count {
        return Err(InjectError::OtherModule {
            found: module.functions.len(),
            expected: inspection.function_count,
        });
    }
    let import = module.imports.iter().find(|i| i.module == HOST_MODULE);
    if let Some(import) = import {
        return Err(InjectError::AlreadyInjected {
            what: format!("imports `{HOST_MODULE}.{}`", import.name),
        });
    }
    let export = module
        .exports
        .iter()
        .find(|e| e.name.starts_with("fathom:"));
    if let Some(export) = export {
        return Err(InjectError::AlreadyInjected {
            what: format!("exports `{}`", export.name),
        });
    }
    // The mailbox, and possibly the table of sizes.
    if module.memories.len() + 2 > MAX_MEMORIES {
        return Err(InjectError::TooManyMemories {
            found: module.memories.len(),
        });
    }
    Ok(())
}

/// For what parsing has already proven to be sound.
fn unreadable(error: &wasmparser::Error) -> InjectError {
    InjectError::Unreadable(InspectError::Invalid {
        offset: error.offset(),
        what: error.message().to_owned(),
    })
}
