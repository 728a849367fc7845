//! Messages between this process and its workers: a JSON header and a body of bytes, each with its length before it.
//! Not a public protocol: both ends are the same binary.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Largest header and largest body: what a broken pipe or a confused worker can make us allocate.
const LARGEST: u64 = 4 << 30;

/// To a worker, first: load this function. The body is the module.
#[derive(Serialize, Deserialize)]
pub(crate) struct Load {
    pub(crate) name: String,
    pub(crate) selection: trace::Selection,
    /// Time between samples of the guest's stack, where they are taken.
    pub(crate) cpu_period: Option<trace::Nanos>,
    pub(crate) cache: Option<std::path::PathBuf>,
    /// Only to compile it for a server, with no more memory than so much, and to make no calls.
    pub(crate) build: Option<trace::Bytes>,
}

/// To a worker, then: make this call. The body is that of the event, where it is in memory.
#[derive(Serialize, Deserialize)]
pub(crate) struct MakeCall {
    pub(crate) event: host::Event,
    pub(crate) entry: host::Entry,
    pub(crate) limits: trace::Limits,
    pub(crate) output: host::Output,
    pub(crate) rate_hz: f64,
    pub(crate) contended: bool,
    pub(crate) touched: bool,
    /// What chooses the allocations that are looked at.
    pub(crate) seed: u64,
}

/// From a worker.
#[derive(Serialize, Deserialize)]
pub(crate) enum Reply {
    /// The function is loaded.
    Ready,
    /// The call has ended. The body is the captured standard output, then the results of an invoked export, a line
    /// each.
    Ended { trace: Box<trace::Trace> },
    /// The function could not be loaded, or the call could not begin.
    Refused { why: String },
}

fn header(message: &impl Serialize, body: &[u8]) -> io::Result<Vec<u8>> {
    let header = serde_json::to_vec(message)?;
    let mut bytes = Vec::with_capacity(header.len() + 16);
    bytes.extend((header.len() as u64).to_le_bytes());
    bytes.extend((body.len() as u64).to_le_bytes());
    bytes.extend(header);
    Ok(bytes)
}

fn lengths(bytes: [u8; 16]) -> io::Result<(usize, usize)> {
    let [header, body] = [&bytes[..8], &bytes[8..]].map(|half| {
        let mut word = [0; 8];
        word.copy_from_slice(half);
        u64::from_le_bytes(word)
    });
    if header > LARGEST || body > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "message too long",
        ));
    }
    Ok((header as usize, body as usize))
}

/// Sends a message, as a worker does.
pub(crate) fn send(to: &mut impl Write, message: &impl Serialize, body: &[u8]) -> io::Result<()> {
    to.write_all(&header(message, body)?)?;
    to.write_all(body)?;
    to.flush()
}

/// Receives a message, as a worker does; `None` where the other end has closed.
pub(crate) fn receive<T: DeserializeOwned>(
    from: &mut impl Read,
) -> io::Result<Option<(T, Vec<u8>)>> {
    let mut start = [0; 16];
    match from.read_exact(&mut start) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    let (header, body) = lengths(start)?;
    let mut bytes = vec![0; header];
    from.read_exact(&mut bytes)?;
    let message = serde_json::from_slice(&bytes)?;
    let mut bytes = vec![0; body];
    from.read_exact(&mut bytes)?;
    Ok(Some((message, bytes)))
}

/// Sends a message to a worker.
pub(crate) async fn send_to(
    worker: &mut (impl AsyncWrite + Unpin),
    message: &impl Serialize,
    body: &[u8],
) -> io::Result<()> {
    worker.write_all(&header(message, body)?).await?;
    worker.write_all(body).await?;
    worker.flush().await
}

/// Receives a message from a worker.
pub(crate) async fn receive_from<T: DeserializeOwned>(
    worker: &mut (impl AsyncRead + Unpin),
) -> io::Result<(T, Vec<u8>)> {
    let mut start = [0; 16];
    worker.read_exact(&mut start).await?;
    let (header, body) = lengths(start)?;
    let mut bytes = vec![0; header];
    worker.read_exact(&mut bytes).await?;
    let message = serde_json::from_slice(&bytes)?;
    let mut bytes = vec![0; body];
    worker.read_exact(&mut bytes).await?;
    Ok((message, bytes))
}
