//! Which call there belongs to which input here, and which minute of a distribution to which calls. A minute is one of calls that
//! are all known when as many ended in it as it has values: the mean of the distribution is exact, so it is compared with the
//! mean of the same calls here.

use crate::statistics::mean;
use std::collections::HashMap;
use trace::{CloudPoint, Deployed, Measured, Outcome, Trace};

/// What was measured here, by the digest of the input.
pub(super) struct Local {
    inputs: HashMap<String, Measurement>,
}

#[derive(Default)]
struct Measurement {
    /// The largest of its repeats, bytes.
    memory: f64,
    /// That of each repeat.
    memories: Vec<f64>,
    /// Seconds of each repeat that had the machine alone.
    seconds: Vec<f64>,
    cpu_seconds: Vec<f64>,
}

impl Local {
    pub(super) fn of(traces: &[Trace]) -> Local {
        let mut inputs: HashMap<String, Measurement> = HashMap::new();
        for call in traces.iter().filter(|call| call.is_measurement()) {
            let input = inputs.entry(call.input.digest.clone()).or_default();
            input.memory = input.memory.max(call.committed_peak.as_f64());
            input.memories.push(call.committed_peak.as_f64());
            if call.wall.0 > 0 && !call.contended {
                input.seconds.push(call.wall.as_seconds());
                input.cpu_seconds.push(call.cpu.as_seconds());
            }
        }
        Local { inputs }
    }

    pub(super) fn inputs(&self) -> usize {
        self.inputs.len()
    }

    pub(super) fn memory(&self, digest: &str) -> Option<f64> {
        self.inputs.get(digest).map(|input| input.memory)
    }

    /// The memories of all calls, bytes, ascending: a cloud counts an input as often as it occurs, too.
    pub(super) fn memories(&self) -> Vec<f64> {
        let inputs = self.inputs.values();
        let mut all: Vec<f64> = inputs.flat_map(|i| i.memories.iter().copied()).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    /// The mean time of each input that was timed, ascending.
    pub(super) fn seconds(&self) -> Vec<f64> {
        let timed = self.inputs.values();
        let mut all: Vec<f64> = timed.filter_map(|input| mean(&input.seconds)).collect();
        all.sort_by(f64::total_cmp);
        all
    }

    fn seconds_of(&self, digest: &str) -> Option<f64> {
        mean(&self.inputs.get(digest)?.seconds)
    }

    /// The share of its time in which it computed.
    pub(super) fn cpu_share(&self, digest: &str) -> Option<f64> {
        let input = self.inputs.get(digest)?;
        Some((mean(&input.cpu_seconds)? / mean(&input.seconds)?).clamp(0.0, 1.0))
    }
}

/// A call there.
pub(super) struct JoinedCall {
    /// Of its input, where that is known.
    pub(super) digest: Option<String>,
    /// Whether the input was measured here.
    pub(super) is_local: bool,
    /// As the cloud says it.
    pub(super) seconds: Option<f64>,
    /// As its caller has waited.
    waited: Option<f64>,
    /// Its own memory, bytes.
    pub(super) memory: Option<f64>,
}

/// What belongs to each other.
#[derive(Default)]
pub(super) struct Joined {
    /// Those that succeeded.
    pub(super) calls: Vec<JoinedCall>,
    /// Those that did not: they are billed, and nothing else is compared of them.
    pub(super) failed: Vec<JoinedCall>,
    pub(super) points: Vec<CloudPoint>,
    /// Values of distributions that are in `points`.
    pub(super) values: u64,
    /// Calls with inputs that were not measured here.
    pub(super) elsewhere: usize,
    /// Minutes whose calls are not all known.
    pub(super) open_minutes: usize,
}

impl JoinedCall {
    /// Seconds: as the cloud says it, else as its caller has waited, network and cold start included.
    pub(super) fn lasted(&self) -> Option<f64> {
        self.seconds.or(self.waited)
    }
}

impl Joined {
    /// How many calls are timed by their caller alone.
    pub(super) fn timed_by_caller(&self) -> usize {
        let by_caller = |call: &&JoinedCall| call.seconds.is_none() && call.waited.is_some();
        self.calls.iter().filter(by_caller).count()
    }

    /// Seconds here and there, of each call with an input that was timed here.
    pub(super) fn times(&self, local: &Local) -> Vec<(f64, f64)> {
        let both = self.calls.iter().filter_map(|call| {
            let here = local.seconds_of(call.digest.as_deref()?)?;
            Some((here, call.lasted()?))
        });
        both.filter(|(here, there)| *here > 0.0 && *there > 0.0)
            .collect()
    }
}

pub(super) fn join(local: &Local, deployed: &Deployed) -> Joined {
    let mut joined = Joined::default();
    // Those of which a distribution may tell the memory: by their ends, as a place in `joined.calls`.
    let mut ended: Vec<(u64, Option<usize>)> = Vec::new();
    for call in &deployed.calls {
        let here = call
            .input
            .as_ref()
            .and_then(|input| local.memory(&input.digest));
        let known = JoinedCall {
            digest: call.input.as_ref().map(|input| input.digest.clone()),
            is_local: here.is_some(),
            seconds: call.took.map(|took| took.as_seconds()),
            waited: call.round_trip.map(|waited| waited.as_seconds()),
            memory: call.memory.map(|bytes| bytes.as_f64()),
        };
        if call.outcome != Outcome::Succeeded {
            joined.failed.push(known);
            ended.extend(call.ended_unix_ms.map(|at| (at, None)));
            continue;
        }
        if call.input.is_some() && here.is_none() {
            joined.elsewhere += 1;
        }
        if let (Some(input), Some(here), Some(there)) = (&call.input, here, call.memory) {
            joined.points.push(CloudPoint {
                label: input.label.clone(),
                calls: 1,
                local_bytes: here,
                cloud_bytes: there.as_f64(),
            });
        }
        ended.extend(call.ended_unix_ms.map(|at| (at, Some(joined.calls.len()))));
        joined.calls.push(known);
    }
    if deployed.is_memory_of_calls {
        for minute in &deployed.memory {
            of_minute(local, deployed, minute, &ended, &mut joined);
        }
    }
    joined
}

/// Takes a minute whose calls are all known for what it says of them.
fn of_minute(
    local: &Local,
    deployed: &Deployed,
    minute: &Measured,
    ended: &[(u64, Option<usize>)],
    joined: &mut Joined,
) {
    // One minute may have a series for each size that was configured.
    let of_minute = deployed
        .memory
        .iter()
        .filter(|m| (m.from_unix_ms, m.to_unix_ms) == (minute.from_unix_ms, minute.to_unix_ms));
    let is_only = of_minute.count() == 1;
    let inside = ended
        .iter()
        .filter(|(at, _)| *at > minute.from_unix_ms && *at <= minute.to_unix_ms);
    let inside: Vec<Option<usize>> = inside.map(|(_, place)| *place).collect();
    let here: Option<Vec<f64>> = inside
        .iter()
        .map(|place| local.memory(joined.calls[(*place)?].digest.as_deref()?))
        .collect();
    let count = minute.values.count;
    let Some(here) = here.filter(|here| is_only && count > 0 && here.len() as u64 == count) else {
        joined.open_minutes += 1;
        return;
    };
    joined.values += count;
    if let [Some(only)] = inside[..] {
        let is_told = joined.calls[only].memory.is_some();
        joined.calls[only].memory.get_or_insert(minute.values.mean);
        if is_told {
            // Its own record is a point already.
            return;
        }
    }
    joined.points.push(CloudPoint {
        label: match &inside[..] {
            [Some(only)] => label(deployed, joined.calls[*only].digest.as_deref()),
            _ => format!("{count} calls of a minute"),
        },
        calls: count,
        local_bytes: mean(&here).unwrap_or(0.0),
        cloud_bytes: minute.values.mean,
    });
}

fn label(deployed: &Deployed, digest: Option<&str>) -> String {
    let mut inputs = deployed.calls.iter().filter_map(|call| call.input.as_ref());
    let found = inputs.find(|input| Some(input.digest.as_str()) == digest);
    found.map_or(String::new(), |input| input.label.clone())
}
