//! What a call is allowed: flag, then environment, then the guest's file, then the default.

use crate::{config::LimitsSection, quantity};
use clap::Args;
use host::Output;
use trace::{Bytes, Limits, Nanos};

/// Longest call, unless somebody says otherwise.
const TIMEOUT: Nanos = Nanos(30_000_000_000);

/// Most memory of a call while it is profiled or run, unless somebody says otherwise.
const MEMORY: Bytes = Bytes::mib(1024);

/// Most output of a call that nobody watches, unless somebody says otherwise.
const OUTPUT: Bytes = Bytes::mib(64);

/// Limits on the command line.
#[derive(Args, Clone, Default)]
pub(crate) struct LimitArgs {
    /// Longest time of a call [default: 30 s]
    #[arg(long, value_name = "TIME", env = "FATHOM_TIMEOUT", value_parser = quantity::duration, help_heading = "Limits")]
    pub(crate) timeout: Option<Nanos>,
    /// Most memory of a call [default: 1 GiB]
    #[arg(long, value_name = "SIZE", env = "FATHOM_MAX_MEMORY", value_parser = quantity::bytes, help_heading = "Limits")]
    pub(crate) max_memory: Option<Bytes>,
    /// Most output of a call whose output is not shown [default: 64 MiB]
    #[arg(long, value_name = "SIZE", env = "FATHOM_MAX_OUTPUT", value_parser = quantity::bytes, help_heading = "Limits")]
    pub(crate) max_output: Option<Bytes>,
    /// Grant an empty directory `/tmp` for the time of the call, and let so much be written in all
    #[arg(long, value_name = "SIZE", env = "FATHOM_SCRATCH", value_parser = quantity::bytes, help_heading = "Limits")]
    pub(crate) scratch: Option<Bytes>,
}

impl LimitArgs {
    /// Memory and time of a call.
    pub(crate) fn limits(&self, file: &LimitsSection) -> Limits {
        Limits {
            memory: self.max_memory.or(file.memory).unwrap_or(MEMORY),
            timeout: self.timeout.or(file.timeout).unwrap_or(TIMEOUT),
        }
    }

    /// Most bytes of output.
    pub(crate) fn most_output(&self, file: &LimitsSection) -> u64 {
        self.max_output.or(file.output).unwrap_or(OUTPUT).0
    }

    /// What a call may write, its output included; `None` where it gets no scratch directory.
    pub(crate) fn scratch(&self, file: &LimitsSection) -> Option<Bytes> {
        self.scratch.or(file.scratch)
    }

    /// What happens to output that nobody watches.
    pub(crate) fn discard(&self, file: &LimitsSection) -> Output {
        Output::Discard {
            most: self.most_output(file),
        }
    }
}
