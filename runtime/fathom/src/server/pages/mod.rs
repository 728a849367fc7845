//! The pages for people: `/`, a page for each function and for each call, and the events that keep them as it is now.
//!
//! | path | is |
//! |---|---|
//! | `/` | all functions |
//! | `/functions/NAME` | one of them; `?call=ID` draws that call |
//! | `/calls/ID` | one call |
//! | `/events`, `/functions/NAME/events` | what changes of the first two |
//! | `/functions/NAME/apply` | what the button does |
//! | `/assets/...` | style, script, icon |
//!
//! What is shown is made by `report::pages`; here it is asked for and found. Behind the same token as the control plane.

mod apply;
mod assets;
mod call;
mod events;
mod fleet;
mod function;
mod now;

pub(super) use events::WATCHED;

use super::Server;
use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use http::{HeaderName, HeaderValue, StatusCode, header};
use std::sync::Arc;

/// Nothing but our own files, nothing inside a page is executed, and no text becomes HTML but by the one script that puts our
/// own updates in place.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     form-action 'self'; base-uri 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types fathom",
);

/// With each page, whatever it is.
const FIELDS: [(HeaderName, HeaderValue); 4] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    // Forms are to say where they come from, and nobody else is.
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
];

/// All of them.
pub(super) fn pages() -> Router<Arc<Server>> {
    Router::new()
        .route("/", get(fleet::page))
        .route("/events", get(fleet::events))
        .route("/functions/{name}", get(function::page))
        .route("/functions/{name}/events", get(function::events))
        .route("/functions/{name}/apply", post(apply::apply))
        .route("/calls/{id}", get(call::page))
        .merge(assets::assets())
        .layer(middleware::from_fn(with_fields))
}

async fn with_fields(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let fields = response.headers_mut();
    for (name, value) in FIELDS {
        fields.insert(name, value);
    }
    // What is seen is of this moment; style and script say themselves how long they stay.
    let now = HeaderValue::from_static("no-store");
    fields.entry(header::CACHE_CONTROL).or_insert(now);
    response
}

fn html(status: StatusCode, page: String) -> Response {
    let mut response = Response::new(Body::from(page));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
}

/// There is no such function.
fn unknown(server: &Server, name: &str) -> Response {
    let said = format!(
        "No function `{}` is deployed here{}.",
        name.escape_debug(),
        server.registry.near(name)
    );
    html(
        StatusCode::NOT_FOUND,
        report::pages::problem_page("No such function", &said, None),
    )
}

/// It could not be read what is to be shown.
fn failed(error: &str) -> Response {
    html(
        StatusCode::INTERNAL_SERVER_ERROR,
        report::pages::problem_page("This cannot be shown", error, None),
    )
}
