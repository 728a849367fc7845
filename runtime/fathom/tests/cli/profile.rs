//! `fathom profile`: from inputs to a recommendation.

use crate::support::{Place, printed, wat};
use serde_json::Value;

const COUNTS: [usize; 12] = [
    300, 800, 1900, 3100, 4700, 6500, 8000, 9900, 12_000, 15_000, 17_500, 21_000,
];

#[test]
fn the_json_has_the_fields_that_scripts_rely_on() {
    let place = Place::new();
    place.lines(&COUNTS);
    let profile = place.json(&["profile", &wat("exact-allocations"), "lines", "--json"]);
    assert_eq!(profile["schema"], "fathom.profile/1");
    assert_eq!(profile["function"]["name"], "exact-allocations");
    assert!(
        profile["function"]["digest"]
            .as_str()
            .expect("a digest")
            .starts_with("sha256:")
    );
    assert_eq!(profile["invocations"]["distinct_inputs"], 12);
    assert_eq!(profile["model"], profile["models"]["committed"]);
    for target in ["committed", "live", "cpu_seconds"] {
        let model = &profile["models"][target];
        for field in [
            "kind",
            "formula",
            "intercept",
            "terms",
            "n",
            "r2",
            "held_out",
            "reason",
        ] {
            assert!(model.get(field).is_some(), "{target} has no {field}");
        }
    }
    let recommendation = &profile["recommendation"];
    for field in [
        "allocation_bytes",
        "failure_rate_target",
        "failure_rate_backed",
        "calls_replayed",
        "failures_replayed",
        "failure_rate_upper95",
        "baseline_bytes",
        "memory_saving_share",
        "providers",
    ] {
        assert!(recommendation.get(field).is_some(), "no {field}");
    }
    let provider = &recommendation["providers"][0];
    for field in [
        "provider",
        "size_mb",
        "usd_per_million",
        "usd_saving_share",
        "estimated_seconds",
    ] {
        assert!(provider.get(field).is_some(), "no {field}");
    }
    assert_eq!(recommendation["verified"]["failures"], 0);
    assert_eq!(recommendation["verified"]["calls"], 12);
}

/// 100 bytes a line, by construction of the guest: found to 1 %, across calls and within.
#[test]
fn what_a_line_costs_is_recovered() {
    let place = Place::new();
    place.lines(&COUNTS);
    let profile = place.json(&["profile", &wat("exact-allocations"), "lines", "--json"]);
    for (model, variables) in [
        (&profile["models"]["live"], &["lines", "stdin_bytes"][..]),
        (&profile["within_call"]["live"], &["lines"][..]),
    ] {
        let term = &model["terms"][0];
        let variable = term["variable"].as_str().expect("a variable");
        assert!(variables.contains(&variable), "{model:#}");
        let per_line = term["coefficient"].as_f64().expect("a number")
            * if variable == "lines" { 1.0 } else { 10.0 };
        assert!((99.0..=101.0).contains(&per_line), "{model:#}");
    }
}

/// Both explain the peak; only one of them is known while the growth is still ahead.
#[test]
fn what_is_known_early_is_told_from_what_comes_too_late() {
    let place = Place::new();
    for pages in 1..=14 {
        place.write(&format!("in/{pages}"), (pages * 3).to_string());
    }
    let profile = place.json(&["profile", &wat("growth-after-breakpoint"), "in", "--json"]);
    let variables = profile["variables"].as_array().expect("variables");
    let chosen = &variables[0];
    assert_eq!(chosen["note"]["kind"], "chosen", "{variables:#?}");
    assert_eq!(chosen["lead"], 1.0, "{variables:#?}");
    assert_ne!(chosen["variable"], "reached", "{variables:#?}");
    let reached = variables
        .iter()
        .find(|c| {
            c["variable"] == "reached"
                && c["aggregate"] == "max"
                && c["breakpoint"] == "set:reached"
        })
        .expect("`reached` among the variables");
    assert_eq!(reached["lead"], 0.0, "{variables:#?}");
}

#[test]
fn sweeps_fill_placeholders_and_repeats_count_once() {
    let place = Place::new();
    let profile = place.json(&[
        "profile",
        &wat("exact-growth"),
        "--sweep",
        "n=10,20,30,40,50,60,70",
        "--repeat",
        "2",
        "--json",
        "--",
        "{n}",
    ]);
    assert_eq!(profile["invocations"]["total"], 14);
    assert_eq!(profile["invocations"]["distinct_inputs"], 7);
    let model = &profile["model"];
    assert_eq!(model["kind"], "linear", "{model:#}");
    let coefficient = model["terms"][0]["coefficient"].as_f64().expect("a number");
    assert!((coefficient - 65_536.0).abs() < 1.0, "{model:#}");
}

#[test]
fn too_little_data_is_said_and_strict_is_not_content() {
    let place = Place::new();
    place.lines(&[10, 20, 30]);
    let args = ["profile", &wat("exact-allocations"), "lines"];
    let profile = place.json(&[&args[..], &["--json"]].concat());
    assert_eq!(profile["model"]["kind"], "none");
    assert!(
        profile["model"]["reason"]
            .as_str()
            .expect("a reason")
            .contains("not enough data"),
        "{profile:#}"
    );
    let (code, ..) = printed(&mut place.fathom(args.iter().chain(&["--strict"])));
    assert_eq!(code, 1);
}

#[test]
fn events_bring_their_own_arguments_and_bodies() {
    let place = Place::new();
    let mut events = String::new();
    for lines in 1..=9 {
        events += &format!(
            "{{\"label\": \"e{lines}\", \"stdin\": \"{}\"}}\n",
            "x\\n".repeat(lines * 50)
        );
    }
    place.write("events.jsonl", &events);
    let profile = place.json(&[
        "profile",
        &wat("exact-allocations"),
        "events.jsonl",
        "--json",
    ]);
    assert_eq!(profile["invocations"]["succeeded"], 9);
    let from_stdin = place
        .fathom(["profile", &wat("exact-allocations"), "-", "--json"])
        .write_stdin(events)
        .output()
        .expect("it runs");
    let piped: Value = serde_json::from_slice(&from_stdin.stdout).expect("JSON");
    assert_eq!(
        piped["models"]["live"]["formula"],
        profile["models"]["live"]["formula"]
    );
}

#[test]
fn the_screen_fits_and_names_the_files_it_wrote() {
    let place = Place::new();
    place.lines(&COUNTS);
    let (code, screen, stderr) = printed(&mut place.fathom([
        "profile",
        &wat("exact-allocations"),
        "lines",
        "--heap=exact",
    ]));
    assert_eq!(code, 0, "{stderr}");
    assert!(screen.contains("12/12 calls"), "{screen}");
    assert!(screen.contains("report.html"), "{screen}");
    assert!(
        !screen.contains('\u{1b}'),
        "colours though NO_COLOR is set: {screen}"
    );
    let page = std::fs::read_to_string(place.path("fathom-out/exact-allocations/report.html"))
        .expect("the report");
    assert_eq!(
        page.matches("<svg").count(),
        9,
        "five charts, two flame graphs, and a heatmap with its axis"
    );
    assert!(
        !page.contains("src=\"http") && !page.contains("href=\"http"),
        "self-contained"
    );
}

/// Flag, then environment, then file: whoever is nearer to the user wins.
#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_file() {
    let place = Place::new();
    place.write(
        "f/g.wat",
        r#"(module (memory (export "memory") 40) (func (export "_start")))"#,
    );
    place.write("f/inputs/a", "");
    let limited = |file: &str, environment: Option<&str>, flag: Option<&str>| -> bool {
        place.write(
            "f/fathom.toml",
            format!("[inputs]\npath = \"inputs\"\n[limits]\nmemory = \"{file}\"\n"),
        );
        let mut command = place.fathom(["profile", "f", "--json"]);
        if let Some(size) = environment {
            command.env("FATHOM_MAX_MEMORY", size);
        }
        command.args(flag.map(|size| format!("--max-memory={size}")));
        let output = command.output().expect("it runs");
        let profile: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        profile["invocations"]["limited"] == 1
    };
    assert!(limited("1 MiB", None, None));
    assert!(!limited("1 MiB", Some("4 MiB"), None));
    assert!(limited("1 MiB", Some("4 MiB"), Some("1 MiB")));
    assert!(!limited("1 MiB", Some("1 MiB"), Some("4 MiB")));
}

/// A function of one instruction a parameter, called five million times: observing it takes longer than the call does.
#[test]
fn what_is_hit_all_the_time_is_left_out_and_that_is_said() {
    let place = Place::new();
    let hot = r#"(module
          (memory (export "memory") 1)
          (func $step (export "step") (param $a i32) (param $b i32) (param $c i32) (param $d i32) (result i32)
            (i32.xor (i32.xor (local.get $a) (local.get $b)) (i32.xor (local.get $c) (local.get $d))))
          (func $work (export "work") (param $rounds i32) (local $sum i32)
            (loop $again
              (local.set $sum (call $step (local.get $rounds) (local.get $sum) (local.get $sum) (local.get $sum)))
              (br_if $again (local.tee $rounds (i32.sub (local.get $rounds) (i32.const 1)))))
            (i32.store (i32.const 0) (local.get $sum)))
          (func (export "_start") (call $work (i32.const 5000000))))"#;
    place.write("hot.wat", hot);
    // The same, of which only the parameters of `step` can be observed: all are hit as often.
    place.write("alike.wat", hot.replace(r#"(export "work")"#, ""));
    place.write("in/a", "");
    let armed = |guest: &str, more: &[&str]| {
        let (code, _, notes) =
            printed(&mut place.fathom([&["profile", guest, "in"], more].concat()));
        assert_eq!(code, 0, "{notes}");
        let (_, json, _) = printed(&mut place.fathom(["traces", "export"]));
        let exported: Value = serde_json::from_str(&json).expect("JSON");
        let newest = exported["traces"]
            .as_array()
            .and_then(|t| t.last().cloned());
        let armed = newest.expect("a call")["armed"].clone();
        let armed = armed.as_array().expect("probes").iter();
        let places = armed.map(|p| p["breakpoint"].as_str().expect("a place").to_owned());
        (places.collect::<Vec<String>>(), notes)
    };
    let (places, notes) = armed("hot.wat", &[]);
    assert_eq!(places, ["entry:work"]);
    assert!(notes.contains("4 of 5 places are left out"), "{notes}");
    assert!(notes.contains("` at entry:step among them"), "{notes}");
    // Who names it gets it.
    for named in [
        &["--break", "entry:step"][..],
        &["--break", "auto", "--break", "entry:step"],
    ] {
        let (places, notes) = armed("hot.wat", named);
        assert_eq!(
            places.iter().filter(|p| *p == "entry:step").count(),
            4,
            "{places:?}"
        );
        assert!(!notes.contains("left out"), "{notes}");
    }
    let (places, notes) = armed("alike.wat", &[]);
    assert!((1..4).contains(&places.len()), "{places:?}");
    assert!(notes.contains("of 4 places are left out"), "{notes}");
}

/// A directory of files read one after another: sizes of opened files, and one relation within the one call.
#[test]
fn a_granted_directory_shows_its_files_as_they_are_opened() {
    let place = Place::new();
    let sizes = [400, 9000, 2500, 7000, 1200, 5000];
    for (number, lines) in sizes.iter().enumerate() {
        place.write(
            &format!("in/one/{number}.dat"),
            "some text\n".repeat(*lines),
        );
    }
    let guest = crate::support::guest_example("line-reader/line-reader.wasm");
    let profile = place.json(&["profile", &guest, "in", "--json"]);
    assert_eq!(profile["invocations"]["succeeded"], 1, "{profile:#}");
    let (_, json, _) = printed(&mut place.fathom(["traces", "export"]));
    let exported: Value = serde_json::from_str(&json).expect("JSON");
    let observed = exported["traces"][0]["observations"]
        .as_array()
        .expect("observations");
    let find = |variable: &str, breakpoint: &str| {
        observed
            .iter()
            .find(|o| o["variable"] == variable && o["breakpoint"] == breakpoint)
            .expect(variable)
    };
    assert_eq!(find("dir_files", "input")["first"], 6.0);
    assert_eq!(find("dir_largest_bytes", "input")["first"], 90_000.0);
    let opened: Vec<f64> = find("file_bytes", "open:")["hits"]
        .as_array()
        .expect("hits")
        .iter()
        .filter_map(|hit| hit["value"].as_f64())
        .collect();
    assert_eq!(opened, sizes.map(|lines| lines as f64 * 10.0));
    let within = &profile["within_call"]["live"];
    assert_eq!(within["terms"][0]["variable"], "lines", "{within:#}");
}

/// Two exports of one module are two functions, and two inputs of one name are two inputs.
#[test]
fn functions_and_inputs_are_not_mixed_up() {
    let place = Place::new();
    place.write(
        "two.wat",
        r#"(module (memory (export "memory") 1)
          (func (export "small") (param i32) (drop (memory.grow (local.get 0))))
          (func (export "large") (param i32) (drop (memory.grow (i32.mul (local.get 0) (i32.const 10))))))"#,
    );
    let profile = |export: &str| {
        place.json(&[
            "profile", "two.wat", "--invoke", export, "--sweep", "n=1..7", "--resume", "--json",
            "--", "{n}",
        ])
    };
    assert_eq!(profile("large")["invocations"]["total"], 7);
    let small = profile("small");
    assert_eq!(small["invocations"]["total"], 7);
    let page = small["model"]["terms"][0]["coefficient"]
        .as_f64()
        .expect("a number");
    assert!((page - 65_536.0).abs() < 0.001, "{:#}", small["model"]);
    place.lines(&[100]);
    place.write("more/100.txt", "x\n".repeat(50));
    let same_name = place.json(&[
        "profile",
        &wat("exact-allocations"),
        "lines",
        "more",
        "--json",
    ]);
    assert_eq!(same_name["recommendation"]["verified"]["calls"], 2);
}
