//! CGI/1.1 (RFC 3875) for programs: what a request looks like in the environment, and the header fields at the begin of an
//! answer. Not here: how the body gets in and out, which is as without it.

use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use std::net::SocketAddr;

/// Most bytes of an answer that are header fields.
const MOST_HEADER_BYTES: usize = 32 << 10;

/// Most header fields of an answer.
const MOST_FIELDS: usize = 100;

/// An answer of a program that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function's answer does not begin with header fields: {0}")]
pub(crate) struct CgiError(String);

/// The variables of a request.
pub(crate) fn variables<B>(
    function: &str,
    request: &Request<B>,
    length: usize,
    remote: Option<SocketAddr>,
    port: u16,
) -> Vec<(String, String)> {
    let uri = request.uri();
    let fields = request.headers();
    let text = |name: HeaderName| {
        let value = fields.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let host = text(header::HOST);
    let name = host
        .rsplit_once(':')
        .map_or(host.as_str(), |(name, _)| name);
    let remote = remote.map_or(String::new(), |remote| remote.ip().to_string());
    let script = format!("/function/{function}");
    let known = [
        ("GATEWAY_INTERFACE", "CGI/1.1".to_owned()),
        (
            "SERVER_SOFTWARE",
            format!("fathom/{}", env!("CARGO_PKG_VERSION")),
        ),
        ("SERVER_PROTOCOL", "HTTP/1.1".to_owned()),
        ("SERVER_NAME", name.to_owned()),
        ("SERVER_PORT", port.to_string()),
        ("REQUEST_METHOD", request.method().to_string()),
        ("SCRIPT_NAME", script.clone()),
        ("PATH_INFO", decoded(uri.path())),
        ("QUERY_STRING", uri.query().unwrap_or_default().to_owned()),
        ("CONTENT_LENGTH", length.to_string()),
        ("CONTENT_TYPE", text(header::CONTENT_TYPE)),
        ("REMOTE_ADDR", remote.clone()),
        ("REMOTE_HOST", remote),
        ("X_MATCHED_ROUTE", format!("{script}/...")),
        ("X_RAW_PATH_INFO", uri.path().to_owned()),
        ("X_FULL_URL", format!("http://{host}{script}{uri}")),
    ];
    let mut variables: Vec<(String, String)> = known
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    for name in fields.keys() {
        // Who may call is settled before the guest, and `Proxy` would become `HTTP_PROXY` (CVE-2016-5385).
        if matches!(
            name.as_str(),
            "authorization" | "proxy" | "content-type" | "content-length"
        ) {
            continue;
        }
        let values = fields
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        let value = values.collect::<Vec<_>>().join(", ");
        let name = name.as_str().to_ascii_uppercase().replace('-', "_");
        variables.push((format!("HTTP_{name}"), value));
    }
    variables
}

/// A path with `%20` and the like resolved. What is no text then stays as it was, and so does what an environment cannot hold.
fn decoded(path: &str) -> String {
    let text = percent_encoding::percent_decode_str(path).decode_utf8();
    match text {
        Ok(text) if !text.contains('\0') => text.into_owned(),
        _ => path.to_owned(),
    }
}

/// The answer that a program has printed.
pub(crate) fn answer(printed: &[u8]) -> Result<Response<Vec<u8>>, CgiError> {
    let failed = |what: &str| CgiError(what.to_owned());
    let mut response = Response::new(Vec::new());
    let mut rest = printed;
    let mut fields = 0;
    loop {
        let read = printed.len() - rest.len();
        let end = rest.iter().position(|byte| *byte == b'\n');
        let Some(end) = end.filter(|end| read + end < MOST_HEADER_BYTES) else {
            return Err(failed("no empty line ends them"));
        };
        let line = rest[..end].strip_suffix(b"\r").unwrap_or(&rest[..end]);
        rest = &rest[end + 1..];
        if line.is_empty() {
            break;
        }
        fields += 1;
        if fields > MOST_FIELDS {
            return Err(failed("there are more than a hundred"));
        }
        add_field(&mut response, line)?;
    }
    if fields == 0 {
        return Err(failed("there is none"));
    }
    *response.body_mut() = rest.to_vec();
    Ok(response)
}

fn add_field(response: &mut Response<Vec<u8>>, line: &[u8]) -> Result<(), CgiError> {
    let what = || {
        String::from_utf8_lossy(&line[..line.len().min(80)])
            .escape_debug()
            .to_string()
    };
    let failed = |why: &str| CgiError(format!("`{}` {why}", what()));
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return Err(failed("has no colon"));
    };
    let (name, value) = (&line[..colon], line[colon + 1..].trim_ascii());
    let name = HeaderName::from_bytes(name).map_err(|_| failed("has no name"))?;
    if name == "status" {
        let code = value.split(|byte| *byte == b' ').next().unwrap_or_default();
        let code = StatusCode::from_bytes(code).map_err(|_| failed("has no status"))?;
        if code.as_u16() < 200 {
            return Err(failed("is no status of an answer"));
        }
        *response.status_mut() = code;
        return Ok(());
    }
    // Ours to say: they are about the connection.
    if matches!(
        name.as_str(),
        "connection" | "transfer-encoding" | "content-length" | "upgrade" | "keep-alive"
    ) {
        return Ok(());
    }
    let value = HeaderValue::from_bytes(value).map_err(|_| failed("has a value that is none"))?;
    if name == header::LOCATION && response.status() == StatusCode::OK {
        *response.status_mut() = StatusCode::FOUND;
    }
    response.headers_mut().append(name, value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    #[test]
    fn header_fields_come_first() {
        let response =
            answer(b"content-type: text/html\r\nstatus: 404 Not here\n\nbody\n\nmore").unwrap();
        assert_eq!(response.status(), 404);
        assert_eq!(response.headers()["content-type"], "text/html");
        assert_eq!(response.body(), b"body\n\nmore");
        let moved = answer(b"location: /there\n\n").unwrap();
        assert_eq!(moved.status(), 302);
    }

    #[test]
    fn what_is_no_answer_is_refused() {
        for printed in [
            &b""[..],
            b"hello\n",
            b"hello\n\n",
            b"\nbody",
            b"content-type: text/plain\n",
            b"status: 99999\n\n",
            b"status: 101\n\n",
            b"x: a\x00b\n\n",
        ] {
            assert!(
                answer(printed).is_err(),
                "{}",
                String::from_utf8_lossy(printed)
            );
        }
    }

    /// Whatever is printed, no field of the answer has a line break in it, and nothing panics.
    #[test]
    fn nothing_that_is_printed_splits_an_answer() {
        let mut rng = SmallRng::seed_from_u64(1);
        let pieces: [&[u8]; 12] = [
            b"content-type",
            b": ",
            b"\n",
            b"\r\n",
            b"\r",
            b"\0",
            b"status: ",
            b"200",
            b"set-cookie: a",
            b" ",
            b"\xff",
            b":",
        ];
        let mut answered = 0;
        for _ in 0..20_000 {
            let printed: Vec<u8> = (0..rng.gen_range(0..12))
                .flat_map(|_| pieces[rng.gen_range(0..pieces.len())])
                .copied()
                .collect();
            if let Ok(response) = answer(&printed) {
                answered += 1;
                for value in response.headers().values() {
                    assert!(
                        !value
                            .as_bytes()
                            .iter()
                            .any(|b| matches!(b, b'\r' | b'\n' | 0))
                    );
                }
            }
        }
        assert!(answered > 100, "{answered}");
    }

    #[test]
    fn paths_are_decoded_once() {
        assert_eq!(decoded("/a%20b%2525"), "/a b%25");
        assert_eq!(decoded("/%ff"), "/%ff");
        assert_eq!(decoded("/%00"), "/%00");
        assert_eq!(decoded("/%4"), "/%4");
    }
}
