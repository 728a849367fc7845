//! What the guest of one call sees of the machine.

use super::Call;
use crate::{
    Entry, InvokeError, Output,
    scratch::{self, Scratch},
    serving::Service,
    stdio::{self, Stdin, Stdout},
};
use std::io;
use trace::FunctionId;
use wasmtime_wasi::{FsPerms, WasiCtxBuilder, p1::WasiP1Ctx};

pub(super) struct Streams {
    pub(super) stdin: Stdin,
    pub(super) stdout: Stdout,
    stderr: Stdout,
}

impl Streams {
    /// The body and the output of a call; its standard error goes to `log` where there is one, and what a component
    /// that answers requests prints.
    pub(super) fn open(call: &Call, service: &Service) -> Result<Streams, InvokeError> {
        let log = service.log.clone();
        let stdout = match (&call.entry, &log) {
            (Entry::Http, Some(log)) => stdio::log(log.clone()),
            _ => stdio::stdout(call.output, service.room.clone()),
        };
        Ok(Streams {
            stdin: stdio::stdin(&call.event.body).map_err(|source| InvokeError::Open {
                label: call.event.label.clone(),
                source,
            })?,
            stdout,
            stderr: log.map_or_else(|| stdio::stderr(call.output), stdio::log),
        })
    }
}

impl Streams {
    /// Nothing to read, and what is written is dropped.
    pub(super) fn nothing() -> Streams {
        let most = 0;
        Streams {
            stdin: stdio::no_stdin(),
            stdout: stdio::stdout(Output::Discard { most }, None),
            stderr: stdio::stderr(Output::Discard { most }),
        }
    }

    /// From now on they are those of another call. A guest keeps the handles that it has.
    pub(super) fn become_of(&self, next: &Streams) {
        self.stdin.become_of(&next.stdin);
        self.stdout.become_of(&next.stdout);
        self.stderr.become_of(&next.stderr);
    }
}

/// What the guest may see of the machine: its streams, its arguments, its directories, clocks and randomness.
/// No network, no environment but its own.
pub(super) fn wasi(
    function: &FunctionId,
    call: &Call,
    streams: &Streams,
    scratch: Option<&Scratch>,
    served: bool,
) -> Result<WasiP1Ctx, InvokeError> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.stdin(streams.stdin.clone())
        .stdout(streams.stdout.clone())
        .stderr(streams.stderr.clone())
        // A guest that sleeps has the thread of a worker for itself, and shares that of a server.
        .allow_blocking_current_thread(!served)
        .arg(&function.name)
        .envs(&call.event.env);
    if call.entry == Entry::Start {
        wasi.args(&call.event.args);
    }
    if let Some(mount) = &call.event.mount {
        let permissions = if mount.writable {
            FsPerms::ReadWrite
        } else {
            FsPerms::ReadOnly
        };
        wasi.preopened_dir(&mount.host, &mount.guest, permissions)
            .map_err(|error| InvokeError::Mount {
                path: mount.host.clone(),
                reason: error.root_cause().to_string(),
            })?;
    }
    if let Some(scratch) = scratch {
        if call
            .event
            .mount
            .as_ref()
            .is_some_and(|mount| mount.guest == scratch::GUEST_PATH)
        {
            let why = format!(
                "`{}` is where the granted directory is already",
                scratch::GUEST_PATH
            );
            return Err(InvokeError::Scratch(io::Error::other(why)));
        }
        wasi.preopened_dir(scratch.path(), scratch::GUEST_PATH, FsPerms::ReadWrite)
            .map_err(|error| InvokeError::Scratch(io::Error::other(error)))?;
    }
    Ok(wasi.build_p1())
}
