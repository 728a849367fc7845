//! Sentences as HTML: what stands between backticks becomes code. No other markup is known.

use crate::clean::clean;
use maud::{Markup, html};

/// The sentence, with names set as code.
pub(super) fn prose(text: &str) -> Markup {
    let text = clean(text);
    html! {
        @for (i, part) in text.split('`').enumerate() {
            @if i % 2 == 1 { code { (part) } } @else { (signs(part)) }
        }
    }
}

/// The signs for which the terminal has stand-ins in ASCII.
pub(super) fn signs(text: &str) -> String {
    text.replace("+-", "\u{b1}").replace(" x ", " \u{d7} ")
}

/// One paragraph per sentence, each with a capital letter and a full stop.
pub(super) fn paragraphs(said: &[String]) -> Markup {
    html! {
        @for sentence in said { p { (prose(&crate::words::sentence(sentence))) } }
    }
}
