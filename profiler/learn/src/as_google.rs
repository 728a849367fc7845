//! Recorded calls as Google's Cloud Monitoring would keep them: by the minute in which they ended, in buckets. Shows what that
//! view cannot: how far its numbers are from what the calls needed. Writes nothing down.

use crate::catalogue::Provider;
use crate::statistics::quantile;
use trace::{AsGoogle, Bytes, Distribution, ExponentialBuckets, GoogleMinute, SeenByGoogle, Trace};

/// Milliseconds of a minute.
const MINUTE: u64 = 60_000;

/// Shares of the calls of which the memory is told.
const SHARES: [f64; 5] = [0.0, 0.5, 0.9, 0.99, 1.0];

/// Calls, however they ended, as `memory_buckets` show them; `None` where there are none. Those of a sandbox that was used before are
/// left out: what they had used is not their own. `configured` is what calls are given,
/// `provider` has the sizes.
pub fn as_google(
    function: &str,
    traces: &[Trace],
    configured: Bytes,
    memory_buckets: ExponentialBuckets,
    provider: &Provider,
) -> Option<AsGoogle> {
    let mut minutes: Vec<GoogleMinute> = Vec::new();
    let mut ended: Vec<(u64, &Trace)> = traces
        .iter()
        .filter(|call| call.had_fresh_sandbox())
        .map(|call| (call.started_unix_ms + call.wall.0 / 1_000_000, call))
        .collect();
    ended.sort_by_key(|(at, _)| *at);
    for (at, call) in &ended {
        // An interval of Google's begins after its start.
        let from_unix_ms = at.saturating_sub(1) / MINUTE * MINUTE;
        if minutes
            .last()
            .is_none_or(|m| m.from_unix_ms != from_unix_ms)
        {
            minutes.push(GoogleMinute {
                from_unix_ms,
                memory: Vec::new(),
                times: Vec::new(),
            });
        }
        if let Some(minute) = minutes.last_mut() {
            minute.memory.push(call.committed_peak.as_f64());
            minute.times.push((call.wall.0 as f64, call.outcome));
        }
    }
    let exact: Vec<f64> = ended
        .iter()
        .map(|(_, c)| c.committed_peak.as_f64())
        .collect();
    let kept: Vec<Distribution> = minutes
        .iter()
        .map(|minute| memory_buckets.distribution(&minute.memory))
        .collect();
    let seen = Distribution::merged(&kept);
    let quantiles: Vec<SeenByGoogle> = SHARES
        .iter()
        .filter_map(|&share| {
            let (from, to) = seen.quantile(share)?;
            let exact = quantile(&exact, share)?;
            Some(SeenByGoogle {
                share,
                from,
                to,
                exact,
            })
        })
        .collect();
    let largest = quantiles.last()?;
    let size = |bytes: f64| provider.size_for(Bytes::from_f64(bytes).0).map(|s| s.mb);
    Some(AsGoogle {
        function: function.to_owned(),
        configured_mb: configured.0.div_ceil(1 << 20),
        alone: minutes.iter().filter(|m| m.memory.len() == 1).count(),
        size_by_google_mb: size(largest.to),
        size_by_calls_mb: size(largest.exact),
        minutes,
        quantiles,
    })
}
