//! Fuzz target: generated modules, injected with every probe there is, are valid. Run as `inspect`.
#![no_main]

#[path = "../tests/support/generated.rs"]
mod generated;
#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| generated::check(bytes));
