//! What a server is watched with, as files: dashboards for Grafana, rules and configuration for Prometheus, and what starts all
//! of them. They are in the repository's `dashboards` as this writes them. Values in, texts out: `commands::dashboards` writes them.

mod around;
mod grafana;
mod panel;
mod panels;
mod promql;
mod rules;

use panel::Board;
use rules::quoted;

/// What is to be watched.
pub(crate) struct Watched {
    /// Servers, `HOST:PORT`, as Prometheus reaches them.
    pub(crate) targets: Vec<String>,
    /// Where a browser reaches the server's own pages.
    pub(crate) server: String,
    /// Of the memory that a function's calls are granted, the share that may be wasted for a day before somebody is told.
    pub(crate) most_waste: f64,
}

/// A file that is written.
pub(crate) struct File {
    /// Its path below the folder.
    pub(crate) path: &'static str,
    /// What it is, in a few words.
    pub(crate) what: &'static str,
    pub(crate) text: String,
}

/// All files.
pub(crate) fn files(watched: &Watched) -> Vec<File> {
    let targets: Vec<String> = watched
        .targets
        .iter()
        .map(|target| quoted(target))
        .collect();
    let prometheus = include_str!("templates/prometheus.yml")
        .replace("@JOB@", rules::JOB)
        .replace("@TARGETS@", &targets.join(", "));
    let file = |path, what, text| File { path, what, text };
    vec![
        file(
            "README.md",
            "how to use them",
            include_str!("templates/README.md").to_owned(),
        ),
        file("prometheus.yml", "whom Prometheus asks", prometheus),
        file(
            "rules/recording.yml",
            "what Prometheus works out for alerts and panels",
            rules::recording_file(),
        ),
        file(
            "rules/alerts.yml",
            "alerts, with what to do",
            rules::alert_file(watched.most_waste),
        ),
        file(
            "grafana/dashboards/fleet.json",
            "dashboard of all functions",
            json(Board::Fleet, watched),
        ),
        file(
            "grafana/dashboards/function.json",
            "dashboard of one function",
            json(Board::Function, watched),
        ),
        file(
            "grafana/provisioning/datasources/fathom.yml",
            "where Grafana finds Prometheus",
            include_str!("templates/datasource.yml").to_owned(),
        ),
        file(
            "grafana/provisioning/dashboards/fathom.yml",
            "where Grafana finds the dashboards",
            include_str!("templates/provider.yml").to_owned(),
        ),
        file(
            "compose.yaml",
            "a server, Prometheus and Grafana in containers",
            include_str!("templates/compose.yaml").to_owned(),
        ),
    ]
}

fn json(board: Board, watched: &Watched) -> String {
    format!("{:#}\n", grafana::dashboard(board, &watched.server))
}
