//! Looks into WebAssembly bytes and rewrites them so that they can be observed.
//!
//! | stage | function | takes | gives |
//! |---|---|---|---|
//! | inspect | [`inspect`] | a core module | [`Inspection`]: variables, functions, allocator |
//! | plan | [`plan`] | an inspection, a [`trace::Selection`] | [`ArmedPlan`]: slots, notes |
//! | inject | [`inject`] | the module, both of the above | [`Injected`]: the rewritten module and its slots |
//!
//! A component is looked into by [`inspect_component`], and its modules are planned and rewritten inside it by
//! [`plan_component`] and [`inject_component`].
//!
//! Bytes in, bytes and values out: no engine, no files, no clock. What the rewritten module expects of its host is said
//! in [`Injected`] and [`Mailbox`]; what it never does is change what the guest computes.

mod component;
mod error;
mod inject;
mod inspect;
mod inspection;
mod mailbox;
mod module;
mod nearest;
mod plan;
mod slot;
mod value;

pub use component::{
    ArmedComponent, ComponentInspection, InjectedComponent, InnerModule, SHOW_MAILBOX, SHOW_MEMORY,
    WorldItem, component_import, inject_component, inspect_component, is_component, plan_component,
};
pub use error::{ComponentTooLarge, InjectError, InspectError, PlanError};
pub use inject::{ALLOCATED, HIT, HOST_MODULE, Injected, OPENED, SizeTable, inject};
pub use inspect::{demangle, inspect};
pub use inspection::*;
pub use mailbox::{Mailbox, Record, Snapshot};
pub use plan::{HITS, OPENED_VARIABLE, RESULT, plan};
pub use slot::{ArmedPlan, MEMORY_EXPORT, Place, Slot};
pub use value::{ParseValueTypeError, ValueType};
