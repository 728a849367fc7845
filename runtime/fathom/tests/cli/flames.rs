//! Heatmaps and flame graphs of a report in a real browser: what a chosen range shows is what the calls have recorded in
//! that time, added up here from what is exported.

use crate::{
    npm,
    support::{Place, guest_example},
    tools,
};
use serde_json::Value;
use std::{path::Path, process::Command};

/// What a reader saw who did what `flames.js` does.
fn seen(place: &Place, page: &Path) -> Option<Value> {
    if !tools::present(&["chromium", "node"]) {
        return None;
    }
    let packages = npm::packages(&["puppeteer-core", "axe-core"])?;
    let output = Command::new("node")
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/flames.js"))
        .arg(format!("file://{}", page.display()))
        .arg(place.path("browser"))
        .env("NODE_PATH", packages)
        .output()
        .expect("node");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&output.stdout).expect("JSON"))
}

/// Moments since the first call began, with the calls one after another, and amounts: bytes allocated, or nanoseconds.
fn amounts(calls: &[Value], view: &str) -> Vec<(u64, f64)> {
    let mut begin = 0;
    let mut all = Vec::new();
    for call in calls {
        let list = match view {
            "cpu" => &call["cpu_profile"]["samples"],
            _ => &call["heap_profile"]["events"],
        };
        let list = list.as_array().expect("a list").iter().map(|one| {
            let at = one["at"].as_u64().expect("a time");
            let amount = match view {
                "cpu" => one["cpu"].as_f64(),
                _ => one["bytes"].as_f64().filter(|bytes| *bytes > 0.0),
            };
            (at, amount.unwrap_or(0.0))
        });
        let list: Vec<(u64, f64)> = list.collect();
        let latest = list.iter().map(|(at, _)| at + 1).max().unwrap_or(0);
        all.extend(list.into_iter().map(|(at, amount)| (begin + at, amount)));
        begin += latest.max(call["wall"].as_u64().expect("a time"));
    }
    all
}

/// `all (26,899 us, 100.00%)` as a number.
fn shown(title: &Value) -> f64 {
    let title = title.as_str().expect("a title");
    let number = title.trim_start_matches("all (").split(' ').next();
    let number = number.expect("a number").replace(',', "");
    number.parse().unwrap_or_else(|_| panic!("{title}"))
}

/// Of an address such as `#range.cpu=4000-44000&zoom.cpu=12345678`, what is between the two microseconds.
fn recorded(calls: &[Value], view: &str, fragment: &Value) -> f64 {
    let fragment = fragment.as_str().expect("text");
    let range = fragment.split_once(&format!("range.{view}="));
    let (_, range) = range.unwrap_or_else(|| panic!("no range in {fragment}"));
    let (from, to) = range
        .split('&')
        .next()
        .and_then(|r| r.split_once('-'))
        .expect("a range");
    let [from, to] = [from, to].map(|end| end.parse::<u64>().expect("a number") * 1_000);
    let amounts = amounts(calls, view).into_iter();
    let within = amounts.filter(|(at, _)| (from..to).contains(at));
    let unit = if view == "cpu" { 1_000.0 } else { 1.0 };
    (within.map(|(_, amount)| amount).sum::<f64>() / unit).round()
}

#[test]
fn a_range_of_a_heatmap_opens_as_the_flame_graph_of_that_time() {
    let place = Place::new();
    place.lines(&[300, 2_000, 6_000, 400_000]);
    let guest = guest_example("line-reader/line-reader.wasm");
    place
        .fathom(["profile", &guest, "lines", "--heap=exact", "--cpu"])
        .assert()
        .success();
    let page = place.path("fathom-out/line-reader/report.html");
    let Some(seen) = seen(&place, &page) else {
        return;
    };
    let exported = place.json(&["traces", "export"]);
    let calls = exported["traces"].as_array().expect("calls");
    let whole = |view| {
        amounts(calls, view)
            .iter()
            .map(|(_, amount)| amount)
            .sum::<f64>()
    };
    for (how, view) in [
        ("dragged", "allocated"),
        ("typed", "cpu"),
        ("tapped", "cpu"),
        ("row", "allocated"),
    ] {
        let range = &seen[how];
        let amount = recorded(calls, view, &range["fragment"]);
        // Half a microsecond may be rounded either way: the page adds up fractions. Bytes are whole.
        let off = (shown(&range["root"]) - amount).abs();
        assert!(off <= f64::from(u8::from(view == "cpu")), "{how}: {range}");
        assert!(amount > 0.0, "{how}: {range}");
        let said = range["said"].as_str().expect("text");
        let share = said.split_once("% of all").expect("a share").0;
        let share: f64 = share
            .rsplit(' ')
            .next()
            .expect("one")
            .parse()
            .expect("a number");
        let unit = if view == "cpu" { 1e3 } else { 1.0 };
        let wanted = 100.0 * amount * unit / whole(view);
        assert!((share - wanted).abs() < 0.02, "{said}, not {wanted}");
    }
    // In the picture of all calls each stack is rounded.
    let all = shown(&seen["whole"]["cpu"]);
    assert!((all - whole("cpu") / 1e3).abs() < 100.0, "{all}");

    // Back and reset are the whole again.
    for back in ["back", "cleared"] {
        assert_eq!(seen[back]["root"], seen["whole"]["allocated"], "{seen}");
    }
    assert_eq!(seen["back"]["fragment"], "");

    // Zoom and search are in the address, and the address is enough.
    let zoomed = &seen["zoomed"];
    let fragment = zoomed["fragment"].as_str().expect("text");
    assert!(fragment.contains("&zoom.cpu="), "{zoomed}");
    let widths = zoomed["widths"].as_array().expect("widths");
    assert_eq!(widths.len(), 5, "five callers: {zoomed}");
    assert!(widths.iter().all(|width| width == "100%"), "{zoomed}");
    assert_ne!(seen["above"], zoomed["frame"]);
    assert_eq!(seen["reset"]["fragment"], seen["typed"]["fragment"]);
    assert_eq!(seen["reset"]["above"], 0);
    assert_eq!(seen["linked"]["root"], seen["typed"]["root"]);
    assert_eq!(seen["linked"]["above"], 5);
    let found = &seen["found"];
    let hits = found["hits"].as_array().expect("hits");
    let is_hit = |hit: &Value| hit.as_str().is_some_and(|hit| hit.contains("read_lines"));
    assert!(!hits.is_empty() && hits.iter().all(is_hit), "{found}");
    let said = found["said"].as_str().expect("text");
    assert!(said.contains(" % in "), "{said}");
    let fragment = found["fragment"].as_str().expect("text");
    assert!(fragment.ends_with("&find.cpu=READ_LINES"), "{fragment}");

    // Nothing was complained about, refused, asked for, or wider than a telephone.
    for nothing in ["wrong", "refused", "axe"] {
        assert_eq!(seen[nothing], Value::Array(Vec::new()), "{nothing}");
    }
    assert_eq!(seen["wide"], 0);
}
