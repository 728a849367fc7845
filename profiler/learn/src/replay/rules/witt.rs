//! Least squares on the size of the input, and an offset of one deviation of what it was wrong by: Witt and others,
//! "Feedback-based resource allocation for batch scheduling of scientific workflows" (HPCS 2019), with the offset that is
//! called LR mean +- sigma there. The input is the first thing known before a call, by name; where nothing is, it is a mean.

use super::{Call, Given, Named, Rule};
use crate::online::Known;

pub(super) const RULE: Named = Named {
    name: "witt",
    promises: false,
    make: |_| Box::new(Witt::default()),
};

#[derive(Default)]
struct Witt {
    n: f64,
    x: f64,
    y: f64,
    /// Sums of products of deviations (Welford 1962): inputs span decades.
    xx: f64,
    xy: f64,
    errors: Errors,
}

/// What predictions were wrong by.
#[derive(Default)]
struct Errors {
    n: f64,
    mean: f64,
    squares: f64,
}

impl Witt {
    fn predict(&self, x: f64) -> f64 {
        let slope = if self.xx > 0.0 {
            self.xy / self.xx
        } else {
            0.0
        };
        self.y + slope * (x - self.x)
    }
}

fn input(call: &Call) -> f64 {
    let is_told = |known: &&Known| known.at_seconds <= 0.0 && known.value.is_finite();
    let before = call.known.iter().find(is_told);
    before.map_or(0.0, |known| known.value)
}

impl Rule for Witt {
    fn size(&self, call: &Call) -> Given {
        let deviation = (self.errors.squares / self.errors.n.max(1.0)).sqrt();
        Given::all_the_time((self.predict(input(call)) + deviation).max(0.0))
    }

    fn see(&mut self, call: &Call, _: Given) {
        let (x, y) = (input(call), call.need);
        if self.n > 1.0 {
            let error = y - self.predict(x);
            self.errors.n += 1.0;
            let before = error - self.errors.mean;
            self.errors.mean += before / self.errors.n;
            self.errors.squares += before * (error - self.errors.mean);
        }
        self.n += 1.0;
        let before = x - self.x;
        self.x += before / self.n;
        self.y += (y - self.y) / self.n;
        self.xx += before * (x - self.x);
        self.xy += before * (y - self.y);
    }
}
