//! The one list of panels. Each says what it draws, where it stands, and to whoever looks at it what to do. How that becomes
//! JSON is known in `grafana`; the words of the queries are put together in `promql`.

use super::{
    panel::{Board, Draw, Panel, Section, Unit},
    promql::Scope,
    rules::recorded,
};
use crate::server::metric_names as names;

const FLEET: &[Board] = &[Board::Fleet];
const FUNCTION: &[Board] = &[Board::Function];
const BOTH: &[Board] = &[Board::Fleet, Board::Function];

const RED: &str = "red";
const GREEN: &str = "green";
const ORANGE: &str = "orange";

/// All panels, in their order.
pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            title: "Now",
            panels: now(),
        },
        Section {
            title: "Memory of a call",
            panels: memory(),
        },
        Section {
            title: "Functions",
            panels: functions(),
        },
        Section {
            title: "Calls",
            panels: calls(),
        },
        Section {
            title: "Waste and what could be saved",
            panels: waste(),
        },
        Section {
            title: "Memory of the server",
            panels: budget(),
        },
        Section {
            title: "Learning",
            panels: learning(),
        },
        Section {
            title: "Records and the server itself",
            panels: records(),
        },
    ]
}

/// The smaller of two series of the same labels.
fn smaller(one: &str, other: &str) -> String {
    format!("({one} < {other}) or {other}")
}

/// A quantile of needs, which is never more than the largest one: buckets double, and between their ends a quantile is guessed.
fn needed(at: Scope, share: f64) -> String {
    let largest = format!("max({})", at.of(names::LARGEST_NEED));
    let quantile = at.quantile(share, names::NEEDED);
    smaller(&quantile, &largest)
}

/// Calls that did not succeed.
fn failing(at: Scope) -> String {
    at.rate_with(names::INVOCATIONS, r#"outcome!="succeeded""#)
}

/// The phase of each as a number: learning, selective, stale.
fn phase(at: Scope) -> String {
    let phases = ["learning", "selective", "stale"].into_iter().zip(1..);
    let numbered = phases.map(|(phase, number)| {
        let its = at.with(names::PHASE, &format!(r#"phase="{phase}""#));
        format!("max by ({}, phase) ({its}) * {number}", at.each)
    });
    let numbered: Vec<String> = numbered.collect();
    format!("max by ({}) ({})", at.each, numbered.join(" or "))
}

/// What would no longer be held by a call.
fn saving(at: Scope) -> String {
    format!(
        "{} - {}",
        at.max_each(names::LIMIT),
        at.max_each(names::RECOMMENDED)
    )
}

/// Of calls, the share that needed more than was predicted, over the last hours.
fn mispredicted(at: Scope) -> String {
    format!(
        "{} / {}",
        at.sum_each(&at.of(recorded::MISPREDICTIONS)),
        at.sum_each(&at.of(recorded::CALLS))
    )
}

fn now() -> Vec<Panel> {
    use Draw::Stat;
    let size = (4, 4);
    vec![
        Panel::new(Stat, FLEET, "Servers", Unit::Number, size,
            "Servers that Prometheus reaches. Fewer than you started: see whether `fathom serve` runs and listens where Prometheus asks.")
            .query("up", |at| format!("sum({})", at.of_server("up"))),
        Panel::new(Stat, BOTH, "Alerts", Unit::Number, size,
            "Alerts of Fathom that are firing. Each says in its description what to do.")
            .query("firing", |at| {
                let firing = r#"alertstate="firing",alertname=~"Fathom.*""#;
                let firing = match at.each {
                    "function" => format!("ALERTS{{{firing}}}"),
                    _ => at.with("ALERTS", firing),
                };
                format!("count({firing}) or vector(0)")
            }),
        Panel::new(Stat, BOTH, "Calls", Unit::PerSecond, size, "Calls that have ended, a second.")
            .query("calls", |at| format!("sum({})", at.rate(names::INVOCATIONS))),
        Panel::new(Stat, BOTH, "Not succeeded", Unit::Share, size,
            "Of the calls that have ended, the share that failed, ran out of memory or ran out of time. Which of them is in the panel of calls by outcome.")
            .query("share", |at| format!("sum({}) / sum({})", failing(at), at.rate(names::INVOCATIONS))),
        Panel::new(Stat, BOTH, "Duration, p99", Unit::Seconds, size,
            "What 99 of 100 calls did not exceed. Read from buckets that double: at most twice what it was.")
            .query("p99", |at| at.quantile(0.99, names::DURATION)),
        Panel::new(Stat, BOTH, "Waste", Unit::Share, size,
            "Of the memory that calls were granted, times the time they had it, the share they did not need. Much of it: give the function what is recommended, or serve with `--size-by call`.")
            .query("share", |at| at.share(names::WASTE, names::GRANTED)),
        Panel::new(Stat, FUNCTION, "Limit", Unit::Bytes, size,
            "What a call may have: `[function] memory` in its fathom.toml.")
            .query("limit", |at| format!("max({})", at.of(names::LIMIT))),
        Panel::new(Stat, FUNCTION, "Recommended", Unit::Bytes, size,
            "What is recommended from the recorded calls. Above the limit: raise the limit before calls fail. Far below: lower it. Below the largest need: it was learned from fewer calls than there are now.")
            .query("recommended", |at| format!("max({})", at.of(names::RECOMMENDED))),
        Panel::new(Stat, FUNCTION, "Largest need", Unit::Bytes, size,
            "The largest need of a call that succeeded, since the server began.")
            .query("largest", |at| format!("max({})", at.of(names::LARGEST_NEED))),
        Panel::new(Stat, FUNCTION, "Inputs missing", Unit::Number, size,
            "Distinct inputs to be seen before the failure rate that was asked is backed. Until this is 0 the recommendation holds for less than was asked: send it what it has not seen, or ask for a larger rate.")
            .query("missing", |at| format!("max({})", at.of(names::INPUTS_MISSING))),
        Panel::new(Stat, FUNCTION, "Mispredicted", Unit::Share, size,
            "Of the calls of the last six hours, the share that needed more than was predicted. Above what was asked: see the panel of mispredictions.")
            .query("share", |at| format!("sum({}) / sum({})", at.of(recorded::MISPREDICTIONS), at.of(recorded::CALLS))),
        Panel::new(Stat, FUNCTION, "Calls running", Unit::Number, size, "Calls that have begun and not ended.")
            .query("running", |at| format!("sum({})", at.of(names::RUNNING))),
    ]
}

fn memory() -> Vec<Panel> {
    vec![
        Panel::new(Draw::Lines, FUNCTION, "Needed, against the limit and what is recommended", Unit::Bytes, (24, 10),
            "The heart: what calls that succeeded needed, below what they may have. Between p99 and the limit is what is paid for and not used: set the limit to what is recommended. Need that climbs towards the limit: find out what grows with `fathom explain`. Quantiles are read from buckets that double, and lie at most twice too high and never above the largest need; mean and largest are exact.")
            .query("mean", |at| at.mean(names::NEEDED))
            .query("p50", |at| needed(at, 0.5))
            .query("p99", |at| needed(at, 0.99))
            .query("largest", |at| format!("max({})", at.of(names::LARGEST_NEED)))
            .bound("recommended", GREEN, |at| format!("max({})", at.of(names::RECOMMENDED)))
            .bound("limit", RED, |at| format!("max({})", at.of(names::LIMIT))),
        Panel::new(Draw::Heatmap, FUNCTION, "Needed memory", Unit::Bytes, (12, 9),
            "How many calls needed how much. Two bands are two kinds of calls: one size for both wastes on the smaller one, so have each call sized for itself (`--size-by call`).")
            .query("{{le}}", |at| at.buckets(names::NEEDED)),
        Panel::new(Draw::Lines, FUNCTION, "Live and committed", Unit::Bytes, (12, 9),
            "Bytes that the guest's allocator had handed out, and the memory it had taken for that, each at its peak. What lies between them is the allocator's: memory grows by pages or doubles, and is never given back in a call.")
            .query("committed, mean", |at| at.mean(names::NEEDED))
            .query("committed, p99", |at| needed(at, 0.99))
            .query("live, mean", |at| at.mean(names::LIVE))
            .query("live, p99", |at| at.quantile(0.99, names::LIVE)),
        Panel::new(Draw::Lines, FUNCTION, "Granted over needed", Unit::Number, (12, 8),
            "What calls were granted before they began, over what they needed. 1 is exact; far above is waste; below 1 the call had to ask for more. Where the median is high, have calls sized for themselves (`--size-by call`).")
            .query("p5", |at| at.quantile(0.05, names::GRANTED_RATIO))
            .query("p50", |at| at.quantile(0.5, names::GRANTED_RATIO))
            .query("p95", |at| at.quantile(0.95, names::GRANTED_RATIO))
            .bound("exact", GREEN, |_| "vector(1)".to_owned()),
        Panel::new(Draw::Lines, BOTH, "Held by calls: granted and needed", Unit::Bytes, (12, 8),
            "Memory that calls held, on the average of the time, and what of it they needed. The distance is wasted, whatever the machine costs.")
            .query("granted", |at| format!("sum({})", at.rate(names::GRANTED)))
            .query("needed", |at| format!("sum({}) - sum({})", at.rate(names::GRANTED), at.rate(names::WASTE))),
        Panel::new(Draw::Lines, FLEET, "Out of memory", Unit::PerSecond, (12, 8),
            "Calls that failed for want of memory. Each has an answer that says what it asked for, where, and what to set: see its record (`fathom describe FUNCTION`).")
            .query("{{each}}", |at| at.sum_each(&at.rate(names::OUT_OF_MEMORY))),
    ]
}

fn functions() -> Vec<Panel> {
    vec![Panel::new(Draw::Table, FLEET, "Functions", Unit::Number, (24, 10),
        "A row a function; its name leads to its dashboard and to its page at the server. A recommendation above the limit, or inputs missing, wants attention first.")
        .column("Calls/s", Unit::PerSecond, |at| at.sum_each(&at.rate(names::INVOCATIONS)))
        .column("Not succeeded", Unit::Share, |at| format!("{} / {}", at.sum_each(&failing(at)), at.sum_each(&at.rate(names::INVOCATIONS))))
        .column("Duration p99", Unit::Seconds, |at| at.quantile_each(0.99, names::DURATION))
        .column("Largest need", Unit::Bytes, |at| at.max_each(names::LARGEST_NEED))
        .column("Recommended", Unit::Bytes, |at| at.max_each(names::RECOMMENDED))
        .column("Limit", Unit::Bytes, |at| at.max_each(names::LIMIT))
        .column("Saved if recommended", Unit::Bytes, saving)
        .column("Waste", Unit::Share, |at| at.share_each(names::WASTE, names::GRANTED))
        .column("Mispredicted", Unit::Share, mispredicted)
        .column("Asked", Unit::Share, |at| at.max_each(names::RATE_ASKED))
        .column("Inputs missing", Unit::Number, |at| at.max_each(names::INPUTS_MISSING))
        .column("Phase", Unit::Phase, phase)]
}

fn calls() -> Vec<Panel> {
    let size = (12, 8);
    vec![
        Panel::new(Draw::Stacked, BOTH, "Calls by outcome", Unit::PerSecond, size,
            "Calls that have ended. `failed` is the guest's own: read its log (`fathom logs FUNCTION`). `limited` ran out of memory, `timed_out` out of time.")
            .query("{{outcome}}", |at| format!("sum by (outcome) ({})", at.rate(names::INVOCATIONS))),
        Panel::new(Draw::Lines, BOTH, "Duration", Unit::Seconds, size,
            "Wall-clock time of a call once it has begun. Quantiles are read from buckets that double: at most twice what they were.")
            .query("mean", |at| at.mean(names::DURATION))
            .query("p50", |at| at.quantile(0.5, names::DURATION))
            .query("p99", |at| at.quantile(0.99, names::DURATION)),
        Panel::new(Draw::Lines, FLEET, "Calls running", Unit::Number, size,
            "Calls that have begun and not ended. As many as `--calls` or `--workers` allow: more are turned away.")
            .query("{{each}}", |at| at.sum_each(&at.of(names::RUNNING))),
        Panel::new(Draw::Lines, BOTH, "Waited for memory", Unit::Seconds, size,
            "How long calls waited until there was memory for them. Rising: the budget is full, so raise `--memory`, lower limits to what is recommended, or have calls sized for themselves.")
            .query("mean", |at| at.mean(names::QUEUE))
            .query("p50", |at| at.quantile(0.5, names::QUEUE))
            .query("p99", |at| at.quantile(0.99, names::QUEUE)),
        Panel::new(Draw::Lines, BOTH, "Cold starts and used sandboxes", Unit::PerSecond, size,
            "Calls for which code had to be brought into memory first, and calls made in a sandbox that had made others. Many cold starts: raise `--idle` or `--loaded`.")
            .query("cold", |at| format!("sum({})", at.rate(names::COLD_STARTS)))
            .query("in a used sandbox", |at| format!("sum({})", at.rate(names::REUSED))),
        Panel::new(Draw::Lines, BOTH, "Stopped: out of memory, out of time, mispredicted", Unit::PerSecond, size,
            "Calls that failed for want of memory, were stopped at their deadline, or needed more than was predicted (and may have succeeded). Out of memory: raise the limit to what is recommended. Out of time: raise `[limits] timeout`, or look for a loop.")
            .query("out of memory", |at| format!("sum({})", at.rate(names::OUT_OF_MEMORY)))
            .query("out of time", |at| format!("sum({})", at.rate(names::TIMEOUTS)))
            .query("mispredicted", |at| format!("sum({})", at.rate(names::MISPREDICTIONS))),
        Panel::new(Draw::Stacked, FLEET, "Turned away, by reason", Unit::PerSecond, size,
            "Calls that never began. `busy`: too many of one function (`--workers`). `queue_full`, `queue_timeout`: no memory for them (`--queue`, `--patience`, `--memory`). `too_large`: never fits. `not_loaded`: its code could not be made ready, see the server's own messages. `unknown`: nobody of that name.")
            .query("{{reason}}", |at| format!("sum by (reason) ({})", at.rate(names::REJECTED))),
        Panel::new(Draw::Stacked, BOTH, "CPU", Unit::Number, size,
            "CPU seconds of calls, a second: how many cores they take.")
            .query("{{each}}", |at| at.sum_each(&at.rate(names::CPU))),
        Panel::new(Draw::Lines, FUNCTION, "CPU of a call", Unit::Seconds, size,
            "CPU time of a call, on average: what is billed where CPU is. Much less than the duration: it waits, and memory that is held meanwhile is paid for.")
            .query("CPU", |at| at.share(names::CPU, names::INVOCATIONS))
            .query("duration", |at| at.mean(names::DURATION)),
        Panel::new(Draw::Heatmap, FUNCTION, "Durations", Unit::Seconds, size,
            "How many calls took how long. Two bands are two kinds of calls, or cold and warm ones.")
            .query("{{le}}", |at| at.buckets(names::DURATION)),
    ]
}

fn waste() -> Vec<Panel> {
    let size = (8, 9);
    vec![
        Panel::new(Draw::Bars, FLEET, "Most wasted in a day", Unit::ByteSeconds, size,
            "Memory granted and not needed, times the time, of the last day: what is paid for nothing, in the order in which to lower limits.")
            .query("{{each}}", |at| format!("topk(10, {})", at.sum_each(&at.of(recorded::WASTE)))),
        Panel::new(Draw::Bars, FLEET, "Largest share wasted in a day", Unit::Share, size,
            "Of what its calls were granted, the share that they did not need, of the last day. Above a half for a day an alert fires.")
            .query("{{each}}", |at| format!("topk(10, max by ({}) ({}))", at.each, at.of(recorded::WASTE_SHARE))),
        Panel::new(Draw::Bars, FLEET, "Saved if recommended", Unit::Bytes, size,
            "Limit less recommendation: what a call would no longer hold with the recommended limit. `fathom recommend FUNCTION` says why, and what that is worth at each provider.")
            .query("{{each}}", |at| format!("topk(10, {})", saving(at))),
    ]
}

fn budget() -> Vec<Panel> {
    let size = (12, 8);
    vec![
        Panel::new(Draw::Stacked, FLEET, "Budget", Unit::Bytes, size,
            "What calls hold, and what stays in memory for the next ones, below what all may have. At the line calls wait: raise `--memory`, or lower limits to what is recommended.")
            .query("granted", |at| format!("sum({})", at.of(names::BUDGET_GRANTED)))
            .query("kept for the next calls", |at| format!("sum({})", at.of(names::BUDGET_KEPT)))
            .bound("budget", RED, |at| format!("sum({})", at.of(names::BUDGET))),
        Panel::new(Draw::Lines, FLEET, "Budget in use, by server", Unit::Share, size,
            "Of each server's budget, the share that is granted or kept. Above 90 % while calls wait an alert fires.")
            .query("{{instance}}", |at| at.of(recorded::BUDGET_USED)),
        Panel::new(Draw::Lines, FLEET, "Waiting", Unit::Number, size,
            "Calls that wait for memory, and used sandboxes that wait for a call. Calls that wait for long: the budget is too small for what is asked.")
            .query("calls", |at| format!("sum({})", at.of(names::WAITING)))
            .query("sandboxes", |at| format!("sum({})", at.of(names::SANDBOXES))),
    ]
}

fn learning() -> Vec<Panel> {
    let size = (12, 8);
    vec![
        Panel::new(Draw::Stacked, FLEET, "Functions by phase", Unit::Number, size,
            "Learning: some calls are traced deep. Selective: only what predicts is watched. Stale: what predicted does no more, and it learns again by itself; if it stays so, look at what has changed in its calls.")
            .query("{{phase}}", |at| format!("sum by (phase) ({})", at.of(names::PHASE))),
        Panel::new(Draw::Timeline, FUNCTION, "Phase", Unit::Phase, size,
            "Learning: some calls are traced deep. Selective: only what predicts is watched. Stale: what predicted does no more, and it learns again by itself; if it stays so, look at what has changed in its calls (`fathom describe FUNCTION`).")
            .query("{{each}}", phase),
        Panel::new(Draw::Lines, BOTH, "Mispredictions", Unit::Share, size,
            "Of the calls of the last six hours, the share that needed more than was predicted for them. Above what was asked for long: what drives the memory has changed; let it learn (`POST /api/v1/functions/NAME/phase`), or watch another variable.")
            .query("{{each}}", mispredicted),
        Panel::new(Draw::Lines, FUNCTION, "Failure rate: asked, and backed by what was seen", Unit::Share, size,
            "What may fail for want of memory, as it was asked, and the smallest rate that the distinct inputs seen so far can back. Where they are one the recommendation holds for what was asked.")
            .query("backed", |at| format!("max({})", at.of(names::RATE_BACKED)))
            .query("mispredicted", |at| format!("sum({}) / sum({})", at.of(recorded::MISPREDICTIONS), at.of(recorded::CALLS)))
            .bound("asked", ORANGE, |at| format!("max({})", at.of(names::RATE_ASKED))),
        Panel::new(Draw::Lines, BOTH, "Error of the model", Unit::Share, size,
            "Median error of the memory model on inputs that it had not seen. Above 10 % it is not used to watch less; a variable that explains more may be missing: `fathom inspect` lists what could be watched.")
            .query("{{each}}", |at| at.max_each(names::MODEL_ERROR)),
        Panel::new(Draw::Lines, BOTH, "Inputs learned from", Unit::Number, size,
            "Distinct inputs that the memory model was learned from. Repeating an input teaches nothing.")
            .query("{{each}}", |at| at.max_each(names::MODEL_SAMPLES)),
    ]
}

fn records() -> Vec<Panel> {
    let size = (8, 8);
    vec![
        Panel::new(Draw::Lines, FLEET, "Records", Unit::PerSecond, size,
            "Records of calls that were written, and that were lost. Lost ones are missing from everything that is learned: the disk is too slow or full, see `--keep` and `--store-max`.")
            .query("stored", |at| format!("sum({})", at.rate(names::RECORDS_STORED)))
            .query("lost", |at| format!("sum({})", at.rate(names::RECORDS_LOST))),
        Panel::new(Draw::Lines, FLEET, "Records not written yet", Unit::Number, size,
            "Of 10,000 at most; what comes then is lost. Rising: the disk does not keep up.")
            .query("{{instance}}", |at| format!("sum by (instance) ({})", at.of(names::RECORDS_QUEUED))),
        Panel::new(Draw::Lines, FLEET, "Calls printed", Unit::PerSecond, size,
            "With `--log-calls`: calls printed on standard output, and those that nobody read in time. Lost: see who reads it.")
            .query("printed", |at| format!("sum({})", at.rate(names::LINES_PRINTED)))
            .query("lost", |at| format!("sum({})", at.rate(names::LINES_LOST))),
        Panel::new(Draw::Stat, FLEET, "Versions", Unit::Number, (24, 4),
            "How many servers of each version of Fathom there are. More than one for long: a server was not brought up to date.")
            .query("{{version}}", |at| format!("count by (version) ({})", at.of(names::BUILD_INFO))),
    ]
}
