//! The charts with a caption each that says what to see.

use super::prose::prose;
use crate::chart::{Theme, allocation, bill, calls, recent, relation, timeline, waste};
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
    html! {
        section {
            h2 { "In pictures" }
            // Of calls that were recorded elsewhere nothing is known over time.
            @if !profile.function.is_imported() {
                @if let Some(call) = telling(traces, context.call.as_deref()) {
                    (figure(
                        &format!("One call over time: {}", call.input.label),
                        &timeline(call, profile, theme),
                        &one_call(profile),
                    ))
                }
                (figure(
                    "Several calls side by side",
                    &calls(profile, traces, theme),
                    "The last sample of each call was taken after the function had returned: live bytes are what it left behind.",
                ))
            }
            @if traces.iter().any(|t| t.served.is_some()) {
                (figure(
                    "Recent calls",
                    &recent(Some(profile), traces, theme),
                    "A call that needs more than it was granted first is granted more, up to its limit, while there is memory to give.",
                ))
            }
            (figure(
                "The variable against the need",
                &relation(profile, traces, theme),
                "Every mark is a call. Where the ground is grey there is none, and a fit is not known to hold.",
            ))
            (figure("Given and needed", &allocation(profile, traces, theme), &wasted(profile, traces)))
            (figure(
                "Price and time at every size",
                &bill(profile, theme),
                "Lower is better in both panels. Often more memory buys more CPU, so that a larger size can be faster for about the same money.",
            ))
        }
    }
}

pub(crate) fn figure(title: &str, svg: &str, caption: &str) -> Markup {
    html! {
        figure {
            h3 { (prose(title)) }
            // On a small screen it is scrolled, by whatever means.
            div.plotted tabindex="0" role="group" aria-label=(clean(title)) { (PreEscaped(svg)) }
            figcaption { (prose(caption)) }
        }
    }
}

/// The call asked for, else the one whose picture tells most: one that succeeded, with several hits, and of those the one
/// that needed most.
fn telling<'a>(traces: &'a [Trace], asked: Option<&str>) -> Option<&'a Trace> {
    traces.iter().max_by_key(|t| {
        let hits = t
            .observations
            .iter()
            .map(|o| o.hits.len())
            .max()
            .unwrap_or(0);
        let asked = asked == Some(t.input.label.as_str());
        (asked, t.is_measurement(), hits >= 3, t.needed())
    })
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
