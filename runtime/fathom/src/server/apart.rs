//! Keeps pages that functions answer apart from this server's own. They come from the same address, so to a browser their
//! scripts were this server's, and could use its control plane as whoever looks at them. Such a page is told to be of no origin
//! (<https://html.spec.whatwg.org/multipage/browsers.html#sandboxing>), and what it sends is refused as that of any foreign
//! page is (`auth`). Not where `[grants] same_origin` says otherwise, and not on a port of the function's own.

use super::Server;
use axum::body::Body;
use http::{HeaderValue, Response, header};

/// What it may do all the same.
const APART: HeaderValue = HeaderValue::from_static(
    "sandbox allow-downloads allow-forms allow-modals allow-popups allow-scripts",
);

/// The answer of a function, as it is given to browsers, too.
pub(super) fn keep(server: &Server, function: &str, mut answer: Response<Body>) -> Response<Body> {
    let is_granted = || {
        let function = server.registry.find(function);
        function.is_some_and(|function| function.version().manifest.same_origin)
    };
    if may_be_a_page(&answer) && !is_granted() {
        // Beside what the function says itself: what either forbids is forbidden.
        let fields = answer.headers_mut();
        fields.append(header::CONTENT_SECURITY_POLICY, APART);
    }
    answer
}

/// Whether a browser may run scripts of it: anything but what is known to have none. Where no type is said, it guesses.
fn may_be_a_page(answer: &Response<Body>) -> bool {
    let mut kinds = answer.headers().get_all(header::CONTENT_TYPE).iter();
    let (Some(kind), None) = (kinds.next(), kinds.next()) else {
        // Of several, which one counts is the browser's affair.
        return true;
    };
    let kind = kind.to_str().unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    const NONE: [&str; 3] = ["application/json", "application/octet-stream", "text/plain"];
    !NONE.iter().any(|none| none.eq_ignore_ascii_case(kind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_may_have_scripts_is_kept_apart() {
        let of = |kind: Option<&str>| {
            let mut answer = Response::new(Body::empty());
            if let Some(kind) = kind {
                let kind = kind.parse().expect("a value");
                answer.headers_mut().insert(header::CONTENT_TYPE, kind);
            }
            may_be_a_page(&answer)
        };
        for kind in [
            "text/html",
            "TEXT/HTML; charset=utf-8",
            "image/svg+xml",
            "*/*",
            "",
        ] {
            assert!(of(Some(kind)), "{kind}");
        }
        assert!(of(None));
        let mut two = Response::new(Body::empty());
        for kind in ["text/plain", "text/html"] {
            let kind = HeaderValue::from_static(kind);
            two.headers_mut().append(header::CONTENT_TYPE, kind);
        }
        assert!(may_be_a_page(&two));
        for kind in [
            "text/plain; charset=utf-8",
            "application/json",
            "Application/JSON",
        ] {
            assert!(!of(Some(kind)), "{kind}");
        }
    }
}
