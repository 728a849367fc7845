//! Bills to the last digit: the worked figures of the providers' own pages, and of the catalogue's rates.

mod common;

use common::{call, lines, pages, spread};
use learn::bill::{billed_mb, billed_ms, mean_usd_per_million, usd_per_call, usd_per_shared_call};
use learn::catalogue::{Catalogue, Provider};
use learn::sharing::{as_asked, as_recorded};
use learn::{Order, Settings, Traffic};
use trace::*;

fn provider(key: &str) -> Provider {
    let catalogue = Catalogue::bundled();
    catalogue
        .providers()
        .iter()
        .find(|p| p.key == key)
        .unwrap()
        .clone()
}

/// US dollars of one call at a size, having used so many megabytes for so many milliseconds.
fn usd(key: &str, size_mb: u64, used_mb: u64, ms: u64) -> f64 {
    let provider = provider(key);
    let size = provider.size_for(size_mb << 20).unwrap();
    assert_eq!(size.mb, size_mb, "{key} has this size");
    usd_per_call(&provider, &size, Bytes::mib(used_mb), Nanos(ms * 1_000_000))
}

/// Equal but for the last bits of a double.
fn same(found: f64, expected: f64) -> bool {
    (found / expected - 1.0).abs() < 1e-14
}

#[test]
fn worked_examples_with_the_request_fee() {
    for (key, size, used, ms, expected) in [
        // 260 ms are billed as 300: 3 x 0.1 x (0.25 x 2.5e-6 + 0.4 x 1e-5) + 4e-7.
        ("gcf-gen1", 256, 0, 260, 1.7875e-6),
        ("gcf-gen1", 256, 0, 300, 1.7875e-6),
        ("gcf-gen1", 256, 0, 301, 1.7875e-6 + 4.625e-7),
        (
            "cloud-run",
            256,
            0,
            300,
            0.3 * (0.25 * 2.5e-6 + 0.167 * 2.4e-5) + 4e-7,
        ),
        ("lambda-x86", 512, 0, 300, 0.5 * 0.3 * 1.66667e-5 + 2e-7),
        ("lambda-arm", 512, 0, 300, 0.5 * 0.3 * 1.33334e-5 + 2e-7),
        // 160 MB used are billed as 256, 40 ms as 100.
        ("azure-consumption", 1536, 160, 40, 6.0e-7),
        // At least 1,000 ms.
        ("azure-flex", 2048, 0, 40, 5.24e-5),
        ("azure-flex", 512, 0, 1_001, 0.5 * 1.1 * 2.6e-5 + 4e-7),
    ] {
        let found = usd(key, size, used, ms);
        assert!(
            same(found, expected),
            "{key} {size} MB {ms} ms: {found:e}, expected {expected:e}"
        );
    }
}

#[test]
fn the_table_of_the_first_generation_follows_from_its_rates() {
    // US dollars per 100 ms, as published, rounded to nine places.
    for (mb, published) in [
        (128, 0.000000231),
        (256, 0.000000463),
        (512, 0.000000925),
        (1024, 0.000001650),
        (2048, 0.000002900),
        (4096, 0.000005800),
        (8192, 0.000006800),
    ] {
        let found = usd("gcf-gen1", mb, 0, 100) - 4e-7;
        assert!((found - published).abs() <= 0.5001e-9, "{mb} MB: {found:e}");
    }
}

#[test]
fn what_is_billed_is_rounded_as_the_provider_rounds() {
    let ms = |key: &str, nanos: u64| billed_ms(&provider(key), Nanos(nanos));
    assert_eq!(ms("gcf-gen1", 100_000_000), 100);
    assert_eq!(ms("gcf-gen1", 100_000_001), 200);
    assert_eq!(ms("lambda-x86", 1), 1);
    assert_eq!(ms("lambda-x86", 1_000_001), 2);
    assert_eq!(ms("azure-consumption", 1), 100);
    assert_eq!(ms("azure-consumption", 100_000_001), 101);
    assert_eq!(ms("azure-flex", 1), 1_000);
    assert_eq!(ms("azure-flex", 1_000_000_001), 1_100);

    let azure = provider("azure-consumption");
    let size = azure.size_for(0).unwrap();
    for (used, billed) in [
        (0, 128),
        (1, 128),
        (128, 128),
        (129, 256),
        (160, 256),
        (9_000, 1536),
    ] {
        assert_eq!(
            billed_mb(&azure, &size, Bytes::mib(used)),
            billed,
            "{used} MB"
        );
    }
}

#[test]
fn sizes_hold_guest_and_runtime_and_end_somewhere() {
    let mb = |key: &str, bytes: u64| provider(key).size_for(bytes).map(|s| s.mb);
    assert_eq!(mb("gcf-gen1", (256 << 20) + 1), Some(512));
    assert_eq!(mb("lambda-x86", (200 << 20) + 1), Some(201));
    assert_eq!(mb("lambda-x86", 1), Some(128));
    assert_eq!(mb("gcf-gen1", 9_000 << 20), None);
    let share = |mb: u64| {
        provider("lambda-x86")
            .size_for(mb << 20)
            .unwrap()
            .vcpu
            .as_f64()
    };
    assert!(same(share(1769), 1.0) && (share(884) - 0.4997).abs() < 1e-4);
}

#[test]
fn a_provider_that_contradicts_itself_is_refused_and_one_of_the_users_takes_its_place() {
    let gen1 = include_str!("../src/providers/gcf-gen1.toml");
    let azure = include_str!("../src/providers/azure-consumption.toml");
    let bundled = Catalogue::bundled();
    assert_eq!(bundled.dated(), "2026-11-20");
    for (of, from, to, named) in [
        (gen1, "step_ms = 100", "step_ms = 0", "step_ms"),
        (gen1, "\"0.0000025\"", "\"2.5e-6\"", "2.5e-6"),
        (
            gen1,
            "mb = 512, vcpu = \"0.333\"",
            "mb = 64, vcpu = \"0.333\"",
            "ascending",
        ),
        (gen1, "key =", "kee =", "kee"),
        (gen1, "\"2026-11-20\"", "\"last week\"", "dated"),
        (azure, "used_step_mb = 128", "", "used_step_mb"),
        (gen1, "mb = 8192", "mb = 17592186044416", "16 TB"),
        (gen1, "\"0.0000025\"", "\"18000000\"", "1000 US dollars"),
        (
            gen1,
            "step_ms = 100",
            "step_ms = 100\nconcurrency = { most = 0 }",
            "concurrency.most",
        ),
        (
            azure,
            "used_step_mb = 128",
            "used_step_mb = 128\nconcurrency = { most = 2 }",
            "shares a size",
        ),
        (
            azure,
            "sources = [\"azure-docs functions-consumption-costs.md, and the texts of its meters\"]",
            "sources = []",
            "sources",
        ),
    ] {
        let text = of.replacen(from, to, 1);
        assert_ne!(text, of, "{from}");
        let error = Catalogue::bundled().with(&text).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    let ours = gen1
        .replace("Cloud Functions gen1", "Ours")
        .replace("2026-11-20", "2025-01-01");
    let with = bundled.clone().with(&ours).unwrap();
    assert_eq!(with.providers().len(), bundled.providers().len());
    assert_eq!(
        (with.providers()[0].name.as_str(), with.dated()),
        ("Ours", "2025-01-01")
    );
    let another = ours.replace("gcf-gen1", "ours");
    let with = bundled.clone().with(&another).unwrap();
    assert_eq!(with.providers().len(), bundled.providers().len() + 1);
}

/// More memory at the same time is never cheaper, longer is never cheaper, and no rounding is down.
#[test]
fn nothing_larger_or_longer_is_cheaper_and_nothing_is_rounded_down() {
    let mut rng = common::rng(3);
    for provider in Catalogue::bundled().providers() {
        let sizes = provider.listed(&[]);
        for _ in 0..2_000 {
            let ns = rand::Rng::gen_range(&mut rng, 0..3_000_000_000_u64);
            let longer = ns + rand::Rng::gen_range(&mut rng, 0..3_000_000_000_u64);
            let used = Bytes(rand::Rng::gen_range(&mut rng, 0..2_u64 << 30));
            let more = Bytes(used.0 + rand::Rng::gen_range(&mut rng, 0..2_u64 << 30));
            let ms = billed_ms(provider, Nanos(ns));
            assert!(ms * 1_000_000 >= ns && ms >= provider.minimum_ms && ms > 0);
            for (at, size) in sizes.iter().enumerate() {
                let usd = |size, used, ns| usd_per_call(provider, size, used, Nanos(ns));
                let one = usd(size, used, ns);
                assert!(usd(size, used, longer) >= one && usd(size, more, ns) >= one);
                if let Some(larger) = sizes.get(at + 1) {
                    assert!(usd(larger, used, ns) >= one, "{} {}", provider.key, size.mb);
                }
                let billed = billed_mb(provider, size, used);
                assert!(
                    billed << 20 >= used.0.min(size.mb << 20),
                    "{} {billed}",
                    provider.key
                );
            }
        }
    }
}

/// Calls that commit up to `largest` bytes and compute for so many milliseconds of as many.
fn recommended(largest: f64, cpu_ms: u64, wall_ms: u64, runtime_base: Bytes) -> Vec<ProviderBill> {
    timed(largest, runtime_base, |_| {
        (Nanos(cpu_ms * 1_000_000), Nanos(wall_ms * 1_000_000))
    })
}

/// The same with the CPU and the wall-clock time of each of the 12 calls.
fn timed(
    largest: f64,
    runtime_base: Bytes,
    times: impl Fn(usize) -> (Nanos, Nanos),
) -> Vec<ProviderBill> {
    let mut traces: Vec<Trace> = spread(1_000.0, 250_000.0, 12)
        .iter()
        .map(|&x| {
            let mut trace = call(&x.to_string(), pages(largest * x / 250_000.0), None);
            trace.observations = vec![lines(x)];
            trace
        })
        .collect();
    for (i, trace) in traces.iter_mut().enumerate() {
        (trace.cpu, trace.wall) = times(i);
    }
    let settings = Settings {
        runtime_base,
        order: Order::Sweep,
        ..Settings::default()
    }
    .check()
    .unwrap();
    let profile = learn::learn(
        &common::function(),
        &traces,
        &settings,
        &Catalogue::bundled(),
    );
    profile.recommendation.unwrap().providers
}

fn of<'a>(bills: &'a [ProviderBill], key: &str) -> &'a ProviderBill {
    bills.iter().find(|b| b.provider == key).unwrap()
}

#[test]
fn a_smaller_size_that_is_much_slower_and_hardly_cheaper_is_not_recommended() {
    let bills = recommended(20e6, 1_000, 1_000, Bytes::mib(10));
    let gcf = of(&bills, "gcf-gen1");
    assert_eq!((gcf.size_mb, gcf.baseline_size_mb), (256, 256));
    assert_eq!(gcf.usd_saving_share, 0.0);
    assert!((gcf.estimated_seconds - 1.0 / 0.167).abs() < 1e-9);
    assert!(
        gcf.reason.contains("twice as slow: stay at 256 MB"),
        "{}",
        gcf.reason
    );
    // The same price, and faster: where CPU comes with memory, time is what a larger size buys.
    let longer = recommended(20e6, 30_000, 30_000, Bytes::mib(10));
    let flex = of(&longer, "azure-flex");
    assert_eq!((flex.size_mb, flex.usd_per_million), (2048, 1560.4));
    assert_eq!(
        flex.reason,
        "2048 MB costs the same and is 4.0 times as fast"
    );
    // Where the guest waits, the CPU share hardly matters, and the smallest size is the cheapest.
    let waiting = recommended(20e6, 1, 2_000, Bytes::mib(10));
    let gcf = of(&waiting, "gcf-gen1");
    assert_eq!(gcf.size_mb, 128);
    assert!(gcf.usd_saving_share > 0.4, "{}", gcf.reason);
    // The few words of the screen hold what the sentence does, and leave a row of it on one line.
    assert_eq!(
        of(&bills, "gcf-gen1").in_short,
        "stay; 128 MB: same price, twice as slow"
    );
    assert_eq!(flex.in_short, "same price, 4.0 times as fast");
    for bill in bills.iter().chain(&waiting) {
        assert!(bill.in_short.len() <= 42, "{}", bill.in_short);
    }
}

#[test]
fn the_runtime_counts_and_what_fits_nowhere_is_said() {
    // 120 MiB of guest fit into 128 MB, but not beside 40 MiB of runtime.
    let alone = recommended(110e6, 1, 2_000, Bytes(0));
    let beside = recommended(110e6, 1, 2_000, Bytes::mib(40));
    assert_eq!(of(&alone, "gcf-gen1").size_mb, 128);
    assert_eq!(of(&beside, "gcf-gen1").size_mb, 256);
    assert!(
        of(&beside, "gcf-gen1").reason.contains("runtime 40.0 MiB"),
        "{}",
        of(&beside, "gcf-gen1").reason
    );

    let huge = recommended(3.9e9, 1, 2_000, Bytes::mib(500));
    for (key, largest) in [("azure-flex", 4096), ("azure-consumption", 1536)] {
        let bill = of(&huge, key);
        assert_eq!(bill.size_mb, largest);
        assert!(
            bill.reason.starts_with("no size fits") && bill.sizes.iter().all(|s| !s.fits),
            "{}",
            bill.reason
        );
    }
    assert_eq!(of(&huge, "gcf-gen1").size_mb, 8192);
    assert!(of(&huge, "gcf-gen1").reason.contains("256 MB is too small"));
}

#[test]
fn where_used_memory_is_billed_a_limit_saves_nothing() {
    let bills = recommended(20e6, 50, 50, Bytes::mib(10));
    let azure = of(&bills, "azure-consumption");
    assert_eq!(azure.usd_saving_share, 0.0);
    assert!(azure.reason.contains("saves nothing"));
    // 128 MB for 100 ms, for each of a million calls.
    assert!(same(azure.usd_per_million, 0.125 * 0.1 * 16.0 + 0.2));
}

#[test]
fn the_bill_is_the_mean_of_the_bills_and_not_the_bill_of_the_mean() {
    // At 256 MB 10 ms of CPU are 59.9 ms, billed as 100, and 20 ms are 119.8 ms, billed as 200.
    let bills = timed(20e6, Bytes::mib(10), |i| {
        let cpu = Nanos(if i % 2 == 0 { 10_000_000 } else { 20_000_000 });
        (cpu, cpu)
    });
    let gcf = of(&bills, "gcf-gen1");
    let expected = 1e6 * (1.5 * 4.625e-7 + 4e-7);
    assert!(
        same(gcf.baseline_usd_per_million, expected),
        "{}",
        gcf.baseline_usd_per_million
    );
    let provider = provider("gcf-gen1");
    let size = provider.size_for(256 << 20).unwrap();
    assert_eq!(mean_usd_per_million(&provider, &size, &[]), 0.0);
}

#[test]
fn noise_of_cpu_seconds_does_not_change_the_advice() {
    let mut rng = common::rng(7);
    // From far below what is billed to far above; the advice may differ between them, but not between runs of one.
    for cpu_seconds in [2e-4, 4e-3, 0.21, 5.0] {
        let advice: Vec<Vec<(String, u64)>> = (0..30)
            .map(|_| {
                let run = 1.0 + 0.03 * common::normal(&mut rng);
                let noise: Vec<f64> = (0..12)
                    .map(|_| run + 0.02 * common::normal(&mut rng))
                    .collect();
                let times = |i: usize| {
                    let cpu = Nanos((cpu_seconds * noise[i] * 1e9) as u64);
                    (cpu, Nanos(cpu.0 + 30_000))
                };
                let bills = timed(20e6, Bytes::mib(10), times);
                bills.into_iter().map(|b| (b.provider, b.size_mb)).collect()
            })
            .collect();
        for other in &advice[1..] {
            assert_eq!(other, &advice[0], "{cpu_seconds} s");
        }
    }
}

#[test]
fn a_bill_that_does_not_move_is_not_explained_by_a_ratio_of_noise() {
    let bills = timed(20e6, Bytes::mib(10), |_| (Nanos(30_000), Nanos(40_000)));
    let lambda = of(&bills, "lambda-x86");
    assert_eq!(lambda.size_mb, 256);
    assert_eq!(lambda.in_short, "stay: bill does not move under 1 ms");
    // A step at 128 MB costs half of one at 256 MB, and nobody notices the time.
    let gcf = of(&bills, "gcf-gen1");
    assert_eq!(gcf.size_mb, 128);
    assert_eq!(gcf.in_short, "-27 %, under 100 ms");
}

/// A hundred calls known by their size, nine in ten of them small, a second each.
fn mixed() -> Vec<Trace> {
    let calls = (0..100).map(|i| {
        let large = i % 10 == 9;
        let bytes = if large {
            900e6 + i as f64
        } else {
            60e6 + i as f64
        };
        let mut call = call(&i.to_string(), pages(bytes), None);
        call.observations = vec![Observed::before_the_call("stdin_bytes", bytes / 10.0)];
        call.wall = Nanos(1_000_000_000);
        call.cpu = Nanos(0);
        call
    });
    calls.collect()
}

fn accounted(traces: &[Trace], calls_per_month: Option<f64>) -> Account {
    accounted_at_once(traces, calls_per_month, 1)
}

fn accounted_at_once(traces: &[Trace], calls_per_month: Option<f64>, at_once: u32) -> Account {
    let settings = Settings {
        baseline: Bytes::mib(2_048),
        ..Settings::default()
    };
    let settings = settings.check().unwrap();
    let catalogue = Catalogue::bundled();
    let profile = learn::learn(&common::function(), traces, &settings, &catalogue);
    let traffic = Traffic {
        calls_per_month,
        at_once,
    };
    learn::account(&profile, traces, &settings, &catalogue, traffic).unwrap()
}

#[test]
fn waste_is_told_apart_and_a_month_has_what_is_free_taken_off() {
    // All need 100 MiB and wait 250 ms: 300 are billed.
    let traces: Vec<Trace> = (0..100)
        .map(|i| {
            let mut call = call(&i.to_string(), 100.0 * 1_048_576.0, None);
            (call.wall, call.cpu) = (Nanos(250_000_000), Nanos(0));
            call
        })
        .collect();
    let calls = 5_000_000.0;
    let account = accounted(&traces, Some(calls));
    let gen1 = account
        .providers
        .iter()
        .find(|p| p.provider == "gcf-gen1")
        .unwrap();
    let close = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-9;
    let SizeAccount {
        size_mb,
        memory_wasted_usd,
        granularity_usd,
        time_wasted_usd,
        usd_per_month,
        ..
    } = gen1.today;
    assert_eq!(size_mb, 2_048);
    // Of 2 GB 100 MiB are used, for a quarter of a second; 128 MB would be the smallest that fits.
    let of = |mb: f64| mb / 1_024.0 * 2.5e-6 * 0.25 * 1e6;
    assert!(close(memory_wasted_usd, of(2_048.0 - 100.0)), "{gen1:?}");
    assert!(close(granularity_usd, of(28.0)), "{gen1:?}");
    // What is for nothing is told once: all of it and what is used are the bill.
    let used = 0.25 * (100.0 / 1_024.0 * 2.5e-6 + 2.4 * 1e-5) * 1e6 + 0.4;
    assert!(close(
        memory_wasted_usd + time_wasted_usd + used,
        gen1.today.usd_per_million
    ));
    let rate = 2.0 * 2.5e-6 + 2.4 * 1e-5;
    assert!(close(time_wasted_usd, 0.05 * rate * 1e6));
    let month = (calls - 2e6) * 4e-7
        + (2.0 * 0.3 * calls - 400_000.0) * 2.5e-6
        + (2.4 * 0.3 * calls - 200_000.0) * 1e-5;
    assert!(
        close(usd_per_month.unwrap(), month),
        "{usd_per_month:?} {month}"
    );
    assert_eq!(gen1.recommended.size_mb, 128);
    // Azure bills what is used in steps of 128 MB, whatever the limit is.
    let azure = account
        .providers
        .iter()
        .find(|p| p.provider == "azure-consumption")
        .unwrap();
    assert!(close(
        azure.today.memory_wasted_usd,
        28.0 / 1_024.0 * 1.6e-5 * 0.25 * 1e6
    ));
    assert_eq!(azure.today.granularity_usd, 0.0);
    // Nothing is charged below what is free.
    let account = accounted(&traces, Some(1_000.0));
    assert!(
        account
            .providers
            .iter()
            .all(|p| p.recommended.usd_per_month == Some(0.0))
    );
}

#[test]
fn several_deployments_are_told_where_they_cost_less_than_one() {
    let account = accounted(&mixed(), None);
    let lambda = account
        .providers
        .iter()
        .find(|p| p.provider == "lambda-x86")
        .unwrap();
    let classes = lambda
        .classes
        .as_ref()
        .expect("nine in ten calls are small");
    assert_eq!(classes.by.variables(), "stdin_bytes");
    let (first, last) = (
        classes.classes[0],
        classes.classes[classes.classes.len() - 1],
    );
    assert_eq!(last.up_to, None);
    // Every small one fits into the classes before, and no large one.
    let limit = classes
        .classes
        .iter()
        .filter_map(|class| class.up_to)
        .fold(0.0, f64::max);
    assert!(
        limit < 90e6 && (first.size_mb..1_000).contains(&128),
        "{classes:?}"
    );
    assert!((last.calls_share - 0.1).abs() < 1e-9);
    let one = lambda.recommended.usd_per_million;
    let by_hand = classes.classes.iter().map(|class| {
        let provider = provider("lambda-x86");
        let size = provider.size_for(class.size_mb << 20).unwrap();
        class.calls_share * usd_per_call(&provider, &size, Bytes(0), Nanos(1_000_000_000)) * 1e6
    });
    let by_hand: f64 = by_hand.sum();
    assert!((classes.usd_per_million / by_hand - 1.0).abs() < 1e-9);
    assert!(
        (classes.saving_share - (1.0 - by_hand / one)).abs() < 1e-9 && classes.saving_share > 0.5
    );
    // Where all need the same one size is enough, and of three sizes of Flex two would have to be far apart.
    let same: Vec<Trace> = mixed()
        .into_iter()
        .map(|mut call| {
            call.committed_peak = Bytes::mib(100);
            call
        })
        .collect();
    assert!(
        accounted(&same, None)
            .providers
            .iter()
            .all(|p| p.classes.is_none())
    );
}

/// Calls that share an instance pay together for all of its time, and nobody less than a full instance costs; what they pay grows with
/// memory and time as that of one alone does.
#[test]
fn sharing_an_instance_is_never_cheaper_than_the_time_it_runs_and_never_dearer_than_alone() {
    let mut rng = common::rng(7);
    let provider = provider("cloud-run");
    let sizes = provider.listed(&[]);
    for round in 0..400_u32 {
        let most = 1 + round % 9;
        let number = rand::Rng::gen_range(&mut rng, 1..60);
        let calls: Vec<(u64, Nanos)> = (0..number)
            .map(|_| {
                let at = rand::Rng::gen_range(&mut rng, 0..5_000_u64);
                let ns = rand::Rng::gen_range(&mut rng, 0..2_000_000_000_u64);
                (1_700_000_000_000 + at, Nanos(ns))
            })
            .collect();
        let alone_ms: u64 = calls
            .iter()
            .map(|(_, time)| billed_ms(&provider, *time))
            .sum();
        let running: u64 = calls.iter().map(|(_, time)| time.0).sum();
        let sharing = as_recorded(&provider, &calls, most).unwrap();
        let billed_ms_of_all = sharing.share * alone_ms as f64;
        // No instance has more than it may, and each is billed for all the time that it has a call.
        let fewest = running as f64 / 1e6 / f64::from(most);
        assert!(billed_ms_of_all >= fewest * (1.0 - 1e-12), "{sharing:?}");
        // Nor for less than what passes between the first call and the end of the last, where there is always one.
        let first = calls.iter().map(|(at, _)| at * 1_000_000).min().unwrap();
        let mut ends: Vec<(u64, u64)> = calls
            .iter()
            .map(|(at, time)| (at * 1_000_000, at * 1_000_000 + time.0))
            .collect();
        ends.sort_unstable();
        let (mut until, mut covered) = (first, 0);
        for (from, to) in ends {
            covered += to.saturating_sub(from.max(until));
            until = until.max(to);
        }
        assert!(billed_ms_of_all * 1e6 >= covered as f64 * (1.0 - 1e-12));
        assert!(sharing.share <= 1.0 && (1.0..=f64::from(most) + 1e-9).contains(&sharing.at_once));
        if most == 1 {
            assert_eq!(sharing.share, 1.0);
        }
        // What is billed and not busy is rounding: less than a step for each time that an instance had a call.
        let rounded = billed_ms_of_all * (1.0 - sharing.busy);
        assert!((0.0..=100.0 * number as f64).contains(&rounded));
        let times: Vec<Nanos> = calls.iter().map(|(_, time)| *time).collect();
        let full = as_asked(&provider, &times, most);
        // Nobody rounds an instance that never ends: all of its time is shared by those in it.
        let paid = full.share * alone_ms as f64 * f64::from(most);
        assert!((paid / (running as f64 / 1e6) - 1.0).abs() < 1e-9);
        for sharing in [sharing, full] {
            let time = calls[0].1;
            let longer = Nanos(time.0 + rand::Rng::gen_range(&mut rng, 0..1_000_000_000_u64));
            for (at, size) in sizes.iter().enumerate() {
                let usd = |size, time| {
                    usd_per_shared_call(&provider, size, Bytes(0), time, sharing.share)
                };
                let alone = usd_per_call(&provider, size, Bytes(0), time);
                let one = usd(size, time);
                assert!(one <= alone && usd(size, longer) >= one);
                assert!(one > provider.usd_per_request.as_f64());
                if sharing.share == 1.0 {
                    assert_eq!(one, alone);
                }
                if let Some(larger) = sizes.get(at + 1) {
                    assert!(usd(larger, time) >= one);
                }
            }
        }
    }
    // Calls that took no time are billed what is billed at least.
    assert_eq!(as_asked(&provider, &[Nanos(0); 3], 4).share, 0.25);
}

/// Calls that need 100 MiB and wait a second, `every` so many milliseconds one; of a sweep where that is `None`.
fn waiting(every: Option<u64>, cpu: Nanos) -> Vec<Trace> {
    let calls = (0..100_u64).map(|i| {
        let mut call = call(&i.to_string(), 100.0 * 1_048_576.0, None);
        (call.wall, call.cpu) = (Nanos(1_000_000_000), cpu);
        if let Some(every) = every {
            call.started_unix_ms = 1_700_000_000_000 + i * every;
            call.imported = Some(Imported {
                form: "csv".to_owned(),
                configured: None,
                row: i.to_string(),
            });
        }
        call
    });
    calls.collect()
}

#[test]
fn an_instance_that_several_calls_share_holds_all_of_them_and_its_time_is_shared() {
    let shared = |traces: &[Trace], at_once: u32| {
        let account = accounted_at_once(traces, Some(1e6), at_once);
        let mut providers = account.providers.into_iter();
        assert!(
            providers
                .clone()
                .all(|p| p.shared.is_none() || p.provider == "cloud-run")
        );
        let run = providers.find(|p| p.provider == "cloud-run").unwrap();
        (run.recommended, run.shared, account.allocation_bytes)
    };
    let same = |found: f64, expected: f64| (found / expected - 1.0).abs() < 1e-9;
    assert_eq!(shared(&waiting(None, Nanos(0)), 1).1, None);

    // As asked: eight share 2 GB and a CPU, which is the least that may be shared, and pay for an eighth of it.
    let (_, as_asked, allocation) = shared(&waiting(None, Nanos(0)), 8);
    let as_asked = as_asked.unwrap();
    assert_eq!(
        (as_asked.calls, as_asked.need_bytes),
        (8, Bytes(8 * allocation.0))
    );
    let at = as_asked.at.unwrap();
    assert!(!at.is_recorded && at.account.size_mb == 2_048 && at.account.fits);
    let second = 2.0 * 2.5e-6 + 2.4e-5;
    assert!(
        same(at.account.usd_per_million, (second / 8.0 + 4e-7) * 1e6),
        "{at:?}"
    );
    let unused = (2.0 / 8.0 - 100.0 / 1_024.0) * 2.5e-6 * 1e6;
    assert!(same(at.account.memory_wasted_usd, unused), "{at:?}");

    // As recorded: one comes every 250 ms, so four run at a time, though more are let in.
    let (_, recorded, _) = shared(&waiting(Some(250), Nanos(0)), 8);
    let at = recorded.unwrap().at.unwrap();
    assert!(at.is_recorded && (at.at_once - 4.0).abs() < 0.2, "{at:?}");
    // 99 x 250 ms and a second are billed, of 100 seconds alone.
    assert!(same(at.share, 25.8 / 100.0), "{at:?}");
    // By the times of all that came: those that failed, those that ran beside others though some ran alone, and without the one whose
    // time nobody knows.
    let mut mixed = waiting(Some(250), Nanos(0));
    for (i, call) in mixed.iter_mut().enumerate() {
        call.contended = i > 2;
        if i % 4 == 3 {
            call.outcome = Outcome::Failed;
        }
    }
    mixed[50].started_unix_ms = 0;
    let at = shared(&mixed, 8).1.unwrap().at.unwrap();
    assert_eq!((at.is_recorded, at.recorded), (true, 99));
    assert!(same(at.share, 25.8 / 99.0), "{at:?}");
    // Where all take 250 ms, the 300 that each would be billed are rounded, and not those that an instance is always busy.
    let short = |every| {
        let mut calls = waiting(every, Nanos(0));
        calls
            .iter_mut()
            .for_each(|call| call.wall = Nanos(250_000_000));
        shared(&calls, 8).1.unwrap().at.unwrap()
    };
    let full = short(None);
    assert!(same(full.share, 250.0 / 300.0 / 8.0), "{full:?}");
    assert_eq!(full.account.time_wasted_usd, 0.0);
    assert!(same(
        full.account.usd_per_million,
        (second * 0.25 / 8.0 + 4e-7) * 1e6
    ));
    // Two at a time, 125 ms apart: 99 x 125 ms and 250 are 12,625, billed as 12,700.
    let two = short(Some(125)).account.time_wasted_usd;
    assert!(same(two, 0.075 / 100.0 * second * 1e6), "{two}");
    // They never meet: nothing is shared, and the larger size costs more.
    let (alone, apart, _) = shared(&waiting(Some(5_000), Nanos(0)), 8);
    let at = apart.unwrap().at.unwrap();
    assert_eq!((at.share, at.at_once), (1.0, 1.0));
    assert!(at.account.usd_per_million > alone.usd_per_million);

    // Those that compute take as many times as long: a CPU that is shared is no more of one.
    let computing = waiting(None, Nanos(1_000_000_000));
    let (_, busy, _) = shared(&computing, 8);
    let at = busy.unwrap().at.unwrap();
    assert!(
        at.account.usd_per_million >= (2.4e-5 + 4e-7) * 1e6,
        "{at:?}"
    );
    let cpus = 8.0
        / if at.account.size_mb == 2_048 {
            1.0
        } else {
            2.0
        };
    assert!(same(at.estimated_seconds, cpus), "{at:?}");
    // Where more come than a CPU can do, instances fill up, however many were let in by the times of calls alone.
    let flood: Vec<Trace> = waiting(Some(100), Nanos(1_000_000_000));
    let (_, flood, _) = shared(&flood, 4);
    let at = flood.unwrap().at.unwrap();
    assert!(
        at.at_once > 3.0 && at.account.usd_per_million > 2.4e-5 * 1e6,
        "{at:?}"
    );

    // What no size holds is said, and no provider lets in more than it says.
    let (_, many, _) = shared(&waiting(None, Nanos(0)), 5_000);
    let many = many.unwrap();
    assert_eq!((many.calls, many.at), (1_000, None));
}
