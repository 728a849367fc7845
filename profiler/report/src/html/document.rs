//! What is around a report in one file: head with its policy and style, a note that says what it is made of. Not of the pages of a
//! server, whose style and script are files of their own.

use super::{STYLE, dark};
use crate::chart::Theme;
use maud::{DOCTYPE, Markup, PreEscaped, html};

/// One page.
pub(super) struct Document<'a> {
    /// What it is of.
    pub(super) title: &'a str,
    /// What may be fetched and executed.
    pub(super) policy: &'a str,
    /// Style beside that of all reports.
    pub(super) style: &'a str,
    /// Class of the body.
    pub(super) class: Option<&'a str>,
}

impl Document<'_> {
    /// The page; `foot` stands below the note at its end.
    pub(super) fn page(&self, header: &Markup, main: &Markup, foot: &Markup) -> String {
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta http-equiv="Content-Security-Policy" content=(self.policy);
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " - Fathom report" }
                    style { (PreEscaped(STYLE)) (PreEscaped(self.style)) (dark(&Theme::default())) }
                }
                body class=[self.class] {
                    (header)
                    main { (main) }
                    footer {
                        p { "Made by Fathom from numbers and lengths only: no body, text or environment value of a call is recorded." }
                        (foot)
                    }
                }
            }
        };
        page.into_string()
    }
}
