//! A function that is called, and Google's APIs that are asked, both by somebody who stands in: pages, refusals, tokens that run out.

use super::{
    MIB, compare, ended, is, number, one, series,
    stand_in::{Answer, Asked, StandIn},
};
use crate::support::{Place, printed};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::{
    fs,
    process::{Command, Stdio},
    sync::mpsc,
};

/// Reads its standard input, and grows by a page for each byte of it.
const GUEST: &str = r#"(module
  (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_start")
    (i32.store (i32.const 0) (i32.const 64))
    (i32.store (i32.const 4) (i32.const 4096))
    (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
    (drop (memory.grow (i32.load (i32.const 8))))))"#;

const PAGE: f64 = 65_536.0;

/// A guest that needs so many pages and one for its inputs.
fn guest(place: &Place) {
    place.write("guest/guest.wat", GUEST);
    place.write(
        "guest/fathom.toml",
        "[function]\nname = \"f\"\n[inputs]\npath = \"inputs\"\n",
    );
    for n in 1..=8 {
        place.write(&format!("guest/inputs/{n}.txt"), "x".repeat(n * 100));
    }
}

/// Credentials of a user, for whom tokens are given at an address.
fn credentials(place: &Place, url: &str) {
    let credentials = json!({
        "type": "authorized_user", "client_id": "id", "client_secret": "secret &", "refresh_token": "again",
        "token_uri": format!("{url}/token"),
    });
    place.write("credentials.json", credentials.to_string());
}

/// Google, with its worst manners: the first tokens have run out, it is busy at first, and it answers page by page. The call with
/// n hundred bytes ended n minutes after ten, had used 20 MiB and twice what the guest needs, and took 100 n ms.
fn google() -> impl FnMut(&Asked) -> Answer {
    let (mut tokens, mut calls, mut busy) = (0, Vec::new(), 0);
    move |asked: &Asked| {
        let path = asked.path.split('?').next().unwrap_or_default();
        if path == "/token" {
            tokens += 1;
            return Answer::json(json!({
                "access_token": format!("access-{tokens}"), "id_token": format!("identity-{tokens}"), "expires_in": 3599
            }));
        }
        let bearer = asked.field("authorization");
        if path == "/call" {
            if bearer == "Bearer identity-1" {
                return Answer(401, Vec::new(), "run out".to_owned());
            }
            calls.push(asked.body.len() as u64 / 100);
            let id = format!("e{}", asked.body.len() / 100);
            return Answer(200, vec![("function-execution-id", id)], "done".to_owned());
        }
        // Whoever asks was given two tokens for calling before.
        if bearer == "Bearer access-3" {
            return Answer::refused(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials.",
            );
        }
        busy += 1;
        if busy == 1 {
            return Answer::refused(429, "RESOURCE_EXHAUSTED", "Quota exceeded.");
        }
        let (first, second) = calls.split_at(calls.len() / 2);
        if path == "/v2/entries:list" {
            let page = |calls: &[u64]| {
                let entries = calls.iter().map(|n| ended(&format!("e{n}"), *n, n * 100));
                entries.collect::<Vec<Value>>()
            };
            return Answer::json(match asked.json()["pageToken"].as_str() {
                None => json!({ "entries": page(first), "nextPageToken": "empty" }),
                // As Google does where it has searched long and found nothing.
                Some("empty") => json!({ "nextPageToken": "last" }),
                Some(_) => json!({ "entries": page(second), "nextPageToken": "" }),
            });
        }
        if !path.ends_with("/timeSeries") {
            return Answer::refused(404, "NOT_FOUND", "No such thing.");
        }
        let is_memory = asked.path.contains("user_memory_bytes");
        let metric = match is_memory {
            true => "cloudfunctions.googleapis.com/function/user_memory_bytes",
            false => "cloudfunctions.googleapis.com/function/execution_times",
        };
        let value = |n: u64| match is_memory {
            true => 20.0 * MIB + 2.0 * (n as f64 * 100.0 + 1.0) * PAGE,
            false => n as f64 * 1e8,
        };
        let page = |calls: &[u64]| {
            let points: Vec<Value> = calls.iter().map(|n| one(*n, value(*n))).collect();
            json!([series(metric, ("function_name", "f"), &points)])
        };
        Answer::json(
            match asked.path.contains("pageToken=more/&") || asked.path.ends_with("pageToken=more/")
            {
                false => {
                    json!({ "timeSeries": page(first), "nextPageToken": "more/", "unit": "By" })
                }
                true => json!({ "timeSeries": page(second) }),
            },
        )
    }
}

fn online<'a>(url: &'a str, call: &'a str) -> Vec<&'a str> {
    vec![
        "guest",
        "--url",
        call,
        "--project",
        "p",
        "--region",
        "europe-west1",
        "--credentials",
        "credentials.json",
        "--monitoring-url",
        url,
        "--logging-url",
        url,
        "--save",
        "seen.json",
        // What stands in has all at once.
        "--wait",
        "0",
        "--json",
    ]
}

#[test]
fn the_same_inputs_are_run_here_and_there_and_what_google_has_is_fetched_page_by_page() {
    let place = Place::new();
    guest(&place);
    let stand_in = StandIn::new(google());
    credentials(&place, &stand_in.url);
    let call = format!("{}/call", stand_in.url);
    let (code, text, said) = printed(&mut compare(&place, &online(&stand_in.url, &call)));
    assert_eq!(code, 0, "{said}");
    let both: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(both["joined_by"], "calls");
    assert_eq!(
        both["counts"],
        json!({ "local_inputs": 8, "known": 8, "with_input": 8, "with_memory": 8, "memory_values": 8, "joined_values": 8 })
    );
    is(&both["memory"]["offset"], 20.0 * MIB, 1.0);
    is(&both["memory"]["slope"], 2.0, 1e-9);
    assert!((number(&both["duration"]["cloud_mean_seconds"]) - 0.45).abs() < 1e-9);
    // What was asked is what Google documents.
    let asked = stand_in.asked();
    let of = |part: &str| {
        asked
            .iter()
            .filter(|a| a.path.contains(part))
            .collect::<Vec<&Asked>>()
    };
    let called = of("/call");
    assert_eq!(
        called.len(),
        9,
        "eight, and one with a token that had run out"
    );
    assert!(
        called
            .iter()
            .all(|c| c.method == "POST" && !c.field("x-cloud-trace-context").is_empty())
    );
    let form = of("/token")[0].text();
    assert_eq!(
        form,
        "grant_type=refresh_token&client_id=id&client_secret=secret &&refresh_token=again"
    );
    let series = of("/timeSeries");
    for part in [
        "/v3/projects/p/timeSeries?",
        "metric.type=\"cloudfunctions.googleapis.com/function/user_memory_bytes\"",
        "resource.labels.function_name=\"f\"",
        "resource.labels.region=\"europe-west1\"",
        "&interval.startTime=",
        "&view=FULL",
    ] {
        assert!(series[0].path.contains(part), "{part}: {}", series[0].path);
    }
    let entries = of("/v2/entries:list");
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0].json()["resourceNames"], json!(["projects/p"]));
    assert!(
        entries[0].json()["filter"]
            .to_string()
            .contains("cloud_function")
    );
    // What was saved says the same again, and nobody is asked.
    let before = stand_in.asked().len();
    let again = ["f", "--from", "seen.json", "--json"];
    let (code, text, said) = printed(&mut compare(&place, &again));
    assert_eq!(code, 0, "{said}");
    assert_eq!(serde_json::from_str::<Value>(&text).expect("JSON"), both);
    assert_eq!(stand_in.asked().len(), before);
    let saved = fs::read_to_string(place.path("seen.json")).expect("it");
    assert!(
        !saved.contains("access-") && !saved.contains("identity-"),
        "tokens are not kept"
    );
}

#[test]
fn what_google_refuses_is_a_sentence_and_calls_that_were_made_are_kept() {
    let place = Place::new();
    guest(&place);
    let refused: [(u16, &str, &str, &str); 3] = [
        (
            403,
            "PERMISSION_DENIED",
            "Permission monitoring.timeSeries.list denied.",
            "Permission monitoring.timeSeries.list denied (403, PERMISSION_DENIED)",
        ),
        (
            429,
            "RESOURCE_EXHAUSTED",
            "Quota exceeded.",
            "Quota exceeded (429, RESOURCE_EXHAUSTED)",
        ),
        (
            401,
            "UNAUTHENTICATED",
            "Who are you?",
            "Who are you? (401, UNAUTHENTICATED)",
        ),
    ];
    for (code, status, message, told) in refused {
        let stand_in = StandIn::new(move |asked: &Asked| match asked.path.as_str() {
            "/token" => Answer::json(json!({ "access_token": "a", "id_token": "b" })),
            "/call" => Answer(200, Vec::new(), String::new()),
            _ => Answer::refused(code, status, message),
        });
        credentials(&place, &stand_in.url);
        let call = format!("{}/call", stand_in.url);
        let (exit, _, said) = printed(&mut compare(&place, &online(&stand_in.url, &call)));
        assert!(exit == 125 && said.contains(told), "{exit}: {said}");
        assert!(said.contains("roles/monitoring.viewer"), "{said}");
        let saved = fs::read_to_string(place.path("seen.json")).expect("it");
        let saved: Value = serde_json::from_str(&saved).expect("JSON");
        assert_eq!(saved["calls"].as_array().map(Vec::len), Some(8));
        let times = stand_in
            .asked()
            .iter()
            .filter(|a| a.path.contains("/timeSeries"))
            .count();
        assert_eq!(
            times,
            match code {
                429 => 6,
                401 => 2,
                _ => 1,
            },
            "{code}"
        );
    }
    // A list without an end has one here, even if it goes round.
    let mut pages = ["a", "b", "c"].into_iter().cycle();
    let stand_in =
        StandIn::new(move |_| Answer::json(json!({ "nextPageToken": pages.next().expect("one") })));
    let args = [
        "guest",
        "--project",
        "p",
        "--token-from",
        "none",
        "--monitoring-url",
        &stand_in.url,
    ];
    let (exit, _, said) = printed(&mut compare(&place, &args));
    assert!(
        exit == 125 && said.contains("the same page again and again"),
        "{said}"
    );
}

#[test]
fn a_function_that_cannot_be_called_is_said_and_one_that_is_busy_is_called_again() {
    let place = Place::new();
    guest(&place);
    let elsewhere = StandIn::new(|_| Answer(200, Vec::new(), String::new()));
    for (status, expected) in [
        (403, "refuses whoever calls it (403)"),
        (404, "there is no function at"),
        (302, &elsewhere.url),
    ] {
        let fields = vec![("location", elsewhere.url.clone())];
        let stand_in = StandIn::new(move |_| Answer(status, fields.clone(), String::new()));
        let url = format!("{}/?key=secret", stand_in.url);
        let args = ["guest", "--url", &url, "--token-from", "none"];
        let (exit, _, said) = printed(&mut compare(&place, &args));
        assert!(exit == 125 && said.contains(expected), "{said}");
        assert!(!said.contains("secret"), "{said}");
        // Nothing is made that could not be saved.
        let before = stand_in.asked().len();
        let unwritable = [&args[..], &["--save", "absent/seen.json"]].concat();
        let (exit, _, said) = printed(&mut compare(&place, &unwritable));
        assert!(
            exit == 125 && said.contains("cannot write `absent/seen.json`"),
            "{said}"
        );
        assert_eq!(stand_in.asked().len(), before);
    }
    assert!(elsewhere.asked().is_empty(), "nobody is followed");
    credentials(&place, &{
        let tokens = json!({ "access_token": "a", "id_token": "b" });
        StandIn::new(move |_| Answer::json(tokens.clone())).url
    });
    let args = [
        "guest",
        "--url",
        "http://example.invalid/call?key=secret",
        "--credentials",
        "credentials.json",
    ];
    let (exit, _, said) = printed(&mut compare(&place, &args));
    assert!(
        exit == 125 && said.contains("a token is not sent to `http://example.invalid/call`"),
        "{said}"
    );
    let mut asked_before = 0;
    let stand_in = StandIn::new(move |_| {
        asked_before += 1;
        match asked_before {
            1 => Answer::refused(503, "UNAVAILABLE", "No instance."),
            2 => Answer(500, Vec::new(), "a bug in it".to_owned()),
            3 => Answer(504, Vec::new(), "too slow by itself".to_owned()),
            _ => Answer(200, Vec::new(), String::new()),
        }
    });
    let args = [
        "guest",
        "--url",
        &stand_in.url,
        "--token-from",
        "none",
        "--save",
        "s.json",
        "--json",
    ];
    let (exit, text, said) = printed(&mut compare(&place, &args));
    assert_eq!(exit, 0, "{said}");
    let both: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(
        (&both["counts"]["known"], stand_in.asked().len()),
        (&json!(8), 9)
    );
    assert!(both["notes"].to_string().contains(
        "did not succeed, whose memory and times are left out; they are billed as the others: 2"
    ));
    // The busy one was asked again and then failed by itself, which is not asked again.
    let saved = fs::read_to_string(place.path("s.json")).expect("it");
    let saved: Value = serde_json::from_str(&saved).expect("JSON");
    let statuses = saved["calls"].as_array().expect("calls").iter();
    let statuses: Vec<u64> = statuses.filter_map(|c| c["status"].as_u64()).collect();
    assert_eq!(statuses, [500, 504, 200, 200, 200, 200, 200, 200]);
}

#[test]
fn ctrl_c_ends_the_calls_and_keeps_those_that_were_made() {
    let place = Place::new();
    guest(&place);
    let (third, waits) = mpsc::channel();
    let mut calls = 0;
    let stand_in = StandIn::new(move |_| {
        calls += 1;
        if calls == 3 {
            let _ = third.send(());
            // Until the process has gone.
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
        Answer(
            200,
            vec![("function-execution-id", format!("e{calls}"))],
            String::new(),
        )
    });
    let mut child = Command::new(env!("CARGO_BIN_EXE_fathom"))
        .args([
            "compare",
            "gcf",
            "guest",
            "--url",
            &stand_in.url,
            "--token-from",
            "none",
        ])
        .args(["--save", "seen.json", "--db", "calls.db"])
        .current_dir(place.path("."))
        .env_remove("GOOGLE_CLOUD_PROJECT")
        .env(
            "XDG_CACHE_HOME",
            concat!(env!("CARGO_TARGET_TMPDIR"), "/cache"),
        )
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    waits.recv().expect("a third call");
    let pid = Pid::from_raw(child.id() as i32).expect("a process");
    kill_process(pid, Signal::INT).expect("a signal");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    let saved = fs::read_to_string(place.path("seen.json")).expect("it");
    let saved: Value = serde_json::from_str(&saved).expect("JSON");
    let ids = saved["calls"].as_array().expect("calls").iter();
    let ids: Vec<&Value> = ids.map(|call| &call["execution_id"]).collect();
    assert_eq!(ids, ["e1", "e2"]);
}

/// What was made before stays, whatever breaks off; the variable of Google's own tools says whose project it is.
#[test]
fn a_call_that_breaks_off_leaves_those_that_were_made_before() {
    let place = Place::new();
    guest(&place);
    let mut calls = 0;
    let stand_in = StandIn::new(move |asked: &Asked| {
        if !asked.path.starts_with("/call") {
            return Answer::json(json!({}));
        }
        calls += 1;
        let fields = vec![("x-cloud-trace-context", format!("theirs{calls};o=1"))];
        match calls {
            4 => Answer(0, Vec::new(), String::new()),
            _ => Answer(200, fields, String::new()),
        }
    });
    let call = format!("{}/call?key=secret", stand_in.url);
    let args = [
        "guest",
        "--url",
        &call,
        "--token-from",
        "none",
        "--save",
        "seen.json",
        "--wait",
        "0",
        "--json",
        "--monitoring-url",
        &stand_in.url,
        "--logging-url",
        &stand_in.url,
    ];
    let mut command = compare(&place, &args);
    command.env("GOOGLE_CLOUD_PROJECT", "from-variable");
    let (exit, text, said) = printed(&mut command);
    assert!(
        exit == 125 && said.contains("3 of 8 calls were made"),
        "{exit}: {said}"
    );
    assert!(
        said.contains("cannot reach the function") && !said.contains("secret"),
        "{said}"
    );
    let both: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(both["counts"]["known"], 3);
    let saved = fs::read_to_string(place.path("seen.json")).expect("it");
    assert!(!saved.contains("secret"));
    let saved: Value = serde_json::from_str(&saved).expect("JSON");
    let traces = saved["calls"].as_array().expect("calls").iter();
    let traces: Vec<&Value> = traces.map(|call| &call["trace"]).collect();
    assert_eq!(traces, ["theirs1", "theirs2", "theirs3"]);
    assert!(saved["calls"][0]["sent_trace"].is_string());
    let of_project = |asked: &Asked| asked.path.contains("/v3/projects/from-variable/");
    assert!(stand_in.asked().iter().any(of_project));
    // For files alone nobody is asked.
    let before = stand_in.asked().len();
    let args = [
        "f",
        "--from",
        "seen.json",
        "--monitoring-url",
        &stand_in.url,
    ];
    let mut command = compare(&place, &args);
    command.env("GOOGLE_CLOUD_PROJECT", "from-variable");
    let (exit, _, said) = printed(&mut command);
    assert_eq!((exit, stand_in.asked().len()), (0, before), "{said}");
}

/// Values of other calls, however many, are not those of the last call.
#[test]
fn metrics_are_waited_for_and_kept_where_the_log_is_refused() {
    let place = Place::new();
    guest(&place);
    let stand_in = StandIn::new(|asked: &Asked| match asked.path.as_str() {
        "/token" => Answer::json(json!({ "access_token": "a", "id_token": "b" })),
        "/call" => Answer(200, Vec::new(), String::new()),
        path if path.starts_with("/v2/") => Answer::refused(403, "PERMISSION_DENIED", "No logs."),
        _ => {
            let mut point = one(0, 1e8);
            point["interval"] =
                json!({ "startTime": "2020-01-01T00:00:00Z", "endTime": "2020-01-01T00:01:00Z" });
            point["value"]["distributionValue"]["count"] = json!("8");
            let metric = "cloudfunctions.googleapis.com/function/user_memory_bytes";
            Answer::json(
                json!({ "timeSeries": [series(metric, ("function_name", "f"), &[point])] }),
            )
        }
    });
    credentials(&place, &stand_in.url);
    let call = format!("{}/call", stand_in.url);
    let mut args = online(&stand_in.url, &call);
    args.retain(|arg| *arg != "0");
    let wait = args.iter().position(|arg| *arg == "--wait").expect("it");
    args.insert(wait + 1, "500 ms");
    let (exit, text, said) = printed(&mut compare(&place, &args));
    assert_eq!(exit, 0, "{said}");
    assert!(text.contains("No logs (403, PERMISSION_DENIED)"), "{text}");
    let saved = fs::read_to_string(place.path("seen.json")).expect("it");
    assert!(saved.contains("distributionValue"));
    let looks = stand_in.asked();
    let looks = looks
        .iter()
        .filter(|a| a.path.contains("user_memory_bytes"));
    assert_eq!(looks.count(), 2);
}
