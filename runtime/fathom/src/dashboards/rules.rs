//! What Prometheus works out by itself: recording rules for what is asked over long times, and alerts with what to do. Both
//! are lists; at the end of the file is how they are written. Who is told of an alert is Alertmanager's affair.

use super::promql::Scope;
use crate::server::metric_names as names;
use std::fmt::Write as _;

/// Names of what is recorded: the labels that are left, the metric, and what was made of it.
pub(super) mod recorded {
    pub(crate) const CALLS: &str = "instance_function:fathom_invocations:increase6h";
    pub(crate) const MISPREDICTIONS: &str = "instance_function:fathom_mispredictions:increase6h";
    pub(crate) const FAILING: &str = "instance_function:fathom_invocations_failing:ratio_rate15m";
    pub(crate) const WASTE: &str = "instance_function:fathom_memory_waste_byte_seconds:increase1d";
    pub(crate) const WASTE_SHARE: &str = "instance_function:fathom_memory_waste:ratio_increase1d";
    pub(crate) const BUDGET_USED: &str = "instance:fathom_budget_used:ratio";
}

/// Job of the servers in the configuration of Prometheus.
pub(super) const JOB: &str = "fathom";

/// A query whose answer is kept under a name.
struct Recording {
    name: &'static str,
    expr: String,
}

/// How bad it is.
#[derive(Clone, Copy)]
enum Severity {
    /// Calls are lost, or nobody knows.
    Critical,
    /// Somebody should look at it today.
    Warning,
    /// It costs money, or precision.
    Info,
}

/// Something that somebody is to be told.
struct Alert {
    name: &'static str,
    expr: String,
    /// It has to be so for this long.
    lasting: &'static str,
    severity: Severity,
    /// One line, with the labels of the series.
    summary: &'static str,
    /// What to do.
    description: String,
    /// The function's dashboard, or that of all.
    board: &'static str,
}

fn recordings() -> Vec<Recording> {
    let (short, hours, day) = (Scope::all("15m"), Scope::all("6h"), Scope::all("1d"));
    let failing = short.rate_with(names::INVOCATIONS, r#"outcome!="succeeded""#);
    let used = format!(
        "({} + {}) / {}",
        names::BUDGET_GRANTED,
        names::BUDGET_KEPT,
        names::BUDGET
    );
    let of_a_day = |counter| day.sum_each(&day.increase(counter));
    let rule = |name, expr| Recording { name, expr };
    vec![
        rule(
            recorded::CALLS,
            hours.sum_each(&hours.increase(names::INVOCATIONS)),
        ),
        rule(
            recorded::MISPREDICTIONS,
            hours.sum_each(&hours.increase(names::MISPREDICTIONS)),
        ),
        rule(
            recorded::FAILING,
            format!(
                "{} / {}",
                short.sum_each(&failing),
                short.sum_each(&short.rate(names::INVOCATIONS))
            ),
        ),
        rule(recorded::WASTE, of_a_day(names::WASTE)),
        rule(
            recorded::WASTE_SHARE,
            format!("{} / {}", of_a_day(names::WASTE), of_a_day(names::GRANTED)),
        ),
        rule(recorded::BUDGET_USED, used),
    ]
}

/// Whether a counter has gained something in ten minutes. One that came with its first value has gained that: nobody saw it at 0.
fn has_come(counter: &str) -> String {
    format!("increase({counter}[10m]) > 0 or ({counter} > 0 unless {counter} offset 10m)")
}

fn alerts(most_waste: f64) -> Vec<Alert> {
    let function = "fathom-function";
    let fleet = "fathom-fleet";
    let percent = most_waste * 100.0;
    vec![
        Alert {
            name: "FathomServerDown",
            expr: format!(r#"up{{job="{JOB}"}} == 0 or absent(up{{job="{JOB}"}})"#),
            lasting: "2m",
            severity: Severity::Critical,
            summary: "Prometheus does not reach the Fathom server {{ $labels.instance }}",
            description: "Nothing is known of its calls. See whether `fathom serve` runs, what it said last, and whether it listens where \
                Prometheus asks (`scrape_configs` in prometheus.yml)."
                .to_owned(),
            board: fleet,
        },
        Alert {
            name: "FathomOutOfMemory",
            expr: has_come(names::OUT_OF_MEMORY),
            lasting: "0m",
            severity: Severity::Warning,
            summary: "Calls of {{ $labels.function }} run out of memory",
            description: "In the last ten minutes calls failed for want of memory. Their answers and records say how much they asked for, \
                where, and what to set: raise `[function] memory` to what is recommended."
                .to_owned(),
            board: function,
        },
        Alert {
            name: "FathomLimitBelowRecommended",
            expr: format!("{} > {}", names::RECOMMENDED, names::LIMIT),
            lasting: "1h",
            severity: Severity::Warning,
            summary: "The memory limit of {{ $labels.function }} is lower than what is recommended",
            description: "From what was recorded more than the asked share of its calls will fail: {{ $value | humanize1024 }}B are recommended. \
                Raise `[function] memory`, or ask for a larger failure rate."
                .to_owned(),
            board: function,
        },
        Alert {
            name: "FathomMemoryWasted",
            // Of a function that was there a day ago, so that it is a day.
            expr: format!(
                "{} > {most_waste} and on (job, instance, function) {} offset 1d",
                recorded::WASTE_SHARE,
                names::GRANTED
            ),
            lasting: "1h",
            severity: Severity::Info,
            summary: "{{ $labels.function }} does not need {{ $value | humanizePercentage }} of the memory it is granted",
            description: format!(
                "For a day its calls have not needed more than {percent} % of the memory they were granted, times the time. Lower \
                 `[function] memory` to what is recommended, or have each call sized for itself (`--size-by call`)."
            ),
            board: function,
        },
        Alert {
            name: "FathomMispredictions",
            // Three standard deviations more than asked, of which there are three at least: not chance.
            expr: format!(
                "{mispredicted} > {calls} * on (job, instance, function) {asked} + 3 * sqrt({calls} * on (job, instance, function) {asked}) \
                 and {mispredicted} >= 3",
                mispredicted = recorded::MISPREDICTIONS,
                calls = recorded::CALLS,
                asked = names::RATE_ASKED,
            ),
            lasting: "15m",
            severity: Severity::Warning,
            summary: "More calls of {{ $labels.function }} need more memory than predicted than may",
            description: "{{ $value | humanize }} calls of the last six hours needed more than was predicted for them: more than the asked failure \
                rate allows, by more than chance. What drives its memory has changed: set it to learning (`POST /api/v1/functions/NAME/phase`), \
                or watch another variable (`[watch]`)."
                .to_owned(),
            board: function,
        },
        Alert {
            name: "FathomModelStale",
            expr: format!(r#"{}{{phase="stale"}} == 1"#, names::PHASE),
            lasting: "1h",
            severity: Severity::Warning,
            summary: "What predicted the memory of {{ $labels.function }} does so no more",
            description: "It has been stale for an hour. It learns again by itself from some of its calls; that it still is means that too few come, or \
                that no watched variable explains them. `fathom describe FUNCTION` says why, `fathom inspect` what could be watched."
                .to_owned(),
            board: function,
        },
        Alert {
            name: "FathomCallsFailing",
            expr: format!(
                "{} > 0.05 and on (job, instance, function) {} >= 20",
                recorded::FAILING,
                recorded::CALLS
            ),
            lasting: "5m",
            severity: Severity::Warning,
            summary: "{{ $value | humanizePercentage }} of the calls of {{ $labels.function }} do not succeed",
            description: "More than 5 % in 15 minutes. `fathom logs FUNCTION` has what they said, `fathom describe FUNCTION` how they ended."
                .to_owned(),
            board: function,
        },
        Alert {
            name: "FathomBudgetFull",
            expr: format!(
                "{} > 0.9 and on (job, instance) {} > 0",
                recorded::BUDGET_USED,
                names::WAITING
            ),
            lasting: "5m",
            severity: Severity::Warning,
            summary: "Calls wait for memory at {{ $labels.instance }}: {{ $value | humanizePercentage }} of its budget is in use",
            description: "Raise `--memory`, lower the limits of functions that waste to what is recommended, or have each call sized for itself \
                (`--size-by call`)."
                .to_owned(),
            board: fleet,
        },
        Alert {
            name: "FathomCallsTurnedAway",
            // Names that nobody has are their callers' mistake.
            expr: format!(
                r#"sum by (job, instance, reason) (increase({}{{reason!="unknown"}}[10m])) > 0"#,
                names::REJECTED
            ),
            lasting: "5m",
            severity: Severity::Warning,
            summary: "{{ $labels.instance }} turns calls away: {{ $labels.reason }}",
            description: "busy: too many calls of one function (`--workers`). queue_full, queue_timeout: no memory for them (`--queue`, `--patience`, \
                `--memory`). too_large: such a call never fits. not_loaded: code could not be made ready, see what the server said."
                .to_owned(),
            board: fleet,
        },
        Alert {
            name: "FathomRecordsLost",
            expr: has_come(names::RECORDS_LOST),
            lasting: "0m",
            severity: Severity::Warning,
            summary: "{{ $labels.instance }} loses records of calls",
            description: "In the last ten minutes records were not written: what is learned knows nothing of those calls. The disk is too slow or full: see \
                `--keep` and `--store-max`."
                .to_owned(),
            board: fleet,
        },
        Alert {
            name: "FathomLogLinesLost",
            expr: has_come(names::LINES_LOST),
            lasting: "0m",
            severity: Severity::Info,
            summary: "{{ $labels.instance }} has printed calls that nobody read",
            description: "In the last ten minutes lines of `--log-calls` were lost: whoever reads its standard output is too slow, or has gone."
                .to_owned(),
            board: fleet,
        },
    ]
}

impl Severity {
    fn name(self) -> &'static str {
        match self {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// A string in YAML, which has those of JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// The file of what is recorded.
pub(super) fn recording_file() -> String {
    let mut text = String::from(
        "# Written by `fathom dashboards`. What alerts and dashboards ask for over long times, worked out once.\n\
         groups:\n  - name: fathom-recording\n    rules:\n",
    );
    for Recording { name, expr } in recordings() {
        let _ = write!(
            text,
            "      - record: {name}\n        expr: |-\n          {expr}\n"
        );
    }
    text
}

/// The file of alerts.
pub(super) fn alert_file(most_waste: f64) -> String {
    let mut text = String::from(
        "# Written by `fathom dashboards`. Each says what to do, and in which dashboard to look (`dashboard` is a path of Grafana's).\n\
         groups:\n  - name: fathom-alerts\n    rules:\n",
    );
    for alert in alerts(most_waste) {
        let which = match alert.board {
            "fathom-function" => "?var-function={{ $labels.function }}",
            _ => "",
        };
        let _ = write!(
            text,
            "      - alert: {}\n        expr: |-\n          {}\n        for: {}\n        labels:\n          severity: {}\n        annotations:\n          \
             summary: {}\n          description: {}\n          dashboard: {}\n",
            alert.name,
            alert.expr,
            alert.lasting,
            alert.severity.name(),
            quoted(alert.summary),
            quoted(&alert.description),
            quoted(&format!("/d/{}{which}", alert.board)),
        );
    }
    text
}
