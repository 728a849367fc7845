//! Without an account: our own calls as Google would have them, and files that somebody has exported.

use super::{MIB, TEN, compare, compared, ended, here, is, number, one, series};
use crate::support::{Place, printed};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::fs;

const MEMORY: &str = "cloudfunctions.googleapis.com/function/user_memory_bytes";
const TIMES: &str = "cloudfunctions.googleapis.com/function/execution_times";

#[test]
fn our_calls_in_googles_form_are_read_back_as_google_would_have_them() {
    let place = Place::new();
    here(&place);
    let answer = compared(&place, &["f", "--as-google", "--growth", "2"]);
    let all = answer["timeSeries"].as_array().expect("series");
    assert_eq!(all.len(), 2);
    let point = &all[0]["points"][0]["value"]["distributionValue"];
    assert_eq!(
        (
            &all[0]["metric"]["type"],
            &all[0]["metric"]["labels"]["memory"]
        ),
        (&json!(MEMORY), &json!("256"))
    );
    assert_eq!(point["count"], "40");
    assert_eq!(point["mean"], 22.5 * MIB);
    // 3 MiB lies between 2^21 and 2^22, with none below; 32 to 42 above 2^25.
    let counts: Vec<&str> = point["bucketCounts"]
        .as_array()
        .expect("counts")
        .iter()
        .filter_map(Value::as_str)
        .skip_while(|count| *count == "0")
        .collect();
    assert_eq!(counts, ["1", "4", "8", "16", "11"]);
    assert_eq!(all[1]["metric"]["labels"]["status"], "ok");
    // What it would look like to somebody who has only this.
    place.write("ours.json", answer.to_string());
    let import = ["import", "ours.json", "--db", "google.db", "--json"];
    assert_eq!(place.json(&import)["calls"], 40);
    let exported = place.json(&["traces", "export", "--db", "google.db"]);
    let calls = exported["traces"].as_array().expect("calls");
    let largest = calls
        .iter()
        .filter_map(|call| call["committed_peak"].as_u64())
        .max();
    assert_eq!(largest, Some(64 << 20));
    let chart = ["f", "--as-google", "--growth", "2", "--chart", "google.svg"];
    let (code, text, said) = printed(&mut compare(&place, &chart));
    assert_eq!(code, 0, "{said}");
    for told in [
        "32.0 MiB to 64.0 MiB",
        "42.0 MiB",
        "Here: peak = ",
        "x size",
        "Google has no variable",
        "Google has it in",
        "i40 ",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let chart = fs::read_to_string(place.path("google.svg")).expect("a chart");
    assert!(chart.contains("f as Cloud Monitoring would have it"));
    // Read as if it came from there, the same is the same: no offset, slope 1.
    let itself = compared(&place, &["f", "--from", "ours.json"]);
    assert_eq!(itself["joined_by"], "quantiles");
    let memory = &itself["memory"];
    for (what, truth) in [("offset", 0.0), ("slope", 1.0)] {
        let (low, high) = (number(&memory[what]["low"]), number(&memory[what]["high"]));
        assert!(low <= truth && truth <= high, "{what}: {memory}");
    }
}

/// Google counts a call as often as it is made: so it is here.
#[test]
fn inputs_that_are_repeated_are_as_many_calls_on_both_sides() {
    let place = Place::new();
    let rows = (1..=40).flat_map(|n| {
        let times = if n <= 20 { 9 } else { 1 };
        std::iter::repeat_n(format!("{n},{} MiB,256 MiB,1,i{n}\n", n + 2), times)
    });
    place.import_calls("f", &rows.collect::<String>());
    let ours = compared(&place, &["f", "--as-google", "--growth", "1.1"]);
    place.write("ours.json", ours.to_string());
    let itself = compared(&place, &["f", "--from", "ours.json"]);
    assert_eq!(itself["counts"]["local_inputs"], 40);
    is(&itself["memory"]["offset"], 0.0, 2.0 * MIB);
    is(&itself["memory"]["slope"], 1.0, 0.15);
}

/// The digest of an input that was imported by its name.
fn digest(name: &str) -> String {
    let hex: String = Sha256::digest(name)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("sha256:{hex}")
}

/// Calls that were made there, as --save writes them: the one of input `iN` ended N minutes after ten.
fn saved(inputs: &[u64], memory: impl Fn(u64) -> f64) -> Value {
    let calls = inputs.iter().map(|n| {
        let name = format!("i{n}");
        json!({
            "input": { "label": name, "digest": digest(&name) },
            "began_unix_ms": TEN + n * 60_000 + 29_000, "seconds": 0.9, "status": 200,
            "execution_id": format!("e{n}"), "trace": format!("t{n}"), "call_id": null,
        })
    });
    let points = |value: &dyn Fn(u64) -> f64| {
        let points = inputs.iter().map(|n| one(*n, value(*n)));
        points.collect::<Vec<Value>>()
    };
    let name = ("function_name", "f");
    json!({
        "schema": "fathom.gcf-calls/1", "url": null,
        "calls": calls.collect::<Vec<Value>>(),
        "timeSeries": [
            series(MEMORY, name, &points(&memory)),
            series(TIMES, name, &points(&|_| 5e8)),
        ],
        "entries": inputs.iter().map(|n| ended(&format!("e{n}"), *n, 500)).collect::<Vec<Value>>(),
    })
}

#[test]
fn calls_that_google_tells_apart_give_the_offset_of_its_runtime_and_a_size() {
    let place = Place::new();
    here(&place);
    let inputs: Vec<u64> = (1..=40).collect();
    let there = |n: u64| 60.0 * MIB + 2.0 * (n as f64 + 2.0) * MIB;
    place.write("seen.json", saved(&inputs, there).to_string());
    let args = ["f", "--from", "seen.json", "--chart", "c.svg"];
    let both = compared(&place, &args);
    assert_eq!(both["schema"], "fathom.compare-gcf/1");
    assert_eq!(both["joined_by"], "calls");
    assert_eq!(
        both["counts"],
        json!({ "local_inputs": 40, "known": 40, "with_input": 40, "with_memory": 40, "memory_values": 40, "joined_values": 40 })
    );
    is(&both["memory"]["offset"], 60.0 * MIB, 1.0);
    is(&both["memory"]["slope"], 2.0, 1e-9);
    // Half a second there by the log, a second here.
    is(&both["duration"]["ratio"], 0.5, 1e-9);
    // The largest needs 42 MiB here, so 144 there.
    let local = number(&both["recommendation"]["local_allocation_bytes"]);
    assert!(local >= 42.0 * MIB);
    let needed = number(&both["recommendation"]["needed_bytes"]);
    assert!((needed - 60.0 * MIB - 2.0 * local).abs() < 2.0, "{needed}");
    assert_eq!(both["recommendation"]["size_mb"], 256);
    let tiers = both["tiers"].as_array().expect("sizes");
    let fits: Vec<&Value> = tiers.iter().map(|tier| &tier["fits"]).take(2).collect();
    assert_eq!(fits, [&json!(false), &json!(true)]);
    assert_eq!(number(&tiers[1]["billed_gb_seconds"]), 0.5 * 0.25);
    let chart = fs::read_to_string(place.path("c.svg")).expect("a chart");
    assert!(chart.contains("f here against f at Cloud Functions gen1"));
    let (code, text, said) = printed(&mut compare(&place, &["f", "--from", "seen.json"]));
    assert_eq!(code, 0, "{said}");
    for told in [
        "there = 60.0 MiB (60.0 MiB to 60.0 MiB) + 2 (2 to 2) x memory here",
        "0.5 (0.5 to 0.5) times as long there as here",
        "stay at 256 MB",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    // Twice the same is the same, and is written again as it was.
    let twice = [
        "f",
        "--from",
        "seen.json",
        "--from",
        "seen.json",
        "--save",
        "again.json",
    ];
    let mut once = both.clone();
    once["notes"] = json!([]);
    let mut again = compared(&place, &twice);
    again["notes"] = json!([]);
    assert_eq!(again, once);
    let written = fs::read_to_string(place.path("again.json")).expect("it");
    let written: Value = serde_json::from_str(&written).expect("JSON");
    assert_eq!(written["calls"].as_array().map(Vec::len), Some(40));
    // Without what was made there nobody knows which call is which.
    let mut exported = saved(&inputs, there);
    place.write(
        "metrics.json",
        json!({ "timeSeries": exported["timeSeries"].take() }).to_string(),
    );
    place.write("log.json", exported["entries"].take().to_string());
    let exported = compared(
        &place,
        &["f", "--from", "metrics.json", "--from", "log.json"],
    );
    assert_eq!(exported["joined_by"], "quantiles");
    assert_eq!(exported["counts"]["with_input"], 0);
    // Four are not enough.
    place.write("few.json", saved(&[1, 2, 3, 4], there).to_string());
    let few = compared(&place, &["f", "--from", "few.json"]);
    assert_eq!(
        (&few["joined_by"], &few["memory"]),
        (&json!("nothing"), &Value::Null)
    );
    assert_eq!(few["recommendation"], Value::Null);
    let (_, text, _) = printed(&mut compare(&place, &["f", "--from", "few.json"]));
    assert!(text.contains("not enough data"), "{text}");
}

/// A deployed container of Fathom's writes whole records: memory there is the guest's and that of its process.
#[test]
fn records_of_a_fathom_that_runs_there_are_calls_whose_memory_is_known() {
    let place = Place::new();
    here(&place);
    let exported = place.json(&["traces", "export", "--db", "calls.db"]);
    let entries = exported["traces"]
        .as_array()
        .expect("calls")
        .iter()
        .map(|call| {
            let mut call = call.clone();
            call["runtime_base"] = json!(30 << 20);
            call["imported"] = Value::Null;
            json!({ "jsonPayload": { "fathom_call": call, "message": "called" }, "logName": "run" })
        });
    // One a line, as a sink writes them.
    let lines: Vec<String> = entries.map(|entry| entry.to_string()).collect();
    place.write("log.jsonl", lines.join("\n"));
    let both = compared(&place, &["f", "--from", "log.jsonl", "--gcf-memory", "256"]);
    assert_eq!(both["joined_by"], "calls");
    is(&both["memory"]["offset"], 30.0 * MIB, 1.0);
    is(&both["memory"]["slope"], 1.0, 1e-9);
}

/// Of Cloud Run memory is a share of the limit, of instances; times are in the log of requests.
#[test]
fn of_cloud_run_only_distributions_of_memory_are_compared() {
    let place = Place::new();
    here(&place);
    let options =
        json!({ "linearBuckets": { "numFiniteBuckets": 100, "width": 0.01, "offset": 0.0 } });
    let mut counts = vec!["0".to_owned(); 60];
    // Shares of 512 MiB: 30 MiB and as much as here.
    for n in 3..=42 {
        let at = 1 + ((30 + n) * 100 / 512) as usize;
        counts[at] = (counts[at].parse::<u32>().expect("a count") + 1).to_string();
    }
    let point = json!({
        "interval": { "startTime": super::moment(0, 0), "endTime": super::moment(1, 0) },
        "value": { "distributionValue": { "count": "40", "mean": 0.1, "bucketOptions": options, "bucketCounts": counts } },
    });
    let metric = "run.googleapis.com/container/memory/utilizations";
    let metrics = json!({ "timeSeries": [series(metric, ("service_name", "svc"), &[point])] });
    place.write("run.json", metrics.to_string());
    let request = json!({
        "httpRequest": { "latency": "0.426s", "status": 200 }, "logName": "run.googleapis.com%2Frequests",
        "resource": { "labels": { "service_name": "svc" }, "type": "cloud_run_revision" },
        "timestamp": super::moment(0, 5), "trace": "projects/p/traces/abc",
    });
    place.write("requests.json", json!([request]).to_string());
    let args = ["f", "--from", "run.json", "--from", "requests.json"];
    let (code, _, said) = printed(&mut compare(&place, &args));
    assert!(code != 0 && said.contains("--gcf-memory"), "{said}");
    let both = compared(&place, &[&args[..], &["--gcf-memory", "512"]].concat());
    assert_eq!(
        (&both["provider"], &both["joined_by"]),
        (&json!("cloud-run"), &json!("quantiles"))
    );
    let offset = &both["memory"]["offset"];
    assert!(
        number(&offset["low"]) <= 30.0 * MIB && number(&offset["high"]) >= 30.0 * MIB,
        "{offset}"
    );
    assert!(number(&offset["high"]) < 42.0 * MIB, "{offset}");
    assert!((number(&both["duration"]["cloud_mean_seconds"]) - 0.426).abs() < 1e-9);
    assert!(
        both["notes"]
            .to_string()
            .contains("no value of it belongs to a call")
    );
}

/// Of Cloud Run an entry is a request, of which one trace may have several.
#[test]
fn what_a_file_leaves_out_is_said() {
    let place = Place::new();
    here(&place);
    let request = |id: &str, latency: &str| {
        json!({
            "httpRequest": { "latency": latency, "status": 200 }, "insertId": id, "logName": "requests",
            "resource": { "labels": { "service_name": "svc", "location": "x" }, "type": "cloud_run_revision" },
            "timestamp": super::moment(0, 5), "trace": "projects/p/traces/abc",
        })
    };
    let broken = json!({ "jsonPayload": { "fathom_call": { "no": "record" } } });
    let pages = json!([
        { "entries": [request("a", "0.2s"), request("b", "0.4s")], "nextPageToken": "b" },
        7,
        { "entries": [request("b", "0.4s"), broken], "nextPageToken": "c" },
    ]);
    place.write("requests.json", pages.to_string());
    let both = compared(&place, &["f", "--from", "requests.json"]);
    assert_eq!(
        (&both["provider"], &both["counts"]["known"]),
        (&json!("cloud-run"), &json!(2))
    );
    assert!((number(&both["duration"]["cloud_mean_seconds"]) - 0.3).abs() < 1e-9);
    let notes = both["notes"].to_string();
    for told in [
        "`requests.json` is not all of the answer",
        "parts of `requests.json` that are no JSON objects, which are left out: 1",
        "not a record of Fathom's): 1",
    ] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
    let lines = format!("{}\nwhat?\n", ended("e1", 1, 500));
    place.write("log.jsonl", lines);
    let mut none = one(2, 1.0);
    none["value"] = json!({ "doubleValue": 1.0 });
    let metrics = json!({
        "timeSeries": [series(MEMORY, ("function_name", "f"), &[one(1, 1.0), none])],
        "executionErrors": [{ "code": 4, "message": "too much of it" }],
    });
    place.write("metrics.json", metrics.to_string());
    let both = compared(
        &place,
        &["f", "--from", "metrics.json", "--from", "log.jsonl"],
    );
    let notes = both["notes"].to_string();
    for told in [
        "parts of `log.jsonl` that are no JSON objects, which are left out: 1",
        "could not read all data, too much of it",
        "no distributions, which are left out: 1",
    ] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
}

#[test]
fn what_cannot_be_compared_is_said() {
    let place = Place::new();
    here(&place);
    place.write("none.json", "{}");
    place.write(
        "old.json",
        json!({ "schema": "fathom.gcf-calls/0" }).to_string(),
    );
    place.write("seen.json", saved(&[1], |_| 1.0).to_string());
    let other = series(MEMORY, ("function_name", "g"), &[one(1, 1.0)]);
    let ours = series(MEMORY, ("function_name", "resize"), &[one(1, 1.0)]);
    place.write(
        "two.json",
        json!({ "timeSeries": [other, ours] }).to_string(),
    );
    let in_region = |region: &str| {
        let mut series = series(MEMORY, ("function_name", "f"), &[one(1, 1.0)]);
        series["resource"]["labels"]["region"] = json!(region);
        series
    };
    place.write(
        "regions.json",
        json!({ "timeSeries": [in_region("here1"), in_region("there1")] }).to_string(),
    );
    let mut late = saved(&[1], |_| 1.0);
    late["calls"][0]["began_unix_ms"] = json!(u64::MAX);
    place.write("late.json", late.to_string());
    for (args, expected) in [
        (vec!["f"], "nothing says what is known there"),
        (
            vec!["f", "--from", "regions.json"],
            "say which with --region: here1, there1",
        ),
        (
            vec!["f", "--from", "regions.json", "--region", "her1"],
            "in the region `her1`: expected here1 or there1",
        ),
        (
            vec!["f", "--from", "late.json", "--project", "p"],
            "`late.json` says that the call with `i1` began at",
        ),
        (
            vec!["g", "--from", "seen.json"],
            "no calls of `g` are recorded",
        ),
        (
            vec!["f", "--from", "absent.json"],
            "cannot read `absent.json`",
        ),
        (
            vec!["f", "--from", "none.json"],
            "is neither an answer of Cloud Monitoring",
        ),
        (
            vec!["f", "--from", "old.json"],
            "expected `fathom.gcf-calls/1`",
        ),
        (
            vec!["f", "--from", "two.json"],
            "say which with --gcf-function: g, resize",
        ),
        (
            vec!["f", "--from", "two.json", "--gcf-function", "resiz"],
            "did you mean `resize`?",
        ),
        (
            vec!["f", "--from", "seen.json", "--chart", "c.gif"],
            "expected a name that ends in .svg or .png",
        ),
        (
            vec!["f", "--as-google", "--growth", "1"],
            "is not a factor between bounds",
        ),
        (
            vec!["f", "--url", "http://127.0.0.1:1/"],
            "name them with --input",
        ),
    ] {
        let (code, text, said) = printed(&mut compare(&place, &args));
        assert!(
            code != 0 && said.contains(expected),
            "{args:?}: {code} {text} {said}"
        );
    }
}
