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
//! What is shown is made by `report::pages`; here it is asked for and found. Behind the same token as the control plane, but for
//! the assets.

mod apply;
mod assets;
mod call;
mod events;
mod fleet;
mod function;
mod now;

pub(super) use events::WATCHED;

use super::{Server, answer};
use axum::{
    Router,
    body::Body,
    extract::Request,
    middleware::{self, Next},
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
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
        .layer(middleware::from_fn(as_pages))
}

/// What pages are made with, for whoever asks: it tells nothing of what runs here, and what is said to those who are nowhere needs it.
pub(super) fn open() -> Router<Arc<Server>> {
    assets::assets().layer(middleware::from_fn(as_pages))
}

/// Every path that is nothing.
pub(super) fn elsewhere() -> Router {
    Router::new()
        .fallback(nothing)
        .layer(middleware::from_fn(as_pages))
}

/// With the fields of a page; and what is refused before it reaches one is a page too.
async fn as_pages(request: Request, next: Next) -> Response {
    let wants_page = wants_page(request.headers());
    let mut response = next.run(request).await;
    if wants_page {
        response = answer::said_by(refused, response).await;
    }
    let fields = response.headers_mut();
    for (name, value) in FIELDS {
        fields.insert(name, value);
    }
    // What is seen is of this moment; style and script say themselves how long they stay.
    let now = HeaderValue::from_static("no-store");
    fields.entry(header::CACHE_CONTROL).or_insert(now);
    response
}

/// Somebody looks at it in a browser.
fn wants_page(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|it| it.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html"))
}

/// What was asked for could not be read.
fn refused(status: StatusCode, said: &str) -> Response {
    let title = match status {
        StatusCode::METHOD_NOT_ALLOWED => "This cannot be looked at",
        StatusCode::BAD_REQUEST => "This address is not understood",
        _ => "This is not understood",
    };
    html(status, report::pages::problem_page(title, said, None))
}

/// Nothing is at this path: said to people as a page, to programs as the control plane says what went wrong.
async fn nothing(request: Request) -> Response {
    let path = request.uri().path().escape_debug();
    let said = format!(
        "Nothing is at `{path}`. Functions are called at `/function/NAME`, and have their pages at `/functions/NAME`; \
         `/api/v1/openapi.json` says what programs may ask."
    );
    match wants_page(request.headers()) {
        true => html(
            StatusCode::NOT_FOUND,
            report::pages::problem_page("Nothing is here", &said, None),
        ),
        false => answer::refusal(StatusCode::NOT_FOUND, &said),
    }
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
