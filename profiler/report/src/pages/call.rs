//! The page of one call: what it was granted and why, its memory over time, every growth, every variable.

use super::exact::{chosen, exact};
use super::growth::growths;
use super::recent::sized_by;
use super::shell::Shell;
use crate::Context;
use crate::chart::{Theme, timeline};
use crate::clean::clean;
use crate::html::{figure, flames, one_call, prose, wide};
use crate::show::{count, seconds, size, utc_seconds, value};
use crate::words;
use maud::{Markup, html};
use trace::{Bytes, Nanos, Observed, Outcome, Profile, Served, SizedBy, Trace};

/// Variables listed.
const VARIABLES: usize = 60;

/// Everything the page shows.
#[derive(Clone, Debug)]
pub struct CallView {
    /// The call.
    pub call: Trace,
    /// What is known of its function now; with it, the variable that explains.
    pub profile: Profile,
    /// Whether it is in the database already.
    pub is_stored: bool,
    /// Whether the function is deployed, so that it has a page.
    pub is_deployed: bool,
}

/// The whole page.
pub fn call_page(view: &CallView) -> String {
    let call = &view.call;
    let function = clean(&call.function.name);
    let id = call.served.as_ref().map(|served| clean(&served.id));
    let id = id.unwrap_or_default();
    let mut trail = Vec::new();
    if view.is_deployed {
        trail.push((function.as_str(), format!("/functions/{function}")));
    }
    trail.push((id.as_str(), format!("/calls/{id}")));
    let title = format!("A call of {function}");
    let shell = Shell {
        title: &title,
        events: None,
        trail: &trail,
    };
    let context = Context::of_calls(std::slice::from_ref(call));
    shell.page(&html! {
        header {
            p.eyebrow { "Call" }
            h1 { (function) ": " (words::outcome(call.outcome)) }
            p.facts {
                "Began " (utc_seconds(call.started_unix_ms)) " UTC; "
                @if view.is_stored { "recorded" } @else { "not written to the database yet" }
                "; as JSON: " a href={ "/api/v1/calls/" (id) } { "the record" }
            }
        }
        @if let Some(failure) = &call.failure { p.lead.bad { (prose(&words::sentence(failure))) } }
        (granted(view))
        section {
            h2 { "Over time" }
            (figure(
                "Memory and variable",
                &timeline(call, &view.profile, &Theme::default()),
                &one_call(&view.profile),
            ))
        }
        (growths(call))
        (variables(&call.observations))
        @match flames(&context) {
            Some(flames) => (flames),
            None => section { h2 { "Who allocated it" } p { "No stacks were recorded of this call: those of calls that are traced deep are, one in four while a function is learned." } },
        }
        (measured(call))
    })
}

/// What it was granted, and why.
fn granted(view: &CallView) -> Markup {
    let call = &view.call;
    let needed = call.needed();
    let at_least = if call.outcome == Outcome::Limited {
        "at least "
    } else {
        ""
    };
    html! {
        section.card aria-label="Memory" {
            div.answer {
                p.label { "It needed" }
                p.size { (at_least) (exact(needed)) }
                p.label { "of guest memory" }
            }
            @match &call.served {
                None => dl.facts { div { dt { "Limit" } dd { (chosen(call.limits.memory)) } } },
                Some(served) => (grants(call, served)),
            }
            @if let Some(served) = &call.served {
                div.because {
                    h2 { "Why it was granted that" }
                    @for said in why(view, served) { p { (prose(&said)) } }
                }
            }
        }
    }
}

fn grants(call: &Trace, served: &Served) -> Markup {
    let needed = call.needed();
    let spare = served.granted.saturating_sub(needed);
    html! {
        dl.facts {
            div { dt { "Granted before it began" } dd { (exact(served.granted_first)) br; small { "by " (sized_by(served.sized_by)) ", with its body, its tables and 256 KiB for its sandbox" } } }
            @if served.granted != served.granted_first { div { dt { "Granted in the end" } dd { (exact(served.granted)) } } }
            div { dt { "Left over" } dd { (exact(spare)) br; small { "for " (seconds(call.wall.as_seconds())) } } }
            div { dt { "Limit" } dd { (chosen(call.limits.memory)) } }
            @if served.mispredicted { div { dt { "Prediction" } dd { span.badge.warn { "too small" } } } }
        }
    }
}

/// Sentences: who said how much, what of this call it was said by, what came of it.
fn why(view: &CallView, served: &Served) -> Vec<String> {
    let call = &view.call;
    let mut said = vec![match served.sized_by {
        SizedBy::Setting => "Nothing was known of its need, or the function is to be sized by its setting: it was granted the limit of its function".to_owned(),
        SizedBy::Recommendation => "It was granted what was recommended for its function then, the same for every call".to_owned(),
        SizedBy::Model => "It was sized alone, by what was known of it before it began and what calls before it had needed".to_owned(),
        SizedBy::Replay => "It had been stopped for want of memory, and was made once more with the limit of its function".to_owned(),
    }];
    let sizing = view
        .profile
        .recommendation
        .as_ref()
        .and_then(|recommendation| {
            let model = recommendation.sizing.as_ref()?;
            let predicted = model.predict(|feature| call.value_of(feature))?;
            let values = model.features().into_iter().filter_map(|feature| {
                let x = call.value_of(feature)?;
                Some(format!(
                    "`{}` was {}",
                    feature.variable,
                    value(&feature.variable, x)
                ))
            });
            let values: Vec<String> = values.collect();
            Some(format!(
                "By what is known now, {}; {}, which makes {} before the margin",
                words::formula(model),
                words::listed(&values),
                size(Bytes::from_f64(predicted))
            ))
        });
    said.extend(sizing);
    if served.granted > served.granted_first {
        said.push("While it ran it was given more: its breakpoints said that it would need it, or it grew and there was memory".to_owned());
    }
    if served.granted < served.granted_first {
        said.push("What it would not need any more was given back while it ran".to_owned());
    }
    if served.mispredicted {
        said.push(
            "It needed more than was predicted, and its breakpoints did not explain it".to_owned(),
        );
    }
    said.iter()
        .map(|sentence| words::sentence(sentence))
        .collect()
}

fn variables(observed: &[Observed]) -> Markup {
    let mut listed: Vec<&Observed> = observed.iter().collect();
    // What moves tells more than what does not.
    listed.sort_by_key(|o| (o.max <= o.min, std::cmp::Reverse(o.count)));
    let hidden = listed.len().saturating_sub(VARIABLES);
    listed.truncate(VARIABLES);
    html! {
        section #variables {
            h2 { "Variables" }
            @if listed.is_empty() { p { "None was observed." } } @else {
                (wide("Variables", &html! {
                    table {
                        caption.unseen { "Variables observed, those that moved first" }
                        thead {
                            tr {
                                th scope="col" { "Variable" } th scope="col" { "Breakpoint" } th.number scope="col" { "Times" }
                                @for name in ["First", "Last", "Least", "Most", "Sum"] { th.number scope="col" { (name) } }
                            }
                        }
                        tbody {
                            @for o in &listed {
                                tr {
                                    th scope="row" { code { (clean(&o.variable)) } }
                                    td { code { (clean(&o.breakpoint.to_string())) } }
                                    td.number { (count(o.count as usize)) }
                                    @for x in [o.first, o.last, o.min, o.max, o.sum] { td.number { (value(&o.variable, x)) } }
                                }
                            }
                        }
                    }
                }))
                @if hidden > 0 { p.note { (count(hidden)) " more are in the record." } }
            }
        }
    }
}

/// Times, bytes, what observing cost.
fn measured(call: &Trace) -> Markup {
    let time = |nanos: Nanos| seconds(nanos.as_seconds());
    html! {
        section #measured {
            h2 { "Measured" }
            dl.facts {
                @if let Some(served) = &call.served {
                    div { dt { "Answered with" } dd { (served.status) " by " (clean(&served.dialect)) } }
                    div { dt { "Waited for memory" } dd { (time(served.queued)) } }
                    div { dt { "Until its guest could run" } dd { (time(served.init)) @if served.cold { ", its code had to be made ready" } } }
                    div { dt { "Whole request" } dd { (time(served.total)) } }
                    @if served.reused > 0 { div { dt { "Calls in its sandbox before" } dd { (count(served.reused as usize)) } } }
                }
                div { dt { "Wall-clock time" } dd { (time(call.wall)) } }
                div { dt { "CPU time" } dd { (time(call.cpu)) } }
                div { dt { "Live bytes at most" } dd { (call.heap.live_peak().map_or(html! { "not known of this guest" }, exact)) } }
                div { dt { "Read and written" } dd { (exact(Bytes(call.bytes_in))) " in, " (exact(Bytes(call.bytes_out))) " out" } }
                div { dt { "Probes armed" } dd { (count(call.armed.len())) } }
                div { dt { "Module" } dd.digest { (clean(&call.function.digest)) } }
            }
        }
    }
}
