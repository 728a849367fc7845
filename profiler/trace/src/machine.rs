//! What a call ran on. Times of calls that ran on different machines are not to be compared without saying so.

use serde::{Deserialize, Serialize};

/// The machine and the engine that ran a call. Text as the system gives it; empty where that is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Machine {
    /// Processor model: `AMD EPYC 7B13`.
    pub processor: String,
    /// Kernel and release: `Linux 6.18.5`.
    pub kernel: String,
    /// Engine, version and the settings that change speed or memory: `wasmtime 48.0.8, cranelift speed, on-demand`.
    pub engine: String,
}

/// What observing a call cost, so that its times can be judged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeCost {
    /// Hits of all probes that are code.
    pub hits: u64,
    /// Of these, those that called the host.
    pub host_calls: u64,
    /// CPU time taken by them, seconds: hits and calls times what each costs on this machine, measured once per process.
    pub cpu_seconds: f64,
}
