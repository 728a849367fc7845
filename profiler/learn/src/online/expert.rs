//! One way to predict, and the margins that its predictions need: as a factor, for errors that grow with the size, and as a
//! summand, for those that do not. Which of the two sizes the next call is decided by what each would have wasted.

use crate::margin::Foretold;
use crate::tail;
use std::collections::VecDeque;

/// Errors looked back on: what was long ago says little of the next call.
const LOOK_BACK: usize = 500;

/// What a call that is given too little costs, in units of what it needed over the rate that was asked for: 30 for 1 in 100. It is
/// made again with twice as much, which costs little, but somebody has asked that it hardly ever happens.
const MISSED: f64 = 0.3;

/// What the latest errors say holds only where the next call is like them. Where calls drift more of them miss than may, so after
/// each miss the bound is for a smaller rate, and as long as none misses that goes back: then no more miss than were asked, whatever
/// the calls do (adaptive conformal inference, Gibbs and Candes 2021, on a logarithmic scale). How much smaller is this over the root of
/// the asked rate, of which misses by chance vary as well: about half where 1 in 100 may miss.
const CARE: f64 = 0.05;

/// The rate is never smaller than this share of the one asked.
const LEAST_CARE: f64 = 0.1;

/// Where misses are asked to be as rare as this, the rate is never larger than that: a bound of few errors is soon exceeded.
const RARE: f64 = 0.01;

/// Where they may be more frequent the bound may be for up to this many times the rate, as long as fewer miss than may: else what was taken
/// back after each miss would never be given again.
const MOST_CARE: f64 = 3.0;

/// A loss counts this share of the one after it.
const FADING: f64 = 0.99;

/// By what a prediction is judged.
#[derive(Clone, Copy)]
pub(super) struct Judged {
    pub(super) need: f64,
    /// What counts as a loss of 1, bytes.
    pub(super) scale: f64,
    /// What the call would have been given at most; `None` before calls are sized.
    pub(super) limit: Option<f64>,
    pub(super) rate: f64,
}

/// A prediction with its margins.
#[derive(Clone, Debug, Default)]
pub(super) struct Expert {
    by_ratio: Margin,
    by_difference: Margin,
}

/// So many predictions one step ahead say enough: those of calls that were left out say what a model does that was learned of all others.
const ENOUGH: usize = 100;

#[derive(Clone, Debug)]
struct Margin {
    /// One step ahead, the latest ones.
    errors: VecDeque<f64>,
    /// Of calls that were left out when the model was learned.
    left_out: Vec<f64>,
    bound: f64,
    /// The rate that the bound is for, over the one asked: 1 at first, less after misses, more after none.
    care: f64,
    losses: f64,
    judged: f64,
}

impl Default for Margin {
    fn default() -> Margin {
        Margin {
            errors: VecDeque::new(),
            left_out: Vec::new(),
            bound: f64::INFINITY,
            care: 1.0,
            losses: 0.0,
            judged: 0.0,
        }
    }
}

impl Expert {
    /// One whose predictions have been made of calls that it had not seen.
    pub(super) fn proven_on(
        foretold: &[Foretold],
        rate: f64,
        scale: impl Fn(f64) -> f64,
    ) -> Expert {
        let mut expert = Expert::default();
        expert.learned_anew(foretold, rate);
        for foretold in foretold {
            let by = Judged {
                need: foretold.needed,
                scale: scale(foretold.needed),
                limit: Some(f64::INFINITY),
                rate,
            };
            let given = expert.given(foretold.predicted);
            expert.by_ratio.lose(given.0, by);
            expert.by_difference.lose(given.1, by);
        }
        expert
    }

    /// The same relation was learned again, of more calls: what it says of those that were left out replaces what it said before.
    pub(super) fn learned_anew(&mut self, foretold: &[Foretold], rate: f64) {
        let ratios = foretold.iter().map(|f| ratio(f.predicted, f.needed));
        self.by_ratio.left_out = ratios.collect();
        let beyond = foretold.iter().map(|f| f.needed - f.predicted);
        self.by_difference.left_out = beyond.collect();
        self.by_ratio.settle(rate);
        self.by_difference.settle(rate);
    }

    /// Is as careful as another one has become, whose misses say nothing else of it.
    pub(super) fn keep_care(&mut self, other: &Expert, rate: f64) {
        self.by_ratio.care = self.by_ratio.care.min(other.by_ratio.care);
        self.by_difference.care = self.by_difference.care.min(other.by_difference.care);
        self.by_ratio.settle(rate);
        self.by_difference.settle(rate);
    }

    /// Judges a prediction that was made before its call, and learns from it.
    pub(super) fn judge(&mut self, predicted: f64, by: Judged) {
        let given = self.given(predicted);
        self.by_ratio.lose(given.0, by);
        self.by_difference.lose(given.1, by);
        self.by_ratio.remember(ratio(predicted, by.need));
        self.by_difference.remember(by.need - predicted);
        self.by_ratio.settle(by.rate);
        self.by_difference.settle(by.rate);
    }

    /// What a call is given for which this is predicted, bytes.
    pub(super) fn bound(&self, predicted: f64) -> f64 {
        let (factor, added) = self.margin();
        predicted * factor + added
    }

    /// The margin by which calls are sized: a factor, and what is added, bytes.
    pub(super) fn margin(&self) -> (f64, f64) {
        if self.by_difference.loss() < self.by_ratio.loss() {
            (1.0, self.by_difference.bound)
        } else {
            (self.by_ratio.bound.exp(), 0.0)
        }
    }

    /// What it loses by a call, on average, in units of what was needed.
    pub(super) fn loss(&self) -> f64 {
        self.by_ratio.loss().min(self.by_difference.loss())
    }

    fn given(&self, predicted: f64) -> (f64, f64) {
        (
            predicted * self.by_ratio.bound.exp(),
            predicted + self.by_difference.bound,
        )
    }
}

/// On a logarithmic scale, where twice as much is as far as half as much.
fn ratio(predicted: f64, needed: f64) -> f64 {
    (needed.max(1.0) / predicted).ln()
}

impl Margin {
    fn remember(&mut self, error: f64) {
        self.errors.push_back(error);
        if self.errors.len() > LOOK_BACK {
            self.errors.pop_front();
        }
    }

    fn settle(&mut self, rate: f64) {
        let rate = rate * self.care;
        self.bound = if self.errors.len() >= ENOUGH {
            tail::upper(self.errors.make_contiguous(), rate)
        } else {
            let all = self.left_out.iter().chain(&self.errors);
            tail::upper(&all.copied().collect::<Vec<f64>>(), rate)
        };
    }

    fn lose(&mut self, given: f64, by: Judged) {
        let Some(limit) = by.limit else {
            return;
        };
        let given = given.min(limit);
        // Memory is given in whole bytes, rounded up: less than one is what rounding has left.
        let missed = given + 1.0 < by.need;
        let more_than_asked = by.rate - f64::from(u8::from(missed));
        let step = CARE / by.rate.sqrt() * more_than_asked;
        let most = (by.rate / RARE).clamp(1.0, MOST_CARE);
        self.care = (self.care * step.exp()).clamp(LEAST_CARE, most);
        let loss = if missed {
            MISSED / by.rate
        } else {
            (given - by.need) / by.scale
        };
        self.losses = self.losses * FADING + loss;
        self.judged = self.judged * FADING + 1.0;
    }

    /// Who was never judged is not preferred for having lost nothing.
    fn loss(&self) -> f64 {
        if self.judged > 0.0 {
            self.losses / self.judged
        } else {
            f64::MAX
        }
    }
}
