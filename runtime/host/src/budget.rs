//! What a call with a scratch directory may write. WASI has no bound on that: the functions that can make a directory
//! larger are shadowed here, and call the original ones as long as the budget lasts. Then the guest sees `nospc`, a full
//! disk. Not a bound on output alone (see `stdio`), and not one on calls that have nowhere to write to.
//!
//! What is deleted is not credited, and what makes a hole or a name is charged a block: a guest may write little and
//! often, make empty files without end, or scatter single bytes over a file.

use crate::state::State;
use std::{
    collections::HashSet,
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
};
use tokio::runtime::Handle;
use trace::Bytes;
use wasmtime::{AsContextMut, Caller, Extern, Linker};
use wasmtime_wasi::p1::{
    WasiP1Ctx,
    types::Errno,
    wasi_snapshot_preview1::{self as original, WasiSnapshotPreview1},
};
use wiggle::GuestMemory;

/// A block of a disk: the least that a name, or a byte somewhere else in a file, occupies.
const BLOCK: u64 = 4096;

/// What a call may still write.
pub(crate) struct Budget {
    left: u64,
    /// Descriptors whose next write may be anywhere in their file.
    moved: HashSet<i32>,
    over: Over,
}

/// Ends a budget from another thread than the guest's.
#[derive(Clone, Default)]
pub(crate) struct Over(Arc<AtomicBool>);

impl Over {
    /// From now on nothing is paid: the call has been given up.
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Budget {
    pub(crate) fn new(most: Bytes, over: Over) -> Budget {
        Budget {
            left: most.0,
            moved: HashSet::new(),
            over,
        }
    }

    fn pay(&mut self, bytes: u64) -> bool {
        let left = self.left.checked_sub(bytes);
        let open = bytes == 0 || !self.over.0.load(Ordering::Relaxed);
        match left.filter(|_| open) {
            Some(left) => {
                self.left = left;
                true
            }
            None => false,
        }
    }

    fn refund(&mut self, bytes: u64) {
        self.left = self.left.saturating_add(bytes);
    }
}

type Guest<'a> = Caller<'a, State>;

/// Shadows what makes a directory larger.
pub(crate) fn add_to_linker(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    const WASI: &str = "wasi_snapshot_preview1";
    /// `O_CREAT` of WASI.
    const CREATE: i32 = 1;
    linker.func_wrap(
        WASI,
        "fd_write",
        |mut guest: Guest<'_>, fd: i32, buffers: i32, count: i32, written: i32| {
            let budget = guest.data_mut().scratch.as_mut();
            let elsewhere = budget.is_some_and(|budget| budget.moved.remove(&fd));
            let bytes = first_buffer(&mut guest, buffers, count);
            let bytes = bytes.saturating_add(if elsewhere { BLOCK } else { 0 });
            charged(&mut guest, bytes, async |wasi, memory| {
                original::fd_write(wasi, memory, fd, buffers, count, written).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_pwrite",
        |mut guest: Guest<'_>, fd: i32, buffers: i32, count: i32, at: i64, written: i32| {
            // Anywhere in the file: whole blocks, and one that it may begin in the middle of.
            let bytes = first_buffer(&mut guest, buffers, count).saturating_add(BLOCK);
            charged(&mut guest, bytes, async |wasi, memory| {
                original::fd_pwrite(wasi, memory, fd, buffers, count, at, written).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_seek",
        |mut guest: Guest<'_>, fd: i32, by: i64, from: i32, position: i32| {
            moved(&mut guest, fd);
            charged(&mut guest, 0, async |wasi, memory| {
                original::fd_seek(wasi, memory, fd, by, from, position).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "fd_renumber",
        |mut guest: Guest<'_>, from: i32, to: i32| {
            moved(&mut guest, to);
            charged(&mut guest, 0, async |wasi, memory| {
                original::fd_renumber(wasi, memory, from, to).await
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
            charged(&mut guest, BLOCK, async |wasi, memory| {
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
            let bytes = if how & CREATE == 0 { 0 } else { BLOCK };
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
            charged(&mut guest, BLOCK, async |wasi, memory| {
                original::path_link(wasi, memory, fd, lookup, path, length, to, name, long).await
            })
        },
    )?;
    linker.func_wrap(
        WASI,
        "path_symlink",
        |mut guest: Guest<'_>, path: i32, length: i32, fd: i32, name: i32, long: i32| {
            charged(&mut guest, BLOCK, async |wasi, memory| {
                original::path_symlink(wasi, memory, path, length, fd, name, long).await
            })
        },
    )?;
    Ok(())
}

fn moved(guest: &mut Guest<'_>, fd: i32) {
    if let Some(budget) = &mut guest.data_mut().scratch {
        budget.moved.insert(fd);
    }
}

/// Calls the original function if the budget has room for what it is about to write; what failed costs nothing.
fn charged<F>(guest: &mut Guest<'_>, bytes: u64, call: F) -> wasmtime::Result<i32>
where
    F: for<'m> AsyncFnOnce(&mut WasiP1Ctx, &mut GuestMemory<'m>) -> wasmtime::Result<i32>,
{
    let budget = &mut guest.data_mut().scratch;
    if budget.as_mut().is_some_and(|budget| !budget.pay(bytes)) {
        return Ok(Errno::Nospc as i32);
    }
    let Some(Extern::Memory(memory)) = guest.get_export("memory") else {
        return Err(wasmtime::Error::msg("missing required memory export"));
    };
    // What one call may make the host hold, which the engine's own wrapper sets anew for each.
    let fuel = guest.as_context_mut().hostcall_fuel();
    let (memory, state) = memory.data_and_store_mut(guest);
    state.wasi.set_hostcall_fuel(fuel);
    let mut memory = GuestMemory::Unshared(memory);
    let errno = at_once(call(&mut state.wasi, &mut memory))?;
    if errno != Errno::Success as i32
        && let Some(budget) = &mut state.scratch
    {
        budget.refund(bytes);
    }
    Ok(errno)
}

/// Does what is asked before it returns. Streams of guests are always ready, so mostly there is nothing to wait for; files of
/// served guests are written by other threads, which this one then waits for while others take its place.
fn at_once(call: impl Future<Output = wasmtime::Result<i32>>) -> wasmtime::Result<i32> {
    let mut call = pin!(call);
    if let Poll::Ready(done) = call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return done;
    }
    match Handle::try_current() {
        Ok(runtime) => tokio::task::block_in_place(|| runtime.block_on(call)),
        Err(_) => wasmtime_wasi::runtime::in_tokio(call),
    }
}

/// Length of the first buffer of a list that is not empty: the only one that the original functions write. They read the
/// list as far as that, so a list that runs out of memory behind it is as good as another.
fn first_buffer(guest: &mut Guest<'_>, buffers: i32, count: i32) -> u64 {
    if guest.data().scratch.is_none() {
        return 0;
    }
    let Some(Extern::Memory(memory)) = guest.get_export("memory") else {
        return 0;
    };
    let from = buffers as u32 as usize;
    let list = memory.data(&*guest).get(from..).unwrap_or_default();
    let lengths = list.chunks_exact(8).map(|buffer| {
        // An address, then a length.
        let mut word = [0; 4];
        word.copy_from_slice(&buffer[4..]);
        u32::from_le_bytes(word)
    });
    let first = lengths
        .take(count as u32 as usize)
        .find(|length| *length > 0);
    u64::from(first.unwrap_or(0))
}
