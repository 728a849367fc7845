//! What scripts rely on: names of fields, and CSV that comes back as it went out.

mod common;

use report::{json, run_record, traces_csv, traces_json};
use serde_json::Value;
use trace::{Heap, Outcome, Profile, Term, Trace};

#[track_caller]
fn has(value: &Value, pointer: &str, is: fn(&Value) -> bool) {
    let found = value.pointer(pointer);
    assert!(found.is_some_and(is), "{pointer} is {found:?}");
}

#[test]
fn the_profile_has_the_fields_that_scripts_rely_on() {
    let text = json(&common::profile());
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(value["schema"], "fathom.profile/1");
    for name in ["/function/name", "/function/digest"] {
        has(&value, name, Value::is_string);
    }
    for name in [
        "total",
        "succeeded",
        "failed",
        "limited",
        "timed_out",
        "distinct_inputs",
    ] {
        has(&value, &format!("/invocations/{name}"), Value::is_u64);
    }
    for model in [
        "/model",
        "/models/committed",
        "/models/live",
        "/models/cpu_seconds",
        "/within_call/live",
    ] {
        for name in ["kind", "formula", "reason"] {
            has(&value, &format!("{model}/{name}"), Value::is_string);
        }
        for name in [
            "intercept",
            "n",
            "r2",
            "held_out/median_ape",
            "held_out/p95_ape",
            "terms/0/coefficient",
        ] {
            has(&value, &format!("{model}/{name}"), Value::is_number);
        }
        for name in ["variable", "breakpoint", "aggregate", "transform"] {
            has(&value, &format!("{model}/terms/0/{name}"), Value::is_string);
        }
    }
    for name in ["variable", "breakpoint", "aggregate"] {
        has(&value, &format!("/variables/0/{name}"), Value::is_string);
    }
    for name in ["held_out_median_ape", "lead"] {
        has(&value, &format!("/variables/0/{name}"), Value::is_number);
    }
    for name in [
        "allocation_bytes",
        "failure_rate_target",
        "failure_rate_backed",
        "calls_replayed",
        "failures_replayed",
        "failure_rate_upper95",
        "baseline_bytes",
        "memory_saving_share",
        "providers/0/size_mb",
        "providers/0/usd_per_million",
        "providers/0/usd_saving_share",
        "providers/0/estimated_seconds",
    ] {
        has(&value, &format!("/recommendation/{name}"), Value::is_number);
    }
    has(
        &value,
        "/recommendation/providers/0/provider",
        Value::is_string,
    );
    assert_eq!(value["model"]["terms"][0]["breakpoint"], "set:LINES");
    let back: Profile = serde_json::from_str(&text).unwrap();
    let reread = serde_json::from_str(&json(&back)).unwrap();
    assert!(
        rounded(reread) == rounded(value),
        "what is read back differs"
    );
}

#[test]
fn a_product_is_its_first_feature_and_what_that_is_multiplied_by() {
    let (profile, _) = common::product();
    let text = json(&profile);
    let value: Value = serde_json::from_str(&text).unwrap();
    for at in [
        "/model/terms/0",
        "/model/seen/0",
        "/variables/0",
        "/recommendation/sizing_feature",
    ] {
        assert_eq!(value.pointer(at).unwrap()["variable"], "width", "{at}");
        let times = &value.pointer(at).unwrap()["times"];
        assert_eq!(times["variable"], "height", "{at}");
        assert_eq!(times["breakpoint"], "set:height", "{at}");
    }
    let back: Profile = serde_json::from_str(&text).unwrap();
    assert_eq!(back.model.terms, profile.model.terms);
    assert_eq!(back.variables, profile.variables);
}

/// What was written before there were products has no `times`; so have features that are multiplied by nothing.
#[test]
fn a_term_of_one_feature_is_read_and_written_as_ever() {
    let old = r#"{"variable":"n","breakpoint":"input","aggregate":"first","transform":"square","coefficient":8.0}"#;
    let term: Term = serde_json::from_str(old).unwrap();
    assert_eq!(term.predictor.times, None);
    assert_eq!(serde_json::to_string(&term).unwrap(), old);
}

/// Fractions to 12 digits: serde_json may be off by the last bit when it reads them.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(n) if n.is_f64() => format!("{:.11e}", n.as_f64().unwrap()).into(),
        Value::Array(items) => items.into_iter().map(rounded).collect(),
        Value::Object(fields) => fields.into_iter().map(|(k, v)| (k, rounded(v))).collect(),
        other => other,
    }
}

#[test]
fn what_was_not_replayed_is_null() {
    let value: Value = serde_json::from_str(&json(&common::too_few())).unwrap();
    for name in [
        "calls_replayed",
        "failures_replayed",
        "failure_rate_upper95",
    ] {
        has(&value, &format!("/recommendation/{name}"), Value::is_null);
    }
    assert_eq!(value["model"]["kind"], "none");
}

#[test]
fn the_record_of_a_run_has_its_fields_and_null_where_nothing_is_known() {
    let mut call = common::call("a", 1_000, 3);
    let record = run_record(&call);
    assert_eq!(record["outcome"], "succeeded");
    for name in [
        "exit_code",
        "committed_peak_bytes",
        "live_peak_bytes",
        "wall_seconds",
        "cpu_seconds",
    ] {
        has(&record, &format!("/{name}"), Value::is_number);
    }
    let lines = &record["observations"][2];
    assert_eq!(
        (&lines["variable"], &lines["count"]),
        (&"lines".into(), &3.into())
    );
    for name in ["first", "last", "min", "max", "sum"] {
        has(lines, &format!("/{name}"), Value::is_number);
    }
    call.heap = Heap::Unknown;
    call.exit_code = None;
    let record = run_record(&call);
    assert!(record["live_peak_bytes"].is_null() && record["exit_code"].is_null());
}

fn read(csv: &[u8]) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(csv);
    let header = reader
        .headers()
        .unwrap()
        .iter()
        .map(str::to_owned)
        .collect();
    let records = reader
        .records()
        .map(|r| r.unwrap().iter().map(str::to_owned).collect());
    (header, records.collect())
}

#[test]
fn csv_comes_back_as_it_went_out() {
    let mut traces = common::traces();
    traces[0].input.label = "a, \"b\"\r\nc".to_owned();
    traces[1].observations.remove(0);
    let csv = traces_csv(&traces);
    let (header, rows) = read(&csv);
    assert_eq!(rows.len(), traces.len());
    let column = |name: &str| {
        header
            .iter()
            .position(|h| h == name)
            .unwrap_or_else(|| panic!("{name} in {header:?}"))
    };
    for (trace, row) in traces.iter().zip(&rows) {
        assert_eq!(row[column("input")], trace.input.label);
        assert_eq!(
            row[column("committed_peak_bytes")].parse(),
            Ok(trace.committed_peak.0)
        );
        assert_eq!(
            row[column("wall_seconds")].parse(),
            Ok(trace.wall.as_seconds())
        );
        let lines = trace
            .observations
            .iter()
            .find(|o| o.variable == "lines")
            .unwrap();
        assert_eq!(row[column("lines@set:LINES.max")].parse(), Ok(lines.max));
        assert_eq!(
            row[column("lines@set:LINES.count")].parse(),
            Ok(lines.count)
        );
    }
    assert_eq!(rows[1][column("stdin_bytes")], "");
    assert_eq!(rows[2][column("stdin_bytes")], "246000");
    // RFC 4180: every line ends with CR LF.
    let text = String::from_utf8(csv).unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count());
}

#[test]
fn no_cell_of_the_csv_is_a_formula() {
    let mut traces = common::traces();
    for (trace, evil) in traces
        .iter_mut()
        .zip(["=1+1", "+1", "-1", "@sum", "\t=1", "\r=1"])
    {
        trace.input.label = evil.to_owned();
        trace.function.name = evil.to_owned();
        trace.failure = Some(evil.to_owned());
        trace.observations[0].variable = evil.to_owned();
    }
    let (header, rows) = read(&traces_csv(&traces));
    for cell in header.iter().chain(rows.iter().flatten()) {
        let formula =
            cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && cell.parse::<f64>().is_err();
        assert!(!formula, "{cell:?}");
    }
    assert_eq!(rows[0][2], "'=1+1");
}

#[test]
fn exported_traces_can_be_read_again() {
    let traces = vec![
        common::call("a", 1_000, 2),
        common::ended("b", 9, Outcome::Limited, "no"),
    ];
    let value: Value = serde_json::from_str(&traces_json(&traces)).unwrap();
    assert_eq!(value["schema"], "fathom.traces/1");
    let back: Vec<Trace> = serde_json::from_value(value["traces"].clone()).unwrap();
    assert_eq!(back, traces);
}
