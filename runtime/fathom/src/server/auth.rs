//! Who may use the control plane: whoever has the token. Functions themselves are for everyone who reaches the server.

use super::Server;
use anyhow::{Context, bail};
use axum::{body::Body, extract::State, middleware::Next};
use base64::{Engine as _, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Uri, header, uri::Authority};
use rand::RngCore;
use std::{
    fs::{self, OpenOptions},
    io::{ErrorKind, Write},
    net::IpAddr,
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::Arc,
};

/// Lets pass who has the token, as `Bearer` or as the password of `Basic` (with any user), and nobody where the request
/// was made by a web page of somebody else.
pub(crate) async fn required(
    State(server): State<Arc<Server>>,
    request: Request<Body>,
    next: Next,
) -> Response<Body> {
    if is_of_a_foreign_page(request.headers()) {
        let what = "requests of web pages of other origins are refused";
        return super::answer::refusal(StatusCode::FORBIDDEN, what);
    }
    // Another name that leads here is one that a web page of somebody else may have been given (DNS rebinding).
    if server.settings.token.is_none() && !is_of_this_machine(request.headers()) {
        let what = "without a token, the control plane answers to localhost and to loopback addresses only";
        return super::answer::refusal(StatusCode::FORBIDDEN, what);
    }
    let allowed = match &server.settings.token {
        None => true,
        Some(token) => given(request.headers()).is_some_and(|given| is_same(&given, token)),
    };
    if allowed {
        return next.run(request).await;
    }
    let mut response = super::answer::refusal(
        StatusCode::UNAUTHORIZED,
        "the control plane needs the token: `Authorization: Bearer TOKEN`, or as the password of Basic",
    );
    response.headers_mut().insert(
        header::WWW_AUTHENTICATE,
        HeaderValue::from_static("Basic realm=\"fathom\""),
    );
    response
}

/// A browser says of which page a request is; a page of ours has our own host.
fn is_of_a_foreign_page(headers: &HeaderMap) -> bool {
    // Of what has no origin, as a picture, it is said so. Who follows a link here may.
    let says = |name: &str, what: &str| headers.get(name).is_some_and(|value| value == what);
    if says("sec-fetch-site", "cross-site") && !says("sec-fetch-mode", "navigate") {
        return true;
    }
    let Some(origin) = headers.get(header::ORIGIN) else {
        return false;
    };
    let origin = origin
        .to_str()
        .ok()
        .and_then(|origin| origin.parse::<Uri>().ok());
    let origin = origin.and_then(|origin| origin.authority().map(ToString::to_string));
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    origin.is_none() || origin.as_deref() != host
}

/// Whether it is asked for under a name of this machine.
fn is_of_this_machine(headers: &HeaderMap) -> bool {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok());
    let Some(authority) = host.and_then(|host| host.parse::<Authority>().ok()) else {
        return false;
    };
    let name = authority
        .host()
        .trim_start_matches('[')
        .trim_end_matches(']');
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

fn given(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = value.split_once(' ')?;
    if scheme.eq_ignore_ascii_case("bearer") {
        return Some(rest.trim().to_owned());
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let decoded = BASE64_STANDARD.decode(rest.trim()).ok()?;
    let text = String::from_utf8(decoded).ok()?;
    text.split_once(':')
        .map(|(_, password)| password.to_owned())
}

/// In the same time wherever they differ.
fn is_same(given: &str, token: &str) -> bool {
    let (given, token) = (given.as_bytes(), token.as_bytes());
    let differing = given
        .iter()
        .zip(token)
        .fold(0, |differing, (a, b)| differing | (a ^ b));
    given.len() == token.len() && differing == 0
}

/// The token in a file that only its owner can read, made where there is none.
pub(crate) fn token_in(path: &Path) -> anyhow::Result<String> {
    let cannot = || format!("cannot keep the token in `{}`", path.display());
    match fs::read_to_string(path) {
        Ok(text) if text.trim().is_empty() => bail!("the token in `{}` is empty", path.display()),
        Ok(text) => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(cannot),
    }
    let mut random = [0; 24];
    rand::rngs::OsRng.fill_bytes(&mut random);
    let token = BASE64_URL_SAFE_NO_PAD.encode(random);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(cannot)?;
    file.write_all(format!("{token}\n").as_bytes())
        .with_context(cannot)?;
    Ok(token)
}
