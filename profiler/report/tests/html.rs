//! The HTML report: self-contained, complete, and safe whatever the names in it are.

mod common;

use base64::{Engine, engine::general_purpose::STANDARD};
use report::{Context, html};
use sha2::Digest;
use trace::{Profile, Trace};

fn page(profile: &Profile, traces: &[Trace]) -> String {
    let next = Some("fathom profile x --sweep n=1..9".to_owned());
    html(
        profile,
        traces,
        &Context {
            next,
            ..Context::of_calls(traces)
        },
    )
}

#[test]
fn the_first_page_answers_and_the_rest_follows() {
    // A number and its unit are kept on one line by a space that does not break.
    let page = page(&common::profile(), &common::traces()).replace('\u{a0}', " ");
    let mut from = 0;
    for part in [
        "Give each call",
        "24.9 MiB",
        "Today",
        "256 MiB",
        "Saving",
        "90 % less memory held",
        "Confidence",
        "LOW",
        "Because",
        "86 B \u{d7} max(lines)",
        "To be surer",
        "87 more distinct inputs",
        "What else could explain it",
        "What would change this",
        "What is not known",
        "Deploy to",
        "Cloud Functions gen1",
        "<svg",
        "<svg",
        "<svg",
        "<svg",
        "Method and margins",
        "Models",
        "Variables",
        "All calls",
        "corpus.dat",
        "calls.csv",
        "profile.json",
    ] {
        let found = page[from..].find(part);
        from += found.unwrap_or_else(|| {
            panic!(
                "{part} is missing after {}",
                &page[from.saturating_sub(200)..from]
            )
        });
    }
}

#[test]
fn nothing_is_fetched_and_nothing_is_executed() {
    for (profile, traces) in [
        (common::profile(), common::traces()),
        common::hostile(),
        common::too_late(),
    ] {
        let page = page(&profile, &traces).to_lowercase();
        let shown = page.replace("http://www.w3.org/2000/svg", "");
        for forbidden in [
            "<script", "http://", "https://", "src=", "@import", "url(", "<link", "<iframe",
            "onload",
        ] {
            assert!(!shown.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'"));
        for link in shown.split("href=\"").skip(1) {
            assert!(link.starts_with("data:"), "{link:.40}");
        }
    }
}

#[test]
fn hostile_names_are_shown_not_interpreted() {
    let (profile, traces) = common::hostile();
    let page = page(&profile, &traces);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"));
    let bad = |c: &char| (c.is_control() && *c != '\n') || *c == '\u{202e}';
    assert_eq!(page.chars().find(bad), None);
}

/// The one script is ours, and the policy lets nothing else run: it names the script's digest.
#[test]
fn flame_graphs_come_with_one_script_and_nothing_else_runs() {
    for trace in [
        common::stacks::with_stacks("a.txt", "A"),
        common::stacks::hostile(),
    ] {
        let page = page(&common::profile(), &[trace]);
        assert_eq!(
            page.matches("<figure class=\"flame\"").count(),
            3,
            "peak, allocated, CPU"
        );
        assert_eq!(page.matches("<script>").count(), 1, "what is executed");
        // What else is in a script element is data, and no name in it ends it.
        let data: Vec<&str> = page.split("<script ").skip(1).collect();
        assert_eq!(data.len(), 2, "of memory and of CPU time");
        for data in data {
            let (data, _) = data.split_once('<').expect("closed");
            let json = data.strip_prefix("type=\"application/json\">");
            serde_json::from_str::<serde_json::Value>(json.expect("JSON")).expect("JSON");
        }
        let (_, script) = page.split_once("<script>").expect("a script");
        let (script, _) = script.split_once("</script>").expect("closed");
        let digest = STANDARD.encode(sha2::Sha256::digest(script));
        let policy =
            format!("default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'");
        let written = page.split_once("content=\"").expect("a policy").1;
        let written = written
            .split_once('"')
            .expect("ends")
            .0
            .replace("&#39;", "'");
        assert_eq!(written, policy);
        // Nor do pages that a server sends with a stricter policy need more than files of it.
        for drawn in page
            .split("<figure class=\"")
            .skip(1)
            .filter(|f| !f.starts_with("\">"))
        {
            let drawn = drawn.split_once("</figure>").expect("closed").0;
            assert!(!drawn.contains(" style="), "{drawn}");
        }
        let page = page.replace("http://www.w3.org/2000/svg", "");
        for handler in [
            " onload=",
            " onclick=",
            "javascript:",
            "<iframe",
            "src=",
            "http://",
            "https://",
        ] {
            assert!(!page.contains(handler), "{handler}");
        }
    }
}

/// The frames keep their shares, and who held most is told in a table and in a sentence.
#[test]
fn the_flame_graph_of_the_page_has_the_amounts() {
    let calls = [common::stacks::with_stacks("a.txt", "A")];
    let page = page(&common::profile(), &calls);
    for part in [
        "<title>words::read (main.rs:31) (2,000 bytes, 66.67%)</title>",
        "<title>words::keep (main.rs:40) (1,000 bytes, 33.33%)</title>",
        "width=\"66.6667%\"",
        "Who held the memory at the peak (1 call, every allocation)",
        "<code>words::read</code>",
    ] {
        assert!(page.contains(part), "no {part}");
    }
    let context = Context::of_calls(&calls);
    let screen = report::screen(&common::profile(), &context, report::Style::default());
    assert!(
        screen.contains("Who    67 % of the peak is held by `words::read` (main.rs:31)"),
        "{screen}"
    );
    let markdown = report::markdown(&common::profile(), &context);
    assert!(
        markdown.contains("| 67 % | 2.0 KiB | 2.0 KiB | words::read | main.rs:31 |"),
        "{markdown}"
    );
    let text = report::trace_text(&calls[0]);
    assert!(
        text.contains("words::read") && text.contains("main.rs:31"),
        "{text}"
    );
}

#[test]
fn the_embedded_data_is_the_data() {
    let (profile, traces) = (common::profile(), common::traces());
    let page = page(&profile, &traces);
    let embedded = |kind: &str| {
        let from = page
            .split_once(&format!("data:{kind};charset=utf-8,"))
            .expect(kind)
            .1;
        decoded(from.split_once('"').expect("ends").0)
    };
    assert_eq!(embedded("text/csv"), report::traces_csv(&traces));
    // Without the spaces.
    let json = String::from_utf8(embedded("application/json")).expect("UTF-8");
    assert_eq!(values(&json), values(&report::json(&profile)));
}

fn values(json: &str) -> serde_json::Value {
    serde_json::from_str(json).expect("JSON")
}

/// A thousand calls of all that can be recorded of one: samples, hits of several variables, stacks, what a server adds.
#[test]
fn a_report_of_a_thousand_calls_can_be_sent_by_mail() {
    let mut profile = common::profile();
    let recommendation = profile.recommendation.as_mut().expect("a recommendation");
    recommendation.calls.clear();
    let mut traces = Vec::new();
    for at in 0..1_000 {
        let (label, lines) = (format!("input-{at:04}.txt"), 1_000 + at * 249);
        let mut trace = common::call(&label, lines, 1 + at % 12);
        let stacks = common::stacks::with_stacks(&label, "A");
        (trace.heap_profile, trace.cpu_profile) = (stacks.heap_profile, stacks.cpu_profile);
        let again = trace.observations.clone();
        let more = again.into_iter().flat_map(|observed| {
            ["rows", "columns"].map(|name| {
                let variable = name.to_owned();
                trace::Observed {
                    variable,
                    ..observed.clone()
                }
            })
        });
        trace.observations.extend(more);
        traces.push(trace);
        let mut given = common::allocated(&label, lines);
        given.input_digest = format!("sha256:{at:064}");
        recommendation.calls.push(given);
    }
    let traces = common::served(&traces);
    let page = page(&profile, &traces);
    assert!(page.len() < 2_000_000, "{} bytes", page.len());
    // All of it is there all the same.
    assert_eq!(page.matches("<th scope=\"row\">input-").count(), 1_000);
    for kind in ["text/csv", "application/json"] {
        let link = page.split_once(&format!("data:{kind};charset=utf-8,"));
        let link = link.expect(kind).1.split_once('"').expect("ends").0;
        let text = String::from_utf8(decoded(link)).expect("UTF-8");
        assert!(text.contains("input-0999.txt"), "{kind}");
    }
}

fn decoded(text: &str) -> Vec<u8> {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        bytes.push(u8::from_str_radix(&part[..2], 16).expect("two digits"));
        bytes.extend(part[2..].bytes());
    }
    bytes
}

#[test]
fn every_table_has_headers_and_every_tag_is_closed() {
    let page = page(&common::profile(), &common::traces());
    for table in page.split("<table>").skip(1) {
        let table = table.split_once("</table>").expect("closed").0;
        assert!(
            table.contains("<thead>")
                && table.contains("scope=\"col\"")
                && table.contains("scope=\"row\"")
        );
    }
    for tag in [
        "table", "tr", "section", "div", "dl", "figure", "svg", "details", "code",
    ] {
        let opened =
            page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
    }
}

#[test]
fn a_report_of_failures_only_says_so_and_lists_them() {
    let (profile, traces) = common::nothing_succeeded();
    let page = page(&profile, &traces);
    assert!(page.contains("no recommendation, none of 2 calls succeeded"));
    assert!(page.contains("trap: unreachable in <code>parse</code>"));
    let empty = html(&profile, &[], &Context::default());
    assert!(empty.contains("No call is recorded here."));
}
