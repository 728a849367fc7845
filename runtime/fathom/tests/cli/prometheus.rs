//! A real Prometheus scrapes a real server.

use crate::{
    serve::{Server, server},
    support::Place,
    tools,
};
use serde_json::Value;
use std::{
    net::TcpListener,
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

struct Prometheus(Child);

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What Prometheus answers to a query, once it has an answer.
fn ask(prometheus: &Server, query: &str) -> Value {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let path = format!("/api/v1/query?query={query}");
        if let Some(answer) = prometheus.try_ask("GET", &path, &[], "") {
            let answer: Value = serde_json::from_str(&answer.body).unwrap_or_default();
            let result = &answer["data"]["result"][0]["value"][1];
            if !result.is_null() {
                return result.clone();
            }
        }
        assert!(
            Instant::now() < deadline,
            "Prometheus has no answer to {query}"
        );
        sleep(Duration::from_millis(200));
    }
}

#[test]
fn prometheus_scrapes_the_server() {
    if !tools::present(&["prometheus", "promtool"]) {
        return;
    }
    let fathom = server();
    fathom.ask("POST", "/function/exact-allocations", "a\nb\n");

    let metrics = fathom.metrics();
    let place = Place::new();
    let metrics = place.write("metrics.txt", metrics);
    let checked = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(std::fs::File::open(metrics).expect("the metrics"))
        .output()
        .expect("promtool");
    // Two names of OpenFaaS are not as promtool would have them. Of our own it has nothing to say.
    let said = String::from_utf8_lossy(&checked.stderr);
    let said = said.trim().lines().filter(|line| !line.is_empty());
    let names: Vec<&str> = said.filter_map(|line| line.split(' ').next()).collect();
    let theirs = [
        "gateway_function_invocation_started",
        "gateway_service_count",
    ];
    assert_eq!(names, theirs);

    // The configuration that is shipped, but for the address and the patience.
    let shipped = include_str!("../../../../dashboards/prometheus.yml");
    let ours = shipped
        .replace("127.0.0.1:8080", &fathom.address)
        .replace("15s", "1s");
    assert_ne!(ours, shipped);
    let config = place.write("prometheus.yml", ours);
    let free = TcpListener::bind("127.0.0.1:0")
        .expect("a port")
        .local_addr()
        .expect("its address");
    let _prometheus = Prometheus(
        Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                place.path("tsdb").display()
            ))
            .arg(format!("--web.listen-address={free}"))
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("prometheus"),
    );
    let prometheus = Server::at(free.to_string());
    assert_eq!(ask(&prometheus, "up"), "1");
    let query = "fathom_invocations_total%7Bfunction%3D%22exact-allocations%22%2Coutcome%3D%22succeeded%22%7D";
    assert_eq!(ask(&prometheus, query), "1");
}
