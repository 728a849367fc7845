//! Looks into WebAssembly bytes and rewrites them so that they can be observed.
//!
//! | stage | function | takes | gives |
//! |---|---|---|---|
//! | inspect | [`inspect`] | a core module | [`Inspection`]: variables, functions, allocator |
//! | plan | [`plan`] | the module, its inspection, a [`trace::Selection`] | [`ArmedPlan`]: slots, notes |
//! | show | [`readable`] | a module, the name of a function | its lines and what can be read there |
//! | inject | [`inject`] | the module, both of the above | [`Injected`]: the rewritten module and its slots |
//! | symbols | [`Symbols`] | the module, places in it | [`trace::Frame`]s: names, files, lines, inlined functions |
//!
//! A component is looked into by [`inspect_component`], and its modules are planned and rewritten inside it by
//! [`plan_component`] and [`inject_component`].
//!
//! Bytes in, bytes and values out: no engine, no files, no clock. What the rewritten module expects of its host is said
//! in [`Injected`] and [`Mailbox`]; what it never does is change what the guest computes.

mod code_map;
mod component;
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
mod symbols;
mod value;

pub use code_map::{CodeMap, OriginalPlace};
pub use component::{
    ArmedComponent, ComponentInspection, InjectedComponent, InnerModule, SHOW_MAILBOX, SHOW_MEMORY,
    WorldItem, component_import, inject_component, inspect_component, is_component, plan_component,
};
pub use error::{ComponentTooLarge, InjectError, InspectError, PlanError};
pub use inject::{
    ALLOCATED, BLOCK, CONTEXT_EXPORT, HIT, HOST_MODULE, Injected, OPENED, RELEASED, SizeTable,
    inject,
};
pub use inspect::{demangle, inspect, is_allocation_function};
pub use inspection::*;
pub use mailbox::{Mailbox, Record, Snapshot};
pub use plan::{HITS, OPENED_VARIABLE, RESULT, plan};
pub use program::{Op, Program};
pub use slot::{ArmedPlan, HeapReports, MEMORY_EXPORT, Place, Site, Slot};
pub use source::{ReadableFunction, ReadableLine, ReadableVariable, SourceError, readable};
pub use symbols::Symbols;
pub use value::{ParseValueTypeError, ValueType};
