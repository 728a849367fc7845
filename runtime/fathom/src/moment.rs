//! Moments as they are recorded: milliseconds since 1970-01-01 UTC. Not here: how people write them (`humantime`).

use std::time::SystemTime;

/// Milliseconds since 1970-01-01 UTC, 0 before.
pub(crate) fn unix_ms(at: SystemTime) -> u64 {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as u64)
}
