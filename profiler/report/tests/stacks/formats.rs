//! Formats of which everything can be said without their viewer, and names that would break them.

use crate::common::stacks::{HOSTILE, hostile, sampled, with_stacks};
use report::stacks::{
    By, Folded, Measure, Merged, View, collapsed, differential, firefox, flamegraph, perf_script,
};
use trace::{Bytes, Trace};

pub(crate) fn folded(trace: &Trace, view: View, by: By) -> Folded {
    let merged = Merged::of([trace]).expect("a call");
    merged.folded(view, Measure::Bytes, by).expect("stacks")
}

/// Well-formed, and the text of every element and attribute.
fn read_xml(svg: &str) -> Vec<String> {
    let mut reader = quick_xml::Reader::from_str(svg);
    let mut titles = Vec::new();
    let mut in_title = false;
    let mut depth = 0_i32;
    loop {
        use quick_xml::events::Event;
        match reader.read_event().expect("well-formed XML") {
            Event::Start(tag) => {
                depth += 1;
                in_title = tag.name().as_ref() == b"title";
                if in_title {
                    titles.push(String::new());
                }
                tag.attributes()
                    .for_each(|a| drop(a.expect("an attribute")));
            }
            Event::End(_) => {
                depth -= 1;
                in_title = false;
            }
            Event::Text(text) if in_title => {
                titles
                    .last_mut()
                    .expect("open")
                    .push_str(&text.decode().expect("UTF-8"));
            }
            Event::GeneralRef(name) if in_title => {
                titles
                    .last_mut()
                    .expect("open")
                    .push_str(&format!("&{};", name.decode().expect("UTF-8")));
            }
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(depth, 0, "every element ends");
    titles
}

#[test]
fn a_flame_graph_is_xml_with_the_amounts_of_every_frame() {
    let trace = with_stacks("a.txt", "A");
    let titles = read_xml(&flamegraph(&folded(&trace, View::AtPeak, By::Line)).expect("drawn"));
    assert!(
        titles.contains(&"all (3,000 bytes, 100%)".to_owned()),
        "{titles:?}"
    );
    assert!(
        titles.contains(&"words::read (main.rs:31) (2,000 bytes, 66.67%)".to_owned()),
        "{titles:?}"
    );
    assert!(
        titles.contains(&"words::keep (main.rs:40) (1,000 bytes, 33.33%)".to_owned()),
        "{titles:?}"
    );
    let cpu = read_xml(&flamegraph(&folded(&trace, View::Cpu, By::Function)).expect("drawn"));
    assert!(
        cpu.contains(&"words::read (2,000 us, 66.67%)".to_owned()),
        "{cpu:?}"
    );
}

#[test]
fn the_same_profile_is_the_same_picture() {
    let draw = || {
        flamegraph(&folded(
            &with_stacks("a.txt", "A"),
            View::Allocated,
            By::Line,
        ))
    };
    assert_eq!(draw(), draw());
}

/// `keep` holds twice as much as before, of a total that is 3,000 before and 4,000 now.
#[test]
fn a_differential_flame_graph_says_what_became_more() {
    let before = folded(&with_stacks("a.txt", "A"), View::AtPeak, By::Function);
    let mut more = with_stacks("a.txt", "A");
    more.heap_profile.as_mut().expect("a profile").by_stack[1]
        .at_peak
        .bytes = 2000.0;
    let now = folded(&more, View::AtPeak, By::Function);
    let titles = read_xml(&differential(&before, &now).expect("drawn"));
    assert!(
        titles.contains(&"words::keep (2,000 bytes, 50.00%; 0.00%)".to_owned()),
        "{titles:?}"
    );
    assert!(
        titles.contains(&"malloc (2,000 bytes, 50.00%; +25.00%)".to_owned())
            && titles.contains(&"malloc (2,000 bytes, 50.00%; 0.00%)".to_owned()),
        "{titles:?}"
    );
}

#[test]
fn no_name_breaks_a_format() {
    let trace = hostile();
    for view in [View::AtPeak, View::Allocated, View::Cpu] {
        let folded = folded(&trace, view, By::Line);
        let svg = flamegraph(&folded).expect("drawn");
        read_xml(&svg);
        assert!(!svg.contains("<script>alert"), "escaped");
        assert!(
            !svg.chars()
                .any(|c| c.is_control() && c != '\n' && c != '\t'),
            "clean"
        );
        // What inferno's own reader makes of the lines is the total again.
        let mut merged = Vec::new();
        let lines = collapsed(&folded);
        let options = inferno::differential::Options::default();
        inferno::differential::from_readers(options, lines.as_bytes(), &b""[..], &mut merged)
            .expect("read");
        let read = String::from_utf8(merged).expect("UTF-8");
        let sum: f64 = read
            .lines()
            .map(|line| {
                line.rsplit(' ')
                    .nth(1)
                    .expect("two weights")
                    .parse::<f64>()
                    .expect("a weight")
            })
            .sum();
        assert_eq!(sum, folded.total().round(), "{read}");
        assert_eq!(read.lines().count(), lines.lines().count());
    }
    let json = firefox(&trace, View::AtPeak).expect("written");
    serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
    assert!(
        HOSTILE.contains('\u{1b}') && !json.contains("\\u001b"),
        "clean"
    );
}

/// 1,000, 2,000 and 1,000 bytes are 1, 2 and 1 times 1,000; the release is no event.
#[test]
fn perf_script_has_an_event_for_every_so_many_bytes() {
    let trace = with_stacks("a.txt", "A");
    let script =
        perf_script(&[&trace], View::Allocated, Some(Bytes(1000)), By::Line).expect("written");
    let events = |text: &str| {
        text.lines()
            .filter(|line| line.ends_with(" alloc-bytes:"))
            .count()
    };
    assert_eq!(events(&script.text), 4);
    let record = "line-reader 1/1 [000] 0.000300: alloc-bytes:\n\
         \t             3c0 malloc (line-reader.wasm)\n\
         \t             2f0 words::keep (main.rs:40) (line-reader.wasm)\n\
         \t             1a0 words::main (main.rs:10) (line-reader.wasm)\n\n";
    assert!(script.text.ends_with(record), "{}", script.text);
    assert!(
        script
            .text
            .contains("\t             2b0 alloc::vec::Vec<T>::push (mod.rs:2500) (inlined)\n")
    );
    // Estimates: ten times the bytes. And a second call follows the first.
    let estimate = sampled("b.txt");
    let both = perf_script(
        &[&trace, &estimate],
        View::Allocated,
        Some(Bytes(1000)),
        By::Line,
    );
    let both = both.expect("written");
    assert_eq!((events(&both.text), both.calls), (4 + 40, 2));
    let second = trace.wall.0 + 100_000;
    let time = format!("line-reader 2/2 [000] 0.{:06}: alloc-bytes:", second / 1000);
    assert!(both.text.contains(&time), "{time}");
    let error = perf_script(&[&trace], View::AtPeak, None, By::Line).expect_err("no such thing");
    assert!(
        error.to_string().contains("`allocated` or `cpu`"),
        "{error}"
    );
}
