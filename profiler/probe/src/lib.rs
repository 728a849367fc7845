//! Looks into WebAssembly bytes and rewrites them so that they can be observed.
//!
//! | stage | function | takes | gives |
//! |---|---|---|---|
//! | inspect | [`inspect`] | a core module | [`Inspection`]: variables, functions, allocator |
//! | plan | [`plan`] | the module, its inspection, a [`trace::Selection`] | [`ArmedPlan`]: slots, notes |
//! | show | [`readable`] | a module, the name of a function | its lines and what can be read there |
//! | inject | [`inject`] | the module, both of the above | [`Injected`]: the rewritten module and its slots |
//!
//! Bytes in, bytes and values out: no engine, no files, no clock. What the rewritten module expects of its host is said
//! in [`Injected`] and [`Mailbox`]; what it never does is change what the guest computes.

mod error;
mod inject;
mod inspect;
mod inspection;
mod mailbox;
mod module;
mod nearest;
mod plan;
mod program;
mod slot;
mod source;
mod value;

pub use error::{InjectError, InspectError, PlanError};
pub use inject::{ALLOCATED, HIT, HOST_MODULE, Injected, OPENED, SizeTable, inject};
pub use inspect::{demangle, inspect};
pub use inspection::*;
pub use mailbox::{Mailbox, Record, Snapshot};
pub use plan::{HITS, OPENED_VARIABLE, RESULT, plan};
pub use program::{Op, Program};
pub use slot::{ArmedPlan, MEMORY_EXPORT, Place, Site, Slot};
pub use source::{ReadableFunction, ReadableLine, ReadableVariable, SourceError, readable};
pub use value::{ParseValueTypeError, ValueType};
