//! A worker: a process that loads one function and makes calls until its standard input closes.
//!
//! A process of its own, because a guest that loops for ever can only be stopped by ending its process, unless every
//! loop of every guest were slowed down by checks.

use crate::frame::{self, Load, MakeCall, Reply};
use anyhow::Context;
use host::{Body, Cache, Call, Engine, Function, Slots};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::{
    io::{self, Write},
    process::{self, ExitCode},
    sync::{Arc, Mutex, PoisonError},
};
use trace::{Bytes, Trace};

/// The way back; a lock, because at a deadline the timeline's thread answers while the guest still runs.
type Answers = Arc<Mutex<io::Stdout>>;

/// Runs until there is nothing more to do.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    // If the parent is killed, a guest that never ends must not outlive it.
    let _ = rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL));
    let mut requests = io::stdin();
    let answers: Answers = Arc::new(Mutex::new(io::stdout()));
    let Some((load, wasm)) = frame::receive::<Load>(&mut requests)? else {
        return Ok(ExitCode::SUCCESS);
    };
    let function = match load_function(&load, &wasm) {
        Ok(function) => function,
        Err(error) => {
            answer(
                &answers,
                &Reply::Refused {
                    why: format!("{error:#}"),
                },
                &[],
            )?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    drop(wasm);
    answer(&answers, &Reply::Ready, &[])?;
    while let Some((request, body)) = frame::receive::<MakeCall>(&mut requests)? {
        make(&function, request, body, &answers)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn load_function(load: &Load, wasm: &[u8]) -> anyhow::Result<Function> {
    let cache = load.cache.as_ref().map(Cache::at);
    let engine = match (load.build, load.cpu_period) {
        (Some(memory), _) => {
            let most = Some(memory.0);
            let limit = Rlimit {
                current: most,
                maximum: most,
            };
            setrlimit(Resource::As, limit).context("cannot bound the memory of compiling")?;
            // What is compiled does not depend on the slots.
            Engine::serving(Slots {
                calls: 0,
                keep_resident: Bytes(0),
            })?
        }
        (None, None) => Engine::new()?,
        (None, Some(period)) => Engine::sampling_cpu(period)?,
    };
    Ok(Function::load(
        &engine,
        cache.as_ref(),
        &load.name,
        wasm,
        &load.selection,
    )?)
}

fn make(
    function: &Function,
    request: MakeCall,
    body: Vec<u8>,
    answers: &Answers,
) -> anyhow::Result<()> {
    let mut event = request.event;
    if matches!(event.body, Body::Bytes(_)) {
        event.body = Body::Bytes(body.into());
    }
    let call = Call {
        event,
        entry: request.entry,
        limits: request.limits,
        output: request.output,
        rate_hz: request.rate_hz,
        contended: request.contended,
        touched: request.touched,
        seed: request.seed,
    };
    let late = answers.clone();
    let give_up = move |trace: Trace| {
        let ended = Reply::Ended {
            trace: Box::new(trace),
        };
        // Nobody is there to be told if this fails; the process ends either way.
        let _ = answer(&late, &ended, &[]);
        process::exit(0);
    };
    match function.invoke(&call, Box::new(give_up)) {
        Ok(finished) => {
            let ended = Reply::Ended {
                trace: Box::new(finished.trace),
            };
            let mut body = finished.stdout;
            for result in finished.results {
                body.extend(result.into_bytes());
                body.push(b'\n');
            }
            answer(answers, &ended, &body)
        }
        Err(error) => answer(
            answers,
            &Reply::Refused {
                why: error.to_string(),
            },
            &[],
        ),
    }
}

fn answer(answers: &Answers, reply: &Reply, body: &[u8]) -> anyhow::Result<()> {
    let mut answers = answers.lock().unwrap_or_else(PoisonError::into_inner);
    frame::send(&mut *answers, reply, body).context("cannot answer")?;
    answers.flush().context("cannot answer")
}
