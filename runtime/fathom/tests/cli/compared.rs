//! Two versions compared, and what calls cost: what a pull request says, and whether it fails.

use crate::support::{Place, printed, wat};
use serde_json::{Value, json};

/// Records forty calls of a function that needs `constant + slope x size` MiB.
fn record(place: &Place, name: &str, constant: u32, slope: u32) {
    let rows =
        (1..=40).map(|size| format!("{size},{} MiB,64 MiB,1,i{size}\n", constant + slope * size));
    place.import_calls(name, &rows.collect::<String>());
}

fn diff(place: &Place, args: &[&str]) -> (i32, String, String) {
    let all = [&["diff", "--db", "calls.db"], args].concat();
    printed(&mut place.fathom(all))
}

#[test]
fn what_two_versions_differ_by_is_told_and_limits_are_kept() {
    let place = Place::new();
    record(&place, "old", 2, 1);
    record(&place, "new", 2, 2);
    let (code, text, _) = diff(&place, &["old", "new", "--json"]);
    let difference: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!((code, &difference["schema"]), (0, &json!("fathom.diff/1")));
    assert_eq!(
        difference["peak_bytes"],
        json!({ "old": 42 << 20, "new": 82 << 20 })
    );
    let coefficient = &difference["relation"]["coefficient"];
    let of = |version: &str, what: &str| coefficient[version][what].as_f64().expect("a number");
    for (version, mib) in [("old", 1.0), ("new", 2.0)] {
        let bytes = mib * 1_048_576.0;
        assert!(
            (of(version, "value") / bytes - 1.0).abs() < 1e-6,
            "{coefficient}"
        );
        assert!(
            of(version, "low") <= bytes * 1.000_001 && of(version, "high") >= bytes * 0.999_999
        );
    }
    assert_eq!(difference["paired"]["inputs"], 40);
    assert!((difference["paired"]["most"].as_f64().expect("a ratio") - 82.0 / 42.0).abs() < 1e-9);
    // Twice as much for each size, against a limit of 64 MiB.
    for (limits, broken) in [
        (
            vec!["--fail-if-more", "5%"],
            Some("the largest need is larger by 95.2 %"),
        ),
        (
            vec!["--fail-if-over", "64MiB"],
            Some("each call has to be given"),
        ),
        (vec!["--fail-if-over", "256MB"], None),
        (
            vec!["--memory", "1GiB", "--fail-if-waste", "30%"],
            Some("of what a call is given today is wasted"),
        ),
        (vec!["--memory", "100MiB", "--fail-if-waste", "30%"], None),
    ] {
        let args = [vec!["old", "new", "--format", "markdown"], limits].concat();
        let (code, text, said) = diff(&place, &args);
        assert_eq!(
            code,
            if broken.is_some() { 3 } else { 0 },
            "{args:?} {text} {said}"
        );
        assert!(
            text.contains("| largest need | 42.0 MiB | 82.0 MiB | +95 % |"),
            "{text}"
        );
        assert!(broken.is_none_or(|broken| text.contains(broken)), "{text}");
    }
    // The other way round nothing is larger.
    assert_eq!(diff(&place, &["new", "old", "--fail-if-more", "5%"]).0, 0);
}

#[test]
fn a_version_is_a_saved_profile_a_module_or_a_recorded_name() {
    let place = Place::new();
    place.write("a.txt", "a\n");
    let one = wat("exact-allocations");
    let profile = ["profile", &one, "a.txt", "--db", "calls.db"];
    place.fathom(profile).assert().success();
    let saved = printed(&mut place.fathom([
        "report",
        "exact-allocations",
        "--db",
        "calls.db",
        "--format",
        "json",
    ]));
    place.write("saved.json", &saved.1);
    let (code, text, said) = diff(&place, &["saved.json", &one, "--fail-if-more", "1%"]);
    assert!(code == 0 && text.contains("the same"), "{text} {said}");
    let (code, text, said) = diff(&place, &["exact-allocations", "saved.json"]);
    assert!(code == 0 && text.contains("the same"), "{text} {said}");
    place.write("not.json", "{}");
    for (args, expected) in [
        (["saved.json", "not.json"], "`not.json` is not a profile"),
        (
            ["saved.json", "exact-allocation"],
            "did you mean `exact-allocations`?",
        ),
        (["saved.json", "none.json"], "cannot read `none.json`"),
    ] {
        let (code, _, said) = diff(&place, &args);
        assert!(
            code != 0 && code != 3 && said.contains(expected),
            "{args:?}: {said}"
        );
    }
    let unrecorded = wat("hostile/loops-for-ever");
    let (_, _, said) = diff(&place, &["saved.json", &unrecorded]);
    assert!(said.contains("`fathom profile"), "{said}");
}

/// What `fathom profile` takes from the folder of a guest holds for its recorded calls too.
#[test]
fn a_guest_that_has_not_changed_differs_in_nothing() {
    let place = Place::new();
    let module = std::fs::read(wat("exact-allocations")).expect("the module");
    place.write("guest/guest.wat", module);
    let manifest = "[function]\nmemory = \"1 MiB\"\n[recommend]\nfailure_rate = 0.3\n";
    place.write("guest/fathom.toml", manifest);
    for at in 1..=6 {
        place.write(&format!("inputs/{at}.txt"), "a\n".repeat(at));
    }
    let profile = ["profile", "guest", "inputs", "--db", "calls.db", "--json"];
    let (_, saved, said) = printed(&mut place.fathom(profile));
    place.write("saved.json", &saved);
    let limits = ["--fail-if-more", "0%", "--fail-if-waste", "95%"];
    let args = [&["saved.json", "guest"], &limits[..]].concat();
    let (code, text, told) = diff(&place, &args);
    assert_eq!(code, 0, "{text} {told} {said}");
    let saved: Value = serde_json::from_str(&saved).expect("a profile");
    assert_eq!(saved["recommendation"]["baseline_bytes"], 1 << 20);
}

#[test]
fn what_calls_cost_is_told_at_providers_of_the_users_too() {
    let place = Place::new();
    record(&place, "f", 2, 1);
    let ours = "key = \"ours\"\nname = \"Our own machines\"\ndated = \"2026-01-01\"\nsources = [\"our books\"]\n\
                usd_per_request = \"0\"\nusd_per_gb_second = \"0.00001\"\nstep_ms = 1\n\
                size = [{ mb = 64, vcpu = \"1\" }, { mb = 1024, vcpu = \"1\" }]\n";
    place.write("prices/ours.toml", ours);
    let bill = [
        "bill",
        "f",
        "--db",
        "calls.db",
        "--providers",
        "prices",
        "--rate",
        "10/s",
        "--json",
    ];
    let account = place.json(&bill);
    let providers = account["providers"].as_array().expect("a list");
    let found = providers
        .iter()
        .find(|p| p["provider"] == "ours")
        .expect("ours");
    // A second of 64 MB.
    let expected = 64.0 / 1_024.0 * 1e-5 * 1e6;
    let recommended = &found["recommended"];
    let of = |field: &str| recommended[field].as_f64().expect("a number");
    assert_eq!(recommended["size_mb"], 64);
    assert!((of("usd_per_million") - expected).abs() < 1e-9);
    assert!((of("usd_per_month") - expected * 10.0 * 2_592_000.0 / 1e6).abs() < 1e-6);
    let (code, text, _) = printed(&mut place.fathom([
        "bill",
        "f",
        "--db",
        "calls.db",
        "--providers",
        "prices/ours.toml",
    ]));
    assert!(code == 0 && text.contains("Our own machines"), "{text}");
    // Two at a time are what it lets, of the three that are asked for: half of an instance each, which holds both.
    let two = ours.replace("step_ms", "concurrency = { most = 2 }\nstep_ms");
    place.write("two.toml", two);
    let mut bill = vec!["bill", "f", "--db", "calls.db", "--providers", "two.toml"];
    bill.extend(["--concurrency", "3"]);
    let (code, text, _) = printed(&mut place.fathom(&bill));
    let said = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        code == 0 && said.contains("makes 2 calls at a time") && said.contains("pays for 50 %"),
        "{text}"
    );
    bill.push("--json");
    let account = place.json(&bill);
    let mut providers = account["providers"].as_array().expect("a list").iter();
    let ours_too = providers.find(|p| p["provider"] == "ours").expect("ours");
    let shared = &ours_too["shared"];
    let allocation = account["allocation_bytes"].as_u64().expect("bytes");
    assert_eq!(shared["calls"], 2);
    assert_eq!(shared["need_bytes"], 2 * allocation);
    let usd = shared["at"]["account"]["usd_per_million"].as_f64();
    // A second of one is two of two that share a CPU, and each pays for half of them, of 1,024 MB.
    assert!((usd.expect("a number") - 10.0).abs() < 1e-9, "{shared}");
    place.write(
        "prices/ours.toml",
        ours.replace("step_ms = 1", "step_ms = 0"),
    );
    let (code, _, said) =
        printed(&mut place.fathom(["bill", "f", "--db", "calls.db", "--providers", "prices"]));
    assert!(
        code != 0 && said.contains("ours.toml") && said.contains("step_ms"),
        "{said}"
    );
    let (code, _, said) =
        printed(&mut place.fathom(["bill", "f", "--db", "calls.db", "--rate", "often"]));
    assert!(
        code != 0 && said.contains("is not a rate of calls"),
        "{said}"
    );
}
