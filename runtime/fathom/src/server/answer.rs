//! Answers: of a function, and of the server where there is none. What went wrong is said so that a person can act on it:
//! what happened, at which limit, in which function of the guest, and what to set.

use super::{
    bodies::CallRoom, cgi, function::Version, manifest::Protocol, metrics::Rejected,
    sizing::Learned,
};
use axum::body::Body;
use bytes::Bytes;
use host::{GuestBody, Served};
use http::{HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::{Body as HttpBody, Frame};
use serde_json::{Value, json};
use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::SystemTime,
};
use tokio::sync::oneshot;
use trace::{Outcome, Trace};

/// Functions of a guest's stack that are shown.
const MOST_FRAMES: usize = 16;

/// Seconds after which a call that was turned away may be worth another try.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// An answer on its way to a client.
pub(crate) struct Answer(Response<Body>);

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        self.0
    }

    /// Keeps `here`, and the room of what was printed, until the client has the whole answer, or has gone.
    pub(crate) fn while_here(
        self,
        here: oneshot::Sender<()>,
        method: &Method,
        room: Arc<CallRoom>,
    ) -> Answer {
        let (parts, inner) = self.0.into_parts();
        let status = parts.status;
        let has_none = *method == Method::HEAD
            || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
        if inner.is_end_stream() || has_none {
            let _ = here.send(());
            return Answer(Response::from_parts(parts, inner));
        }
        let length = parts.headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        let watched = Watched {
            inner,
            left: length,
            here: Some(here),
            _room: room,
        };
        Answer(Response::from_parts(parts, Body::new(watched)))
    }

    fn with_number(mut self, name: &'static str, number: u64) -> Answer {
        let name = HeaderName::from_static(name);
        self.0.headers_mut().insert(name, number.into());
        self
    }

    fn with(mut self, name: &'static str, value: &str) -> Answer {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.0
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
        self
    }
}

/// A body that tells when it was read to its end. That it was dropped before tells that the client has gone.
struct Watched {
    inner: Body,
    /// Bytes still to come, where that was said: after the last of them nobody asks again.
    left: Option<u64>,
    here: Option<oneshot::Sender<()>>,
    _room: Arc<CallRoom>,
}

impl HttpBody for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        if let (Some(left), Poll::Ready(Some(Ok(frame)))) = (&mut self.left, &polled) {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            *left = left.saturating_sub(bytes);
            if *left == 0 {
                self.is_read();
            }
        }
        if matches!(polled, Poll::Ready(None)) || self.inner.is_end_stream() {
            self.is_read();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        self.inner.size_hint()
    }
}

impl Watched {
    fn is_read(&mut self) {
        if let Some(here) = self.here.take() {
            // The call may have ended before.
            let _ = here.send(());
        }
    }
}

/// What every answer to a call has.
fn with_id(id: &str, response: Response<Body>) -> Answer {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |since| since.as_nanos());
    Answer(response)
        .with("x-call-id", id)
        .with("x-start-time", &now.to_string())
}

/// The answer of a component, which may still be writing it.
pub(super) fn streaming(id: &str, response: Response<GuestBody>) -> Answer {
    with_id(id, response.map(Body::new))
}

/// What has become of a call that was not answered yet; its output is taken. `whole` is what a component has answered.
pub(super) fn of(
    id: &str,
    version: &Version,
    learned: Option<&Learned>,
    served: &mut Served,
    whole: Option<Response<GuestBody>>,
    granted: trace::Bytes,
) -> Answer {
    let stdout = std::mem::take(&mut served.finished.stdout);
    let results = std::mem::take(&mut served.finished.results);
    let trace = &served.finished.trace;
    let answer = match trace.outcome {
        Outcome::Succeeded => {
            let response = match whole {
                Some(response) => Ok(response.map(Body::new)),
                None => succeeded(version, stdout, results),
            };
            match response {
                Ok(response) => with_id(id, response),
                Err(error) => {
                    let what = Problem::of(&error.to_string());
                    problem(id, StatusCode::BAD_GATEWAY, &what)
                }
            }
        }
        Outcome::TimedOut => {
            let mut problem_text = Problem::of(failure(trace));
            problem_text.set = Some(format!(
                "[limits] timeout of `{}`, which is {}",
                version.id.name, trace.limits.timeout
            ));
            problem(id, StatusCode::GATEWAY_TIMEOUT, &problem_text)
        }
        Outcome::Limited => {
            let status = if served.starved {
                StatusCode::INSUFFICIENT_STORAGE
            } else {
                StatusCode::INTERNAL_SERVER_ERROR
            };
            let what = out_of_memory(version, learned, trace, &served.stack);
            problem(id, status, &what)
        }
        Outcome::Failed => {
            let mut what = Problem::of(failure(trace));
            what.stack.clone_from(&served.stack);
            problem(id, StatusCode::INTERNAL_SERVER_ERROR, &what)
        }
    };
    let outcome = trace.outcome.to_string().replace(' ', "_");
    answer
        .with("x-fathom-outcome", &outcome)
        .with_number("x-fathom-memory-needed-bytes", trace.needed().0)
        .with_number("x-fathom-memory-granted-bytes", granted.0)
        .with(
            "x-duration-seconds",
            &format!("{:.6}", trace.wall.as_seconds()),
        )
}

fn failure(trace: &Trace) -> &str {
    trace.failure.as_deref().unwrap_or("the function failed")
}

/// What a program has printed, or what an export has returned.
fn succeeded(
    version: &Version,
    stdout: Vec<u8>,
    results: Vec<String>,
) -> Result<Response<Body>, cgi::CgiError> {
    if !results.is_empty() {
        let mut values = results
            .into_iter()
            .map(|text| match text.parse::<serde_json::Number>() {
                Ok(number) => Value::Number(number),
                Err(_) => Value::String(text),
            });
        let document = match (values.next(), values.next()) {
            (Some(first), None) => first,
            (first, second) => first.into_iter().chain(second).chain(values).collect(),
        };
        return Ok(typed("application/json", format!("{document}\n").into()));
    }
    match version.manifest.protocol {
        Protocol::Cgi => Ok(cgi::answer(&stdout)?.map(Body::from)),
        Protocol::Stdio => {
            let kind = match std::str::from_utf8(&stdout) {
                Ok(text) if is_json(text) => "application/json",
                Ok(_) => "text/plain; charset=utf-8",
                Err(_) => "application/octet-stream",
            };
            Ok(typed(kind, stdout))
        }
    }
}

/// By its first character: whoever wants to be sure says so, as CGI.
fn is_json(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

fn typed(kind: &'static str, body: Vec<u8>) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    fields.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

/// What went wrong, for people and for programs.
#[derive(Default, serde::Serialize)]
struct Problem {
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    asked_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    stack: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recommended_bytes: Option<u64>,
    /// What to change.
    #[serde(skip_serializing_if = "Option::is_none")]
    set: Option<String>,
}

impl Problem {
    fn of(error: &str) -> Problem {
        Problem {
            error: error.to_owned(),
            ..Problem::default()
        }
    }
}

fn out_of_memory(
    version: &Version,
    learned: Option<&Learned>,
    trace: &Trace,
    stack: &[String],
) -> Problem {
    let needed = trace.needed();
    let mib = trace::Bytes::mib(1).0;
    // Room for what would have come after: half as much again, in whole MiB.
    let enough = trace::Bytes((needed.0 + needed.0 / 2).div_ceil(mib) * mib);
    let recommended = learned.map_or(enough, |learned| {
        learned.recommendation.allocation_bytes.max(enough)
    });
    let place = stack.iter().find(|name| is_own(name));
    let place = place.map_or(String::new(), |name| format!(" at {name}"));
    Problem {
        error: failure(trace).to_owned(),
        limit_bytes: Some(trace.limits.memory.0),
        committed_bytes: Some(trace.committed_peak.0),
        asked_bytes: Some(needed.0),
        stack: stack.to_vec(),
        recommended_bytes: Some(recommended.0),
        set: Some(format!(
            "needed at least {needed}{place}; [function] memory of `{}` is {}, recommended {recommended}",
            version.id.name, trace.limits.memory
        )),
    }
}

/// Whether a function is neither of a standard library nor of a runtime, by its name: what is known of it here.
fn is_own(name: &str) -> bool {
    const OTHERS: [&str; 12] = [
        "std::", "core::", "alloc::", "__rust", "rust_", "abort", "<alloc::", "<core::", "<std::",
        "dlmalloc", "~lib/", "runtime.",
    ];
    !OTHERS.iter().any(|other| name.starts_with(other))
}

fn problem(id: &str, status: StatusCode, problem: &Problem) -> Answer {
    let mut text = format!("{}\n", problem.error);
    if let Some(set) = &problem.set {
        text.push_str(set);
        text.push('\n');
    }
    for (number, frame) in problem.stack.iter().take(MOST_FRAMES).enumerate() {
        text.push_str(&format!("  {number}: {frame}\n"));
    }
    let mut response = typed("text/plain; charset=utf-8", text.into_bytes());
    *response.status_mut() = status;
    with_id(id, response)
}

/// A call that was turned away before it began.
pub(super) fn rejected(id: &str, why: Rejected, what: &str) -> Answer {
    let (status, again) = match why {
        Rejected::Unknown => (StatusCode::NOT_FOUND, false),
        Rejected::Busy => (StatusCode::TOO_MANY_REQUESTS, true),
        Rejected::QueueFull | Rejected::Impatient => (StatusCode::SERVICE_UNAVAILABLE, true),
        Rejected::TooLarge => (StatusCode::INSUFFICIENT_STORAGE, false),
        Rejected::NotLoaded => (StatusCode::INTERNAL_SERVER_ERROR, false),
    };
    let mut answer = problem(id, status, &Problem::of(what));
    if again {
        answer
            .0
            .headers_mut()
            .insert(header::RETRY_AFTER, RETRY_AFTER);
    }
    answer
}

/// A request that cannot be a call.
pub(super) fn bad_request(id: &str, what: &str) -> Answer {
    problem(id, StatusCode::BAD_REQUEST, &Problem::of(what))
}

/// The server's own failure.
pub(super) fn failed(id: &str, what: &str) -> Answer {
    problem(id, StatusCode::INTERNAL_SERVER_ERROR, &Problem::of(what))
}

/// A call of which nothing more is known.
pub(super) fn lost(id: &str) -> Answer {
    failed(id, "the call was lost")
}

/// A JSON document as the arguments of an export: an array of as many numbers as it takes, or the number itself.
pub(super) fn arguments(body: &[u8], parameters: usize) -> Result<Vec<String>, String> {
    let expected = || format!("expected a JSON array of {parameters} numbers");
    let document: Value =
        serde_json::from_slice(body).map_err(|error| format!("{}: {error}", expected()))?;
    let items = match document {
        Value::Array(items) => items,
        Value::Object(fields) => fields.into_iter().map(|(_, value)| value).collect(),
        number => vec![number],
    };
    if items.len() != parameters {
        return Err(format!("{}, but there are {}", expected(), items.len()));
    }
    items
        .into_iter()
        .map(|item| match item {
            Value::Number(number) => Ok(number.to_string()),
            other => Err(format!("{}, but there is {}", expected(), kind(&other))),
        })
        .collect()
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A short document of the control plane.
pub(crate) fn document(status: StatusCode, value: &Value) -> Response<Body> {
    let mut response = typed("application/json", format!("{value}\n").into_bytes());
    *response.status_mut() = status;
    response
}

/// What went wrong in the control plane.
pub(crate) fn refusal(status: StatusCode, what: &str) -> Response<Body> {
    document(status, &json!({ "error": what }))
}

/// What was refused in bare text, or in none, before it reached who would answer it (a query that cannot be read, a method that
/// is not offered) is said as `say` does. Everything else stays as it is.
pub(crate) async fn said_by(
    say: impl FnOnce(StatusCode, &str) -> Response<Body>,
    response: Response<Body>,
) -> Response<Body> {
    // What is said repeats what was sent, which is no longer than a head may be.
    const LONGEST: usize = 256 << 10;
    const SHOWN: usize = 1_000;
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    let is_bare = kind.is_none_or(|kind| kind.as_bytes().starts_with(b"text/plain"));
    if !status.is_client_error() || !is_bare {
        return response;
    }
    let (before, body) = response.into_parts();
    let text = axum::body::to_bytes(body, LONGEST).await;
    let text = String::from_utf8_lossy(&text.unwrap_or_default()).into_owned();
    let what = match text.strip_prefix("Failed to deserialize query string") {
        Some(why) => format!("The query cannot be read{why}."),
        None if text.is_empty() => format!("{}.", status.canonical_reason().unwrap_or("Refused")),
        None => text,
    };
    let what: String = what.chars().take(SHOWN).collect();
    let mut response = say(status, &what);
    for (name, value) in &before.headers {
        if !matches!(*name, header::CONTENT_TYPE | header::CONTENT_LENGTH) {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}
