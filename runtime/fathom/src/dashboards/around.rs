//! What is around the panels of a dashboard: what may be chosen, where it leads, which alerts are above its charts.

use super::panel::Board;
use crate::server::metric_names as names;
use serde_json::{Value, json};

/// The Prometheus that is chosen.
pub(super) fn source() -> Value {
    json!({ "type": "prometheus", "uid": "${datasource}" })
}

/// What may be chosen.
pub(super) fn variables(board: Board, server: &str) -> Vec<Value> {
    let build = names::BUILD_INFO;
    let mut variables = vec![
        json!({
            "type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus", "regex": "",
            "refresh": 1, "hide": 0, "multi": false, "includeAll": false,
        }),
        several("job", "Job", &format!("label_values({build}, job)")),
        several(
            "instance",
            "Server",
            &format!(r#"label_values({build}{{job=~"$job"}}, instance)"#),
        ),
    ];
    if board == Board::Function {
        let with = r#"{job=~"$job",instance=~"$instance"}"#;
        let query = format!("label_values({}{with}, function)", names::INVOCATIONS);
        let mut one = chosen("function", "Function", &query);
        one["multi"] = json!(false);
        one["includeAll"] = json!(false);
        variables.push(one);
    }
    variables.push(json!({
        "type": "textbox", "name": "server", "label": "Pages of the server",
        "description": "Where your browser reaches the server's own pages.",
        "query": server, "hide": 0,
        "current": { "selected": true, "text": server, "value": server },
        "options": [{ "selected": true, "text": server, "value": server }],
    }));
    variables
}

/// A choice of values of a label.
fn chosen(name: &str, label: &str, query: &str) -> Value {
    json!({
        "type": "query", "name": name, "label": label, "datasource": source(),
        "query": { "query": query, "refId": format!("variable-{name}"), "qryType": 5 },
        // When the dashboard is opened, and when the time range changes.
        "refresh": 2, "sort": 1, "regex": "", "hide": 0, "skipUrlSync": false,
    })
}

/// The same, of which one may choose several, and has all at first.
fn several(name: &str, label: &str, query: &str) -> Value {
    let mut variable = chosen(name, label, query);
    variable["multi"] = json!(true);
    variable["includeAll"] = json!(true);
    variable["allValue"] = json!(".+");
    variable["current"] = json!({ "selected": true, "text": ["All"], "value": ["$__all"] });
    variable
}

/// Alerts that fire, above the charts.
pub(super) fn firing(board: Board) -> Value {
    let of = match board {
        Board::Fleet => "",
        Board::Function => r#",function="$function""#,
    };
    json!({
        "name": "Alerts",
        "datasource": source(),
        "enable": true,
        "hide": false,
        "iconColor": "red",
        "expr": format!(r#"ALERTS{{alertstate="firing",alertname=~"Fathom.*"{of}}}"#),
    })
}

/// Where a dashboard leads as a whole.
pub(super) fn links(board: Board) -> Vec<Value> {
    let link = |title: &str, url: &str, keeps: bool| {
        json!({
            "type": "link", "title": title, "url": url, "icon": "external link", "tooltip": "", "tags": [],
            "asDropdown": false, "targetBlank": !keeps, "includeVars": false, "keepTime": keeps,
        })
    };
    match board {
        Board::Fleet => vec![link("Server", "${server}/", false)],
        Board::Function => vec![
            link(
                "Fleet",
                "/d/fathom-fleet?${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${server:queryparam}",
                true,
            ),
            link(
                "Function at the server",
                "${server}/functions/${function}",
                false,
            ),
        ],
    }
}
