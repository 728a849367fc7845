//! Who allocated the memory, and where the time went, as flame graphs that can be zoomed and searched, below heatmaps
//! that say when.
//!
//! The frames are inferno's, put into the page as SVG; without scripts they can be read, printed, and pointed at. The
//! one script is ours, the same in every page, and a page's policy names it: nothing else is executed, whatever a name in
//! the report contains.

use super::heatmap::heatmap;
use super::wide::wide;
use crate::Context;
use crate::clean::clean;
use crate::show::counted;
use crate::stacks::{By, Folded, Measure, Merged, View, Who, frames_only};
use base64::{Engine, engine::general_purpose::STANDARD};
use maud::{Markup, PreEscaped, html};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;

/// Zooms and searches every `.flame` of a page, and opens the ranges of its heatmaps. What it declares is its own.
pub(crate) const SCRIPT: &str = concat!(
    "\"use strict\";\n{\n",
    include_str!("flame.js"),
    include_str!("heatmap.js"),
    "}\n"
);

/// What flame graphs and heatmaps look like; with the variables of `style.css`.
pub(crate) const STYLE: &str = include_str!("flame.css");

/// The script as a policy names it where it is in the page: `sha256-` and its digest (Content Security Policy Level 3,
/// section 6.7.2.3).
pub(super) static SCRIPT_DIGEST: LazyLock<String> =
    LazyLock::new(|| format!("sha256-{}", STANDARD.encode(Sha256::digest(SCRIPT))));

/// What is drawn of the memory, and of the time.
const VIEWS: [View; 3] = [View::AtPeak, View::Allocated, View::Cpu];

/// The flame graphs of the calls, with the heatmaps whose ranges they can show, where any call has stacks. They need
/// [`SCRIPT`] and [`STYLE`].
pub(crate) fn flames(context: &Context) -> Option<Markup> {
    let merged = context.stacks.as_ref()?;
    let drawn = |view| Some((flame(merged, view)?, heatmap(merged, view)));
    let shown: Vec<(Markup, Option<Markup>)> = VIEWS.into_iter().filter_map(drawn).collect();
    (!shown.is_empty()).then(|| {
        html! {
            section {
                h2 { (if merged.has(View::AtPeak) { "Who allocated it" } else { "Call stacks" }) }
                @if let Some(who) = Who::of(merged) { (holders(&who)) }
                @for (flame, heatmap) in &shown {
                    @if let Some(heatmap) = heatmap { (heatmap) }
                    (flame)
                }
                @if !merged.has(View::Cpu) {
                    p.note { "Where the CPU time goes by call stack is recorded by " code { "fathom profile --cpu" } "." }
                }
            }
        }
    })
}

/// [`SCRIPT`], in the page.
pub(super) fn script() -> Markup {
    html! { script { (PreEscaped(SCRIPT)) } }
}

fn flame(merged: &Merged, view: View) -> Option<Markup> {
    let folded = merged.folded(view, Measure::Bytes, By::Line).ok()?;
    let frames = frames_only(&folded)?;
    let name = clean(&merged.function.name);
    let label = format!("{}: flame graph of {name}", view.title());
    Some(html! {
        figure.flame data-view=(view.name()) data-unit=(folded.unit) {
            h3 { (view.title()) }
            p.range hidden {}
            div.tools hidden {
                label { "Search " input type="search" autocomplete="off" spellcheck="false"; }
                button type="button" disabled { "Reset zoom" }
                output {}
            }
            svg.frames width="100%" height=(frames.height) role="img" aria-label=(label) {
                (PreEscaped(frames.svg))
            }
            p.pointed aria-hidden="true" hidden {}
            figcaption {
                (caption(merged, &folded))
                span.hint hidden {
                    " Click a frame to zoom in. By keyboard: arrows move, Enter zooms, Escape resets."
                }
            }
        }
    })
}

fn caption(merged: &Merged, folded: &Folded) -> String {
    let calls = counted(folded.calls, "call");
    let of = match (folded.view, folded.calls) {
        (_, 1) => "One call.".to_owned(),
        (View::AtPeak, _) => format!("{calls}, each at its own peak, added up."),
        _ => format!("{calls}, added up."),
    };
    let how = "Wide is much; what a function calls is below it.";
    let notes = merged.notes(folded.view);
    let notes: Vec<String> = notes.iter().map(|note| format!(" Note: {note}.")).collect();
    format!("{of} {how}{}", notes.concat())
}

fn holders(who: &Who) -> Markup {
    html! {
        p { (who.title()) ". A byte belongs to the innermost function of yours that asked for it." }
        (wide("Who held it", &html! {
            table {
                thead {
                    tr {
                        th.number scope="col" { "Share" }
                        th.number scope="col" { "Own" }
                        th.number scope="col" { "With callees" }
                        th scope="col" { "Function" }
                        th scope="col" { "Line" }
                    }
                }
                tbody {
                    @for [share, own, inclusive, function, place] in who.rows() {
                        tr {
                            td.number { (share) }
                            td.number { (own) }
                            td.number { (inclusive) }
                            th scope="row" { code { (function) } }
                            td { code { (place) } }
                        }
                    }
                }
            }
        }))
    }
}
