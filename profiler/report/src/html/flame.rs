//! Who allocated the memory, as flame graphs that can be zoomed and searched.
//!
//! The frames are inferno's, put into the page as SVG; without scripts they can be read, printed, and pointed at. The
//! one script of the page is ours, the same in every report, and the page's policy names its digest: nothing else is
//! executed, whatever a name in the report contains.

use crate::Context;
use crate::clean::clean;
use crate::show::counted;
use crate::stacks::{By, Folded, Measure, Merged, View, Who, frames_only};
use maud::{Markup, PreEscaped, html};

/// Zooms and searches every `.flame` of a page.
const SCRIPT: &str = include_str!("flame.js");

/// `openssl dgst -sha256 -binary flame.js | base64`; a test says what it is when the script has changed.
pub(super) const SCRIPT_DIGEST: &str = "sha256-iKYoDDhkA55n+v830j3QTDCcodoS92agy2IpGHr/yVo=";

/// What is drawn of the memory, and of the time.
const VIEWS: [View; 3] = [View::AtPeak, View::Allocated, View::Cpu];

/// The flame graphs of the calls, where any has stacks.
pub(crate) fn flames(context: &Context) -> Option<Markup> {
    let merged = context.stacks.as_ref()?;
    let shown: Vec<Markup> = VIEWS
        .into_iter()
        .filter_map(|view| flame(merged, view))
        .collect();
    (!shown.is_empty()).then(|| {
        html! {
            section {
                h2 { (if merged.has(View::AtPeak) { "Who allocated it" } else { "Call stacks" }) }
                @if let Some(who) = Who::of(merged) { (holders(&who)) }
                @for flame in &shown { (flame) }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    })
}

fn flame(merged: &Merged, view: View) -> Option<Markup> {
    let folded = merged.folded(view, Measure::Bytes, By::Line).ok()?;
    let frames = frames_only(&folded)?;
    let name = clean(&merged.function.name);
    let label = format!("{}: flame graph of {name}", view.title());
    Some(html! {
        figure.flame data-unit=(folded.unit) data-total=(folded.total().round()) {
            h3 { (view.title()) }
            div.tools hidden {
                label { "Search " input type="search" autocomplete="off" spellcheck="false"; }
                button type="button" disabled { "Reset zoom" }
                output {}
            }
            svg.frames width="100%" height=(frames.height) role="img" aria-label=(label) {
                (PreEscaped(frames.svg))
            }
            figcaption { (caption(merged, &folded)) }
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
    let how = "Wide is much; what a function calls is below it. Click a frame to zoom in.";
    let notes = merged.notes(folded.view);
    let notes: Vec<String> = notes.iter().map(|note| format!(" Note: {note}.")).collect();
    format!("{of} {how}{}", notes.concat())
}

fn holders(who: &Who) -> Markup {
    html! {
        p { (who.title()) ". A byte belongs to the innermost function of yours that asked for it." }
        div.wide {
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
        }
    }
}
