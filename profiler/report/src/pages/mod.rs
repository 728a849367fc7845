//! The pages of a running server: the views of the report, and beside them what only a server knows.
//!
//! A page is made of parts, each an element with an id. The page has them all; what has changed since is sent again as a
//! part alone, made by the same function, so that what is seen after an hour is what a reload would show. Scripts and styles
//! are files of the server, and nothing in a page is executed. Deliberately not here: HTTP, and where values come from.

pub(crate) mod bar;
mod call;
pub(crate) mod exact;
pub(crate) mod fleet;
mod function;
mod growth;
mod history;
mod now;
mod plan;
mod problem;
mod problems;
mod recent;
mod shell;

pub use call::{CallView, call_page};
pub use fleet::{FleetView, Sort, fleet_page, fleet_update};
pub use function::{Applied, FunctionView, function_page, function_update};
pub use now::{FunctionNow, Needs, Recommended, ServerNow};
pub(crate) use now::{Sums, savable_bytes};
pub use problem::problem_page;

use crate::chart::Theme;
use crate::html;
use serde::Serialize;
use std::collections::BTreeMap;

/// What replaces parts of a page that is open somewhere: a message of an event stream, as JSON.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Update {
    /// HTML by the id of the element it takes the place of, or becomes where there is none.
    pub parts: BTreeMap<String, String>,
    /// Ids of the rows of the table of functions, in their order; `None` where there is no such table.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub order: Option<Vec<String>>,
}

impl Update {
    /// What of it is not as it was in `before`.
    pub fn since(&self, before: &Update) -> Update {
        let is_new = |(id, html): &(&String, &String)| before.parts.get(*id) != Some(*html);
        let parts = self.parts.iter().filter(is_new);
        Update {
            parts: parts.map(|(id, html)| (id.clone(), html.clone())).collect(),
            order: match self.order == before.order {
                true => None,
                false => self.order.clone(),
            },
        }
    }

    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty() && self.order.is_none()
    }

    fn part(&mut self, id: impl Into<String>, html: maud::Markup) {
        self.parts.insert(id.into(), html.into_string());
    }
}

/// What pages have beside the style of reports.
pub(crate) const OWN_STYLE: &str = include_str!("pages.css");

/// The style of all pages.
pub fn style() -> String {
    let dark = html::dark(&Theme::default());
    [html::STYLE, html::FLAME_STYLE, OWN_STYLE, dark.0.as_str()].concat()
}

/// The script of all pages: it puts updates in place, and zooms and searches flame graphs. Without it pages can be read and
/// reloaded.
pub fn script() -> String {
    [include_str!("live.js"), html::FLAME_SCRIPT].concat()
}
