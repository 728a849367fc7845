//! A function here against the same one deployed: what belongs to each other, the offset of its runtime with the interval it lies
//! in, what is billed, and the size.

mod common;

use common::{call, normal, rng};
use learn::catalogue::Catalogue;
use learn::{Settings, compare_cloud, learn};
use trace::*;

const MINUTE: u64 = 60_000;

/// Inputs named by their number, which need so many MiB here.
fn here(inputs: usize) -> Vec<Trace> {
    let needs = (1..=inputs).map(|n| (n, (n % 37 + 1) as f64 * 1_048_576.0));
    let calls = needs.map(|(n, bytes)| call(&n.to_string(), bytes, None));
    calls.collect()
}

fn compared(traces: &[Trace], deployed: &Deployed) -> CloudComparison {
    let catalogue = Catalogue::bundled();
    let settings = Settings::default().check().unwrap();
    let profile = learn(&common::function(), traces, &settings, &catalogue);
    let provider = &catalogue.providers()[0];
    compare_cloud(&common::function(), traces, &profile, deployed, provider, 7)
}

/// A call there that ended in a minute.
fn there(trace: &Trace, minute: u64, memory: Option<f64>) -> DeployedCall {
    DeployedCall {
        id: trace.input.label.clone(),
        input: Some(trace.input.clone()),
        ended_unix_ms: Some(minute * MINUTE + 30_000),
        took: Some(Nanos(250_000_000)),
        round_trip: None,
        outcome: Outcome::Succeeded,
        memory: memory.map(Bytes::from_f64),
        limit: None,
    }
}

fn measured(minute: u64, values: Distribution) -> Measured {
    Measured {
        from_unix_ms: minute * MINUTE,
        to_unix_ms: (minute + 1) * MINUTE,
        configured_mb: Some(256),
        succeeded: None,
        values,
    }
}

/// 40 MiB and 1.3 times as much, with a MiB of noise.
fn cloud_memory(traces: &[Trace]) -> Vec<f64> {
    let mut random = rng(3);
    let noisy = traces.iter().map(|trace| {
        (40.0 + normal(&mut random)) * 1_048_576.0 + 1.3 * trace.committed_peak.as_f64()
    });
    noisy.collect()
}

fn holds(estimate: Estimate, truth: f64, width: f64) {
    assert!(
        estimate.low <= truth && truth <= estimate.high,
        "{truth} is not in {estimate:?}"
    );
    assert!(estimate.high - estimate.low <= width, "{estimate:?}");
}

const BUCKETS: ExponentialBuckets = ExponentialBuckets {
    finite: 220,
    growth: 1.1,
    scale: 1.0,
};

#[test]
fn the_runtimes_offset_lies_in_its_interval_by_calls_by_minutes_and_by_quantiles() {
    let traces = here(111);
    let there_used = cloud_memory(&traces);
    let known = traces.iter().zip(&there_used);
    let by_calls = Deployed {
        function: "f".to_owned(),
        calls: known
            .map(|(trace, used)| there(trace, 1, Some(*used)))
            .collect(),
        configured_mb: Some(256),
        ..Deployed::default()
    };
    // Three calls a minute: only the mean of each minute is known.
    let in_minutes = traces.chunks(3).zip(there_used.chunks(3)).zip(1..);
    let mut by_minutes = Deployed {
        is_memory_of_calls: true,
        ..Deployed::default()
    };
    for ((traces, used), minute) in in_minutes {
        by_minutes
            .calls
            .extend(traces.iter().map(|trace| there(trace, minute, None)));
        by_minutes
            .memory
            .push(measured(minute, BUCKETS.distribution(used)));
    }
    // Nobody knows which call is which.
    let by_quantiles = Deployed {
        is_memory_of_calls: true,
        memory: vec![measured(1, BUCKETS.distribution(&there_used))],
        ..Deployed::default()
    };
    let mib = 1_048_576.0;
    for (deployed, joined_by, offset_width, slope_width) in [
        (&by_calls, JoinedBy::Calls, 2.0 * mib, 0.1),
        (&by_minutes, JoinedBy::Calls, 4.0 * mib, 0.2),
        (&by_quantiles, JoinedBy::Quantiles, 14.0 * mib, 0.6),
    ] {
        let compared = compared(&traces, deployed);
        assert_eq!(compared.joined_by, joined_by, "{}", compared.memory_reason);
        let memory = compared.memory.expect("a line");
        holds(memory.offset, 40.0 * mib, offset_width);
        holds(memory.slope, 1.3, slope_width);
        // 38 MiB and the margin of it, 1.3 times and 40 more: above 64 and below 128.
        let size = compared.recommendation.expect("a size");
        let is_conditional = size.reason.contains("if both had the same inputs");
        assert_eq!(is_conditional, joined_by == JoinedBy::Quantiles);
        assert_eq!(size.size_mb, Some(128), "{}", size.reason);
        let local = size.local_allocation_bytes.as_f64();
        assert!(
            size.needed_bytes.as_f64() > 40.0 * mib + 1.3 * local,
            "{size:?}"
        );
    }
}

#[test]
fn where_too_little_is_known_there_is_no_line_and_it_is_said_why() {
    let traces = here(30);
    let used = cloud_memory(&traces);
    let four = traces.iter().zip(&used).take(4);
    let four = Deployed {
        calls: four
            .map(|(trace, used)| there(trace, 1, Some(*used)))
            .collect(),
        ..Deployed::default()
    };
    // Ten calls more than there are values, or of other inputs, or one of them unknown: whose memory it is nobody knows.
    let all = |minute| traces.iter().map(move |trace| there(trace, minute, None));
    let one_more = Deployed {
        calls: all(1).collect(),
        memory: vec![measured(1, BUCKETS.distribution(&used[..5]))],
        is_memory_of_calls: true,
        ..Deployed::default()
    };
    let mut unknown = one_more.clone();
    unknown.calls.truncate(5);
    unknown.calls[2].input = None;
    let mut sampled = one_more.clone();
    sampled.calls.truncate(5);
    sampled.is_memory_of_calls = false;
    for (deployed, reason) in [
        (&four, "4 different memories here"),
        (&one_more, "5 values"),
        (&unknown, "5 values"),
        (&sampled, "5 values"),
    ] {
        let compared = compared(&traces, deployed);
        assert_eq!(compared.joined_by, JoinedBy::Nothing);
        assert!(
            compared.memory_reason.contains(reason),
            "{}",
            compared.memory_reason
        );
        assert!(compared.memory.is_none() && compared.recommendation.is_none());
        assert_eq!(compared.counts.joined_values, 0);
    }
    // Six that lie anywhere give a line, and no size.
    let anywhere = [300.0, 20.0, 180.0, 40.0, 250.0, 90.0];
    let anywhere = traces.iter().zip(anywhere);
    let anywhere = Deployed {
        calls: anywhere
            .map(|(trace, mib)| there(trace, 1, Some(mib * 1_048_576.0)))
            .collect(),
        ..Deployed::default()
    };
    let wide = compared(&traces, &anywhere);
    assert!(wide.memory.is_some() && wide.recommendation.is_none());
    assert!(
        wide.no_size_reason
            .starts_with("not enough data to say: the slope may be"),
        "{}",
        wide.no_size_reason
    );
    let nothing = compared(&[], &four);
    assert_eq!(nothing.counts.with_input, 0);
    assert!(nothing.memory.is_none() && nothing.notes[0].contains("not measured here"));
}

#[test]
fn what_is_billed_at_each_size_is_told_against_what_is_used() {
    let traces = here(6);
    let calls = traces
        .iter()
        .map(|trace| there(trace, 1, Some(200.0 * 1_048_576.0)));
    let deployed = Deployed {
        calls: calls.collect(),
        configured_mb: Some(256),
        ..Deployed::default()
    };
    let compared = compared(&traces, &deployed);
    let of = |mb| {
        *compared
            .tiers
            .iter()
            .find(|tier| tier.size_mb == mb)
            .unwrap()
    };
    // 250 ms are billed as 300, of a quarter of a GB.
    let now = of(256);
    assert!(now.is_measured && now.fits == Some(true));
    assert!((now.billed_gb_seconds - 0.3 * 0.25).abs() < 1e-12);
    assert!((now.used_gb_seconds.unwrap() - 0.25 * 200.0 / 1_024.0).abs() < 1e-9);
    // The catalogue's own example, without what 260 ms are more than 250.
    assert!((now.usd_per_million - 1.7875).abs() < 1e-9);
    assert_eq!(of(128).fits, Some(false));
    // All of its time is computing, at 0.167 of a CPU there and 0.333 here.
    assert!(!of(512).is_measured && (of(512).seconds - 0.25 * 0.167 / 0.333).abs() < 1e-6);
    // A quarter of a second against 10 ms.
    let duration = compared.duration.expect("times");
    assert!((duration.ratio.expect("a ratio").value - 25.0).abs() < 1e-9);
}

/// Memory that is known of other calls than those compared, and of limits that were exceeded, counts for what fits.
#[test]
fn whatever_is_known_of_memory_there_decides_what_is_too_small() {
    let traces = here(6);
    let mib = 1_048_576.0;
    let own = Deployed {
        calls: traces
            .iter()
            .map(|trace| there(trace, 1, Some(100.0 * mib)))
            .collect(),
        configured_mb: Some(512),
        ..Deployed::default()
    };
    let fits = |deployed: &Deployed| {
        let compared = compared(&traces, deployed);
        let of = |mb| compared.tiers.iter().find(|tier| tier.size_mb == mb);
        [128, 256, 512].map(|mb| of(mb).unwrap().fits.unwrap())
    };
    assert_eq!(fits(&own), [true, true, true]);
    let mut others = own.clone();
    others
        .memory
        .push(measured(9, BUCKETS.distribution(&[300.0 * mib; 3])));
    others.memory[0].configured_mb = Some(512);
    assert_eq!(fits(&others), [false, false, true]);
    let mut killed = own.clone();
    killed.calls.push(DeployedCall {
        outcome: Outcome::Limited,
        memory: None,
        limit: Some(Bytes::mib(256)),
        ..there(&traces[0], 2, None)
    });
    assert_eq!(fits(&killed), [false, false, true]);
    // However little the runtime there is said to use, the guest needs what it needs.
    let mut less = own.clone();
    for (call, trace) in less.calls.iter_mut().zip(&traces) {
        call.memory = Some(Bytes::from_f64(trace.committed_peak.as_f64() / 4.0));
    }
    let size = compared(&traces, &less).recommendation.expect("a size");
    assert_eq!(size.needed_bytes, size.local_allocation_bytes);
    // Nothing that calls of 128 MB had used lies above that, whatever the bounds of its bucket.
    let mut given = own.clone();
    given
        .memory
        .push(measured(9, BUCKETS.distribution(&[127.0 * mib; 3])));
    given.memory[0].configured_mb = Some(128);
    assert_eq!(fits(&given), [true, true, true]);
}

/// Of failed calls the time is billed, and compared with nothing.
#[test]
fn all_times_are_billed_as_often_as_they_are_and_those_of_successes_are_compared() {
    let traces = here(6);
    let twice = |seconds: f64, calls: u64| Distribution {
        count: calls,
        mean: seconds * 1e9,
        buckets: vec![Bucket {
            from: seconds * 0.9e9,
            to: seconds * 1e9,
            count: calls,
        }],
    };
    let of = |succeeded, values| Measured {
        succeeded: Some(succeeded),
        ..measured(1, values)
    };
    let deployed = Deployed {
        calls: vec![there(&traces[0], 1, None)],
        times: vec![
            of(true, twice(0.1, 900_000)),
            of(false, twice(10.0, 100_000)),
        ],
        configured_mb: Some(256),
        ..Deployed::default()
    };
    let compared = compared(&traces, &deployed);
    let duration = compared.duration.expect("times");
    assert!((duration.cloud_mean_seconds - 0.1).abs() < 1e-9);
    let now = compared.tiers.iter().find(|tier| tier.is_measured).unwrap();
    assert!(
        (now.seconds - (0.9 * 0.1 + 0.1 * 10.0)).abs() < 1e-9,
        "{now:?}"
    );
    let notes = compared.notes.join("; ");
    for told in [
        "billed by 1000000 times",
        "the log has 1 of them",
        "did not succeed",
    ] {
        assert!(notes.contains(told), "{told}: {notes}");
    }
}
