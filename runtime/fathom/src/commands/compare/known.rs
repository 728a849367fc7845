//! What is known of a function at Google: calls that were made by us, series of Cloud Monitoring, entries of Cloud Logging; put
//! together call by call. Files of it are read and written in `exported`. Compares nothing.

use super::{drive::Driven, repeats};
use crate::{
    google::Generation,
    import::{google_log::Log, monitoring},
    near,
};
use anyhow::{Context, bail};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::{Duration, SystemTime},
};
use trace::{Bytes, Deployed, DeployedCall, Input, Measured, Nanos, Outcome};

/// Everything that is known.
#[derive(Default)]
pub(super) struct Known {
    pub(super) url: Option<String>,
    pub(super) driven: Vec<Driven>,
    pub(super) series: Vec<Value>,
    pub(super) entries: Vec<Value>,
    /// What of it could not be used, a sentence each.
    pub(super) notes: Vec<String>,
}

/// Which function is meant, and what is said of it.
pub(super) struct Names<'a> {
    pub(super) wanted: Option<&'a str>,
    /// Its name where nobody knows one there.
    pub(super) otherwise: &'a str,
    pub(super) configured_mb: Option<u64>,
    pub(super) region: Option<&'a str>,
    pub(super) generation: Generation,
}

impl Known {
    /// Something that is to be said beside what was compared.
    pub(super) fn note(&mut self, what: impl Into<String>) {
        self.notes.push(what.into());
    }

    /// What is known twice is known once.
    pub(super) fn drop_repeats(&mut self) {
        repeats::drop_calls(&mut self.driven);
        repeats::drop_points(&mut self.series);
        repeats::drop_entries(&mut self.entries);
    }

    /// When the first call was made.
    pub(super) fn began(&self) -> Option<SystemTime> {
        let first = self.driven.iter().map(|call| call.began_unix_ms).min()?;
        SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(first))
    }

    /// Whether series of memory reach to the end of the last call that was made, by whomever the calls in them were made.
    pub(super) fn is_seen_to_the_end(&self, series: &[Value]) -> bool {
        let last = self.driven.iter().map(ended).max().unwrap_or(0);
        let of_memory = series.iter().filter(|s| is_of_memory(monitoring::kind(s)));
        of_memory
            .flat_map(monitoring::measured)
            .any(|measured| measured.to_unix_ms >= last)
    }

    /// What the series say it is, else the entries, else the address.
    pub(super) fn generation(&self) -> Generation {
        let has_series = |of: &str| {
            let mut series = self.series.iter();
            series.any(|series| monitoring::kind(series).starts_with(of))
        };
        let is_revision = |entry: &Value| entry["resource"]["type"] == "cloud_run_revision";
        let host = self.url.as_deref().and_then(|url| url.split('/').nth(2));
        let is_of_run = host.is_some_and(|host| host.ends_with(".run.app"));
        match () {
            () if has_series("run.") => Generation::Second,
            () if has_series("cloudfunctions.") => Generation::First,
            () if self.entries.iter().any(is_revision) || is_of_run => Generation::Second,
            () => Generation::First,
        }
    }

    /// The function, call by call and minute by minute. What of it could not be used is added to the notes.
    pub(super) fn deployed(&mut self, names: &Names<'_>) -> anyhow::Result<Deployed> {
        let is_there = |value: &&Value| match (names.region, region(value)) {
            (Some(wanted), Some(region)) => wanted == region,
            _ => true,
        };
        let numbered = self.entries.iter().filter(is_there).cloned().enumerate();
        let log = Log::of(numbered.map(|(at, entry)| (at + 1, Ok(entry))));
        let function = self.function(&log, names)?;
        self.check_region(&function, names.region)?;
        let mut notes = left_out(&log);
        let mut no_distributions = 0;
        let is_meant = |name: Option<&str>| name.is_none_or(|name| name == function);
        let mut deployed = Deployed {
            calls: self.calls(&log, is_meant),
            is_memory_of_calls: names.generation == Generation::First,
            configured_mb: names.configured_mb,
            function: function.clone(),
            ..Deployed::default()
        };
        let series = self.series.iter().filter(is_there);
        for series in series.filter(|s| is_meant(monitoring::name(s))) {
            let measured = monitoring::measured(series);
            let scaled = |factor: f64| {
                move |measured: Measured| Measured {
                    values: measured.values.scaled(factor),
                    ..measured
                }
            };
            match (monitoring::kind(series), names.generation) {
                (monitoring::MEMORY, Generation::First) => deployed.memory.extend(measured),
                (monitoring::TIMES, Generation::First) => deployed.times.extend(measured),
                (monitoring::RUN_MEMORY, Generation::Second) => {
                    let mb = names.configured_mb.context(
                        "Cloud Run tells memory as a share of the limit: say what that is there with --gcf-memory",
                    )?;
                    deployed
                        .memory
                        .extend(measured.map(scaled((mb << 20) as f64)));
                }
                (monitoring::RUN_TIMES, Generation::Second) => {
                    deployed.times.extend(measured.map(scaled(1e6)));
                }
                _ => continue,
            }
            no_distributions += monitoring::no_distributions(series);
        }
        if no_distributions > 0 {
            notes.push(format!(
                "points of Cloud Monitoring that are no distributions, which are left out: {no_distributions}"
            ));
        }
        self.notes.extend(notes);
        if deployed.calls.is_empty() && deployed.memory.is_empty() && deployed.times.is_empty() {
            bail!("nothing is known there of a call of `{function}`");
        }
        Ok(deployed)
    }

    /// The one that is wanted, or the only one that is known.
    fn function(&self, log: &Log, names: &Names<'_>) -> anyhow::Result<String> {
        let of_series = self.series.iter().filter_map(monitoring::name);
        let of_log = log.said.iter().filter_map(|said| said.function.as_deref());
        let known: BTreeSet<&str> = of_series.chain(of_log).collect();
        let listed = || known.iter().copied();
        match (names.wanted, known.len()) {
            (Some(wanted), 1..) if !known.contains(wanted) => bail!(
                "nothing is known there of a function `{wanted}`{}",
                near::did_you_mean(wanted, listed())
            ),
            (Some(wanted), _) => Ok(wanted.to_owned()),
            (None, 0) => Ok(names.otherwise.to_owned()),
            (None, 1) => Ok(listed().collect()),
            (None, _) if known.contains(names.otherwise) => Ok(names.otherwise.to_owned()),
            (None, _) => bail!(
                "several functions are known there, say which with --gcf-function: {}",
                listed().collect::<Vec<&str>>().join(", ")
            ),
        }
    }

    /// Refuses to take what is in several regions for one function.
    fn check_region(&self, function: &str, wanted: Option<&str>) -> anyhow::Result<()> {
        let all = self.series.iter().chain(&self.entries);
        let of_function = all.filter(|value| monitoring::name(value) == Some(function));
        let known: BTreeSet<&str> = of_function.filter_map(region).collect();
        let listed = || known.iter().copied();
        match wanted {
            Some(wanted) if !known.is_empty() && !known.contains(wanted) => bail!(
                "nothing is known there of `{function}` in the region `{wanted}`: expected {}",
                listed().collect::<Vec<&str>>().join(" or ")
            ),
            None if known.len() > 1 => bail!(
                "`{function}` is in several regions there, say which with --region: {}",
                listed().collect::<Vec<&str>>().join(", ")
            ),
            _ => Ok(()),
        }
    }

    /// Calls that are known one by one: those that were made by us, with what the log says of each, and the others of the log.
    fn calls(&self, log: &Log, is_meant: impl Fn(Option<&str>) -> bool) -> Vec<DeployedCall> {
        let mut calls: Vec<DeployedCall> = self.driven.iter().map(call_made).collect();
        let mut by_id: HashMap<&str, usize> = HashMap::new();
        for (at, driven) in self.driven.iter().enumerate() {
            let ids = [&driven.execution_id, &driven.call_id];
            let ids = ids.into_iter().flatten();
            let ids = ids.chain([&driven.trace]).chain(&driven.sent_trace);
            by_id.extend(ids.map(|id| (id.as_str(), at)));
        }
        let mut others: HashMap<String, usize> = HashMap::new();
        let mut requests: HashMap<usize, &str> = HashMap::new();
        for said in log
            .said
            .iter()
            .filter(|said| is_meant(said.function.as_deref()))
        {
            let mut at = place(&said.ids, &by_id, &mut others, &mut calls);
            if let Some(request) = said.request.as_deref()
                && *requests.entry(at).or_insert(request) != request
            {
                // One trace goes through several requests, each of which is a call.
                at = calls.len();
                calls.push(call_told(&said.ids));
            }
            let call = &mut calls[at];
            call.ended_unix_ms = said.at.map(|at| at as u64).or(call.ended_unix_ms);
            if let Some((milliseconds, outcome)) = said.ended {
                call.took = Some(Nanos((milliseconds.max(0.0) * 1e6) as u64));
                call.outcome = outcome;
            }
            if let Some((limit, used)) = said.exceeded {
                call.outcome = Outcome::Limited;
                call.limit = Some(Bytes::from_f64(limit));
                call.memory = Some(Bytes::from_f64(used));
            }
        }
        for record in &log.records {
            let trace = &record.trace;
            let mut ids = record.ids.clone();
            ids.extend(trace.served.as_ref().map(|served| served.id.clone()));
            let at = place(&ids, &by_id, &mut others, &mut calls);
            let call = &mut calls[at];
            call.memory = Some(Bytes(
                trace.committed_peak.0.saturating_add(trace.runtime_base.0),
            ));
            call.outcome = trace.outcome;
            call.took.get_or_insert(trace.wall);
            let took = trace.wall.0 / 1_000_000;
            let ended = trace.started_unix_ms.saturating_add(took);
            call.ended_unix_ms.get_or_insert(ended);
            call.input.get_or_insert_with(|| trace.input.clone());
        }
        calls
    }
}

fn is_of_memory(kind: &str) -> bool {
    kind == monitoring::MEMORY || kind == monitoring::RUN_MEMORY
}

/// Where the call with one of these ids is; where none is, a new one.
fn place(
    ids: &[String],
    by_id: &HashMap<&str, usize>,
    others: &mut HashMap<String, usize>,
    calls: &mut Vec<DeployedCall>,
) -> usize {
    // The name of a trace ends in its id: projects/P/traces/ID.
    let bare = |id: &String| id.rsplit('/').next().unwrap_or_default().to_owned();
    let made = ids.iter().find_map(|id| by_id.get(bare(id).as_str()));
    if let Some(at) = made.or_else(|| ids.iter().find_map(|id| others.get(&bare(id)))) {
        return *at;
    }
    let at = calls.len();
    others.extend(ids.iter().map(|id| (bare(id), at)));
    calls.push(call_told(ids));
    at
}

/// A call of which somebody else tells.
fn call_told(ids: &[String]) -> DeployedCall {
    DeployedCall {
        id: ids.first().cloned().unwrap_or_default(),
        input: None,
        ended_unix_ms: None,
        took: None,
        round_trip: None,
        outcome: Outcome::Succeeded,
        memory: None,
        limit: None,
    }
}

/// A call of ours, as far as its caller knows it.
fn call_made(driven: &Driven) -> DeployedCall {
    let took = Nanos((driven.seconds.max(0.0) * 1e9) as u64);
    let input: Input = driven.input.clone();
    DeployedCall {
        id: driven.execution_id.clone().unwrap_or(driven.trace.clone()),
        input: Some(input),
        ended_unix_ms: Some(ended(driven)),
        took: None,
        round_trip: Some(took),
        outcome: match driven.status {
            200..=399 => Outcome::Succeeded,
            408 | 504 => Outcome::TimedOut,
            _ => Outcome::Failed,
        },
        memory: None,
        limit: None,
    }
}

/// When a call of ours ended by the clock here, milliseconds since 1970-01-01 UTC.
pub(super) fn ended(driven: &Driven) -> u64 {
    let took = (driven.seconds.max(0.0) * 1e3) as u64;
    driven.began_unix_ms.saturating_add(took)
}

/// The region of a series, or of an entry.
fn region(value: &Value) -> Option<&str> {
    let labels = &value["resource"]["labels"];
    ["region", "location"]
        .into_iter()
        .find_map(|name| labels[name].as_str())
}

/// Why entries are no calls, and how many.
fn left_out(log: &Log) -> Vec<String> {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, no) in &log.left_out {
        *counted.entry(&no.why).or_default() += 1;
    }
    let counted = counted.into_iter();
    counted
        .map(|(why, how_many)| format!("entries of the log that are left out ({why}): {how_many}"))
        .collect()
}
