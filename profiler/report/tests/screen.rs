//! The text a user reads, against the text that was agreed on: `tests/expected`. `BLESS=1 cargo test -p report`
//! writes what is said now; look at the difference before committing it.

mod common;

use report::{Context, Style, account, markdown, screen, trace_list, trace_text};
use std::path::Path;
use std::{env, fs};
use trace::{Outcome, Profile, Trace};

#[track_caller]
fn expect(name: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/expected")
        .join(name);
    if env::var_os("BLESS").is_some() {
        fs::write(&path, actual).unwrap();
        return;
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        actual == expected,
        "{name} differs (BLESS=1 accepts it)\n--- expected\n{expected}\n--- actual\n{actual}"
    );
}

fn context(traces: &[Trace]) -> Context {
    Context {
        elapsed_seconds: Some(3.1),
        report_path: Some("fathom-out/line-reader/report.html".into()),
        database_path: Some(".fathom/fathom.db".into()),
        next: Some("fathom profile guest-examples/line-reader --sweep n=1e3..4e5:100".to_owned()),
        ..Context::of_calls(traces)
    }
}

fn cases() -> Vec<(&'static str, Profile, Vec<Trace>)> {
    let (late, late_traces) = common::too_late();
    let (product, product_traces) = common::product();
    let (nothing, nothing_traces) = common::nothing_succeeded();
    let (constant, constant_traces) = common::constant();
    vec![
        ("linear", common::profile(), common::traces()),
        ("constant", constant, constant_traces),
        ("too-few", common::too_few(), common::traces()[9..].to_vec()),
        ("too-late", late, late_traces),
        ("product", product, product_traces),
        ("nothing", nothing, nothing_traces),
    ]
}

#[test]
fn the_screen_says_what_was_agreed_in_every_honest_case() {
    for (name, profile, traces) in cases() {
        let text = screen(&profile, &context(&traces), Style::default());
        expect(&format!("{name}.txt"), &text);
    }
}

#[test]
fn markdown_says_the_same() {
    let text = markdown(&common::profile(), &context(&common::traces()));
    expect("linear.md", &text);
    let (profile, traces) = common::product();
    expect("product.md", &markdown(&profile, &context(&traces)));
}

#[test]
fn the_account_and_the_list_of_calls_read_as_agreed() {
    let call = common::call("twelve-files", 52_000, 12);
    expect("account.txt", &account(&call));
    let limited = common::ended(
        "huge.dat",
        900_000,
        Outcome::Limited,
        "asked for 80 MiB, allowed 64 MiB",
    );
    expect(
        "call.txt",
        &trace_text(&common::ended("huge.dat", 1_000, Outcome::Limited, "no")),
    );
    let list = [(1, &call), (22, &limited)];
    expect("list.txt", &trace_list(list, Style::default()));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for width in [80, 100, 110, 200] {
        for (name, profile, traces) in cases() {
            let style = Style {
                color: false,
                width,
            };
            let context = Context {
                next: None,
                ..context(&traces)
            };
            for line in screen(&profile, &context, style).lines() {
                assert!(line.chars().count() <= width, "{name}, {width}: {line}");
            }
        }
    }
}

#[test]
fn colours_change_no_character_and_only_appear_when_asked_for() {
    for (name, profile, traces) in cases() {
        let context = context(&traces);
        let plain = screen(&profile, &context, Style::default());
        let coloured = screen(
            &profile,
            &context,
            Style {
                color: true,
                ..Style::default()
            },
        );
        assert!(!plain.contains('\u{1b}'), "{name}");
        assert!(coloured.contains('\u{1b}'), "{name}");
        assert_eq!(without_escapes(&coloured), plain, "{name}");
    }
}

fn without_escapes(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |out, part| {
        out + part.split_once('m').map_or("", |(_, rest)| rest)
    })
}

#[test]
fn hostile_names_reach_no_terminal_as_control_characters() {
    let (profile, traces) = common::hostile();
    let mut text = screen(&profile, &context(&traces), Style::default());
    for trace in &traces {
        text += &account(trace);
        text += &trace_text(trace);
    }
    text += &trace_list(traces.iter().map(|t| (1, t)), Style::default());
    text += &markdown(&profile, &context(&traces));
    let bad = |c: &char| (c.is_control() && !"\n\t".contains(*c)) || *c == '\u{202e}';
    assert_eq!(text.chars().find(bad), None);
}

#[test]
fn an_extrapolated_call_is_named() {
    let mut profile = common::profile();
    let r = profile.recommendation.as_mut().unwrap();
    r.calls.push(common::allocated("future.dat", 900_000));
    let text = screen(&profile, &Context::default(), Style::default());
    assert!(
        text.contains("future.dat: `stdin_bytes` = 51.5 MiB lies outside 58.6 KiB..14.3 MiB"),
        "{text}"
    );
}

#[test]
fn what_calls_that_were_cut_off_need_is_told_as_a_lower_bound() {
    let mut profile = common::profile();
    let r = profile.recommendation.as_mut().unwrap();
    for (label, outcome) in [
        ("a", Outcome::Limited),
        ("b", Outcome::Limited),
        ("c", Outcome::TimedOut),
    ] {
        r.calls.push(trace::CallAllocation {
            input_digest: String::new(),
            outcome,
            ..common::allocated(label, 400_000)
        });
    }
    r.verified = Some(trace::Verification {
        calls: 1,
        failures: 0,
        failed_inputs: Vec::new(),
    });
    let shown = screen(
        &profile,
        &Context::default(),
        Style {
            width: 300,
            ..Style::default()
        },
    );
    let html = report::html(&profile, &[], &Context::default());
    let why = "only a lower bound: 2 calls were cut off by the memory limit and 1 call was cut off by the deadline";
    for text in [&shown, &markdown(&profile, &Context::default()), &html] {
        assert!(text.to_lowercase().contains(why), "{text}");
        assert!(text.contains("at least"), "{text}");
        assert!(
            text.contains("the only call succeeded again under its"),
            "{text}"
        );
    }
}
