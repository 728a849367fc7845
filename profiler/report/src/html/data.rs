//! The data itself, inside the report: to be saved by a click, or read where links to data are not followed.

use crate::{json, traces_csv};
use maud::{Markup, html};
use std::fmt::Write;
use trace::{Profile, Trace};

/// Bytes up to which the data is also shown as text: of more nobody reads all, and each byte would be there twice.
const READABLE: usize = 60_000;

pub(super) fn data(profile: &Profile, traces: &[Trace]) -> Markup {
    // Of what a program reads the spaces are half.
    let compact = serde_json::to_string(profile).unwrap_or_default();
    let json = json(profile);
    let csv = String::from_utf8_lossy(&traces_csv(traces)).into_owned();
    html! {
        section {
            h2 { "Data" }
            p {
                a download="calls.csv" href=(link("text/csv", &csv)) { "calls.csv" } ", one row per call; "
                a download="profile.json" href=(link("application/json", &compact)) { "profile.json" } ", everything this page says."
            }
            @for (name, text) in [("CSV", &csv), ("JSON", &json)] {
                @if text.len() <= READABLE { details { summary { (name) } pre { (visible(text)) } } }
            }
        }
    }
}

/// A link that holds the file (RFC 2397), percent-encoded so that no byte can end the attribute, the link or an
/// element. What is left as it is are the characters of URLs that make up most of CSV and JSON.
fn link(kind: &str, text: &str) -> String {
    let mut link = format!("data:{kind};charset=utf-8,");
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~,:;{}[]".contains(&byte) {
            link.push(byte as char);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(link, "%{byte:02X}");
        }
    }
    link
}

/// Lines as they are, other control characters taken out.
fn visible(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(crate::clean::clean).collect();
    lines.join("\n")
}
