//! Charts as documents: well-formed, named and described, for plain, hostile, scarce and absent data alike.

mod common;
#[path = "common/xml.rs"]
mod xml;

use report::chart::{
    Chart, Theme, allocation, as_google, bill, calibration, calls, cloud, recent, relation,
    timeline,
};
use trace::{
    AsGoogle, Bytes, Calibrated, CloudComparison, CloudCounts, CloudMemory, CloudPoint, Estimate,
    ExponentialBuckets, GoogleMinute, JoinedBy, Nanos, Outcome, Profile, QuantilePair, Replayed,
    SizedBy, TierUse, Trace,
};

fn drawn<'d>(profile: &'d Profile, traces: &'d [Trace], theme: &'d Theme) -> Vec<Chart<'d>> {
    let mut charts: Vec<Chart<'d>> = traces
        .iter()
        .map(|trace| timeline(trace, profile, theme))
        .collect();
    charts.push(calls(profile, traces, theme));
    charts.push(recent(Some(profile), traces, theme));
    charts.push(relation(profile, traces, theme));
    charts.push(allocation(profile, traces, theme));
    charts.push(bill(profile, theme));
    charts
}

fn all(profile: &Profile, traces: &[Trace]) -> Vec<String> {
    let theme = Theme::default();
    let served = common::served(traces);
    let charts = drawn(profile, &served, &theme);
    charts.iter().map(Chart::svg).collect()
}

fn check(profile: &Profile, traces: &[Trace]) {
    all(profile, traces)
        .iter()
        .for_each(|chart| check_one(chart));
}

fn check_one(chart: &str) {
    xml::check(chart).unwrap_or_else(|why| panic!("{why}\n{chart}"));
    for tag in ["title", "desc"] {
        let told = between(chart, &format!("<{tag} id="), &format!("</{tag}>"));
        assert!(!told.ends_with('>'), "{chart:.300}");
    }
    for id in between(chart, "aria-labelledby=\"", "\"").split(' ') {
        assert!(chart.contains(&format!(" id=\"{id}\">")), "{id}");
    }
    assert!(!chart.contains("NaN") && !chart.contains("inf"), "{chart}");
}

fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
    let after = text.split_once(from).expect(from).1;
    after.split_once(to).expect(to).0
}

#[test]
fn every_chart_of_every_kind_of_profile_is_a_described_document() {
    check(&common::profile(), &common::traces());
    check(&common::too_few(), &common::traces()[9..]);
    for (profile, traces) in [
        common::constant(),
        common::too_late(),
        common::product(),
        common::nothing_succeeded(),
        common::hostile(),
    ] {
        check(&profile, &traces);
    }
}

/// Also where nothing was replayed, nothing failed, and everything did.
#[test]
fn what_was_asked_is_drawn_against_what_was_observed() {
    let point = |rule: &str, asked: f64, observed: f64| Calibrated {
        rule: rule.to_owned(),
        asked,
        calls: 100,
        observed,
        low: observed / 2.0,
        high: (observed * 2.0 + 0.01).min(1.0),
    };
    for points in [
        Vec::new(),
        vec![point("a", 0.01, 0.0)],
        vec![
            point("a", 0.01, 0.008),
            point("a", 0.1, 1.0),
            point("<b>", 0.01, 0.0),
            point("<b>", 0.1, 0.09),
        ],
    ] {
        let replayed = Replayed {
            schema: Replayed::SCHEMA.to_owned(),
            calls: 105,
            functions: 1,
            left_out: 0,
            is_timed: true,
            failure_rate: 0.01,
            rules: Vec::new(),
            calibration: points,
        };
        check_one(&calibration(&replayed, &Theme::default()).svg());
    }
}

#[test]
fn no_calls_and_one_call_are_drawn_or_say_why_not() {
    let profile = common::profile();
    check(&profile, &[]);
    check(&profile, &common::traces()[..1]);
    let empty = relation(&profile, &[], &Theme::default()).svg();
    assert!(empty.contains("No call is recorded here."), "{empty}");
}

#[test]
fn calls_without_time_growth_samples_or_values_do_not_panic() {
    let mut bare = common::call("bare", 1_000, 1);
    (bare.wall, bare.cpu) = (Nanos(0), Nanos(0));
    bare.growths.clear();
    bare.samples.clear();
    bare.observations.clear();
    let mut profile = common::profile();
    check(&profile, &[bare.clone(), bare]);

    let mut wild = common::traces();
    for (i, trace) in wild.iter_mut().enumerate() {
        let value = [f64::NAN, f64::INFINITY, -1e300, 0.0][i % 4];
        for observed in &mut trace.observations {
            (observed.first, observed.last, observed.min, observed.max) =
                (value, value, value, value);
            observed.hits.iter_mut().for_each(|h| h.value = value);
        }
    }
    check(&profile, &wild);

    let r = profile.recommendation.as_mut().unwrap();
    r.allocation_bytes = Bytes(0);
    r.providers.truncate(1);
    r.providers[0].sizes.truncate(1);
    r.providers[0].sizes[0].estimated_seconds = f64::NAN;
    check(&profile, &wild);
}

#[test]
fn a_chart_of_many_calls_stays_small() {
    let traces: Vec<Trace> = (0..5_000)
        .map(|i| {
            let mut trace = common::call(&format!("call {i}"), 1_000 + i * 37, 1);
            trace.samples.truncate(2);
            trace
        })
        .collect();
    let profile = common::profile();
    let theme = Theme::default();
    assert!(allocation(&profile, &traces, &theme).svg().len() < 300_000);
    let mut long = traces[0].clone();
    long.samples = (0..100_000)
        .map(|i| trace::Moment {
            at: Nanos(i),
            ..traces[0].samples[0]
        })
        .collect();
    assert!(timeline(&long, &profile, &theme).svg().len() < 100_000);
}

#[test]
fn a_call_that_was_limited_is_marked_as_a_lower_bound() {
    let mut traces = common::traces();
    traces.push(common::ended("huge", 900_000, Outcome::Limited, "limit"));
    let chart = relation(&common::profile(), &traces, &Theme::default()).svg();
    assert!(chart.contains("limited: needs at least this"));
}

#[test]
fn a_product_is_one_axis_and_its_fit_one_curve() {
    let (profile, traces) = common::product();
    let chart = relation(&profile, &traces, &Theme::default()).svg();
    assert!(chart.contains("width x height at set:width and set:height"));
    // The pixels of the smallest and the largest call.
    let said = "12 measured calls. Seen from 1,000 to 250,000. Fit: 1.1 MiB + 86 B x first(width) x first(height)";
    let description = between(&chart, "<desc id=", "</desc>");
    assert!(description.contains(said), "{description}");
}

#[test]
fn every_colour_of_a_chart_is_turned_for_a_dark_ground() {
    let css = Theme::default().dark_css();
    let (profile, traces) = common::too_late();
    for chart in all(&profile, &traces) {
        for part in chart.split("=\"#").skip(1) {
            assert!(
                css.contains(&format!("=\"#{}\"", &part[..6])),
                "#{}",
                &part[..6]
            );
        }
    }
}

#[test]
fn a_thinned_variable_shows_its_exact_maximum() {
    let profile = common::profile();
    let mut trace = common::traces()[3].clone();
    let theme = Theme::default();
    let said = "its exact maximum, 987,654";
    assert!(!timeline(&trace, &profile, &theme).svg().contains(said));
    for observed in &mut trace.observations {
        (observed.count, observed.max) = (1_000_000, 987_654.0);
    }
    assert!(timeline(&trace, &profile, &theme).svg().contains(said));
}

#[test]
fn a_provider_with_the_prices_of_another_does_not_hide_it() {
    let mut profile = common::profile();
    let r = profile.recommendation.as_mut().unwrap();
    r.providers.truncate(1);
    let alone = bill(&profile, &Theme::default()).svg();
    let r = profile.recommendation.as_mut().unwrap();
    r.providers.push(r.providers[0].clone());
    let both = bill(&profile, &Theme::default()).svg();
    // Dashes are lines of their own.
    let lines = |chart: &str| chart.matches("<polyline").count();
    assert!(
        lines(&both) > 3 * lines(&alone),
        "{} {}",
        lines(&both),
        lines(&alone)
    );
}

/// Each call is drawn to its last sample: what was still live after the function had returned is where its curve ends.
#[test]
fn calls_side_by_side_show_what_was_live_after_the_return() {
    let mut traces = common::traces();
    for trace in &mut traces {
        let last = trace.samples.last_mut().expect("a sample");
        last.live = Some(Bytes(777));
    }
    let chart = calls(&common::profile(), &traces, &Theme::default()).svg();
    let description = between(&chart, "<desc id=", "</desc>");
    assert_eq!(
        description.matches("777 B after it").count(),
        6,
        "{description}"
    );
}

/// With calls there that are known, with distributions alone, with a size that nothing fits, and with nothing.
#[test]
fn a_function_is_drawn_against_the_same_one_at_a_cloud() {
    let estimate = |value: f64| Estimate {
        value,
        low: value - 1.0,
        high: value + 1.0,
    };
    let tier = |size_mb: u64, fits| TierUse {
        size_mb,
        fits,
        is_measured: size_mb == 256,
        seconds: 0.5,
        billed_gb_seconds: size_mb as f64 / 2048.0,
        used_gb_seconds: fits.map(|_| 0.04),
        usd_per_million: 1.5,
    };
    let nothing = CloudComparison {
        schema: CloudComparison::SCHEMA.to_owned(),
        function: common::profile().function,
        cloud_function: "<there>".to_owned(),
        provider: "gcf-gen1".to_owned(),
        provider_name: "Cloud Functions gen1".to_owned(),
        configured_mb: Some(256),
        counts: CloudCounts::default(),
        joined_by: JoinedBy::Nothing,
        memory: None,
        memory_reason: "not enough data".to_owned(),
        points: Vec::new(),
        quantiles: Vec::new(),
        duration: None,
        times: Vec::new(),
        tiers: Vec::new(),
        recommendation: None,
        no_size_reason: "not enough data to say".to_owned(),
        notes: Vec::new(),
    };
    let points = (1..6).map(|n| CloudPoint {
        label: format!("{n}"),
        calls: 1,
        local_bytes: f64::from(n) * 1e6,
        cloud_bytes: 4e7 + f64::from(n) * 1e6,
    });
    let known = CloudComparison {
        joined_by: JoinedBy::Calls,
        memory: Some(CloudMemory {
            offset: estimate(4e7),
            slope: estimate(1.0),
            points: 5,
            most_above_bytes: 0.0,
            largest_local_bytes: 5e6,
        }),
        points: points.collect(),
        times: vec![(0.1, 0.5), (0.2, 0.0)],
        tiers: vec![
            tier(128, Some(false)),
            tier(256, Some(true)),
            tier(512, None),
        ],
        ..nothing.clone()
    };
    let pair = |share: f64, to| QuantilePair {
        share,
        local_bytes: share * 1e7,
        cloud_from_bytes: None,
        cloud_to_bytes: to,
    };
    let distributed = CloudComparison {
        quantiles: vec![pair(0.1, Some(1e7)), pair(0.9, None)],
        ..nothing.clone()
    };
    let theme = Theme::default();
    for compared in [&nothing, &known, &distributed] {
        check_one(&cloud(compared, &theme).svg());
    }
    let drawn = cloud(&known, &theme).svg();
    for told in [
        "memory there",
        "time there",
        "billed for a mean call",
        "512 MB",
    ] {
        assert!(drawn.contains(told), "{told}");
    }
    assert!(
        cloud(&nothing, &theme)
            .svg()
            .contains("Nothing is known of calls there")
    );
}

/// A call of every kind, no call, and one that lies above all bounds.
#[test]
fn calls_are_drawn_as_google_would_have_them() {
    let buckets = ExponentialBuckets {
        finite: 20,
        growth: 2.0,
        scale: 1.0,
    };
    let traces = common::traces();
    for memory in [vec![], vec![1e9], vec![3e3, 5e4, 5e4]] {
        let view = AsGoogle {
            function: "<f>".to_owned(),
            configured_mb: 256,
            minutes: vec![GoogleMinute {
                from_unix_ms: 0,
                times: memory.iter().map(|_| (1.0, Outcome::Succeeded)).collect(),
                memory,
            }],
            quantiles: Vec::new(),
            alone: 0,
            size_by_google_mb: None,
            size_by_calls_mb: Some(128),
        };
        check_one(
            &as_google(
                &view,
                buckets,
                &common::profile(),
                &traces,
                &Theme::default(),
            )
            .svg(),
        );
    }
}

/// Every call with what it was granted, and what changed on the way: the version, and who sizes the calls.
#[test]
fn recent_calls_show_what_changed_and_what_went_wrong() {
    let theme = Theme::default();
    let profile = common::profile();
    let mut traces = common::served(&common::traces());
    let drawn = recent(Some(&profile), &traces, &theme).svg();
    for told in [
        "granted to it",
        "limit 256 MiB",
        "recommended 24.9 MiB",
        "max(lines)",
    ] {
        assert!(drawn.contains(told), "{told}");
    }
    for absent in ["new version", "sized by", "limited", "more than predicted"] {
        assert!(!drawn.contains(absent), "{absent}");
    }
    assert!(drawn.contains("time of day, UTC, 2026-11-20"), "{drawn}");

    for trace in &mut traces[4..] {
        trace.function.digest = "sha256:other".to_owned();
    }
    for trace in &mut traces[8..] {
        trace.served.as_mut().expect("served").sized_by = SizedBy::Model;
    }
    traces[9].outcome = Outcome::Limited;
    traces[10].served.as_mut().expect("served").mispredicted = true;
    // Drawn in the order in which they began, whatever order they come in.
    traces.reverse();
    let drawn = recent(None, &traces, &theme).svg();
    check_one(&drawn);
    for told in [
        "From 2026-11-20 16:02:12.000 on: new version.",
        "From 2026-11-20 16:02:24.000 on: sized one by one.",
        "limited: needs at least this",
        "more than predicted, unexplained",
    ] {
        assert!(drawn.contains(told), "{told}");
    }
    for absent in ["recommended", "max(lines)"] {
        assert!(!drawn.contains(absent), "{absent}");
    }
    let none = recent(None, &common::traces(), &theme).svg();
    assert!(none.contains("No call was served."));
    // Calls by turns are no change, and the same moment is still a moment.
    for (i, trace) in traces.iter_mut().enumerate() {
        trace.started_unix_ms = 1_795_190_520_000;
        trace.function.digest = format!("sha256:{}", i % 2);
        trace.limits.memory = Bytes(0);
    }
    check_one(&recent(None, &traces, &theme).svg());
}

/// Whoever points at a mark is told its values to the byte; of thousands of marks some tell.
#[test]
fn marks_tell_their_exact_values_but_not_all_of_thousands() {
    let (theme, profile) = (Theme::default(), common::profile());
    let traces = common::served(&common::traces());
    let exact = |bytes: Bytes| {
        let digits = bytes.0.to_string();
        let (millions, rest) = digits.split_at(digits.len() - 6);
        format!("({millions},{},{} B)", &rest[..3], &rest[3..])
    };
    let call = traces.iter().find(|t| t.input.label == "poem.dat");
    let call = call.expect("the call");
    let needed = exact(call.needed());
    let granted = exact(call.served.as_ref().expect("served").granted);
    for (chart, label, values) in [
        (
            relation(&profile, &traces, &theme),
            "poem.dat, succeeded: max(lines) 8,800",
            vec![&needed],
        ),
        (
            allocation(&profile, &traces, &theme),
            "poem.dat: needed",
            vec![&needed],
        ),
        (
            recent(Some(&profile), &traces, &theme),
            "16:02:09.000 UTC, succeeded",
            vec![&needed, &granted],
        ),
        (timeline(call, &profile, &theme), "0 s: ", vec![]),
    ] {
        let svg = chart.svg();
        let told = svg.split("<title>").find(|told| told.contains(label));
        let told = told.unwrap_or_else(|| panic!("{}: no {label}", chart.name()));
        let told = told.split_once("</title>").expect("ends").0;
        for value in values {
            assert!(told.contains(value.as_str()), "{told}: {value}");
        }
    }
    let many: Vec<Trace> = (0..5_000)
        .map(|i| common::call(&format!("call {i}"), 1_000 + i * 37, 1))
        .collect();
    let svg = relation(&profile, &many, &theme).svg();
    let told = svg.matches("<title>").count();
    assert!((50..=100).contains(&told), "{told}");
}
