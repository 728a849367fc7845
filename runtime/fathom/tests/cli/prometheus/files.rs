//! The files themselves: that they are those of the repository, that Prometheus and Grafana take them, that their alerts
//! say when they should.

use super::{Board, rules, text, written};
use crate::{
    support::{Place, printed},
    tools,
};
use serde_json::Value;
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// When each alert is to fire, and when not.
const ALERTS: &str = include_str!("alerts.yml");

/// Grafana's types.
const SCHEMA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/cli/prometheus/schema.py"
);

fn committed() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../dashboards")
}

/// Paths and contents of all that is below a folder.
fn below(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(&next).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(&path).expect("a text");
            found.push((path.strip_prefix(folder).expect("below").to_owned(), text));
        }
    }
    found.sort();
    found
}

#[test]
fn the_dashboards_of_the_repository_are_those_that_are_written() {
    let place = Place::new();
    written(&place, &[]);
    let (ours, theirs) = (below(&place.path("dashboards")), below(&committed()));
    let paths = |files: &[(PathBuf, String)]| -> Vec<PathBuf> {
        files.iter().map(|(path, _)| path.clone()).collect()
    };
    assert_eq!(paths(&ours), paths(&theirs));
    for ((path, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        assert!(
            ours == theirs,
            "dashboards/{} is not what `fathom dashboards` writes: run it with --force",
            path.display()
        );
    }
}

#[test]
fn what_somebody_has_changed_is_not_overwritten_unasked() {
    let place = Place::new();
    written(&place, &["--target", "10.0.0.5:8080", "--target", "b:81"]);
    let config = fs::read_to_string(place.path("dashboards/prometheus.yml")).expect("a file");
    assert!(config.contains(r#"targets: ["10.0.0.5:8080", "b:81"]"#));
    let board = &Board::all(&place.path("dashboards"))[1].json;
    let server = board["templating"]["list"].as_array().expect("variables");
    let server = server.iter().find(|one| one["name"] == "server");
    assert_eq!(server.expect("it")["query"], "http://10.0.0.5:8080");

    place.write("dashboards/prometheus.yml", "mine");
    let (code, _, said) = printed(&mut place.fathom(["dashboards"]));
    assert_ne!(code, 0);
    assert!(said.contains("dashboards/prometheus.yml") && said.contains("--force"));
    let kept = fs::read_to_string(place.path("dashboards/prometheus.yml")).expect("a file");
    assert_eq!(kept, "mine");
    let told = place.json(&["dashboards", "--force", "--json"]);
    let files = told["files"].as_array().expect("files");
    for file in files {
        let there = fs::read(place.path(&text(&file["path"]))).expect("it is there");
        assert_eq!(there.len() as u64, file["bytes"]);
    }

    for (wrong, expected) in [
        (["--target", "http://a:1/"], "without the scheme, `a:1`"),
        (["--target", "a"], "expected HOST:PORT"),
        (["--target", "a:1, b:2"], "expected HOST:PORT"),
        (["--server", "a"], "as http://127.0.0.1:8080"),
        (["--most-waste", "50"], "between 0 and 1"),
    ] {
        let (code, _, said) = printed(&mut place.fathom(["dashboards"].iter().chain(&wrong)));
        assert_ne!(code, 0);
        assert!(said.contains(expected), "{said}");
    }
}

#[test]
fn prometheus_takes_the_configuration_and_each_alert_fires_and_clears_when_it_should() {
    if !tools::present(&["promtool"]) {
        return;
    }
    let place = Place::new();
    written(&place, &[]);
    place.write("dashboards/alerts.yml", ALERTS);
    let folder = place.path("dashboards");
    for arguments in [
        ["check", "config", "prometheus.yml"],
        ["test", "rules", "alerts.yml"],
    ] {
        let output = Command::new("promtool")
            .args(arguments)
            .current_dir(&folder)
            .output()
            .expect("promtool");
        let said = [output.stdout, output.stderr].concat();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&said)
        );
    }
    // None is forgotten there.
    for (alert, _) in rules(&folder, "alerts.yml", "alert") {
        let fires = format!("alertname=\"{alert}\"");
        assert!(ALERTS.contains(&fires), "nobody has seen {alert} fire");
    }
    // Another share is said where it is asked for.
    written(&place, &["--most-waste", "0.3", "--force"]);
    let wasted = rules(&folder, "alerts.yml", "alert");
    let wasted = wasted
        .iter()
        .find(|(name, _)| name == "FathomMemoryWasted")
        .expect("it");
    assert!(wasted.1.contains("> 0.3 and"), "{}", wasted.1);
}

#[test]
fn grafanas_own_types_know_every_word_of_the_dashboards() {
    let imports = "import grafana_foundation_sdk, yaml";
    let has_types = Command::new("python3").args(["-c", imports]).output();
    if !has_types.is_ok_and(|output| output.status.success()) {
        tools::skipped("no types of Grafana for Python");
        return;
    }
    let place = Place::new();
    written(&place, &[]);
    let file = |name: &str| place.path("dashboards").join(name);
    let output = Command::new("python3")
        .arg(SCHEMA)
        .arg(file("grafana/dashboards/fleet.json"))
        .arg(file("grafana/dashboards/function.json"))
        .output()
        .expect("python3");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );

    // The rest is YAML, which names what is there.
    let yaml = |name: &str| -> Value {
        let program =
            "import json, sys, yaml; print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
        let output = Command::new("python3")
            .args(["-c", program])
            .arg(file(name))
            .output()
            .expect("python3");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let provider = yaml("grafana/provisioning/dashboards/fathom.yml");
    let at = text(&provider["providers"][0]["options"]["path"]);
    let source = yaml("grafana/provisioning/datasources/fathom.yml");
    assert_eq!(source["datasources"][0]["type"], "prometheus");
    let scraped = yaml("prometheus.yml")["global"]["scrape_interval"].clone();
    assert_eq!(
        source["datasources"][0]["jsonData"]["timeInterval"],
        scraped
    );
    let compose = yaml("compose.yaml");
    let mounted: Vec<String> = ["prometheus", "grafana"]
        .iter()
        .flat_map(|service| {
            compose["services"][*service]["volumes"]
                .as_array()
                .expect("volumes")
        })
        .map(text)
        .collect();
    assert!(mounted.contains(&format!("./grafana/dashboards:{at}:ro")));
    for mount in mounted.iter().filter(|mount| mount.starts_with("./")) {
        let from = mount.split(':').next().expect("a path");
        assert!(file(from).exists(), "{from}");
    }
}

#[test]
fn panels_stand_beside_each_other_say_what_to_do_and_lead_somewhere() {
    let place = Place::new();
    written(&place, &[]);
    let folder = place.path("dashboards");
    let boards = Board::all(&folder);
    let uids: Vec<String> = boards
        .iter()
        .map(|board| format!("/d/{}", text(&board.json["uid"])))
        .collect();
    let leads = |url: &str| {
        let known = uids
            .iter()
            .any(|uid| url == uid.as_str() || url.starts_with(&format!("{uid}?")));
        assert!(known || url.starts_with("${server}/"), "{url}");
    };
    for board in &boards {
        let mut ids = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for panel in board.everything() {
            let title = text(&panel["title"]);
            assert!(
                ids.insert(panel["id"].as_u64().expect("a number")),
                "{title}"
            );
            let at = |side: &str| panel["gridPos"][side].as_u64().expect("a number");
            assert!(
                at("w") > 0 && at("h") > 0 && at("x") + at("w") <= 24,
                "{title}"
            );
            for (x, y) in (at("x")..at("x") + at("w"))
                .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
            {
                assert!(taken.insert((x, y)), "{title} stands on another");
            }
        }
        let known: Vec<String> = board.variables().map(|one| text(&one["name"])).collect();
        for panel in board.panels() {
            let title = &panel["title"];
            assert!(text(&panel["description"]).ends_with('.'), "{title}");
            let sources = [&panel["datasource"]].into_iter().chain(
                panel["targets"]
                    .as_array()
                    .expect("targets")
                    .iter()
                    .map(|one| &one["datasource"]),
            );
            for source in sources {
                assert_eq!(source["uid"], "${datasource}", "{title}");
            }
        }
        // Every variable that is written anywhere is one of the dashboard, or Grafana's own.
        for part in board.json.to_string().split('$').skip(1) {
            let name: String = part
                .trim_start_matches('{')
                .chars()
                .take_while(|c| c.is_alphanumeric() || *c == '_')
                .collect();
            assert!(name.starts_with("__") || known.contains(&name), "${name}");
        }
        for url in urls(&board.json) {
            leads(&url);
        }
    }
    let alerts = fs::read_to_string(folder.join("rules/alerts.yml")).expect("alerts");
    let boards = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("dashboard: "));
    assert_eq!(
        boards.map(|board| leads(board.trim_matches('"'))).count(),
        rules(&folder, "alerts.yml", "alert").len()
    );
}

/// All links.
fn urls(json: &Value) -> Vec<String> {
    let below: Vec<String> = match json {
        Value::Array(all) => all.iter().flat_map(urls).collect(),
        Value::Object(all) => all.values().flat_map(urls).collect(),
        _ => Vec::new(),
    };
    let own = json.get("url").and_then(Value::as_str).map(str::to_owned);
    own.into_iter().chain(below).collect()
}
