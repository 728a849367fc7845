//! The dialects beside plain HTTP: what their clients send, and what they expect.

use super::{Server, function, hello, start, start_with};
use crate::{
    support::{Place, wat},
    tools,
};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    time::Duration,
};

fn with_images() -> Server {
    let place = Place::new();
    function(&place, "own", &wat("exact-allocations"), "");
    place.write("functions/hello.wasm", fs::read(hello()).unwrap());
    start(place, &["--token-file", "token"])
}

fn token(server: &Server) -> String {
    let token = fs::read_to_string(server.place.path("token")).expect("the token");
    token.trim().to_owned()
}

fn basic(server: &Server) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("admin:{}", token(server)))
    )
}

/// As `faas-cli` was seen to do it: deploy, list, describe, invoke, logs, remove.
#[test]
fn the_gateway_of_openfaas_is_spoken() {
    let server = with_images();
    let token = basic(&server);
    let fields = [("authorization", token.as_str())];
    assert_eq!(server.ask("GET", "/system/functions", "").status, 401);
    let wrong = [("authorization", "Basic YWRtaW46d3Jvbmc=")];
    assert_eq!(
        server
            .ask_with("GET", "/system/functions", &wrong, "")
            .status,
        401
    );
    assert_eq!(
        server
            .ask_with("GET", "/system/functions", &fields, "")
            .status,
        200
    );

    let deployment = json!({
        "service": "hello", "image": "hello.wasm", "envVars": {"A": "b"}, "labels": {"l": "1"},
        "annotations": {"n": "2"}, "limits": {"memory": "32Mi"}, "requests": {"memory": "16Mi"},
    })
    .to_string();
    // Of a function that is not there the client is told, and then asks to make it.
    assert_eq!(
        server
            .ask_with("PUT", "/system/functions", &fields, &deployment)
            .status,
        404
    );
    let answer = server.ask_with("POST", "/system/functions", &fields, &deployment);
    assert_eq!(answer.status, 202, "{}", answer.body);
    assert_eq!(
        server
            .ask_with("PUT", "/system/functions", &fields, &deployment)
            .status,
        202
    );

    let answer = server.ask("POST", "/function/hello.openfaas-fn/allocate/3000000", "");
    assert_eq!((answer.status, answer.body.as_str()), (200, "3000000\n"));
    assert!(answer.field("x-call-id").is_some() && answer.field("x-start-time").is_some());
    let path = "/system/function/hello?usage=1";
    server.becomes(
        || server.ask_with("GET", path, &fields, "").json()["invocationCount"] == 1.0,
        || "the call was not counted".to_owned(),
    );
    let described = server.ask_with("GET", path, &fields, "").json();
    assert_eq!(described["limits"]["memory"], "32Mi");
    assert_eq!(described["requests"]["memory"], "16Mi");
    assert_eq!(described["labels"]["l"], "1");
    assert_eq!(described["image"], "hello.wasm");
    let used = described["usage"]["totalMemoryBytes"]
        .as_f64()
        .expect("usage");
    assert!(
        (4e6..5e6).contains(&used),
        "what it really needed: {described}"
    );

    // Its limit is ours.
    let answer = server.ask("POST", "/function/hello/allocate/40000000", "");
    assert!(
        answer.body.contains("the limit is 32.0 MiB"),
        "{}",
        answer.body
    );
    let logs = server.ask_with(
        "GET",
        "/system/logs?follow=false&name=hello&tail=-1",
        &fields,
        "",
    );
    let line: Value =
        serde_json::from_str(logs.body.lines().last().expect("a line")).expect("JSON");
    assert!(
        line["text"]
            .as_str()
            .expect("text")
            .contains("out of memory"),
        "{line}"
    );

    let removal = json!({"functionName": "hello", "namespace": "openfaas-fn"}).to_string();
    assert_eq!(
        server
            .ask_with("DELETE", "/system/functions", &fields, &removal)
            .status,
        202
    );
    assert_eq!(
        server
            .ask_with("DELETE", "/system/functions", &fields, &removal)
            .status,
        404
    );
    assert_eq!(server.ask_with("GET", path, &fields, "").status, 404);

    for image in ["../token", "/etc/passwd", "nothing.wasm", "sha256:00"] {
        let deployment = json!({"service": "reaches", "image": image}).to_string();
        let answer = server.ask_with("POST", "/system/functions", &fields, &deployment);
        assert_eq!(answer.status, 400, "{image}: {}", answer.body);
    }
}

#[test]
fn a_call_that_nobody_waits_for_is_answered_to_its_callback() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let url = format!("http://{host}/done");
    let place = Place::new();
    function(&place, "own", &wat("exact-allocations"), "");
    let server = start(place, &["--callback-host", &host]);
    // Nobody else is told of anything.
    let elsewhere = [("x-callback-url", "http://127.0.0.1:1/system/functions")];
    let answer = server.ask_with("POST", "/async-function/own", &elsewhere, "");
    assert_eq!(answer.status, 403, "{}", answer.body);
    let answer = server.ask_with(
        "POST",
        "/async-function/own.openfaas-fn",
        &[("x-callback-url", url.as_str())],
        "a\nb\n",
    );
    assert_eq!(answer.status, 202);
    let id = answer.field("x-call-id").expect("an id").to_owned();
    let (mut stream, _) = listener.accept().unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    let mut said = String::new();
    let mut buffer = [0; 4096];
    while !said.contains("\r\n\r\n") {
        let read = stream.read(&mut buffer).unwrap();
        said.push_str(&String::from_utf8_lossy(&buffer[..read]));
    }
    stream
        .write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        .unwrap();
    assert!(said.starts_with("POST /done HTTP/1.1"), "{said}");
    assert!(said.contains(&format!("x-call-id: {id}")), "{said}");
    assert!(said.contains("x-function-status: 200"), "{said}");
    assert!(said.contains("x-duration-seconds: "), "{said}");
}

#[test]
fn web_pages_of_others_do_not_reach_the_control_plane() {
    let place = Place::new();
    function(&place, "own", &wat("exact-allocations"), "");
    let server = start(place, &[]);
    let rebound = server
        .send(b"GET /api/v1/functions HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n");
    assert!(rebound.starts_with("HTTP/1.1 403"), "{rebound}");
    let foreign = [("origin", "http://evil.example")];
    assert_eq!(
        server
            .ask_with("GET", "/api/v1/functions", &foreign, "")
            .status,
        403
    );
    let own = [("origin", "http://localhost")];
    assert_eq!(
        server.ask_with("GET", "/api/v1/functions", &own, "").status,
        200
    );
}

/// Who is somewhere else by mistake sees so, and is not asked for the token of what he did not look for.
#[test]
fn what_is_at_no_path_needs_no_token() {
    let server = with_images();
    let browser = [("accept", "text/html,*/*;q=0.8")];
    let ask = |path: &str| server.ask_with("GET", path, &browser, "");
    assert_eq!(ask("/").status, 401);
    let answer = ask("/fuction/own");
    assert_eq!(answer.status, 404);
    assert_eq!(answer.field("www-authenticate"), None);
    let assets = answer
        .body
        .split('"')
        .filter(|part| part.starts_with("/assets/"));
    let assets: Vec<&str> = assets.collect();
    assert!(assets.len() >= 3, "{}", answer.body);
    for asset in assets {
        assert_eq!(ask(asset).status, 200, "{asset}");
    }
    // What is called is answered as for everybody.
    let [page, program] = [&browser[..], &[]].map(|fields| {
        let answer = server.ask_with("GET", "/function/onw", fields, "");
        (
            answer.status,
            answer.field("content-type").map(str::to_owned),
        )
    });
    assert_eq!(page, program);
}

#[test]
fn what_the_api_says_it_offers_it_offers() {
    let server = with_images();
    let bearer = format!("Bearer {}", token(&server));
    let fields = [("authorization", bearer.as_str())];
    let described = server
        .ask_with("GET", "/api/v1/openapi.json", &fields, "")
        .json();
    let paths = described["paths"].as_object().expect("paths");
    assert!(paths.len() >= 8);
    for (path, methods) in paths {
        let path = path.replace("{name}", "own").replace("{id}", "none");
        for method in methods.as_object().expect("methods").keys() {
            if method == "parameters" {
                continue;
            }
            let answer = server.ask_with(&method.to_uppercase(), &path, &fields, "");
            assert!(answer.status != 405, "{method} {path}");
            assert!(
                answer.status != 404 || path.ends_with("none"),
                "{method} {path}"
            );
        }
        // And nothing that it does not say.
        let answer = server.ask_with("PATCH", &path, &fields, "");
        assert_eq!(answer.status, 405, "{path}");
        assert!(answer.field("allow").is_some(), "{path}");
        assert!(answer.json()["error"].is_string(), "{path}");
    }
    // What it cannot read it names.
    let answer = server.ask_with("GET", "/api/v1/calls?limit=few", &fields, "");
    assert_eq!(answer.status, 400);
    let error = answer.json()["error"].to_string();
    assert!(error.contains("limit"), "{error}");
    // However long it is.
    let long = format!("/api/v1/calls?outcome={}", "x".repeat(2_000));
    let answer = server.ask_with("GET", &long, &fields, "");
    assert_eq!(answer.status, 400);
    let error = answer.json()["error"].to_string();
    assert!(error.contains("outcome") && error.len() < 1_200, "{error}");
}

/// The event of the specification, with what a client of it sends.
const EVENT: [(&str, &str); 5] = [
    ("ce-specversion", "1.0"),
    ("ce-type", "com.example.someevent"),
    ("ce-id", "A234-1234-1234"),
    ("ce-source", "/mycontext/a%20b"),
    ("content-type", "application/json"),
];

/// A server with one function on a port of its own; where that is.
fn on_port(signature: &str) -> (Server, Server) {
    let place = Place::new();
    function(&place, "hello", &hello(), "");
    place.write("functions/hello/unused", "");
    let server = start_with(
        place,
        &[],
        &[
            ("FUNCTION_TARGET", "hello"),
            ("FUNCTION_SIGNATURE_TYPE", signature),
            ("PORT", "0"),
        ],
    );
    let said = server.said();
    let address = said
        .lines()
        .find_map(|line| line.strip_prefix("hello on http://"));
    let address = address.expect("its address").to_owned();
    (server, Server::at(address))
}

/// Many a platform says `PORT` to whatever it starts.
#[test]
fn what_the_environment_says_of_such_a_port_is_of_no_matter_where_there_is_none() {
    let place = Place::new();
    function(&place, "hello", &hello(), "");
    let variables = [
        ("PORT", "no port"),
        ("FATHOM_HOST", "0.0.0.0"),
        ("FUNCTION_SIGNATURE_TYPE", "event"),
        ("FATHOM_LOG_CALLS", "1"),
    ];
    let server = start_with(place, &[], &variables);
    assert_eq!(server.ask("GET", "/function/hello", "").status, 200);
    let place = Place::new();
    for (name, said) in [
        ("PORT", "PORT in the environment is `no port`"),
        ("FUNCTION_SIGNATURE_TYPE", "expected http or cloudevent"),
    ] {
        let mut command = place.fathom(["serve", "--target", "hello"]);
        let (code, _, error) = crate::support::printed(command.env(name, "no port"));
        assert!(code == 125 && error.contains(said), "{error}");
    }
}

#[test]
fn the_functions_framework_serves_one_function_on_every_path() {
    let (_server, function) = on_port("http");
    assert_eq!(function.ask("GET", "/", "").body, "Hello, world!\n");
    assert_eq!(
        function.ask("GET", "/any/path?a=b", "").body,
        "Hello, world!\n"
    );
    assert_eq!(
        function.ask("POST", "/echo", "{\"res\":\"PASS\"}").body,
        "{\"res\":\"PASS\"}"
    );
    for path in ["/robots.txt", "/favicon.ico"] {
        assert_eq!(function.ask("GET", path, "").status, 404);
    }
}

#[test]
fn cloud_events_of_both_forms_are_the_same_to_a_function() {
    let (_server, function) = on_port("cloudevent");
    let binary = function
        .ask_with("POST", "/echo", &EVENT, "{\"a\":1}")
        .json();
    assert_eq!(binary["source"], "/mycontext/a b");
    assert_eq!(binary["data"], json!({"a": 1}));
    let fields = [("content-type", "application/cloudevents+json")];
    let structured = function.ask_with("POST", "/echo", &fields, binary.to_string());
    assert_eq!(structured.json(), binary);
    assert_eq!(
        function.ask_with("POST", "/echo", &EVENT[1..], "{}").status,
        400
    );
    assert_eq!(function.ask("POST", "/echo", "no event").status, 400);
}

/// Whether Python has a module.
fn python_has(module: &str) -> bool {
    let found = Command::new("python3")
        .args(["-c", &format!("import {module}")])
        .output()
        .is_ok_and(|output| output.status.success());
    found || tools::skipped(&format!("no {module} for Python"))
}

/// The standard's own library makes the events, and reads them back.
#[test]
fn events_of_the_cloudevents_library_arrive() {
    if !tools::present(&["python3"]) || !python_has("cloudevents.core.bindings.http") {
        return;
    }
    let (_server, function) = on_port("cloudevent");
    let script = r#"
import sys, urllib.request
from cloudevents.core.v1.event import CloudEvent
from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event, to_structured_event
url = sys.argv[1]
for data in ({"message": "\u00fc \" %"}, {"list": [1, 2.5, None]}, "text", None):
    attributes = {"id": "1", "type": "a.b", "source": "/s p%c\u00e9", "subject": "x\"y", "own": "1", "specversion": "1.0"}
    attributes["datacontenttype"] = "text/plain" if data == "text" else "application/json"
    event = CloudEvent(attributes=attributes, data=data)
    for make in (to_binary_event, to_structured_event):
        message = make(event)
        request = urllib.request.Request(url, data=message.body, headers=message.headers, method="POST")
        body = urllib.request.urlopen(request).read()
        back = from_http_event(HTTPMessage(headers={"content-type": "application/cloudevents+json"}, body=body))
        assert back.get_data() == data, (make, back.get_data(), data)
        for name in ("type", "source", "subject", "id"):
            assert back.get_attributes()[name] == attributes[name], (make, name, back.get_attributes())
        assert back.get_extension("own") == "1"
print("same")
"#;
    let output = Command::new("python3")
        .args(["-c", script, &format!("http://{}/echo", function.address)])
        .output()
        .expect("python");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("same"),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
