//! Sentences as HTML: what stands between backticks becomes code. No other markup is known.

use crate::clean::clean;
use maud::{Markup, html};

/// The sentence, with names set as code.
pub(crate) fn prose(text: &str) -> Markup {
    let text = clean(text);
    html! {
        @for (i, part) in text.split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (signs(part)) }
        }
    }
}

/// The signs for which the terminal has stand-ins in ASCII; a number and its unit stay on one line.
pub(super) fn signs(text: &str) -> String {
    let units = ["%", "B", "KiB", "MiB", "GiB"];
    let signs = text.replace("+-", "\u{b1}").replace(" x ", " \u{d7} ");
    let mut words = signs.split(' ');
    let mut out = words.next().unwrap_or_default().to_owned();
    for word in words {
        let unit = word.trim_end_matches(|c: char| c.is_ascii_punctuation() && c != '%');
        let number = out.ends_with(|c: char| c.is_ascii_digit());
        out.push(if number && units.contains(&unit) {
            '\u{a0}'
        } else {
            ' '
        });
        out.push_str(word);
    }
    out
}

/// One paragraph per sentence, each with a capital letter and a full stop.
pub(super) fn paragraphs(said: &[String]) -> Markup {
    html! {
        @for sentence in said { p { (prose(&crate::words::sentence(sentence))) } }
    }
}
