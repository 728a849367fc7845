//! Looks into WebAssembly bytes and rewrites them so that they can be observed.
