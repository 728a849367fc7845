//! A real Prometheus scrapes a real server under load, with the configuration and the rules that are written for it.

use super::{Asked, Board, expressions, rules, text, written};
use crate::{
    serve::{Server, function, hello, server, start},
    support::{Place, wat},
    tools,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread::{scope, sleep},
    time::{Duration, Instant},
};

/// Metrics that no panel shows, and why.
const NOT_SHOWN: [(&str, &str); 4] = [
    ("gateway_function_invocation_total", THEIRS),
    ("gateway_function_invocation_started", THEIRS),
    ("gateway_functions_seconds", THEIRS),
    ("gateway_service_count", THEIRS),
];
const THEIRS: &str = "for dashboards of OpenFaaS; the same is in Fathom's own";

/// A Prometheus, ended when it goes.
struct Prometheus {
    process: Child,
    server: Server,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Prometheus {
    /// With the files of a folder, but with more haste.
    fn start(folder: &Path) -> Prometheus {
        let config = folder.join("prometheus.yml");
        let shipped = fs::read_to_string(&config).expect("a configuration");
        let hasty = shipped.replace("15s", "1s");
        assert_ne!(hasty, shipped);
        fs::write(&config, hasty).expect("it is written");
        let free = TcpListener::bind("127.0.0.1:0").expect("a port");
        let free = free.local_addr().expect("its address").to_string();
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("tsdb").display()
            ))
            .arg(format!("--web.listen-address={free}"))
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .expect("prometheus");
        let server = Server::at(free);
        Prometheus { process, server }
    }

    /// What its API says, once it is up.
    fn api(&self, path: &str) -> Value {
        let mut said = Value::Null;
        let ask = || {
            let answer = self
                .server
                .try_ask("GET", &format!("/api/v1/{path}"), &[], "");
            said = answer.map_or(Value::Null, |answer| {
                serde_json::from_str(&answer.body).unwrap_or_default()
            });
            !said.is_null()
        };
        self.server.becomes(ask, || format!("no answer to {path}"));
        said
    }

    /// The series that a query has, now.
    fn query(&self, expr: &str) -> Result<Vec<Value>, String> {
        let encoded = utf8_percent_encode(expr, NON_ALPHANUMERIC);
        let said = self.api(&format!("query?query={encoded}"));
        match said["data"]["result"].as_array() {
            Some(series) if said["status"] == "success" => Ok(series.clone()),
            _ => Err(format!("{expr}: {}", said["error"])),
        }
    }

    /// Waits until a query has a number.
    fn has(&self, expr: &str, place: &str) -> Vec<Value> {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let series = self
                .query(expr)
                .unwrap_or_else(|error| panic!("{place}: {error}"));
            let is_number = |one: &Value| {
                let number = one["value"][1].as_str().map(str::parse::<f64>);
                number.is_some_and(|number| number.is_ok_and(f64::is_finite))
            };
            if series.iter().any(is_number) {
                return series;
            }
            assert!(Instant::now() < deadline, "{place}: nothing for {expr}");
            sleep(Duration::from_millis(200));
        }
    }
}

/// As Grafana would put it to Prometheus.
fn chosen(expr: &str, function: &str) -> String {
    expr.replace("$__rate_interval", "10s")
        .replace("$job", "fathom")
        .replace("$instance", ".+")
        .replace("$function", function)
}

/// A server with functions of every fate.
fn many() -> Server {
    let place = Place::new();
    let small = "[limits]\nmemory = \"512 KiB\"\n";
    let short = "[limits]\ntimeout = \"50ms\"\n";
    function(&place, "learned", &wat("exact-allocations"), "");
    function(&place, "too-small", &wat("exact-allocations"), small);
    function(&place, "loops", &wat("hostile/loops-for-ever"), short);
    function(&place, "traps", &wat("hostile/traps"), "");
    function(&place, "used", &hello(), "[serve]\nreuse = 100\n");
    start(place, &[])
}

/// Calls them all until it is enough.
fn load(server: &Server, enough: &AtomicBool) {
    let mut round = 0;
    while !enough.load(Ordering::Relaxed) {
        round += 1;
        let lines = "some text\n".repeat(500 * (1 + round * 7 % 40));
        server.ask("POST", "/function/learned", &lines);
        server.ask("POST", "/function/used", "");
        if round % 8 == 1 {
            server.ask("POST", "/function/too-small", "a\n".repeat(9_000));
            server.ask("POST", "/function/too-small", "a\n");
            server.ask("POST", "/function/loops", "");
            server.ask("POST", "/function/traps", "");
            server.ask("POST", "/function/nobody", "");
        }
        sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_metrics_are_as_prometheus_would_have_them() {
    if !tools::present(&["promtool"]) {
        return;
    }
    let fathom = server();
    fathom.ask("POST", "/function/exact-allocations", "a\nb\n");
    let place = Place::new();
    let metrics = place.write("metrics.txt", fathom.metrics());
    let checked = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(fs::File::open(metrics).expect("the metrics"))
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
}

#[test]
fn every_panel_and_every_rule_has_an_answer_of_a_loaded_server() {
    if !tools::present(&["prometheus"]) {
        return;
    }
    let fathom = many();
    let place = Place::new();
    written(&place, &["--target", &fathom.address]);
    let folder = place.path("dashboards");
    let boards = Board::all(&folder);
    let prometheus = Prometheus::start(&folder);
    let enough = AtomicBool::new(false);
    scope(|threads| {
        threads.spawn(|| load(&fathom, &enough));
        // Also where something here fails, or the load would not end.
        let checked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            has_answers(&prometheus, &folder, &boards);
            fires(&prometheus);
            names_what_is_there(&fathom.metrics(), &folder, &boards);
        }));
        enough.store(true, Ordering::Relaxed);
        if let Err(failure) = checked {
            std::panic::resume_unwind(failure);
        }
    });
}

fn has_answers(prometheus: &Prometheus, folder: &Path, boards: &[Board]) {
    for (name, _) in rules(folder, "recording.yml", "record") {
        prometheus.has(&name, "recorded");
    }
    for board in boards {
        for Asked {
            place,
            expr,
            legend,
        } in board.asked()
        {
            let series = prometheus.has(&chosen(&expr, "learned"), &place);
            for label in expressions::of_legend(&legend) {
                let is_there = series.iter().all(|one| !one["metric"][&label].is_null());
                assert!(is_there, "{place}: no {label} in {series:?}");
            }
        }
        for annotation in board.json["annotations"]["list"]
            .as_array()
            .expect("a list")
        {
            let expr = chosen(&text(&annotation["expr"]), "too-small");
            prometheus.has(&expr, "alerts above the charts");
        }
        // What may be chosen.
        for variable in board.variables().filter(|one| one["type"] == "query") {
            let query = text(&variable["query"]["query"]);
            let inside = query.strip_prefix("label_values(").expect("values");
            let (metric, label) = inside.trim_end_matches(')').rsplit_once(", ").expect("two");
            let values = format!("count by ({label}) ({})", chosen(metric, ""));
            let found = prometheus.has(&values, label);
            assert!(
                found.iter().all(|one| !one["metric"][label].is_null()),
                "{found:?}"
            );
        }
    }
    // What alerts ask has no answer as long as all is well. It is asked all the same.
    let said = prometheus.api("rules");
    let groups = said["data"]["groups"].as_array().expect("groups");
    for rule in groups
        .iter()
        .flat_map(|group| group["rules"].as_array().expect("rules"))
    {
        assert_eq!(rule["health"], "ok", "{rule}");
    }
    for (name, expr) in rules(folder, "alerts.yml", "alert") {
        prometheus
            .query(&expr)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// An alert that has to fire does, and says of whom.
fn fires(prometheus: &Prometheus) {
    let is_firing = |alert: &Value| {
        alert["state"] == "firing"
            && alert["labels"]["alertname"] == "FathomOutOfMemory"
            && alert["labels"]["function"] == "too-small"
            && text(&alert["annotations"]["summary"]).contains("too-small")
    };
    let said = || prometheus.api("alerts")["data"]["alerts"].clone();
    prometheus.server.becomes(
        || {
            said()
                .as_array()
                .is_some_and(|alerts| alerts.iter().any(is_firing))
        },
        || said().to_string(),
    );
    let wrong = said().to_string();
    assert!(!wrong.contains("error expanding"), "{wrong}");
}

/// A metric of the server.
#[derive(Default)]
struct Metric {
    kind: String,
    labels: BTreeSet<String>,
}

fn of_server(text: &str) -> BTreeMap<String, Metric> {
    let mut metrics = BTreeMap::<String, Metric>::new();
    for line in text.lines() {
        if let Some(line) = line.strip_prefix("# TYPE ") {
            let (name, kind) = line.split_once(' ').expect("a type");
            metrics.entry(name.to_owned()).or_default().kind = kind.to_owned();
        }
    }
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap_or_default();
        let (name, _) = known(&metrics, name).unwrap_or_else(|| panic!("no type of {name}"));
        let name = name.to_owned();
        metrics
            .entry(name)
            .or_default()
            .labels
            .extend(expressions::labels(line));
    }
    metrics
}

/// The metric that is named, perhaps by a part of its histogram.
fn known<'a>(metrics: &'a BTreeMap<String, Metric>, named: &str) -> Option<(&'a str, &'a Metric)> {
    let plain = metrics.get_key_value(named);
    let (name, metric) = plain
        .filter(|(_, metric)| metric.kind != "histogram")
        .or_else(|| {
            let parts = ["_bucket", "_sum", "_count"];
            let name = parts.iter().find_map(|part| named.strip_suffix(part))?;
            metrics
                .get_key_value(name)
                .filter(|(_, metric)| metric.kind == "histogram")
        })?;
    Some((name, metric))
}

fn names_what_is_there(text: &str, folder: &Path, boards: &[Board]) {
    let metrics = of_server(text);
    let recorded = rules(folder, "recording.yml", "record");
    let alerts = rules(folder, "alerts.yml", "alert");
    let mut asked: Vec<(String, String, String)> = [&recorded, &alerts]
        .into_iter()
        .flatten()
        .map(|(name, expr)| (name.clone(), expr.clone(), String::new()))
        .collect();
    let drawn = boards.iter().flat_map(Board::asked);
    asked.extend(drawn.map(|asked| (asked.place, asked.expr, asked.legend)));
    for board in boards {
        for variable in board.variables().filter(|one| one["type"] == "query") {
            let query = super::text(&variable["query"]["query"]);
            asked.push((query.clone(), query, String::new()));
        }
    }
    let is_recorded = |word: &str| recorded.iter().any(|(name, _)| name == word);
    let mut shown = BTreeSet::new();
    for (place, expr, legend) in &asked {
        let mut labels: BTreeSet<String> = expressions::ADDED
            .iter()
            .map(|one| (*one).to_owned())
            .collect();
        for (name, is_rate) in expressions::metrics(expr) {
            let (plain, metric) = known(&metrics, &name)
                .unwrap_or_else(|| panic!("{place}: the server has no {name}"));
            let counts = matches!(metric.kind.as_str(), "counter" | "histogram");
            // Counters are asked for their rates, but where it is asked whether there are any at all.
            let may_be_plain = expr.contains("offset") || expr.starts_with("label_values");
            assert!(
                is_rate == counts || (counts && may_be_plain),
                "{place}: {name} is a {}",
                metric.kind
            );
            labels.extend(metric.labels.iter().cloned());
            shown.insert(plain.to_owned());
        }
        // What was recorded has the labels of functions at most, which are those of its name.
        if expr
            .split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | ':'))
            .any(is_recorded)
        {
            labels.insert("function".to_owned());
        }
        if expr.contains("ALERTS") {
            labels.insert("function".to_owned());
        }
        let named = expressions::labels(expr);
        for label in named.union(&expressions::of_legend(legend)) {
            assert!(
                labels.contains(label),
                "{place}: no label {label} in {expr}"
            );
        }
    }
    let hidden: BTreeSet<String> = NOT_SHOWN
        .iter()
        .map(|(name, _)| (*name).to_owned())
        .collect();
    let all: BTreeSet<String> = metrics.keys().cloned().collect();
    let neither: Vec<&String> = all
        .difference(&shown)
        .filter(|name| !hidden.contains(*name))
        .collect();
    assert!(neither.is_empty(), "nobody shows {neither:?}");
    assert!(
        hidden.is_subset(&all) && hidden.is_disjoint(&shown),
        "{hidden:?}"
    );
}
