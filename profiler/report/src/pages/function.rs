//! The page of one function: what to give it and why, what its calls needed, who allocated it, what it costs where.

use super::exact::{chosen, exact};
use super::fleet::{byte_seconds, mean, phase};
use super::history::history;
use super::plan::plan;
use super::problems::problems;
use super::recent::recent_calls;
use super::shell::Shell;
use super::{FunctionNow, Update};
use crate::Context;
use crate::chart::{Theme, allocation, bill, calls, recent as recent_chart, relation, timeline};
use crate::clean::clean;
use crate::html::{card, caution, deploy, figure, flames, method, one_call, prose, wasted};
use crate::show::{count, percent, round_size, size};
use crate::words;
use maud::{Markup, html};
use trace::{Bytes, Confidence, Drift, PhaseChange, PredictivePlan, Profile, Trace};

/// Everything the page shows.
#[derive(Clone, Debug)]
pub struct FunctionView {
    /// The function at this moment.
    pub now: FunctionNow,
    /// What was learned of it, which may be nothing.
    pub profile: Profile,
    /// Its plan, where it has one.
    pub plan: Option<PredictivePlan>,
    /// What its calls say of the plan.
    pub drift: Option<Drift>,
    /// From phase to phase, oldest first.
    pub phases: Vec<PhaseChange>,
    /// Its last calls, oldest first.
    pub calls: Vec<Trace>,
    /// What they tell beside.
    pub context: Context,
    /// What a command needs beside the name to reach the server: ` --server http://...`, or nothing.
    pub address: String,
    /// Id of the call that is drawn alone; the last one where it is `None` or not among `calls`.
    pub call: Option<String>,
    /// A recommendation has just been applied.
    pub applied: Option<Applied>,
}

/// What became of a click on "apply".
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// The limit before.
    pub before: Bytes,
    /// The limit that was applied.
    pub after: Bytes,
    /// What whoever has applied it should know, sentences.
    pub warnings: Vec<String>,
}

/// A part of the page: its id, and what makes it.
type Part = (&'static str, fn(&FunctionView) -> Markup);

/// The parts that change with every call, and then those that cost more to make, in their order on the page.
const PARTS: [Part; 14] = [
    ("now", now),
    ("answer", answer),
    ("recent", recent),
    ("one-call", one),
    ("relation", related),
    ("given", given),
    ("problems", |view| problems(&view.calls)),
    ("stacks-now", stacks_now),
    ("stacks", stacks),
    ("bills", bills),
    ("plan", |view| plan(view.plan.as_ref())),
    ("drift", |view| history(&view.phases, view.drift.as_ref())),
    ("calls", |view| recent_calls(&view.profile, &view.calls)),
    ("method", how),
];

/// Parts that are not sent again while somebody looks: they are looked into, not at.
const STILL: [&str; 1] = ["stacks"];

/// The whole page.
pub fn function_page(view: &FunctionView) -> String {
    let name = clean(&view.now.name);
    let call = view.call.as_ref();
    // Others are none of a call.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
    let call = call.filter(|id| id.chars().all(plain));
    let call = call.map_or(String::new(), |id| format!("?call={id}"));
    let events = format!("/functions/{name}/events{call}");
    let shell = Shell {
        title: &name,
        events: Some(&events),
        trail: &[(&name, format!("/functions/{name}"))],
    };
    shell.page(&html! {
        header {
            h1 { (name) }
            p.digest { (clean(&view.now.digest)) }
        }
        (applied(view))
        nav.within aria-label="On this page" {
            @for (id, name) in [
                ("answer", "Answer"), ("recent", "Recent calls"), ("relation", "Variable"), ("given", "Given and needed"),
                ("stacks", "Who allocated it"), ("bills", "Bills"), ("plan", "Plan"), ("drift", "Drift"), ("calls", "Calls"),
            ] { a href={ "#" (id) } { (name) } }
        }
        @for (_, part) in PARTS { (part(view)) }
    })
}

/// What of it changes while somebody looks.
pub fn function_update(view: &FunctionView) -> Update {
    let mut update = Update::default();
    for (id, part) in PARTS.iter().filter(|(id, _)| !STILL.contains(id)) {
        update.part(*id, part(view));
    }
    update
}

/// The call drawn alone: the one asked for, else the last that has something to be drawn.
fn alone(view: &FunctionView) -> Option<&Trace> {
    let is_it = |trace: &&Trace| {
        let id = trace.served.as_ref().map(|served| &served.id);
        id.is_some() && id == view.call.as_ref()
    };
    let asked = view.calls.iter().find(is_it);
    let telling = |trace: &&Trace| trace.samples.len() > 1;
    asked.or_else(|| view.calls.iter().rev().find(telling))
}

fn applied(view: &FunctionView) -> Markup {
    // Somebody may have given it another one since.
    let applied = view.applied.as_ref();
    let Some(applied) = applied.filter(|applied| applied.after == view.now.limit) else {
        return Markup::default();
    };
    let name = clean(&view.now.name);
    html! {
        div.applied role="status" {
            @for warning in &applied.warnings { p.warned { (prose(&words::sentence(warning))) } }
            p { "The limit is " strong { (chosen(applied.after)) } " now, and was " (chosen(applied.before)) "." }
            form method="post" action={ "/functions/" (name) "/apply" } {
                input type="hidden" name="memory" value=(applied.before.0);
                button type="submit" { "Back to " (round_size(applied.before)) }
            }
        }
    }
}

/// The function at this moment, in a few numbers.
fn now(view: &FunctionView) -> Markup {
    let f = &view.now;
    let failures = f.failures();
    html! {
        dl.tiles #now {
            div { dt { "Phase" } dd { (phase(f)) @if let Some(why) = &f.stale_because { small { (prose(why)) } } } }
            div { dt { "Calls" } dd { (count(f.calls as usize)) @if f.running > 0 { small { (count(f.running)) " running" } } } }
            div {
                dt { "Did not succeed" }
                dd.bad[failures > 0] {
                    (count(failures as usize))
                    @if failures > 0 {
                        small { (count(f.failed as usize)) " failed, " (count(f.limited as usize)) " limited, " (count(f.timed_out as usize)) " timed out" }
                    }
                }
            }
            div {
                dt { "Needed" }
                @match f.needed {
                    None => dd { small { "nothing yet" } },
                    Some(n) => dd { (exact(n.max)) small { "most; about " (size(n.median)) " median, " (size(n.p99)) " p99" } },
                }
            }
            div { dt { "Limit" } dd { (chosen(f.limit)) small { "calls are sized by " (f.sized_by) } } }
            div { dt { "Wasted" } dd { (byte_seconds(f.waste_byte_seconds)) small { "granted and not needed" } } }
            div { dt { "Mispredicted" } dd { (count(f.mispredicted as usize)) small { (count(f.made_again as usize)) " made again" } } }
            div { dt { "Time of a call" } dd { (mean(f.wall_seconds, f.calls)) small { "mean; " (count(f.cold as usize)) " cold" } } }
        }
    }
}

/// The recommendation as one card, with the way to apply it.
fn answer(view: &FunctionView) -> Markup {
    html! {
        div #answer {
            (card(&view.profile, &view.context, &apply(view)))
            @if view.profile.recommendation.is_some() { (caution(&view.profile, &view.context)) }
        }
    }
}

fn apply(view: &FunctionView) -> Markup {
    let Some(recommendation) = &view.profile.recommendation else {
        return Markup::default();
    };
    let name = clean(&view.now.name);
    let (bytes, limit) = (recommendation.allocation_bytes, view.now.limit);
    if bytes == limit {
        return html! { div.apply { p.note { "The limit of the function is what is recommended." } } };
    }
    let change = match recommendation.memory_saving_share {
        share if share >= 0.0 => format!("{} less", percent(share)),
        share => format!("{} more", percent(-share)),
    };
    let command = format!("fathom apply {name}{}", view.address);
    html! {
        div.apply {
            @if words::is_lower_bound(recommendation) {
                p.note { "Calls were cut off before they had shown what they need, so this is not applied by a click: raise the limit first, and let them run." }
            } @else if view.now.recommended.is_none() {
                p.note { "This is of few calls, and can be applied once more have been learned from." }
            } @else if recommendation.confidence == Confidence::None {
                p.note { "Fewer than 5 distinct inputs say little, so this is not applied by a click. Who knows better: " code.command { (command) " --force" } }
            } @else {
                form method="post" action={ "/functions/" (name) "/apply" } {
                    input type="hidden" name="memory" value=(bytes.0);
                    button.primary type="submit" { "Apply" }
                    span { "sets the limit from " (chosen(limit)) " to " (exact(bytes)) ", " (change) }
                }
                @if let Some(most) = view.now.needed.map(|needed| needed.max).filter(|most| *most > bytes) {
                    p.warned { "Calls have needed up to " (exact(most)) ": those that do again will be limited." }
                }
                p.note { "The same from a terminal: " code.command { (command) } }
            }
        }
    }
}

fn recent(view: &FunctionView) -> Markup {
    let theme = Theme::default();
    html! {
        section #recent {
            h2 { "Recent calls" }
            @if view.calls.is_empty() {
                p { "None is recorded yet." }
            } @else {
                (figure(
                    "Over the time of day",
                    &recent_chart(Some(&view.profile), &view.calls, &theme),
                    "Every mark is a call. What was granted includes its body, its tables and 256 KiB for its sandbox.",
                ))
                (figure(
                    "Memory of some of them side by side",
                    &calls(&view.profile, &view.calls, &theme),
                    "Committed memory only grows, and the limit counts it; live bytes go up and down.",
                ))
            }
        }
    }
}

fn one(view: &FunctionView) -> Markup {
    let Some(call) = alone(view) else {
        return html! { section #one-call {} };
    };
    let theme = Theme::default();
    html! {
        section #one-call {
            (figure("One call over time", &timeline(call, &view.profile, &theme), &one_call(&view.profile)))
            (neighbours(view, call))
        }
    }
}

/// The calls before and after the one that is drawn, and its own page.
fn neighbours(view: &FunctionView, call: &Trace) -> Markup {
    let ids: Vec<&str> = view
        .calls
        .iter()
        .filter_map(|trace| trace.served.as_ref().map(|served| served.id.as_str()))
        .collect();
    let Some(served) = &call.served else {
        return Markup::default();
    };
    let at = ids.iter().position(|id| *id == served.id);
    let before = at.and_then(|at| ids.get(at.checked_sub(1)?));
    let after = at.and_then(|at| ids.get(at + 1));
    let to = |id: &str| {
        format!(
            "/functions/{}?call={}#one-call",
            clean(&view.now.name),
            clean(id)
        )
    };
    html! {
        p.neighbours {
            @if let Some(id) = before { a href=(to(id)) { "Call before" } }
            a href={ "/calls/" (clean(&served.id)) } { "Everything about this call" }
            @if let Some(id) = after { a href=(to(id)) { "Call after" } }
        }
    }
}

fn related(view: &FunctionView) -> Markup {
    let theme = Theme::default();
    let chart = relation(&view.profile, &view.calls, &theme);
    html! {
        section #relation {
            h2 { "The variable against the need" }
            (figure(
                chart.title(),
                &chart,
                "Every mark is a call. Where the ground is grey there is none, and a fit is not known to hold.",
            ))
        }
    }
}

fn given(view: &FunctionView) -> Markup {
    let theme = Theme::default();
    html! {
        section #given {
            h2 { "Given and needed" }
            (figure("What each call would be given", &allocation(&view.profile, &view.calls, &theme), &wasted(&view.profile, &view.calls)))
        }
    }
}

fn stacks(view: &FunctionView) -> Markup {
    html! {
        div #stacks {
            @match flames(&view.context) {
                Some(flames) => (flames),
                None => section {
                    h2 { "Who allocated it" }
                    p { "No stacks are recorded of these calls. They are of calls that are traced deep, one in four while the function is learned, and of " code { "fathom profile --heap=exact --cpu" } "." }
                },
            }
        }
    }
}

/// Whether there is more to see than when the page was loaded.
fn stacks_now(view: &FunctionView) -> Markup {
    let with = view
        .calls
        .iter()
        .filter(|call| call.heap_profile.is_some() || call.cpu_profile.is_some());
    html! {
        p.note #stacks-now {
            "Stacks are recorded of " (count(with.count())) " of the last " (count(view.calls.len())) " calls now; what is below is as it was when this page was loaded."
        }
    }
}

fn bills(view: &FunctionView) -> Markup {
    let theme = Theme::default();
    html! {
        div #bills {
            (deploy(&view.profile, &view.context))
            @if view.profile.recommendation.is_some() {
                (figure(
                    "Price and time at every size",
                    &bill(&view.profile, &theme),
                    "Lower is better in both panels. Often more memory buys more CPU, so that a larger size can be faster for about the same money.",
                ))
            }
        }
    }
}

fn how(view: &FunctionView) -> Markup {
    html! { div #method { (method(&view.profile)) } }
}
