//! A profile and its calls as `learn` and `host` would give them, made from arithmetic: the same on every machine.
//! The figures are plausible, not measured; nothing here decides what is right, tests say that themselves.
#![allow(dead_code, reason = "each test binary uses its part of the helpers")]

pub(crate) mod stacks;

use trace::*;

/// Initial memory of the sample guest: 17 pages.
pub(crate) const START: u64 = 17 * 65_536;
/// Bytes that the sample guest needs per line.
pub(crate) const PER_LINE: f64 = 86.0;

/// Labels and lines of the twelve inputs.
pub(crate) const INPUTS: [(&str, u64); 12] = [
    ("tiny.dat", 1_000),
    ("note.dat", 2_400),
    ("letter.dat", 4_100),
    ("poem.dat", 8_800),
    ("essay.dat", 14_000),
    ("story.dat", 21_500),
    ("report.dat", 33_000),
    ("twelve-files", 52_000),
    ("logs.dat", 79_000),
    ("mail.dat", 121_000),
    ("corpus.dat", 180_000),
    ("big.dat", 250_000),
];

pub(crate) fn function() -> FunctionId {
    FunctionId {
        name: "line-reader".to_owned(),
        digest: format!("sha256:{}", "3f9a".repeat(16)),
    }
}

pub(crate) fn feature(variable: &str, breakpoint: Breakpoint, aggregate: Aggregate) -> Feature {
    Feature {
        variable: variable.to_owned(),
        breakpoint,
        aggregate,
    }
}

pub(crate) fn lines() -> Feature {
    feature("lines", Breakpoint::Set("LINES".to_owned()), Aggregate::Max)
}

pub(crate) fn stdin_bytes() -> Feature {
    feature("stdin_bytes", Breakpoint::Input, Aggregate::First)
}

/// What the sample guest needs for so many lines: whole pages, a little off the line.
pub(crate) fn needed(lines: u64) -> Bytes {
    let wobble = 1.0 + 0.012 * ((lines % 7) as f64 - 3.0) / 3.0;
    Bytes::from_f64(START as f64 + PER_LINE * lines as f64 * wobble).round_up_to_pages()
}

/// A call that reads files, the largest of so many lines, freeing what it read after each.
pub(crate) fn call(label: &str, each: u64, files: u64) -> Trace {
    let wall = 2_000_000 + each * files * 700;
    let mut trace = blank(label, each, wall);
    let mut lines = observed("lines", Breakpoint::Set("LINES".to_owned()));
    for file in 0..files {
        let share = 0.4 + 0.6 * (file as f64 + 1.0) / files as f64;
        let (from, to) = (wall * file / files, wall * (file + 1) / files);
        grow(&mut trace, from, to, share);
        for step in 1..=20 {
            let at = Nanos(from + (to - from) * step / 21);
            let live = Bytes::from_f64(200_000.0 + 80.0 * share * (each * step) as f64 / 20.0);
            trace.samples.push(moment(&trace, at, live));
        }
        let value = (each as f64 * share).round();
        let at = Nanos(from + (to - from) / 30);
        let peak = Bytes::from_f64(200_000.0 + 80.0 * value);
        let moment = moment(&trace, at, Bytes(200_000));
        lines.hits.push(Hit {
            value,
            moment,
            live_until_next: Some(peak),
        });
    }
    trace
        .samples
        .push(moment(&trace, Nanos(wall), Bytes(4_096)));
    summarise(&mut lines);
    let at_end = Observed {
        breakpoint: Breakpoint::End,
        count: 1,
        hits: Vec::new(),
        ..lines.clone()
    };
    trace.observations.extend([lines, at_end]);
    trace
}

fn blank(label: &str, total: u64, wall: u64) -> Trace {
    let peak = needed(total);
    let function = function();
    let input = Input {
        label: label.to_owned(),
        digest: format!("sha256:{total:064x}"),
    };
    let limits = Limits {
        memory: Bytes::mib(256),
        timeout: Nanos(60_000_000_000),
    };
    Trace {
        started_unix_ms: 1_795_190_520_000 + total,
        outcome: Outcome::Succeeded,
        exit_code: Some(0),
        committed_start: Bytes(START),
        committed_peak: peak,
        heap: Heap::Live {
            peak: Bytes::from_f64(200_000.0 + 80.0 * total as f64),
            at_end: Bytes(4_096),
            allocations: total + 12,
        },
        observations: vec![
            Observed::before_the_call("stdin_bytes", (total * 60) as f64),
            Observed::before_the_call("arg1", 7.0),
        ],
        wall: Nanos(wall),
        cpu: Nanos(wall * 98 / 100),
        bytes_in: total * 60,
        bytes_out: 14,
        runtime_base: Bytes::mib(12),
        ..Trace::nothing_measured(function, input, limits)
    }
}

/// Grows to so large a share of the peak, in steps.
fn grow(trace: &mut Trace, from: u64, to: u64, share: f64) {
    let level = trace.growths.last().map_or(START, |g| g.to.0);
    let target =
        START + ((trace.committed_peak.0 - START) as f64 * share / 65_536.0) as u64 * 65_536;
    let pages = (target - level) / 65_536;
    let jumps = pages.min(24);
    trace.growths.extend((1..=jumps).map(|i| Growth {
        at: Nanos(from + (to - from) * 17 / 20 * i / jumps),
        to: Bytes(level + pages * i / jumps * 65_536),
    }));
}

fn moment(trace: &Trace, at: Nanos, live: Bytes) -> Moment {
    let grown = trace.growths.iter().take_while(|g| g.at <= at).last();
    Moment {
        at,
        committed: grown.map_or(trace.committed_start, |g| g.to),
        live: Some(live),
    }
}

fn observed(variable: &str, breakpoint: Breakpoint) -> Observed {
    Observed {
        breakpoint,
        ..Observed::before_the_call(variable, 0.0)
    }
}

fn summarise(observed: &mut Observed) {
    let values = || observed.hits.iter().map(|h| h.value);
    let (first, last) = (observed.hits[0], observed.hits[observed.hits.len() - 1]);
    let (min, max) = (
        values().fold(f64::MAX, f64::min),
        values().fold(0.0, f64::max),
    );
    let sum = values().sum();
    observed.count = observed.hits.len() as u64;
    (observed.first, observed.last) = (first.value, last.value);
    (observed.min, observed.max, observed.sum) = (min, max, sum);
    (observed.first_moment, observed.last_moment) = (Some(first.moment), Some(last.moment));
}

/// Twelve calls that succeeded.
pub(crate) fn traces() -> Vec<Trace> {
    let files = |label: &str| if label == "twelve-files" { 12 } else { 1 };
    INPUTS
        .iter()
        .map(|(label, lines)| call(label, *lines, files(label)))
        .collect()
}

/// The same calls as a server would have recorded them, three seconds apart.
pub(crate) fn served(traces: &[Trace]) -> Vec<Trace> {
    let mut traces = traces.to_vec();
    for (at, trace) in (0..).zip(&mut traces) {
        trace.started_unix_ms = 1_795_190_520_000 + 3_000 * at;
        let granted = Bytes(trace.needed().0 + trace.needed().0 / 5);
        trace.served = Some(Served {
            id: format!("call-{at}"),
            dialect: "http".to_owned(),
            status: 200,
            cold: at == 0,
            sized_by: SizedBy::Recommendation,
            granted_first: trace.needed(),
            granted,
            mispredicted: false,
            queued: Nanos(0),
            init: Nanos(1_000_000),
            total: trace.wall,
            reused: 0,
        });
    }
    traces
}

/// The sample call, with another end.
pub(crate) fn ended(label: &str, lines: u64, outcome: Outcome, failure: &str) -> Trace {
    let mut trace = call(label, lines, 1);
    trace.outcome = outcome;
    trace.exit_code = None;
    trace.failure = Some(failure.to_owned());
    if outcome == Outcome::Limited {
        let asked = Bytes(trace.committed_peak.0 + 40 * 65_536);
        trace.refusals = vec![Refusal {
            at: trace.wall,
            asked,
        }];
        trace.refused_count = 1;
    }
    trace
}

pub(crate) fn model(kind: ModelKind, formula: &str, feature: Option<Feature>) -> Model {
    let terms = feature.iter().map(|f| Term {
        predictor: f.clone().into(),
        transform: Transform::Identity,
        coefficient: if f.variable == "stdin_bytes" {
            PER_LINE / 60.0
        } else {
            PER_LINE
        },
        when: Vec::new(),
    });
    let seen = feature.iter().map(|f| SeenRange {
        predictor: f.clone().into(),
        min: if f.variable == "stdin_bytes" {
            60_000.0
        } else {
            1_000.0
        },
        max: if f.variable == "stdin_bytes" {
            15_000_000.0
        } else {
            250_000.0
        },
        distinct: 12,
        when: Vec::new(),
    });
    Model {
        kind,
        formula: formula.to_owned(),
        intercept: START as f64,
        terms: terms.collect(),
        steps: Vec::new(),
        trees: Vec::new(),
        n: 12,
        r2: (kind != ModelKind::Constant && kind != ModelKind::None).then_some(0.9987),
        held_out: (kind != ModelKind::None).then_some(HeldOut {
            median_ape: 0.012,
            p95_ape: 0.024,
        }),
        seen: seen.collect(),
        reason:
            "simplest of those that predict held-out inputs within one standard error of the best"
                .to_owned(),
    }
}

fn no_model(reason: &str) -> Model {
    Model {
        reason: reason.to_owned(),
        ..model(ModelKind::None, "", None)
    }
}

fn candidate(feature: Feature, ape: f64, lead: f64, note: CandidateNote) -> Candidate {
    Candidate {
        predictor: feature.into(),
        held_out_median_ape: ape,
        lead,
        lead_bytes: Bytes((lead * 4e6) as u64),
        lead_seconds: lead * 0.02,
        moves_with: Vec::new(),
        note,
    }
}

/// The profile of [`traces`].
pub(crate) fn profile() -> Profile {
    let committed = model(
        ModelKind::Linear,
        "1.1 MiB + 86 B x max(lines)",
        Some(lines()),
    );
    let value = Feature {
        aggregate: Aggregate::Value,
        ..lines()
    };
    Profile {
        schema: Profile::SCHEMA.to_owned(),
        function: function(),
        invocations: InvocationCounts {
            total: 12,
            succeeded: 12,
            distinct_inputs: 12,
            ..InvocationCounts::default()
        },
        model: committed.clone(),
        screening: None,
        models: Models {
            committed,
            live: model(
                ModelKind::Linear,
                "195.3 KiB + 80 B x max(lines)",
                Some(lines()),
            ),
            cpu_seconds: model(
                ModelKind::Linear,
                "2 ms + 0.7 us x max(lines)",
                Some(lines()),
            ),
        },
        within_call: WithinCall {
            live: model(ModelKind::Linear, "195.3 KiB + 80 B x lines", Some(value)),
        },
        variables: vec![
            candidate(lines(), 0.012, 0.97, CandidateNote::Chosen),
            candidate(
                stdin_bytes(),
                0.013,
                1.0,
                CandidateNote::DoubleOf("max(lines)".to_owned()),
            ),
            candidate(
                feature("lines", Breakpoint::End, Aggregate::Last),
                0.012,
                0.0,
                CandidateNote::TooLate,
            ),
            candidate(
                feature("arg1", Breakpoint::Input, Aggregate::First),
                1.9,
                1.0,
                CandidateNote::Worse,
            ),
        ],
        recommendation: Some(recommendation()),
        notes: Vec::new(),
    }
}

fn recommendation() -> Recommendation {
    let allocation = Bytes(399 * 65_536);
    let replay = Replay {
        calls: 7,
        failures: 0,
        failure_rate_upper95: 0.348,
        waste_share: 0.31,
    };
    Recommendation {
        allocation_bytes: allocation,
        largest_need_bytes: needed(250_000),
        failure_rate_target: 0.01,
        failure_rate_backed: 1.0 / 13.0,
        inputs_needed: 87,
        confidence: Confidence::Low,
        calls_replayed: Some(7),
        failures_replayed: Some(0),
        failure_rate_upper95: Some(0.348),
        baseline_bytes: Bytes::mib(256),
        memory_saving_share: 1.0 - allocation.as_f64() / Bytes::mib(256).as_f64(),
        runtime_base_bytes: Bytes::mib(18),
        sizing: Some(model(
            ModelKind::Linear,
            "1.1 MiB + 1.43 B x stdin_bytes",
            Some(stdin_bytes()),
        )),
        sizing_feature: Some(stdin_bytes().into()),
        margin: Some(1.06),
        margin_from: None,
        call_bounds: CallBounds {
            floor: Bytes(START),
            cap: Bytes(458 * 65_536),
            ..CallBounds::default()
        },
        replay_function: Some(replay),
        replay_call: Some(Replay {
            waste_share: 0.06,
            ..replay
        }),
        calls: INPUTS
            .iter()
            .map(|(label, lines)| allocated(label, *lines))
            .collect(),
        verified: Some(Verification {
            calls: 12,
            failures: 0,
            failed_inputs: Vec::new(),
        }),
        providers: providers(),
        because: vec![
            "the largest need seen, with the margin of 1.06 that the held-out errors ask for"
                .to_owned(),
            "never less than half the smallest need seen".to_owned(),
        ],
    }
}

pub(crate) fn allocated(label: &str, lines: u64) -> CallAllocation {
    let predicted = Bytes::from_f64(START as f64 + PER_LINE * lines as f64);
    CallAllocation {
        input_digest: String::new(),
        input: label.to_owned(),
        outcome: Outcome::Succeeded,
        needed_bytes: needed(lines),
        predicted_bytes: Some(predicted),
        allocation_bytes: Bytes::from_f64(predicted.as_f64() * 1.06).round_up_to_pages(),
        feature_value: Some((lines * 60) as f64),
    }
}

/// (key, name, sizes, price of a GB-second, request fee per million, MB of one CPU)
type Tariff = (&'static str, &'static str, &'static [u64], f64, f64, f64);

const TARIFFS: [Tariff; 6] = [
    (
        "gcf-gen1",
        "Cloud Functions gen1",
        &[128, 256, 512, 1024, 2048, 4096, 8192],
        1.6e-5,
        0.40,
        1700.0,
    ),
    (
        "cloud-run",
        "Cloud Run functions",
        &[128, 256, 512, 1024, 2048, 4096, 8192],
        1.7e-5,
        0.40,
        2048.0,
    ),
    (
        "lambda-x86",
        "AWS Lambda x86",
        &[128, 192, 256, 512, 1024, 1769, 3008, 10_240],
        1.667e-5,
        0.20,
        1769.0,
    ),
    (
        "lambda-arm",
        "AWS Lambda arm64",
        &[128, 192, 256, 512, 1024, 1769, 3008, 10_240],
        1.333e-5,
        0.20,
        1769.0,
    ),
    (
        "azure-consumption",
        "Azure Consumption",
        &[128, 256, 1536],
        1.6e-5,
        0.20,
        1024.0,
    ),
    (
        "azure-flex",
        "Azure Flex Consumption",
        &[512, 2048, 4096],
        2.6e-5,
        0.40,
        2048.0,
    ),
];

fn providers() -> Vec<ProviderBill> {
    TARIFFS.iter().map(provider).collect()
}

fn provider((key, name, sizes, rate, fee, cpu): &Tariff) -> ProviderBill {
    let sizes: Vec<SizeBill> = sizes
        .iter()
        .map(|mb| {
            let seconds = 0.18 / (*mb as f64 / cpu).min(1.0);
            SizeBill {
                size_mb: *mb,
                fits: *mb > 50,
                estimated_seconds: seconds,
                usd_per_million: fee + 1e6 * rate * seconds * *mb as f64 / 1024.0,
            }
        })
        .collect();
    let today = *sizes
        .iter()
        .find(|s| s.size_mb >= 256)
        .expect("all have one");
    let best = if *key == "azure-consumption" {
        sizes[0]
    } else {
        today
    };
    ProviderBill {
        provider: (*key).to_owned(),
        name: (*name).to_owned(),
        size_mb: best.size_mb,
        usd_per_million: best.usd_per_million,
        usd_saving_share: 1.0 - best.usd_per_million / today.usd_per_million,
        estimated_seconds: best.estimated_seconds,
        baseline_size_mb: today.size_mb,
        baseline_usd_per_million: today.usd_per_million,
        reason: "128 MB saves 4 % but is twice as slow: stay at 256 MB".to_owned(),
        in_short: "stay; 128 MB: -4 %, twice as slow".to_owned(),
        sizes,
    }
}

/// Memory that does not move: no variable, no sizing per call.
pub(crate) fn constant() -> (Profile, Vec<Trace>) {
    let mut profile = profile();
    let flat = model(ModelKind::Constant, "1.1 MiB", None);
    profile.model = flat.clone();
    profile.models.committed = flat;
    profile.within_call.live = no_model("live bytes do not move inside a call");
    profile.variables.clear();
    let r = profile.recommendation.as_mut().expect("the sample has one");
    (r.allocation_bytes, r.largest_need_bytes) = (Bytes(START), Bytes(START));
    r.memory_saving_share = 1.0 - START as f64 / Bytes::mib(256).as_f64();
    (r.sizing, r.sizing_feature, r.margin) = (None, None, None);
    r.verified = None;
    for call in &mut r.calls {
        (call.needed_bytes, call.allocation_bytes) = (Bytes(START), Bytes(START));
        (call.predicted_bytes, call.feature_value) = (Some(Bytes(START)), None);
    }
    let mut traces = traces();
    for trace in &mut traces {
        trace.committed_peak = Bytes(START);
        trace.growths.clear();
    }
    (profile, traces)
}

/// Three distinct inputs: no formula, no replay.
pub(crate) fn too_few() -> Profile {
    let mut profile = profile();
    let none = no_model("not enough data: 3 distinct values, 5 needed");
    profile.model = none.clone();
    profile.models = Models {
        committed: none.clone(),
        live: none.clone(),
        cpu_seconds: none.clone(),
    };
    profile.within_call.live = none;
    profile.variables.clear();
    profile.invocations = InvocationCounts {
        total: 3,
        succeeded: 3,
        distinct_inputs: 3,
        ..InvocationCounts::default()
    };
    let r = profile.recommendation.as_mut().expect("the sample has one");
    r.calls.drain(..9);
    r.confidence = Confidence::None;
    (r.inputs_needed, r.failure_rate_backed) = (96, 0.25);
    (
        r.calls_replayed,
        r.failures_replayed,
        r.failure_rate_upper95,
    ) = (None, None, None);
    (r.sizing, r.sizing_feature, r.margin, r.verified) = (None, None, None, None);
    (r.replay_call, r.replay_function) = (None, None);
    profile
}

/// What explains is known only when the memory has been used; no allocator was found; calls failed.
pub(crate) fn too_late() -> (Profile, Vec<Trace>) {
    let mut traces = traces();
    traces.push(ended(
        "huge.dat",
        900_000,
        Outcome::Limited,
        "asked for 80 MiB, allowed 64 MiB",
    ));
    traces.push(ended(
        "loop.dat",
        1_000,
        Outcome::TimedOut,
        "still running after 60 s",
    ));
    for trace in &mut traces {
        trace.heap = Heap::Unknown;
        trace.samples.iter_mut().for_each(|s| s.live = None);
        for hit in trace.observations.iter_mut().flat_map(|o| &mut o.hits) {
            (hit.moment.live, hit.live_until_next) = (None, None);
        }
    }
    let mut profile = profile();
    profile.model = model(
        ModelKind::Linear,
        "1.1 MiB + 86 B x last(lines)",
        Some(feature("lines", Breakpoint::End, Aggregate::Last)),
    );
    profile.models.committed = profile.model.clone();
    profile.models.live = no_model("no allocator was found in the guest");
    profile.within_call.live = no_model("no allocator was found in the guest");
    profile.variables.drain(..2);
    profile.variables[0].note = CandidateNote::Chosen;
    profile.invocations.total = 14;
    (profile.invocations.limited, profile.invocations.timed_out) = (1, 1);
    profile.notes = vec!["allocator not found: live bytes are unknown".to_owned()];
    let r = profile.recommendation.as_mut().expect("the sample has one");
    (r.sizing, r.sizing_feature, r.margin, r.replay_call) = (None, None, None, None);
    for call in &mut r.calls {
        (call.allocation_bytes, call.feature_value) = (r.allocation_bytes, None);
    }
    r.calls.push(CallAllocation {
        input_digest: String::new(),
        outcome: Outcome::Limited,
        ..allocated("huge.dat", 400_000)
    });
    r.verified = Some(Verification {
        calls: 12,
        failures: 1,
        failed_inputs: vec!["big.dat".to_owned()],
    });
    (profile, traces)
}

/// What the sample guest needs as a function of pixels: width and height of its input are known at once.
pub(crate) fn product() -> (Profile, Vec<Trace>) {
    let set = |name: &str| feature(name, Breakpoint::Set(name.to_owned()), Aggregate::First);
    let (width, height) = (set("width"), set("height"));
    let pixels = Predictor {
        feature: width.clone(),
        times: Some(height.clone()),
    };
    // Every sample call has its lines as pixels: a width that goes up and down, and the height that belongs to it.
    let sides = |lines: u64, i: usize| {
        let width = [20, 500, 100][i % 3];
        [("width", width), ("height", lines / width)]
    };
    let mut traces = traces();
    for (i, (trace, (_, lines))) in traces.iter_mut().zip(INPUTS).enumerate() {
        let seen = sides(lines, i).map(|(name, value)| {
            let mut seen = observed(name, Breakpoint::Set(name.to_owned()));
            let moment = moment(trace, Nanos(1_000), Bytes(0));
            seen.hits.push(Hit {
                value: value as f64,
                moment,
                live_until_next: None,
            });
            summarise(&mut seen);
            seen
        });
        trace.observations.extend(seen);
    }
    let mut profile = profile();
    let mut model = model(
        ModelKind::Multiple,
        "1.1 MiB + 86 B x first(width) x first(height)",
        Some(width.clone()),
    );
    model.terms[0].predictor = pixels.clone();
    model.seen[0].predictor = pixels.clone();
    for (side, max) in [(&width, 500.0), (&height, 6_050.0)] {
        model.seen.push(SeenRange {
            predictor: side.clone().into(),
            min: 20.0,
            max,
            distinct: 3,
            when: Vec::new(),
        });
    }
    profile.model = model.clone();
    profile.models.committed = model.clone();
    profile.within_call.live = no_model("no variable explains live bytes from hit to hit");
    profile.variables = vec![
        Candidate {
            predictor: pixels.clone(),
            ..candidate(width.clone(), 0.012, 1.0, CandidateNote::Chosen)
        },
        candidate(height, 0.31, 1.0, CandidateNote::Worse),
        candidate(width, 0.62, 1.0, CandidateNote::Worse),
        candidate(stdin_bytes(), 1.4, 1.0, CandidateNote::Worse),
    ];
    let r = profile.recommendation.as_mut().expect("the sample has one");
    (r.sizing, r.sizing_feature) = (Some(model), Some(pixels.clone()));
    for (call, trace) in r.calls.iter_mut().zip(&traces) {
        call.feature_value = pixels.value(|f| trace.value_of(f));
    }
    (profile, traces)
}

/// Not a single call succeeded.
pub(crate) fn nothing_succeeded() -> (Profile, Vec<Trace>) {
    let traces = vec![
        ended(
            "a.dat",
            1_000,
            Outcome::Failed,
            "trap: unreachable in `parse`",
        ),
        ended("b.dat", 2_000, Outcome::Failed, "exit code 3"),
    ];
    let mut profile = too_few();
    profile.recommendation = None;
    profile.model.reason = "no call succeeded".to_owned();
    profile.invocations = InvocationCounts {
        total: 2,
        failed: 2,
        ..InvocationCounts::default()
    };
    (profile, traces)
}

/// A profile whose every name is hostile.
pub(crate) fn hostile() -> (Profile, Vec<Trace>) {
    const EVIL: &str = "<script>alert(1)</script>\u{1b}[31m\u{9b}2J\u{202e}|`\"'&";
    let mut profile = profile();
    let mut traces = traces();
    profile.function.name = EVIL.to_owned();
    profile.notes = vec![EVIL.to_owned()];
    profile.model.reason = EVIL.to_owned();
    profile.model.formula = EVIL.to_owned();
    profile.within_call.live.formula = EVIL.to_owned();
    for term in profile
        .model
        .terms
        .iter_mut()
        .chain(&mut profile.within_call.live.terms)
    {
        term.predictor.feature.variable = EVIL.to_owned();
        term.predictor.feature.breakpoint = Breakpoint::Set(EVIL.to_owned());
    }
    for seen in &mut profile.model.seen {
        seen.predictor.feature.variable = EVIL.to_owned();
    }
    for candidate in &mut profile.variables {
        candidate.predictor.feature.variable = EVIL.to_owned();
        candidate.predictor.feature.breakpoint = Breakpoint::Entry(EVIL.to_owned());
        candidate.note = CandidateNote::DoubleOf(EVIL.to_owned());
    }
    let r = profile.recommendation.as_mut().expect("the sample has one");
    r.because = vec![EVIL.to_owned()];
    r.verified = Some(Verification {
        calls: 1,
        failures: 1,
        failed_inputs: vec![EVIL.to_owned()],
    });
    for call in &mut r.calls {
        call.input = EVIL.to_owned();
    }
    for bill in &mut r.providers {
        (bill.name, bill.reason) = (EVIL.to_owned(), EVIL.to_owned());
    }
    traces.push(ended(EVIL, 1_000, Outcome::Failed, EVIL));
    for trace in &mut traces {
        trace.function.name = EVIL.to_owned();
        trace.input.label = EVIL.to_owned();
        for observed in &mut trace.observations {
            observed.variable = EVIL.to_owned();
            observed.breakpoint = Breakpoint::Set(EVIL.to_owned());
        }
    }
    (profile, traces)
}
