//! Components: core modules linked by the component model. Looking into one looks into each of its modules; rewriting
//! one rewrites modules inside it, each by the [`crate::inject`] that a module alone would get.
//!
//! Not here: anything about what a module itself contains. That is the same inside a component and outside.

mod inspect;
mod inspection;
mod parse;
mod plan;
mod rewrite;
mod shift;

pub use inspect::inspect_component;
pub use inspection::{ComponentInspection, InnerModule, WorldItem};
pub use plan::{ArmedComponent, plan_component};
pub use rewrite::{
    InjectedComponent, SHOW_MAILBOX, SHOW_MEMORY, component_import, inject_component,
};

/// Whether bytes begin as a component does; nothing is validated.
pub fn is_component(wasm: &[u8]) -> bool {
    // Version 0x0d in layer 1 is what components carry; core modules are version 1 in layer 0.
    wasm.starts_with(b"\0asm") && matches!(wasm.get(4..8), Some([_, _, 1, 0]))
}
