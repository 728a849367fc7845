//! What may be wider than the page: it is scrolled by itself, by pointer and by keyboard, and has a name for those who do not see it.

use maud::{Markup, html};

/// A table, with a name for what is in it.
pub(crate) fn wide(name: &str, table: &Markup) -> Markup {
    html! {
        div.wide tabindex="0" role="region" aria-label={ (name) ", a table that can be scrolled" } { (table) }
    }
}
