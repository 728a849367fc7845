//! The HTTP side of `serve`: three paths, no dialect of any cloud.

use super::Server;
use crate::output;
use crate::{near, pool::Answer};
use anyhow::Context;
use axum::{
    Extension, Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use host::{Body, Event};
use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError},
    time::Duration,
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use trace::{Outcome, Trace};

/// Largest body of a request.
const LARGEST_BODY: usize = 32 << 20;

/// Calls at the same time, waiting ones included: each may hold a body in memory. Those beyond are turned away.
const MOST_CALLS: usize = 32;

/// How long connections may go on after the server was told to stop.
const PATIENCE: Duration = Duration::from_secs(5);

/// Listens until the process is told to stop.
pub(super) async fn serve(listen: SocketAddr, server: Arc<Server>) -> anyhow::Result<()> {
    let router = Router::new()
        .route("/function/{name}", post(call))
        .route_layer(middleware::from_fn_with_state(
            Arc::new(Semaphore::new(MOST_CALLS)),
            one_of_few,
        ))
        .route("/metrics", get(metrics))
        .route("/healthz", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .with_state(server);
    let listener = tokio::net::TcpListener::bind(listen)
        .await
        .with_context(|| format!("cannot listen on {listen}"))?;
    output::note(format_args!(
        "listening on http://{}",
        listener.local_addr()?
    ));
    let stop = Arc::new(Notify::new());
    let stopping = stop.clone();
    let served = axum::serve(listener, router)
        .with_graceful_shutdown(async move { stopping.notified().await });
    tokio::select! {
        served = served => served.context("the server failed"),
        () = async {
            told_to_stop().await;
            stop.notify_one();
            tokio::time::sleep(PATIENCE).await;
        } => Ok(()),
    }
}

/// The place of a call among those at the same time. It goes with the call, which may outlive its client.
type Place = Arc<OwnedSemaphorePermit>;

/// Before the body is read: a queue of large bodies is memory that nobody limits.
async fn one_of_few(
    State(places): State<Arc<Semaphore>>,
    mut request: Request,
    next: Next,
) -> Response {
    let Ok(place) = places.try_acquire_owned() else {
        let busy = "too many calls at the same time";
        return problem(StatusCode::SERVICE_UNAVAILABLE, busy);
    };
    request.extensions_mut().insert(Place::new(place));
    next.run(request).await
}

async fn told_to_stop() {
    let terminated = async {
        if let Ok(mut signal) =
            tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        {
            signal.recv().await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        () = terminated => {}
    }
}

async fn call(
    State(server): State<Arc<Server>>,
    Extension(place): Extension<Place>,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if !server.functions.contains_key(&name) {
        let known = server.functions.keys().map(String::as_str);
        let near = near::did_you_mean(&name, known);
        return problem(
            StatusCode::NOT_FOUND,
            &format!("no function `{name}`{near}"),
        );
    }
    let content_type = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let event = Event {
        label: "request".to_owned(),
        body: Body::Bytes(body.to_vec()),
        content_type: content_type.map(str::to_owned),
        ..Event::default()
    };
    // A client that goes away does not take the call with it: it is made to its end, counted and recorded.
    let called = tokio::spawn(async move {
        let _place = place;
        let Some(deployment) = server.functions.get(&name) else {
            return problem(StatusCode::NOT_FOUND, "no such function");
        };
        match deployment.call(event).await {
            Ok(Answer::Ended { trace, stdout }) => {
                record(&server, &name, &trace);
                answer(&trace, stdout)
            }
            Ok(Answer::Refused(why)) => problem(StatusCode::INTERNAL_SERVER_ERROR, &why),
            Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error:#}")),
        }
    });
    called
        .await
        .unwrap_or_else(|_| problem(StatusCode::INTERNAL_SERVER_ERROR, "the call was lost"))
}

/// Counts and stores a call, which takes microseconds, and now and then learns again, which takes milliseconds: other
/// requests of this thread wait for that.
fn record(server: &Server, name: &str, trace: &Trace) {
    server.metrics.record(trace);
    let mut store = server.store.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(error) = store.append(trace) {
        output::note(format_args!(
            "warning: a call of {name} was not recorded: {error}"
        ));
    }
    if let Some(deployment) = server.functions.get(name)
        && deployment.is_time_to_learn()
    {
        deployment.refresh(&store, &server.metrics);
    }
}

/// The guest's output, with what it used in the headers; a guest that failed is the server's failure.
fn answer(trace: &Trace, stdout: Vec<u8>) -> Response {
    let mut response = match trace.outcome {
        Outcome::Succeeded => (StatusCode::OK, stdout).into_response(),
        Outcome::TimedOut => problem(StatusCode::GATEWAY_TIMEOUT, failure(trace)),
        Outcome::Failed | Outcome::Limited => {
            problem(StatusCode::INTERNAL_SERVER_ERROR, failure(trace))
        }
    };
    let outcome = trace.outcome.to_string().replace(' ', "_");
    let headers = [
        ("x-fathom-outcome", outcome),
        ("x-fathom-memory-needed-bytes", trace.needed().0.to_string()),
    ];
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response
                .headers_mut()
                .insert(HeaderName::from_static(name), value);
        }
    }
    response
}

fn failure(trace: &Trace) -> &str {
    trace.failure.as_deref().unwrap_or("the function failed")
}

fn problem(status: StatusCode, what: &str) -> Response {
    (status, format!("{what}\n")).into_response()
}

async fn metrics(State(server): State<Arc<Server>>) -> Response {
    match server.metrics.text() {
        Ok((content_type, text)) => ([(header::CONTENT_TYPE, content_type)], text).into_response(),
        Err(error) => problem(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}
