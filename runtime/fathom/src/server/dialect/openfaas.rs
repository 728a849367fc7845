//! OpenFaaS: its gateway and provider API, so that an unmodified `faas-cli` deploys, lists, describes, invokes, reads logs
//! and removes. Limits and requests are memory of ours; usage is what the last call really needed. An image is a module:
//! `sha256:...` of one that was deployed before, or a file below the folder of images. Not offered: secrets, other
//! namespaces, replicas (each call has a sandbox of its own anyway).

use super::{Server, make_detached};
use crate::server::{
    answer, bodies::CallRoom, call::Ask, function::Deployed, logs::Line, registry,
};
use anyhow::{Context, bail, ensure};
use axum::{
    Json, Router,
    body::Body,
    extract::{Path, Query, Request, State},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::body::Frame;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    convert::Infallible,
    pin::Pin,
    sync::Arc,
    task::{Context as Polling, Poll},
    time::{Duration, SystemTime},
};
use tokio::sync::broadcast::{self, error::RecvError};

/// The one namespace.
pub(crate) const NAMESPACE: &str = "openfaas-fn";

/// What its clients add to names.
pub(super) const SUFFIX: &str = ".openfaas-fn";

/// Longest answer that is handed on, bytes.
const LONGEST_ANSWER: u64 = 16 << 20;

/// Longest that a callback may take.
const CALLBACK: Duration = Duration::from_secs(30);

/// Calls that nobody waits for: the gateway's own.
pub(super) fn calls() -> Router<Arc<Server>> {
    Router::new().route("/async-function/{name}", post(call_later))
}

/// Everything that wants the token.
pub(super) fn control() -> Router<Arc<Server>> {
    Router::new()
        .route(
            "/system/functions",
            get(list).post(deploy).put(update).delete(remove),
        )
        .route("/system/function/{name}", get(describe))
        .route("/system/scale-function/{name}", post(scale))
        .route("/system/info", get(info))
        .route("/system/logs", get(logs))
        .route("/system/namespaces", get(async || Json([NAMESPACE])))
        .route(
            "/system/secrets",
            get(async || Json(json!([])))
                .post(no_secrets)
                .put(no_secrets)
                .delete(no_secrets),
        )
        .route(
            "/system/namespace/{name}",
            get(no_namespaces)
                .post(no_namespaces)
                .put(no_namespaces)
                .delete(no_namespaces),
        )
}

async fn no_secrets() -> Response<Body> {
    said(
        StatusCode::NOT_IMPLEMENTED,
        "secrets are not offered: give a function what it needs in its environment",
    )
}

async fn no_namespaces() -> Response<Body> {
    said(
        StatusCode::NOT_IMPLEMENTED,
        "there is one namespace, openfaas-fn",
    )
}

/// Text, as the gateway answers.
fn said(status: StatusCode, text: impl Into<String>) -> Response<Body> {
    let mut response = Response::new(Body::from(text.into()));
    *response.status_mut() = status;
    response
}

#[derive(Deserialize)]
struct InNamespace {
    namespace: Option<String>,
}

impl InNamespace {
    fn is_ours(&self) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|n| n.is_empty() || n == NAMESPACE)
    }
}

#[derive(Default, Deserialize, Serialize)]
struct Resources {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    memory: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cpu: Option<String>,
}

#[derive(Deserialize)]
struct Deployment {
    service: String,
    image: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default, rename = "envVars")]
    env: Option<BTreeMap<String, String>>,
    #[serde(default)]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
    #[serde(default)]
    secrets: Option<Vec<String>>,
    #[serde(default)]
    limits: Option<Resources>,
    #[serde(default)]
    requests: Option<Resources>,
}

#[derive(Deserialize)]
struct Removal {
    #[serde(rename = "functionName")]
    name: String,
    #[serde(default)]
    namespace: Option<String>,
}

#[derive(Serialize)]
struct Status {
    name: String,
    image: String,
    namespace: &'static str,
    #[serde(rename = "envVars")]
    env: BTreeMap<String, String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    limits: Resources,
    requests: Resources,
    #[serde(rename = "invocationCount")]
    invocations: f64,
    replicas: u64,
    #[serde(rename = "availableReplicas")]
    available: u64,
    #[serde(rename = "createdAt")]
    created: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Usage>,
}

#[derive(Serialize)]
struct Usage {
    /// Thousandths of a core.
    cpu: f64,
    #[serde(rename = "totalMemoryBytes")]
    memory: f64,
}

fn status(function: &Deployed) -> Status {
    let version = function.version();
    let manifest = &version.manifest;
    let (calls, last) = {
        let totals = function.totals();
        (totals.calls, totals.last)
    };
    let resources = |memory: Option<trace::Bytes>| Resources {
        memory: memory.map(quantity),
        cpu: None,
    };
    Status {
        name: function.name.clone(),
        image: manifest
            .image
            .clone()
            .unwrap_or_else(|| version.id.digest.clone()),
        namespace: NAMESPACE,
        env: manifest.env.iter().cloned().collect(),
        labels: manifest.labels.clone(),
        annotations: manifest.annotations.clone(),
        limits: resources(Some(manifest.limits.memory)),
        requests: resources(manifest.requested),
        invocations: calls as f64,
        replicas: 1,
        available: 1,
        created: humantime::format_rfc3339_seconds(function.created).to_string(),
        usage: last.map(|last| Usage {
            cpu: 1000.0 * last.cpu.as_seconds() / last.wall.as_seconds().max(1e-9),
            memory: last.needed.as_f64(),
        }),
    }
}

async fn list(
    State(server): State<Arc<Server>>,
    Query(namespace): Query<InNamespace>,
) -> Json<Vec<Status>> {
    let all = if namespace.is_ours() {
        server.registry.all()
    } else {
        Vec::new()
    };
    Json(all.iter().map(|function| status(function)).collect())
}

async fn describe(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    Query(namespace): Query<InNamespace>,
) -> Response<Body> {
    match server
        .registry
        .find(plain(&name))
        .filter(|_| namespace.is_ours())
    {
        Some(function) => answer::document(StatusCode::OK, &json!(status(&function))),
        None => not_found(&server, &name),
    }
}

fn plain(name: &str) -> &str {
    name.strip_suffix(SUFFIX).unwrap_or(name)
}

fn not_found(server: &Server, name: &str) -> Response<Body> {
    let near = server.registry.near(name);
    said(
        StatusCode::NOT_FOUND,
        format!("no function `{}`{near}", name.escape_debug()),
    )
}

async fn deploy(State(server): State<Arc<Server>>, body: Request) -> Response<Body> {
    match deployed(&server, body, false).await {
        Ok(()) => said(StatusCode::ACCEPTED, ""),
        Err(error) => said(StatusCode::BAD_REQUEST, format!("{error:#}")),
    }
}

/// Of a function that is not there its clients are told so, and then deploy it.
async fn update(State(server): State<Arc<Server>>, body: Request) -> Response<Body> {
    match deployed(&server, body, true).await {
        Ok(()) => said(StatusCode::ACCEPTED, ""),
        Err(error) if error.is::<Absent>() => said(StatusCode::NOT_FOUND, error.to_string()),
        Err(error) => said(StatusCode::BAD_REQUEST, format!("{error:#}")),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no such function")]
struct Absent;

async fn document<T: serde::de::DeserializeOwned>(
    server: &Server,
    request: Request,
) -> anyhow::Result<T> {
    let (body, _room) = super::read(server, request.into_body())
        .await
        .map_err(|(_, what)| anyhow::anyhow!(what))?;
    serde_json::from_slice(&body).context("the request is not what was expected")
}

async fn deployed(server: &Arc<Server>, request: Request, present: bool) -> anyhow::Result<()> {
    let wanted: Deployment = document(server, request).await?;
    let name = registry::checked_name(&wanted.service)?.to_owned();
    if present && server.registry.find(&name).is_none() {
        bail!(Absent);
    }
    let in_namespace = InNamespace {
        namespace: wanted.namespace.clone(),
    };
    ensure!(
        in_namespace.is_ours(),
        "there is one namespace, {NAMESPACE}"
    );
    ensure!(
        wanted.secrets.as_ref().is_none_or(Vec::is_empty),
        "secrets are not offered: give the function what it needs in its environment"
    );
    let manifest = manifest(&wanted)?;
    let server = server.clone();
    tokio::task::spawn_blocking(move || {
        let wasm = module(&server, &wanted.image)?;
        registry::deploy_module(&server, &name, &wasm, &manifest).map(|_| ())
    })
    .await
    .context("the deployment was broken off")?
}

/// The module that an image names.
fn module(server: &Server, image: &str) -> anyhow::Result<Vec<u8>> {
    if let Some(digest) = image.strip_prefix("sha256:") {
        ensure!(
            digest.len() == 64 && digest.chars().all(|c| c.is_ascii_hexdigit()),
            "`{}` is no digest of a module",
            image.escape_debug()
        );
        return server.modules.read(image);
    }
    let images = server.images();
    let path = images.join(image);
    let real = path.canonicalize().with_context(|| {
        format!(
            "no image `{}`: expected a module below `{}`",
            image.escape_debug(),
            images.display()
        )
    })?;
    ensure!(
        real.starts_with(&images) && real.is_file(),
        "`{}` is no module below `{}`",
        image.escape_debug(),
        images.display()
    );
    crate::guest::read_module(&real)
}

/// The deployment as a manifest of ours.
fn manifest(wanted: &Deployment) -> anyhow::Result<String> {
    let memory = |resources: &Option<Resources>| -> anyhow::Result<Option<u64>> {
        let text = resources.as_ref().and_then(|r| r.memory.as_deref());
        text.filter(|text| !text.is_empty())
            .map(bytes_of)
            .transpose()
    };
    let mut function = json!({ "env": wanted.env.clone().unwrap_or_default() });
    if let Some(limit) = memory(&wanted.limits)? {
        function["memory"] = json!(format!("{limit} B"));
    }
    let mut serve = json!({
        "image": wanted.image,
        "labels": wanted.labels.clone().unwrap_or_default(),
        "annotations": wanted.annotations.clone().unwrap_or_default(),
    });
    if let Some(requested) = memory(&wanted.requests)? {
        serve["requested"] = json!(format!("{requested} B"));
    }
    toml::to_string(&json!({ "function": function, "serve": serve }))
        .context("the deployment cannot be written down")
}

async fn remove(State(server): State<Arc<Server>>, request: Request) -> Response<Body> {
    let removal: Removal = match document(&server, request).await {
        Ok(removal) => removal,
        Err(error) => return said(StatusCode::BAD_REQUEST, format!("{error:#}")),
    };
    let in_namespace = InNamespace {
        namespace: removal.namespace,
    };
    if !in_namespace.is_ours() {
        return not_found(&server, &removal.name);
    }
    match registry::remove(&server, plain(&removal.name)) {
        Ok(true) => said(StatusCode::ACCEPTED, ""),
        Ok(false) => not_found(&server, &removal.name),
        Err(error) => said(StatusCode::CONFLICT, format!("{error:#}")),
    }
}

/// There is nothing to scale: it is done.
async fn scale(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Response<Body> {
    match server.registry.find(plain(&name)) {
        Some(_) => said(StatusCode::ACCEPTED, ""),
        None => not_found(&server, &name),
    }
}

async fn info() -> Json<Value> {
    let version = json!({ "sha": "", "release": env!("CARGO_PKG_VERSION"), "commit_message": "" });
    Json(json!({
        "provider": { "provider": "fathom", "orchestration": "wasmtime", "version": version },
        "version": version,
        "arch": std::env::consts::ARCH,
    }))
}

#[derive(Deserialize)]
struct LogQuery {
    name: String,
    #[serde(default)]
    namespace: Option<String>,
    #[serde(default)]
    since: Option<String>,
    #[serde(default)]
    tail: Option<i64>,
    #[serde(default)]
    follow: Option<bool>,
}

async fn logs(
    State(server): State<Arc<Server>>,
    query: Result<Query<LogQuery>, axum::extract::rejection::QueryRejection>,
) -> Response<Body> {
    let Ok(Query(query)) = query else {
        return said(
            StatusCode::UNPROCESSABLE_ENTITY,
            "expected ?name=, and perhaps since, tail and follow",
        );
    };
    let in_namespace = InNamespace {
        namespace: query.namespace,
    };
    let Some(function) = server
        .registry
        .find(plain(&query.name))
        .filter(|_| in_namespace.is_ours())
    else {
        return not_found(&server, &query.name);
    };
    let since = match query.since.as_deref().filter(|since| !since.is_empty()) {
        None => None,
        Some(text) => match humantime::parse_rfc3339_weak(text.trim_end_matches('Z')) {
            Ok(since) => Some(since),
            Err(_) => {
                return said(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "`since` is no RFC 3339 time",
                );
            }
        },
    };
    let tail = query.tail.and_then(|tail| usize::try_from(tail).ok());
    // Subscribed before the past is read: nothing falls between.
    let from_now = query
        .follow
        .unwrap_or(false)
        .then(|| function.logs.follow());
    let past = function.logs.tail(since, tail);
    let mut response = Response::new(Body::new(Following::new(&function.name, past, from_now)));
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, ndjson);
    response
}

/// A line, and where the ones after it come from.
type Next = (Line, broadcast::Receiver<Line>);

/// Lines as they come.
pub(crate) struct Following {
    name: Arc<str>,
    past: VecDeque<Line>,
    next: Option<Pin<Box<dyn Future<Output = Option<Next>> + Send>>>,
}

impl Following {
    pub(crate) fn new(
        name: &str,
        past: Vec<Line>,
        from_now: Option<broadcast::Receiver<Line>>,
    ) -> Following {
        Following {
            name: name.into(),
            past: past.into(),
            next: from_now.map(|lines| Box::pin(next(lines)) as _),
        }
    }

    fn encoded(&self, line: &Line) -> Bytes {
        let document = json!({
            "name": &*self.name,
            "namespace": NAMESPACE,
            "instance": &*line.call,
            "timestamp": humantime::format_rfc3339_nanos(line.at).to_string(),
            "text": line.text,
        });
        format!("{document}\n").into()
    }
}

async fn next(mut lines: broadcast::Receiver<Line>) -> Option<Next> {
    loop {
        match lines.recv().await {
            Ok(line) => return Some((line, lines)),
            // Who reads too slowly misses some.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return None,
        }
    }
}

impl hyper::body::Body for Following {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Polling<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(line) = self.past.pop_front() {
            return Poll::Ready(Some(Ok(Frame::data(self.encoded(&line)))));
        }
        let Some(coming) = &mut self.next else {
            return Poll::Ready(None);
        };
        match coming.as_mut().poll(context) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some((line, lines))) => {
                self.next = Some(Box::pin(next(lines)));
                Poll::Ready(Some(Ok(Frame::data(self.encoded(&line)))))
            }
        }
    }
}

/// Where the caller wants to be told of the end, if that is a place that may be told.
fn callback(server: &Server, headers: &http::HeaderMap) -> Result<Option<String>, String> {
    let Some(url) = headers.get("x-callback-url") else {
        return Ok(None);
    };
    let url = url.to_str().unwrap_or_default();
    match url.parse::<http::Uri>() {
        Ok(address) if server.settings.callbacks.allows(&address) => Ok(Some(url.to_owned())),
        _ => Err(format!(
            "`{}` may not be told: the server was not started with that --callback-host",
            url.escape_debug()
        )),
    }
}

/// Takes the call, and makes it afterwards.
async fn call_later(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    let id = super::id_of(request.headers());
    if server.registry.find(plain(&name)).is_none() {
        return not_found(&server, &name);
    }
    let callback = match callback(&server, request.headers()) {
        Ok(callback) => callback,
        Err(what) => return said(StatusCode::FORBIDDEN, what),
    };
    let Ok(place) = server.detached.clone().try_acquire_owned() else {
        return said(
            StatusCode::TOO_MANY_REQUESTS,
            "too many calls that nobody waits for",
        );
    };
    let (request, room) = match super::whole(&server, request, "").await {
        Ok(request) => request,
        Err((status, what)) => return said(status, what),
    };
    let ask = Ask {
        id: id.clone(),
        function: plain(&name).to_owned(),
        dialect: "openfaas",
        request,
        room: CallRoom::of(room),
        remote: None,
        known: None,
    };
    let begun = SystemTime::now();
    tokio::spawn(async move {
        let _place = place;
        let answer = make_detached(server.clone(), ask).await;
        let (parts, body) = answer.into_response().into_parts();
        // To its end, also where nobody wants it: a component goes on as long as it is read.
        let body =
            super::collect(body, usize::MAX, CALLBACK, |bytes| bytes <= LONGEST_ANSWER).await;
        if let Some(url) = callback {
            call_back(url, parts, body.unwrap_or_default(), begun).await;
        }
    });
    let mut response = said(StatusCode::ACCEPTED, "");
    if let Ok(id) = HeaderValue::from_str(&id) {
        response
            .headers_mut()
            .insert(HeaderName::from_static("x-call-id"), id);
    }
    response
}

/// Tells what has become of a call. Once: whoever wants more asks for its record.
async fn call_back(url: String, parts: http::response::Parts, body: Bytes, begun: SystemTime) {
    let seconds = begun.elapsed().unwrap_or_default().as_secs_f64();
    let posted = move || {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(CALLBACK))
            .max_redirects(0)
            .build()
            .into();
        let mut request = agent
            .post(&url)
            .header("x-duration-seconds", format!("{seconds:.6}"))
            .header("x-function-status", parts.status.as_str());
        for name in ["content-type", "x-call-id", "x-start-time"] {
            if let Some(value) = parts.headers.get(name) {
                request = request.header(name, value.as_bytes());
            }
        }
        request.send(&body[..]).map(|_| ())
    };
    // Nobody is there to be told that nobody was there.
    let _ = tokio::task::spawn_blocking(posted).await;
}

/// Bytes as Kubernetes writes them: `32Mi`.
fn quantity(bytes: trace::Bytes) -> String {
    let units = [("Gi", 30), ("Mi", 20), ("Ki", 10)];
    for (unit, shift) in units {
        let size = 1u64 << shift;
        if bytes.0 >= size && bytes.0.is_multiple_of(size) {
            return format!("{}{unit}", bytes.0 / size);
        }
    }
    bytes.0.to_string()
}

/// A quantity of Kubernetes as bytes: a number with `Ki`, `Mi`, `Gi`, `Ti`, `Pi`, `Ei` (powers of 1,024), `k`, `M`, `G`,
/// `T`, `P`, `E` (of 1,000), `m` (thousandths) or an exponent.
fn bytes_of(text: &str) -> anyhow::Result<u64> {
    let text = text.trim();
    let wrong = || {
        format!(
            "`{}` is not an amount of memory: expected a number with Ki, Mi, Gi, k, M or G, as in 32Mi",
            text.escape_debug()
        )
    };
    let split = text
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let scale = match unit {
        "" => 1.0,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "E" => 1e18,
        "Ki" => 2f64.powi(10),
        "Mi" => 2f64.powi(20),
        "Gi" => 2f64.powi(30),
        "Ti" => 2f64.powi(40),
        "Pi" => 2f64.powi(50),
        "Ei" => 2f64.powi(60),
        exponent => {
            let power = exponent.strip_prefix(['e', 'E']);
            let power = power.and_then(|power| power.parse::<i32>().ok());
            10f64.powi(
                power
                    .filter(|power| (0..=18).contains(power))
                    .with_context(wrong)?,
            )
        }
    };
    let bytes = number.parse::<f64>().ok().with_context(wrong)? * scale;
    ensure!(bytes >= 1.0 && bytes <= 2f64.powi(63), wrong());
    Ok(bytes.ceil() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn quantities_are_those_of_kubernetes() {
        for (text, bytes) in [
            ("32Mi", 32 << 20),
            ("1.5Gi", 3 << 29),
            ("128M", 128_000_000),
            ("64k", 64_000),
            ("1e6", 1_000_000),
            ("65536", 65_536),
            ("1500m", 2),
        ] {
            assert_eq!(bytes_of(text).unwrap(), bytes, "{text}");
        }
        for text in [
            "", "Mi", "-1", "32mib", "1e99", "0", "1..2", "9e9e9", "\u{0}",
        ] {
            assert!(bytes_of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn any_quantity_is_read_back_and_anything_else_refused() {
        let mut random = SmallRng::seed_from_u64(8);
        for _ in 0..10_000 {
            // As far as a number of 64 bits with a fraction can be exact.
            let most = 1u64 << random.gen_range(1..53);
            let bytes = random.gen_range(1..=most);
            assert_eq!(bytes_of(&quantity(trace::Bytes(bytes))).unwrap(), bytes);
            let text: String = (0..random.gen_range(0..8))
                .map(|_| char::from(b"0159.-+eEmkKMGTPi \0"[random.gen_range(0..19)]))
                .collect();
            if let Ok(bytes) = bytes_of(&text) {
                assert!((1..=1 << 63).contains(&bytes), "{text}: {bytes}");
            }
        }
    }
}
