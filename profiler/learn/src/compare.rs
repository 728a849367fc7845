//! Two sizes of one provider beside each other: whether one is better, and the words for how they differ. The thresholds
//! are clear of the noise of measured CPU seconds and of the ratio 2 at which sizes and CPU shares stand to each other.

use crate::catalogue::Provider;
use crate::formula::percent;
use trace::SizeBill;

/// Prices that differ by no more than this share are the same. Between the sizes of the bundled catalogue, calls that
/// compute differ in price by 0 to 0.6 % or by 1.9 % and more, so that noise rarely decides.
const SAME_PRICE: f64 = 0.015;

/// A cheaper size must save at least this share ...
const CHEAPER: f64 = 0.05;

/// ... and may be slower by this factor, which is as fast.
const AS_FAST: f64 = 1.10;

/// A size that is slower than that must save at least this share, and may be slower by no more than this factor: less than
/// the 2 that half the CPU means, so that noise never decides about half the CPU.
const WORTH_SLOWER: f64 = 0.20;
const MUCH_SLOWER: f64 = 1.5;

/// Seconds that a call may take longer without being slower to anybody.
const UNNOTICED_SECONDS: f64 = 0.010;

/// A size at the same price must be faster by at least this factor, where a call is billed at least so many steps: rounding
/// to whole steps is then 1 % between a size and one of half its speed.
const FASTER: f64 = 1.5;
const FEWEST_STEPS: f64 = 25.0;

/// Calls whose mean time is below this share of the least time billed are billed that, and no noise changes it.
const WELL_UNDER: f64 = 0.5;

/// Why a size was chosen: a sentence, and the same in a few words.
pub(crate) struct Why {
    pub(crate) reason: String,
    pub(crate) in_short: String,
}

/// The size that others of its provider are compared with.
pub(crate) struct Yardstick {
    size: SizeBill,
    step_ms: u64,
    /// The least time billed.
    least_ms: u64,
}

impl Yardstick {
    pub(crate) fn new(size: SizeBill, provider: &Provider) -> Yardstick {
        Yardstick {
            size,
            step_ms: provider.step_ms,
            least_ms: provider.step_ms.max(provider.minimum_ms),
        }
    }

    /// Share of the price that a size saves; negative where it costs more.
    pub(crate) fn saving(&self, size: &SizeBill) -> f64 {
        if self.size.usd_per_million > 0.0 {
            1.0 - size.usd_per_million / self.size.usd_per_million
        } else {
            0.0
        }
    }

    /// Whether a size is better beyond doubt: cheaper and as fast, much cheaper and a little slower, or faster at the same
    /// price.
    pub(crate) fn is_beaten_by(&self, size: &SizeBill) -> bool {
        let (saving, slower) = (self.saving(size), self.slower(size));
        let longer = size.estimated_seconds - self.size.estimated_seconds;
        if saving >= CHEAPER {
            return slower <= AS_FAST
                || longer <= UNNOTICED_SECONDS
                || (slower <= MUCH_SLOWER && saving >= WORTH_SLOWER);
        }
        let steps = size.estimated_seconds * 1e3 / self.step_ms as f64;
        saving >= -SAME_PRICE && slower <= 1.0 / FASTER && steps >= FEWEST_STEPS
    }

    /// Time at a size over time at this one.
    fn slower(&self, size: &SizeBill) -> f64 {
        size.estimated_seconds / self.size.estimated_seconds.max(f64::MIN_POSITIVE)
    }

    /// Whether calls are billed the least time at either size.
    fn unbilled(&self, size: &SizeBill) -> bool {
        let longest = size.estimated_seconds.max(self.size.estimated_seconds);
        longest * 1e3 < WELL_UNDER * self.least_ms as f64
    }

    /// Whether, moreover, nobody would notice the difference in time.
    fn unnoticed(&self, size: &SizeBill) -> bool {
        let longer = (size.estimated_seconds - self.size.estimated_seconds).abs();
        longer <= UNNOTICED_SECONDS && self.unbilled(size)
    }

    fn same_price(&self, size: &SizeBill) -> bool {
        self.saving(size).abs() <= SAME_PRICE
    }

    /// Why `chosen`, where this size fits too; `need` at length and in short.
    pub(crate) fn why(
        &self,
        chosen: &SizeBill,
        smallest: &SizeBill,
        need: &str,
        total: &str,
    ) -> Why {
        let stay = self.size.size_mb;
        if chosen.size_mb != stay {
            return Why {
                reason: self.compared(chosen),
                in_short: self.difference(chosen),
            };
        }
        if smallest.size_mb == stay {
            return Why {
                reason: format!("{stay} MB is the smallest size that fits {need}"),
                in_short: format!("stay: the smallest that fits {total}"),
            };
        }
        if self.unbilled(smallest) && self.same_price(smallest) {
            let least = self.least_ms;
            return Why {
                reason: format!(
                    "the bill does not move under {least} ms, which is the least that is billed: stay at {stay} MB"
                ),
                in_short: format!("stay: bill does not move under {least} ms"),
            };
        }
        Why {
            reason: format!("{}: stay at {stay} MB", self.compared(smallest)),
            in_short: format!(
                "stay; {} MB: {}",
                smallest.size_mb,
                self.difference(smallest)
            ),
        }
    }

    /// `-14 %, twice as slow`.
    fn difference(&self, size: &SizeBill) -> String {
        let price = match self.saving(size) {
            _ if self.same_price(size) => "same price".to_owned(),
            s if s > 0.0 => format!("-{}", percent(s)),
            s => format!("+{}", percent(-s)),
        };
        if self.unnoticed(size) {
            return format!("{price}, under {} ms", self.least_ms);
        }
        format!("{price}, {}", self.speed(size))
    }

    /// `128 MB saves 14 % but is twice as slow`.
    fn compared(&self, size: &SizeBill) -> String {
        let saving = self.saving(size);
        let price = match saving {
            _ if self.same_price(size) => "costs the same".to_owned(),
            s if s > 0.0 => format!("saves {}", percent(s)),
            s => format!("costs {} more", percent(-s)),
        };
        let mb = size.size_mb;
        if self.unnoticed(size) {
            // A ratio of times this short is noise.
            return format!(
                "{mb} MB {price}; a call stays under the {} ms billed",
                self.least_ms
            );
        }
        // Good news is joined by "and", mixed news by "but".
        let join = if saving > SAME_PRICE && self.slower(size) > 1.01 {
            "but"
        } else {
            "and"
        };
        format!("{mb} MB {price} {join} is {}", self.speed(size))
    }

    /// `twice as slow`.
    fn speed(&self, size: &SizeBill) -> String {
        match self.slower(size) {
            s if s > 2.1 => format!("{s:.1} times as slow"),
            s if s > 1.9 => "twice as slow".to_owned(),
            s if s > 1.01 => format!("{} slower", percent(s - 1.0)),
            s if s > 0.99 => "as fast".to_owned(),
            s if s > 1.0 / 1.9 => format!("{} faster", percent(1.0 - s)),
            s if s > 1.0 / 2.1 => "twice as fast".to_owned(),
            s => format!("{:.1} times as fast", 1.0 / s),
        }
    }
}
