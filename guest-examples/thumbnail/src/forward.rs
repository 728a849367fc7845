//! A source that can only be read forward, given to who asks for one that can seek.
//!
//! The decoder asks, and never does so. A file in memory could seek; but then it would be in memory, beside its pixels.

use std::io::{self, BufRead, ErrorKind, Read, Seek, SeekFrom};

/// Reads what is in it.
pub struct Forward<R>(pub R);

impl<R: Read> Read for Forward<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}

impl<R: BufRead> BufRead for Forward<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.0.fill_buf()
    }

    fn consume(&mut self, count: usize) {
        self.0.consume(count);
    }
}

impl<R> Seek for Forward<R> {
    fn seek(&mut self, _: SeekFrom) -> io::Result<u64> {
        Err(ErrorKind::Unsupported.into())
    }
}
