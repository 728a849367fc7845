//! Learns from what was recorded, in a thread of its own: what to recommend for a function, by what to size its calls, and
//! the few breakpoints that predict. Calls never wait for it.

use super::{
    Server, build,
    function::{Deployed, Version},
    phase::Phase,
    sizing::Learned,
    stand_back,
};
use crate::{analysis::Configured, output, plan_file};
use learn::Settings;
use rustix::time::{ClockId, clock_gettime};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::{Duration, Instant},
};
use store::{Detail, Filter, Store};
use trace::{AskedOfPlan, PredictivePlan, Trace};

/// Calls looked back on.
const LOOK_BACK: usize = 1_000;

/// Calls of which it is remembered when they have grown.
const GROWTHS: usize = 200;

/// Calls between two lessons once there were many.
const CALLS_BETWEEN: u64 = 200;

/// A lesson is followed by so many times the processor time it took without another one of the same function: it never
/// takes more than a few hundredths of a processor to learn it. Not the time that passed: that grows with what others do.
const REST: u32 = 50;

/// A function rests twice as long after each lesson that has taught nothing new, but never longer than that for it.
const LONGEST_REST: Duration = Duration::from_secs(10);

/// After so long it is not known any more what a function has learned last.
const FORGOTTEN: Duration = Duration::from_secs(60);

/// See `REST`.
const SHORTEST: Duration = Duration::from_millis(2);

/// Longest that is waited for the calls to be written that are to be learned from.
const SETTLED: Duration = Duration::from_millis(500);

/// Largest error of a plan in the middle case, and share of the time that its probes may take.
const ASKED: (f64, f64) = (0.1, 0.01);

/// The thread, seen by those who have something to learn.
pub(crate) struct Teacher(Mutex<mpsc::Sender<Arc<Deployed>>>);

impl Teacher {
    /// Starts the thread. It ends with the server.
    pub(crate) fn start(
        server: Weak<Server>,
        calls: mpsc::Receiver<Arc<Deployed>>,
    ) -> std::io::Result<()> {
        thread::Builder::new()
            .name("teacher".to_owned())
            .spawn(move || {
                stand_back(10);
                let mut lessons = Lessons::default();
                while lessons.wait(&calls) {
                    let Some(server) = server.upgrade() else {
                        return;
                    };
                    lessons.give(&server);
                }
            })?;
        Ok(())
    }

    pub(crate) fn new(calls: mpsc::Sender<Arc<Deployed>>) -> Teacher {
        Teacher(Mutex::new(calls))
    }

    /// Learns the function when there is time.
    pub(crate) fn teach(&self, function: &Arc<Deployed>) {
        let sender = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The thread ends with the server.
        let _ = sender.send(function.clone());
    }
}

/// Who is to be taught, and who rests.
#[derive(Default)]
struct Lessons {
    waiting: HashMap<String, Arc<Deployed>>,
    resting: HashMap<String, Rest>,
    /// When it was looked for those of which nobody has to know any more that they rested.
    swept: Option<Instant>,
}

/// The rest of a function after a lesson.
struct Rest {
    /// Of what it was: another module, or another phase, has not been taught.
    digest: String,
    phase: Phase,
    until: Instant,
    /// Lessons one after another that have taught nothing new.
    in_vain: u32,
}

impl Rest {
    fn is_of(&self, function: &Deployed) -> bool {
        self.digest == function.version().id.digest && self.phase == function.phases.now()
    }
}

impl Lessons {
    /// Waits until there is somebody to teach, or somebody has rested; false when the server has gone.
    fn wait(&mut self, calls: &mpsc::Receiver<Arc<Deployed>>) -> bool {
        let rested = self
            .waiting
            .keys()
            .filter_map(|name| self.resting.get(name))
            .map(|rest| rest.until)
            .min();
        let arrived = match rested {
            None => calls.recv().map_err(|_| RecvTimeoutError::Disconnected),
            Some(until) => calls.recv_timeout(until.saturating_duration_since(Instant::now())),
        };
        match arrived {
            Ok(function) => {
                self.waiting.insert(function.name.clone(), function);
                true
            }
            Err(RecvTimeoutError::Timeout) => true,
            Err(RecvTimeoutError::Disconnected) => false,
        }
    }

    /// Teaches whoever waits and has rested.
    fn give(&mut self, server: &Arc<Server>) {
        let now = Instant::now();
        if self.swept.is_none_or(|swept| now >= swept + FORGOTTEN) {
            self.resting.retain(|_, rest| now < rest.until + FORGOTTEN);
            self.swept = Some(now);
        }
        let rests = |function: &Deployed| {
            let rest = self.resting.get(&function.name);
            rest.is_some_and(|rest| now < rest.until && rest.is_of(function))
        };
        let names = self.waiting.iter().filter(|(_, of)| !rests(of));
        let names: Vec<String> = names.map(|(name, _)| name.clone()).collect();
        for name in names {
            let Some(function) = self.waiting.remove(&name) else {
                continue;
            };
            server.records.settle(SETTLED);
            let begun = processor_time();
            let in_vain = match lesson(server, &function) {
                Taught::Something => 0,
                Taught::Nothing => {
                    let before = self.resting.get(&name);
                    let before = before.filter(|rest| rest.is_of(&function));
                    before.map_or(0, |rest| rest.in_vain) + 1
                }
            };
            let rest = Rest {
                digest: function.version().id.digest.clone(),
                phase: function.phases.now(),
                until: Instant::now() + rest(processor_time().saturating_sub(begun), in_vain),
                in_vain,
            };
            self.resting.insert(name, rest);
        }
    }
}

/// What this thread has taken of a processor so far. Compiling, once for each plan, is done by others.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .unwrap_or_default()
}

/// How long a function rests after a lesson that took so long, the last of so many in vain.
fn rest(took: Duration, in_vain: u32) -> Duration {
    let usual = took.max(SHORTEST) * REST;
    let longer = usual.saturating_mul(2u32.saturating_pow(in_vain));
    longer.min(LONGEST_REST.max(usual))
}

/// What has come of a lesson.
enum Taught {
    /// What is recommended has changed, or what is to be watched.
    Something,
    Nothing,
}

/// Whether it is time after so many calls: often at the beginning.
pub(crate) fn is_time(calls: u64) -> bool {
    matches!(calls, 6 | 12 | 24 | 48 | 100) || calls > 0 && calls.is_multiple_of(CALLS_BETWEEN)
}

fn lesson(server: &Arc<Server>, function: &Arc<Deployed>) -> Taught {
    let version = function.version();
    let calls = match recorded(server, &version) {
        Ok(calls) if !calls.is_empty() => calls,
        Ok(_) => return Taught::Nothing,
        Err(error) => {
            output::note(format_args!(
                "warning: nothing was learned of {}: {error:#}",
                function.name
            ));
            return Taught::Nothing;
        }
    };
    if let Err(error) = remember_growth(server, function, &version) {
        output::note(format_args!("warning: {error:#}"));
    }
    let configured = Configured {
        failure_rate: version.manifest.failure_rate,
        memory: Some(version.manifest.limits.memory),
    };
    let failure_rate = failure_rate(server, &version);
    let seed = server.settings.learning.seed;
    let live = &function.sizing.live;
    live.learn(&version.id.digest, &calls, failure_rate, seed);
    let Ok(mut profile) = server
        .settings
        .learning
        .learn(&version.id, &calls, configured)
    else {
        return Taught::Nothing;
    };
    let Some(recommendation) = profile.recommendation.take() else {
        return Taught::Nothing;
    };
    // Meanwhile it may have become another module, of which this says nothing.
    if function.version().id.digest != version.id.digest {
        return Taught::Nothing;
    }
    let known = function.sizing.learned();
    let before = known.as_ref().and_then(|learned| learned.plan.clone());
    let plan = match function.phases.now() {
        Phase::Selective => before,
        Phase::Learning | Phase::Stale => plan(server, &version, &calls),
    };
    function
        .metrics(server)
        .learned(&recommendation, &profile.model);
    let is_new = plan.is_some() && function.phases.now() != Phase::Selective;
    if let (true, Some(plan)) = (is_new, &plan) {
        let armed = plan_file::only(plan, version.manifest.watch.clone());
        let built = server
            .modules
            .read(&version.id.digest)
            .and_then(|wasm| build::build(server, &version.id, &wasm, &armed));
        // Where it cannot be compiled with them, it goes on as it is.
        if built.is_ok() {
            version.serving().arm(armed);
            let why = format!("a plan was learned: {}", plan.model.formula);
            let change = function.phases.become_selective(&why);
            server.records.changed(&function.name, change);
        }
    }
    let is_as_known = known.is_some_and(|known| {
        let known = &known.recommendation;
        known.allocation_bytes == recommendation.allocation_bytes
            && known.sizing_feature == recommendation.sizing_feature
    });
    function.sizing.set(Learned {
        recommendation,
        profile,
        plan,
    });
    match is_as_known && !is_new {
        true => Taught::Nothing,
        false => Taught::Something,
    }
}

/// Share of calls that may fail for want of memory.
pub(super) fn failure_rate(server: &Server, version: &Version) -> f64 {
    let asked = server.settings.learning.failure_rate;
    asked.or(version.manifest.failure_rate).unwrap_or(0.01)
}

fn recorded(server: &Server, version: &Version) -> anyhow::Result<Vec<Trace>> {
    let store = Store::open_existing(&server.settings.database)?;
    let mut calls = store.traces(&of(version, LOOK_BACK, Detail::Summary))?;
    calls.retain(Trace::had_fresh_sandbox);
    Ok(calls)
}

fn of(version: &Version, newest: usize, detail: Detail) -> Filter {
    Filter {
        function: Some(version.id.name.clone()),
        digest: Some(version.id.digest.clone()),
        newest: Some(newest),
        detail,
        ..Filter::default()
    }
}

/// When calls of former times have grown, before the first one of this time.
fn remember_growth(server: &Server, function: &Deployed, version: &Version) -> anyhow::Result<()> {
    if function.totals().calls > 0 {
        return Ok(());
    }
    let store = Store::open_existing(&server.settings.database)?;
    let mut calls = Vec::new();
    store.each(&of(version, GROWTHS, Detail::Full), |_, call| {
        if call.served.is_some() && call.is_measurement() {
            calls.push(call);
        }
    })?;
    let mut totals = function.totals();
    calls.iter().for_each(|call| totals.see_growth(call));
    Ok(())
}

/// The few breakpoints that predict; `None` where none do well enough, or there is too little to say.
fn plan(server: &Server, version: &Version, calls: &[Trace]) -> Option<PredictivePlan> {
    let (error, cost_share) = ASKED;
    let failure_rate = failure_rate(server, version);
    let settings = Settings {
        failure_rate,
        seed: server.settings.learning.seed,
        ..Settings::default()
    }
    .check()
    .ok()?;
    let asked = AskedOfPlan {
        error,
        failure_rate,
        cost_share,
    };
    let version_of_ours = env!("CARGO_PKG_VERSION");
    let plan = learn::plan(&version.id, calls, &settings, asked, version_of_ours).ok()?;
    plan.is_within_asked().then_some(plan)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Learning takes little of the machine, and less where it is in vain; but a lesson is never far.
    #[test]
    fn who_learns_nothing_new_rests_longer_and_never_too_long() {
        let took = Duration::from_millis(4);
        assert_eq!(rest(took, 0), took * REST);
        assert_eq!(rest(took, 1), took * REST * 2);
        assert_eq!(rest(took, 3), took * REST * 8);
        assert_eq!(rest(took, 30), LONGEST_REST);
        // A long lesson is followed by its usual rest, however long that is.
        let took = Duration::from_secs(1);
        assert_eq!(rest(took, 0), took * REST);
        assert_eq!(rest(took, 30), took * REST);
        assert_eq!(rest(Duration::ZERO, 0), SHORTEST * REST);
    }
}
