//! Standard input and output of a guest: counted, and bounded on the way out. Synchronous: a worker has nothing else
//! to do while its guest reads or writes.

use crate::event::Body;
use bytes::Bytes;
use std::{
    fs::File,
    io::{self, Read, Write},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};
use tokio::io::{AsyncRead, AsyncWrite};
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdinStream, StdoutStream},
    p2::{InputStream, OutputStream, Pollable, StreamError, StreamResult, pipe},
};

/// What happens to a guest's standard output and standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// Counted, then dropped; more than `most` bytes fail the call.
    Discard {
        /// Bytes.
        most: u64,
    },
    /// Standard output is kept in memory and handed back, standard error dropped; of each, more than `most` bytes fail the call.
    Capture {
        /// Bytes.
        most: u64,
    },
    /// Passed to this process's own streams, without a limit: a person is watching.
    Inherit,
}

/// The guest wrote more than there is a place for.
#[derive(Debug, thiserror::Error)]
pub enum TooMuchOutput {
    /// More than it was allowed.
    #[error("wrote more than the {most} bytes of output it is allowed")]
    Allowed {
        /// Bytes.
        most: u64,
    },
    /// What it was allowed, but others have taken the memory.
    #[error("there is no room for its output beside what other calls have written")]
    NoRoom,
}

/// Memory for what served guests print until it is answered, shared among them.
pub trait OutputRoom: Send + Sync {
    /// Takes what is missing for so many bytes of this call in all; whether there is as much.
    fn grow(&self, to: u64) -> bool;
}

/// Where a served guest's log goes. How much of it is kept is decided there: a guest that logs too much does not fail for it.
pub trait Log: Send + Sync {
    /// What the guest has written, in whatever pieces; never more than 64 KiB at once.
    fn write(&self, bytes: &[u8]);
}

/// One counted stream, shared between the guest's handles and the host.
pub(crate) struct Counted<T> {
    count: Arc<AtomicU64>,
    inner: Arc<Mutex<T>>,
}

impl<T> Clone for Counted<T> {
    fn clone(&self) -> Counted<T> {
        Counted {
            count: self.count.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<T> Counted<T> {
    fn new(inner: T) -> Counted<T> {
        Counted {
            count: Arc::default(),
            inner: Arc::new(Mutex::new(inner)),
        }
    }

    /// From now on the guest's handles, those too that it has already, are of `next`, and it is counted from none.
    pub(crate) fn become_of(&self, next: &Counted<T>) {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let mut next = next.inner.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *inner, &mut *next);
        self.count.store(0, Ordering::Relaxed);
    }

    /// Bytes that have passed.
    pub(crate) fn counter(&self) -> Arc<AtomicU64> {
        self.count.clone()
    }
}

impl<T> IsTerminal for Counted<T> {
    /// Never: what a guest does must not depend on who is watching.
    fn is_terminal(&self) -> bool {
        false
    }
}

#[async_trait]
impl<T: Send + 'static> Pollable for Counted<T> {
    async fn ready(&mut self) {}
}

/// Where input comes from.
pub(crate) enum Source {
    /// What is left of a text; parts of it are lent, not copied.
    Text(Bytes),
    Reader(Box<dyn Read + Send>),
}

/// Standard input.
pub(crate) type Stdin = Counted<Source>;

/// Opens the body of an event.
pub(crate) fn stdin(body: &Body) -> io::Result<Stdin> {
    Ok(Counted::new(match body {
        Body::Empty => Source::Text(Bytes::new()),
        Body::Bytes(bytes) => Source::Text(bytes.clone()),
        Body::File(path) => Source::Reader(Box::new(File::open(path)?)),
        Body::Inherited => Source::Reader(Box::new(io::stdin())),
    }))
}

/// No body.
pub(crate) fn no_stdin() -> Stdin {
    Counted::new(Source::Text(Bytes::new()))
}

impl InputStream for Stdin {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let read = inner.read(size);
        if let Ok(bytes) = &read {
            self.count.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        }
        read
    }
}

impl Source {
    fn read(&mut self, size: usize) -> StreamResult<Bytes> {
        // A guest may ask for gigabytes at once; it gets what is there, a piece at a time.
        let most = size.min(1 << 16);
        let read = match self {
            Source::Text(text) => text.split_to(most.min(text.len())),
            Source::Reader(reader) => {
                let mut buffer = vec![0; most];
                let failed = |error: io::Error| StreamError::LastOperationFailed(error.into());
                let read = reader.read(&mut buffer).map_err(failed)?;
                buffer.truncate(read);
                buffer.into()
            }
        };
        if read.is_empty() && size > 0 {
            return Err(StreamError::Closed);
        }
        Ok(read)
    }
}

impl StdinStream for Stdin {
    fn p2_stream(&self) -> Box<dyn InputStream> {
        Box::new(self.clone())
    }

    /// Only components of WASI 0.3 ask for it, and those are not run.
    fn async_stream(&self) -> Box<dyn AsyncRead + Send + Sync> {
        Box::new(tokio::io::empty())
    }
}

/// Where output goes.
pub(crate) enum Sink {
    Discard {
        most: u64,
    },
    Capture {
        most: u64,
        kept: Vec<u8>,
        /// Nobody: `most` alone counts.
        room: Option<Arc<dyn OutputRoom>>,
    },
    Stdout,
    Stderr,
    Log(Arc<dyn Log>),
}

/// Standard output or standard error.
pub(crate) type Stdout = Counted<Sink>;

/// The guest's standard output.
pub(crate) fn stdout(output: Output, room: Option<Arc<dyn OutputRoom>>) -> Stdout {
    Counted::new(sink(output, Sink::Stdout, room))
}

/// What goes to a log.
pub(crate) fn log(log: Arc<dyn Log>) -> Stdout {
    Counted::new(Sink::Log(log))
}

/// The guest's standard error: passed on where standard output is, dropped otherwise.
pub(crate) fn stderr(output: Output) -> Stdout {
    let output = match output {
        Output::Capture { most } => Output::Discard { most },
        Output::Discard { .. } | Output::Inherit => output,
    };
    Counted::new(sink(output, Sink::Stderr, None))
}

fn sink(output: Output, inherited: Sink, room: Option<Arc<dyn OutputRoom>>) -> Sink {
    match output {
        Output::Discard { most } => Sink::Discard { most },
        Output::Capture { most } => Sink::Capture {
            most,
            kept: Vec::new(),
            room,
        },
        Output::Inherit => inherited,
    }
}

impl Stdout {
    /// What was captured so far; empty where nothing is.
    pub(crate) fn take(&self) -> Vec<u8> {
        match &mut *self.inner.lock().unwrap_or_else(PoisonError::into_inner) {
            Sink::Capture { kept, .. } => std::mem::take(kept),
            Sink::Discard { .. } | Sink::Stdout | Sink::Stderr | Sink::Log(_) => Vec::new(),
        }
    }
}

impl OutputStream for Stdout {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let total =
            self.count.fetch_add(bytes.len() as u64, Ordering::Relaxed) + bytes.len() as u64;
        let over = |most: u64| (total > most).then_some(TooMuchOutput::Allowed { most });
        let failed = |error: io::Error| StreamError::LastOperationFailed(error.into());
        match &mut *self.inner.lock().unwrap_or_else(PoisonError::into_inner) {
            Sink::Discard { most } => {
                over(*most).map_or(Ok(()), |e| Err(StreamError::Trap(e.into())))
            }
            Sink::Capture { most, kept, room } => {
                let has_room = || room.as_ref().is_none_or(|room| room.grow(total));
                let error = over(*most).or_else(|| (!has_room()).then_some(TooMuchOutput::NoRoom));
                if let Some(error) = error {
                    return Err(StreamError::Trap(error.into()));
                }
                kept.extend_from_slice(&bytes);
                Ok(())
            }
            Sink::Log(log) => {
                log.write(&bytes);
                Ok(())
            }
            Sink::Stdout => io::stdout().write_all(&bytes).map_err(failed),
            Sink::Stderr => io::stderr().write_all(&bytes).map_err(failed),
        }
    }

    fn flush(&mut self) -> StreamResult<()> {
        let failed = |error: io::Error| StreamError::LastOperationFailed(error.into());
        match &*self.inner.lock().unwrap_or_else(PoisonError::into_inner) {
            Sink::Discard { .. } | Sink::Capture { .. } | Sink::Log(_) => Ok(()),
            Sink::Stdout => io::stdout().flush().map_err(failed),
            Sink::Stderr => io::stderr().flush().map_err(failed),
        }
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(1 << 16)
    }
}

impl StdoutStream for Stdout {
    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }

    /// Only components of WASI 0.3 ask for it, and those are not run.
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(pipe::MemoryOutputPipe::new(0))
    }
}
