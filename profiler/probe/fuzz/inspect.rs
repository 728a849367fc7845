//! Fuzz target: example guests with damaged debug information are inspected, their stacks made readable, probes planned
//! and injected. In this folder:
//!
//!     cargo run --release --target $(rustc --print host-tuple) --bin inspect -- -max_total_time=60 ../../../target/fuzz/corpus-inspect seeds/inspect
//!
//! What makes it fail is written to a file here; put that into `seeds/inspect`, and `tests/fuzzed.rs` fails too.
#![no_main]

#[path = "../tests/support/damaged.rs"]
mod damaged;
#[allow(dead_code, reason = "the other target uses more of it")]
#[path = "../tests/support/mod.rs"]
mod support;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| damaged::check(bytes));
