//! `PAGEMAP_SCAN`: which pages of a range of this process's memory have really been written to (Linux 6.7 and later).
//!
//! Counted are pages that are the process's own: present or swapped out, neither pages of a file (the guest's initial
//! memory before it is written to) nor the shared page of zeroes (read, never written). The crate's only raw system
//! call is here.

use rustix::{
    fd::OwnedFd,
    fs::{Mode, OFlags},
    io::Errno,
    ioctl::{self, Ioctl, IoctlOutput, Opcode},
};
use std::{ffi::c_void, ops::Range, ptr};

/// This process's page map; opened once, as opening is what may be forbidden.
#[derive(Debug)]
pub(crate) struct Pagemap {
    file: OwnedFd,
}

/// Why pages cannot be looked at here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PagemapError {
    #[error("/proc/self/pagemap cannot be opened ({0})")]
    Open(Errno),
    #[error("the kernel has no PAGEMAP_SCAN, which came with Linux 6.7")]
    TooOld,
    #[error("the system does not allow PAGEMAP_SCAN ({0})")]
    Refused(Errno),
}

impl Pagemap {
    pub(crate) fn open() -> Result<Pagemap, PagemapError> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::open("/proc/self/pagemap", flags, Mode::empty())
            .map_err(PagemapError::Open)?;
        let pagemap = Pagemap { file };
        // Asked for nothing, it says whether it is there.
        pagemap.written(0..0)?;
        Ok(pagemap)
    }

    /// Bytes of the pages in `addresses` that were written to.
    pub(crate) fn written(&self, addresses: Range<u64>) -> Result<u64, PagemapError> {
        let mut bytes = 0;
        let mut from = addresses.start;
        loop {
            let mut scan = Scan::new(from..addresses.end);
            // SAFETY: `Scan` tells the kernel where its own buffer is and how long, and the kernel writes only there.
            let found = unsafe { ioctl::ioctl(&self.file, &mut scan) }.map_err(explain)?;
            bytes += scan.bytes(found);
            let reached = scan.argument.walk_end;
            if reached >= addresses.end || reached <= from {
                return Ok(bytes);
            }
            from = reached;
        }
    }
}

/// From now on, memory in `addresses` is handed out in ordinary pages only. Where the system gives huge ones by itself,
/// one byte written would count as two mebibytes.
pub(crate) fn ordinary_pages(addresses: &Range<u64>) {
    let start = ptr::with_exposed_provenance_mut(addresses.start as usize);
    let bytes = (addresses.end - addresses.start) as usize;
    // SAFETY: this advice changes neither what is in memory nor what may be done with it.
    // A kernel without huge pages does not know it, and needs it not.
    let _ = unsafe { rustix::mm::madvise(start, bytes, rustix::mm::Advice::LinuxNoHugepage) };
}

fn explain(error: Errno) -> PagemapError {
    match error {
        Errno::NOTTY | Errno::INVAL => PagemapError::TooOld,
        other => PagemapError::Refused(other),
    }
}

/// `struct pm_scan_arg` of linux/fs.h.
#[repr(C)]
#[derive(Default)]
struct Argument {
    size: u64,
    flags: u64,
    start: u64,
    end: u64,
    walk_end: u64,
    vec: u64,
    vec_len: u64,
    max_pages: u64,
    category_inverted: u64,
    category_mask: u64,
    category_anyof_mask: u64,
    return_mask: u64,
}

/// `struct page_region`.
#[repr(C)]
#[derive(Clone, Copy, Default)]
struct Region {
    start: u64,
    end: u64,
    categories: u64,
}

const FILE: u64 = 1 << 2;
const PRESENT: u64 = 1 << 3;
const SWAPPED: u64 = 1 << 4;
const ZEROES: u64 = 1 << 5;

/// Ranges that one system call can tell of; where there are more, another follows.
const REGIONS: usize = 256;

struct Scan {
    argument: Argument,
    regions: [Region; REGIONS],
}

impl Scan {
    fn new(addresses: Range<u64>) -> Scan {
        Scan {
            argument: Argument {
                size: size_of::<Argument>() as u64,
                start: addresses.start,
                end: addresses.end,
                vec_len: REGIONS as u64,
                category_inverted: FILE | ZEROES,
                category_mask: FILE | ZEROES,
                category_anyof_mask: PRESENT | SWAPPED,
                ..Argument::default()
            },
            regions: [Region::default(); REGIONS],
        }
    }

    fn bytes(&self, regions: usize) -> u64 {
        let found = self.regions.iter().take(regions);
        found
            .map(|region| region.end.saturating_sub(region.start))
            .sum()
    }
}

// SAFETY: the opcode is `_IOWR('f', 16, struct pm_scan_arg)`, the pointer is to such a struct, and it outlives the call.
unsafe impl Ioctl for &mut Scan {
    type Output = usize;

    const IS_MUTATING: bool = true;

    fn opcode(&self) -> Opcode {
        ioctl::opcode::read_write::<Argument>(b'f', 16)
    }

    fn as_ptr(&mut self) -> *mut c_void {
        // Here and not before: the value may have moved since it was made.
        self.argument.vec = self.regions.as_mut_ptr() as u64;
        (&raw mut self.argument).cast()
    }

    unsafe fn output_from_ptr(
        out: IoctlOutput,
        _argument: *mut c_void,
    ) -> rustix::io::Result<usize> {
        // The number of regions filled in; the kernel never says more than it was given room for.
        Ok(usize::try_from(out).unwrap_or(0).min(REGIONS))
    }
}
