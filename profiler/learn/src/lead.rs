//! What of a call is still ahead at a moment of it: growth as a share and in bytes, and time. Values that are known when
//! little is ahead explain, and predict nothing.

use crate::statistics::median;
use trace::{Bytes, Moment, Nanos, Trace};

/// What is still ahead.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Lead {
    /// Share of the growth: of committed memory, or of live bytes where nothing was committed.
    pub(crate) share: f64,
    /// Bytes still to grow.
    pub(crate) bytes: f64,
    /// Seconds still to run.
    pub(crate) seconds: f64,
}

impl Lead {
    /// Before the call everything is ahead.
    pub(crate) fn before(trace: &Trace) -> Lead {
        Lead {
            share: 1.0,
            bytes: growth(trace).as_f64(),
            seconds: trace.wall.as_seconds(),
        }
    }

    /// What lies after a moment of a call. Nothing where the moment is unknown, and no growth where nothing grew: no lead is
    /// claimed that was not measured.
    pub(crate) fn at(trace: &Trace, moment: Option<Moment>) -> Lead {
        let Some(moment) = moment else {
            return Lead::default();
        };
        let bytes = if trace.committed_peak > trace.committed_start {
            trace.committed_peak.saturating_sub(moment.committed)
        } else {
            match (trace.heap.live_peak(), moment.live) {
                (Some(peak), Some(live)) => peak.saturating_sub(live),
                _ => Bytes(0),
            }
        };
        Lead {
            share: (bytes.as_f64() / growth(trace).as_f64().max(1.0)).clamp(0.0, 1.0),
            bytes: bytes.as_f64(),
            seconds: Nanos(trace.wall.0.saturating_sub(moment.at.0)).as_seconds(),
        }
    }

    /// Of which only the share of the growth is known.
    pub(crate) fn of_share(share: f64) -> Lead {
        Lead {
            share,
            ..Lead::default()
        }
    }

    pub(crate) fn add(&mut self, other: Lead) {
        self.share += other.share;
        self.bytes += other.bytes;
        self.seconds += other.seconds;
    }

    pub(crate) fn divided_by(self, by: f64) -> Lead {
        Lead {
            share: self.share / by,
            bytes: self.bytes / by,
            seconds: self.seconds / by,
        }
    }

    /// The medians; nothing where there are none.
    pub(crate) fn middle(leads: &[Lead]) -> Lead {
        let middle = |of: fn(&Lead) -> f64| {
            let all: Vec<f64> = leads.iter().map(of).collect();
            median(&all).unwrap_or(0.0)
        };
        Lead {
            share: middle(|l| l.share),
            bytes: middle(|l| l.bytes),
            seconds: middle(|l| l.seconds),
        }
    }

    /// What is ahead when both are known.
    pub(crate) fn least(self, other: Lead) -> Lead {
        Lead {
            share: self.share.min(other.share),
            bytes: self.bytes.min(other.bytes),
            seconds: self.seconds.min(other.seconds),
        }
    }
}

/// The bytes by which a call grows.
fn growth(trace: &Trace) -> Bytes {
    match trace.committed_peak.saturating_sub(trace.committed_start) {
        Bytes(0) => trace.heap.live_peak().unwrap_or_default(),
        grown => grown,
    }
}
