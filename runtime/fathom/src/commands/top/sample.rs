//! What a server says of itself and of its functions at one moment, and what has happened between two. Asks nobody: answers
//! are given.

use serde::Deserialize;
use serde_json::Value;
use std::time::Duration;
use trace::{Bytes, Confidence};

/// Of `/api/v1/server`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct ServerState {
    pub(super) version: String,
    /// Another one is another server.
    pub(super) process: u64,
    pub(super) uptime_ns: u64,
    /// What all calls together may have.
    pub(super) memory_bytes: Bytes,
    pub(super) granted_bytes: Bytes,
    /// What calls have left in memory for the next ones.
    pub(super) kept_bytes: Bytes,
    pub(super) calls_running: u64,
    pub(super) calls_waiting: u64,
    pub(super) records_lost: u64,
}

/// Of `/api/v1/functions`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct FunctionState {
    pub(super) name: String,
    pub(super) phase: String,
    pub(super) stale_because: Option<String>,
    pub(super) size_by: String,
    pub(super) calls: u64,
    pub(super) failed: u64,
    pub(super) limited: u64,
    pub(super) timed_out: u64,
    pub(super) running: u64,
    pub(super) memory_limit_bytes: Bytes,
    pub(super) recommended_bytes: Option<Bytes>,
    pub(super) memory_saving_share: Option<f64>,
    pub(super) confidence: Option<Confidence>,
    pub(super) lower_bound: Option<bool>,
    pub(super) inputs_needed: Option<u64>,
    pub(super) because: Option<Vec<String>>,
    pub(super) model: Option<String>,
    pub(super) plan: Option<String>,
    pub(super) granted_byte_seconds: f64,
    pub(super) waste_byte_seconds: f64,
    pub(super) needed_bytes: Needed,
}

/// What calls that succeeded have needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
pub(super) struct Needed {
    pub(super) median: Option<Bytes>,
    pub(super) p99: Option<Bytes>,
    pub(super) max: Option<Bytes>,
}

/// Both, at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Sample {
    /// Since the first one.
    pub(super) at: Duration,
    pub(super) server: ServerState,
    pub(super) functions: Vec<FunctionState>,
}

/// A function, and what it has done since the sample before; `None` where there is none of the same server.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) function: FunctionState,
    pub(super) lately: Option<Lately>,
}

/// What has happened between two samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lately {
    /// Calls that have ended, a second.
    pub(super) calls_per_second: f64,
    /// Byte-seconds granted and not needed, a second: so many bytes were held for nothing, on average.
    pub(super) waste: Bytes,
    /// Of what was granted; `None` where nothing was.
    pub(super) waste_share: Option<f64>,
}

impl Sample {
    /// Of what a server has answered.
    pub(super) fn read(
        at: Duration,
        server: Value,
        functions: Value,
    ) -> Result<Sample, serde_json::Error> {
        Ok(Sample {
            at,
            server: serde_json::from_value(server)?,
            functions: serde_json::from_value(functions)?,
        })
    }

    /// Its functions with what they have done since the sample before.
    pub(super) fn rows(&self, before: Option<&Sample>) -> Vec<Row> {
        let before = before.filter(|before| before.server.process == self.server.process);
        let seconds = before.map_or(0.0, |before| {
            self.at.saturating_sub(before.at).as_secs_f64()
        });
        let lately = |now: &FunctionState| {
            let mut then = before?.functions.iter();
            let then = then.find(|then| then.name == now.name)?;
            // One that went and came back counts from nothing.
            let calls = now.calls.checked_sub(then.calls)?;
            let granted = now.granted_byte_seconds - then.granted_byte_seconds;
            let waste = (now.waste_byte_seconds - then.waste_byte_seconds).max(0.0);
            (seconds > 0.0).then(|| Lately {
                calls_per_second: calls as f64 / seconds,
                waste: Bytes::from_f64(waste / seconds),
                waste_share: (granted > 0.0).then_some(waste / granted),
            })
        };
        let row = |function: &FunctionState| Row {
            lately: lately(function),
            function: function.clone(),
        };
        self.functions.iter().map(row).collect()
    }
}

impl Row {
    /// Calls that did not succeed.
    pub(super) fn failures(&self) -> u64 {
        self.function.failed + self.function.limited + self.function.timed_out
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A function of so many MiB.
    pub(in super::super) fn function(name: &str, limit: u64) -> FunctionState {
        FunctionState {
            name: name.to_owned(),
            phase: "learning".to_owned(),
            memory_limit_bytes: Bytes::mib(limit),
            ..FunctionState::default()
        }
    }

    /// What two answers, two seconds apart, say of three functions: one that works, one that does not, one that is new.
    pub(in super::super) fn between() -> Vec<Row> {
        let (before, now) = samples();
        now.rows(Some(&before))
    }

    pub(in super::super) fn samples() -> (Sample, Sample) {
        let mib = Bytes::mib(1).as_f64();
        let alpha = FunctionState {
            calls: 10,
            ..function("alpha", 8)
        };
        let beta = FunctionState {
            waste_byte_seconds: mib,
            granted_byte_seconds: mib,
            ..function("beta", 256)
        };
        let before = Sample {
            functions: vec![alpha.clone(), beta.clone()],
            ..Sample::default()
        };
        let alpha = FunctionState {
            calls: 30,
            failed: 1,
            limited: 2,
            running: 1,
            recommended_bytes: Some(Bytes::mib(4)),
            memory_saving_share: Some(0.5),
            confidence: Some(Confidence::Low),
            lower_bound: Some(false),
            because: Some(vec!["the largest need seen is 3.0 MiB".to_owned()]),
            granted_byte_seconds: 16.0 * mib,
            waste_byte_seconds: 4.0 * mib,
            needed_bytes: Needed {
                median: Some(Bytes::mib(1)),
                p99: Some(Bytes::mib(2)),
                max: Some(Bytes::mib(3)),
            },
            ..alpha
        };
        let now = Sample {
            at: Duration::from_secs(2),
            server: ServerState {
                version: "1.2.3".to_owned(),
                uptime_ns: 3_600_000_000_000,
                memory_bytes: Bytes::mib(100),
                granted_bytes: Bytes::mib(50),
                kept_bytes: Bytes::mib(20),
                calls_running: 1,
                ..ServerState::default()
            },
            functions: vec![alpha, beta, function("new-one", 16)],
        };
        (before, now)
    }

    #[test]
    fn another_server_has_no_past() {
        let (before, mut now) = samples();
        now.server.process = 7;
        assert!(
            now.rows(Some(&before))
                .iter()
                .all(|row| row.lately.is_none())
        );
    }
}
