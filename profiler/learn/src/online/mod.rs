//! Sizes each call of a function from those before it, and learns from it when it has ended: in microseconds, in bounded
//! memory. Which model it is, is learned anew from time to time, by whoever has the time ([`Online::refit`]).
//!
//! Two predictions compete, each with two margins: that all calls need about the same, and the model of what is known of the
//! call; by the ratio of what was needed to what was predicted, and by the difference. Which one sizes the next call is
//! decided by what each would have wasted so far (prediction with expert advice, following the leader; Cesa-Bianchi and
//! Lugosi 2006).
//!
//! Not here: what a profile says of a sweep (`recommend`), how a replay is counted (`replay`).

mod center;
mod expert;
mod kept;

use crate::features::{self, Column, is_nameless_parameter};
use crate::lead::Lead;
use crate::margin::{Foretold, LEAST_OUTSIDE, MEMORY, Rule};
use crate::settings::Order;
use crate::step_ahead::Early;
use center::{Line, Middle};
use expert::{Expert, Judged};
use kept::Kept;
use std::collections::HashSet;
use trace::{Breakpoint, Bytes, CallBounds, Feature, MarginFrom, Model};

/// Calls before the first one is sized.
pub(crate) const FEWEST: usize = crate::data::FEWEST;

/// It is learned anew when there are so many times as many calls, ...
const GROWN: f64 = 1.5;

/// ... but at the latest after so many more.
const LATEST: usize = 1_000;

/// No call is given more than the largest need seen and this share of it, ...
const BEYOND: f64 = 0.1;

/// ... or, of few calls, this many times 1/n of it: a largest need of few is soon exceeded.
const BEYOND_FEW: f64 = 5.0;

/// A model is of what at least this share of the calls has a value of.
const KNOWN_OF: f64 = 0.9;

/// Share of the growth that must be ahead when a value is known, for calls to be sized by it.
const AHEAD: f64 = 0.5;

/// What is known of one variable of a call, and when.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Known {
    /// Its value; NaN where the call has none.
    pub value: f64,
    /// Seconds since the call began when it is final; 0 for what is known before.
    pub at_seconds: f64,
    /// Share of the growth that was ahead then, 0 to 1.
    pub ahead: f64,
}

/// What a call is given.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sized {
    /// When it begins, bytes.
    pub start: f64,
    /// Once what it is sized by is known: since so many seconds, so many bytes. `None` where that is before it begins, or where
    /// it is sized by nothing.
    pub then: Option<(f64, f64)>,
    /// Whether a model of this call says so; else every call gets the same.
    pub by_model: bool,
}

/// The sizes of one function's calls.
#[derive(Clone, Debug)]
pub struct Online {
    rate: f64,
    seed: u64,
    order: Order,
    features: Vec<Feature>,
    kept: Kept,
    seen: Seen,
    middle: Middle,
    by_middle: Expert,
    line: Option<(Line, Expert)>,
    refit_at: usize,
}

/// What was seen of all calls.
#[derive(Clone, Copy, Debug)]
struct Seen {
    calls: usize,
    smallest: f64,
    largest: f64,
}

impl Online {
    /// Of a function of which nothing is known. `features` are those whose values are told of each call, in their order; `seed`
    /// decides which old calls are kept.
    /// In a sweep a call may be larger than all before it: then it is given what the model says, with a margin that is wider
    /// the farther it lies outside; in a stream it is given about as much as the largest.
    pub fn new(features: Vec<Feature>, failure_rate: f64, seed: u64, order: Order) -> Online {
        Online {
            rate: failure_rate,
            seed,
            order,
            features,
            kept: Kept::new(seed),
            seen: Seen {
                calls: 0,
                smallest: f64::INFINITY,
                largest: 0.0,
            },
            middle: Middle::default(),
            by_middle: Expert::default(),
            line: None,
            refit_at: FEWEST,
        }
    }

    /// What to give a call of which these values are known, one per feature; `None` before five calls were seen.
    pub fn size(&self, known: &[Known]) -> Option<Sized> {
        if self.seen.calls < FEWEST {
            return None;
        }
        let start = self.bounded(self.by_middle.bound(self.middle.predict()));
        let by_line = self.line.as_ref().and_then(|(line, expert)| {
            let at = line.known_at(known);
            let is_better = expert.loss() < self.by_middle.loss();
            let predicted = self.clipped(line.predict(known)).filter(|_| is_better)?;
            let given = expert.bound(predicted);
            let outside = match self.order {
                Order::Sweep => line.widening(known, &self.features),
                Order::Stream => None,
            };
            Some(match outside {
                None => (at, self.bounded(given)),
                Some(by) => (at, widened(predicted, given, by)),
            })
        });
        let by_model = by_line.is_some();
        let (start, then) = match by_line {
            Some((at, bytes)) if at <= 0.0 => (bytes, None),
            then => (start, then),
        };
        Some(Sized {
            start,
            then,
            by_model,
        })
    }

    /// Learns from a call that has ended: it needed `need` bytes.
    pub fn see(&mut self, known: &[Known], need: f64) {
        self.judge(known, need);
        self.middle.see(need);
        let scale = self.scale(need);
        if let Some((line, _)) = &mut self.line {
            line.see(known, need, scale);
            line.stretch(known, &self.features);
        }
        self.seen.calls += 1;
        self.seen.smallest = self.seen.smallest.min(need);
        self.seen.largest = self.seen.largest.max(need);
        self.kept.add(known, need);
    }

    /// Learns from a call that was stopped for want of memory, or at its deadline: it needed `least` bytes at least. That says
    /// something only where it is more than was expected.
    pub fn see_at_least(&mut self, known: &[Known], least: f64) {
        if self.size(known).is_some_and(|given| least > given.last()) {
            self.see(known, least);
        }
    }

    /// Whether there is enough that is new for another model.
    pub fn is_refit_due(&self) -> bool {
        !self.features.is_empty() && self.seen.calls >= self.refit_at
    }

    /// Learns which model it is, from the calls that were kept. Takes milliseconds.
    pub fn refit(&mut self) {
        let grown = (self.seen.calls as f64 * GROWN) as usize;
        self.refit_at = grown.min(self.seen.calls + LATEST).max(self.seen.calls + 1);
        let learned = self
            .learn()
            .and_then(|(model, left_out)| Some((Line::new(model, &self.features)?, left_out)));
        let Some((mut line, left_out)) = learned else {
            self.line = None;
            return;
        };
        for (known, need) in self.kept.iter() {
            line.see(known, need, self.scale(need));
        }
        let expert = match self.line.take() {
            // Its margin has been proven one step ahead.
            Some((before, mut expert)) if before.is_like(&line) => {
                expert.learned_anew(&left_out, self.rate);
                expert
            }
            before => {
                let mut expert = Expert::proven_on(&left_out, self.rate, |need| self.scale(need));
                if let Some((_, before)) = before.filter(|(before, _)| before.is_kin(&line)) {
                    expert.keep_care(&before, self.rate);
                }
                expert
            }
        };
        self.line = Some((line, expert));
    }

    /// Calls seen.
    pub fn calls(&self) -> usize {
        self.seen.calls
    }

    /// Takes over the model of another, which was one with this and has been refitted since. Calls seen meanwhile stay seen.
    pub fn adopt(&mut self, refitted: Online) {
        self.line = refitted.line;
        self.refit_at = refitted.refit_at;
    }

    /// The model by which calls are sized, as the calls since it was learned have changed it, where they are sized by one.
    pub fn model(&self) -> Option<Model> {
        let (line, expert) = self.line.as_ref()?;
        (expert.loss() < self.by_middle.loss()).then(|| line.model())
    }

    /// The model by which calls are sized, its margin and its bounds, where they are sized by one: as a recommendation says it.
    pub(crate) fn rule(&self) -> Option<(Model, Rule)> {
        let model = self.model()?;
        let (_, expert) = self.line.as_ref()?;
        let (factor, added) = expert.margin();
        let bounds = CallBounds {
            floor: Bytes::from_f64((self.seen.smallest / 2.0).ceil()),
            cap: Bytes::from_f64(self.limit().ceil()),
            cap_outside: self.order == Order::Stream,
            added: Bytes::from_f64(added.ceil()),
        };
        let from = Some(MarginFrom::Tail);
        Some((
            model,
            Rule {
                factor,
                bounds,
                from,
            },
        ))
    }

    /// How each prediction would have sized the call.
    fn judge(&mut self, known: &[Known], need: f64) {
        if self.seen.calls < 2 {
            return;
        }
        let by = Judged {
            need,
            scale: self.scale(need),
            limit: (self.seen.calls >= FEWEST).then(|| self.limit()),
            rate: self.rate,
        };
        let middle = self.middle.predict();
        let predicted = self.line.as_ref().map(|(line, _)| line.predict(known));
        let predicted = predicted.and_then(|predicted| self.clipped(predicted));
        self.by_middle.judge(middle, by);
        if let (Some(predicted), Some((_, expert))) = (predicted, &mut self.line) {
            expert.judge(predicted, by);
        }
    }

    /// The model of the calls that were kept, and for each a prediction made without it. Of what is known before a call where
    /// that predicts; else of what is known early in it too.
    fn learn(&self) -> Option<(Model, Vec<Foretold>)> {
        let before: fn(&Column) -> bool = |column| column.feature.breakpoint == Breakpoint::Input;
        let early: fn(&Column) -> bool =
            |column| column.feature.is_early() && column.lead.share >= AHEAD;
        [before, early].into_iter().find_map(|which| {
            let (columns, needs) = self.columns(which);
            let rows: Vec<usize> = (0..needs.len()).collect();
            let early = Early {
                columns: columns.iter().collect(),
                needs: &needs,
                start: 0.0,
            };
            early.learn(&rows, self.seed)
        })
    }

    /// What nearly all calls that were kept have a value of, and what those of them that have all of these needed.
    fn columns(&self, which: fn(&Column) -> bool) -> (Vec<Column>, Vec<f64>) {
        let kept = self.kept.iter().count();
        let has = |at: usize| {
            let known = self
                .kept
                .iter()
                .filter(|(known, _)| known[at].value.is_finite());
            known.count() as f64 >= KNOWN_OF * kept as f64
        };
        let features = self.features.iter().enumerate();
        let names = self.names();
        let usual =
            features.filter(|(at, feature)| has(*at) && !features::is_one_of_many(feature, &names));
        let usual: Vec<(usize, &Feature)> = usual.collect();
        let is_whole = |known: &[Known]| usual.iter().all(|(at, _)| known[*at].value.is_finite());
        let whole: Vec<(&[Known], f64)> = self
            .kept
            .iter()
            .filter(|(known, _)| is_whole(known))
            .collect();
        let family = |feature: &Feature| {
            let mut all = self.features.iter();
            let first = all.position(|f| f.variable == feature.variable);
            first.filter(|_| !is_nameless_parameter(feature))
        };
        let columns = usual.iter().map(|&(at, feature)| {
            let leads = whole
                .iter()
                .map(|(known, _)| Lead::of_share(known[at].ahead));
            Column {
                family: family(feature),
                feature: feature.clone(),
                values: whole.iter().map(|(known, _)| known[at].value).collect(),
                lead: Lead::middle(&leads.collect::<Vec<Lead>>()),
            }
        });
        let columns = columns.filter(which).collect();
        let needs = whole.iter().map(|(_, need)| *need).collect();
        (features::candidates(columns), needs)
    }

    /// Variables of which so many words were said of the calls that were kept that they tell no kinds of calls apart.
    fn names(&self) -> HashSet<String> {
        let is_said = |at: usize| self.kept.iter().any(|(known, _)| known[at].value > 0.5);
        let features = self.features.iter().enumerate();
        let said = features.filter(|(at, feature)| feature.word().is_some() && is_said(*at));
        features::of_many_words(said.map(|(_, feature)| feature))
    }

    /// What no call is given more than.
    fn limit(&self) -> f64 {
        let beyond = BEYOND.max(BEYOND_FEW / self.seen.calls as f64);
        self.seen.largest * (1.0 + beyond)
    }

    fn bounded(&self, given: f64) -> f64 {
        given.min(self.limit())
    }

    /// No prediction is taken as less than half of the smallest need seen.
    fn clipped(&self, predicted: f64) -> Option<f64> {
        let least = (self.seen.smallest / 2.0).max(1.0);
        predicted.is_finite().then(|| predicted.max(least))
    }

    /// What counts as an error of 100 % where `need` was needed.
    fn scale(&self, need: f64) -> f64 {
        need.max(self.seen.largest * 1e-3).max(1.0)
    }
}

/// What is given where a call lies outside what was seen: the margin, of which there is some then, is so many times as wide.
fn widened(predicted: f64, given: f64, by: f64) -> f64 {
    let margin = (given - predicted).max(predicted * LEAST_OUTSIDE);
    (predicted + margin * by.min(MEMORY)).min(MEMORY)
}

impl Sized {
    /// What it is given in the end, bytes.
    pub fn last(&self) -> f64 {
        self.then.map_or(self.start, |(_, bytes)| bytes)
    }
}
