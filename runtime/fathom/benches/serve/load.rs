//! A client that asks as fast as it is answered: `wrk`, told what to say by `load.lua`. Its own time is on the same
//! processors as that of the server, for every server alike.

use serde::Deserialize;
use std::{path::Path, process::Command};

/// What is asked.
#[derive(Clone)]
pub(crate) struct Load<'a> {
    pub(crate) url: &'a str,
    /// Empty for GET.
    pub(crate) body: &'a str,
    pub(crate) connections: u32,
    pub(crate) seconds: u32,
    /// The address ends in a number below this one, in turn.
    pub(crate) paths: u32,
}

/// What came of it.
#[derive(Clone, Deserialize)]
pub(crate) struct Told {
    pub(crate) requests: u64,
    micros: u64,
    /// Answers that were no success.
    refused: u64,
    /// Requests without an answer.
    broken: u64,
    /// Per cent of the requests, and how long they took at most, microseconds.
    quantiles: Vec<(f64, u64)>,
}

impl Load<'_> {
    pub(crate) fn of(url: &str) -> Load<'_> {
        Load {
            url,
            body: "",
            connections: 32,
            seconds: 2,
            paths: 1,
        }
    }

    /// Asks for so long. Whoever does not answer everything well is not measured.
    pub(crate) fn run(&self) -> Told {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/serve/load.lua");
        let output = Command::new("wrk")
            .args(["-t1", "--timeout", "30s"])
            .arg(format!("-c{}", self.connections))
            .arg(format!("-d{}s", self.seconds))
            .arg("-s")
            .arg(script)
            .args([self.url, "--", self.body])
            .arg(self.paths.to_string())
            .output()
            .expect("wrk, of the Debian package of that name");
        let text = String::from_utf8_lossy(&output.stdout);
        let line = text.lines().find(|line| line.starts_with('{'));
        let told: Told = line
            .and_then(|line| serde_json::from_str(line).ok())
            .unwrap_or_else(|| panic!("wrk said: {text}"));
        assert!(
            told.refused == 0 && told.broken == 0 && told.requests > 0,
            "{}: of {} requests {} were refused and {} broke off",
            self.url,
            told.requests,
            told.refused,
            told.broken
        );
        told
    }
}

impl Told {
    /// Requests per second.
    pub(crate) fn rate(&self) -> f64 {
        self.requests as f64 * 1e6 / self.micros as f64
    }

    /// How long so many per cent of the requests took at most, milliseconds.
    pub(crate) fn quantile(&self, percent: f64) -> f64 {
        let found = self.quantiles.iter().find(|(known, _)| *known == percent);
        found.expect("a quantile that load.lua knows").1 as f64 / 1e3
    }

    pub(crate) fn quantiles(&self) -> impl Iterator<Item = (f64, f64)> {
        let quantiles = self.quantiles.iter();
        quantiles.map(|(percent, micros)| (*percent, *micros as f64 / 1e3))
    }
}
