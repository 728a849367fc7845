//! Values to bytes: text, JSON, CSV, HTML, charts.
//!
//! Every function here takes what was recorded ([`trace::Trace`]) or derived ([`trace::Profile`]) and returns text.
//! Nothing is printed, no file is written, no clock is read, and nothing is computed that the profile does not say,
//! apart from sums for a caption. Names that came from a guest, an input or a path are made harmless for the place
//! where they are shown: terminal, spreadsheet, Markdown, HTML.
//!
//! | for | call |
//! |---|---|
//! | a terminal, after `fathom profile` | [`screen()`] |
//! | a terminal, after `fathom run` | [`account()`]; for scripts [`run_record`] |
//! | `fathom traces` | [`trace_list`], [`trace_text`], [`traces_csv`], [`traces_json`] |
//! | the same, under a plan | [`planned_text()`] |
//! | a terminal, after `fathom plan` | [`plan_text()`], [`drift_text()`] |
//! | a terminal, after `fathom replay` | [`replay_text()`] |
//! | a terminal, or a pull request, after `fathom diff` | [`difference_text()`], [`difference_markdown()`] |
//! | a terminal, after `fathom bill` | [`bill_text()`] |
//! | a terminal, after `fathom explain` | [`explanation_text()`] |
//! | a terminal, after `fathom compare gcf` | [`cloud_text()`], [`as_google_text()`]; in Google's form [`as_google_series()`] |
//! | scripts | [`json()`] |
//! | people who were not there | [`html()`], [`markdown()`] |
//! | whoever looks at a running server | [`pages`] |
//! | a comparison of several functions | [`table()`], [`fleet_html()`] |
//! | a picture alone | [`chart`] |
//! | call stacks, and other people's viewers of them | [`stacks`] |

mod account;
mod as_google;
mod bill;
pub mod chart;
mod clean;
mod cloud;
mod context;
mod difference;
mod explanation;
mod fleet;
mod google_calls;
mod html;
mod json;
mod layout;
mod markdown;
mod matched;
pub mod pages;
mod plan;
mod replayed;
mod screen;
mod show;
pub mod stacks;
mod table;
mod traces;
mod words;

pub use account::{account, run_record};
pub use as_google::{as_google_series, as_google_text};
pub use bill::bill_text;
pub use clean::clean;
pub use cloud::cloud_text;
pub use context::{Context, Problem, Style};
pub use difference::{difference_markdown, difference_text};
pub use explanation::explanation_text;
pub use fleet::{Fleet, rank};
pub use html::{fleet_html, html};
pub use json::json;
pub use markdown::markdown;
pub use plan::{drift_text, plan_text, planned_text};
pub use replayed::replay_text;
pub use screen::screen;
pub use table::table;
pub use traces::{trace_list, trace_text, traces_csv, traces_json};
