//! Fathom's own API, `/api/v1`: functions, their calls with everything that was recorded of them, logs, phases. What it
//! offers is written in `openapi.json` beside this file, and served.

use super::{Server, openfaas::Following};
use crate::quantity;
use crate::server::{
    answer::{self, document, refusal},
    apply::{self, Wanted},
    function::Deployed,
    phase::Phase,
    recorded,
    registry::{self, Change},
};
use anyhow::Context;
use axum::{
    Router,
    body::Body,
    extract::{Path, Query, Request, State},
    middleware::{self, Next},
    routing::{get, post},
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderValue, Response, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    fmt::Display,
    sync::{Arc, atomic::Ordering},
    time::{Duration, SystemTime},
};
use store::{Folded, Store};
use trace::{Outcome, Trace};

/// The description of this API.
const OPENAPI: &str = include_str!("openapi.json");

/// Calls listed when nobody says how many.
const CALLS: usize = 100;

/// Calls listed at most.
const MOST_CALLS: usize = 1_000;

/// Everything.
pub(super) fn control() -> Router<Arc<Server>> {
    Router::new()
        .route("/api/v1/openapi.json", get(openapi))
        .route("/api/v1/server", get(about))
        .route("/api/v1/functions", get(list))
        .route(
            "/api/v1/functions/{name}",
            get(describe).put(deploy).delete(remove),
        )
        .route("/api/v1/functions/{name}/phase", post(set_phase))
        .route("/api/v1/functions/{name}/apply", post(apply))
        .route("/api/v1/functions/{name}/logs", get(logs))
        .route("/api/v1/functions/{name}/history", get(history))
        .route("/api/v1/calls", get(calls))
        .route("/api/v1/calls/{id}", get(call))
        .layer(middleware::from_fn(as_documents))
}

/// What is refused before it reaches one of them is said as all that goes wrong is.
async fn as_documents(request: Request, next: Next) -> Response<Body> {
    answer::said_by(refusal, next.run(request).await).await
}

async fn openapi() -> Response<Body> {
    let mut response = Response::new(Body::from(OPENAPI));
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

async fn about(State(server): State<Arc<Server>>) -> Response<Body> {
    let load = server.admission.load();
    let sandboxes = server.waiting.number();
    let records = server.records.counts();
    document(
        StatusCode::OK,
        &json!({
            "version": env!("CARGO_PKG_VERSION"),
            "process": std::process::id(),
            "uptime_ns": server.begun.elapsed().as_nanos() as u64,
            "functions": server.registry.all().len(),
            "slots": server.engine.slots(),
            "slot_keeps_bytes": server.engine.slot_keeps(),
            "memory_bytes": server.admission.memory(),
            "granted_bytes": load.granted,
            "kept_bytes": server.engine.kept_resident(),
            "calls_running": load.calls.saturating_sub(sandboxes),
            "sandboxes_waiting": sandboxes,
            "calls_waiting": load.waiting,
            "records_stored": records.stored.load(Ordering::Relaxed),
            "records_queued": records.queued.load(Ordering::Relaxed),
            "records_lost": records.lost.load(Ordering::Relaxed),
        }),
    )
}

/// What there is to say of a function.
fn description(function: &Deployed) -> Value {
    let version = function.version();
    let manifest = &version.manifest;
    let totals = function.totals().clone();
    let (least, most) = totals.needed.unzip();
    let learned = function.sizing.learned();
    let recommendation = learned.as_ref().map(|learned| &learned.recommendation);
    json!({
        "name": function.name,
        "digest": version.id.digest,
        "created": humantime::format_rfc3339_seconds(function.created).to_string(),
        "memory_limit_bytes": manifest.limits.memory,
        "timeout_ns": manifest.limits.timeout,
        "size_by": manifest.size_by,
        "phase": function.phases.now(),
        "stale_because": function.phases.why_stale(),
        "provisional": function.sizing.live.provisional().map(|(e_value, dropped_at)| {
            json!({ "e_value": e_value, "dropped_at": dropped_at })
        }),
        "plan": learned.as_ref().and_then(|l| l.plan.as_ref()).map(|plan| &plan.model.formula),
        "recommended_bytes": recommendation.map(|r| r.allocation_bytes),
        "memory_saving_share": recommendation.map(|r| {
            1.0 - r.allocation_bytes.as_f64() / manifest.limits.memory.as_f64()
        }),
        "confidence": recommendation.map(|r| r.confidence),
        "lower_bound": recommendation.map(|r| r.cut_off().calls() > 0),
        "inputs_needed": recommendation.map(|r| r.inputs_needed),
        "because": recommendation.map(|r| &r.because),
        "model": recommendation.and_then(|r| r.sizing.as_ref()).map(|model| &model.formula),
        "calls": totals.calls,
        "running": function.running(),
        "failed": totals.failed,
        "limited": totals.limited,
        "timed_out": totals.timed_out,
        "cold_starts": totals.cold,
        "mispredictions": totals.mispredicted,
        "cpu_ns": totals.cpu,
        "wall_ns": totals.wall,
        "granted_byte_seconds": totals.granted_byte_seconds,
        "waste_byte_seconds": totals.waste_byte_seconds,
        "needed_bytes": {
            "min": least,
            "median": totals.quantile(0.5),
            "p99": totals.quantile(0.99),
            "max": most,
        },
    })
}

async fn list(State(server): State<Arc<Server>>) -> Response<Body> {
    let all: Vec<Value> = server
        .registry
        .all()
        .iter()
        .map(|f| description(f))
        .collect();
    document(StatusCode::OK, &json!(all))
}

fn unknown(server: &Server, name: &str) -> Response<Body> {
    let near = server.registry.near(name);
    refusal(
        StatusCode::NOT_FOUND,
        &format!("no function `{}`{near}", name.escape_debug()),
    )
}

async fn describe(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Response<Body> {
    match server.registry.find(&name) {
        Some(function) => document(StatusCode::OK, &description(&function)),
        None => unknown(&server, &name),
    }
}

/// A module with its manifest.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deployment {
    /// As in a `fathom.toml`.
    #[serde(default)]
    manifest: String,
    module_base64: String,
}

/// A module alone, or a document with its manifest.
async fn deploy(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    let kind = request.headers().get(header::CONTENT_TYPE);
    let is_document = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"application/json"));
    let (body, _room) = match super::read(&server, request.into_body()).await {
        Ok(body) => body,
        Err((status, what)) => return refusal(status, &what),
    };
    let server = server.clone();
    let deployed = move || {
        let (wasm, manifest) = if is_document {
            let wanted: Deployment = serde_json::from_slice(&body)
                .context("expected {\"manifest\": \"...\", \"module_base64\": \"...\"}")?;
            let wasm = BASE64_STANDARD
                .decode(&wanted.module_base64)
                .context("module_base64 is no base64")?;
            (wasm, wanted.manifest)
        } else {
            (body.to_vec(), String::new())
        };
        registry::deploy_module(&server, &name, &wasm, &manifest)
    };
    match tokio::task::spawn_blocking(deployed).await {
        Ok(Ok((function, Change::Made))) => document(StatusCode::CREATED, &description(&function)),
        Ok(Ok((function, Change::Replaced))) => document(StatusCode::OK, &description(&function)),
        Ok(Err(error)) => refusal(StatusCode::BAD_REQUEST, &format!("{error:#}")),
        Err(_) => refusal(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the deployment was broken off",
        ),
    }
}

async fn remove(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Response<Body> {
    match registry::remove(&server, &name) {
        Ok(true) => document(StatusCode::OK, &json!({ "removed": name })),
        Ok(false) => unknown(&server, &name),
        Err(error) => refusal(StatusCode::CONFLICT, &format!("{error:#}")),
    }
}

#[derive(Deserialize)]
struct NewPhase {
    phase: Phase,
}

async fn set_phase(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    let Some(function) = server.registry.find(&name) else {
        return unknown(&server, &name);
    };
    let (body, _room) = match super::read(&server, request.into_body()).await {
        Ok(body) => body,
        Err((status, what)) => return refusal(status, &what),
    };
    match serde_json::from_slice::<NewPhase>(&body) {
        Ok(NewPhase {
            phase: Phase::Selective,
        }) => {
            if function
                .sizing
                .learned()
                .is_none_or(|learned| learned.plan.is_none())
            {
                let what = "nothing is known that predicts: there is no plan to be selective by";
                return refusal(StatusCode::CONFLICT, what);
            }
            let change = function.phases.become_selective("somebody said so");
            server.records.changed(&function.name, change);
        }
        Ok(NewPhase {
            phase: Phase::Learning | Phase::Stale,
        }) => {
            let version = function.version();
            version.serving().arm(version.manifest.watch.clone());
            let change = function.phases.begin_anew("somebody said so");
            server.records.changed(&function.name, change);
        }
        Err(error) => {
            let what = format!("expected {{\"phase\": \"learning\"}} or \"selective\": {error}");
            return refusal(StatusCode::BAD_REQUEST, &what);
        }
    }
    document(StatusCode::OK, &description(&function))
}

/// What is to be applied. An empty body is what is recommended now.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Application {
    memory: Option<String>,
    force: bool,
    dry_run: bool,
}

impl Application {
    fn read(body: &[u8]) -> Result<Wanted, String> {
        let expected = |why: &dyn Display| {
            format!(
                "expected {{\"memory\": \"2 MiB\", \"force\": false, \"dry_run\": false}}, or parts of that: {why}"
            )
        };
        let wanted: Application = match body.trim_ascii() {
            [] => Application::default(),
            body => serde_json::from_slice(body).map_err(|error| expected(&error))?,
        };
        let memory = wanted.memory.as_deref().map(quantity::bytes).transpose();
        Ok(Wanted {
            memory: memory.map_err(|error| expected(&error))?,
            force: wanted.force,
            dry_run: wanted.dry_run,
        })
    }
}

async fn apply(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    let (body, _room) = match super::read(&server, request.into_body()).await {
        Ok(body) => body,
        Err((status, what)) => return refusal(status, &what),
    };
    let wanted = match Application::read(&body) {
        Ok(wanted) => wanted,
        Err(what) => return refusal(StatusCode::BAD_REQUEST, &what),
    };
    let applying = {
        let (server, name) = (server.clone(), name.clone());
        move || apply::set_memory(&server, &name, wanted)
    };
    match tokio::task::spawn_blocking(applying).await {
        Ok(Ok(applied)) => {
            let Some(function) = server.registry.find(&name) else {
                return unknown(&server, &name);
            };
            let mut value = description(&function);
            value["applied"] = json!({
                "before_bytes": applied.before,
                "after_bytes": applied.after,
                "recommended_bytes": applied.recommended,
                "confidence": applied.confidence,
                "lower_bound": applied.lower_bound,
                "written_to": applied.written_to,
                "dry_run": wanted.dry_run,
                "warnings": applied.warnings,
            });
            document(StatusCode::OK, &value)
        }
        Ok(Err(not_applied)) => refusal(not_applied.status(), &not_applied.to_string()),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "applying was broken off"),
    }
}

#[derive(Deserialize)]
struct LogQuery {
    tail: Option<usize>,
    #[serde(default)]
    follow: bool,
}

async fn logs(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    Query(query): Query<LogQuery>,
) -> Response<Body> {
    let Some(function) = server.registry.find(&name) else {
        return unknown(&server, &name);
    };
    let from_now = query.follow.then(|| function.logs.follow());
    let past = function.logs.tail(None, query.tail);
    let mut response = Response::new(Body::new(Following::new(&name, past, from_now)));
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    response.headers_mut().insert(header::CONTENT_TYPE, ndjson);
    response
}

/// What calls have come to that are kept no longer.
async fn history(State(server): State<Arc<Server>>, Path(name): Path<String>) -> Response<Body> {
    let read = {
        let (database, name) = (server.settings.database.clone(), name.clone());
        move || -> anyhow::Result<Vec<Folded>> {
            Ok(Store::open_existing(&database)?.folded(Some(&name))?)
        }
    };
    match tokio::task::spawn_blocking(read).await {
        Ok(Ok(days)) if days.is_empty() && server.registry.find(&name).is_none() => {
            unknown(&server, &name)
        }
        Ok(Ok(days)) => {
            let days: Vec<Value> = days.iter().map(day).collect();
            document(StatusCode::OK, &json!(days))
        }
        Ok(Err(error)) => refusal(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
        Err(_) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "reading was broken off"),
    }
}

fn day(folded: &Folded) -> Value {
    let day = SystemTime::UNIX_EPOCH + Duration::from_millis(folded.day_unix_ms);
    let day = humantime::format_rfc3339_seconds(day).to_string();
    json!({
        "day": day.get(..10),
        "digest": folded.function.digest,
        "calls": folded.calls,
        "failed": folded.calls - folded.succeeded - folded.limited - folded.timed_out,
        "limited": folded.limited,
        "timed_out": folded.timed_out,
        "cpu_seconds": folded.cpu_seconds,
        "wall_seconds": folded.wall_seconds,
        "needed_bytes": folded.needed.map(|(least, mean, most)| {
            json!({ "min": least, "mean": mean, "max": most })
        }),
    })
}

#[derive(Deserialize)]
struct CallQuery {
    function: Option<String>,
    outcome: Option<Outcome>,
    limit: Option<usize>,
}

/// A line of a list.
fn line(trace: &Trace) -> Value {
    let served = trace.served.as_ref();
    json!({
        "id": served.map(|served| &served.id),
        "function": trace.function.name,
        "digest": trace.function.digest,
        "started_unix_ms": trace.started_unix_ms,
        "outcome": trace.outcome,
        "status": served.map(|served| served.status),
        "needed_bytes": trace.needed(),
        "live_peak_bytes": trace.heap.live_peak(),
        "granted_bytes": served.map(|served| served.granted),
        "cold": served.map(|served| served.cold),
        "reused": served.map(|served| served.reused),
        "mispredicted": served.map(|served| served.mispredicted),
        "queued_ns": served.map(|served| served.queued),
        "init_ns": served.map(|served| served.init),
        "wall_ns": trace.wall,
        "cpu_ns": trace.cpu,
        "total_ns": served.map(|served| served.total),
    })
}

async fn calls(
    State(server): State<Arc<Server>>,
    Query(query): Query<CallQuery>,
) -> Response<Body> {
    let most = query.limit.unwrap_or(CALLS).min(MOST_CALLS);
    let wanted = |trace: &Trace| {
        query
            .function
            .as_ref()
            .is_none_or(|name| *name == trace.function.name)
            && query.outcome.is_none_or(|outcome| outcome == trace.outcome)
    };
    let recent = server.records.recent();
    let lines: Vec<Value> = recent
        .iter()
        .filter(|trace| wanted(trace))
        .take(most)
        .map(|trace| line(trace))
        .collect();
    document(StatusCode::OK, &json!(lines))
}

async fn call(State(server): State<Arc<Server>>, Path(id): Path<String>) -> Response<Body> {
    let found = {
        let (server, id) = (server.clone(), id.clone());
        tokio::task::spawn_blocking(move || recorded::call(&server, &id)).await
    };
    let (trace, is_stored) = match found {
        Ok(Ok(Some(found))) => found,
        Ok(Ok(None)) => {
            let what = format!("no call `{}` is recorded", id.escape_debug());
            return refusal(StatusCode::NOT_FOUND, &what);
        }
        Ok(Err(error)) => return refusal(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
        Err(_) => return refusal(StatusCode::INTERNAL_SERVER_ERROR, "reading was broken off"),
    };
    let mut value = json!(trace);
    value["needed_bytes"] = json!(trace.needed());
    value["stored"] = json!(is_stored);
    document(StatusCode::OK, &value)
}
