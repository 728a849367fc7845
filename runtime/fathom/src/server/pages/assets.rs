//! Style, script and icon, as files of their own: pages have none inside. Browsers ask whether they have changed.

use super::super::Server;
use axum::{Router, body::Body, extract::Request, response::Response, routing::get};
use http::{HeaderValue, StatusCode, header};
use std::sync::{Arc, LazyLock};

/// The sign of Fathom: a line going down to a depth.
const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="#006ba8"/><path d="M5 10h22M16 10v13M11 18l5 6 5-6" fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" stroke-linejoin="round"/></svg>"##;

/// A file that does not change while the server runs.
struct Asset {
    kind: &'static str,
    text: String,
    tag: HeaderValue,
}

impl Asset {
    fn new(kind: &'static str, text: String) -> Asset {
        let digest = host::digest(text.as_bytes());
        let tag = HeaderValue::from_str(&format!("\"{digest}\""));
        Asset {
            kind,
            text,
            // A digest is letters, digits and a colon.
            tag: tag.unwrap_or(HeaderValue::from_static("\"\"")),
        }
    }

    fn answer(&self, request: &Request) -> Response {
        let is_known = request.headers().get(header::IF_NONE_MATCH) == Some(&self.tag);
        let mut response = match is_known {
            true => Response::new(Body::empty()),
            false => Response::new(Body::from(self.text.clone())),
        };
        if is_known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
        }
        let fields = response.headers_mut();
        fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        fields.insert(header::ETAG, self.tag.clone());
        let asked = HeaderValue::from_static("no-cache");
        fields.insert(header::CACHE_CONTROL, asked);
        response
    }
}

static STYLE: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/css; charset=utf-8", report::pages::style()));
static SCRIPT: LazyLock<Asset> =
    LazyLock::new(|| Asset::new("text/javascript; charset=utf-8", report::pages::script()));
static SIGN: LazyLock<Asset> = LazyLock::new(|| Asset::new("image/svg+xml", ICON.to_owned()));

pub(super) fn assets() -> Router<Arc<Server>> {
    Router::new()
        .route(
            "/assets/style.css",
            get(async |request: Request| STYLE.answer(&request)),
        )
        .route(
            "/assets/pages.js",
            get(async |request: Request| SCRIPT.answer(&request)),
        )
        .route(
            "/assets/icon.svg",
            get(async |request: Request| SIGN.answer(&request)),
        )
}
