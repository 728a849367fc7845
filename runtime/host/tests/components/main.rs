//! Components under the host: small ones written as text, with memory that can be worked out by hand. Real ones, made by
//! compilers, are in the tests of the command line.

mod committed;
mod hostile;
mod inside;
mod lines;
mod support;
#[path = "../../../fathom/tests/cli/tools.rs"]
mod tools;
mod unavailable;
