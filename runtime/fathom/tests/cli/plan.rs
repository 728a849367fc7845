//! A plan: learned, written, read back, armed alone, and found stale when the function is no longer what it was.

use crate::support::{Place, printed, wat};
use serde_json::Value;
use std::{fs, ops::RangeInclusive};

/// A guest that reads a number n from standard input, assigns it to `pages`, and grows by as many pages: but four times as
/// many from 20 on; and from 100 on it grows without assigning anything.
fn guest(place: &Place) -> String {
    let exact = fs::read_to_string(wat("exact-growth")).expect("the guest");
    let changed = exact
        .replace(
            "(global.set $pages (call $number (local.get $text)))",
            "(local.set $text (call $number (local.get $text)))
             (if (i32.lt_u (local.get $text) (i32.const 100)) (then (global.set $pages (local.get $text))))",
        )
        .replace(
            "(memory.grow (global.get $pages))",
            "(memory.grow (i32.mul (local.get $text)
               (select (i32.const 4) (i32.const 1) (i32.ge_u (local.get $text) (i32.const 20)))))",
        );
    assert_ne!(changed, exact);
    place.write("grow.wat", changed);
    "grow.wat".to_owned()
}

/// One call for each number. The length of the text tells nothing: all have four digits.
fn profile(place: &Place, numbers: RangeInclusive<u32>, more: &[&str]) -> (i32, String, String) {
    let lines: Vec<String> = numbers
        .map(|n| format!(r#"{{"stdin": "{n:04} pages", "label": "n={n}"}}"#))
        .collect();
    place.write("numbers.jsonl", lines.join("\n"));
    let mut args = vec!["profile", "grow.wat", "numbers.jsonl", "--verify=no"];
    args.extend(more);
    printed(&mut place.fathom(args))
}

const FILE: &str = "fathom-out/grow/plan.toml";

fn planned() -> Place {
    let place = Place::new();
    guest(&place);
    assert_eq!(profile(&place, 1..=15, &[]).0, 0);
    place
}

#[test]
fn a_plan_is_learned_written_and_armed_alone() {
    let place = planned();
    let (code, said, stderr) = printed(&mut place.fathom(["plan", "grow"]));
    assert_eq!(code, 0, "{stderr}");
    for words in [
        "grow: 1 variable and 1 probe, learned from 15 distinct inputs.",
        "peak = 64 KiB + 64 KiB x first(pages)",
        "`first(pages)` at set:pages, 100 % of growth (512 KiB)",
        "`pages` at set:pages: 1 hit a call",
        "1 in 16 calls may need more",
        FILE,
    ] {
        assert!(said.contains(words), "{words}: {said}");
    }
    let file = fs::read_to_string(place.path(FILE)).expect("the plan");
    for line in [
        "schema = \"fathom.plan/1\"",
        "# The calls this was learned from. Later ones can contradict it: `fathom plan NAME --check`.",
        "inputs = 15",
        "[[variable]]",
        "breakpoint = \"set:pages\"",
        "aggregate = \"first\"",
    ] {
        assert!(file.lines().any(|l| l == line), "{line}: {file}");
    }
    // The same calls give the same bytes; the JSON form says the same.
    let json = place.json(&["plan", "grow", "-o", "again.toml", "--json"]);
    assert_eq!(
        fs::read_to_string(place.path("again.toml")).expect("again"),
        file
    );
    assert_eq!(json["variable"][0]["breakpoint"], "set:pages");
    let slope = json["model"]["terms"][0]["coefficient"].as_f64();
    assert!(
        slope.is_some_and(|s| (s - 65536.0).abs() < 1e-6),
        "{slope:?}"
    );

    place.write("seven.txt", "0007 pages");
    let (code, _, account) = printed(
        place
            .fathom(["run", "grow.wat", "--plan", FILE, "--record", "call.json"])
            .pipe_stdin(place.path("seven.txt"))
            .expect("a file"),
    );
    assert_eq!(code, 0, "{account}");
    assert!(
        account.contains("Plan: 512 KiB predicted")
            && account.contains("512 KiB needed: as planned"),
        "{account}"
    );
    let call = fs::read_to_string(place.path("call.json")).expect("the record");
    let call: Value = serde_json::from_str(&call).expect("JSON");
    let observed = call["observations"].as_array().expect("observations");
    let places: Vec<&str> = observed
        .iter()
        .filter_map(|o| o["breakpoint"].as_str())
        .filter(|b| *b != "input")
        .collect();
    assert_eq!(places, ["set:pages"], "neither `end` nor `sample`");

    let (code, _, stderr) = profile(&place, 3..=17, &["--plan", FILE]);
    assert_eq!(code, 0, "{stderr}");
    assert!(
        stderr.contains("plan fresh: 15 calls since, 0 beyond the bound"),
        "{stderr}"
    );
    let (code, said, _) = printed(&mut place.fathom(["plan", "grow", "--check"]));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("fresh: 15 calls since"), "{said}");
}

#[test]
fn a_plan_that_holds_no_more_is_stale_and_the_reason_is_said() {
    for (numbers, reason) in [(21..=40, "new range"), (101..=120, "other code path")] {
        let place = planned();
        place.fathom(["plan", "grow"]).assert().success();
        profile(&place, numbers.clone(), &["--plan", FILE]);
        let (code, said, stderr) = printed(&mut place.fathom(["plan", "--check"]));
        assert_eq!(code, 1, "{said}{stderr}");
        assert!(
            said.starts_with("stale: since call ") && said.contains(reason),
            "{said}"
        );
        let drift = place.json(&["plan", "grow", "--check", "--json"]);
        assert!(
            drift["e_value"].as_f64().expect("a number") >= 1000.0,
            "{drift}"
        );
        // All twenty missed; five and more of them were needed to be sure.
        assert_eq!(drift["misses"], 20);
        let since = drift["stale"]["since_call"].as_u64().expect("a number");
        assert!((3..=10).contains(&since), "{since}");
        assert_eq!(
            drift["stale"]["input"],
            format!("n={}", numbers.start() + since as u32 - 1)
        );
    }
}

#[test]
fn another_module_needs_a_plan_of_its_own() {
    let place = planned();
    place.fathom(["plan", "grow"]).assert().success();
    let text = fs::read_to_string(place.path("grow.wat")).expect("the guest");
    let end = text.rfind(')').expect("a module");
    place.write("grow.wat", format!("{} (func))", &text[..end]));
    let (code, _, stderr) = printed(&mut place.fathom(["run", "grow.wat", "--plan", FILE]));
    assert_eq!(code, 125, "{stderr}");
    assert_eq!(stderr.matches("sha256:").count(), 2, "{stderr}");
    assert!(stderr.contains("fathom plan"), "{stderr}");
    assert_eq!(profile(&place, 1..=5, &[]).0, 0);
    let (code, said, _) = printed(&mut place.fathom(["plan", "grow", "--check"]));
    assert_eq!(code, 1);
    assert!(said.contains("new module"), "{said}");
}

#[test]
fn what_is_wrong_with_a_plan_is_said() {
    let place = planned();
    place.fathom(["plan", "grow"]).assert().success();
    let good = fs::read_to_string(place.path(FILE)).expect("the plan");
    let failing = |name: &str, text: &str, words: &[&str]| {
        place.write(name, text);
        let (code, _, stderr) = printed(&mut place.fathom(["run", "grow.wat", "--plan", name]));
        assert_eq!(code, 125, "{name}: {stderr}");
        for word in words {
            assert!(stderr.contains(word), "{name}: {word}: {stderr}");
        }
    };
    let line = good
        .lines()
        .position(|l| l == "breakpoint = \"set:pages\"")
        .expect("a line")
        + 1;
    failing("cut.toml", &good[..good.len() / 2], &["cut.toml", "line"]);
    failing(
        "word.toml",
        &good.replacen("\"set:pages\"", "\"at:pages\"", 1),
        &["word.toml", &format!("line {line}"), "is not a breakpoint"],
    );
    failing(
        "key.toml",
        &good.replace("[asked]", "[askd]"),
        &["key.toml", "askd"],
    );
    failing(
        "newer.toml",
        &good.replace("fathom.plan/1", "fathom.plan/9"),
        &["newer.toml", "fathom.plan/9", "fathom.plan/1"],
    );
    failing(
        "other.toml",
        &good.replace("\"set:pages\"", "\"set:page\""),
        &["`page`", "nearest: pages"],
    );
    failing(
        "variable.toml",
        &good.replace("variable = \"pages\"", "variable = \"pags\""),
        &["`pags`", "set:pages", "nearest: pages"],
    );
    failing(
        "absent.wat",
        "(module)",
        &["absent.wat", "not a valid plan"],
    );
    let (code, _, stderr) =
        printed(&mut place.fathom(["run", "grow.wat", "--plan", FILE, "--break", "end"]));
    assert!(
        code != 0 && stderr.contains("cannot be used with"),
        "{stderr}"
    );
    let (code, _, stderr) =
        printed(&mut place.fathom(["plan", "grow", "-o", "nowhere.toml", "--check"]));
    assert!(code == 125 && stderr.contains("nowhere.toml"), "{stderr}");
}
