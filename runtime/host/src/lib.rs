//! Runs guests in wasmtime, one sandbox per call.
