//! The ways in which functions are asked for, one file each. A dialect is a [`Router`]: what its clients send becomes an
//! [`Ask`] or a change of the registry, and what comes of it is said in its words. To add one: a file
//! with a `router`, and a line in [`all`].

pub(crate) mod api;
pub(crate) mod functions_framework;
pub(crate) mod openfaas;
pub(crate) mod plain;

use super::{
    Server,
    answer::{self, Answer},
    auth,
    bodies::{CallRoom, Room},
    call,
    call::Ask,
    listen::Remote,
    pages,
    stage::Stage,
};
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    middleware,
    routing::get,
};
use bytes::Bytes;
use http::{HeaderMap, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use std::{sync::Arc, time::Duration};

/// Longest id that a caller may give a call.
const LONGEST_ID: usize = 64;

/// Everything that is answered on the port of the server.
pub(crate) fn all(server: &Arc<Server>) -> Router {
    let calls = Router::new().merge(plain::calls()).merge(openfaas::calls());
    let control = Router::new()
        .merge(api::control())
        .merge(openfaas::control())
        .merge(pages::pages())
        .layer(middleware::from_fn_with_state(
            server.clone(),
            auth::required,
        ));
    let open = Router::new()
        .route("/metrics", get(metrics))
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .merge(pages::open());
    calls
        .merge(control)
        .merge(open)
        .fallback_service(pages::elsewhere())
        .with_state(server.clone())
}

async fn metrics(State(server): State<Arc<Server>>) -> Response<Body> {
    server.registry.show(&server);
    let text = server.metrics.text(
        server.admission.load(),
        server.waiting.number(),
        &server.records,
    );
    match text {
        Ok((content_type, text)) => {
            let mut response = Response::new(Body::from(text));
            if let Ok(content_type) = content_type.parse() {
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, content_type);
            }
            response
        }
        Err(error) => answer::refusal(StatusCode::INTERNAL_SERVER_ERROR, &error.to_string()),
    }
}

/// The process is alive.
async fn healthz() -> &'static str {
    "ok\n"
}

/// Calls are taken.
async fn readyz(State(server): State<Arc<Server>>) -> (StatusCode, &'static str) {
    if server.stages.now() >= Stage::Stopping {
        (StatusCode::SERVICE_UNAVAILABLE, "stopping\n")
    } else {
        (StatusCode::OK, "ok\n")
    }
}

/// Makes the call that a request is.
async fn make(
    server: &Arc<Server>,
    function: &str,
    dialect: &'static str,
    request: Request,
    rest: &str,
) -> Response<Body> {
    let id = id_of(request.headers());
    let remote = request.extensions().get::<Remote>().map(|remote| remote.0);
    let (request, room) = match whole(server, request, rest).await {
        Ok(request) => request,
        Err((status, what)) => {
            let mut response = answer::bad_request(&id, &what).into_response();
            *response.status_mut() = status;
            return response;
        }
    };
    let ask = Ask {
        id,
        function: function.to_owned(),
        dialect,
        request,
        room: CallRoom::of(room),
        remote,
        known: None,
    };
    call::call(server, ask).await.into_response()
}

/// The id that a caller has given, or a new one.
fn id_of(headers: &HeaderMap) -> String {
    let given = headers.get("x-call-id").and_then(|id| id.to_str().ok());
    let plain = |id: &&str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
        (1..=LONGEST_ID).contains(&id.len()) && id.chars().all(plain)
    };
    match given.filter(plain) {
        Some(id) => id.to_owned(),
        None => new_id(),
    }
}

/// A UUID, version 7: those that are made one after the other lie beside each other in the index of the database.
fn new_id() -> String {
    uuid::Uuid::now_v7().to_string()
}

/// The request with its body, which is read as long as it comes, and with what is below the function as its path.
async fn whole(
    server: &Server,
    request: Request,
    rest: &str,
) -> Result<(http::Request<Bytes>, Room), (StatusCode, String)> {
    let (mut parts, body) = request.into_parts();
    let query = parts
        .uri
        .query()
        .map_or(String::new(), |query| format!("?{query}"));
    let path = format!("/{}{query}", rest.trim_start_matches('/'));
    parts.uri = path.parse().map_err(|error| {
        (
            StatusCode::BAD_REQUEST,
            format!("`{path}` is no path: {error}"),
        )
    })?;
    parts.extensions.clear();
    let (body, room) = read(server, body).await?;
    Ok((http::Request::from_parts(parts, body), room))
}

/// A body that is not too long, each piece of which comes in time, and for which there is room.
pub(crate) async fn read(
    server: &Server,
    body: Body,
) -> Result<(Bytes, Room), (StatusCode, String)> {
    let settings = &server.settings;
    let said = hyper::body::Body::size_hint(&body).lower();
    if said > settings.body as u64 {
        return Err(too_long(settings.body));
    }
    let Some(mut room) = server.bodies.room(said, settings.patience).await else {
        return Err(no_room());
    };
    let body = collect(body, settings.body, settings.body_timeout, |bytes| {
        room.grow(bytes)
    })
    .await?;
    Ok((body, room))
}

fn too_long(most: usize) -> (StatusCode, String) {
    let what = format!("the body is longer than the {most} bytes that it may be");
    (StatusCode::PAYLOAD_TOO_LARGE, what)
}

fn no_room() -> (StatusCode, String) {
    let what = "there is no room for the body beside those of other requests".to_owned();
    (StatusCode::SERVICE_UNAVAILABLE, what)
}

/// A body in one piece, as long as `grow` has room for it.
pub(crate) async fn collect(
    mut body: Body,
    most: usize,
    patience: Duration,
    mut grow: impl FnMut(u64) -> bool,
) -> Result<Bytes, (StatusCode, String)> {
    let mut whole: Option<Bytes> = None;
    let mut pieces = bytes::BytesMut::new();
    loop {
        let frame = match tokio::time::timeout(patience, body.frame()).await {
            Err(_) => {
                let what = format!("nothing of the body came for {} s", patience.as_secs_f64());
                return Err((StatusCode::REQUEST_TIMEOUT, what));
            }
            Ok(None) => break,
            Ok(Some(Err(error))) => {
                return Err((
                    StatusCode::BAD_REQUEST,
                    format!("the body broke off: {error}"),
                ));
            }
            Ok(Some(Ok(frame))) => frame,
        };
        let Ok(data) = frame.into_data() else {
            continue;
        };
        let so_far = whole.as_ref().map_or(pieces.len(), Bytes::len);
        let total = so_far + data.len();
        if total > most {
            return Err(too_long(most));
        }
        if !grow(total as u64) {
            return Err(no_room());
        }
        // A body of one piece is not copied.
        if so_far == 0 {
            whole = Some(data);
            continue;
        }
        if let Some(first) = whole.take() {
            pieces.extend_from_slice(&first);
        }
        pieces.extend_from_slice(&data);
    }
    Ok(whole.unwrap_or_else(|| pieces.freeze()))
}

/// What becomes of a call that nobody waits for.
async fn make_detached(server: Arc<Server>, ask: Ask) -> Answer {
    call::call(&server, ask).await
}
