//! Calls of a deployed function, one after another, with the inputs that are given here. Keeps of each what tells it from others
//! there: the execution id, the trace, the id of a Fathom's call. Bodies that are answered are not kept. What breaks off does not take
//! the calls with it that were made before.

use super::interrupt::Interrupt;
use crate::{
    google::{Tokens, location, may_be_told, pause, without_query},
    moment::unix_ms,
    output, progress,
};
use anyhow::{Context, bail};
use host::{Body, Event};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    io::{self, Read},
    time::{Duration, Instant, SystemTime},
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
    /// The trace that it has there, as the `X-Cloud-Trace-Context` of the answer says; where it says none, the one that was sent.
    pub(super) trace: String,
    /// The trace that was sent, where the answer has another.
    pub(super) sent_trace: Option<String>,
    /// `X-Call-Id`, where a Fathom runs there.
    pub(super) call_id: Option<String>,
}

/// What was made.
pub(super) struct Made {
    pub(super) calls: Vec<Driven>,
    pub(super) ended: Ended,
}

/// Why no more calls were made.
pub(super) enum Ended {
    /// There are no more inputs.
    All,
    /// Ctrl-C.
    Interrupted,
    /// A call broke off, or nobody gave a token for it any more.
    Broken(anyhow::Error),
}

/// Something to send.
struct Sent {
    input: Input,
    body: Vec<u8>,
    content_type: Option<String>,
}

/// What came of one call.
enum Came {
    Call(Driven),
    Interrupted,
}

/// Makes all calls; `keep` is given those that were made, after each of them. Where none was made, why that is.
pub(super) fn run(
    drive: Drive<'_>,
    inputs: &[(Input, Event)],
    interrupt: Interrupt,
    mut keep: impl FnMut(&[Driven]) -> anyhow::Result<()>,
) -> anyhow::Result<Made> {
    let inputs: Vec<&(Input, Event)> = inputs
        .iter()
        .filter(|(_, event)| can_be_sent(event))
        .collect();
    if inputs.is_empty() {
        bail!(
            "no input can be sent: what is a directory, or differs in arguments alone, is no body of a request"
        );
    }
    let agent: Agent = Agent::config_builder()
        .timeout_global(Some(Duration::from_nanos(drive.timeout.0)))
        .http_status_as_error(false)
        // Whoever was sent elsewhere has neither called this function nor shown its token to whom it is for.
        .max_redirects(0)
        .build()
        .into();
    let token = drive.identity()?;
    let mut caller = Caller {
        drive,
        agent,
        token,
        interrupt,
        is_first: true,
    };
    let runtime = tokio::runtime::Runtime::new().context("cannot start the runtime")?;
    let mut calls = Vec::new();
    let ended = runtime.block_on(caller.all(&inputs, &mut calls, &mut keep));
    // A call that nobody waits for any more shall not keep the process.
    runtime.shutdown_background();
    match ended {
        Ended::Broken(error) if calls.is_empty() => Err(error),
        Ended::Interrupted if calls.is_empty() => {
            bail!("interrupted before the first call ended: nothing is known")
        }
        ended => Ok(Made { calls, ended }),
    }
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

/// Who makes the calls.
struct Caller<'a> {
    drive: Drive<'a>,
    agent: Agent,
    token: Option<String>,
    interrupt: Interrupt,
    /// Whether nothing has answered yet: then a refusal is not one of this call alone.
    is_first: bool,
}

impl Caller<'_> {
    async fn all(
        &mut self,
        inputs: &[&(Input, Event)],
        made: &mut Vec<Driven>,
        keep: &mut impl FnMut(&[Driven]) -> anyhow::Result<()>,
    ) -> Ended {
        let bar = progress::bar(inputs.len(), "calling");
        let mut ended = Ended::All;
        for (at, (input, event)) in inputs.iter().enumerate() {
            let begun = Instant::now();
            bar.set_prefix(input.label.clone());
            match self.call(input, event).await {
                Ok(Came::Call(call)) => made.push(call),
                Ok(Came::Interrupted) => {
                    ended = Ended::Interrupted;
                    break;
                }
                Err(error) => {
                    ended =
                        Ended::Broken(error.context(format!("the call with `{}`", input.label)));
                    break;
                }
            }
            self.is_first = false;
            if let Err(error) = keep(made) {
                ended = Ended::Broken(error);
                break;
            }
            bar.inc(1);
            let is_last = at + 1 == inputs.len();
            if let Some(every) = self.drive.every.filter(|_| !is_last) {
                let rest = Duration::from_nanos(every.0).saturating_sub(begun.elapsed());
                if !self.is_quiet_for(rest).await {
                    ended = Ended::Interrupted;
                    break;
                }
            }
        }
        bar.finish_and_clear();
        ended
    }

    /// Waits; whether nobody wanted it to end meanwhile.
    async fn is_quiet_for(&mut self, time: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(time) => true,
            () = self.interrupt.said() => false,
        }
    }

    /// One call, made again where the service is busy or the token has run out.
    async fn call(&mut self, input: &Input, event: &Event) -> anyhow::Result<Came> {
        let mut renewed = false;
        let mut tries = 0;
        loop {
            tries += 1;
            let sent = Sent {
                input: input.clone(),
                body: body(event)?,
                content_type: event
                    .content_type
                    .clone()
                    .or_else(|| self.drive.content_type.map(str::to_owned)),
            };
            let (agent, token) = (self.agent.clone(), self.token.clone());
            let url = self.drive.url.to_owned();
            let call = tokio::task::spawn_blocking(move || one(&agent, &url, token, sent));
            let answered = tokio::select! {
                call = call => call.context("a call was lost")??,
                () = self.interrupt.said() => return Ok(Came::Interrupted),
            };
            let status = answered.call.status;
            // A token holds for an hour, and the calls may take longer.
            if status == 401 && !renewed && self.token.is_some() {
                renewed = true;
                self.token = self.drive.identity()?;
                continue;
            }
            if self.is_first {
                refused(self.drive.url, status, answered.location.as_deref())?;
            }
            if !is_busy(status) || tries >= TRIES {
                return Ok(Came::Call(answered.call));
            }
            if !self.is_quiet_for(pause(tries, answered.after)).await {
                return Ok(Came::Interrupted);
            }
        }
    }
}

/// Whether the function was not run because there are too many calls, or no instance: what it did itself is not done again.
fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// What the first answer says of all calls.
fn refused(url: &str, status: u16, location: Option<&str>) -> anyhow::Result<()> {
    let url = without_query(url);
    match (status, location) {
        (401 | 403, _) => bail!(
            "`{url}` refuses whoever calls it ({status}): it wants an identity token of somebody with the role Cloud Functions \
             Invoker (or Cloud Run Invoker); see --token-from and --audience"
        ),
        (404, _) => bail!("there is no function at `{url}` (404)"),
        (300..=399, Some(location)) => bail!(
            "`{url}` refers to another place ({status}): give --url the address that answers itself, which may be `{}`",
            without_query(location)
        ),
        _ => Ok(()),
    }
}

impl Drive<'_> {
    fn identity(&self) -> anyhow::Result<Option<String>> {
        let token = self
            .tokens
            .identity(self.audience)
            .context("a token to call the function with (`--token-from none` calls it without)")?;
        if token.is_some() {
            may_be_told(self.url)?;
        }
        Ok(token)
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

/// A call that was answered.
struct Answered {
    call: Driven,
    /// How long the service wants to be left alone before the next try.
    after: Option<Duration>,
    /// Where it refers to.
    location: Option<String>,
}

fn one(agent: &Agent, url: &str, token: Option<String>, sent: Sent) -> anyhow::Result<Answered> {
    let sent_trace = uuid::Uuid::now_v7().simple().to_string();
    let content_type = sent
        .content_type
        .as_deref()
        .unwrap_or("application/octet-stream");
    let mut request = agent
        .post(url)
        .header("content-type", content_type)
        .header("x-cloud-trace-context", format!("{sent_trace}/1;o=1"));
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let began_unix_ms = unix_ms(SystemTime::now());
    let begun = Instant::now();
    let response = request
        .send(&sent.body)
        .with_context(|| format!("cannot reach the function at `{}`", without_query(url)))?;
    let field = |name: &str| {
        let value = response.headers().get(name)?.to_str().ok()?;
        (!value.is_empty()).then(|| value.to_owned())
    };
    let after = field("retry-after").and_then(|seconds| seconds.trim().parse().ok());
    let location = location(&response);
    // `TRACE/SPAN;o=1`, where the span and the options may be absent.
    let told = field("x-cloud-trace-context");
    let told = told.and_then(|told| told.split(['/', ';']).next().map(str::to_owned));
    let told = told.filter(|told| !told.is_empty() && *told != sent_trace);
    let (execution_id, call_id) = (field("function-execution-id"), field("x-call-id"));
    let status = response.status().as_u16();
    let mut body: Box<dyn Read> = Box::new(response.into_body().into_reader());
    io::copy(&mut body, &mut io::sink()).context("an answer of the function broke off")?;
    let (trace, sent_trace) = match told {
        Some(told) => (told, Some(sent_trace)),
        None => (sent_trace, None),
    };
    Ok(Answered {
        call: Driven {
            input: sent.input,
            began_unix_ms,
            seconds: begun.elapsed().as_secs_f64(),
            status,
            execution_id,
            trace,
            sent_trace,
            call_id,
        },
        after: after.map(Duration::from_secs),
        location,
    })
}
