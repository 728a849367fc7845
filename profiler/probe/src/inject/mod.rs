//! Rewrites a module so that it reports what an [`ArmedPlan`] asks for and counts what its allocator hands out.
//!
//! Nothing the guest computes changes. What is added stands at the end of every index space: imports after the guest's
//! imports (which shifts its own functions, so every call is renumbered), functions, globals, types and memories after
//! the guest's. Code is copied byte by byte around the few instructions that change; it is never decoded and encoded
//! again, which is what makes a module of 20 MB a matter of a fraction of a second.
//!
//! Limits: exits by exception, trap or `proc_exit` do not fire exit probes. An exception thrown through an allocation
//! function would stop the counting; C, Rust and AssemblyScript do not do that.

mod body;
mod emit;
mod fetch;
mod heap;
mod layout;
mod names;
mod nesting;
mod open;
mod sections;
mod table;

use crate::{
    error::{InjectError, InspectError},
    inspection::{Allocator, Counted, Inspection},
    mailbox::Mailbox,
    module::Module,
    slot::{ArmedPlan, Slot},
};
use layout::Layout;
use serde::{Deserialize, Serialize};

/// The module that injected imports come from.
pub const HOST_MODULE: &str = "fathom";
/// Called at each hit: (slot, value bits).
pub const HIT: &str = "hit";
/// Called after a file was opened: (directory descriptor, address of the path, its length).
pub const OPENED: &str = "opened";
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
    /// Whether `fathom.opened` is called.
    pub opens: bool,
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
    let module = Module::parse(wasm)?;
    check(&module, inspection)?;
    let mut layout = Layout::new(&module, inspection, plan);
    let wasm = sections::write(wasm, &module, inspection, plan, &mut layout)?;
    Ok(Injected {
        wasm,
        slots: plan.slots.clone(),
        mailbox: layout.mailbox,
        size_table: layout.size_table,
        heap: match &inspection.allocator {
            Allocator::Found(found) => Some(found.counted),
            Allocator::NotFound { .. } => None,
        },
        opens: plan.opens,
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
    plan.plan.notes.iter().cloned().chain(heap).collect()
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
