//! The best single size, in hindsight: of 128 MiB, doubled again and again, as people try sizes (AWS Lambda Power Tuning for them),
//! the smallest on which no more of all calls fail than was asked. Nobody has that on the first day: it is
//! there to show what a setting that never changes can do at best.

use super::{Call, Given, Named, Of, Rule};

pub(super) const RULE: Named = Named {
    name: "fixed",
    promises: true,
    make: |of| Box::new(Fixed(best(of))),
};

/// Bytes.
struct Fixed(f64);

const SMALLEST: f64 = 128.0 * 1024.0 * 1024.0;

fn best(of: &Of) -> f64 {
    let needs = || {
        of.calls
            .iter()
            .filter(|call| call.ended)
            .map(|call| call.need)
    };
    let allowed = of.settings.failure_rate * needs().count() as f64;
    let fails = |size: f64| needs().filter(|need| *need > size).count() as f64;
    let mut size = SMALLEST;
    while fails(size) > allowed {
        size *= 2.0;
    }
    size
}

impl Rule for Fixed {
    fn size(&self, _: &Call) -> Given {
        Given::all_the_time(self.0)
    }

    fn see(&mut self, _: &Call, _: Given) {}
}
