//! `/function/NAME`: any method, path, query and header fields, passed on as they are.

use super::{super::apart, Server, make};
use axum::{
    Router,
    body::Body,
    extract::{Path, Request, State},
    routing::any,
};
use http::Response;
use std::sync::Arc;

/// Calls.
pub(super) fn calls() -> Router<Arc<Server>> {
    Router::new()
        .route("/function/{name}", any(root))
        .route("/function/{name}/", any(root))
        .route("/function/{name}/{*rest}", any(below))
}

async fn root(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    request: Request,
) -> Response<Body> {
    answer(&server, &name, request, "").await
}

async fn below(
    State(server): State<Arc<Server>>,
    Path((name, _)): Path<(String, String)>,
    request: Request,
) -> Response<Body> {
    // As it was sent: what is encoded in it stays so.
    let path = request.uri().path().to_owned();
    let rest = path.splitn(4, '/').nth(3).unwrap_or_default();
    answer(&server, &name, request, rest).await
}

async fn answer(server: &Arc<Server>, name: &str, request: Request, rest: &str) -> Response<Body> {
    let function = named(name);
    let answer = make(server, function, "http", request, rest).await;
    apart::keep(server, function, answer)
}

/// Callers of OpenFaaS add the namespace, of which there is one.
fn named(name: &str) -> &str {
    name.strip_suffix(super::openfaas::SUFFIX).unwrap_or(name)
}
