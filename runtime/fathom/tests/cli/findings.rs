//! What Fathom must find out about the guests that are shipped: the variable that drives the memory, its exponent, and
//! the bytes wherever they can be computed by hand from the source. That the guests themselves are right is seen in
//! `examples` and in their own tests.

use crate::support::{Place, guest_example};
use serde_json::Value;

/// What `fathom profile guest-examples/NAME --json` says.
struct Found {
    name: &'static str,
    profile: Value,
}

impl Found {
    /// Profiles an example on its own inputs. Every call succeeds, and does so again under what is recommended for it.
    fn about(name: &'static str) -> Found {
        let profile = Place::new().json(&["profile", &guest_example(name), "--json"]);
        let counts = &profile["invocations"];
        let [total, succeeded] = ["total", "succeeded"].map(|n| counts[n].as_u64().expect(n));
        assert!(total > 10 && succeeded == total, "{name}: {counts}");
        let verified = &profile["recommendation"]["verified"];
        assert_eq!(verified["failures"], 0, "{name}: {verified}");
        Found { name, profile }
    }

    fn model(&self, target: &str) -> Model<'_> {
        Model(self, &self.profile["models"][target])
    }

    fn within_call(&self) -> Model<'_> {
        Model(self, &self.profile["within_call"]["live"])
    }

    fn recommendation(&self, field: &str) -> &Value {
        &self.profile["recommendation"][field]
    }

    /// How far a variable alone is off, in the middle of the held-out inputs: 0.1 is 10 %. One that the guest shows, or of the input;
    /// local variables may have the same name.
    fn error_of(&self, variable: &str) -> f64 {
        let variables = self.profile["variables"].as_array().expect("variables");
        let errors = variables
            .iter()
            .filter(|v| v["times"].is_null())
            .filter(|v| is_shown(v, variable) || moves_with(v, variable))
            .filter_map(|v| v["held_out_median_ape"].as_f64());
        let least = errors.fold(f64::INFINITY, f64::min);
        assert!(
            least.is_finite(),
            "{}: nothing said of {variable}: {variables:#?}",
            self.name
        );
        least
    }

    /// Largest committed memory over smallest.
    fn range(&self) -> f64 {
        let calls = self.recommendation("calls").as_array().expect("calls");
        let needs = || calls.iter().filter_map(|c| c["needed_bytes"].as_f64());
        needs().fold(0.0, f64::max) / needs().fold(f64::INFINITY, f64::min)
    }
}

/// A fitted relation.
struct Model<'a>(&'a Found, &'a Value);

impl Model<'_> {
    /// Its terms as (transform, variables, bytes): `("square", "side", 64.0)`, `("identity", "states x actions", 12.0)`.
    fn terms(&self) -> Vec<(String, String, f64)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let terms = self.1["terms"].as_array().expect("terms");
        let term = |term: &Value| {
            let factors = [&term["variable"], &term["times"]["variable"]];
            let factors: Vec<String> = factors
                .into_iter()
                .filter(|f| f.is_string())
                .map(text)
                .collect();
            // One with a number is an object: its name, and that.
            let transform = match &term["transform"] {
                Value::Object(with_number) => with_number.keys().next().cloned(),
                name => name.as_str().map(str::to_owned),
            };
            (
                transform.unwrap_or_default(),
                factors.join(" x "),
                term["coefficient"].as_f64().expect("a number"),
            )
        };
        terms.iter().map(term).collect()
    }

    /// Asserts that it is linear in one thing, of so many bytes each, within a share.
    fn is(&self, transform: &str, variables: &str, bytes: f64, within: f64) {
        let terms = self.terms();
        let [(shape, of, coefficient)] = terms.as_slice() else {
            panic!("{}: not one term: {terms:?}", self.0.name);
        };
        assert_eq!(
            (shape.as_str(), of.as_str()),
            (transform, variables),
            "{}",
            self.0.name
        );
        let off = (coefficient / bytes - 1.0).abs();
        assert!(
            off <= within,
            "{}: {coefficient} bytes, by hand {bytes}",
            self.0.name
        );
    }

    /// Asserts that there is a relation, and that it is one with this variable only.
    fn is_of(&self, variable: &str) {
        let terms = self.terms();
        let others = terms.iter().filter(|term| term.1 != variable).count();
        assert!(
            !terms.is_empty() && others == 0,
            "{}: {terms:?}",
            self.0.name
        );
    }

    fn error(&self) -> f64 {
        self.1["held_out"]["median_ape"]
            .as_f64()
            .expect("held-out errors")
    }
}

/// Lines of a list that doubles: its capacity is found, and inside a call over twelve files what a line costs.
#[test]
fn line_reader_in_rust_is_a_vector_that_doubles() {
    let found = Found::about("line-reader");
    assert!(found.range() > 20.0);
    let doubles = |(shape, of, _): &(String, String, f64)| shape == "pow2_ceil" && of == "lines";
    assert!(found.model("committed").terms().iter().any(doubles));
    assert_eq!(found.within_call().terms()[0].1, "lines");
}

/// The same, from other allocators: a block for each line in C, two bytes for each letter in AssemblyScript, size classes
/// and a collector in Go. Go begins with 2.4 MiB, its pages.
#[test]
fn line_reader_in_other_languages_is_explained_by_its_lines() {
    for name in [
        "line-reader/c",
        "line-reader/assemblyscript",
        "line-reader/go",
    ] {
        let found = Found::about(name);
        assert!(found.range() > 20.0, "{name}: {}", found.range());
        found.model("committed").is_of("lines");
    }
}

/// Eight bytes for each number. Seeds are numbers too, and say nothing; the size is shown before memory grows.
#[test]
fn random_size_is_known_early_inside_and_never_before() {
    let found = Found::about("random-size");
    assert!(found.range() > 100.0);
    found.model("committed").is("identity", "size", 8.0, 0.01);
    found.model("live").is("identity", "size", 8.0, 1e-3);
    assert!(found.error_of("json.seed") > 0.5);
    assert_eq!(found.recommendation("sizing_feature")["variable"], "size");
    let size = &found.profile["variables"][0];
    assert!(size["lead"].as_f64() > Some(0.9), "{size}");
}

/// Nothing moves it: three pages, of stack, constants and what the first allocation brings.
#[test]
fn circle_area_is_constant_and_gets_the_floor() {
    let found = Found::about("circle-area");
    let model = &found.profile["model"];
    assert_eq!(
        (&model["kind"], model["intercept"].as_f64()),
        (&"constant".into(), Some(196_608.0))
    );
    assert_eq!(found.range(), 1.0);
    assert_eq!(found.recommendation("allocation_bytes"), 196_608);
}

/// Fourteen places of four bytes and four digits of one byte to every group of four digits.
#[test]
fn pi_is_linear_in_its_digits_and_hardly_leaves_its_first_pages() {
    let found = Found::about("pi");
    assert!(found.range() < 20.0);
    assert_eq!(found.profile["model"]["terms"][0]["variable"], "digits");
    let live = found.model("live");
    // The smallest are rounded up to whole groups: the line may begin a little later than at 0.
    let terms = live.terms();
    assert!(
        matches!(terms.as_slice(), [(_, of, bytes)] if of == "digits" && (bytes / 15.0 - 1.0).abs() < 0.002),
        "{terms:?}"
    );
    assert!(live.error() < 0.01);
}

/// A table of 8 bytes and one of 4 for each room and door: a local variable counts those. Before the call a product says it.
/// Episodes take time.
#[test]
fn q_learning_is_its_cells_which_are_a_product_and_episodes_are_a_decoy() {
    let found = Found::about("q-learning");
    assert!(found.range() > 20.0);
    // Committed in whole pages, of which the first two are there already.
    found.model("committed").is("hinge", "cells", 12.0, 0.05);
    found.model("live").is("identity", "cells", 12.0, 2e-3);
    let sizing = found.recommendation("sizing_feature");
    assert_eq!(
        (&sizing["variable"], &sizing["times"]["variable"]),
        (&"json.states".into(), &"json.actions".into())
    );
    let cells = found.model("committed").error();
    for alone in ["json.states", "json.actions", "json.episodes"] {
        assert!(found.error_of(alone) > 5.0 * cells, "{alone}");
    }
}

/// Three bytes for each pixel, and not a word about them in the size of the file.
#[test]
fn thumbnail_is_pixels_and_not_the_size_of_the_file() {
    let found = Found::about("thumbnail");
    assert!(found.range() > 20.0);
    found
        .model("committed")
        .is("identity", "width x height", 3.0, 0.02);
    found
        .model("live")
        .is("identity", "width x height", 3.0, 0.02);
    assert!(found.model("committed").error() < 0.02);
    assert!(
        found.error_of("stdin_bytes") > 0.3,
        "the request's size misleads"
    );
    assert!(
        found.recommendation("sizing").is_object(),
        "the header says it early"
    );
}

/// Buckets of 41 bytes, of which a table has a power of two; while it grows, two or more tables. Known only at the end.
#[test]
fn group_by_is_its_keys_which_nothing_tells_in_time() {
    let found = Found::about("group-by");
    assert!(found.range() > 20.0);
    found.model("committed").is("buckets", "keys", 82.0, 0.05);
    found.model("live").is("buckets", "keys", 66.75, 0.01);
    assert!(found.error_of("stdin_bytes") > 0.3 && found.error_of("rows") > 0.3);
    let keys = &found.profile["variables"][0];
    assert_eq!(keys["variable"], "keys");
    let lead = keys["lead"].as_f64().expect("a lead");
    assert!(lead < 0.05, "{lead}");
    assert!(
        found.recommendation("sizing").is_null(),
        "nothing early predicts"
    );
}

/// A node for each distinct word, of 25 bytes on average, and the table.
#[test]
fn word_count_is_its_distinct_words() {
    let found = Found::about("word-count");
    found.model("committed").is_of("distinct");
    found.model("live").is_of("distinct");
    found.within_call().is_of("distinct");
    let live = found.model("live").terms();
    let at_10_000: f64 = live
        .iter()
        .map(|(shape, _, bytes)| match shape.as_str() {
            "pow2_ceil" | "buckets" => bytes * 16_384.0,
            _ => bytes * 10_000.0,
        })
        .sum();
    let each = at_10_000 / 10_000.0;
    assert!(
        (25.0..45.0).contains(&each),
        "{each} bytes for a word: {live:?}"
    );
}

/// A node of 20 bytes for each of four constraints of each square, and headers: 80 bytes times the square of the side.
#[test]
fn n_queens_is_quadratic_in_the_board() {
    let found = Found::about("n-queens");
    assert!(found.range() > 20.0);
    found.model("committed").is("square", "queens", 80.0, 0.05);
    let live = found.model("live").terms();
    let squares = live.iter().find(|term| term.0 == "square");
    assert!(
        squares.is_some_and(|(_, of, bytes)| of == "queens" && (bytes / 80.0 - 1.0).abs() < 1e-2),
        "{live:?}"
    );
}

/// A byte of the maze, two distances, an entry of the queue and its place: 25 bytes for each cell.
#[test]
fn maze_is_quadratic_in_its_side() {
    let found = Found::about("maze");
    assert!(found.range() > 20.0);
    found.model("committed").is("square", "side", 25.0, 0.03);
    found.model("live").is("square", "side", 25.0, 1e-3);
    assert!(found.error_of("json.seed") > 0.3);
    assert_eq!(
        found.recommendation("sizing_feature")["variable"],
        "json.side"
    );
}

/// The two pictures: one call over twelve files with its variable on the same clock, and calls side by side on a
/// logarithmic axis, each to its last sample, after the function has returned.
#[test]
fn the_report_draws_twelve_files_in_one_call_and_the_drop_at_the_end_of_calls() {
    let place = Place::new();
    let report = |guest: &str, flags: &[&str]| {
        let folder = guest_example(guest);
        place
            .fathom(["profile", &folder, "--verify=false"])
            .assert()
            .success();
        let asked = ["report", guest];
        let asked = asked.iter().chain(flags);
        place.fathom(asked).assert().success();
        let page = place.path(&format!("fathom-out/{guest}/report.html"));
        std::fs::read_to_string(page).expect("a page")
    };
    let described = |page: &str, chart: &str| {
        let begin = format!("<desc id=\"{chart}-desc\">");
        let after = page.split_once(&begin).expect(chart).1;
        after.split_once("</desc>").expect("an end").0.to_owned()
    };
    let one = described(&report("line-reader", &["--call", "twelve/"]), "timeline");
    assert!(
        one.contains("Input twelve/") && one.contains("The variable lines was observed"),
        "{one}"
    );
    let page = report("random-size", &[]);
    let several = described(&page, "calls");
    assert_eq!(several.matches("8.0 KiB after it").count(), 6, "{several}");
    for decade in [">8 KiB<", ">64 KiB<", ">512 KiB<", ">4 MiB<", ">32 MiB<"] {
        assert!(page.replace('\n', "").contains(decade), "{decade}");
    }
}

/// Whether a variable is named as one that moves with another and says the same.
fn moves_with(listed: &Value, variable: &str) -> bool {
    let others = listed["moves_with"].as_array();
    others.is_some_and(|others| others.iter().any(|other| is_shown(other, variable)))
}

/// Whether it is a variable that the guest shows, or one of the input, of this name.
fn is_shown(listed: &Value, variable: &str) -> bool {
    let shown = format!("set:{variable}");
    let breakpoint = listed["breakpoint"].as_str();
    let places = ["input", "end", shown.as_str()];
    listed["variable"] == variable && breakpoint.is_some_and(|b| places.contains(&b))
}
