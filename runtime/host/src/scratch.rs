//! A scratch directory: empty when a call begins, writable for the guest as `/tmp`, gone when the call has ended, and
//! bounded. Not a way for calls to share files, and not the granted directory, which stays read-only.
//!
//! A guest may write little and often, or many empty files, or one file with a hole: so everything that can make a
//! directory larger is charged, and what is deleted is not credited. WASI has no such bound; the functions concerned are
//! shadowed here, and call the original ones as long as the budget lasts. Then a guest sees `nospc`: a full disk.

use crate::state::State;
use std::{fs, io, path::PathBuf};
use trace::Bytes;
use wasmtime::{AsContextMut, Caller, Extern, Linker};
use wasmtime_wasi::p1::{
    WasiP1Ctx,
    types::Errno,
    wasi_snapshot_preview1::{self as original, WasiSnapshotPreview1},
};
use wiggle::GuestMemory;

/// Where the guest sees it.
pub(crate) const GUEST_PATH: &str = "/tmp";

/// What a name in a directory costs, file or folder: about what it costs on a disk.
const PER_NAME: u64 = 4096;

/// The directory on this machine; removed when this is dropped, at the latest.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    /// An empty directory that only this user may look into. A process makes one call at a time, so its number tells
    /// directories apart.
    pub(crate) fn make() -> io::Result<Scratch> {
        use std::os::unix::fs::DirBuilderExt;
        let scratch = Scratch(folder_of(std::process::id()));
        remove(&scratch.0)?;
        fs::DirBuilder::new().mode(0o700).create(&scratch.0)?;
        Ok(scratch)
    }

    pub(crate) fn path(&self) -> &PathBuf {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left is in the way of nobody but the next call of this process, which says so.
        let _ = remove(&self.0);
    }
}

/// Removes what a process that was ended in the middle of a call has left.
pub fn remove_scratch_of(process: u32) {
    // Whoever ended the process has something more important to say.
    let _ = remove(&folder_of(process));
}

fn folder_of(process: u32) -> PathBuf {
    std::env::temp_dir().join(format!("fathom-scratch-{process}"))
}

fn remove(folder: &PathBuf) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a call may still write.
pub(crate) struct Budget(u64);

impl Budget {
    pub(crate) fn new(most: Bytes) -> Budget {
        Budget(most.0)
    }

    fn pay(&mut self, bytes: u64) -> bool {
        let left = self.0.checked_sub(bytes);
        self.0 = left.unwrap_or(self.0);
        left.is_some()
    }
}

/// Shadows what makes a directory larger. Calls without a scratch directory are not charged: they can write nowhere but
/// to their output, which has a bound of its own.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const WASI: &str = "wasi_snapshot_preview1";
    /// `O_CREAT` of WASI.
    const CREATE: i32 = 1;
    linker.func_wrap(
        WASI,
        "fd_write",
        |mut guest: Guest<'_>, fd: i32, buffers: i32, count: i32, written: i32| {
            let bytes = total(&mut guest, buffers, count);
            charged(&mut guest, bytes, async |wasi, memory| {
                original::fd_write(wasi, memory, fd, buffers, count, written).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_pwrite",
        |mut guest: Guest<'_>, fd: i32, buffers: i32, count: i32, at: i64, written: i32| {
            let bytes = total(&mut guest, buffers, count);
            charged(&mut guest, bytes, async |wasi, memory| {
                original::fd_pwrite(wasi, memory, fd, buffers, count, at, written).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_filestat_set_size",
        |mut guest: Guest<'_>, fd: i32, size: i64| {
            charged(&mut guest, size as u64, async |wasi, memory| {
                original::fd_filestat_set_size(wasi, memory, fd, size).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "path_create_directory",
        |mut guest: Guest<'_>, fd: i32, path: i32, length: i32| {
            charged(&mut guest, PER_NAME, async |wasi, memory| {
                original::path_create_directory(wasi, memory, fd, path, length).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "path_open",
        |mut guest: Guest<'_>,
         fd: i32,
         lookup: i32,
         path: i32,
         length: i32,
         how: i32,
         rights: i64,
         inherited: i64,
         flags: i32,
         opened: i32| {
            let bytes = if how & CREATE == 0 { 0 } else { PER_NAME };
            charged(&mut guest, bytes, async |wasi, memory| {
                original::path_open(
                    wasi, memory, fd, lookup, path, length, how, rights, inherited, flags, opened,
                )
                .await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "path_link",
        |mut guest: Guest<'_>,
         fd: i32,
         lookup: i32,
         path: i32,
         length: i32,
         to: i32,
         name: i32,
         long: i32| {
            charged(&mut guest, PER_NAME, async |wasi, memory| {
                original::path_link(wasi, memory, fd, lookup, path, length, to, name, long).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "path_symlink",
        |mut guest: Guest<'_>, path: i32, length: i32, fd: i32, name: i32, long: i32| {
            charged(&mut guest, PER_NAME, async |wasi, memory| {
                original::path_symlink(wasi, memory, path, length, fd, name, long).await
            })
        },
    )?;
    Ok(())
}

type Guest<'a> = Caller<'a, State>;

/// Calls the original function if the budget has room for what it is about to write.
fn charged<F>(guest: &mut Guest<'_>, bytes: u64, call: F) -> wasmtime::Result<i32>
where
    F: for<'m> AsyncFnOnce(&mut WasiP1Ctx, &mut GuestMemory<'m>) -> wasmtime::Result<i32>,
{
    let state = guest.data_mut();
    if state
        .scratch
        .as_mut()
        .is_some_and(|budget| !budget.pay(bytes))
    {
        return Ok(Errno::Nospc as i32);
    }
    let Some(Extern::Memory(memory)) = guest.get_export("memory") else {
        return Err(wasmtime::Error::msg("missing required memory export"));
    };
    // What one call may make the host hold, which the engine's own wrapper sets anew for each.
    let fuel = guest.as_context_mut().hostcall_fuel();
    let (memory, state) = memory.data_and_store_mut(guest);
    state.wasi.set_hostcall_fuel(fuel);
    wasmtime_wasi::runtime::in_tokio(call(&mut state.wasi, &mut GuestMemory::Unshared(memory)))
}

/// Bytes in a list of buffers; what cannot be read is left to the original function to complain about.
fn total(guest: &mut Guest<'_>, buffers: i32, count: i32) -> u64 {
    if guest.data().scratch.is_none() {
        return 0;
    }
    let Some(Extern::Memory(memory)) = guest.get_export("memory") else {
        return 0;
    };
    let from = buffers as u32 as usize;
    let length = (count as u32 as usize).saturating_mul(8);
    let list = memory.data(&*guest).get(from..from.saturating_add(length));
    let lengths = list.unwrap_or_default().chunks_exact(8).map(|buffer| {
        // An address, then a length.
        let mut word = [0; 4];
        word.copy_from_slice(&buffer[4..]);
        u64::from(u32::from_le_bytes(word))
    });
    lengths.sum()
}
