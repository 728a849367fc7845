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

/// Puts a function of WASI's first preview into a linker, in the form that its engine wants: what is to be done is a
/// future, which an engine that serves waits for while other guests run, and any other does at once.
macro_rules! shadow {
    ($linker:ident, $serves:ident, $name:literal, |$guest:ident, $($argument:ident: $type:ty),+| $done:expr) => {
        if $serves {
            $linker.func_wrap_async(
                "wasi_snapshot_preview1",
                $name,
                |mut $guest: Guest<'_>, ($($argument,)+): ($($type,)+)| Box::new(async move { $done.await }),
            )?
        } else {
            $linker.func_wrap(
                "wasi_snapshot_preview1",
                $name,
                |mut $guest: Guest<'_>, $($argument: $type),+| at_once(async { $done.await }),
            )?
        }
    };
}

/// Shadows what makes a directory larger, and what opens files.
pub(crate) fn add_to_linker(linker: &mut Linker<State>, serves: bool) -> wasmtime::Result<()> {
    /// `O_CREAT` of WASI.
    const CREATE: i32 = 1;
    shadow!(
        linker,
        serves,
        "fd_write",
        |guest, fd: i32, buffers: i32, count: i32, written: i32| {
            let budget = guest.data_mut().scratch.as_mut();
            let elsewhere = budget.is_some_and(|budget| budget.moved.remove(&fd));
            let bytes = first_buffer(&mut guest, buffers, count);
            let bytes = bytes.saturating_add(if elsewhere { BLOCK } else { 0 });
            charged(&mut guest, bytes, async move |wasi, memory| {
                original::fd_write(wasi, memory, fd, buffers, count, written).await
            })
        }
    );
    shadow!(
        linker,
        serves,
        "fd_pwrite",
        |guest, fd: i32, buffers: i32, count: i32, at: i64, written: i32| {
            // Anywhere in the file: whole blocks, and one that it may begin in the middle of.
            let bytes = first_buffer(&mut guest, buffers, count).saturating_add(BLOCK);
            charged(&mut guest, bytes, async move |wasi, memory| {
                original::fd_pwrite(wasi, memory, fd, buffers, count, at, written).await
            })
        }
    );
    shadow!(
        linker,
        serves,
        "fd_seek",
        |guest, fd: i32, by: i64, from: i32, position: i32| {
            moved(&mut guest, fd);
            charged(&mut guest, 0, async move |wasi, memory| {
                original::fd_seek(wasi, memory, fd, by, from, position).await
            })
        }
    );
    shadow!(
        linker,
        serves,
        "fd_renumber",
        |guest, from: i32, to: i32| {
            moved(&mut guest, to);
            charged(&mut guest, 0, async move |wasi, memory| {
                original::fd_renumber(wasi, memory, from, to).await
            })
        }
    );
    shadow!(
        linker,
        serves,
        "fd_filestat_set_size",
        |guest, fd: i32, size: i64| {
            charged(&mut guest, size as u64, async move |wasi, memory| {
                original::fd_filestat_set_size(wasi, memory, fd, size).await
            })
        }
    );
    shadow!(
        linker,
        serves,
        "path_create_directory",
        |guest, fd: i32, path: i32, length: i32| {
            charged(&mut guest, BLOCK, async move |wasi, memory| {
                original::path_create_directory(wasi, memory, fd, path, length).await
            })
        }
    );
    shadow!(
        linker,
        serves,
        "path_open",
        |guest,
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
            charged(&mut guest, bytes, async move |wasi, memory| {
                original::path_open(
                    wasi, memory, fd, lookup, path, length, how, rights, inherited, flags, opened,
                )
                .await
            })
        }
    );
    shadow!(
        linker,
        serves,
        "path_link",
        |guest, fd: i32, lookup: i32, path: i32, length: i32, to: i32, name: i32, long: i32| {
            charged(&mut guest, BLOCK, async move |wasi, memory| {
                original::path_link(wasi, memory, fd, lookup, path, length, to, name, long).await
            })
        }
    );
    shadow!(
        linker,
        serves,
        "path_symlink",
        |guest, path: i32, length: i32, fd: i32, name: i32, long: i32| {
            charged(&mut guest, BLOCK, async move |wasi, memory| {
                original::path_symlink(wasi, memory, path, length, fd, name, long).await
            })
        }
    );
    Ok(())
}

fn moved(guest: &mut Guest<'_>, fd: i32) {
    if let Some(budget) = &mut guest.data_mut().scratch {
        budget.moved.insert(fd);
    }
}

/// Calls the original function if the budget has room for what it is about to write; what failed costs nothing.
async fn charged<F>(guest: &mut Guest<'_>, bytes: u64, call: F) -> wasmtime::Result<i32>
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
    let errno = call(&mut state.wasi, &mut memory).await?;
    if errno != Errno::Success as i32
        && let Some(budget) = &mut state.scratch
    {
        budget.refund(bytes);
    }
    Ok(errno)
}

/// Does what is asked before it returns. Streams of guests are always ready, so mostly there is nothing to wait for.
fn at_once(call: impl Future<Output = wasmtime::Result<i32>>) -> wasmtime::Result<i32> {
    let mut call = pin!(call);
    match call.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => wasmtime_wasi::runtime::in_tokio(call),
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
