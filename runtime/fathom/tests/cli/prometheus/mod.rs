//! What a server is watched with: the files that `fathom dashboards` writes, and a real Prometheus that works with them. No
//! Grafana runs here; what it would ask Prometheus is asked, and its JSON is read by its own types.

mod expressions;
mod files;
mod live;

use crate::support::Place;
use serde_json::Value;
use std::{fs, path::Path};

/// A dashboard, with the panels that draw something.
struct Board {
    name: &'static str,
    json: Value,
}

/// A query of a panel.
struct Asked {
    /// Dashboard, panel and letter.
    place: String,
    expr: String,
    legend: String,
}

impl Board {
    /// Those of a folder that was written.
    fn all(folder: &Path) -> [Board; 2] {
        ["fleet", "function"].map(|name| {
            let path = folder.join(format!("grafana/dashboards/{name}.json"));
            let text = fs::read_to_string(path).expect("a dashboard");
            Board {
                name,
                json: serde_json::from_str(&text).expect("JSON"),
            }
        })
    }

    fn everything(&self) -> impl Iterator<Item = &Value> {
        self.json["panels"].as_array().expect("panels").iter()
    }

    /// Without the headings.
    fn panels(&self) -> impl Iterator<Item = &Value> {
        self.everything().filter(|panel| panel["type"] != "row")
    }

    /// All queries, that of the alerts above the charts among them.
    fn asked(&self) -> Vec<Asked> {
        let mut asked = Vec::new();
        for panel in self.panels() {
            for target in panel["targets"].as_array().expect("targets") {
                asked.push(Asked {
                    place: format!("{}: {}, {}", self.name, panel["title"], target["refId"]),
                    expr: text(&target["expr"]),
                    legend: text(&target["legendFormat"]),
                });
            }
        }
        asked
    }

    fn variables(&self) -> impl Iterator<Item = &Value> {
        let list = self.json["templating"]["list"].as_array();
        list.expect("variables").iter()
    }
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Writes all files into `dashboards`.
fn written(place: &Place, more: &[&str]) {
    let command = ["dashboards"].iter().chain(more);
    place.fathom(command).assert().success();
}

/// Names of what is recorded, or of alerts, with their expressions.
fn rules(folder: &Path, file: &str, kind: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(folder.join("rules").join(file)).expect("rules");
    let mut lines = text.lines();
    let mut found = Vec::new();
    while let Some(line) = lines.next() {
        let name = line
            .trim_start()
            .strip_prefix(&format!("- {kind}: "))
            .map(str::to_owned);
        if let Some(name) = name {
            assert_eq!(lines.next().map(str::trim), Some("expr: |-"), "{name}");
            let expr = lines.next().expect("an expression").trim().to_owned();
            found.push((name, expr));
        }
    }
    assert!(!found.is_empty(), "{file}");
    found
}
