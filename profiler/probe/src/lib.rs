//! Looks into WebAssembly bytes and rewrites them so that they can be observed.

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

pub use error::{InjectError, InspectError, PlanError};
pub use inject::{ALLOCATED, HIT, HOST_MODULE, Injected, OPENED, SizeTable, inject};
pub use inspect::{demangle, inspect};
pub use inspection::*;
pub use mailbox::{Mailbox, Record, Snapshot};
pub use plan::{HITS, OPENED_VARIABLE, RESULT, plan};
pub use slot::{ArmedPlan, MEMORY_EXPORT, Place, Slot};
pub use value::{ParseValueTypeError, ValueType};
