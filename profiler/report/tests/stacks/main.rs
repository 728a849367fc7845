//! Stacks: calls added up, every format written from amounts that can be added in the head, and every format read by its
//! real viewer or by that viewer's own parser.

#[path = "../../../../runtime/fathom/tests/cli/browser.rs"]
mod browser;
#[path = "../common/mod.rs"]
mod common;
mod formats;
mod merging;
#[path = "../../../../runtime/fathom/tests/cli/npm.rs"]
mod npm;
#[path = "../../../../runtime/fathom/tests/cli/tools.rs"]
mod tools;
mod viewers;
