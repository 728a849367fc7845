//! Charts as files: what `fathom report --charts` writes, of calls that were run here and of calls from elsewhere, and what is
//! said where there is no such chart.

use crate::support::{Place, printed, wat};
use std::fs;

/// Width and height of a PNG, by its header.
fn size(file: &[u8]) -> (u32, u32) {
    assert_eq!(&file[..8], b"\x89PNG\r\n\x1a\n");
    let number = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().expect("four bytes"));
    (number(16), number(20))
}

#[test]
fn every_chart_is_written_as_svg_and_as_png() {
    let place = Place::new();
    place.lines(&[300, 800, 1900, 3100]);
    let run = ["profile", &wat("exact-allocations"), "lines"];
    place.fathom(run).assert().success();
    let args = ["report", "exact-allocations", "--charts", "pictures"];
    let drawn = place.json(&[&args[..], &["--json"]].concat());
    assert_eq!(drawn["schema"], "fathom.charts/1");
    let charts = drawn["charts"].as_array().expect("a list");
    let names: Vec<&str> = charts.iter().filter_map(|c| c["name"].as_str()).collect();
    assert_eq!(
        names,
        ["timeline", "calls", "relation", "allocation", "bill"]
    );
    for chart in charts {
        let file = |end: &str| {
            let path = chart["files"][end].as_str().expect("a file");
            fs::read(place.path(path)).expect(path)
        };
        let svg = String::from_utf8(file("svg")).expect("UTF-8");
        let described = chart["description"].as_str().expect("a description");
        let escaped = described.replace('&', "&amp;").replace('<', "&lt;");
        assert!(svg.starts_with("<svg") && svg.contains(&escaped.replace('>', "&gt;")));
        assert!(size(&file("png")).0 > 1_700, "{}", chart["name"]);
    }

    let one = ["report", "--charts", "one", "--chart", "bill"];
    let (code, said, _) = printed(&mut place.fathom(one));
    assert_eq!((code, said.as_str()), (0, "one/bill.svg\none/bill.png\n"));
    assert_eq!(
        fs::read_dir(place.path("one")).expect("a folder").count(),
        2
    );
}

#[test]
fn a_chart_that_is_not_there_is_named_with_those_that_are() {
    let place = Place::new();
    place.import_calls(
        "f",
        "1,100000000,256,1,1\n2,120000000,256,1,2\n3,140000000,256,1,3\n",
    );
    let with = |more: &[&str]| {
        let args = ["report", "f", "--db", "calls.db"];
        printed(&mut place.fathom([&args[..], more].concat()))
    };
    let (code, said, _) = with(&["--charts", "all"]);
    assert_eq!(code, 0);
    assert!(
        said.contains("all/relation.png") && !said.contains("timeline"),
        "{said}"
    );
    for (more, expected) in [
        (
            vec!["--charts", "x", "--chart", "timeline"],
            "There are: relation, allocation, bill",
        ),
        (
            vec!["--charts", "x", "--chart", "relatoin"],
            "possible values: timeline",
        ),
        (vec!["--chart", "relation"], "--charts <FOLDER>"),
        (
            vec!["--charts", "x", "--format", "csv"],
            "cannot be used with",
        ),
    ] {
        let (code, _, said) = with(&more);
        assert!(code != 0 && said.contains(expected), "{more:?}: {said}");
    }
    assert!(!place.path("x").exists());
}
