//! Compiles what is deployed, in a process of its own whose time and memory are bounded: a module may be made to take as
//! much of both as it likes. What it has compiled is in the cache then, and only read from there.

use super::Server;
use crate::frame::{self, Load, Reply};
use anyhow::{Context, bail};
use std::{
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::Duration,
};
use trace::{Bytes, FunctionId, Selection};

/// Longest time for one module.
const LONGEST: Duration = Duration::from_secs(120);

/// Most memory for one module, addresses included.
const MEMORY: Bytes = Bytes::mib(4096);

/// Compiled since the server has begun.
#[derive(Default)]
pub(crate) struct Built(Mutex<Vec<(String, Selection)>>);

/// Makes sure that a module with the probes of a selection can be loaded, and that it was compiled.
///
/// # Errors
///
/// Where it cannot be compiled, or only with more time or memory than there is for that.
pub(crate) fn build(
    server: &Arc<Server>,
    id: &FunctionId,
    wasm: &[u8],
    selection: &Selection,
) -> anyhow::Result<()> {
    let key = (id.digest.clone(), selection.clone());
    // Also one at a time: compiling takes all there is.
    let mut built = server
        .built
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    if built.contains(&key) {
        return Ok(());
    }
    let load = Load {
        name: id.name.clone(),
        selection: selection.clone(),
        cpu_period: None,
        cache: Some(server.cache.folder().to_owned()),
        build: Some(MEMORY),
    };
    let program = std::env::current_exe().context("cannot find this program to compile with")?;
    let mut process = Command::new(program)
        .arg("worker")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .context("cannot start a process to compile with")?;
    let reply = ask(&mut process, load, wasm.to_vec());
    // It has nothing more to do.
    let _ = process.kill();
    let _ = process.wait();
    match reply? {
        Some(Reply::Ready) => {}
        Some(Reply::Refused { why }) => bail!("{why}"),
        Some(Reply::Ended { .. }) | None => {
            bail!("compiling it ended early: it may need more than {MEMORY} of memory for that")
        }
    }
    built.push(key);
    Ok(())
}

/// What it answers; `None` where it ends without.
fn ask(process: &mut Child, load: Load, wasm: Vec<u8>) -> anyhow::Result<Option<Reply>> {
    let (Some(mut requests), Some(mut answers)) = (process.stdin.take(), process.stdout.take())
    else {
        bail!("a process to compile with has no pipes");
    };
    let (told, reply) = mpsc::channel();
    thread::Builder::new()
        .name("compiling".to_owned())
        .spawn(move || {
            let asked = frame::send(&mut requests, &load, &wasm);
            let reply = asked.and_then(|()| frame::receive::<Reply>(&mut answers));
            // Whoever has waited long enough has gone.
            let _ = told.send(reply.ok().flatten().map(|(reply, _)| reply));
        })
        .context("cannot start a thread")?;
    reply
        .recv_timeout(LONGEST)
        .with_context(|| format!("compiling it takes longer than {} s", LONGEST.as_secs()))
}
