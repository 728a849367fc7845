//! Commands that work on what was recorded, without the guest.

use crate::support::{Place, printed, wat};
use serde_json::Value;
use std::fs;

fn profiled() -> Place {
    let place = Place::new();
    place.lines(&[300, 800, 1900, 3100, 4700, 6500, 8000, 9900]);
    place
        .fathom(["profile", &wat("exact-allocations"), "lines"])
        .assert()
        .success();
    place
}

#[test]
fn traces_are_listed_shown_exported_and_pruned() {
    let place = profiled();
    let (_, list, _) = printed(&mut place.fathom(["traces", "list"]));
    assert!(
        list.contains("9900.txt") && list.contains("succeeded"),
        "{list}"
    );
    let (_, shown, _) = printed(&mut place.fathom(["traces", "show", "1"]));
    assert!(
        shown.contains("300.txt") && shown.contains("lines"),
        "{shown}"
    );
    let (_, csv, _) = printed(&mut place.fathom(["traces", "export", "--format", "csv"]));
    assert_eq!(csv.lines().count(), 9, "{csv}");
    let (_, json, _) = printed(&mut place.fathom(["traces", "export"]));
    let exported: Value = serde_json::from_str(&json).expect("JSON");
    assert!(
        json.contains("live_until_next") && exported["traces"].is_array(),
        "everything is exported"
    );
    place
        .fathom(["traces", "prune", "--newest", "3"])
        .assert()
        .success();
    let (_, list, _) = printed(&mut place.fathom(["traces", "list"]));
    assert!(
        !list.contains("300.txt") && list.contains("9900.txt"),
        "{list}"
    );
    let (code, _, stderr) = printed(&mut place.fathom(["traces", "show", "1"]));
    assert_ne!(code, 0);
    assert!(stderr.contains("traces list"), "{stderr}");
}

#[test]
fn report_learn_and_recommend_say_the_same_as_profile() {
    let place = profiled();
    let again = place.json(&["report", "--format", "json"]);
    let learned = place.json(&["learn", "exact-allocations"]);
    assert_eq!(again["models"], learned["models"]);
    let recommended = place.json(&["recommend", "--json"]);
    assert_eq!(
        again["recommendation"]["allocation_bytes"],
        recommended["allocation_bytes"]
    );
    let (code, _, stderr) = printed(&mut place.fathom(["report", "exact-alocations"]));
    assert_ne!(code, 0);
    assert!(
        stderr.contains("did you mean `exact-allocations`"),
        "{stderr}"
    );
}

/// A call is sized before it is made, by what is known of it then.
#[test]
fn all_functions_are_told_in_one_table() {
    let place = profiled();
    place
        .fathom([
            "profile",
            &wat("exact-growth"),
            "--sweep",
            "n=4..12",
            "--",
            "{n}",
        ])
        .assert()
        .success();
    let (code, table, _) = printed(&mut place.fathom(["report", "--all"]));
    // Which saves more depends on how long they took.
    let mut rows: Vec<&str> = table.lines().skip(2).collect();
    rows.sort_unstable();
    assert_eq!((code, rows.len()), (0, 2), "{table}");
    for (row, (name, formula)) in rows.iter().zip([
        ("exact-allocations", "lines"),
        ("exact-growth", "64 KiB x first(pages)"),
    ]) {
        assert!(
            row.starts_with(&format!("| {name} | ")) && row.contains(formula),
            "{row}"
        );
    }
    let all = place.json(&["report", "--all", "--format", "json"]);
    let name = |i: usize| all[i]["function"]["name"].as_str().unwrap_or_default();
    assert!([name(0), name(1)].contains(&"exact-growth"), "{all}");

    // As a page: in the same order, each with its own report beside it.
    let (code, page, _) = printed(&mut place.fathom(["report", "--all", "--format", "html"]));
    assert_eq!((code, page.trim()), (0, "fathom-out/fleet.html"));
    let page = fs::read_to_string(place.path("fathom-out/fleet.html")).expect("the page");
    let links: Vec<&str> = page.split("href=\"").skip(1).collect();
    let links: Vec<&str> = links
        .iter()
        .filter_map(|rest| rest.split('"').next())
        .collect();
    let expected = [0, 1].map(|i| name(i).replace('-', "%2D") + "/report%2Ehtml");
    assert_eq!(links[..2], expected.each_ref().map(String::as_str));
    for i in [0, 1] {
        let report = place.path(&format!("fathom-out/{}/report.html", name(i)));
        assert!(report.is_file(), "{}", report.display());
    }
    let (code, _, stderr) = printed(&mut place.fathom(["report", "--all", "--format", "csv"]));
    assert!(
        code != 0 && stderr.contains("`markdown` or `json`"),
        "{stderr}"
    );
}

#[test]
fn one_call_is_sized_by_its_input() {
    let place = profiled();
    let size = |lines: usize| -> u64 {
        place.write("next.txt", "some text\n".repeat(lines));
        let sized = place.json(&[
            "recommend",
            "exact-allocations",
            "--input",
            "next.txt",
            "--json",
        ]);
        sized["allocation_bytes"].as_u64().expect("a size")
    };
    let (small, large) = (size(1000), size(9000));
    assert!(small < large, "{small} < {large}");
    let needed = 4096 + (8 + 64) + 9000 * (8 + 104) + (8 + 256);
    assert!(large >= needed, "{large} >= {needed}");
}

#[test]
fn the_rest_of_the_commands_answer() {
    let place = Place::new();
    let (code, help, _) = printed(&mut place.fathom(["--help"]));
    assert_eq!(code, 0);
    let groups =
        ["Start:", "Understand:", "Size:", "Serve:"].map(|group| help.find(group).expect(group));
    assert!(groups.is_sorted(), "{help}");
    let (code, doctor, _) = printed(&mut place.fathom(["doctor"]));
    assert_eq!(code, 0);
    assert!(doctor.contains("fathom.db"), "{doctor}");
    let (_, script, _) = printed(&mut place.fathom(["completions", "bash"]));
    assert!(
        script.contains("fathom__subcmd__profile") || script.contains("fathom__profile"),
        "a script"
    );
    place.write(
        "f/g.wat",
        r#"(module (memory (export "memory") 1) (func (export "_start")))"#,
    );
    place.fathom(["init", "f"]).assert().success();
    place.write("f/inputs/a", "");
    place.fathom(["profile", "f"]).assert().success();
    let (code, _, stderr) = printed(&mut place.fathom(["init", "f"]));
    assert_ne!(code, 0);
    assert!(stderr.contains("there already"), "{stderr}");
}

#[test]
fn init_names_the_module_that_is_there_or_says_that_there_is_none() {
    let place = Place::new();
    let module = "(module (memory (export \"memory\") 1) (func (export \"_start\")))";
    place.write("built/target/wasm32-wasip1/release/fine.wat", module);
    let (_, said, _) = printed(&mut place.fathom(["init", "built"]));
    assert!(said.contains("next: fathom inspect built"), "{said}");
    place.fathom(["inspect", "built"]).assert().success();
    let (_, said, _) = printed(&mut place.fathom(["init", "empty"]));
    assert!(said.contains("function.module"), "{said}");
    let (code, _, stderr) = printed(&mut place.fathom(["inspect", "empty"]));
    assert!(
        code != 0 && stderr.contains("function.module in `empty/fathom.toml`"),
        "{stderr}"
    );
}

#[test]
fn inspect_lists_what_can_be_observed() {
    let place = Place::new();
    let (code, text, _) = printed(&mut place.fathom(["inspect", &wat("exact-allocations")]));
    assert_eq!(code, 0);
    for word in ["lines", "set:lines", "malloc", "fd_read", "DWARF"] {
        assert!(text.contains(word), "no {word} in {text}");
    }
    let json = place.json(&["inspect", &wat("exact-allocations"), "--json"]);
    assert_eq!(json["variables"][0]["name"], "lines");
}

/// A call that gets a directory, or a swept value, is sized by what that is.
/// In every language of the kit; in as many places as the compiler made of two.
#[test]
fn inspect_lists_what_the_guest_kit_shows() {
    for language in ["", "/c", "/go", "/assemblyscript"] {
        let guest = crate::support::guest_example(&format!("line-reader{language}"));
        let (_, list, _) = printed(&mut Place::new().fathom(["inspect", &guest]));
        let line = list.lines().find(|line| line.contains(" lines "));
        assert!(
            line.is_some_and(|line| line.contains("i64     watched; set:lines, ")),
            "{language}: {list}"
        );
    }
}

#[test]
fn one_call_is_sized_by_its_directory_or_its_value() {
    let place = Place::new();
    let args = [
        "profile",
        &wat("exact-growth"),
        "--sweep",
        "n=10,20,30,40,50,60,70",
        "--",
        "{n}",
    ];
    place.fathom(args).assert().success();
    let sized = place.json(&["recommend", "--value", "n=45", "--json"]);
    assert_eq!(sized["sized_by"], "n", "{sized}");
    let size = sized["allocation_bytes"].as_u64().expect("a size");
    assert!((46 * 65_536..71 * 65_536).contains(&size), "{size}");
    let (_, text, _) = printed(&mut place.fathom(["recommend", "--input", "."]));
    assert!(text.contains("as every call: n is not known"), "{text}");
}

#[test]
fn the_report_draws_the_call_that_was_asked_for() {
    let place = profiled();
    let page = || std::fs::read_to_string(place.path("fathom-out/exact-allocations/report.html"));
    place
        .fathom(["report", "--call", "1900.txt"])
        .assert()
        .success();
    assert!(
        page()
            .expect("a page")
            .contains("One call over time: 1900.txt")
    );
    place.fathom(["report"]).assert().success();
    assert!(
        page()
            .expect("a page")
            .contains("One call over time: 9900.txt")
    );
    let (code, _, stderr) = printed(&mut place.fathom(["report", "--call", "190.txt"]));
    assert!(
        code != 0 && stderr.contains("did you mean `1900.txt`"),
        "{stderr}"
    );
}
