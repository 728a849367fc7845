//! Several functions side by side, ranked by what there is to save. Values: how they look is in `html::fleet` and `table`.

use crate::Context;
use crate::pages::{FunctionNow, Needs, Recommended, savable_bytes};
use crate::words;
use trace::{Bytes, CallAllocation, Outcome, Profile};

/// One recorded function.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// What was learned of it.
    pub profile: Profile,
    /// What its calls tell beside.
    pub context: Context,
    /// Its own report, from where the report of all is.
    pub report: Option<String>,
}

/// Puts first what saves most: memory that is held beyond what is recommended, times the time it is held. The time is that of
/// the recorded calls at their median, so that a function that is called often counts more, as it does for whoever pays.
pub fn rank(functions: &mut [Fleet]) {
    functions.sort_by(|a, b| {
        let more = b.saved_byte_seconds().total_cmp(&a.saved_byte_seconds());
        more.then_with(|| a.profile.function.name.cmp(&b.profile.function.name))
    });
}

impl Fleet {
    /// Memory that the recorded calls would not have held had each been given what is recommended, bytes times seconds; 0 where
    /// nothing is recommended or more than today is.
    pub fn saved_byte_seconds(&self) -> f64 {
        let saved = self
            .profile
            .recommendation
            .as_ref()
            .map(|r| savable_bytes(r.baseline_bytes, r.allocation_bytes));
        saved.unwrap_or(0.0) * self.seconds()
    }

    /// Time of all recorded calls at their median.
    fn seconds(&self) -> f64 {
        self.context.wall_seconds.unwrap_or(0.0) * self.profile.invocations.total as f64
    }

    /// The same as a function of a server, as far as recorded calls say it.
    pub(crate) fn now(&self) -> FunctionNow {
        let counts = &self.profile.invocations;
        let recommendation = self.profile.recommendation.as_ref();
        FunctionNow {
            name: self.profile.function.name.clone(),
            digest: self.profile.function.digest.clone(),
            phase: "",
            stale_because: None,
            calls: counts.total as u64,
            running: 0,
            failed: counts.failed as u64,
            limited: counts.limited as u64,
            timed_out: counts.timed_out as u64,
            cold: 0,
            mispredicted: 0,
            made_again: 0,
            needed: recommendation.and_then(|r| needs(&r.calls)),
            limit: recommendation.map_or(Bytes(0), |r| r.baseline_bytes),
            sized_by: "",
            recommended: recommendation.map(|r| Recommended {
                bytes: r.allocation_bytes,
                confidence: r.confidence,
                is_lower_bound: words::is_lower_bound(r),
            }),
            waste_byte_seconds: 0.0,
            wall_seconds: self.seconds(),
        }
    }
}

/// Exact, by nearest rank.
fn needs(calls: &[CallAllocation]) -> Option<Needs> {
    let succeeded = calls.iter().filter(|c| c.outcome == Outcome::Succeeded);
    let mut needs: Vec<Bytes> = succeeded.map(|call| call.needed_bytes).collect();
    needs.sort();
    let rank = |share: f64| {
        let rank = (share * needs.len() as f64).ceil() as usize;
        needs.get(rank.saturating_sub(1)).copied()
    };
    Some(Needs {
        median: rank(0.5)?,
        p99: rank(0.99)?,
        max: rank(1.0)?,
    })
}
