//! How many calls fit: the same stream of calls under one budget, sized in different ways, by the server itself but for HTTP.
//! Guests take the memory that they are told to and hold it for a while; they compute nothing. Not here: how it is printed.

use super::{
    Server, Settings, SizeBy,
    bodies::{CallRoom, Room},
    call,
    call::Ask,
    deploy_all,
    guests::Guests,
    records::Counts,
    set_up,
    teacher::Teacher,
    threads,
};
use anyhow::{Context, ensure};
use bytes::Bytes as Body;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::{
    fmt::Write,
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use trace::{Bytes, PAGE};

/// Functions whose need follows from what they are given.
const PREDICTABLE: usize = 6;

/// Functions whose need does not.
const UNPREDICTABLE: usize = 2;

/// Needs, pages: 1 to 200 MiB, evenly on a logarithmic scale.
const NEEDS: (f64, f64) = (16.0, 3_200.0);

/// Different inputs of an unpredictable function.
const INPUTS: usize = 256;

/// How long a call holds its memory.
const HOLD: Duration = Duration::from_millis(50);

/// Calls of each function that are learned from.
const LEARNED_FROM: usize = 200;

/// Callers, each with one call at a time: more than ever fit.
const CALLERS: usize = 250;

/// What every call is given where nobody knows better.
const PRESET: Bytes = Bytes::mib(256);

/// By what calls are sized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Policy {
    /// One preset for all.
    Preset,
    /// What is recommended for the function.
    Recommendation,
    /// The model, for each call.
    Call,
    /// What it will need: nobody knows, so this is how good it can be.
    Clairvoyant,
}

impl Policy {
    /// All of them, in the order of what they know.
    pub(crate) const ALL: [Policy; 4] = [
        Policy::Preset,
        Policy::Recommendation,
        Policy::Call,
        Policy::Clairvoyant,
    ];
}

/// What became of the stream.
pub(crate) struct Outcome {
    pub(crate) policy: Policy,
    pub(crate) calls: usize,
    /// On average, while there were calls to make.
    pub(crate) in_flight: f64,
    pub(crate) per_second: f64,
    /// Granted and not needed, times time.
    pub(crate) waste_gb_seconds: f64,
    pub(crate) mispredicted: u64,
    pub(crate) made_again: u64,
    pub(crate) failed: u64,
}

/// One call to be made.
#[derive(Clone)]
struct Planned {
    function: String,
    body: String,
    needs: Bytes,
}

/// Makes the same `calls` under `memory` by each policy. `settings` says the rest; its folder is a scratch one.
pub(crate) fn measure(
    settings: impl Fn(SizeBy, Bytes) -> Settings,
    folder: &Path,
    memory: Bytes,
    calls: usize,
    seed: u64,
) -> anyhow::Result<Vec<Outcome>> {
    let mut rng = SmallRng::seed_from_u64(seed);
    let table: Vec<u32> = (0..INPUTS).map(|_| need(&mut rng)).collect();
    write_functions(folder, &table)?;
    let learn: Vec<Planned> = (0..LEARNED_FROM * (PREDICTABLE + UNPREDICTABLE))
        .map(|number| planned(number % (PREDICTABLE + UNPREDICTABLE), &table, &mut rng))
        .collect();
    let stream: Vec<Planned> = (0..calls)
        .map(|_| {
            planned(
                rng.gen_range(0..PREDICTABLE + UNPREDICTABLE),
                &table,
                &mut rng,
            )
        })
        .collect();
    // So much that nobody waits for it.
    let plenty = Bytes(PRESET.0 * 2 * CALLERS as u64);
    run(
        settings(SizeBy::Setting, plenty),
        Policy::Preset,
        learn,
        true,
    )?;
    Policy::ALL
        .into_iter()
        .map(|policy| {
            let by = match policy {
                Policy::Preset | Policy::Clairvoyant => SizeBy::Setting,
                Policy::Recommendation => SizeBy::Recommendation,
                Policy::Call => SizeBy::Call,
            };
            run(settings(by, memory), policy, stream.clone(), false)
        })
        .collect()
}

fn need(rng: &mut SmallRng) -> u32 {
    let (least, most) = NEEDS;
    rng.gen_range(least.ln()..most.ln()).exp() as u32
}

/// A call of the function with that number. What it is given is a document with one number.
fn planned(function: usize, table: &[u32], rng: &mut SmallRng) -> Planned {
    let (number, pages) = if function < PREDICTABLE {
        let factor = function as u32 + 1;
        let number = need(rng) / factor;
        (number, number * factor)
    } else {
        let number = rng.gen_range(0..INPUTS);
        (number as u32, table[number])
    };
    Planned {
        function: format!("f{function}"),
        body: format!("{{\"n\":{number}}}"),
        needs: Bytes((u64::from(pages) + 1) * PAGE.0),
    }
}

/// Each function is a guest that multiplies its number by a factor, or looks it up, and grows by as many pages.
fn write_functions(folder: &Path, table: &[u32]) -> anyhow::Result<()> {
    let mut data = String::new();
    for pages in table {
        for byte in pages.to_le_bytes() {
            // Writing to a text does not fail.
            let _ = write!(data, "\\{byte:02x}");
        }
    }
    for function in 0..PREDICTABLE + UNPREDICTABLE {
        let pages = if function < PREDICTABLE {
            format!("(i32.mul (local.get $n) (i32.const {}))", function + 1)
        } else {
            "(i32.load offset=1024 (i32.shl (local.get $n) (i32.const 2)))".to_owned()
        };
        let nanos = HOLD.as_nanos();
        let guest = format!(
            r#"(module
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "poll_oneoff" (func $poll (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const 1024) "{data}")
    (func (export "_start") (local $n i32) (local $at i32)
        (i32.store (i32.const 0) (i32.const 64))
        (i32.store (i32.const 4) (i32.const 16))
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        ;; Behind {{"n":
        (local.set $at (i32.const 69))
        (block $end
            (loop $digit
                (br_if $end (i32.lt_u (i32.load8_u (local.get $at)) (i32.const 48)))
                (br_if $end (i32.gt_u (i32.load8_u (local.get $at)) (i32.const 57)))
                (local.set $n (i32.add (i32.mul (local.get $n) (i32.const 10))
                    (i32.sub (i32.load8_u (local.get $at)) (i32.const 48))))
                (local.set $at (i32.add (local.get $at) (i32.const 1)))
                (br $digit)))
        (if (i32.eq (memory.grow {pages}) (i32.const -1)) (then unreachable))
        (i32.store (i32.const 112) (i32.const 1))
        (i64.store (i32.const 120) (i64.const {nanos}))
        (drop (call $poll (i32.const 96) (i32.const 256) (i32.const 1) (i32.const 320)))))"#
        );
        let own = folder.join(format!("f{function}"));
        fs::create_dir_all(&own)
            .with_context(|| format!("cannot make the folder `{}`", own.display()))?;
        let manifest = format!(
            "[function]\nname = \"f{function}\"\nmodule = \"guest.wat\"\nmemory = \"{} B\"\n",
            PRESET.0
        );
        fs::write(own.join("guest.wat"), guest)
            .and_then(|()| fs::write(own.join("fathom.toml"), manifest))
            .with_context(|| format!("cannot write into `{}`", own.display()))?;
    }
    Ok(())
}

/// What the callers have seen.
#[derive(Default)]
struct Seen {
    next: AtomicUsize,
    failed: AtomicU64,
}

fn run(
    settings: Settings,
    policy: Policy,
    stream: Vec<Planned>,
    learning: bool,
) -> anyhow::Result<Outcome> {
    let (server, lessons) = set_up(settings, Guests::start(2)?)?;
    Teacher::start(Arc::downgrade(&server), lessons).context("cannot start a thread")?;
    deploy_all(&server, false)?;
    wait_for_lessons(&server, learning)?;
    let calls = stream.len();
    let stream = Arc::new(stream);
    let seen = Arc::<Seen>::default();
    let callers = threads("callers", 2)?;
    let begun = Instant::now();
    callers.block_on(async {
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let (server, stream, seen) = (server.clone(), stream.clone(), seen.clone());
                tokio::spawn(async move {
                    while let Some(planned) = stream.get(seen.next.fetch_add(1, Ordering::Relaxed))
                    {
                        let ask = ask(planned, policy);
                        if call::call(&server, ask).await.status() != 200 {
                            seen.failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                })
            })
            .collect();
        for caller in callers {
            // It does not panic; if it did, its call counts as none.
            let _ = caller.await;
        }
    });
    let seconds = begun.elapsed().as_secs_f64();
    server.records.settle(Duration::from_secs(10));
    if learning {
        for function in server.registry.all() {
            server.teacher.teach(&function);
        }
        thread::sleep(Duration::from_millis(200));
    }
    let outcome = outcome(&server, policy, calls, seconds, &seen);
    server.guests.stop();
    server.records.finish();
    ensure!(
        lost(server.records.counts()) == 0,
        "records were lost: nothing can be said"
    );
    Ok(outcome)
}

fn lost(counts: &Counts) -> u64 {
    counts.lost.load(Ordering::Relaxed)
}

fn ask(planned: &Planned, policy: Policy) -> Ask {
    let body = Body::from(planned.body.clone());
    let mut request = http::Request::new(body);
    let kind = http::HeaderValue::from_static("application/json");
    request
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, kind);
    Ask {
        id: "density".to_owned(),
        function: planned.function.clone(),
        dialect: "bench",
        request,
        room: CallRoom::of(Room::nothing()),
        remote: None,
        known: (policy == Policy::Clairvoyant).then_some(planned.needs),
    }
}

/// What was recorded before is learned from when a server begins.
fn wait_for_lessons(server: &Arc<Server>, learning: bool) -> anyhow::Result<()> {
    let until = Instant::now() + Duration::from_secs(60);
    let is_learned = |server: &Server| {
        let all = server.registry.all();
        all.iter()
            .all(|function| function.sizing.learned().is_some())
    };
    while !learning && !is_learned(server) {
        ensure!(
            Instant::now() < until,
            "nothing was learned from the first calls"
        );
        thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}

fn outcome(server: &Server, policy: Policy, calls: usize, seconds: f64, seen: &Seen) -> Outcome {
    let mut outcome = Outcome {
        policy,
        calls,
        in_flight: 0.0,
        per_second: calls as f64 / seconds,
        waste_gb_seconds: 0.0,
        mispredicted: 0,
        made_again: 0,
        failed: seen.failed.load(Ordering::Relaxed),
    };
    let mut held = 0.0;
    for function in server.registry.all() {
        let totals = function.totals();
        held += totals.wall.as_seconds();
        outcome.mispredicted += totals.mispredicted;
        outcome.made_again += totals.made_again;
        outcome.waste_gb_seconds += totals.waste_byte_seconds / 1e9;
    }
    outcome.in_flight = held / seconds;
    outcome
}
