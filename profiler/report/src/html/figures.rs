//! The charts with a caption each that says what to see.

use super::prose::prose;
use crate::chart::{Chart, Theme, of_function, telling, waste};
use crate::clean::clean;
use crate::show::{percent, size};
use crate::{Context, words};
use maud::{Markup, PreEscaped, html};
use trace::{Profile, Trace};

pub(super) fn figures(
    profile: &Profile,
    traces: &[Trace],
    context: &Context,
    theme: &Theme,
) -> Markup {
    let call = context.call.as_deref();
    html! {
        section {
            h2 { "In pictures" }
            @for chart in of_function(profile, traces, call, theme) {
                @let (title, caption) = said(&chart, profile, traces, call);
                (figure(&title, &chart, &caption))
            }
        }
    }
}

/// What stands above a chart, and what is to be seen in it.
fn said(
    chart: &Chart<'_>,
    profile: &Profile,
    traces: &[Trace],
    call: Option<&str>,
) -> (String, String) {
    let (title, caption) = match chart.name() {
        "timeline" => {
            let label = telling(traces, call).map_or("", |call| &call.input.label);
            return (format!("One call over time: {label}"), one_call(profile));
        }
        "allocation" => return ("Given and needed".to_owned(), wasted(profile, traces)),
        "calls" => (
            "Several calls side by side",
            "The last sample of each call was taken after the function had returned: live bytes are what it left behind.",
        ),
        "recent" => (
            "Recent calls",
            "A call that needs more than it was granted first is granted more, up to its limit, while there is memory to give.",
        ),
        "relation" => (
            "The variable against the need",
            "Every mark is a call. Where the ground is grey there is none, and a fit is not known to hold.",
        ),
        "bill" => (
            "Price and time at every size",
            "Lower is better in both panels. Often more memory buys more CPU, so that a larger size can be faster for about the same money.",
        ),
        _ => (chart.title(), chart.description()),
    };
    (title.to_owned(), caption.to_owned())
}

pub(crate) fn figure(title: &str, chart: &Chart<'_>, caption: &str) -> Markup {
    html! {
        figure {
            h3 { (prose(title)) }
            // On a small screen it is scrolled, by whatever means.
            div.plotted tabindex="0" role="group" aria-label=(clean(title)) { (PreEscaped(chart.svg())) }
            figcaption { (prose(caption)) }
        }
    }
}

pub(crate) fn one_call(profile: &Profile) -> String {
    let grows = "Committed memory only grows, and a limit counts it; live bytes go up and down.";
    match words::within_call(profile) {
        Some(relation) => format!("{grows} {}", words::sentence(&relation)),
        None => grows.to_owned(),
    }
}

pub(crate) fn wasted(profile: &Profile, traces: &[Trace]) -> String {
    let given = profile.recommendation.as_ref().map(|r| r.allocation_bytes);
    let calls: Vec<&Trace> = traces.iter().collect();
    match given.and_then(|given| Some((given, waste(given, &calls)?))) {
        Some((given, w)) if profile.function.is_imported() => format!(
            "If each call is given {}, then of all bytes times seconds {} are never needed by it.",
            size(given),
            percent(w.memory)
        ),
        Some((given, w)) => format!(
            "If each call is given {}, then of all bytes times seconds {} are used, {} are needed by the same call at another time, and {} are never needed.",
            size(given),
            percent(w.used),
            percent(w.time),
            percent(w.memory)
        ),
        None => "Nothing was measured that could be compared.".to_owned(),
    }
}
