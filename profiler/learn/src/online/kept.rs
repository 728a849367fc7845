//! The calls that a model is learned from: the latest ones, and of all before them a random sample, so that their number is
//! bounded and what comes seldom is not forgotten.

use super::Known;
use rand::{Rng, SeedableRng, rngs::SmallRng};
use std::collections::VecDeque;

/// So many of the latest.
const LATEST: usize = 200;

/// So many of all before them.
const OLDER: usize = 200;

#[derive(Clone, Debug)]
struct Call {
    known: Box<[Known]>,
    need: f64,
}

/// Some calls of one function.
#[derive(Clone, Debug)]
pub(super) struct Kept {
    latest: VecDeque<Call>,
    older: Vec<Call>,
    /// Calls that have left `latest`, kept or not.
    left: usize,
    random: SmallRng,
}

impl Kept {
    pub(super) fn new(seed: u64) -> Kept {
        Kept {
            latest: VecDeque::new(),
            older: Vec::new(),
            left: 0,
            random: SmallRng::seed_from_u64(seed),
        }
    }

    pub(super) fn add(&mut self, known: &[Known], need: f64) {
        self.latest.push_back(Call {
            known: known.into(),
            need,
        });
        if self.latest.len() <= LATEST {
            return;
        }
        let Some(call) = self.latest.pop_front() else {
            return;
        };
        self.left += 1;
        if self.older.len() < OLDER {
            self.older.push(call);
            return;
        }
        // Each that has left is kept with the same probability (reservoir sampling, Vitter 1985, algorithm R).
        let place = self.random.gen_range(0..self.left);
        if let Some(kept) = self.older.get_mut(place) {
            *kept = call;
        }
    }

    /// What was known of each, and what it needed; the latest last.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&[Known], f64)> {
        let all = self.older.iter().chain(&self.latest);
        all.map(|call| (&*call.known, call.need))
    }
}
