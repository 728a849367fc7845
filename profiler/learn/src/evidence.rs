//! Whether calls miss more often than is allowed: a sequential test, call by call, in constant time and space. What a miss is, and
//! what is done about it, is for others.
//!
//! The evidence is an e-process: the wealth of a gambler who bets that the next call misses, at odds that are fair if it does so
//! with the allowed probability. While it does so with no more, the wealth ever reaches 1 / a with a probability of at most a, however
//! often one looks (Ville 1939). Betting on misses follows Waudby-Smith and Ramdas 2024 (estimating means of bounded random
//! variables by betting): a few bets at once, of which the average is taken. So that a change after long success is noticed as
//! well, a little of the money is kept back for bets that begin later: 1 / (j (j + 1)) of it at call j. The average over
//! beginnings is an e-process too (Vovk and others 2021, retrain or not retrain).

use serde::{Deserialize, Serialize};

/// The bets: a miss is taken to have the probability p to these powers, where p is allowed.
const BETS: [f64; 5] = [0.85, 0.7, 0.5, 0.3, 0.1];

/// Wealth is not counted beyond this: it is an alarm long before.
const MOST: f64 = 1e200;

/// What has been seen so far: a few numbers, whatever the number of calls.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    calls: u64,
    /// Per bet, what is at stake.
    wealth: [f64; BETS.len()],
}

impl Evidence {
    /// Takes in a call that may have missed, with the share of calls that may.
    pub fn see(&mut self, allowed: f64, missed: bool) {
        self.calls += 1;
        // Somebody may allow that calls always miss: then there is nothing to bet on.
        if !(allowed > 0.0 && allowed < 1.0) {
            return;
        }
        let begins = 1.0 / (self.calls as f64 * (self.calls as f64 + 1.0));
        for (wealth, power) in self.wealth.iter_mut().zip(BETS) {
            let taken = allowed.powf(power);
            let factor = if missed {
                taken / allowed
            } else {
                (1.0 - taken) / (1.0 - allowed)
            };
            *wealth = ((*wealth + begins) * factor).min(MOST);
        }
    }

    /// The wealth: at stake, on average over the bets, and not at stake yet. 1 / a of it or more is seen with a probability of at most
    /// a, did no more calls miss than may.
    pub fn e_value(&self) -> f64 {
        let at_stake = self.wealth.iter().sum::<f64>() / BETS.len() as f64;
        at_stake + 1.0 / (self.calls as f64 + 1.0)
    }

    /// Calls seen.
    pub fn calls(&self) -> u64 {
        self.calls
    }
}
