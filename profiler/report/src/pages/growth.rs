//! Every growth of a call's memory, with the stack that asked for it, where that was recorded.

use super::exact::exact;
use crate::clean::clean;
use crate::html::wide;
use crate::show::{count, counted, seconds};
use maud::{Markup, html};
use trace::{Bytes, Frame, Growth, HeapEvent, HeapProfile, HeapSampling, Nanos, Trace};

/// Growths listed, those by most bytes where there are more.
const LISTED: usize = 60;

/// Frames shown of a stack, the innermost ones.
const FRAMES: usize = 12;

pub(super) fn growths(trace: &Trace) -> Markup {
    let mut listed: Vec<(Bytes, &Growth)> = by_growth(trace);
    let hidden = listed.len().saturating_sub(LISTED);
    listed.sort_by_key(|(grown, _)| std::cmp::Reverse(*grown));
    listed.truncate(LISTED);
    listed.sort_by_key(|(_, growth)| growth.at);
    let has_stacks = trace.heap_profile.is_some();
    html! {
        section #growths {
            h2 { "Growth of its memory" }
            @if trace.growths.is_empty() {
                p { "It did not grow: it began with " (exact(trace.committed_start)) " and that was enough." }
            } @else {
                p { (counted(trace.growths.len(), "growth")) ", from " (exact(trace.committed_start)) " to " (exact(trace.committed_peak)) "." }
                (wide("Growths", &html! {
                    table.growths {
                        caption.unseen { "Growths in order of time" }
                        thead { tr { th.number scope="col" { "After" } th.number scope="col" { "By" } th.number scope="col" { "To" } @if has_stacks { th scope="col" { "Asked for by" } } } }
                        tbody {
                            @for (grown, growth) in &listed {
                                tr {
                                    td.number { (seconds(growth.at.as_seconds())) }
                                    td.number { (exact(*grown)) }
                                    td.number { (exact(growth.to)) }
                                    @if let Some(profile) = &trace.heap_profile { td { (who(profile, growth)) } }
                                }
                            }
                        }
                    }
                }))
                @if !has_stacks { p.note { "Who asked for it is not known: no stacks were recorded of this call." } }
                @if hidden > 0 { p.note { (count(hidden)) " smaller ones are not listed; the record has them." } }
            }
            @if !trace.refusals.is_empty() {
                h3 { "Refused" }
                ul {
                    @for refusal in trace.refusals.iter().take(LISTED) {
                        li { "after " (seconds(refusal.at.as_seconds())) ": asked for " (exact(refusal.asked)) }
                    }
                }
            }
        }
    }
}

/// Each with what it added.
fn by_growth(trace: &Trace) -> Vec<(Bytes, &Growth)> {
    let mut before = trace.committed_start;
    let added = trace.growths.iter().map(|growth| {
        let grown = growth.to.saturating_sub(before);
        before = growth.to;
        (grown, growth)
    });
    added.collect()
}

fn who(profile: &HeapProfile, growth: &Growth) -> Markup {
    let Some(asked) = asking(profile, growth.at) else {
        return html! { small { (not_seen(profile)) } };
    };
    let frames: Vec<&Frame> = profile.table.frames_of(asked.stack).rev().collect();
    let Some(innermost) = frames.first() else {
        return html! { small { "an empty stack" } };
    };
    html! {
        details {
            summary { code { (named(innermost)) } small { " for " (exact(Bytes(asked.bytes.unsigned_abs()))) } }
            ol.stack {
                @for frame in frames.iter().take(FRAMES) { li { code { (named(frame)) } } }
                @if frames.len() > FRAMES { li { (count(frames.len() - FRAMES)) " more" } }
            }
        }
    }
}

/// The allocation that a growth was for: the first that was recorded after it and before anything else could have been, as the
/// allocator grows memory and then hands out what was asked for. Of sampled ones only one that was large enough to be it.
fn asking(profile: &HeapProfile, at: Nanos) -> Option<&HeapEvent> {
    let after = profile.events.partition_point(|event| event.at < at);
    let first = profile.events.get(after)?;
    let is_it = first.bytes > 0
        && match profile.sampling {
            HeapSampling::Exact => true,
            // A block as large as the mean distance of samples is nearly always among them.
            HeapSampling::Poisson { mean } => first.bytes.unsigned_abs() >= mean.0,
        };
    is_it.then_some(first)
}

fn not_seen(profile: &HeapProfile) -> &'static str {
    match profile.sampling {
        HeapSampling::Exact => "not an allocation, or one beyond those kept",
        HeapSampling::Poisson { .. } => "not among the sampled allocations",
    }
}

fn named(frame: &Frame) -> String {
    let place = match (&frame.file, frame.line) {
        (Some(file), Some(line)) => {
            let file = file.rsplit('/').next().unwrap_or(file);
            format!(" ({file}:{line})")
        }
        _ => String::new(),
    };
    clean(&format!("{}{place}", frame.function))
}
