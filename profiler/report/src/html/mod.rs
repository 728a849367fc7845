//! The report as one HTML file that needs nothing else: style and charts inline, data embedded, no network. Where there
//! are flame graphs one script zooms and searches them; otherwise there is none.
//!
//! The first page answers; what follows is for those who want to check. Every text from outside goes through maud,
//! which escapes it, after control characters were taken out.

mod calls;
mod card;
mod data;
mod document;
mod figures;
mod flame;
mod fleet;
mod heatmap;
mod method;
mod prose;
mod wide;

use crate::chart::Theme;
use crate::clean::clean;
use crate::show::utc;
use crate::{Context, words};
pub(crate) use card::{card, deploy, problems};
pub use fleet::fleet_html;

use document::Document;
pub(crate) use figures::{figure, one_call, wasted};
pub(crate) use flame::{SCRIPT as FLAME_SCRIPT, STYLE as FLAME_STYLE, flames};
use maud::{Markup, PreEscaped, html as markup};
pub(crate) use method::method;
pub(crate) use prose::prose;
use trace::{Profile, Trace};
pub(crate) use wide::wide;

pub(crate) const STYLE: &str = include_str!("style.css");

/// Nothing is fetched from anywhere, and nothing is executed, whatever a name in the report contains.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'";

/// Likewise, apart from the script of the flame graphs.
fn policy(has_flames: bool) -> String {
    match has_flames {
        true => format!("{POLICY}; script-src '{}'", *flame::SCRIPT_DIGEST),
        false => POLICY.to_owned(),
    }
}

/// The report: one self-contained page that can be printed, light or dark as the reader's screen is.
pub fn html(profile: &Profile, traces: &[Trace], context: &Context) -> String {
    let theme = Theme::default();
    let name = clean(&profile.function.name);
    let flames = flames(context);
    let document = Document {
        title: &name,
        policy: &policy(flames.is_some()),
        style: flame::STYLE,
        class: None,
    };
    document.page(
        &header(profile, context),
        &markup! {
            (card(profile, context, &Markup::default()))
            (caution(profile, context))
            (problems(context))
            (deploy(profile, context))
            (figures::figures(profile, traces, context, &theme))
            @if let Some(flames) = flames { (flames) (flame::script()) }
            (method(profile))
            (calls::calls(profile, traces))
            (data::data(profile, traces))
        },
        &markup! { p.digest { (clean(&profile.function.digest)) } },
    )
}

/// Rules that turn the colours of charts where the reader's screen is dark.
pub(crate) fn dark(theme: &Theme) -> Markup {
    PreEscaped(format!(
        "@media screen and (prefers-color-scheme: dark) {{\n{}}}\n",
        theme.dark_css()
    ))
}

/// From 1973 on numbers are taken as times, milliseconds since 1970.
const FIRST_TIME: u64 = 100_000_000_000;

fn header(profile: &Profile, context: &Context) -> Markup {
    // Imported calls may be ordered by something that is no time.
    let recorded = context
        .recorded_unix_ms
        .filter(|at| *at >= FIRST_TIME)
        .map(utc);
    markup! {
        header {
            p.eyebrow { "Fathom report" }
            h1 { (clean(&profile.function.name)) }
            p.facts {
                (words::tally(&profile.invocations, context.elapsed_seconds))
                @if let Some(recorded) = recorded { ", recorded " (recorded) }
            }
        }
    }
}

/// The three lines that keep the answer honest.
pub(crate) fn caution(profile: &Profile, context: &Context) -> Markup {
    let lines = [
        ("What else could explain it", words::else_explains(profile)),
        ("What would change this", words::changes(profile)),
        ("What is not known", words::unknown(profile, context)),
    ];
    markup! {
        section.caution aria-label="Caution" {
            dl {
                @for (name, said) in &lines {
                    div { dt { (name) } dd { (prose(said)) } }
                }
            }
        }
    }
}
