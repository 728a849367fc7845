//! What is around every page: head, navigation, the sign that says whether it is live.

use maud::{DOCTYPE, Markup, html};

/// One page.
pub(super) struct Shell<'a> {
    /// What the page is of.
    pub(super) title: &'a str,
    /// Path of the events that keep it as it is now; `None` where nothing changes.
    pub(super) events: Option<&'a str>,
    /// From the overview to here, name and path; empty on the overview, and on a page that is nowhere.
    pub(super) trail: &'a [(&'a str, String)],
}

impl Shell<'_> {
    pub(super) fn page(&self, body: &Markup) -> String {
        let is_overview = self.trail.is_empty() && self.events.is_some();
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="color-scheme" content="light dark";
                    title { (self.title) " - Fathom" }
                    link rel="icon" href="/assets/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/assets/style.css";
                    script src="/assets/pages.js" defer {}
                }
                body.served data-events=[self.events] {
                    a.skip href="#content" { "Skip to the content" }
                    nav.top aria-label="Fathom" {
                        a.home href="/" aria-current=[is_overview.then_some("page")] { "Fathom" }
                        @for (i, (name, path)) in self.trail.iter().enumerate() {
                            span.parted aria-hidden="true" { "/" }
                            a href=(path) aria-current=[(i + 1 == self.trail.len()).then_some("page")] { (name) }
                        }
                        @if self.events.is_some() {
                            span #live role="status" { "reload to see what is new" }
                        }
                    }
                    main #content tabindex="-1" { (body) }
                    footer {
                        p {
                            "The same for scripts: " a href="/api/v1/openapi.json" { "API" } ", " a href="/metrics" { "metrics" }
                            ". Numbers and lengths only are recorded: no body, text or environment value of a call."
                        }
                    }
                }
            }
        };
        page.into_string()
    }
}
