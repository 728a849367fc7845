//! Calls that were recorded elsewhere: what of a file becomes a call, what does not and is said, and what replaying them says.

use crate::support::{Place, printed};
use serde_json::{Value, json};

/// As a workflow engine writes it.
const TABLE: &str = "\
process,start,memory,peak_rss,rchar,realtime,exit
sort,3000,1 GB,200 MB,7,2000,0
sort,1000,1 GB,100000000,5,1000,0
sort,2000,1 GB,-,6,1000,0
align,1000,2000000000,1.5 GB,9,60000,0
sort,4000,1 GB,300 MB,8,1000,1
sort,5000,1 GB,1 GB,8,1000,137
";

const MAPPING: [&str; 14] = [
    "--function-column",
    "process",
    "--order",
    "start",
    "--target",
    "peak_rss",
    "--feature",
    "rchar",
    "--configured",
    "memory",
    "--duration",
    "realtime:ms",
    "--outcome",
    "exit",
];

fn import(place: &Place, file: &str, more: &[&str]) -> Value {
    let args = [&["import", file, "--db", "calls.db", "--json"], more].concat();
    place.json(&args)
}

fn calls(place: &Place) -> Vec<Value> {
    let exported = place.json(&["traces", "export", "--db", "calls.db"]);
    exported["traces"].as_array().expect("a list").clone()
}

#[test]
fn the_rows_of_a_table_are_calls_in_order_of_time() {
    let place = Place::new();
    place.write("trace.csv", TABLE);
    let imported = import(&place, "trace.csv", &MAPPING);
    let left_out = json!([{
        "file": "trace.csv", "why": "no size in `peak_rss`", "rows": 1, "first_line": 4, "first_text": "-"
    }]);
    assert_eq!(
        imported,
        json!({
            "calls": 5,
            "functions": { "align": 1, "sort": 4 },
            "already_recorded": 0,
            "left_out": left_out,
            "lacking": {},
            "too_many_words": [],
        })
    );
    let calls = calls(&place);
    let of_sort = calls.iter().filter(|c| c["function"]["name"] == "sort");
    let of_sort: Vec<&Value> = of_sort.collect();
    let told = |call: &Value| {
        let value = &call["observations"][0];
        (
            call["committed_peak"].as_u64().unwrap_or_default(),
            call["wall"].as_u64().unwrap_or_default(),
            value["first"].as_f64().unwrap_or_default(),
            call["outcome"].as_str().unwrap_or_default().to_owned(),
        )
    };
    let told: Vec<_> = of_sort.into_iter().map(told).collect();
    let second = 1_000_000_000;
    let of = |used, took, rchar, outcome: &str| (used, took, rchar, outcome.to_owned());
    assert_eq!(
        told,
        [
            of(100_000_000, second, 5.0, "succeeded"),
            of(200_000_000, 2 * second, 7.0, "succeeded"),
            of(300_000_000, second, 8.0, "failed"),
            of(1_000_000_000, second, 8.0, "limited"),
        ]
    );
    // A file that has grown is imported again; what was there stays what it was.
    place.write(
        "trace.csv",
        format!("{TABLE}sort,6000,1 GB,1 MB,8,1000,0\n"),
    );
    let again = import(&place, "trace.csv", &MAPPING);
    assert_eq!(
        (&again["calls"], &again["already_recorded"]),
        (&json!(1), &json!(5))
    );
}

#[test]
fn tables_have_tabs_and_two_calls_may_say_the_same() {
    let place = Place::new();
    place.write("trace.txt", "used\tsize\n5 MiB\t1\n5 MiB\t1\n6 MiB\t2\n");
    for mapping in [
        ["--function", "f", "--target", "used", "--feature", "size"],
        // Two calls of one input are two calls.
        ["--function", "g", "--target", "used", "--input", "size"],
    ] {
        assert_eq!(import(&place, "trace.txt", &mapping)["calls"], 3);
        let again = import(&place, "trace.txt", &mapping);
        assert_eq!(
            (&again["calls"], &again["already_recorded"]),
            (&json!(0), &json!(3))
        );
    }
}

#[test]
fn a_row_that_is_none_takes_no_other_with_it() {
    let place = Place::new();
    let rows = (0..100).map(|at| match at {
        5 => "\"broken,5 MB,0\n".to_owned(),
        3 => "\"two\nlines\",5 MB,0\n".to_owned(),
        9 => "ended,5 MB,\n".to_owned(),
        11 => "crashed,5 MB,255\n".to_owned(),
        _ => format!("row {at},5 MB,0\n"),
    });
    place.write(
        "calls.csv",
        format!("name,used,exit\n{}", rows.collect::<String>()),
    );
    let mapping = ["--function", "f", "--target", "used", "--outcome", "exit"];
    let imported = import(&place, "calls.csv", &mapping);
    assert_eq!(imported["calls"], 98);
    let left_out = imported["left_out"].as_array().expect("a list").iter();
    let left_out: Vec<_> = left_out
        .map(|l| {
            (
                l["why"].as_str().unwrap_or_default(),
                l["rows"].as_u64(),
                l["first_line"].as_u64(),
            )
        })
        .collect();
    assert_eq!(
        left_out,
        [
            ("a quote that does not end", Some(1), Some(8)),
            ("no outcome in `exit`", Some(1), Some(12))
        ]
    );
    let failed = calls(&place)
        .iter()
        .filter(|call| call["outcome"] == "failed")
        .count();
    assert_eq!(failed, 1);
}

#[test]
fn lines_of_json_have_fields_inside_others() {
    let place = Place::new();
    let lines = r#"{"at": "2026-11-20T10:00:01Z", "request": {"bytes": 100}, "used": 12.5, "ok": true}
not json
{"at": "2026-11-20T10:00:00Z", "request": {"bytes": 50, "gzip": false}, "used": 10, "ok": true}
{"at": "2026-11-20T10:00:02Z", "request": {}, "used": 10, "ok": "timeout"}
"#;
    place.write("calls.jsonl", lines);
    let mapping = [
        "--function",
        "resize",
        "--target",
        "used:MiB",
        "--feature",
        "request.bytes",
        "--order",
        "at",
        "--outcome",
        "ok",
    ];
    let imported = import(&place, "calls.jsonl", &mapping);
    assert_eq!(imported["calls"], 2);
    let why = imported["left_out"].as_array().expect("a list").iter();
    let why: Vec<&Value> = why.map(|left_out| &left_out["why"]).collect();
    assert_eq!(why, ["not a JSON object", "no number in `request.bytes`"]);
    let calls = calls(&place);
    assert_eq!(calls[0]["started_unix_ms"], 1_795_168_800_000_u64);
    assert_eq!(calls[0]["committed_peak"], 10 * 1_048_576);
    assert_eq!(calls[1]["observations"][0]["variable"], "request.bytes");
}

#[test]
fn report_lines_of_lambda_are_read_in_every_form_they_come_in() {
    let place = Place::new();
    let report = |id: &str, more: &str| {
        format!(
            "REPORT RequestId: {id}\tDuration: 18179.84 ms\tBilled Duration: 18180 ms\tMemory Size: 512 MB\t\
             Max Memory Used: 506 MB\t{more}"
        )
    };
    let text = format!(
        "2026-11-20T10:00:00.123000+00:00 2026/11/20/[$LATEST]0a START RequestId: a\n\
         2026-11-20T10:00:18.302000+00:00 2026/11/20/[$LATEST]0a {}\n{}\n{}\nREPORT RequestId: d\tDuration: 1 ms\n",
        report("a", "Init Duration: 120.5 ms\t"),
        report("b", "Status: timeout"),
        report("c", "Status: error\tError Type: Runtime.OutOfMemory"),
    );
    place.write("tail.log", text);
    let imported = import(&place, "tail.log", &["--function", "resize"]);
    assert_eq!(
        (&imported["calls"], &imported["functions"]),
        (&json!(3), &json!({ "resize": 3 }))
    );
    assert_eq!(
        imported["left_out"][0]["why"],
        "no memory size in a REPORT line"
    );
    let of = |calls: &[Value], at: usize, field: &str| calls[at][field].clone();
    let text = calls(&place);
    // Those without a time come first. What is told is when it ended.
    assert_eq!(of(&text, 2, "wall"), 18_179_840_000_u64);
    assert_eq!(of(&text, 2, "started_unix_ms"), 1_795_168_800_122_u64);
    assert_eq!(of(&text, 2, "committed_peak"), 506 * 1_048_576);
    assert_eq!(text[2]["imported"]["configured"], 512 * 1_048_576);
    assert_eq!(
        (of(&text, 0, "outcome"), of(&text, 1, "outcome")),
        (json!("timed_out"), json!("limited"))
    );

    let event = |message: &str| json!({ "timestamp": 1_795_168_800_000_u64, "message": message });
    let events = json!({ "events": [event("START RequestId: a"), event(&report("e", ""))] });
    place.write("events.json", events.to_string());
    assert_eq!(
        import(&place, "events.json", &["--function", "resize"])["calls"],
        1
    );

    let platform = json!({
        "time": "2026-11-20T10:00:00Z", "type": "platform.report", "record": {
            "requestId": "f", "status": "success", "metrics": {
                "durationMs": 12.5, "billedDurationMs": 13, "memorySizeMB": 128, "maxMemoryUsedMB": 70
            }
        }
    });
    let entry = json!({ "logGroup": "/aws/lambda/thumbnail", "message": platform.to_string() });
    // Lines of every kind in one file, one of them cut short.
    let tail = format!("2026-11-20T10:00:00+02:00 2026/11/20/[$LATEST]0a {platform}")
        .replace("\"f\"", "\"g\"");
    let text = report("h", "");
    let lines = format!(
        "[INFO] begun\n{platform}\n{entry}\n{tail}\n{text}\n{{\"type\":\"platform.report\"\n"
    );
    place.write("json.log", lines);
    let imported = import(&place, "json.log", &[]);
    assert_eq!(
        imported["functions"],
        json!({ "lambda": 3, "thumbnail": 1 })
    );
    assert_eq!(
        imported["left_out"][0]["why"],
        "a platform.report that is no JSON"
    );
    // The same call, told in another form.
    place.write(
        "again.log",
        format!("{}\n", report("h", "").replace('\t', " ")),
    );
    assert_eq!(import(&place, "again.log", &[])["already_recorded"], 1);
}

/// An entry of a 1st generation function, as `gcloud logging read --format=json` prints it.
fn logged(execution: &str, text: &str) -> Value {
    json!({
        "insertId": "000000-9ed6ca06", "labels": { "execution_id": execution },
        "logName": "projects/p/logs/cloudfunctions.googleapis.com%2Fcloud-functions",
        "resource": { "labels": { "function_name": "resize", "project_id": "p" }, "type": "cloud_function" },
        "severity": "DEBUG", "textPayload": text, "timestamp": "2026-11-20T10:00:00.5Z",
    })
}

#[test]
fn of_googles_log_calls_that_ran_out_of_memory_are_read_and_records_of_ours() {
    let place = Place::new();
    let guest = crate::support::wat("exact-allocations");
    place.write("a.txt", "a\n");
    let profile = ["profile", &guest, "a.txt", "--db", "ours.db"];
    place.fathom(profile).assert().success();
    let ours = place.json(&["traces", "export", "--db", "ours.db"])["traces"][0].clone();
    let log = json!([
        logged("a", "Function execution started"),
        logged("a", "Memory limit of 1024 MiB exceeded with 1025 MiB used. Consider increasing the memory limit"),
        logged("a", "Function execution took 426 ms. Finished with status: crash"),
        logged("b", "Function execution took 5 ms, finished with status code: 200"),
        logged("c", "whatever the function prints"),
        { "jsonPayload": { "fathom_call": ours, "message": "called" }, "logName": "run" },
    ]);
    place.write("log.json", log.to_string());
    let imported = import(&place, "log.json", &[]);
    assert_eq!(
        imported["functions"],
        json!({ "exact-allocations": 1, "resize": 1 })
    );
    assert_eq!(
        imported["left_out"][0]["why"],
        "no memory in it: Google has that in Cloud Monitoring"
    );
    assert_eq!(imported["left_out"][0]["rows"], 1);
    let calls = calls(&place);
    let stopped = calls
        .iter()
        .find(|call| call["function"]["name"] == "resize")
        .expect("it");
    assert_eq!(stopped["outcome"], "limited");
    assert_eq!(stopped["committed_peak"], 1_024 * 1_048_576);
    assert_eq!(stopped["refusals"][0]["asked"], 1_025 * 1_048_576);
    assert_eq!(stopped["wall"], 426_000_000);
    // What Fathom has recorded comes back as it was.
    assert!(calls.contains(&ours));
    assert_eq!(import(&place, "log.json", &[])["already_recorded"], 2);
}

#[test]
fn callers_may_send_one_id_with_several_calls_and_a_record_that_lacks_a_part_is_counted() {
    let place = Place::new();
    let guest = crate::support::wat("exact-allocations");
    place.write("a.txt", "a\n");
    let profile = ["profile", &guest, "a.txt", "--db", "ours.db"];
    place.fathom(profile).assert().success();
    let mut ours = place.json(&["traces", "export", "--db", "ours.db"])["traces"][0].clone();
    ours["served"] = json!({
        "id": "same", "dialect": "http", "status": 200, "cold": false, "sized_by": "setting", "granted_first": 65_536,
        "granted": 65_536, "mispredicted": false, "queued": 0, "init": 0, "total": 5, "reused": 0,
    });
    let mut later = ours.clone();
    later["started_unix_ms"] = json!(ours["started_unix_ms"].as_u64().expect("a time") + 1);
    let mut other = ours.clone();
    other["input"]["digest"] = json!("sha256:00");
    let lines = [
        json!({ "fathom_call": ours }),
        json!({ "fathom_call": ours }),
        json!({ "fathom_call": later, "fathom_left_out": ["stacks", "timeline"] }),
        json!({ "fathom_call": other, "fathom_left_out": ["timeline", "what is to come"] }),
    ];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    place.write("log.jsonl", text);
    let imported = import(&place, "log.jsonl", &[]);
    assert_eq!(
        (&imported["calls"], &imported["already_recorded"]),
        (&json!(3), &json!(1))
    );
    assert_eq!(
        imported["lacking"],
        json!({ "stacks": 1, "timeline": 2, "other": 1 })
    );
    // Under the name that is asked for, these are calls of another function.
    let named = ["import", "log.jsonl", "--db", "calls.db", "--function", "g"];
    let (code, text, said) = printed(&mut place.fathom(named));
    assert_eq!(code, 0, "{said}");
    assert!(text.contains("imported 3 calls of 1 function"), "{text}");
    assert!(said.contains("2 calls without their timeline"), "{said}");
    let named = |name: &str| {
        let calls = calls(&place);
        let named = calls.iter().filter(|call| call["function"]["name"] == name);
        named.count()
    };
    assert_eq!((named("exact-allocations"), named("g")), (3, 3));
}

#[test]
fn of_cloud_monitoring_each_value_of_a_distribution_is_a_call() {
    let place = Place::new();
    let series = |kind: &str, points: Value| {
        json!({
            "metric": { "type": format!("cloudfunctions.googleapis.com/function/{kind}"), "labels": { "memory": "256" } },
            "resource": { "type": "cloud_function", "labels": { "function_name": "f" } },
            "metricKind": "DELTA", "valueType": "DISTRIBUTION", "points": points,
        })
    };
    let point = |minute: u32, distribution: Value| {
        json!({
            "interval": { "startTime": "2026-11-20T10:00:00Z", "endTime": format!("2026-11-20T10:{minute:02}:00Z") },
            "value": { "distributionValue": distribution },
        })
    };
    let memory = json!([
        point(1, json!({ "count": "1", "mean": 81_234_567.0 })),
        point(
            2,
            json!({
                "count": "3", "mean": 5.0, "bucketCounts": ["0", "2", "1"],
                "bucketOptions": { "exponentialBuckets": { "numFiniteBuckets": 64, "growthFactor": 2.0, "scale": 1_000_000.0 } }
            })
        ),
    ]);
    let times = json!([point(1, json!({ "count": "1", "mean": 2_500_000_000.0 }))]);
    let pages = json!([
        { "timeSeries": [series("user_memory_bytes", memory)], "nextPageToken": "x" },
        { "timeSeries": [series("execution_times", times)] },
    ]);
    place.write("metrics.json", pages.to_string());
    assert_eq!(
        import(&place, "metrics.json", &[])["functions"],
        json!({ "f": 4 })
    );
    let calls = calls(&place);
    let used: Vec<u64> = calls
        .iter()
        .filter_map(|call| call["committed_peak"].as_u64())
        .collect();
    assert_eq!(used, [81_234_567, 2_000_000, 2_000_000, 4_000_000]);
    assert_eq!(calls[0]["wall"], 2_500_000_000_u64);
    assert_eq!(calls[0]["imported"]["configured"], 256 * 1_048_576);
    assert_eq!(import(&place, "metrics.json", &[])["already_recorded"], 4);
}

#[test]
fn what_cannot_be_imported_is_said_and_nothing_is_stored() {
    let place = Place::new();
    place.write("trace.csv", TABLE);
    place.write("empty.csv", "used\n-\n");
    for (args, expected) in [
        (
            vec!["trace.csv", "--target", "peak_rs", "--function", "f"],
            "did you mean `peak_rss`?",
        ),
        (
            vec!["trace.csv", "--target", "peak_rss"],
            "say which function the calls are of",
        ),
        (
            vec!["trace.csv", "--function", "f"],
            "say which column has the memory",
        ),
        (
            vec!["none.csv", "--function", "f", "--target", "used"],
            "cannot read `none.csv`",
        ),
        (
            vec!["trace.csv", "--target", "peak_rss:lines"],
            "`lines` is not a unit",
        ),
        (
            vec![
                "trace.csv",
                "--function",
                "f",
                "--target",
                "peak_rss",
                "--duration",
                "realtime:MB",
            ],
            "the unit of `realtime` is not one of what it says: a time",
        ),
        (
            vec!["empty.csv", "--function", "f", "--target", "used"],
            "nothing in it is a call",
        ),
        (
            vec![
                "trace.csv",
                "--format",
                "lambda-report",
                "--target",
                "peak_rss",
            ],
            "REPORT lines has none",
        ),
    ] {
        let args = [vec!["import", "--db", "calls.db"], args].concat();
        let (code, _, said) = printed(&mut place.fathom(&args));
        assert!(
            code != 0 && said.contains(expected),
            "{args:?}: {code} {said}"
        );
    }
    assert!(calls(&place).is_empty());
    let (code, _, said) = printed(&mut place.fathom(["replay", "--db", "calls.db"]));
    assert!(code != 0 && said.contains("nothing to replay"), "{said}");
}

#[test]
fn a_size_is_explained() {
    let place = Place::new();
    let rows = (1..=40).map(|at| format!("{at},{} MiB,64 MiB,1,size={at}\n", at + 2));
    place.import_calls("f", &rows.collect::<String>());
    let explained = place.json(&["explain", "f", "--db", "calls.db", "--json"]);
    let parts = explained["parts"].as_array().expect("parts");
    let sum: i64 = parts.iter().filter_map(|part| part["bytes"].as_i64()).sum();
    assert_eq!(explained["allocation_bytes"].as_i64(), Some(sum));
    assert_eq!(parts[0]["bytes"], 42 << 20);
    let nearest = explained["nearest"].as_array().expect("calls");
    let room = |call: &Value| call["room_share"].as_f64().expect("a share");
    assert_eq!(nearest.len(), 10);
    assert!(nearest.windows(2).all(|two| room(&two[0]) <= room(&two[1])));
    // Of the guest alone the next smaller size is what the second largest call needs.
    let guest = &explained["smaller"][0];
    assert_eq!(
        (&guest["smaller"], &guest["would_fail"]),
        (&json!(41 << 20), &json!(1))
    );
    assert_eq!(guest["inputs"], json!(["size=40"]));
    // Cloud Functions has 128 MB before 256.
    assert_eq!(explained["one_more"]["inputs"], 40);
    assert!(explained["one_more"]["if_larger"].as_i64() > Some(42 << 20));
    let (code, text, _) = printed(&mut place.fathom(["explain", "f", "--db", "calls.db"]));
    assert!(
        code == 0 && text.contains("Nearest to what they are given"),
        "{text}"
    );
}

#[test]
fn replay_says_of_every_rule_what_it_wastes_and_how_often_it_fails() {
    let place = Place::new();
    // Memory follows the size exactly, and 100 times as much is configured as is needed in the middle.
    let rows = (0..60).map(|at| {
        let size = 1 + at * 7 % 60;
        format!("{size},{},400 MB,1,{at}\n", size * 1_000_000)
    });
    place.import_calls("f", &rows.collect::<String>());
    let replayed = place.json(&["replay", "--db", "calls.db", "--json"]);
    assert_eq!(
        (&replayed["schema"], &replayed["calls"]),
        (&json!("fathom.replay/1"), &json!(60))
    );
    let rules = replayed["rules"].as_array().expect("rules");
    let names: Vec<&str> = rules
        .iter()
        .filter_map(|rule| rule["rule"].as_str())
        .collect();
    assert_eq!(
        names,
        [
            "preset",
            "max15",
            "vpa",
            "p95",
            "witt",
            "fixed",
            "fathom-function",
            "fathom-call"
        ]
    );
    let of = |name: &str, field: &str| {
        let rule = rules.iter().find(|rule| rule["rule"] == name);
        rule.and_then(|rule| rule[field].as_f64())
            .expect("a number")
    };
    // 60 calls of a second, sizes 1 to 60 MB.
    let wasted = 60.0 * 0.4 - (1..=60).sum::<i32>() as f64 / 1e3;
    assert!((of("preset", "waste_gb_seconds") - wasted).abs() < 1e-9);
    assert_eq!(of("preset", "first_try_failures"), 0.0);
    assert!(
        of("fathom-call", "waste_share_of_preset") < 0.5 * of("max15", "waste_share_of_preset")
    );
    assert!(of("fathom-call", "first_try_failures") <= 0.05);
    let calibrated = [
        "replay",
        "--db",
        "calls.db",
        "--json",
        "--calibration",
        "c.png",
    ];
    let points = place.json(&calibrated)["calibration"].clone();
    let points = points.as_array().expect("points").iter();
    let of_call = points.filter(|point| point["rule"] == "fathom-call");
    for point in of_call {
        let of = |field: &str| point[field].as_f64().expect("a number");
        assert!(
            of("low") <= of("observed") && of("observed") <= of("high"),
            "{point}"
        );
        assert!(of("calls") == 55.0 && of("low") <= of("asked"), "{point}");
    }
    let chart = std::fs::read(place.path("c.png")).expect("a chart");
    let title = b"How often calls fail, against how often they may";
    assert!(chart.windows(title.len()).any(|part| part == title));
    let (code, text, _) = printed(&mut place.fathom(["replay", "f", "--db", "calls.db"]));
    assert_eq!(code, 0);
    assert!(
        text.contains("fathom-call") && text.contains("60 calls of 1 function"),
        "{text}"
    );
    let (code, _, said) = printed(&mut place.fathom(["replay", "g", "--db", "calls.db"]));
    assert!(code != 0 && said.contains("there is f"), "{said}");
}

/// Calls of two modes, each of which follows its pixels in its own way; a name tells nothing.
#[test]
fn a_column_of_words_parts_the_calls() {
    let place = Place::new();
    let rows = (0..300).map(|at| {
        let (mode, slope) = [("gray", 10), ("color", 40)][at % 2];
        let pixels = 1_000_000 + (at * 7_919) % 300 * 10_000;
        let used = 50_000_000 + slope * pixels;
        format!("{mode},{pixels},photo-{at}.png,{used}")
    });
    let rows: Vec<String> = rows.collect();
    let table = format!("mode,pixels,name,used\n{}\n", rows.join("\n"));
    place.write("calls.csv", table);
    let mapping = [
        "--function",
        "resize",
        "--target",
        "used",
        "--feature",
        "mode",
        "--feature",
        "pixels",
        "--feature",
        "name",
    ];
    let imported = import(&place, "calls.csv", &mapping);
    assert_eq!(imported["too_many_words"], json!(["name"]));
    let first = &calls(&place)[0];
    assert_eq!(first["observations"][0]["variable"], "mode=gray");

    let size = |values: [&str; 2]| {
        let [a, b] = values;
        let recommend = [
            "recommend",
            "resize",
            "--db",
            "calls.db",
            "--json",
            "--value",
            a,
            "--value",
            b,
        ];
        place.json(&recommend)["allocation_bytes"]
            .as_u64()
            .expect("bytes") as f64
    };
    for (mode, need) in [("mode=gray", 70e6), ("mode=color", 130e6)] {
        let given = size([mode, "pixels=2000000"]);
        assert!((need..1.05 * need).contains(&given), "{mode}: {given}");
    }
    let refused = place
        .fathom([
            "recommend",
            "resize",
            "--db",
            "calls.db",
            "--value",
            "mood=gray",
        ])
        .assert()
        .failure();
    let said = String::from_utf8_lossy(&refused.get_output().stderr).into_owned();
    assert!(said.contains("told by `mode` and `pixels`"), "{said}");

    let replayed = place.json(&["replay", "--db", "calls.db", "--json"]);
    let waste = |name: &str| {
        let mut rules = replayed["rules"].as_array().expect("rules").iter();
        let rule = rules.find(|rule| rule["rule"] == name).expect(name);
        rule["waste_gb_seconds"].as_f64().expect("a number")
    };
    // The first five are at the preset for both.
    assert!(waste("fathom-call") < 0.4 * waste("max15"));
}
