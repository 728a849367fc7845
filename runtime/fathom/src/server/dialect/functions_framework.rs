//! Google's Functions Framework: one function on a port of its own, on every path but two; CloudEvents in both forms. See
//! <https://github.com/GoogleCloudPlatform/functions-framework>, and for the events
//! <https://github.com/cloudevents/spec/blob/main/cloudevents/bindings/http-protocol-binding.md>.

use super::{Server, make};
use crate::server::answer;
use axum::{
    Router,
    body::Body,
    extract::{Request, State},
};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use serde_json::{Map, Value};
use std::sync::Arc;

/// What a function takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Signature {
    /// Any request
    #[default]
    Http,
    /// CloudEvents, which it gets in structured form
    Cloudevent,
}

#[derive(Clone)]
struct Target {
    server: Arc<Server>,
    function: Arc<str>,
    signature: Signature,
}

/// Everything on the port of the function.
pub(crate) fn router(server: &Arc<Server>, function: &str, signature: Signature) -> Router {
    Router::new().fallback(invoke).with_state(Target {
        server: server.clone(),
        function: function.into(),
        signature,
    })
}

async fn invoke(State(target): State<Target>, request: Request) -> Response<Body> {
    let path = request.uri().path().to_owned();
    // Asked for by browsers, not by callers: the contract says so.
    if matches!(path.as_str(), "/robots.txt" | "/favicon.ico") {
        return answer::refusal(StatusCode::NOT_FOUND, "not a function");
    }
    let request = match target.signature {
        Signature::Http => request,
        Signature::Cloudevent => match structured(&target.server, request).await {
            Ok(request) => request,
            Err((status, what)) => return answer::refusal(status, &what),
        },
    };
    make(
        &target.server,
        &target.function,
        "functions-framework",
        request,
        &path,
    )
    .await
}

/// The event of a request, in structured form.
async fn structured(server: &Server, request: Request) -> Result<Request, (StatusCode, String)> {
    let (mut parts, body) = request.into_parts();
    let (body, _room) = super::read(server, body).await?;
    let event = event(&parts.headers, &body).map_err(|what| (StatusCode::BAD_REQUEST, what))?;
    let text = Value::Object(event).to_string();
    let fields: Vec<HeaderName> = parts
        .headers
        .keys()
        .filter(|name| name.as_str().starts_with("ce-"))
        .cloned()
        .collect();
    for name in fields {
        parts.headers.remove(name);
    }
    parts.headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/cloudevents+json"),
    );
    parts.headers.remove(header::CONTENT_LENGTH);
    Ok(Request::from_parts(parts, Body::from(text)))
}

/// Attributes that every event has.
const REQUIRED: [&str; 4] = ["specversion", "id", "source", "type"];

/// Reads an event in binary or structured form.
fn event(headers: &HeaderMap, body: &Bytes) -> Result<Map<String, Value>, String> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let lower = kind.to_ascii_lowercase();
    if lower.starts_with("application/cloudevents-batch") {
        return Err("expected one event, but there is a batch".to_owned());
    }
    let event = if lower.starts_with("application/cloudevents") {
        let document: Value = serde_json::from_slice(body)
            .map_err(|error| format!("the event is not JSON: {error}"))?;
        let Value::Object(event) = document else {
            return Err("the event is not a JSON object".to_owned());
        };
        event
    } else {
        binary(headers, kind, body)?
    };
    for name in REQUIRED {
        match event.get(name) {
            Some(Value::String(text)) if !text.is_empty() => {}
            _ => {
                return Err(format!(
                    "the event has no `{name}`: expected a CloudEvent of version 1.0"
                ));
            }
        }
    }
    let version = event["specversion"].as_str().unwrap_or_default();
    if !version.starts_with("1.") {
        return Err(format!(
            "the event has the version `{version}`, expected 1.0"
        ));
    }
    Ok(event)
}

/// Attributes in header fields, data in the body.
fn binary(headers: &HeaderMap, kind: &str, body: &Bytes) -> Result<Map<String, Value>, String> {
    let mut event = Map::new();
    for (name, value) in headers {
        let Some(attribute) = name.as_str().strip_prefix("ce-") else {
            continue;
        };
        let value = attribute_value(value.as_bytes())
            .ok_or_else(|| format!("the attribute `{attribute}` of the event is not text"))?;
        event.insert(attribute.to_owned(), Value::String(value));
    }
    if body.is_empty() {
        return Ok(event);
    }
    if !kind.is_empty() {
        event.insert("datacontenttype".to_owned(), kind.into());
    }
    let is_json = {
        let essence = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        essence.ends_with("/json") || essence.ends_with("+json") || essence.is_empty()
    };
    match serde_json::from_slice(body) {
        Ok(document) if is_json => {
            event.insert("data".to_owned(), document);
        }
        Err(error) if is_json && !kind.is_empty() => {
            return Err(format!(
                "the data of the event is not JSON, as its type says: {error}"
            ));
        }
        _ => match std::str::from_utf8(body) {
            Ok(text) => {
                event.insert("data".to_owned(), text.into());
            }
            Err(_) => {
                use base64::{Engine as _, prelude::BASE64_STANDARD};
                event.insert(
                    "data_base64".to_owned(),
                    BASE64_STANDARD.encode(body).into(),
                );
            }
        },
    }
    Ok(event)
}

/// A value of a header field: perhaps quoted, then percent-encoded once (3.1.3.2 of the binding).
fn attribute_value(value: &[u8]) -> Option<String> {
    let quoted = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    let plain = match quoted {
        Some(quoted) => unescaped(quoted),
        None => value.to_vec(),
    };
    let text = percent_encoding::percent_decode(&plain).decode_utf8();
    Some(text.ok()?.into_owned())
}

/// Without the backslashes of a quoted string.
fn unescaped(quoted: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(byte) = bytes.next() {
        // One at the very end escapes nothing.
        let escaped = if *byte == b'\\' { bytes.next() } else { None };
        plain.push(*escaped.unwrap_or(byte));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{Rng, SeedableRng, rngs::SmallRng};

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        fields
            .iter()
            .map(|(name, value)| {
                (
                    HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    /// The example of the specification.
    const BINARY: [(&str, &str); 6] = [
        ("ce-specversion", "1.0"),
        ("ce-type", "com.example.someevent"),
        ("ce-time", "2018-04-05T03:56:24Z"),
        ("ce-id", "1234-1234-1234"),
        ("ce-source", "/mycontext/subcontext"),
        ("content-type", "application/json; charset=utf-8"),
    ];

    #[test]
    fn both_forms_are_the_same_event() {
        let data = Bytes::from_static(b"{\"a\": 1}");
        let binary = event(&headers(&BINARY), &data).unwrap();
        assert_eq!(binary["data"]["a"], 1);
        assert_eq!(binary["source"], "/mycontext/subcontext");
        let kind = [(
            "content-type",
            "Application/CloudEvents+JSON; charset=utf-8",
        )];
        let text = Value::Object(binary.clone()).to_string();
        assert_eq!(event(&headers(&kind), &text.into()).unwrap(), binary);
    }

    /// The specification says how an attribute is written in a header field: everything but the printable part of ASCII,
    /// and space, quote and per cent, as its bytes of UTF-8 in hexadecimal.
    fn written(value: &str) -> String {
        let byte = |byte: u8| match byte {
            b'!' | b'#'..=b'$' | b'&'..=b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        value.bytes().map(byte).collect()
    }

    /// Any attributes and any JSON data: both forms are the same event.
    #[test]
    fn any_event_is_the_same_in_both_forms() {
        let mut random = SmallRng::seed_from_u64(5);
        for round in 0..2_000 {
            let mut text = || -> String {
                let length = random.gen_range(1..12);
                (0..length).map(|_| random.r#gen::<char>()).collect()
            };
            let mut event_of = Map::new();
            for name in ["id", "source", "type", "subject", "traceparent"] {
                event_of.insert(name.to_owned(), text().into());
            }
            event_of.insert("specversion".to_owned(), "1.0".into());
            let mut binary = HeaderMap::new();
            for (name, value) in &event_of {
                let name = HeaderName::try_from(format!("ce-{name}")).unwrap();
                let value = written(value.as_str().unwrap());
                binary.insert(name, HeaderValue::try_from(value).unwrap());
            }
            let data = serde_json::json!({ text(): [round, text()] });
            event_of.insert("data".to_owned(), data.clone());
            event_of.insert("datacontenttype".to_owned(), "application/json".into());
            binary.insert("content-type", HeaderValue::from_static("application/json"));
            let read = event(&binary, &data.to_string().into()).unwrap();
            assert_eq!(read, event_of);

            let structured = headers(&[("content-type", "application/cloudevents+json")]);
            let text = Value::Object(event_of.clone()).to_string();
            assert_eq!(event(&structured, &text.into()).unwrap(), event_of);
        }
    }

    /// Whatever comes, an answer comes: an event with what it has to have, or a sentence.
    #[test]
    fn whatever_is_sent_is_an_event_or_a_sentence() {
        const IN_FIELDS: &[u8] = b"\"\\%4fC0 {}[]\xff/json+,;";
        const IN_BODY: &[u8] = b"{}[]\"1,:\xc3 ";
        let mut random = SmallRng::seed_from_u64(6);
        let mut some = |of: &[u8], most: usize| -> Vec<u8> {
            let length = random.gen_range(0..most);
            (0..length)
                .map(|_| of[random.gen_range(0..of.len())])
                .collect()
        };
        for round in 0..20_000 {
            let mut fields = headers(&BINARY);
            for (number, (name, _)) in BINARY.iter().enumerate() {
                if round >> number & 1 == 1
                    && let Ok(value) = HeaderValue::from_bytes(&some(IN_FIELDS, 8))
                {
                    fields.insert(HeaderName::from_static(name), value);
                }
            }
            match event(&fields, &some(IN_BODY, 6).into()) {
                Ok(event) => assert!(REQUIRED.iter().all(|name| event[*name].is_string())),
                Err(what) => assert!(!what.is_empty()),
            }
        }
    }

    #[test]
    fn what_is_no_event_is_refused() {
        let nothing = Bytes::new();
        assert!(event(&HeaderMap::new(), &nothing).is_err());
        assert!(
            event(&headers(&BINARY[1..]), &nothing)
                .unwrap_err()
                .contains("specversion")
        );
        assert!(event(&headers(&BINARY), &Bytes::from_static(b"{")).is_err());
        let batch = [("content-type", "application/cloudevents-batch+json")];
        assert!(event(&headers(&batch), &Bytes::from_static(b"[]")).is_err());
    }

    #[test]
    fn header_values_are_decoded_once_and_no_text_is_refused() {
        assert_eq!(attribute_value(b"a%20b%2525").as_deref(), Some("a b%25"));
        assert_eq!(attribute_value(b"\"a \\\" b\"").as_deref(), Some("a \" b"));
        assert_eq!(attribute_value(b"%C0%A0"), None);
        assert_eq!(attribute_value(b"%4").as_deref(), Some("%4"));
    }
}
