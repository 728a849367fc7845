//! What single calls are given, learned from each call as it ends. Which model it is, is learned anew by the `teacher`, from time to
//! time. A new module begins with what was learned of the one before, until its own calls confirm that or drop it.
//!
//! Not here: how a size is made (`learn::Online`), what is told of a function (`sizing`), who gets the memory (`admission`).

use learn::{Evidence, Online, Order, online::Known};
use std::{
    collections::{HashMap, VecDeque},
    hash::{BuildHasher, RandomState},
    sync::{Mutex, MutexGuard, PoisonError},
};
use trace::{Breakpoint, Bytes, Feature, Observed, Outcome, Trace};

/// Distinct inputs of which it is remembered what they needed: a repeat says nothing new.
const REMEMBERED: usize = 1_000;

/// What was learned of another module is provisional until so many calls of the new one have ended.
const PROVISIONAL: u64 = 30;

/// So many times as much as the module before would have been given.
const WIDER: f64 = 1.25;

/// Evidence against it from which on it is dropped: as much is seen by chance in 1 of 20 cases.
const DROPPED: f64 = 20.0;

/// What is learned of one function as its calls come.
pub(crate) struct Live(Mutex<State>);

struct State {
    /// Of which module: calls of the one before may end when it has gone.
    digest: String,
    own: Option<Sizes>,
    inherited: Option<Inherited>,
}

/// What was learned of one module.
#[derive(Clone)]
struct Sizes {
    /// What is known of a call before it.
    features: Vec<Feature>,
    online: Online,
    needs: Needs,
    /// What calls began with, the most.
    start: Bytes,
    rate: f64,
    seed: u64,
}

/// What was learned of the module before.
struct Inherited {
    sizes: Sizes,
    /// What each of its calls was given, where that was so.
    least: Bytes,
    evidence: Evidence,
}

/// What a call is given, and whether a model of this call says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) bytes: Bytes,
    pub(crate) by_model: bool,
}

impl Live {
    /// Of a module of which nothing is known.
    pub(crate) fn of(digest: String) -> Live {
        Live(Mutex::new(State {
            digest,
            own: None,
            inherited: None,
        }))
    }

    /// Before the call; `None` where nothing is known yet.
    pub(crate) fn size(&self, input: &[Observed]) -> Option<Given> {
        let state = self.lock();
        match &state.inherited {
            Some(inherited) => Some(inherited.size(input)),
            None => state.own.as_ref()?.size(input),
        }
    }

    /// Learns from a call that has ended. Takes microseconds.
    pub(crate) fn see(&self, trace: &Trace) {
        let mut state = self.lock();
        if trace.function.digest != state.digest {
            return;
        }
        if let Some(own) = &mut state.own {
            own.see(trace);
        }
        let Some(inherited) = &mut state.inherited else {
            return;
        };
        inherited.judge(trace);
        let evidence = &inherited.evidence;
        if evidence.calls() >= PROVISIONAL || evidence.e_value() >= DROPPED {
            state.inherited = None;
        }
    }

    /// Learns which model it is, from the calls seen; from the recorded ones where those tell more of calls than was seen, as when the
    /// server has just begun. Calls never wait for it. `digest` is of the module that the recorded calls are of.
    pub(crate) fn learn(&self, digest: &str, recorded: &[Trace], failure_rate: f64, seed: u64) {
        let features = features(recorded);
        let is_behind = |own: &Sizes| {
            let is_new = |feature: &Feature| !own.features.contains(feature);
            features.iter().any(is_new)
                || own.rate != failure_rate
                || own.online.calls() == 0 && !recorded.is_empty()
        };
        let copy = match &self.lock().own {
            Some(own) if !is_behind(own) => Some(own.online.clone()),
            _ => None,
        };
        match copy {
            Some(mut online) if online.is_refit_due() => {
                online.refit();
                let mut state = self.lock();
                if let Some(own) = state.own_of(digest) {
                    own.online.adopt(online);
                }
            }
            Some(_) => {}
            None => {
                let mut own = Sizes::new(features, failure_rate, seed);
                recorded.iter().for_each(|trace| own.see(trace));
                own.online.refit();
                let mut state = self.lock();
                if state.digest == digest {
                    state.own = Some(own);
                }
            }
        }
    }

    /// The module is another one. What was learned of the one before is provisional for it; each of its calls was given `least`.
    pub(crate) fn begin_anew(&self, digest: String, least: Option<Bytes>) {
        let mut state = self.lock();
        state.digest = digest;
        let before = state.own.take().filter(|own| own.size(&[]).is_some());
        let handed_on = state.inherited.take();
        // Where the one before was given what it had inherited itself, that is what its calls were given.
        let least = least.max(handed_on.as_ref().map(|inherited| inherited.least));
        let sizes = before.or(handed_on.map(|inherited| inherited.sizes));
        let Some((sizes, least)) = sizes.zip(least) else {
            return;
        };
        // It is learned from at once, by what is known of calls of the one before.
        state.own = Some(sizes.of_nothing());
        state.inherited = Some(Inherited {
            sizes,
            least,
            evidence: Evidence::default(),
        });
    }

    /// Evidence against what was learned of the module before, and from which on it is dropped; `None` where nothing is provisional.
    pub(crate) fn provisional(&self) -> Option<(f64, f64)> {
        let state = self.lock();
        let inherited = state.inherited.as_ref()?;
        Some((inherited.evidence.e_value(), DROPPED))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn own_of(&mut self, digest: &str) -> Option<&mut Sizes> {
        let is_of = self.digest == digest;
        self.own.as_mut().filter(|_| is_of)
    }
}

/// What is known before calls like these.
fn features(calls: &[Trace]) -> Vec<Feature> {
    let mut features = learn::early_features(calls);
    features.retain(|feature| feature.breakpoint == Breakpoint::Input);
    features
}

impl Sizes {
    fn new(features: Vec<Feature>, failure_rate: f64, seed: u64) -> Sizes {
        Sizes {
            online: Online::new(features.clone(), failure_rate, seed, Order::Stream),
            features,
            needs: Needs::default(),
            start: Bytes(0),
            rate: failure_rate,
            seed,
        }
    }

    /// The same of which nothing is known yet.
    fn of_nothing(&self) -> Sizes {
        Sizes::new(self.features.clone(), self.rate, self.seed)
    }

    /// Where nothing at all is told of a call, not even its words are known.
    fn known(&self, input: &[Observed]) -> Vec<Known> {
        let told = |feature: &Feature| feature.value_in(input).filter(|_| !input.is_empty());
        let known = |feature: &Feature| Known {
            value: told(feature).unwrap_or(f64::NAN),
            at_seconds: 0.0,
            ahead: 1.0,
        };
        self.features.iter().map(known).collect()
    }

    fn size(&self, input: &[Observed]) -> Option<Given> {
        let sized = self.online.size(&self.known(input))?;
        let bytes = Bytes::from_f64(sized.last().ceil()).max(self.start);
        Some(Given {
            bytes: bytes.round_up_to_pages(),
            by_model: sized.by_model,
        })
    }

    fn see(&mut self, trace: &Trace) {
        if !trace.had_fresh_sandbox() {
            return;
        }
        let need = trace.needed();
        let is_bound = matches!(trace.outcome, Outcome::Limited | Outcome::TimedOut);
        if !trace.is_measurement() && !is_bound || !self.needs.is_news(&trace.input.digest, need) {
            return;
        }
        self.start = self.start.max(trace.committed_start);
        let known = self.known(&trace.observations);
        if is_bound {
            self.online.see_at_least(&known, need.as_f64());
        } else {
            self.online.see(&known, need.as_f64());
        }
    }
}

impl Inherited {
    /// Never less than each call of the module before was given.
    fn size(&self, input: &[Observed]) -> Given {
        let before = self.sizes.size(input);
        let wider = before.map_or(Bytes(0), |given| {
            Bytes::from_f64((given.bytes.as_f64() * WIDER).ceil())
        });
        Given {
            bytes: wider.max(self.least).round_up_to_pages(),
            by_model: before.is_some_and(|given| given.by_model && wider > self.least),
        }
    }

    /// Whether a call of the new module needed more than it would have been given.
    fn judge(&mut self, trace: &Trace) {
        let missed = trace.needed() > self.size(&trace.observations).bytes;
        if trace.had_fresh_sandbox() && (trace.is_measurement() || missed) {
            self.evidence.see(self.sizes.rate, missed);
        }
    }
}

/// What the latest distinct inputs needed.
#[derive(Clone, Default)]
struct Needs {
    of: HashMap<u64, Bytes>,
    order: VecDeque<u64>,
    hasher: RandomState,
}

impl Needs {
    /// Whether an input is a new one, or needed more than before.
    fn is_news(&mut self, input: &str, need: Bytes) -> bool {
        let input = self.hasher.hash_one(input);
        if let Some(before) = self.of.get_mut(&input) {
            let is_more = need > *before;
            *before = need.max(*before);
            return is_more;
        }
        self.of.insert(input, need);
        self.order.push_back(input);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.of.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::sample;

    /// A call of an input of so many bytes that needed so many pages for each.
    fn call(bytes: u64, pages: f64) -> Trace {
        let mut trace = sample::call();
        trace.served = None;
        trace.input.digest = format!("{bytes} {pages}");
        trace.committed_start = Bytes(0);
        trace.committed_peak = Bytes::from_f64(bytes as f64 * pages).round_up_to_pages();
        trace.observations = vec![Observed::before_the_call("body_bytes", bytes as f64)];
        trace
    }

    fn input(bytes: u64) -> Vec<Observed> {
        call(bytes, 1.0).observations
    }

    fn learned(pages: f64) -> Live {
        let live = Live::of("sha256:0".to_owned());
        let calls: Vec<Trace> = (1..=60).map(|i| call(i * 100_000, pages)).collect();
        live.learn("sha256:0", &calls, 0.01, 1);
        live
    }

    #[test]
    fn a_call_is_given_what_was_learned_of_those_before_it_and_repeats_say_nothing() {
        let live = learned(10.0);
        let given = live.size(&input(2_000_000)).expect("enough is known");
        assert!(given.by_model);
        let need = 20_000_000.0;
        assert!(
            (need..1.1 * need).contains(&given.bytes.as_f64()),
            "{given:?}"
        );
        // One input again and again changes nothing, and is forgotten by nobody.
        for _ in 0..10_000 {
            live.see(&call(100_000, 10.0));
        }
        assert_eq!(live.size(&input(2_000_000)), Some(given));
        // Each call counts at once: from now on they need twice as much.
        (1..=300).for_each(|i| live.see(&call(i * 10_000 + 1, 20.0)));
        let now = live.size(&input(2_000_000)).expect("enough is known");
        assert!(now.bytes.as_f64() >= 2.0 * need, "{now:?}");
        // What nobody can know is not known.
        assert_eq!(Live::of(String::new()).size(&input(1)), None);
    }

    #[test]
    fn calls_are_sized_by_their_content_type_and_others_as_all() {
        let of = |kind: &str| Observed::before_the_call(format!("content_type={kind}"), 1.0);
        let live = Live::of("sha256:0".to_owned());
        let calls = (1..=80_u64).map(|i| {
            let (kind, pages) = [("image/png", 40.0), ("text/csv", 2.0)][(i % 2) as usize];
            let mut call = call(1_000_000 + i, pages);
            call.observations = vec![of(kind)];
            call
        });
        live.learn("sha256:0", &calls.collect::<Vec<Trace>>(), 0.01, 1);
        let given = |kind: &str| {
            live.size(&[of(kind)])
                .expect("enough is known")
                .bytes
                .as_f64()
        };
        assert!(
            (40e6..48e6).contains(&given("image/png")),
            "{}",
            given("image/png")
        );
        // One that nobody has seen is given what all are.
        assert!(given("application/json") >= 40e6);
        assert!(
            (2e6..3e6).contains(&given("text/csv")),
            "{}",
            given("text/csv")
        );
    }

    /// A call of the module that came after.
    fn next(bytes: u64, pages: f64) -> Trace {
        let mut call = call(bytes, pages);
        call.function.digest = "sha256:next".to_owned();
        call
    }

    #[test]
    fn a_new_module_begins_with_what_was_learned_of_the_one_before_until_its_calls_confirm_it() {
        let live = learned(10.0);
        let least = Bytes(70_000_000);
        live.begin_anew("sha256:next".to_owned(), Some(least));
        // Never less than before, and no call for itself.
        let given = live.size(&input(100_000)).expect("inherited");
        assert_eq!(
            (given.bytes, given.by_model),
            (least.round_up_to_pages(), false)
        );
        // Neither a call of the module before that ends late, nor a lesson of it, says anything of this one.
        (0..100).for_each(|i| live.see(&call(i, 100.0)));
        live.learn("sha256:0", &[call(1, 1.0)], 0.01, 1);
        for i in 1..=PROVISIONAL {
            assert!(live.provisional().is_some(), "{i}");
            live.see(&next(i * 100_000, 10.0));
        }
        assert_eq!(live.provisional(), None);
        let given = live.size(&input(100_000)).expect("its own");
        assert!(given.bytes < least, "{given:?}");
    }

    #[test]
    fn a_chain_of_modules_hands_on_what_their_calls_were_given() {
        let live = learned(10.0);
        let least = Bytes(70_000_000);
        live.begin_anew("sha256:next".to_owned(), Some(least));
        (1..10).for_each(|i| live.see(&next(i * 1_000, 10.0)));
        live.begin_anew("sha256:last".to_owned(), Some(Bytes(1_000_000)));
        assert_eq!(
            live.size(&input(1)).map(|g| g.bytes),
            Some(least.round_up_to_pages())
        );
        assert_eq!(live.provisional().map(|(e_value, _)| e_value), Some(1.0));
    }

    #[test]
    fn what_does_not_hold_for_a_new_module_is_dropped_soon() {
        let live = learned(10.0);
        live.begin_anew("sha256:next".to_owned(), Some(Bytes(10_000_000)));
        let missed = (1..PROVISIONAL).find(|i| {
            live.see(&next(i * 100_000, 100.0));
            live.provisional().is_none()
        });
        assert!(missed.is_some_and(|calls| calls <= 5), "{missed:?}");
        // Nothing is inherited of a module of which nothing was known.
        let live = Live::of("sha256:0".to_owned());
        live.begin_anew("sha256:next".to_owned(), Some(Bytes(1)));
        assert_eq!(live.size(&input(1)), None);
    }
}
