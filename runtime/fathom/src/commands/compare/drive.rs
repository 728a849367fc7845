//! Calls of a deployed function, one after another, with the inputs that are given here. Keeps of each what tells it from others
//! there: the execution id, the trace, the id of a Fathom's call. Bodies that are answered are not kept.

use crate::{
    google::{Tokens, is_worth_another_try, pause},
    output, progress,
};
use anyhow::{Context, bail};
use host::{Body, Event};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Read},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};
use trace::{Input, Nanos};
use ureq::Agent;

/// Times that a call is made which is refused because too many are made, or none can be.
const TRIES: u32 = 5;

/// How calls are made.
pub(super) struct Drive<'a> {
    pub(super) url: &'a str,
    /// Whom the token is for.
    pub(super) audience: &'a str,
    pub(super) content_type: Option<&'a str>,
    /// From begin to begin.
    pub(super) every: Option<Nanos>,
    pub(super) timeout: Nanos,
    pub(super) tokens: Tokens,
}

/// One call that was made there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Driven {
    /// As it is known here.
    pub(super) input: Input,
    /// By the clock here, milliseconds since 1970-01-01 UTC.
    pub(super) began_unix_ms: u64,
    /// From the first byte sent to the last one read.
    pub(super) seconds: f64,
    /// What was answered.
    pub(super) status: u16,
    /// `Function-Execution-Id`.
    pub(super) execution_id: Option<String>,
    /// The trace that it was called with, as `X-Cloud-Trace-Context` has it.
    pub(super) trace: String,
    /// `X-Call-Id`, where a Fathom runs there.
    pub(super) call_id: Option<String>,
}

/// What was made.
pub(super) struct Made {
    pub(super) calls: Vec<Driven>,
    pub(super) interrupted: bool,
}

/// Something to send.
struct Sent {
    input: Input,
    body: Vec<u8>,
    content_type: Option<String>,
}

/// Makes all calls. Ctrl-C stops after what has ended.
pub(super) fn run(drive: Drive<'_>, inputs: &[(Input, Event)]) -> anyhow::Result<Made> {
    let inputs: Vec<&(Input, Event)> = inputs
        .iter()
        .filter(|(_, event)| can_be_sent(event))
        .collect();
    if inputs.is_empty() {
        bail!(
            "no input can be sent: what is a directory, or differs in arguments alone, is no body of a request"
        );
    }
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let made = runtime.block_on(all(drive, &inputs));
    // A call that nobody waits for any more shall not keep the process.
    runtime.shutdown_background();
    made
}

/// A body is all that is sent.
fn can_be_sent(event: &Event) -> bool {
    let differs_in_arguments = !event.swept.is_empty() && matches!(event.body, Body::Empty);
    let can = event.mount.is_none() && !differs_in_arguments;
    if !can {
        output::note(format_args!(
            "note: `{}` is not sent: what is a directory, or differs in arguments alone, is no body of a request",
            event.label
        ));
    }
    can
}

async fn all(mut drive: Drive<'_>, inputs: &[&(Input, Event)]) -> anyhow::Result<Made> {
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_nanos(drive.timeout.0)))
        .http_status_as_error(false)
        .build()
        .into();
    let mut token = drive.identity()?;
    let bar = progress::bar(inputs.len(), "calling");
    let mut made = Made {
        calls: Vec::new(),
        interrupted: false,
    };
    for (input, event) in inputs {
        let begun = Instant::now();
        bar.set_prefix(input.label.clone());
        let mut renewed = false;
        let mut tries = 0;
        let call = loop {
            tries += 1;
            let sent = Sent {
                input: input.clone(),
                body: body(event)?,
                content_type: event
                    .content_type
                    .clone()
                    .or_else(|| drive.content_type.map(str::to_owned)),
            };
            let (agent, url, token_now) = (agent.clone(), drive.url.to_owned(), token.clone());
            let call = tokio::task::spawn_blocking(move || one(&agent, &url, token_now, sent));
            let (call, after) = tokio::select! {
                call = call => call.context("a call was lost")??,
                _ = tokio::signal::ctrl_c() => {
                    made.interrupted = true;
                    break None;
                }
            };
            match call.status {
                // A token holds for an hour, and the calls may take longer.
                401 if !renewed && token.is_some() => {
                    renewed = true;
                    token = drive.identity()?;
                }
                401 | 403 if made.calls.is_empty() => bail!(
                    "`{}` refuses whoever calls it ({}): it wants an identity token of somebody with the role Cloud Functions \
                     Invoker (or Cloud Run Invoker); see --token-from and --audience",
                    drive.url,
                    call.status
                ),
                404 if made.calls.is_empty() => {
                    bail!("there is no function at `{}` (404)", drive.url)
                }
                status if is_worth_another_try(status) && status != 500 && tries < TRIES => {
                    tokio::select! {
                        () = tokio::time::sleep(pause(tries, after)) => {}
                        _ = tokio::signal::ctrl_c() => {
                            made.interrupted = true;
                            break None;
                        }
                    }
                }
                _ => break Some(call),
            }
        };
        let Some(call) = call else { break };
        made.calls.push(call);
        bar.inc(1);
        let is_last = made.calls.len() == inputs.len();
        if let Some(every) = drive.every.filter(|_| !is_last) {
            let rest = Duration::from_nanos(every.0).saturating_sub(begun.elapsed());
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                _ = tokio::signal::ctrl_c() => {
                    made.interrupted = true;
                    break;
                }
            }
        }
    }
    bar.finish_and_clear();
    if made.calls.is_empty() {
        bail!("interrupted before the first call ended: nothing is known");
    }
    Ok(made)
}

impl Drive<'_> {
    fn identity(&mut self) -> anyhow::Result<Option<String>> {
        self.tokens
            .identity(self.audience)
            .context("a token to call the function with (`--token-from none` calls it without)")
    }
}

fn body(event: &Event) -> anyhow::Result<Vec<u8>> {
    Ok(match &event.body {
        Body::Empty => Vec::new(),
        Body::Bytes(bytes) => bytes.to_vec(),
        Body::File(path) => {
            fs::read(path).with_context(|| format!("cannot read the input `{}`", path.display()))?
        }
        Body::Inherited => bail!("the standard input cannot be sent: name files with --input"),
    })
}

/// One call, and how long the service wants to be left alone before the next try.
fn one(
    agent: &Agent,
    url: &str,
    token: Option<String>,
    sent: Sent,
) -> anyhow::Result<(Driven, Option<Duration>)> {
    let trace = uuid::Uuid::now_v7().simple().to_string();
    let content_type = sent
        .content_type
        .as_deref()
        .unwrap_or("application/octet-stream");
    let mut request = agent
        .post(url)
        .header("content-type", content_type)
        .header("x-cloud-trace-context", format!("{trace}/1;o=1"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    let began_unix_ms = since.map_or(0, |since| since.as_millis() as u64);
    let begun = Instant::now();
    let response = request
        .send(&sent.body)
        .with_context(|| format!("cannot reach the function at `{url}`"))?;
    let field = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let after = field("retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let told = field("x-cloud-trace-context");
    let told = told.and_then(|told| told.split('/').next().map(str::to_owned));
    let (execution_id, call_id) = (field("function-execution-id"), field("x-call-id"));
    let status = response.status().as_u16();
    let mut body: Box<dyn Read> = Box::new(response.into_body().into_reader());
    io::copy(&mut body, &mut io::sink()).context("an answer of the function broke off")?;
    Ok((
        Driven {
            input: sent.input,
            began_unix_ms,
            seconds: begun.elapsed().as_secs_f64(),
            status,
            execution_id,
            trace: told.unwrap_or(trace),
            call_id,
        },
        after.map(Duration::from_secs),
    ))
}
