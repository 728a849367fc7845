//! Injection, tested with an engine: what is injected computes what the original computes, and reports what is true.
//!
//! The host side here is a few lines of wasmtime of its own, not the library under test beside it: these tests are about
//! the rewritten code.

mod examples;
mod heap;
mod oracle;
mod printed;
mod probes;
mod run;
mod same;
mod stopped;
#[path = "../../../../profiler/probe/tests/support/mod.rs"]
mod support;
#[path = "../../../fathom/tests/cli/tools.rs"]
mod tools;
mod watch;
